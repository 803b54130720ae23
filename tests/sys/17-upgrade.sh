#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel daemon
# heavy
# The recorder is exchanged while tagged jobs run: tags and open accounts are kept, what passes
# between is unobserved, and nothing of it is lost or guessed. The module: also where the daemon is
# away between, where the next build is refused, and where it was not exchanged after all. BPF
# alone: by an earmarkd of other programs, and by one that lays its maps out otherwise.
. tests/sys/lib.sh
up gpus=3 rings=1 depth=4
chmod 755 "$W"

# Who set a tag, and as whom, must come through: a user, a scheduler, a label below its tag.
mkdir -p $CG/user/own $CG/sched/step $CG/idle $CG/none
chown -R nobody $CG/user
as_nobody() {
	bash -c 'echo $$ >"$0/cgroup.procs" && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' \
		$CG/user "$B/earmark" --socket "$SOCKET" --ledger "$LEDGER" "$@"
}
as_nobody tag set --cgroup $CG/user/own alignment --project probes --ref c/7 >/dev/null
em tag set --cgroup $CG/sched capabilities --project big --tagged-by scheduler >/dev/null
em tag set --cgroup $CG/sched/step serving --project step >/dev/null
em tag set --cgroup $CG/idle mixed --project waits --tagged-by operator >/dev/null
in_cg $CG/user/own "$SIM/simjob" -g 0 -n 100000 -d 10000 -q 4 -w 1 >/dev/null &
in_cg $CG/sched/step "$SIM/simjob" -g 1 -n 100000 -d 10000 -q 4 -w 2 >/dev/null &
# holds, and works no more: only its open file tells of it
in_cg $CG/idle "$SIM/simjob" -g 2 -n 3 -d 1000 -w 3 -s 1000 >/dev/null &
sleep 2
sync_ledger

# tags - of each live cgroup: its own tag, without the number that a load gives it
tags() {
	em --json job list | jq -c '[.jobs[] | select(.own.tag > 0) |
		[.path, .own.purpose, .own.tagged_by, .purpose, .project, .ref]] | sort'
}
# who PROJECT - who set the last tag of it
who() { em --json tag history | jq -c "[.tags[] | select(.project == \"$1\")][-1] | [.uid, .gid, .comm, .tagged_by, .ref]"; }
load_id() { em --json | jq -r .daemon.load_id; }
last_note() { sql "SELECT json FROM note WHERE kind='module-upgrade' ORDER BY id DESC LIMIT 1" | jq -r "$1"; }
held() { em --json job list | jq -r "[.jobs[] | select(.path == \"$1\") | .gpus_held][0]"; }
# wait_held - until all three jobs hold again
wait_held() {
	local i
	for ((i = 0; i < 100; i++)); do
		[[ $(held /user/own):$(held /sched/step):$(held /idle) == 1:1:1 ]] && return 0
		sleep 0.2
	done
	return 1
}
post() { curl -s --max-time 30 --unix-socket "$SOCKET" http://localhost/v1/module -d "{\"action\": \"$1\"}"; }
new() { insmod "$B/$R/earmark.ko"; }

t "three jobs hold their GPUs" wait_held
before=$(tags) user=$(who probes) step=$(who step) first=$(load_id)

# made_by PROGRAMS LAYOUT - what is pinned is said to come from another build; "-": as it is
made_by() {
	local pin=${EARMARK_PIN_DIR:-/sys/fs/bpf/earmark}/build value
	value=$(bpftool -j map lookup pinned "$pin" key 0 0 0 0 | jq -r '[.value[] | ltrimstr("0x")] | join(" ")')
	read -ra value <<<"$value"
	[[ $1 == - ]] || value[0]=$1
	[[ $2 == - ]] || value[36]=$2
	bpftool map update pinned "$pin" key 0 0 0 0 value hex "${value[@]}"
}

# untagged - GPU time that nobody's tag stands for, us
untagged() { em --json report --by job | jq '[.rows[] | select(.purpose == "untagged") | .gpu_time_us] | add // 0'; }

alone() {
	local links
	links=$(bpftool -j link show | jq '[.[].id] | max')
	daemon_down
	t "what is pinned is said to be of other programs" made_by aa -
	sleep 1
	daemon_up
	is "an earmarkd of other programs: every tag stands as before" "$(tags)" "$before"
	t "… every account is found again" wait_held
	is "… it is the same account" "$(load_id)" "$first"
	t "… by programs of its own" [ "$(bpftool -j link show | jq '[.[].id] | max')" -gt "$links" ]
	daemon_down
	t "what is pinned is said to be laid out otherwise" made_by - 63
	sleep 1
	daemon_up
	is "an earmarkd that lays maps out otherwise: every tag stands as before" "$(tags)" "$before"
	t "… its accounts are new" [ "$first" != "$(load_id)" ]
	t "… and every job is found" wait_held
	t "… which it says in one sentence" grep -q "laid out otherwise" "$W/daemon.log"
	sleep 2
	sync_ledger
	is "who set the user's tag is as before" "$(who probes)" "$user"
	is "no job's time went untagged" "$(untagged)" 0
	t "what passed between is unobserved" [ "$(report .unobserved_us)" -gt 0 ]
}

if [[ $MODE == daemon ]]; then
	alone
	pkill -KILL simjob
	sync_ledger
	check_conservation
	t "the ledger verifies after all of it" em ledger verify --key "$LEDGER/key.pub" "$LEDGER"
	exit
fi
t "a build is told apart by its sources" [ -s /sys/module/earmark/srcversion ]
if em --json module upgrade --file "$B/$R/earmark.ko" >"$W/upgrade.json" 2>"$W/upgrade.err"; then
	ok "the module is exchanged under running jobs"
else
	not_ok "the module is exchanged under running jobs: $(cat "$W/upgrade.err" "$W/upgrade.json")"
fi
is "its answer: four tags, three open accounts, nothing refused" \
	"$(jq -c '.taken.handover | [.state, .tags, .open, .newer, .gone, .refused]' "$W/upgrade.json")" \
	'["restored",4,3,0,0,0]'
t "it is another load" [ "$first" != "$(load_id)" ]
is "every tag stands as before" "$(tags)" "$before"
t "every open account is found again, by its file" wait_held
sleep 2
sync_ledger
is "who set the user's tag is as before" "$(who probes)" "$user"
is "… and the label's, which another tag shadows" "$(who step)" "$step"
is "the record has what was let go and what was set again" \
	"$(sql "SELECT json FROM note WHERE kind='module-upgrade' ORDER BY id" | jq -r .state | tr '\n' ' ')" \
	"released restored "
is "… with every tag in it" \
	"$(sql "SELECT json FROM note WHERE kind='module-upgrade' ORDER BY id LIMIT 1" |
		jq -c '[.jobs[] | select(.tag) | .project] | sort')" '["big","probes","step","waits"]'
is "no job's time went untagged" "$(untagged)" 0
t "what passed between is unobserved" [ "$(report .unobserved_us)" -gt 0 ]
is "… and is neither used nor idle" "$(report '.capacity_us == .used_us + .idle_us + .unobserved_us')" true

# Not exchanged after all: the same load goes on, and nothing of it is missing.
load=$(load_id)
post release >/dev/null
is "let go, nobody records" "$(em --json | jq -r .daemon.recorded_by)" null
sleep 3
is "… and the daemon does not take it back by itself" "$(em --json | jq -r .daemon.recorded_by)" null
post take >/dev/null
is "taken back, it is the same load" "$(load_id)" "$load"
is "… which had kept its tags" "$(last_note .state)" kept
is "… all of them" "$(tags)" "$before"
t "… and its accounts" wait_held

# The daemon is away between; its ledger is the only copy.
post release >/dev/null
daemon_down -KILL
t "let go, it can be unloaded" unload earmark
new
daemon_up
is "a daemon started after the exchange sets all tags" "$(last_note '[.state, .tags, .refused] | tostring')" \
	'["restored",4,0]'
is "… as they were" "$(tags)" "$before"
t "… and finds the accounts" wait_held

# A build that speaks another contract is refused; what stood waits for one that does not.
refused "a build of another contract is not taken" "not taken it" \
	em module upgrade --file "$B/$R/other/earmark.ko"
unload earmark
new
for ((i = 0; i < 100; i++)); do
	[[ $(em --json | jq -r .daemon.recorded_by) == null ]] || break
	sleep 0.2
done
is "… the next one is, by itself, and gets the tags" "$(tags)" "$before"
t "… and the accounts" wait_held

# The later word counts: who was tagged anew before the daemon came is left so.
post release >/dev/null
daemon_down
unload earmark
new
em tag set --cgroup $CG/idle serving --project anew --tagged-by operator >/dev/null
daemon_up
is "a tag that was set since is not overwritten" "$(last_note '[.tags, .newer] | tostring')" '[3,1]'
is "… and holds" "$(em --json job list | jq -r '.jobs[] | select(.path == "/idle") | .project')" anew
rmdir $CG/none

refused "only root exchanges the module" "root" as_nobody module upgrade --file "$B/$R/earmark.ko"
pkill -KILL simjob
sync_ledger
check_conservation
t "the ledger verifies after all of it" em ledger verify --key "$LEDGER/key.pub" "$LEDGER"
