#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# In the guest of 16-systemd: a node from nothing to the packages' end, over a reboot. What the
# operator types is taken from docs/operating.md, as printed there.
set -u
S=$(dirname "$0")
B=$PWD/build
SIM=$B/$(uname -r)/simgpu
PACKAGES=/root/packages
# shellcheck source=tests/sys/say.sh
. tests/sys/say.sh

# block SECTION [N] - the commands of the Nth block under that heading, without their comments
block() {
	awk -v section="## $1" -v n="${2:-1}" '
		/^## /  { in_section = $0 == section; seen = 0 }
		in_section && /^```/ { open = !open; seen += open; next }
		in_section && open && seen == n' docs/operating.md | sed 's/  *#.*//'
}

# typed WHAT COMMAND - a test: the line works as it stands, in the directory of the packages
typed() {
	if (cd $PACKAGES && eval "$2") >/tmp/typed 2>&1 </dev/null; then
		ok "$1: $2"
	else
		not_ok "$1: $2: status $?: $(tail -n 5 /tmp/typed)"
	fi
}

# within SECONDS COMMAND... - true as soon as the command is
within() {
	local until=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < until)) || return 1
		sleep 0.3
	done
}
status() { earmark --json | jq -r ".daemon | $1"; }
ready() { [[ $(status .recorded_by 2>/dev/null) == "$1" ]]; }
held() { [[ $(earmark --json job list | jq "[.jobs[] | select(.project == \"$1\") | .gpus_held] | add") == "$2" ]]; }
gpu_time() { earmark --json report --by project | jq "[.rows[] | select(.project == \"$1\") | .gpu_time_us] | add // 0"; }
verify() { earmark ledger verify --key /var/lib/earmark/key.pub /var/lib/earmark >/tmp/verify 2>&1 || { cat /tmp/verify && false; }; }

# what a GPU's driver does on a node: it is there at every boot, before earmarkd
driver() {
	mkdir -p "/lib/modules/$(uname -r)/extra" /run/modules
	cp "$SIM/simgpu.ko" "/lib/modules/$(uname -r)/extra/"
	depmod
	echo "options simgpu gpus=2 rings=1 depth=4" >/etc/modprobe.d/simgpu.conf
	echo simgpu >/etc/modules-load.d/simgpu.conf
	modprobe simgpu
	cp "$SIM/simjob" /usr/local/bin/
	# the training of the operator's first job
	printf '#!/bin/sh\nexec simjob -g 0 -n 30 -d 10000 -q 4 -w 1\n' >/usr/local/bin/python3
	chmod +x /usr/local/bin/python3
	usermod --append --groups render,video ann
}

# packages_here - as if they had been copied to the node; and DKMS finds what it would build
packages_here() {
	local v
	mkdir -p $PACKAGES /usr/share/earmark-dkms
	cp "/host$EARMARK_PACKAGES"/*.deb $PACKAGES/
	for v in "$EARMARK_VERSION" "$EARMARK_NEXT"; do
		cp "/host$EARMARK_PACKAGES/earmark-$v.dkms.tar.gz" /usr/share/earmark-dkms/
	done
}

doctor() {
	local said
	said=$(earmark --json doctor)
	is "doctor has much to say, and all of it is ok" \
		"$(jq -rn --argjson d "${said:-{\}}" '($d.findings // []) | (length > 9 | tostring) +
			([.[] | select(.state != "ok") | "; " + .what + ": " + .detail] | add // "")')" true
}

first_report() {
	local line
	while read -r line; do
		typed "the manual's first commands" "$line"
		[[ $line != *restart* ]] || within 20 ready kernel
		[[ $line != *doctor* ]] || cp /tmp/typed /tmp/doctor
	done < <(block "Five commands")
	doctor
	is "the module records" "$(status .recorded_by)" kernel
	t "the first report has the first job" [ "$(gpu_time probes)" -gt 100000 ]
}

unit() {
	local exposure
	is "the service is enabled and active" \
		"$(systemctl is-enabled earmarkd) $(systemctl is-active earmarkd)" "enabled active"
	is "… and runs as its own user" "$(ps -o user= -p "$(systemctl show -P MainPID earmarkd)")" earmark
	exposure=$(systemd-analyze security earmarkd 2>/dev/null |
		sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
	t "the sandbox in force: exposure ${exposure:-?} is at most 2.5" \
		awk -v e="${exposure:-10}" 'BEGIN { exit !(e + 0 <= 2.5) }'
	is "the watchdog is armed" "$(systemctl show -P WatchdogUSec earmarkd)" 2min
}

# A daemon that hangs is ended by the watchdog and started anew; two minutes are made six seconds,
# until systemd reads its units again.
watchdog() {
	local before
	mkdir -p /run/systemd/system/earmarkd.service.d
	printf '[Service]\nWatchdogSec=6\nTimeoutAbortSec=1\nRestartSec=0\n' \
		>/run/systemd/system/earmarkd.service.d/quick.conf
	systemctl daemon-reload
	systemctl restart earmarkd
	before=$(systemctl show -P MainPID earmarkd)
	kill -STOP "$before"
	t "a daemon that hangs is started anew by the watchdog" within 30 restarted "$before"
	rm -r /run/systemd/system/earmarkd.service.d
	t "… and records again" within 20 ready kernel
}
restarted() {
	local now
	now=$(systemctl show -P MainPID earmarkd)
	[[ $now != 0 && $now != "$1" && $(systemctl show -P NRestarts earmarkd) == 1 ]]
}

# user PROJECT: ann runs a tagged job; with a session of her own the scope is her systemd's
path_of() { earmark --json report --by job --window 1h | jq -r "[.rows[] | select(.project == \"$1\") | .path][0]"; }
users() {
	if systemd-run --quiet --wait --pipe -p PAMName=login --uid=ann \
		earmark run --purpose capabilities --project session -- \
		simjob -g 1 -n 10 -d 10000 -q 4 -w 2 >/tmp/session 2>&1; then
		ok "a user's job by her own systemd"
	else
		not_ok "a user's job by her own systemd: $(cat /tmp/session)"
	fi
	setpriv --reuid=ann --regid=ann --init-groups env -u XDG_RUNTIME_DIR -u DBUS_SESSION_BUS_ADDRESS \
		earmark run --purpose capabilities --project no-session -- \
		simjob -g 1 -n 10 -d 10000 -q 4 -w 3 >/tmp/no-session 2>&1 &&
		ok "a user's job without one, by earmarkd" ||
		not_ok "a user's job without one, by earmarkd: $(cat /tmp/no-session)"
	earmark ledger sync >/dev/null
	t "the first was in a scope of the user's manager: $(path_of session)" \
		grep -qE "^/user.slice/.*user@$(id -u ann).service/.*/earmark-[0-9]+-[0-9a-f]+.scope$" <(path_of session)
	t "the other in a cgroup made for her: $(path_of no-session)" \
		grep -qE "/earmark-[0-9]+-[0-9a-f]+$" <(path_of no-session)
	is "both were set by her" \
		"$(earmark --json tag history | jq -c "[.tags[] | select(.project == \"session\" or .project == \"no-session\") | .uid] | unique")" \
		"[$(id -u ann)]"
}

# A job that runs on while all else changes.
train() {
	systemd-run --quiet --unit=train earmark run --purpose alignment --project train --ref c/1 -- \
		simjob -g 0 -n 1000000 -d 10000 -q 4 -w 4
	t "a job trains, in a scope of the system's" within 20 held train 1
}
tag_of() { earmark --json tag history | jq -c "[.tags[] | select(.project == \"$1\")][-1] | [.uid, .gid, .comm, .tagged_by, .purpose, .ref]"; }

upgrade() {
	local line tag load time
	earmark ledger sync >/dev/null
	tag=$(tag_of train) load=$(status .load_id) time=$(gpu_time train)
	echo 'period: 5s' >>/etc/earmark/earmarkd.yaml
	while read -r line; do
		typed "the manual's upgrade" "${line//NEW/$EARMARK_NEXT}"
	done < <(block Upgrade)
	t "the new daemon records" within 20 ready kernel
	is "it is the new version" "$(status .version) $(earmark --version)" "$EARMARK_NEXT earmark $EARMARK_NEXT"
	t "the new module is the one loaded" [ "$load" != "$(status .load_id)" ]
	t "… as earmark says" earmark module show
	t "the job trains on, and holds its GPU" within 20 held train 1
	is "its tag is the one that it had, by whom it was set" "$(tag_of train)" "$tag"
	is "what was let go and set again is in the record" \
		"$(sqlite3 "file:/var/lib/earmark/ledger.db?mode=ro" "SELECT json_extract(json, '\$.state') FROM note
			WHERE kind='module-upgrade' ORDER BY id" | xargs)" \
		"released restored"
	sleep 2
	earmark ledger sync >/dev/null
	t "its account goes on" [ "$(gpu_time train)" -gt $((time + 1000000)) ]
	is "none of its time is untagged" \
		"$(earmark --json report --by job | jq '[.rows[] | select(.purpose == "untagged") | .gpu_time_us] | add // 0')" 0
	t "the edited configuration is kept" grep -qx 'period: 5s' /etc/earmark/earmarkd.yaml
	t "the ledger verifies" verify
	earmark --json report >/root/report.json
	status .boot_id >/root/boot_id
	sha256sum </var/lib/earmark/key.pub >/root/key
}

after_reboot() {
	t "earmarkd is up by itself, with the module" within 30 ready kernel
	t "it is another boot" [ "$(status .boot_id)" != "$(cat /root/boot_id)" ]
	is "the ledger is the same" "$(sha256sum </var/lib/earmark/key.pub)" "$(cat /root/key)"
	earmark ledger sync >/dev/null
	earmark --json report >/tmp/report.json
	t "what was recorded before is there" \
		jq -e -n --slurpfile a /root/report.json --slurpfile b /tmp/report.json \
		'$b[0].used_us >= $a[0].used_us'
	t "the time between is unobserved" \
		jq -e -n --slurpfile a /root/report.json --slurpfile b /tmp/report.json \
		'$b[0].unobserved_us - $a[0].unobserved_us > 1000000'
	is "… and the sums come out" "$(jq '.capacity_us == .used_us + .idle_us + .unobserved_us' /tmp/report.json)" true
	doctor
	simrun=$(earmark run --purpose serving --project again -- simjob -g 1 -n 10 -d 10000 -q 4 -w 5 2>&1) ||
		echo "# $simrun"
	earmark ledger sync >/dev/null
	t "a job of this boot is in the same record" [ "$(gpu_time again)" -gt 50000 ]
	t "the ledger verifies over both boots" verify
}

# What else the manual prints for a node: its backup, another key, and who may read.
manual() {
	local line before
	before=$(earmark ledger key)
	mkdir -p /backup # the operator's disk
	while read -r line; do typed "the manual's backup" "$line"; done < <(block Backup)
	while read -r line; do typed "the manual's turn of the key" "$line"; done < <(block "Key custody" 2)
	t "the key is another one" [ "$before" != "$(earmark ledger key)" ]
	t "earmarkd goes on under it" within 20 ready kernel
	typed "the manual's reader" "adduser ann earmark"
	t "a member of the group reads the record" \
		setpriv --reuid=ann --regid=ann --init-groups earmark report --window 1h >/dev/null
	t "the ledger verifies under both keys" verify
}

removal() {
	echo "mine" >/etc/earmark/webhook.key
	typed "the manual's end" "apt remove --yes earmark"
	is "removed: no daemon, no sensor" \
		"$(systemctl is-active earmarkd) $(find /sys/fs/bpf/earmark -name 'link_*' 2>/dev/null | wc -l)" "inactive 0"
	t "… the configuration stays" grep -qx 'period: 5s' /etc/earmark/earmarkd.yaml
	t "… and the ledger" test -s /var/lib/earmark/checkpoint
	typed "the manual's end" "apt purge --yes earmark earmark-dkms"
	is "purged: of the configuration only the admin's own file stays" "$(ls /etc/earmark)" webhook.key
	t "… it is said that the ledger stays" grep -q "the ledger and its key stay" /tmp/typed
	t "… which it does, with its key" test -s /var/lib/earmark/checkpoint -a -s /var/lib/earmark/key
	is "the module is in no kernel's directory" "$(find /lib/modules -name 'earmark.ko*')" ""
	t "one that is loaded stays, until it is unloaded" rmmod earmark
	is "nothing of it is left in systemd" "$(find /etc/systemd /lib/systemd /usr/lib/s*.d -name '*earmark*' ! -name 'earmark-vm*')" ""
}

step() {
	local start=$SECONDS
	"$@"
	echo "# $1: $((SECONDS - start)) s"
}
cd "$(dirname "$S")/../.." || exit 1
case $VM_BOOT in
1)
	for s in driver packages_here first_report unit watchdog users train upgrade; do step $s; done
	echo "# $SECONDS s in this boot, up for $(cut -d. -f1 /proc/uptime)"
	exit 94
	;;
*)
	for s in after_reboot manual removal; do step $s; done
	;;
esac
