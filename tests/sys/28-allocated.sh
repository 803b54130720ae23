#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: native
# What a scheduler gave to jobs: who may say so and how it is refused, and reports and commitments
# by that clock, from a ledger and from a scheduler's history.
. tests/sys/lib.sh

if ! command -v curl >/dev/null; then
	skip "allocated" "curl is not installed: make deps"
	exit
fi
if [[ ! -x $B/unit/ledger_fixture ]]; then
	skip "allocated" "build/unit/ledger_fixture is not built: make unit"
	exit
fi

# says BODY - what the daemon answers
says() { curl -s --unix-socket "$SOCKET" -d "$1" http://x/v1/allocations; }
GIVE='{"cgroup":"/none-such","action":"give","gpus":["226:128"],"ref":"c.1"}'

daemon_up
chmod 755 "$W"
chmod 666 "$SOCKET"
t "only root says what a job was given" grep -q 'only root may say' <<<"$(
	setpriv --reuid=65534 --regid=65534 --clear-groups curl -s --unix-socket "$SOCKET" \
		-d "$GIVE" http://x/v1/allocations)"
if [[ $(curl -s --unix-socket "$SOCKET" http://x/v1/status | jq -r .recorded_by) == null ]]; then
	t "where nobody records nothing is given" grep -q 'nothing is recorded' <<<"$(says "$GIVE")"
else
	t "a GPU that is not here is refused" grep -q 'no GPU' <<<"$(says "$GIVE")"
fi
daemon_down
is "no note says that something was given" \
	"$(em --json ledger list 2>/dev/null | jq '[.. | objects | select(.kind? == "allocation")] | length')" 0

# --- by that clock ---
rm -rf "$LEDGER"
"$B/unit/ledger_fixture" "$LEDGER" 5 30 60
until_=$(date -u -d "$(em --json report | jq -r .window.end) + 1 second" +%FT%TZ)
clock() { em --json report --until "$until_" --clock "$1" | jq -r "$2"; }
is "allocated: 5 min x 60 % and all of a GPU" "$(clock allocated .allocated_us)" 480000000
is "its share" "$(clock allocated '.alignment_share.proven | .num / .den')" 0.375
is "gpu-time is another clock" "$(clock gpu-time '.alignment_share.proven | .num / .den')" 0.3
t "people read it" grep -q 'OF ALLOCATED' <<<"$(em report --clock allocated)"

# promise SHARE - a floor of it
promise() {
	cat >"$COMMITMENTS" <<EOP
commitments:
  - name: given
    kind: floor
    purpose: alignment
    share: $1
    window: rolling 4m
    of: allocated
    clock: allocated
    mixed: unresolved
    require_tagged_by: self
    min_coverage: 0%
    prove_within: 1d
EOP
}
verdict() { em --json commitment check --file "$COMMITMENTS" --at "$until_" | jq -r '.commitments[0].status'; }
promise 30%
is "a floor of what was allocated is kept" "$(verdict)" MET
promise 31%
is "… and what is allocated and not worked is padding" "$(verdict)" UNPROVEN
promise 38%
is "… and one above it is not" "$(verdict)" BREACHED

# --- a scheduler's history is of what it gave ---
"$B/earmark" replay --map docs/example/map.yaml --capacity 64 --ledger "$W/history" --columns \
	submit=submit_time,start=start_time,duration=seconds,gpus=gpu_count,group=team \
	docs/example/jobs.csv >"$W/replay.log" 2>&1 || sed "s/^/# /" "$W/replay.log"
replayed() { "$B/earmark" --json --ledger "$W/history" report --clock allocated | jq -e "$1" >/dev/null; }
t "of a replayed ledger all that was used was allocated" replayed '.allocated_us > 0 and .allocated_us == .used_us'
rm -rf "$W"
