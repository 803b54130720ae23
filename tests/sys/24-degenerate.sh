#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: native
# Records that say almost nothing: every probe and the report answer, or say in a sentence why they
# do not; never "nan" or "inf", and what is JSON is JSON.
. tests/sys/lib.sh

T0=1772323200 # 2026-03-01, a Sunday
cat >"$W/map.yaml" <<-'YAML'
	rules:
	  - match: { group: "a*" }
	    purpose: alignment
	  - match: { group: "c*" }
	    purpose: capabilities
YAML

# record NAME ARG... - a ledger of the CSV on standard input
record() {
	local name=$1
	shift
	(echo "start,duration,gpus,group" && cat) >"$W/$name.csv"
	"$B/earmark" replay --map "$W/map.yaml" --ledger "$W/$name" --no-requests "$@" "$W/$name.csv" \
		>"$W/out" 2>&1 || not_ok "a ledger \"$name\": $(cat "$W/out")"
}

# days N GROUP... - every day each group has a job of six hours on two GPUs
days() {
	local n=$1
	shift
	for ((d = 0; d < n; d++)); do
		for group; do echo "$((T0 + d * 86400)),21600,2,$group"; done
	done
}

echo "$T0,3600,2,a" | record one --capacity 4
days 30 a | record alignment --capacity 4
days 30 x | record untagged --capacity 4
days 120 a c | record constant --capacity 4
days 120 a c | record full # no capacity: nothing is idle
mkdir "$W/empty"
"$B/earmark" --ledger "$W/empty" event record --author nobody --reason "a first entry" nothing >"$W/out" 2>&1 ||
	not_ok "an empty ledger: $(cat "$W/out")"

# said WHAT ARG... - status 0, 1 or 2, some words, no number that is none; JSON goes to $W/json
said() {
	local what=$1 rc bad="" out
	shift
	out=$("$B/earmark" "$@" 2>&1)
	rc=$?
	((rc <= 2)) || bad="status $rc"
	[[ $out =~ [a-z]{2} ]] || bad+=" said nothing"
	[[ ! ${out,,} =~ (^|[^a-z])(nan|inf)([^a-z]|$) ]] || bad+=" says ${BASH_REMATCH[0]}"
	if [[ " $* " == *" --json "* ]]; then
		# what is refused as a whole is a sentence on standard error, or an object that holds it
		[[ $out == [\{[]* ]] || ((rc == 2)) || bad+=" no JSON"
		[[ $out != [\{[]* ]] || echo "$out" >>"$W/json"
	fi
	[[ -z $bad ]] || echo "# $what: earmark $*: $bad"
	[[ -z $bad ]]
}

windows=("" "--since 2020-01-01 --until 2020-02-01" "--window 1s" "--since 2026-03-01T00:30:00Z --until 2026-03-01T00:30:01Z")
pairs=("" "--before 2020-01-01/2020-01-08 --after 2020-02-01/2020-02-08"
	"--before 2026-03-01/2026-03-02 --after 2026-03-02/2026-03-03")
mapfile -t probes < <("$B/earmark" probe --help | sed -n 's/^  earmark probe \([a-z-]*\) .*/\1/p')
t "every probe is known" test ${#probes[@]} -ge 14

is_json() { jq -e . "$1" >/dev/null; }

# sweep LEDGER - every probe and every form of the report, with every window
sweep() {
	local ledger=$W/$1 probe by w count=0 failed=0
	for w in "${windows[@]}"; do
		for probe in "${probes[@]}"; do
			[[ $probe != drill-plan ]] || continue # of no ledger
			[[ -z $w || $probe != all ]] || continue # is all the others
			# shellcheck disable=SC2086
			said "$1" --ledger "$ledger" --json probe "$probe" $w || failed=$((failed + 1))
			count=$((count + 1))
		done
		for by in "" purpose project job gpu user; do
			# shellcheck disable=SC2086
			said "$1" --ledger "$ledger" --json report ${by:+--by $by} $w || failed=$((failed + 1))
			count=$((count + 1))
		done
	done
	for w in "${pairs[@]}"; do
		for probe in financing scale relabel; do
			# shellcheck disable=SC2086
			said "$1" --ledger "$ledger" --json probe $probe $w || failed=$((failed + 1))
			count=$((count + 1))
		done
	done
	# for people, and with what has to be declared
	for w in "probe all" report "report --by job" "probe gate --size 0.001" "probe gate --size 1e9" \
		"probe drift --baseline 2026-03-01/2026-03-02" "probe drift --at 2026-03-02" \
		"probe constraint --researchers 0:0" "probe drill-analyse --hold 1s"; do
		# shellcheck disable=SC2086
		said "$1" --ledger "$ledger" $w || failed=$((failed + 1))
		count=$((count + 1))
	done
	is "$1: each of $count answers is an answer" $failed 0
	t "$1: their JSON is JSON" is_json "$W/json"
	t "… and there is some" test "$(wc -l <"$W/json")" -gt 50
	: >"$W/json"
}

for ledger in empty one alignment untagged constant full; do
	sweep $ledger
done

# a few that must say what they say
ask() { "$B/earmark" --ledger "$W/$1" "${@:2}" 2>&1; }
is "empty: no share" "$(ask empty --json report | jq .alignment_share.proven)" null
is "untagged: nothing is proven" "$(ask untagged --json report | jq .alignment_share.proven.num)" 0
is "untagged: all is possible" "$(ask untagged --json report |
	jq '.alignment_share.possible | .num == .den')" true
is "alignment alone: all is proven" "$(ask alignment --json report |
	jq '.alignment_share.proven | .num == .den and .num > 0')" true
ask constant probe drift >"$W/out"
is "constant: a share that does not vary has no drift to be told from" $? 2
t "… and it says so" grep -q "does not vary" "$W/out"
ask one probe scale >"$W/out"
t "one interval: two windows of one hour are not to be had, or nothing ran in one" \
	grep -qE "no answer|all of it is scale|nothing ran" "$W/out"
