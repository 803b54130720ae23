#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel
# Two meters, one truth: the module and BPF watch the same schedule side by side.
. tests/sys/lib.sh
up gpus=2 rings=1 depth=4

# A second daemon, without the module's help, on a ledger of its own.
A=$W/alone
BPFDIR=/sys/fs/bpf/earmark-alone
"$B/earmarkd" --ledger "$A" --socket "$W/alone.sock" --commitments "$COMMITMENTS" --recorder daemon \
	--pin-dir $BPFDIR --period 1s >"$W/alone.log" 2>&1 &
alone=$!
alone() { "$B/earmark" --ledger "$A" --socket "$W/alone.sock" "$@"; }
for ((i = 0; i < 100; i++)); do
	alone ledger sync >/dev/null 2>&1 && break
	sleep 0.2
done

mkdir -p $CG/m1 $CG/m2 $CG/m3
for d in em alone; do
	$d tag set --cgroup $CG/m1 alignment >/dev/null
	$d tag set --cgroup $CG/m2 capabilities >/dev/null
done
for i in 1 2 3; do
	in_cg "$CG/m$i" "$SIM/simjob" -g $((i % 2)) -n 60 -d 10000 -q 4 -w "$i" >/dev/null &
	jobs[i]=$!
done
wait "${jobs[@]}"
sync_ledger
alone ledger sync >/dev/null
alone_job() {
	alone --json report --by job | jq -r --arg n "$1" '[.rows[] | select(.path // "" | endswith($n)) | .busy_us] | add // 0'
}
lost=$(alone --json report | jq '[.lost[]] | add')
for i in 1 2 3; do
	if ((lost == 0)); then
		# exactly, where both ends are fence timestamps; a job that found the hardware idle
		# began when each meter saw it given, by two readings of the clock
		dry=$(awk '$3 == "total" { n += $8 } END { print n + 0 }' /sys/kernel/debug/simgpu/oracle)
		near "busy of job $i: both meters agree ($dry readings of two clocks apart)" \
			"$(alone_job "m$i")" "$(job busy_us "m$i")" $((dry * 20))
	else
		t "busy of job $i: BPF, which counted $lost losses, has not more than the module" \
			[ "$(alone_job "m$i")" -le "$(($(job busy_us "m$i") + 2))" ]
	fi
done
kill $alone
wait $alone
EARMARK_PIN_DIR=$BPFDIR "$B/earmark" sensor unpin >/dev/null
