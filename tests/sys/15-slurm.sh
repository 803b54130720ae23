#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: slurm
# A real Slurm with simulated GPUs as gres: what its plugin tags, what is accounted, and that jobs
# run whatever becomes of earmarkd.
. tests/sys/lib.sh
MODE=kernel # records
for tool in slurmctld slurmd sbatch munged setpriv; do
	command -v $tool >/dev/null && continue
	skip "Slurm" "$tool is not installed: make deps"
	exit
done
if [[ ! -e $B/slurm/earmark.so ]]; then
	skip "Slurm" "build/slurm/earmark.so is not built: make deps slurm"
	exit
fi

if [[ ${EARMARK_DEBUG-} ]]; then
	skip "Slurm" "on the debug kernel its daemons do not answer one another in time"
	exit
fi

# --- a cluster of one node ------------------------------------------------------------------
NODE=$(hostname -s) ADDR=10.9.9.9
SCOPE=/system.slice/${NODE}_slurmstepd.scope
PLUGSTACK=/etc/slurm/plugstack.conf
slurm_up() {
	# Slurm asks the resolver for addresses that are not loopback
	busybox ip addr add $ADDR/32 dev lo
	echo "$ADDR $NODE" >>/etc/hosts
	mkdir -p /etc/slurm /run/munge /var/log/munge /var/lib/munge /etc/munge "$W/ctld" "$W/slurmd"
	dd if=/dev/urandom of=/etc/munge/munge.key bs=32 count=1 status=none
	chmod 400 /etc/munge/munge.key && chmod 700 /etc/munge && chmod 755 /run/munge
	chown -R munge:munge /run/munge /var/log/munge /var/lib/munge /etc/munge
	cat >/etc/slurm/slurm.conf <<-END
		ClusterName=tux
		SlurmctldHost=$NODE($ADDR)
		SlurmUser=root
		AuthInfo=cred_expire=5
		StateSaveLocation=$W/ctld
		SlurmdSpoolDir=$W/slurmd
		SlurmdLogFile=$W/slurmd.log
		SlurmctldLogFile=$W/slurmctld.log
		SlurmdDebug=verbose
		ProctrackType=proctrack/cgroup
		TaskPlugin=task/none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_Core
		GresTypes=gpu
		JobCompType=jobcomp/filetxt
		JobCompLoc=$W/jobcomp
		ReturnToService=2
		KillWait=2
		BatchStartTimeout=1
		SlurmdTimeout=30
		SlurmdParameters=config_overrides
		MpiDefault=none
		NodeName=$NODE NodeAddr=$ADDR CPUs=4 RealMemory=500 Gres=gpu:2 State=UNKNOWN
		PartitionName=main Nodes=ALL Default=YES State=UP
		PartitionName=web Nodes=ALL State=UP
	END
	printf 'Name=gpu File=/dev/dri/renderD%d\n' 128 129 >/etc/slurm/gres.conf
	printf '%s\n' CgroupPlugin=cgroup/v2 IgnoreSystemd=yes >/etc/slurm/cgroup.conf
	mkdir -p $CG/system.slice
	echo "+cpu +cpuset +memory" >$CG/cgroup.subtree_control
	echo "+cpu +cpuset +memory" >$CG/system.slice/cgroup.subtree_control
	chmod 666 /dev/dri/render*
	setpriv --reuid munge --regid munge --clear-groups munged
	slurmctld && slurmd
	idle
}
# until_true COMMAND... - for a minute at most
until_true() {
	local end=$((SECONDS + 60))
	while ((SECONDS < end)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.2
	done
	echo "# waited a minute for: $*"
	return 1
}
# idle - until the node takes jobs
idle() {
	until_true is_idle && return
	echo "# the node is $(sinfo -h -p main -o '%t %E')"
	tail -n 20 "$W/slurmctld.log" "$W/slurmd.log" | sed 's/^/# /'
	return 1
}
is_idle() { [[ $(sinfo -h -p main -o %t) == idle ]]; }
slurm_down() {
	pkill -KILL slurm
	pkill munged
}
trap 'slurm_down; down' EXIT
# plugstack WORD [ARGUMENT...] - from the next submission and the next step on
plugstack() { echo "$1 $B/slurm/earmark.so socket=$SOCKET ${*:2}" >$PLUGSTACK; }

# script NAME - a batch script from standard input
script() {
	{ echo "#!/bin/bash" && cat; } >"$W/$1"
	chmod 755 "$W/$1"
}
# job_of SBATCH-ARGUMENT... - submits; the job's number
job_of() { sbatch --parsable -o "$W/%j.out" "$@"; }
# ended JOB... - until they are over and their cgroups are gone
ended() {
	local job
	for job; do
		until_true is_over "$job"
	done
}
is_ended() {
	local states
	states=$(squeue -h -t all -j "$1" -o %T) # all tasks of an array
	! grep -qvE '^(COMPLETED|CANCELLED|FAILED|NODE_FAIL)$' <<<"$states"
}
is_over() { [[ ! -d $CG$SCOPE/job_$1 ]] && is_ended "$1"; }
is_untagged() { sync_ledger && [[ $(tags "$1") == *untagged* ]]; }
# works WHO [N] - until the GPU has done so many jobs for it
works() { until_true has_done "$@"; }
has_done() { (($(oracle_jobs "$1") >= ${2:-20})); }
# busy_so WHAT WHO JOB-PATH - a test: as the GPU's clock says
busy_so() { busy_is "$1: busy time is the GPU's" "$(job busy_us "$3")" "$(oracle_busy "$2")"; }
# wrong COMMAND... - it fails; what it says is in $W/wrong
wrong() { ! "$@" >"$W/wrong" 2>&1; }
# tags JOB - every tag of the job and its steps, in order
tags() {
	em --json tag history | jq -r --arg p "$SCOPE/job_$1" '[.tags[] | select(.path // "" | startswith($p)) |
		"\(.path[($p | length):]) \(.purpose) \(.project) \(.ref) \(.tagged_by)"] | join("; ")'
}
# elapsed JOB - seconds, of what Slurm recorded when it was over
elapsed() {
	local start end
	IFS='|' read -r start end < <(sacct -c -f "$W/jobcomp" -n -P -j "$1" -o start,end 2>/dev/null | tail -n 1)
	echo $(($(date -d "$end" +%s) - $(date -d "$start" +%s)))
}
# lasted JOB - us, from when slurmstepd let the batch script go until it had ended
lasted() {
	local begin end
	begin=$(sed -nE "s/^\[([^]]*)\] \[$1\.batch\] task 0 .* started .*/\1/p" "$W/slurmd.log" | tail -n 1)
	end=$(sed -nE "s/^\[([^]]*)\] \[$1\.batch\] task 0 .* exited .*/\1/p" "$W/slurmd.log" | tail -n 1)
	echo $(($(date -d "$end" +%s%6N) - $(date -d "$begin" +%s%6N)))
}

cat >"$W/rules.yaml" <<'END'
rules:
  - { name: safety, match: { account: "safety-*" }, purpose: alignment, project: evals }
  - { name: web, match: { partition: web, user: nobody }, purpose: serving }
END
SIMJOB=$SIM/simjob
sim_up gpus=2
kmod_up
daemon_up --rules "$W/rules.yaml"
plugstack optional
slurm_up || exit 1

# --- where it is submitted ------------------------------------------------------------------
t "the option is in the help of sbatch" bash -c 'sbatch --help | grep -q -- "--earmark=PURPOSE\[:PROJECT\]"'
t "a purpose that is none is refused" wrong sbatch --earmark=alignmnt --wrap true
t "… with the one that was meant" grep -q 'did you mean alignment?' "$W/wrong"
t "a project that is too long is refused" wrong sbatch --earmark="mixed:$(printf p%.0s {1..64})" --wrap true
is "nothing of it was submitted" "$(squeue -h -t all | wc -l)" 0

# --- a batch script, its steps, a process that leaves both ----------------------------------
script steps <<END
$SIMJOB -g 0 -n 20 -d 10000 -w 11
srun -n1 --earmark=capabilities $SIMJOB -g 0 -n 10 -d 10000 -w 12
srun -n1 $SIMJOB -g 0 -n 10 -d 10000 -w 13
srun -n1 --earmark=serving bash -c '(setsid setsid $SIMJOB -g 0 -n 15 -d 10000 -w 14 >/dev/null & ); sleep 1'
(setsid setsid $SIMJOB -g 0 -n 5000 -d 10000 -w 15 >/dev/null &)
sleep 1
END
steps=$(job_of --gres=gpu:1 --earmark=alignment:probes "$W/steps")
ended "$steps"
sync_ledger
is "the job and the steps with a purpose of their own are tagged, and no other" "$(tags "$steps")" \
	"$(printf '%s; ' " alignment probes tux.$steps scheduler" "/step_0 capabilities  tux.$steps scheduler" |
		sed 's/; $//'); /step_2 serving  tux.$steps scheduler"
busy_so "a step with another purpose" 12 "job_$steps/step_0"
busy_so "what forked away from its step" 14 "job_$steps/step_2"
busy_is "the batch script, a step that inherits, what forked away and was killed: busy time is the GPU's" \
	"$(job busy_us "job_$steps")" $(($(oracle_busy 11) + $(oracle_busy 13) + $(oracle_busy 15)))
t "… which was killed in the middle" bash -c "(( $(oracle_jobs 15) > 5 && $(oracle_jobs 15) < 5000 ))"
is "a job that is over is no live job" "$(em --json job list | jq --arg n "job_$steps" '[.jobs[] | select(.path | contains($n))] | length')" 0

# --- an array, and Slurm's clock ------------------------------------------------------------
# Slurm's own times hold what it does before and after the script; those of slurmd are finer.
script task <<END
srun -n1 --earmark=mixed true
exec $SIMJOB -g \$SLURM_JOB_GPUS -n 200 -d 10000 -w 2\$SLURM_ARRAY_TASK_ID
END
array=$(job_of --array=1-2 --gres=gpu:1 --earmark=alignment "$W/task")
second=$((array + 1))
ended "$array" "$second"
sync_ledger
em --json tag history >"$W/history"
is "an array's tasks and their steps have its number and theirs" \
	"$(jq -r --arg a "tux.${array}_" '[.tags[] | select(.ref | startswith($a)) | "\(.purpose) \(.ref)"] | sort | join("; ")' "$W/history")" \
	"alignment tux.${array}_1; alignment tux.${array}_2; mixed tux.${array}_1; mixed tux.${array}_2"
for n in 1 2; do
	path=$(jq -r --arg r "tux.${array}_$n" '[.tags[] | select(.ref == $r and .purpose == "alignment")][0].path' "$W/history")
	id=${path##*_}
	busy_so "task $n" 2$n "$path"
	held=$(job held_us "$path") wall=$(sed -nE 's/.*"wall_ns":([0-9]+)[0-9]{3}.*/\1/p' "$W/$id.out")
	stepd=$(lasted "$id") elapsed=$(elapsed "$id") allocated=$(job allocated_us "$path")
	echo "# task $n, us: the program measured $wall, held $held, slurmstepd $stepd, allocated $allocated; sacct $elapsed s"
	t "… held: not less than the program measured, not more than slurmstepd saw of its script" \
		test "${wall:-9999999999}" -le $((held + 1000)) -a "$held" -le "$stepd"
	t "… allocated: from before its work until after" test "$allocated" -ge "$held"
	t "… nor is held more than sacct says" test "$held" -le $(((elapsed + 1) * 1000000))
done

# --- requeue, cancel ------------------------------------------------------------------------
script requeue <<END
$SIMJOB -g 0 -n 10 -d 10000 -w \$((31 + \${SLURM_RESTART_COUNT:-0}))
[[ \${SLURM_RESTART_COUNT:-0} != 0 ]] || { scontrol requeue \$SLURM_JOB_ID; sleep 60; }
END
requeue=$(job_of --requeue --gres=gpu:1 --earmark=alignment:again "$W/requeue")
script long <<END
exec $SIMJOB -g 1 -n 100000 -d 10000 -w 33
END
script web <<END
exec $SIMJOB -g 1 -n 100000 -d 10000 -w 34
END
cancel=$(job_of --gres=gpu:1 --earmark=capabilities "$W/long")
works 33
scancel "$cancel"
ended "$cancel" 
sync_ledger
busy_so "a job that is cancelled" 33 "job_$cancel"
works 32 10
ended "$requeue"
sync_ledger
is "a job that is requeued is tagged again" "$(tags "$requeue")" \
	" alignment again tux.$requeue scheduler;  alignment again tux.$requeue scheduler"
busy_is "… both runs: busy time is the GPU's" "$(job busy_us "job_$requeue")" \
	$(($(oracle_busy 31) + $(oracle_busy 32)))

# --- what a job leaves behind ---------------------------------------------------------------
left=$(job_of --gres=gpu:1 --earmark=mixed --wrap "$SIMJOB -g 0 -n 10 -d 10000 -w 36; sleep 5")
works 36 10
mkdir "$CG$SCOPE/job_$left/left"
until_true is_ended "$left"
until_true is_untagged "$left"
is "what is left of a job's cgroup has no tag" "$(tags "$left")" \
	" mixed  tux.$left scheduler;  untagged  tux.$left scheduler"
rmdir "$CG$SCOPE/job_$left/left" "$CG$SCOPE/job_$left"

# --- the node goes down ---------------------------------------------------------------------
reboot=$(job_of --no-requeue --gres=gpu:1 --earmark=serving:web "$W/web")
works 34
pkill -KILL -x slurmd
pkill -KILL -x slurmstepd
works 34 $(($(oracle_jobs 34) + 50))
pkill -KILL -x simjob
sleep 2
slurmd -b # as after a boot
# at once, or when slurmctld asks the node the next time
is_missed() { until_true is_ended "$reboot" || until_true is_ended "$reboot"; }
t "the node's daemons crash, and Slurm finds the job gone" is_missed
idle
after=$(job_of --gres=gpu:1 --earmark=alignment --wrap "$SIMJOB -g 0 -n 10 -d 10000 -w 35")
ended "$after"
sync_ledger
is "… jobs after it are tagged as before" "$(tags "$after")" " alignment  tux.$after scheduler"
busy_so "… theirs" 35 "job_$after"
busy_so "what ran on without them" 34 "job_$reboot"

# --- the site's rules -----------------------------------------------------------------------
plugstack optional map=yes
chmod 711 "$W"
mapped=$(job_of --account=safety-9 --wrap true)
theirs=$(cd / && setpriv --reuid nobody --regid nogroup --clear-groups sbatch --parsable -o /dev/null -p web --gres=gpu:1 --wrap "$SIMJOB -g 0 -n 10 -d 10000 -w 41")
neither=$(job_of --account=other --wrap true)
ended "$mapped" "$theirs" "$neither"
sync_ledger
is "account: the site's rule decides where no purpose was chosen" "$(tags "$mapped")" " alignment evals tux.$mapped rule"
is "partition and user too" "$(tags "$theirs")" " serving  tux.$theirs rule"
is "where none matches it is untagged" "$(tags "$neither")" ""
busy_so "another user's" 41 "job_$theirs"

# --- a purpose is wanted --------------------------------------------------------------------
plugstack optional require=yes
before=$(squeue -h -t all | wc -l)
for line in "sbatch --wrap=true" "srun true" "salloc true"; do
	# shellcheck disable=SC2086 # words
	t "require=yes: ${line%% *} without a purpose is refused" wrong $line
	t "… with a sentence" grep -q 'add --earmark=PURPOSE' "$W/wrong"
done
is "… and nothing was submitted" "$(squeue -h -t all | wc -l)" "$before"
t "… with one it runs" srun --earmark=mixed --gres=gpu:1 "$SIMJOB" -g 0 -n 10 -d 10000 -w 42

# --- without earmarkd -----------------------------------------------------------------------
plugstack optional
kill -STOP "$daemon_pid"
t "earmarkd hangs: the job runs" timeout 120 srun --earmark=alignment true
kill -CONT "$daemon_pid"
t "… and the log says so" grep -q 'earmark: the job is not tagged: earmarkd does not answer' "$W/slurmd.log"
daemon_down
lines=$(grep -c 'the job is not tagged' "$W/slurmd.log")
t "earmarkd is down: the job runs" srun --earmark=alignment true
is "… and the log says so" "$(grep -c 'the job is not tagged' "$W/slurmd.log")" $((lines + 1))
plugstack optional on_error=fail
t "on_error=fail: no job runs untagged" wrong timeout 120 srun --earmark=alignment touch "$W/ran"
batch=$(job_of --earmark=alignment --wrap "touch $W/ran")
until_true is_ended "$batch"
is "… nor a batch script: it has failed" "$(squeue -h -t all -j "$batch" -o %T)" FAILED
t "… not even for a moment" test ! -e "$W/ran"
daemon_up --rules "$W/rules.yaml"
idle
t "… and with earmarkd they run again" srun --earmark=alignment true

sync_ledger
check_conservation
is "nothing lost" "$(report '[.lost[]] | add')" 0
