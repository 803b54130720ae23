#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel daemon
# Tags: split at the instant, strongest then nearest, and only by who may.
. tests/sys/lib.sh
up gpus=1 rings=1 depth=4

mkdir -p $CG/split $CG/sched/inner
em tag set --cgroup $CG/split capabilities --project before >/dev/null
# on a kernel with all its checks on the tagging alone takes longer than 2 s
in_cg $CG/split "$SIM/simjob" -g 0 -n $((${EARMARK_DEBUG:-0} ? 2000 : 200)) -d 10000 -q 4 -w 1 >/dev/null &
sleep 1
em tag set --cgroup $CG/split alignment --project after >/dev/null
wait $!
sync_ledger
part() { em --json report --by project | jq "[.rows[] | select(.project == \"$1\") | .$2] | add // 0"; }
busy_is "a retag splits busy, and the parts add up" $(($(part before busy_us) + $(part after busy_us))) \
	"$(oracle_busy 1)"
t "both parts of busy are there" [ "$(part before busy_us)" -gt 50000 -a "$(part after busy_us)" -gt 50000 ]
# held ends when the file closes: gpu-time of the sole holder is what it held
is "gpu-time and held are split at the same instant" \
	"$(part before gpu_time_us):$(part after gpu_time_us)" "$(part before held_us):$(part after held_us)"
t "what was busy was held" [ "$(part before held_us)" -ge "$(part before busy_us)" ]
is "the history shows both tags" \
	"$(em --json tag history | jq -r '[.tags[] | select(.project == "before" or .project == "after") | .purpose] | join(" ")')" \
	"capabilities alignment"
is "… and who" "$(em --json tag history | jq -r '[.tags[] | select(.project == "after")][0].uid')" 0

em tag set --cgroup $CG/sched capabilities --tagged-by scheduler >/dev/null
em tag set --cgroup $CG/sched/inner alignment >/dev/null
in_cg $CG/sched/inner "$SIM/simjob" -g 0 -n 10 -d 10000 -q 4 -w 2 >/dev/null
sync_ledger
is "a self tag below a scheduler's is only a label" \
	"$(em --json report --by job | jq -r '[.rows[] | select(.path // "" | endswith("sched/inner"))][0].purpose')" \
	capabilities
em tag set --cgroup $CG/sched/inner serving --tagged-by operator >/dev/null
in_cg $CG/sched/inner "$SIM/simjob" -g 0 -n 10 -d 10000 -q 4 -w 3 >/dev/null
sync_ledger
is "an operator's tag below a scheduler's counts" \
	"$(em --json job show $CG/sched/inner | jq -r .purpose)" serving
refused "a weaker tag does not replace a stronger one" "strong|weak" em tag set --cgroup $CG/sched alignment

# An unprivileged user: own cgroup yes, another's no, from a user namespace neither.
mkdir -p $CG/user/own $CG/other
chown -R nobody $CG/user
chmod 755 "$W"
as_nobody() {
	bash -c 'echo $$ >"$0/cgroup.procs" && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' \
		$CG/user "$B/earmark" --socket "$SOCKET" --ledger "$LEDGER" "$@"
}
t "a user tags a cgroup of his own" as_nobody tag set --cgroup $CG/user/own alignment
# Through the socket it is the daemon that tells the recorder: the record names who asked.
ask() {
	bash -c 'echo $$ >"$0/cgroup.procs" && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' \
		$CG/user curl -s --max-time 20 --unix-socket "$SOCKET" http://localhost/v1/tag -d "$1"
}
ask "{\"cgroup\": \"$CG/user/own\", \"purpose\": \"serving\", \"project\": \"asked\"}" >/dev/null
sync_ledger
is "a user tags through the socket: the history says who, and with what" \
	"$(em --json tag history | jq -c '[.tags[] | select(.project == "asked")][0] | [.uid, .gid, .comm, .tagged_by]')" \
	'[65534,65534,"curl","self"]'
if [[ $MODE == kernel ]]; then
	refused "a user cannot tag for somebody else" "only an administrator.*somebody else" \
		bash -c 'echo $$ >"$0/cgroup.procs" && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' \
		$CG/user "$B/sys/tag_for" $CG/user/own
	refused "nobody is half named" "UID, GID and PID" "$B/sys/tag_for" $CG/user/own uid
fi
refused "a user cannot tag another's cgroup" "." as_nobody tag set --cgroup $CG/other alignment
refused "a user cannot tag as the operator" "." as_nobody tag set --cgroup $CG/user/own serving --tagged-by operator
refused "… nor from a user namespace" "." \
	bash -c 'echo $$ >"$0/cgroup.procs" && exec setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Ur "$@"' \
	$CG/user "$B/earmark" --socket "$SOCKET" tag set --cgroup $CG/other alignment
refused "… nor as the operator from there" "." \
	bash -c 'echo $$ >"$0/cgroup.procs" && exec setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Ur "$@"' \
	$CG/user "$B/earmark" --socket "$SOCKET" tag set --cgroup $CG/user/own serving --tagged-by operator
check_conservation
