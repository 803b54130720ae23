#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: no-lsm
# A kernel booted without BPF LSM: who holds is unobserved, busy is right, doctor says why.
. tests/sys/lib.sh
MODE=kernel
t "this kernel has no BPF LSM" bash -c '! grep -q bpf /sys/kernel/security/lsm'
up gpus=1 rings=1 depth=4
in_cg "$(cg worker)" "$SIM/simjob" -g 0 -n 50 -d 10000 -q 4 -w 1 >/dev/null
sync_ledger
busy_is "busy is the hardware's" "$(job busy_us worker)" "$(oracle_busy 1)"
is "no gpu-time is claimed" "$(report .used_us)" 0
is "nor idle time" "$(report .idle_us)" 0
t "all of it is unobserved" [ "$(report .unobserved_us)" -gt 0 ]
t "doctor says why" grep -q 'lsm=' <(em doctor 2>&1)
check_conservation
