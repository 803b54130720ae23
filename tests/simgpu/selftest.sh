#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tests the simulated GPU itself, as root on the kernel that it was built for:
# selftest.sh [DIRECTORY of simgpu.ko and simjob] [LOOPS of load and unload]
# shellcheck disable=SC2317 # the tests are called through ok
set -u
top=$(realpath "$(dirname "$0")/../..")
built=${1:-$top/build/$(uname -r)/simgpu}
loops=${2:-20}
simjob=$built/simjob
oracle=/sys/kernel/debug/simgpu/oracle
driver=/sys/bus/platform/drivers/simgpu
scratch=$(mktemp -d)
count=0
failed=0

# ok NAME TEST...: the TAP line of a test command.
ok() {
	local name=$1

	count=$((count + 1))
	shift
	if "$@"; then
		echo "ok $count $name"
	else
		failed=1
		echo "not ok $count $name"
		echo "# $*"
		sed 's/^/# /' $oracle "$scratch"/* 2>/dev/null
	fi
	rm -rf "${scratch:?}"/*
}

load() {
	rmmod simgpu 2>/dev/null
	modprobe gpu_sched
	insmod "$built/simgpu.ko" "$@"
}

# field NAME FILE: a number out of simjob's report.
field() {
	grep -o "\"$1\":-\?[0-9]*" "$2" | cut -d: -f2
}

# book GPU RING WHO COLUMN: 4 busy_ns, 5 jobs, 6 failed, 7 dropped;
# of a total also 8, jobs that found the ring idle.
book() {
	awk -v key="$1 $2 $3" -v column="$4" '$1 " " $2 " " $3 == key { print $column }' "$oracle"
}

# Jobs leave the hardware after their file has been closed.
settled() {
	local before

	until [ "${before:-}" = "$(cat "$oracle")" ]; do
		before=$(cat "$oracle")
		sleep 0.3
	done
}

exact_when_saturated() {
	"$simjob" -w 1 -n 200 -d 5000 -q 8 >"$scratch/job" &&
		[ "$(field busy_ns "$scratch/job")" = 1000000000 ] &&
		[ "$(book 0 0 1 4)" = 1000000000 ] && [ "$(book 0 0 1 5)" = 200 ] &&
		[ "$(field wall_ns "$scratch/job")" -ge 1000000000 ] && [ "$(book 0 0 total 8)" -le 5 ]
}

exact_when_shared() {
	local who pids=() pid

	for who in 11 12 13 14; do
		"$simjob" -g 1 -w "$who" -n 50 -d 5000 -q 8 >"$scratch/$who" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || return 1; done
	for who in 11 12 13 14; do
		[ "$(book 1 0 "$who" 4)" = 250000000 ] || return 1
		[ "$(field busy_ns "$scratch/$who")" = 250000000 ] || return 1
	done
	[ "$(book 1 0 total 4)" = 1000000000 ]
}

# Jobs that come too seldom: the same sum over a longer time.
exact_when_paced() {
	"$simjob" -r 1 -w 2 -n 20 -d 2000 -q 1 -p 3000 >"$scratch/job" &&
		[ "$(field busy_ns "$scratch/job")" = 40000000 ] &&
		[ "$(field wall_ns "$scratch/job")" -ge 60000000 ] && [ "$(book 0 1 total 8)" -ge 15 ]
}

forks_share_a_file() {
	"$simjob" -f 3 -w 20 -n 10 -d 1000 >"$scratch/job" &&
		[ "$(field busy_ns "$scratch/job")" = 30000000 ] &&
		[ "$(book 0 0 20 4) $(book 0 0 21 4) $(book 0 0 22 4)" = "10000000 10000000 10000000" ]
}

forks_move_to_cgroups() {
	local cgroup=/sys/fs/cgroup/simgpu-selftest

	mkdir -p "$cgroup"/a "$cgroup"/b
	"$simjob" -f 2 -n 100 -d 10000 --cgroup "$cgroup"/a --cgroup "$cgroup"/b >"$scratch/job" &
	sleep 0.6
	wc -l <"$cgroup"/a/cgroup.procs >"$scratch/a"
	wc -l <"$cgroup"/b/cgroup.procs >"$scratch/b"
	wait $! && [ "$(cat "$scratch/a") $(cat "$scratch/b")" = "1 1" ] &&
		rmdir "$cgroup"/a "$cgroup"/b "$cgroup"
}

passes_files() {
	"$simjob" --recv "$scratch/socket" -t -w 30 -n 5 -d 1000 >"$scratch/job" &
	"$simjob" --send "$scratch/socket" >"$scratch/sender"
	wait $! && [ "$(field busy_ns "$scratch/job")" = 5000000 ] && [ "$(book 0 0 30 5)" = 5 ]
}

# No time, no completion.
run_job_fails() {
	"$simjob" -F fail -w 40 -n 5 -q 1 >"$scratch/job" &&
		[ "$(field errors "$scratch/job")" = 5 ] && [ "$(field error "$scratch/job")" = -5 ] &&
		[ "$(book 0 0 40 4) $(book 0 0 40 5) $(book 0 0 40 6)" = "0 0 5" ]
}

# The hung job costs the time until the reset; who waits behind it loses none.
hang_is_reset() {
	local bystander busy

	"$simjob" -F hang -w 50 -n 1 >"$scratch/hung" &
	sleep 0.2
	"$simjob" -w 51 -n 20 -d 5000 -q 4 >"$scratch/job" &
	bystander=$!
	wait %1 && wait "$bystander" || return 1
	busy=$(book 0 0 50 4)
	[ "$(field error "$scratch/hung")" = -125 ] && [ "$(book 0 0 50 6)" = 1 ] &&
		[ "$busy" -ge 400000000 ] && [ "$busy" -le 5000000000 ] &&
		[ "$(field errors "$scratch/job")" = 0 ] && [ "$(book 0 0 51 4)" = 100000000 ]
}

exit_with_work_queued() {
	"$simjob" -k -w 60 -n 40 -d 100000
	settled
	[ $(($(book 0 0 60 5) + $(book 0 0 60 7))) = 40 ] && [ "$(book 0 0 60 7)" -gt 0 ] &&
		[ "$(book 0 0 60 4)" = $(($(book 0 0 60 5) * 100000000)) ]
}

killed_with_work_queued() {
	"$simjob" -q 0 -w 61 -n 40 -d 100000 >"$scratch/job" &
	sleep 0.5
	{ kill -9 $! && wait $!; } 2>/dev/null
	settled
	[ $(($(book 0 0 61 5) + $(book 0 0 61 7))) = 40 ] && [ "$(book 0 0 61 7)" -gt 0 ]
}

idling_costs_nothing() {
	"$simjob" -i open >"$scratch/open" && "$simjob" -i ioctl >"$scratch/ioctl" &&
		[ "$(field all_busy_ns "$scratch/open") $(field all_busy_ns "$scratch/ioctl")" = "0 0" ]
}

# Its work is lost, its next call fails, and the books remain.
unbind_with_open_file() {
	local before=

	"$simjob" -g 1 -w 70 -q 0 -n 100 -d 50000 >"$scratch/job" 2>&1 &
	"$simjob" -g 1 -i open -s 3 >"$scratch/open" &
	sleep 0.5
	echo simgpu.1 >"$driver"/unbind
	wait %1
	before=$(book 1 0 70 4)
	[ "$before" -gt 0 ] && [ "$before" -lt 5000000000 ] && [ ! -e "$driver"/simgpu.1/drm ] || return 1
	echo simgpu.1 >"$driver"/bind
	"$simjob" -g 1 -w 70 -n 2 -d 1000 >"$scratch/again" &&
		[ "$(book 1 0 70 4)" = $((before + 2000000)) ] && wait
}

# context LETTER: where the scheduler's done event comes from, h a hard interrupt.
done_comes_from() {
	local tracing=/sys/kernel/tracing event

	for event in drm_sched_process_job drm_sched_job_done; do
		[ -d "$tracing"/events/gpu_scheduler/"$event" ] && break
	done
	echo 1 >"$tracing"/events/gpu_scheduler/"$event"/enable
	"$simjob" -n 10 -d 2000 >"$scratch/job"
	echo 0 >"$tracing"/events/gpu_scheduler/"$event"/enable
	grep "$event:" "$tracing"/trace >"$scratch/trace"
	echo >"$tracing"/trace
	[ "$(wc -l <"$scratch/trace")" = 10 ] &&
		[ "$(awk '{ print substr($3, 3, 1) }' "$scratch/trace" | sort -u)" = "$1" ]
}

# Without the hardware's stamp a fence takes the time when it signals.
loads_with() {
	load "$@" && "$simjob" -w 1 -n 50 -d 2000 >"$scratch/job" &&
		[ "$(book 0 0 1 4)" = 100000000 ]
}

unload_refused_while_open() {
	"$simjob" -i open -s 1 >"$scratch/job" &
	sleep 0.3
	! rmmod simgpu 2>/dev/null && wait && rmmod simgpu
}

load_and_unload() {
	local i

	for ((i = 0; i < loops; i++)); do
		load gpus=2 && "$simjob" -k -n 8 -d 3000 && rmmod simgpu || return 1
	done
	rmmod gpu_sched
}

ok "the module loads" load gpus=2 rings=2
ok "a saturated ring is charged count times duration" exact_when_saturated
ok "so are four files that share one" exact_when_shared
ok "so is one that runs dry" exact_when_paced
ok "completion comes from hard interrupts" done_comes_from h
ok "forks share a file, the oracle tells them apart" forks_share_a_file
ok "forks move to cgroups before they submit" forks_move_to_cgroups
ok "a file is passed over a socket" passes_files
ok "jobs fail to start" run_job_fails
ok "a hang is reset and harms nobody else" hang_is_reset
ok "a client exits with work queued" exit_with_work_queued
ok "a client is killed with work queued" killed_with_work_queued
ok "idling costs nothing" idling_costs_nothing
ok "unbinding with an open file and work queued" unbind_with_open_file
ok "unloading is refused while a file is open" unload_refused_while_open
ok "completion from a workqueue" loads_with irq=0
ok "completion does not come from an interrupt then" done_comes_from .
ok "fences without the hardware's stamp" loads_with stamp=0 depth=1
ok "the module loads and unloads $loops times" load_and_unload
rm -rf "$scratch"
echo "1..$count"
exit $failed
