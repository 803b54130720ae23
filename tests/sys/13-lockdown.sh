#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: lockdown
# A kernel that is locked down loads no module of ours: doctor says what follows, nothing is claimed.
. tests/sys/lib.sh
t "this kernel is locked down" grep -q '\[integrity\]' /sys/kernel/security/lockdown
t "it does not load the module" bash -c "! insmod $B/$R/earmark.ko 2>/dev/null"
refused "earmarkd asked for it says that it is missing" "not loaded" \
	timeout 20 "$B/earmarkd" --ledger "$W/none" --socket "$W/none.sock" --recorder kernel
t "doctor names the lockdown and what to do" grep -q 'lockdown .*integrity.*sign' <(em doctor 2>&1)
MODE=native
daemon_up
sync_ledger
is "no GPU time is claimed" "$(report .capacity_us)" 0
t "doctor still says it beside earmarkd" grep -q 'lockdown .*integrity.*sign' <(em doctor 2>&1)
