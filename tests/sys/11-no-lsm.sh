#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: no-lsm
# A kernel booted without BPF LSM: holds are polled. What changed between two walks is unobserved,
# what stayed as it was is claimed; busy is right all the same, and doctor says why.
. tests/sys/lib.sh
PERIOD=2s
t "this kernel has no BPF LSM" bash -c '! grep -q bpf /sys/kernel/security/lsm'

gpu() { sql "SELECT coalesce(sum($1), 0) FROM gpu_usage u JOIN gpu g ON g.id = u.gpu WHERE g.name LIKE '%.$2'"; }
claimed() { sql "SELECT sum(wall - unobserved) FROM gpu_usage"; }

# polled RECORDER
polled() {
	local i idle held before
	MODE=$1 NAME="11-no-lsm $1" LEDGER=$W/ledger-$1
	up gpus=2 rings=1 depth=4
	for ((i = 0; i < 60; i++)); do # the first walks only begin it
		sync_ledger
		[[ $(report .idle_us) -gt 0 ]] && break || sleep 1
	done
	t "an idle GPU is observed between two walks" [ "$(report .idle_us)" -gt 0 ]

	# short: begun and ended between two walks
	sync_ledger
	idle=$(gpu idle 0)
	in_cg "$(cg short)" "$SIM/simjob" -g 0 -n 30 -d 10000 -q 4 -w 1 >/dev/null
	sync_ledger
	is "a hold between two walks is not claimed" "$(job gpu_time_us short)" 0
	busy_is "… its busy is the hardware's" "$(job busy_us short)" "$(oracle_busy 1)"
	is "… and nothing of that GPU is idle meanwhile" "$(gpu idle 0)" "$idle"

	# long: there over many walks
	in_cg "$(cg long)" "$SIM/simjob" -g 1 -n 100 -d 10000 -q 4 -w 2 -s 14 >/dev/null
	sleep 5
	sync_ledger
	held=$(job gpu_time_us long)
	t "a hold over many walks is claimed in part" [ "$held" -gt 4000000 ]
	t "… never more than it was" [ "$held" -le 17000000 ]
	busy_is "… its busy is the hardware's" "$(job busy_us long)" "$(oracle_busy 2)"
	t "all the rest is unobserved" [ "$(report .unobserved_us)" -gt 0 ]
	is "every interval that claims anything says that it was sampled" "$(sql "SELECT count(*) FROM gpu_usage u
		JOIN interval i ON i.id = u.interval WHERE u.wall > u.unobserved AND NOT i.flags & 8")" 0
	t "the report says that holds were polled" [ "$(report .sampled)" -gt 0 ]
	t "doctor says why" grep -q 'lsm=' <(em doctor 2>&1)
	t "… and what stands in" grep -q 'polled' <(em doctor 2>&1)

	# nobody polls: what the module seals by itself claims nothing
	sync_ledger
	before=$(claimed)
	daemon_down -KILL
	sleep 8
	daemon_up
	sync_ledger
	is "nothing is claimed of the time without earmarkd" "$(claimed)" "$before"
	check_conservation
	down
}
polled kernel
polled daemon
