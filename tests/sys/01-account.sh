#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel daemon
# Time is conserved and busy time is the hardware's: 8 jobs, 2 GPUs, saturated rings.
. tests/sys/lib.sh
up gpus=2 rings=1 depth=4

# Isolated jobs first: the guest's interrupt latency is all that lies between us and the clock.
cg solo >/dev/null
em tag set --cgroup $CG/solo alignment --project solo >/dev/null
in_cg $CG/solo "$SIM/simjob" -g 0 -n 20 -d 5000 -p 20000 -q 1 -w 99 >"$W/solo.json"
sync_ledger
want=$(oracle_busy 99)
got=$(job busy_us solo)
near "isolated jobs: busy within the interrupt latency (measured $(((got - want / 1000) / 20)) us a job)" \
	"$got" $((want / 1000)) $((want / 1000 / 5))

pids=()
for i in 1 2 3 4 5 6 7 8; do
	cg "busy$i" >/dev/null
	em tag set --cgroup "$CG/busy$i" "$( ((i % 2)) && echo alignment || echo capabilities)" >/dev/null
	in_cg "$CG/busy$i" "$SIM/simjob" -g $((i % 2)) -n 80 -d 10000 -q 8 -w "$i" >"$W/$i.json" &
	pids+=($!)
done
wait "${pids[@]}"
sync_ledger

for i in 1 2 3 4 5 6 7 8; do
	want=$(oracle_busy "$i")
	near "saturated: busy of job $i within 0.1 % of the hardware clock" \
		"$(job busy_us "busy$i")" $((want / 1000)) $((want / 1000000))
done

dry=$(awk '$3 == "total" { n += $8 } END { print n }' /sys/kernel/debug/simgpu/oracle)
echo "# of 660 jobs $dry found the hardware idle, the 20 isolated ones among them"
broken=$(sql "SELECT count(*) FROM interval WHERE flags & 2")
is "no interval's sum is broken" "$broken" 0
check_conservation
is "the printed parts add up" "$(report '.used_us + .idle_us + .unobserved_us == .capacity_us')" true
is "nothing unattributed" "$(report '.unattributed_us')" 0
is "nothing lost" "$(report '[.lost[]] | add')" 0
