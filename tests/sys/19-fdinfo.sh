#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel daemon
# heavy
# A driver whose work shows in fdinfo alone: within the bound that is stated, of the hardware's clock.
. tests/sys/lib.sh

# The simulated GPU hands jobs to its hardware past the scheduler; the site names its driver.
printf 'told_drivers: i915 xe simgpu\nsample: 500ms\n' >"$W/earmarkd.yaml"
sim_up gpus=2 rings=2 direct=1
kmod_up
daemon_up --config "$W/earmarkd.yaml"
sampled() { curl -sf --unix-socket "$SOCKET" http://localhost/v1/status | jq ".sampling.fdinfo.$1"; }
# rounds N - so many looks have passed
rounds() {
	local until=$(($(sampled rounds) + $1)) i
	for ((i = 0; i < 600; i++)); do
		(($(sampled rounds) >= until)) && return
		sleep 0.1
	done
}
observed() { em --json gpu list | jq '[.gpus[] | select(.blind == [])] | length'; }
# within WHAT JOB WHO - the job's busy is the clock's, give or take the bound that the report states
within() {
	local got want bound
	got=$(job busy_us "$2") want=$(($(oracle_busy "$3") / 1000)) bound=$(($(job busy_error_us "$2") + 1))
	near "$1 (off by $((got - want)) us, stated bound $bound us)" "$got" $want $bound
}
class() { em --json report --by job | jq -r --arg n "$1" '.rows[] | select(.path // "" | endswith($n)) | .busy_class'; }

# works CGROUP OPTION... - a job that has done its work, and been looked at since: its file is open
works() {
	local dir=$CG/$1 out=$W/out.$1 i
	mkdir -p "$dir"
	shift
	# shellcheck disable=SC2086 # none, or several words
	in_cg "$dir" ${as-} "$SIM/simjob" "$@" -s 1000 >"$out" &
	worker=$!
	for ((i = 0; i < 300; i++)); do [[ -s $out ]] && break || sleep 0.1; done
	rounds 2
	sync_ledger
}
rounds 2
is "both GPUs are metered by what is told" "$(em --json gpu list | jq -c '[.gpus[].meter]')" '["told","told"]'
is "… and observed while nobody uses them" "$(observed)" 2

# A monitor: it has every GPU open, and asks them things.
cg monitor >/dev/null
em tag set --cgroup $CG/monitor infrastructure >/dev/null
in_cg $CG/monitor "$SIM/simjob" -g 0 -i ioctl -s 1000 >/dev/null &
monitors=$!
in_cg $CG/monitor "$SIM/simjob" -g 1 -i ioctl -s 1000 >/dev/null &
monitors+=" $!"
rounds 3
is "what a monitor has open is explained: the GPUs are observed" "$(observed)" 2

# Work: counters that were read when all was done say what the hardware's clock does.
cg worker >/dev/null
em tag set --cgroup $CG/worker alignment >/dev/null
works worker -g 0 -n 200 -d 10000 -q 8 -w 1
near "busy of a job is the hardware's" "$(job busy_us worker)" $(($(oracle_busy 1) / 1000)) 20
is "… by a counter" "$(class worker)" counter
bound=$(job busy_error_us worker)
kill $worker
rounds 2
sync_ledger
within "when its file is closed" worker 1
t "… what it may have done since the last look is in the bound" [ "$(job busy_error_us worker)" -gt $((bound + 1000)) ]
t "… and it did something" [ "$(job busy_us worker)" -gt 1500000 ]
t "what it held is no less than what it worked, but for a look" \
	[ "$(job held_us worker)" -ge $(($(job busy_us worker) - 1500000)) ]
is "the monitor held nothing" "$(job gpu_time_us monitor)" 0
is "… and was not busy" "$(job busy_us monitor)" 0

# A job with its file open holds from when its engines have worked, not before.
cg late >/dev/null
in_cg $CG/late bash -c "$SIM/simjob -g 1 -i ioctl -s 3 >/dev/null; echo \$(date +%s%N) >$W/began
	exec $SIM/simjob -g 1 -n 50 -d 10000 -q 4 -w 2 -s 2" >/dev/null
rounds 2
sync_ledger
t "a hold begins with work, not with a file" [ "$(job held_us late)" -lt 3200000 ]
t "… and is there" [ "$(job held_us late)" -gt 500000 ]

# Passed over a socket: who works on it is charged.
cg heir >/dev/null
in_cg $CG/heir "$SIM/simjob" --recv "$W/fd" -n 100 -d 10000 -q 4 -w 3 -s 2 >/dev/null &
heir=$!
sleep 0.5
in_cg "$(cg opener)" "$SIM/simjob" -g 0 --send "$W/fd" >/dev/null
wait $heir
rounds 2
sync_ledger
within "busy on a file that was passed" heir 3
is "… its opener did nothing" "$(job busy_us opener)" 0

# One client in two jobs: nobody can say whose engines worked; the bound of each says so.
mkdir -p $CG/left $CG/right
"$SIM/simjob" -g 0 -n 100 -d 10000 -q 4 -w 10 -f 2 --cgroup $CG/left --cgroup $CG/right -s 2 >/dev/null
rounds 2
sync_ledger
bound=$(($(job busy_error_us left) + $(job busy_error_us right)))
all=$((($(oracle_busy 10) + $(oracle_busy 11)) / 1000))
near "a file of two jobs: both parts are all of it" $(($(job busy_us left) + $(job busy_us right))) $all $bound
within "… the one within its bound" left 10
within "… the other within its bound" right 11
is "… which are estimates" "$(class left) $(class right)" "estimate estimate"
t "… which is counted" [ "$(sampled shared)" -gt 0 ]

# Shorter than a look: in the bound, or unobserved.
u0=$(report .unobserved_us)
for i in 1 2 3 4 5; do
	in_cg "$(cg short)" "$SIM/simjob" -g 1 -n 1 -d 100000 -w 20 >/dev/null
done
rounds 2
sync_ledger
missing=$(($(oracle_busy 20) / 1000 - $(job busy_us short)))
told=$(($(job busy_error_us short) + $(report .unobserved_us) - u0 + 1))
t "jobs shorter than a look: $missing us not seen, $told us said to be in doubt" [ ${missing#-} -le $told ]
t "doctor says what the looks are worth" grep -q "fdinfo" <(em doctor 2>&1)

# shellcheck disable=SC2086 # several
kill $monitors
is "no interval's sum is broken" "$(sql "SELECT count(*) FROM interval WHERE flags & 2")" 0
check_conservation
down

# The same by the GPU's own clock, as xe counts.
rm -rf "$LEDGER"
sim_up gpus=1 rings=2 direct=1 cycles=1
kmod_up
daemon_up --config "$W/earmarkd.yaml"
rounds 2
cg cycles >/dev/null
# … as a user, whose processes only who may look at all of them can read
chmod 666 /dev/dri/renderD*
as="setpriv --reuid=65534 --regid=65534 --clear-groups"
works cycles -g 0 -n 200 -d 10000 -q 8 -w 30
within "cycles: busy of a job" cycles 30
kill $worker
t "cycles: it did something" [ "$(job busy_us cycles)" -gt 1500000 ]
check_conservation
