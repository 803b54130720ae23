# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What the behaviour scripts share: bring a node up, ask it through the CLI, say ok or not.

set -u
# shellcheck source=tests/sys/say.sh
. tests/sys/say.sh
R=$(uname -r)
B=$PWD/build
W=$(mktemp -d /tmp/earmark.XXXXXX)
LEDGER=$W/ledger SOCKET=$W/sock COMMITMENTS=$W/commitments.yaml
PERIOD=${PERIOD:-1s}
CG=/sys/fs/cgroup
daemon_pid=

em() { "$B/earmark" --ledger "$LEDGER" --socket "$SOCKET" "$@"; }
SIM=$B/$R/simgpu
simjob() { "$SIM/simjob" "$@"; }

# oracle_busy WHO - what the simulated GPU's own clock says, ns over all rings; oracle_jobs WHO
oracle() { awk -v who="$1" -v col="$2" '$3 == who { n += $col } END { printf "%.0f\n", n }' /sys/kernel/debug/simgpu/oracle; }
oracle_busy() { oracle "$1" 4; }
oracle_jobs() { oracle "$1" 5; }

# busy_is WHAT GOT_US WANT_NS - a test: within 0.1 % of the hardware's clock, and, each time that a
# ring had run dry, within the guest's interrupt latency: work that finds the hardware idle is seen
# to end only when the interrupt is served (1 ms: emulation on a busy machine; 5 ms where the kernel
# checks each of its own memory accesses).
busy_is() {
	local want=$(($3 / 1000)) late=$((${EARMARK_DEBUG:-0} ? 5000 : 1000)) dry
	dry=$(awk '$3 == "total" { n += $8 } END { print n + 0 }' /sys/kernel/debug/simgpu/oracle)
	near "$1 (ran dry $dry times)" "$2" $want $((want / 1000 + dry * late + 20))
}

# refused WHAT SENTENCE COMMAND... - a test: exit 2 with one line that matches SENTENCE
refused() {
	local what=$1 want=$2 out rc
	shift 2
	out=$("$@" 2>&1 >/dev/null)
	rc=$?
	if ((rc == 2)) && [[ $out =~ $want && $(wc -l <<<"$out") == 1 ]]; then
		ok "$what"
	else
		not_ok "$what: status $rc, said: $out"
	fi
}

sim_up() {
	modprobe -a drm gpu_sched 2>/dev/null
	insmod "$SIM/simgpu.ko" "$@" || exit 1
}

kmod_up() {
	[[ $MODE != kernel ]] || insmod "$B/$R/earmark.ko" "$@" || exit 1
}

daemon_up() {
	local i
	"$B/earmarkd" --ledger "$LEDGER" --socket "$SOCKET" --commitments "$COMMITMENTS" \
		--recorder "$([[ $MODE == native ]] && echo auto || echo "$MODE")" --period "$PERIOD" "$@" \
		>>"$W/daemon.log" 2>&1 &
	daemon_pid=$!
	for ((i = 0; i < 300; i++)); do
		curl -sf --unix-socket "$SOCKET" http://localhost/v1/status >/dev/null 2>&1 && return
		kill -0 $daemon_pid 2>/dev/null || break
		sleep 0.1
	done
	echo "# earmarkd did not come up:" && sed 's/^/# /' "$W/daemon.log"
	exit 1
}

daemon_down() {
	[[ -n $daemon_pid ]] || return 0
	kill "${1:--TERM}" $daemon_pid 2>/dev/null
	wait $daemon_pid 2>/dev/null
	daemon_pid=
}

# up [SIMGPU PARAMETER...] - a whole node
up() {
	sim_up "$@"
	kmod_up
	daemon_up
}

down() {
	daemon_down
	# whatever still holds a file or sits in a cgroup of this script's
	pkill -KILL simjob 2>/dev/null
	em sensor unpin >/dev/null 2>&1
	rm -rf "${EARMARK_PIN_DIR:-/sys/fs/bpf/earmark}" # the recorder's own state outlives an unpin
	unload earmark
	unload simgpu
	true
}

# unload MODULE - BPF lets go of a module a moment after its last link is gone
unload() {
	local i
	for ((i = 0; i < 100; i++)); do
		[[ -d /sys/module/$1 ]] || return 0
		rmmod "$1" 2>/dev/null && return 0
		sleep 0.1
	done
	echo "# $1 cannot be unloaded: $(cat /sys/module/"$1"/refcnt) references"
	return 1
}
trap down EXIT

# sync - everything until now is sealed and stored; a slow kernel may be behind
sync_ledger() {
	local i
	for ((i = 0; i < 60; i++)); do
		em ledger sync >/dev/null 2>"$W/sync" && return
	done
	cat "$W/sync"
	return 1
}

# cg NAME - a fresh cgroup; prints its directory
cg() {
	mkdir -p "$CG/$1" && echo "$CG/$1"
}

# in_cg DIR COMMAND... - runs the command inside the cgroup
in_cg() {
	local dir=$1
	shift
	bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$dir" "$@"
}

# report FILTER [ARG...] - a figure of the report
report() {
	local filter=$1
	shift
	em --json report "$@" | jq -r "$filter"
}

# job FIELD NAME - sums a field over the report's rows of the job whose path ends in NAME
job() {
	em --json report --by job | jq -r --arg n "$2" \
		"[.rows[] | select(.path // \"\" | endswith(\$n)) | .$1] | add // 0"
}

# sql QUERY - straight from the ledger's file, to check what the product says of itself
sql() { sqlite3 -cmd ".timeout 20000" "file:$LEDGER/ledger.db?mode=ro" "$1"; }

# check_conservation - a test: every GPU row of every interval, to the nanosecond
check_conservation() {
	local rows bad
	rows=$(sql "SELECT count(*) FROM gpu_usage")
	bad=$(sql "SELECT count(*) FROM gpu_usage g WHERE wall != idle + unobserved + (SELECT
		coalesce(sum(gpu_time), 0) FROM usage u WHERE u.interval = g.interval AND u.gpu = g.gpu)")
	if ((rows > 0)) && [[ $bad == 0 ]]; then
		ok "conserved to the nanosecond in each of $rows rows"
	else
		not_ok "$bad of $rows rows are not conserved"
	fi
}
