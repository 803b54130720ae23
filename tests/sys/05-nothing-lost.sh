#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel daemon
# The daemon dies at random moments and stays away: no nanosecond is lost, none counted twice.
. tests/sys/lib.sh
PERIOD=100ms
kills=${EARMARK_KILLS:-50}
up gpus=2 rings=1 depth=4

mkdir -p $CG/a $CG/b
em tag set --cgroup $CG/a alignment >/dev/null
em tag set --cgroup $CG/b capabilities >/dev/null
(while [[ ! -e $W/stop ]]; do in_cg $CG/a "$SIM/simjob" -g 0 -n 20 -d 10000 -q 4 -w 1 >/dev/null; done) &
a=$!
(while [[ ! -e $W/stop ]]; do in_cg $CG/b "$SIM/simjob" -g 1 -n 30 -d 10000 -q 4 -w 2 >/dev/null; done) &
b=$!
for ((i = 0; i < kills; i++)); do
	sleep "0.$((RANDOM % 9 + 1))"
	daemon_down -KILL
	daemon_up
done
daemon_down -KILL
echo "# without the daemon for 400 intervals of $PERIOD"
sleep 40
daemon_up
touch "$W/stop"
wait $a $b
sleep 0.3
sync_ledger

for job in a:1 b:2; do
	busy_is "after $kills kills: busy of job ${job%:*} is the hardware clock's" \
		"$(job busy_us "${job%:*}")" "$(oracle_busy "${job#*:}")"
done
is "every completion is in the record, once" \
	"$(sql "SELECT sum(done) FROM engine_usage")" $(($(oracle_jobs 1) + $(oracle_jobs 2)))
is "no interval twice" "$(sql "SELECT (SELECT sum(number - first + 1) FROM interval) - (SELECT count(*) FROM header)")" 0
is "none is missing" "$(sql "SELECT sum(d != 1) FROM (SELECT number -
	lag(number) OVER (PARTITION BY load ORDER BY number) AS d FROM header) WHERE d IS NOT NULL")" 0
t "the ledger verifies after all of it" em ledger verify --key "$LEDGER/key.pub" "$LEDGER"
if [[ $MODE == kernel ]]; then
	t "the module sealed all the while" [ "$(sql "SELECT count(*) FROM header")" -gt 400 ]
else
	t "without the module one interval spans the absence, stretched" \
		[ "$(sql "SELECT count(*) FROM interval WHERE flags & 1 AND end - start > 30000000000")" -ge 1 ]
fi
is "nothing unattributed" "$(report .unattributed_us)" 0
check_conservation

if [[ $MODE == kernel ]]; then
	# A full keep stretches the open interval instead of dropping one.
	daemon_down
	em sensor unpin >/dev/null
	unload earmark
	kmod_up keep=65536 period_ns=20000000
	in_cg $CG/a "$SIM/simjob" -g 0 -n 10 -d 10000 -q 4 -w 3 >/dev/null
	sleep 10
	daemon_up
	sync_ledger
	t "a full keep stretches" [ "$(sql "SELECT count(*) FROM interval WHERE flags & 1")" -ge 1 ]
	want=$(($(oracle_jobs 1) + $(oracle_jobs 2) + $(oracle_jobs 3)))
	is "… and loses nothing" "$(sql "SELECT sum(done) FROM engine_usage")" $want
	check_conservation
fi
