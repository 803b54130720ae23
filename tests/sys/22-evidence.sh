#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: native
# The ledger as evidence: read by other people's code, carried away, witnessed, forged.
. tests/sys/lib.sh

# refused_so WHAT REGEX COMMAND... - it says that it is not so, and why: status 1
refused_so() {
	local what=$1 want=$2 out rc
	shift 2
	out=$("$@" 2>&1)
	rc=$?
	if ((rc == 1)) && [[ $out =~ $want ]]; then ok "$what"; else not_ok "$what: status $rc, said: $out"; fi
}

chmod 755 "$W"
t "a history becomes a ledger" em replay --map docs/example/map.yaml --capacity 64 \
	--columns submit=submit_time,start=start_time,duration=seconds,gpus=gpu_count,group=team \
	--ledger "$LEDGER" docs/example/jobs.csv
key=$(em ledger key)
size=$(sed -n 2p "$LEDGER/checkpoint")
t "it has more than a bundle of entries" [ "$size" -gt 256 ]
t "it verifies" em ledger verify --key "$key" "$LEDGER"
is "… and says so as JSON" "$(em --json ledger verify --key "$key" "$LEDGER" | jq .verified)" true
purposes() { "$B/earmark" --json --ledger "$1" report | jq -cS .purposes; }
is "shares come out of the log alone as out of the index" \
	"$(em --json ledger verify --key "$key" "$LEDGER" | jq -cS .report.purposes)" "$(purposes "$LEDGER")"

# Go's own packages
mkdir -p "$W/go"
cp tests/interop/interop.go "$W/go/"
if GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$W/go/cache" go build -o "$W/go/interop" "$W/go/interop.go" 2>"$W/go.log"; then
	for i in 0 1 2 128 255 256 $((size - 1)); do
		em --json ledger prove "$i" >"$W/go/p$i.json"
		t "entry $i: our own check of its proof" em ledger check-proof --key "$key" "$W/go/p$i.json"
	done
	for i in 1 2 3 128 255 256 257 $((size - 1)) "$size"; do
		em --json ledger prove-continues "$i" >"$W/go/c$i.json"
	done
	is "Go opens the checkpoint, reads the tiles and checks our proofs" \
		"$("$W/go/interop" "$LEDGER" "$key" "$W"/go/p*.json -- "$W"/go/c*.json 2>&1)" "size $size"
	sed -i 's/"purpose"/"purpos"/' "$W/go/p1.json"
	sed -i 's/"entry": "/"entry": " /' "$W/go/p2.json"
	t "… and refuses a changed one" bash -c "! '$W/go/interop' '$LEDGER' '$key' '$W/go/p2.json'"
	refused_so "so do we" "NOT PROVEN" em ledger check-proof --key "$key" "$W/go/p2.json"
else
	cat "$W/go.log"
	t "Go's packages build" false
fi

refused "a path is no entry" "no number" em ledger show ../../etc/passwd

# carried away
cp "$LEDGER/checkpoint" "$W/kept"
for grade in full hashed totals; do
	em ledger export --privacy $grade --to "$W/$grade" "$LEDGER" >/dev/null
	t "a $grade copy verifies" em ledger verify --key "$key" --from "$W/kept" "$W/$grade"
	is "… with the same shares" "$("$B/earmark" --json --ledger "$W/$grade" report | jq -cS .alignment_share)" \
		"$(em --json report | jq -cS .alignment_share)"
done
t "totals name no job" bash -c "! grep -rqF vision '$W/totals'"

# over the net
python3 -m http.server --bind 127.0.0.1 --directory "$W/full" 18765 >/dev/null 2>&1 &
server=$!
for _ in $(seq 50); do curl -sf http://127.0.0.1:18765/checkpoint >/dev/null && break; sleep 0.1; done
t "it verifies from an address" em ledger verify --key "$key" http://127.0.0.1:18765
kill $server

# forged
cp -r "$W/full" "$W/forged"
bundle=$W/forged/tile/entries/000
sed -i '0,/"gpu_time":\([0-9]\)/s//"gpu_time":9/' "$bundle"
refused_so "a figure that was changed is found, with its entry" "entry [0-9]+" \
	em ledger verify --key "$key" "$W/forged"

# witnessed
"$B/earmark" ledger witness --state "$W/witness" --name w --listen 127.0.0.1:18766 --log-key "$key" >"$W/witness.log" 2>&1 &
witness=$!
for _ in $(seq 50); do [[ -s $W/witness.log ]] && break; sleep 0.1; done
wkey=$(head -n 1 "$W/witness.log")
t "a witness signs" em ledger cosign --witness "$wkey=http://127.0.0.1:18766" "$LEDGER"
t "… and its signature verifies" em ledger verify --key "$key" --witness-key "$wkey" "$LEDGER"
kill $witness
wait $witness 2>/dev/null

# a node whose image is put back from yesterday
LEDGER=$W/live
echo "origin: lab/cluster/node1" >"$W/live.yaml"
daemon_up --config "$W/live.yaml"
daemon_down
live=$(em ledger key)
"$B/earmark" ledger witness --state "$W/witness" --listen 127.0.0.1:18766 --log-key "$live" >"$W/witness.log" 2>&1 &
witness=$!
for _ in $(seq 50); do [[ -s $W/witness.log ]] && break; sleep 0.1; done
printf 'witnesses: ["%s=http://127.0.0.1:18766"]\nwitness_every: 1s\n' "$wkey" >>"$W/live.yaml"
cp -a "$LEDGER" "$W/yesterday"
daemon_up --config "$W/live.yaml"
before=$(sed -n 2p "$W/yesterday/checkpoint")
for _ in $(seq 100); do [[ $(sed -n 2p "$LEDGER/cosigned" 2>/dev/null) -gt $before ]] && break; sleep 0.1; done
t "earmarkd has its checkpoints signed" em ledger verify --key "$live" --witness-key "$wkey" "$LEDGER"
daemon_down
cp "$LEDGER/checkpoint" "$W/live.kept"
rm -r "$LEDGER" && mv "$W/yesterday" "$LEDGER"
refused_so "yesterday's image is found by who kept today's checkpoint" "shrunk" \
	em ledger verify --key "$live" --from "$W/live.kept" "$LEDGER"
daemon_up --config "$W/live.yaml"
daemon_down
is "put back, it is left, and another log begins" "$(head -n 1 "$LEDGER/checkpoint")" "$(sed 's/+.*//' <<<"$live").2"
t "… which says why" bash -c "'$B/earmark' --ledger '$LEDGER' --json ledger show 0 | jq -e '.old.why | test(\"witness w\")'"
is "… and the old one is signed no further" "$(sed -n 2p "$LEDGER/old/1/checkpoint")" "$(sed -n 2p <"$LEDGER/old/1/signed")"
t "the new one verifies, with its own key" em ledger verify --key "$LEDGER/key.pub" "$LEDGER"
kill $witness
wait $witness 2>/dev/null
LEDGER=$W/ledger

# the index is only an index
sqlite3 "$LEDGER/ledger.db" 'UPDATE usage SET gpu_time = gpu_time * 2'
t "an index that was changed is not believed" bash -c "'$B/earmark' --ledger '$LEDGER' report 2>&1 | grep -q 'is not used'"
t "… and is made anew" em ledger reindex
is "… as it was" "$(purposes "$LEDGER")" "$(purposes "$W/full")"
