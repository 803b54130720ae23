#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel daemon
# Opening is not holding, and holding idly does not make a floor MET.
. tests/sys/lib.sh
cat >"$COMMITMENTS" <<EOF
commitments:
  - name: floor
    kind: floor
    purpose: alignment
    share: 30%
    window: rolling 1h
EOF
up gpus=2 rings=1 depth=4

mkdir -p $CG/opener $CG/idler $CG/worker
em tag set --cgroup $CG/opener alignment --project opener >/dev/null
em tag set --cgroup $CG/idler alignment --project idler >/dev/null
em tag set --cgroup $CG/worker capabilities >/dev/null
in_cg $CG/opener "$SIM/simjob" -g 0 -i open -s 3 >/dev/null &
in_cg $CG/opener "$SIM/simjob" -g 1 -i open -s 3 >/dev/null
wait $!
sync_ledger
is "a job that opens every GPU and submits nothing holds nothing" "$(job held_us opener)" 0
is "… and the time is idle" "$(report .used_us)" 0

in_cg $CG/idler "$SIM/simjob" -g 0 -n 1 -d 10000 -s 8 -w 1 >/dev/null &
idler=$!
sleep 0.3
in_cg $CG/worker "$SIM/simjob" -g 0 -n 600 -d 10000 -q 4 -w 2 >/dev/null
wait $idler
sync_ledger
t "the idle holder earns gpu-time" [ "$(job gpu_time_us idler)" -gt 1000000 ]
verdict=$(em --json commitment check | jq -r '.commitments[0] | .status + " " + (.reason // "")')
is "an idle alignment holder on a busy GPU does not make a floor MET" "$verdict" "UNPROVEN padding"
