#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Shows that the guest runner reports what it must: usage: selftest.sh [KERNEL]
set -u
top=$(realpath "$(dirname "$0")/../..")
kernel=${1:-6.12}
count=0
failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Runs the guest script on standard input; leaves its status and output.
guest() {
	{
		echo '#!/bin/bash'
		cat
	} >"$scratch/script"
	chmod +x "$scratch/script"
	output=$("$top/tests/vm/run" "$kernel" "$scratch/script" "$@" 2>&1)
	status=$?
}

# check NAME STATUS TEXT: the last guest ended so, and its output has the text.
check() {
	count=$((count + 1))
	if [ "$status" -eq "$2" ] && grep -q -e "$3" <<<"$output"; then
		echo "ok $count $1"
		return
	fi
	failed=1
	echo "not ok $count $1"
	echo "status $status, wanted $2 and '$3':"$'\n'"$output" | sed 's/^/# /'
}

FRUIT='a pear' VM_ENV=FRUIT VM_OUT=$scratch/out guest 'two words' <<'END'
echo "$1, $FRUIT, $PWD, $(id -u), $(uname -r)"
echo kept >"$VM_OUT/file"
grep -q bpf /sys/kernel/security/lsm || exit 4
modprobe gpu_sched || exit 5
(sleep 1000 &)
exit 3
END
check "arguments, variables and the exit status pass" 3 "^two words, a pear, $PWD, 0, 6"
output=$(cat "$scratch/out/file" 2>&1) status=0
check "a file comes back through VM_OUT" 0 kept
guest <<'END'
exit 77
END
check "a skip passes as 77" 77 ''
VM_TIMEOUT=20 guest <<'END'
echo waiting
sleep 1000
END
check "a hang is a failure, with the output so far" 1 waiting
check "a hang is named" 1 'no verdict within 20 s'
guest <<'END'
echo c >/proc/sysrq-trigger
END
check "a crash is a failure" 1 'sysrq_handle_crash'
guest <<'END'
echo '<4>WARNING: CPU: 0 PID: 1 at kernel/none.c:1 none+0x0/0x0' >/dev/kmsg
END
check "a warning is a failure although the script succeeds" 1 'kernel/none.c:1'
VM_ALLOW='none\.c' guest <<'END'
echo '<4>WARNING: CPU: 0 PID: 1 at kernel/none.c:1 none+0x0/0x0' >/dev/kmsg
END
check "a warning can be forgiven" 0 ''
guest <<'END'
echo o >/proc/sysrq-trigger
sleep 100
END
check "a power-off is no verdict" 1 'no verdict'
echo "1..$count"
exit $failed
