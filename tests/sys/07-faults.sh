#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel daemon
# Faults of drivers and of the machine: timeouts, failures, killed entities, reloads.
. tests/sys/lib.sh
loops=${EARMARK_LOOPS:-$([[ -n ${EARMARK_DEBUG-} ]] && echo 1000 || echo 100)}
up gpus=2 rings=1 depth=4 timeout_ms=300

mkdir -p $CG/good $CG/failing $CG/hanging $CG/killed
in_cg $CG/failing "$SIM/simjob" -g 0 -n 2 -d 10000 -q 4 -w 1 -F fail >/dev/null 2>&1
in_cg $CG/hanging "$SIM/simjob" -g 0 -n 1 -d 10000 -q 1 -w 2 -F hang >/dev/null 2>&1
in_cg $CG/killed timeout -s KILL 1 "$SIM/simjob" -g 0 -n 500 -d 10000 -q 64 -w 3 >/dev/null 2>&1
in_cg $CG/good "$SIM/simjob" -g 0 -n 50 -d 10000 -q 4 -w 4 >/dev/null
sync_ledger
is "a failed run_job is charged nothing" "$(job busy_us failing)" "$(($(oracle_busy 1) / 1000))"
t "a hang that was reset was real time" [ "$(job busy_us hanging)" -ge 250000 ]
busy_is "a killed entity is charged what the hardware ran" "$(job busy_us killed)" "$(oracle_busy 3)"
busy_is "the next job is right" "$(job busy_us good)" "$(oracle_busy 4)"
is "no interval's sum is broken" "$(sql "SELECT count(*) FROM interval WHERE flags & 2")" 0
check_conservation

if [[ $MODE == kernel ]]; then
	t "rmmod is refused while BPF is attached" bash -c '! rmmod earmark 2>/dev/null'
	t "the driver's scheduler too: its probes hold no reference" bash -c "grep -q '^gpu_sched' /proc/modules"
fi
daemon_down
t "earmark sensor unpin" em sensor unpin
t "then the driver can be unloaded" rmmod simgpu
modprobe -r gpu_sched 2>/dev/null
t "… and its scheduler" bash -c '! grep -q "^gpu_sched" /proc/modules'
sim_up gpus=2 rings=1 depth=4

if [[ $MODE == kernel ]]; then
	(while [[ ! -e $W/stop ]]; do "$SIM/simjob" -g 0 -n 100 -d 200 -q 4 -w 5 >/dev/null; done) &
	worker=$!
	fine=0
	for ((i = 0; i < loops; i++)); do
		unload earmark && insmod "$B/$R/earmark.ko" period_ns=20000000 && fine=$((fine + 1))
	done
	touch "$W/stop"
	wait $worker
	is "$loops unloads and loads with jobs running" $fine "$loops"
	fail=/sys/kernel/debug/failslab
	if [[ -d $fail ]]; then
		echo 10 >$fail/probability && echo -1 >$fail/times && echo 0 >$fail/verbose
		echo Y >$fail/task-filter
		bash -c 'echo 1 >/proc/self/make-it-fail; for i in $(seq 20); do '"$SIM/simjob -g 0 -n 20 -d 200 -q 4"' >/dev/null 2>&1; done'
		for ((i = 0; i < 50; i++)); do
			bash -c 'echo 1 >/proc/self/make-it-fail; exec '"$B/earmark tag set --cgroup $CG/good alignment" >/dev/null 2>&1
		done
		echo 0 >$fail/probability
		daemon_up
		sync_ledger
		is "allocation failures break no sum" "$(sql "SELECT count(*) FROM interval WHERE flags & 2")" 0
		check_conservation
	else
		skip "allocation failures" "this kernel has no failslab (make check-debug has)"
	fi
fi
