#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: native
# This machine as it is, whatever it lacks: the daemon starts, says what it cannot see and why,
# and claims nothing.
. tests/sys/lib.sh

if [[ -d /sys/module/gpu_sched ]]; then
	skip "a machine that can measure nothing" "this one has gpu_sched"
	exit
fi
daemon_up
t "earmarkd starts" kill -0 "$daemon_pid"
out=$(em doctor 2>&1)
rc=$?
is "doctor: something cannot be measured" $rc 1
t "doctor names the module" grep -qi module <<<"$out"
t "doctor names the LSM" grep -qi lsm <<<"$out"
t "doctor says what to do" grep -qiE 'boot|load|install|modprobe' <<<"$out"
is "doctor --json is JSON" "$(em --json doctor 2>/dev/null | jq -r type)" object
is "nothing is claimed: no capacity" "$(report .capacity_us)" 0
is "… and the share is undefined" "$(report .alignment_share.proven)" null
is "no GPU" "$(em --json gpu list | jq '.gpus | length')" 0
sleep 2
is "… nor later" "$(report .used_us)" 0
daemon_down
t "it stops when told" [ -z "$daemon_pid" ]

# Everything that only reads works on a ledger directory, without privileges and without a daemon.
chmod 755 "$W"
t "an unprivileged reader" setpriv --reuid=65534 --regid=65534 --clear-groups \
	"$B/earmark" --ledger "$LEDGER" report
