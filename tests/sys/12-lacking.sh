#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel daemon
# What is of the wrong make, or not allowed: one clear line, exit 2, and nothing is claimed.
. tests/sys/lib.sh
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
em_nobody() { nobody "$B/earmark" --ledger "$LEDGER" --socket "$SOCKET" "$@"; }
doctor_says() { em doctor 2>&1 | grep -qE "$1"; }

up gpus=1 rings=1 depth=4
chmod 755 "$W"
gpu=$(em --json gpu list | jq -r '.gpus[0].name')
refused "a user retires no GPU" "only root" em_nobody gpu retire "$gpu" --reason none
refused "a user unpins no sensor" "root" em_nobody sensor unpin
refused "a user seals nothing" "only root" em_nobody ledger sync
refused "a user sends no test alert" "only root" em_nobody alert test
t "a user may ask the doctor" grep -q "$gpu.*observed" <(em_nobody doctor 2>&1)
is "the GPU is still there" "$(em --json gpu list | jq -r '.gpus[0].name')" "$gpu"
daemon_down

if [[ $MODE == kernel ]]; then
	mkdir "$W/own" && chown nobody "$W/own"
	refused "a user's earmarkd gets nothing from the module" "only to root" \
		nobody timeout 20 "$B/earmarkd" --ledger "$W/own/ledger" --socket "$W/own/sock" --recorder kernel
	em sensor unpin >/dev/null
	unload earmark
	# without BTF no program can call it: the module loads, meters, and knows of no hold
	objcopy --remove-section .BTF "$B/$R/earmark.ko" "$W/earmark.ko"
	insmod "$W/earmark.ko"
	daemon_up
	in_cg "$(cg worker)" "$SIM/simjob" -g 0 -n 50 -d 10000 -q 4 -w 1 >/dev/null
	sync_ledger
	t "no BTF: doctor names the module's" doctor_says "missing +module's BTF .*pahole"
	t "… and that nothing tells of holds" doctor_says "missing +sensor hold .*without BTF"
	busy_is "… busy is the hardware's all the same" "$(job busy_us worker)" "$(oracle_busy 1)"
	daemon_down
	unload earmark
fi

# A module of another version is not listened to: earmarkd says so, or records with BPF alone.
insmod "$B/$R/other/earmark.ko"
refused "a module of another version" "another version.*one release" \
	timeout 20 "$B/earmarkd" --ledger "$W/none" --socket "$W/none.sock" --recorder kernel
is "… nothing is claimed" "$("$B/earmark" --ledger "$W/none" --json report | jq .capacity_us)" 0
t "… and doctor names it" doctor_says "module earmark .*another version"
refused "… and it takes no tag" "another version" em tag set --cgroup "$(cg user)" alignment
if [[ $MODE == daemon ]]; then
	daemon_up
	em tag set --cgroup "$(cg worker)" alignment >/dev/null
	is "… BPF alone tags beside it" "$(em --json job show $CG/worker | jq -r .purpose)" alignment
	in_cg $CG/worker "$SIM/simjob" -g 0 -n 50 -d 10000 -q 4 -w 1 >/dev/null
	sync_ledger
	busy_is "… and records beside it" "$(job busy_us worker)" "$(oracle_busy 1)"
fi
check_conservation
