#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: native
# A raw scheduler export becomes the page; the page in a real browser, wide and narrow, with hostile
# names, with nothing to show, with too much.
. tests/sys/lib.sh

columns=submit=submit_time,start=start_time,duration=seconds,gpus=gpu_count,group=team
evil='</script><script>window.pwned=1</script>'
p=$W/pages
mkdir -p "$p"

# history NAME MAP CSV - a ledger of its own
history() {
	"$B/earmark" replay --map "$2" --capacity 64 --columns $columns --ledger "$W/$1" "$3" >/dev/null
}
# page NAME [OPTION...] - its page
page() {
	local name=$1
	shift
	"$B/earmark" --ledger "$W/$name" report --html "$p/$name.html" "$@"
}
# note NAME OBJECT... - into that ledger's record
note() {
	local name=$1
	shift
	"$B/earmark" --ledger "$W/$name" "$@" >/dev/null
}

# from the README: one command
t "a scheduler's export becomes a page in one command" "$B/earmark" replay --map docs/example/map.yaml \
	--capacity 64 --columns $columns --ledger "$W/plain" --html "$p/plain.html" docs/example/jobs.csv
t "a page with promises" page plain --file docs/example/openai-2023.yaml

cat >"$W/kinds.yaml" <<-END
	commitments:
	  - {name: hours, kind: floor, purpose: alignment, amount: 3000 GPU-h, window: rolling 7d}
	  - {name: in-step, kind: growth, purpose: capabilities, window: rolling 7d}
	  - {name: moved, kind: reallocate, purpose: alignment, from: 15%, to: 40%, due: 2026-10-01, window: rolling 7d}
	  - {name: who-decides, kind: gate, purpose: capabilities, gpu_hours: 200, gpus: 8, window: rolling 7d}
	END
t "a page with promises of every kind" bash -c "'$B/earmark' --ledger '$W/plain' report --html '$p/kinds.html' --file '$W/kinds.yaml'"
is "a curve for each of them" "$("$B/earmark" --ledger "$W/plain" --json report --full --file "$W/kinds.yaml" |
	jq -r '[.tracks[] | select(any(.possible[]; . != null)) | .unit] | join(" ")')" "amount ratio share gpu-time gpus"

cat >"$W/evil.yaml" <<-END
	rules:
	  - match: { group: "safety-*" }
	    purpose: alignment
	    project: "$evil"
	  - match: { group: "p*training" }
	    purpose: capabilities
	    project: "<img src=//evil.example/x onerror=window.pwned=2>"
END
sed '2,$s/,\([a-z]*-[0-9]*\)$/,<svg onload=window.pwned=3>\1/' docs/example/jobs.csv >"$W/evil.csv"
cat >"$W/evil-promise.yaml" <<-END
	commitments:
	  - name: "$evil"
	    kind: floor
	    purpose: alignment
	    share: 20%
	    window: rolling 7d
END
t "hostile names are taken in" history evil "$W/evil.yaml" "$W/evil.csv"
for day in 15 22; do
	note evil order --purpose alignment --from 15% --to 60% --add --author "$evil" --reason "$evil" \
		--at 2026-09-$day "$evil $day"
done
note evil event record --author a --reason "$evil" --at 2026-09-25 "$evil"
t "a page of hostile names" page evil
"$B/earmark" --ledger "$W/evil" report --html "$p/evil.html" --file "$W/evil-promise.yaml" 2>/dev/null
is "no name can end the script that carries the data" "$(grep -c "pwned=1</script>" "$p/evil.html")" 0

# nothing, little, nobody's
"$B/earmark" --ledger "$W/plain" report --html "$p/empty.html" --since 1990-01-01 --until 1990-02-01
sed -n 1,2p docs/example/jobs.csv >"$W/one.csv"
history one docs/example/map.yaml "$W/one.csv"
"$B/earmark" --ledger "$W/one" report --html "$p/one.html" --until 2026-09-07T01:00:00Z
echo 'rules: [ { match: { group: nobody }, purpose: mixed } ]' >"$W/untagged.yaml"
history untagged "$W/untagged.yaml" docs/example/jobs.csv
page untagged
page plain --file docs/example/openai-2023.yaml
for name in empty one untagged; do
	t "degenerate: $name: no NaN in the page's data" \
		bash -c "! sed -n '/id=\"document\"/p' '$p/$name.html' | grep -qiE ':-?(nan|inf)'"
done
is "degenerate: sparklines of one interval have no NaN" "$("$B/earmark" --ledger "$W/one" report --text | grep -ciw nan)" 0

# a year
awk 'BEGIN { srand(7); print "submit_time,start_time,seconds,gpu_count,team,user,job"
	split("safety-a pretraining product platform visitor", team, " ")
	for (i = 0; i < 4000; i++) { s = 1756684800 + int(i * 7884); t = strftime("%Y-%m-%d %H:%M:%S", s, 1)
		print t "," t "," 600 + int(rand() * 90000) "," 1 + int(rand() * 4) "," team[1 + int(rand() * 5)] ",u,j" i } }' >"$W/year.csv"
"$B/earmark" replay --map docs/example/map.yaml --capacity 64 --interval 6h --columns $columns \
	--ledger "$W/year" "$W/year.csv" >/dev/null
TIMEFORMAT=%U
used=$({ time page year --file "$W/evil-promise.yaml"; } 2>&1)
echo "# a year: $used s of CPU, $(stat -c %s "$p/year.html") bytes"
t "a year: below 3 s" awk "BEGIN { exit !($used < 3) }"
t "a year: below 2 MB" [ "$(stat -c %s "$p/year.html")" -lt 2000000 ]

# the tables
is "CSV: a row a step, with a header" "$("$B/earmark" --ledger "$W/plain" report --csv | wc -l)" \
	$(($("$B/earmark" --ledger "$W/plain" --json report --full | jq '.series.at | length') + 1))
is "CSV adds up to the report" \
	"$("$B/earmark" --ledger "$W/plain" report --csv | awk -F, 'NR > 1 { n += $3 } END { printf "%.0f", n }')" \
	"$("$B/earmark" --ledger "$W/plain" --json report | jq .purposes.alignment.gpu_time_us)"
is "CSV: no name becomes a formula" "$("$B/earmark" --ledger "$W/evil" report --csv --by project | grep -cE '(^|,)"?[=+@-]')" 0
refused "--by does not go with --html" "--by" "$B/earmark" --ledger "$W/plain" report --by job --html "$W/x"
refused "a page that cannot be written" "cannot be written" "$B/earmark" --ledger "$W/plain" report --html /nowhere/x

if ! command -v chromium >/dev/null; then
	skip "the page in a browser" "no chromium on this machine"
	exit
fi
python3 tests/page/page_test.py "$p" "$NAME"
