#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel daemon
# Blindness shows: time without a sensor is unobserved, capacity does not shrink.
. tests/sys/lib.sh

# The daemon comes up before gpu_sched and before any GPU.
kmod_up
daemon_up
t "no GPU, no claim" [ "$(report '.capacity_us')" = 0 ]
sim_up gpus=2 rings=1 depth=4
sleep 3
sync_ledger
is "gpu_sched loaded after the daemon: both GPUs are known" "$(em --json gpu list | jq '.gpus | length')" 2
in_cg "$(cg late)" "$SIM/simjob" -g 0 -n 10 -d 10000 -q 4 -w 1 >/dev/null
sync_ledger
busy_is "… and metered" "$(job busy_us late)" "$(oracle_busy 1)"

# A sensor that goes away: from then on nothing is claimed about who holds.
before=$(report .unobserved_us)
in_cg "$(cg blind)" "$SIM/simjob" -g 0 -n 300 -d 10000 -q 4 -w 2 >/dev/null &
blind=$!
sleep 0.5
daemon_down -KILL
em sensor unpin >/dev/null
sleep 1.5
daemon_up
wait $blind
sync_ledger
after=$(report .unobserved_us)
t "time without the sensor is unobserved" [ $((after - before)) -gt 1000000 ]
is "capacity does not shrink" "$(report '.capacity_us == .used_us + .idle_us + .unobserved_us')" true
if [[ $MODE == kernel ]]; then
	busy_is "busy is right all the same" "$(job busy_us blind)" "$(oracle_busy 2)"
fi

# The daemon starts after the jobs: what they held before is unknown, not idle. The job is there for
# longer than the programs take to load on a busy machine.
daemon_down
em sensor unpin >/dev/null
[[ $MODE == kernel ]] && unload earmark
rm -rf "$LEDGER"
in_cg "$(cg early)" "$SIM/simjob" -g 1 -n 1000 -d 10000 -q 4 -w 3 >/dev/null &
early=$!
sleep 0.5
kmod_up
daemon_up
wait $early
sync_ledger
t "a job from before the daemon is seen once it submits" [ "$(job busy_us early)" -gt 500000 ]
want=$(($(oracle_busy 3) / 1000))
t "… and not more than it did" [ "$(($(job busy_us early) + $(report .unattributed_us)))" -le $((want + want / 100 + 5000)) ]

# A driver unbound: the GPU stays in the inventory, its time is unobserved.
k0=$(em --json gpu list | jq '.gpus | length')
echo simgpu.1 >/sys/bus/platform/drivers/simgpu/unbind
sleep 2.5
sync_ledger
is "an unbound GPU stays in the inventory" "$(em --json gpu list | jq '.gpus | length')" "$k0"
t "… as absent" [ "$(em --json gpu list | jq '[.gpus[] | select(.blind | index("absent"))] | length')" = 1 ]
t "doctor says so" grep -q absent <(em doctor 2>&1)
read -r u0 c0 < <(report '"\(.unobserved_us) \(.capacity_us)"')
sleep 2
sync_ledger
read -r u1 c1 < <(report '"\(.unobserved_us) \(.capacity_us)"')
near "its time, and nothing else, is unobserved" $((2 * (u1 - u0))) $((c1 - c0)) 4
echo simgpu.1 >/sys/bus/platform/drivers/simgpu/bind
sleep 2.5
is "bound again it is observed" "$(em --json gpu list | jq '[.gpus[] | select(.blind | length > 0)] | length')" 0
check_conservation
