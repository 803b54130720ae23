#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel daemon
# NVIDIA: a job holds a GPU from the channel that it asks for there, and an open file is no use.
. tests/sys/lib.sh
NV=$B/$R/simnv D=$W/nv
insmod "$NV/simnv_dev.ko" gpus=2 || exit 1
nv_down() {
	pkill -KILL simnv 2>/dev/null
	down
	unload simnv_dev
}
trap nv_down EXIT
declare -a at_least
mkdir -p "$D"
for n in 0 1 255; do mknod "$D/$n" c 195 $n; done

# nv JOB STEP... - a process of that job
nv() {
	local dir
	dir=$(cg "$1")
	shift
	in_cg "$dir" "$NV/simnv" "$D" "$@"
}

# over JOB PID - its processes end, and it was PID that waited for them
over() {
	echo 1 >"$CG/$1/cgroup.kill"
	wait "$2" 2>/dev/null
}

# held JOB [GPU] - ns that it held it by the last sync, to the nanosecond
held() {
	sql "SELECT coalesce(sum(held), 0) FROM usage WHERE job = $(stat -c %i "$CG/$1")
		AND (gpu = (SELECT id FROM gpu WHERE name = '${2-}') OR '${2-}' = '')"
}

# stamped FROM TO - ns between two stamps of the last run
stamped() { awk -v a="$1" -v b="$2" '{ t[$1] = $2 } END { printf "%d", t[b] - t[a] }' "$W/stamps"; }

# between WHAT NS LOW HIGH - a test
between() {
	if (($2 >= $3 && $2 <= $4)); then ok "$1"; else not_ok "$1: $2 is not within $3 and $4"; fi
}

# blind GPU - why it is unobserved now
blind() { em --json gpu list | jq -r --arg n "$1" '.gpus[] | select(.name == $n) | .blind | join(" ")'; }

# until_is WANT COMMAND... - waits until it prints that
until_is() {
	local i want=$1
	shift
	for ((i = 0; i < 100; i++)); do
		[[ $("$@") == "$want" ]] && return
		sleep 0.1
	done
	return 1
}

uptime_ns() { awk '{ printf "%.0f", $1 * 1000000000 }' /proc/uptime; }

# tell JOB GPU WORKS [BUSY ERROR CLASS] - what a sensor says of the last 50 ms
tell() {
	local end job
	sleep 0.1
	end=$(uptime_ns)
	job=$(stat -c %i "$CG/$1")
	curl -s -w '%{http_code}' -o "$W/told" --unix-socket "$SOCKET" -d "{\"gpu\": \"$2\", \"job\": $job,
		\"works\": $3, \"start_ns\": $((end - 50000000)), \"end_ns\": $end,
		\"busy_ns\": ${4-0}, \"error_ns\": ${5-0}, \"class\": \"${6-sampled}\"}" http://localhost/v1/work
}

missed() {
	sync_ledger
	report '.lost.missed // 0'
}

kmod_up
daemon_up
chmod 755 "$W"
refused "a user adds no GPU" "only root" setpriv --reuid=65534 --clear-groups "$B/earmark" --socket "$SOCKET" \
	gpu add test/nv0 --meter channel
refused "a meter that is none" "channel" em gpu add test/nv0 --meter sundial
refused "a device that is none" "MAJOR:MINOR" em gpu add test/nv0 --meter channel --device nvidia0
for n in 0 1; do em gpu add test/nv$n --meter channel --device 195:$n --model "Simulated NVIDIA" >/dev/null; done
t "both GPUs are in the inventory and observed" until_is "" blind test/nv0
is "… with their meter" "$(em --json gpu list | jq -r '[.gpus[].meter] | unique | join(" ")')" channel

# An open file is no use: persistence daemons and monitors open every GPU.
nv monitor open 255 open 0 open 1 use 0 use 1 use 255 sleep 500
sync_ledger
is "files and ioctls alone hold nothing" "$(held monitor)" 0

# One GPU: from the channel to the last close of its file.
nv one open 255 open 0 use 0 sleep 300 stamp a alloc 255 c56f stamp b sleep 500 close 255 sleep 200 \
	stamp c close 0 stamp d sleep 300 >"$W/stamps"
sync_ledger
between "a channel holds the GPU that is open, until its file is closed" "$(held one test/nv0)" \
	"$(stamped b c)" "$(stamped a d)"
is "… and no other" "$(held one test/nv1)" 0

channels="c36f c46f c56f c86f c96f ca6f" others="0000 0080 2080 c7b5 c637 c638 c56e 1c56f"
for class in $channels $others; do
	nv "class-$class" open 255 open 1 use 1 alloc 255 $class stamp b sleep 100 stamp c >"$W/stamps"
	at_least[0x$class]=$(stamped b c)
done
sync_ledger
for class in $channels; do
	t "class $class is a channel" [ "$(held class-$class test/nv1)" -ge "${at_least[0x$class]}" ]
done
for class in $others; do
	is "class $class is none" "$(held class-$class)" 0
done

nv named open 255 open 0 open 1 use 0 use 1 alloc 1 c86f stamp b sleep 200 stamp c >"$W/stamps"
sync_ledger
t "a channel on a GPU's own file is on that GPU" [ "$(held named test/nv1)" -ge "$(stamped b c)" ]
is "… and on no other" "$(held named test/nv0)" 0
for how in xfer compat compat-xfer; do
	nv "by-$how" open 255 open 0 use 0 stamp a $how 255 c86f stamp b sleep 200 stamp c close 0 stamp d >"$W/stamps"
	rc=$?
	if ((rc)) && [[ $how == compat* ]]; then
		skip "$how" "this kernel has no 32-bit system calls"
		continue
	fi
	nv "by-$how-other" open 255 open 0 use 0 $how 255 2080 sleep 100
	sync_ledger
	between "seen through $how" "$(held by-$how test/nv0)" "$(stamped b c)" "$(stamped a d)"
	is "… which wraps other things too" "$(held by-$how-other)" 0
done

# fork, and files that come over a socket.
nv forked open 255 open 0 use 0 fork alloc 255 c56f stamp b sleep 200 stamp c >"$W/stamps"
sync_ledger
t "a child's channel is its job's" [ "$(held forked test/nv0)" -ge "$(stamped b c)" ]
cg receiver >/dev/null
nv sender open 255 open 1 use 1 sleep 100 pass $CG/receiver use 1 sleep 200 stamp a alloc 255 c56f stamp b \
	sleep 300 stamp c close 1 stamp d >"$W/stamps"
sync_ledger
between "a file passed on is held by who asks for a channel" "$(held receiver test/nv1)" \
	"$(stamped b c)" "$(stamped a d)"
is "… and not by who opened it" "$(held sender)" 0

# A job that is over lets go, though somebody else has its file.
is "nobody holds anything now" "$(em --json gpu list | jq '[.gpus[].holders] | add')" 0

# Several GPUs: which one cannot be told from the ioctl.
nv two open 255 open 0 open 1 use 0 use 1 sleep 500 alloc 255 c86f sleep 100000 &
two=$!
t "two GPUs open: both are unobserved" until_is "file file" eval 'echo $(blind test/nv0) $(blind test/nv1)'
is "told of one that it works" "$(tell two test/nv1 true 40000000 3000000)" 200
is "… and of the other that it does not" "$(tell two test/nv0 false)" 200
is "… both are observed" "$(blind test/nv0)$(blind test/nv1)" ""
is "… and one is held" "$(em --json gpu list | jq -r '[.gpus[] | select(.holders > 0).name] | join(" ")')" test/nv1
sleep 1
over two $two
sync_ledger
is "the one that it does not work on was not held" "$(held two test/nv0)" 0
t "… the other one was" [ "$(held two test/nv1)" -ge 1000000000 ]
is "busy is what was told" "$(job busy_us two)" 40000
t "the time in between is unobserved" [ "$(report .unobserved_us)" -gt 100000 ]

# What the driver refuses is seen as well: the list of running processes settles it.
nv refusal open 255 open 0 use 0 alloc 255 c86f sleep 100000 &
refusal=$!
t "held at first" until_is 1 eval 'em --json gpu list | jq ".gpus[] | select(.name == \"test/nv0\").holders"'
is "seen not to work" "$(tell refusal test/nv0 false)" 200
is "… it holds no longer" "$(em --json gpu list | jq '[.gpus[].holders] | add')" 0
over refusal $refusal

# Not what can be measured, or of whom nothing is known.
is "told of no such GPU" "$(tell two test/none true)" 404
is "told of more than fits" "$(tell two test/nv0 true 50000000000)" 400
t "… with a sentence" grep -q "no GPU does so much work" "$W/told"
is "told of idle work" "$(tell two test/nv0 false 1)" 400
is "told of an unknown class" "$(tell two test/nv0 true 1 1 guessed)" 400

# What could not be read may have been a channel.
before=$(missed)
nv hidden open 255 open 0 use 0 unreadable 255 unreadable-xfer 255 sleep 100000 &
hidden=$!
t "an argument that cannot be read: the GPU is unobserved" until_is file blind test/nv0
over hidden $hidden
is "… and counted" "$(missed)" $((before + 2))
is "… and nothing held" "$(held hidden)" 0
is "its file closed, the GPU is observed" "$(blind test/nv0)" ""
nv lost open 255 alloc 255 c86f
is "a channel on a GPU that the job never used is counted" "$(missed)" $((before + 3))

# Files from before the sensor.
daemon_down
em sensor unpin >/dev/null
nv early open 255 open 0 use 0 alloc 255 c86f sleep 100000 &
early=$!
sleep 0.5
daemon_up
t "a file from before the sensor is unknown" until_is file blind test/nv0
is "… until it is told" "$(tell early test/nv0 true 1000 100)" 200
is "… it is observed" "$(blind test/nv0)" ""
sleep 1
sync_ledger
t "… and held" [ "$(held early test/nv0)" -gt 500000000 ]
over early $early

broken=$(sql "SELECT count(*) FROM interval WHERE flags & 2")
is "no interval's sum is broken" "$broken" 0
check_conservation
