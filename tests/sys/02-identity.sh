#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel daemon
# Work is charged to the job that submitted it, however it came to be there.
. tests/sys/lib.sh
up gpus=1 rings=2 depth=4

same() { # same WHAT CGROUP WHO - busy of the cgroup's job is the hardware clock's for WHO
	busy_is "$1" "$(job busy_us "$2")" "$(oracle_busy "$3")"
}

for c in parent child outer/inner moved-from moved-to sender receiver box threads early; do
	mkdir -p "$CG/$c"
done
tag() { em tag set --cgroup "$CG/$1" "$2" >/dev/null; }
tag parent alignment
tag child capabilities
tag outer alignment
tag outer/inner serving

# One file and one entity, two jobs with work in flight at once.
"$SIM/simjob" -g 0 -n 30 -d 10000 -q 4 -w 10 -f 2 --cgroup $CG/parent --cgroup $CG/child >/dev/null
# exec, setsid and a double fork stay in the job.
in_cg $CG/outer setsid bash -c "( ( exec $SIM/simjob -g 0 -n 20 -d 10000 -q 4 -w 20 >/dev/null ) & wait )"
in_cg $CG/outer/inner "$SIM/simjob" -g 0 -n 20 -d 10000 -q 4 -w 21 >/dev/null
in_cg $CG/threads "$SIM/simjob" -g 0 -n 20 -d 10000 -q 4 -w 30 -t >/dev/null
# A container: own pid, mount, user namespaces.
in_cg $CG/box unshare -Urpf --mount-proc "$SIM/simjob" -g 0 -n 20 -d 10000 -q 4 -w 40 >/dev/null
# A file passed over a socket is used by who submits on it.
in_cg $CG/receiver "$SIM/simjob" --recv "$W/fd" -n 20 -d 10000 -q 4 -w 51 >/dev/null &
receiver=$!
sleep 0.5
in_cg $CG/sender "$SIM/simjob" -g 0 --send "$W/fd" >/dev/null
wait $receiver
# A process that exits with work queued.
in_cg $CG/early "$SIM/simjob" -g 0 -n 8 -d 20000 -q 8 -w 60 -k >/dev/null
# A process moved while it runs.
in_cg $CG/moved-from "$SIM/simjob" -g 0 -n 200 -d 10000 -q 4 -w 70 >/dev/null &
runner=$!
sleep 0.7
mover=$(cat $CG/moved-from/cgroup.procs)
for p in $mover; do echo "$p" >$CG/moved-to/cgroup.procs; done
wait $runner
# A job that nobody runs in any more lets go of a file that its parent, elsewhere, has open, though
# somebody runs in a job below it.
mkdir -p $CG/nest/inner $CG/keeper
tag nest alignment
tag nest/inner serving
in_cg $CG/nest/inner sleep 1000 >/dev/null &
in_cg $CG/keeper "$SIM/simjob" -g 0 -n 20 -d 10000 -q 4 -w 80 -f 1 --cgroup $CG/nest -s 1000 >"$W/kept" &
for ((i = 0; i < 100; i++)); do [[ -s $W/kept ]] && break || sleep 0.1; done
sync_ledger
held=$(job held_us nest)
sleep 2
sync_ledger
t "a job that ran held" [ "$held" -gt 100000 ]
is "an empty job with a populated one below holds no longer" "$(job held_us nest)" "$held"
is "… though the file is open, and that one populated" \
	"$(grep -h populated $CG/nest/inner/cgroup.events $CG/keeper/cgroup.events | sort -u)" "populated 1"
echo 1 >$CG/nest/inner/cgroup.kill
echo 1 >$CG/keeper/cgroup.kill
sync_ledger

same "two processes on one entity: the first one's work" parent 10
same "two processes on one entity: the other's work" child 11
same "exec, setsid and a double fork stay in the job" outer 20
same "a nested cgroup with its own tag is a job of its own" outer/inner 21
same "a submitting thread" threads 30
same "a container" box 40
is "a file passed over a socket: the sender did nothing" "$(job busy_us sender)" 0
same "a file passed over a socket: the receiver's work" receiver 51
same "a process that exits with work queued" early 60
moved=$(($(job busy_us moved-from) + $(job busy_us moved-to)))
busy_is "a process moved while it runs: both parts add up" $moved "$(oracle_busy 70)"
t "… and both have a part" [ "$(job busy_us moved-from)" -gt 100000 -a "$(job busy_us moved-to)" -gt 100000 ]
t "the move is an event" [ "$(sql "SELECT count(*) FROM event WHERE type = 4")" -ge 1 ]
check_conservation
