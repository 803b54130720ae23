#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: native
# The Debian packages: what is in them, that lintian has nothing to say, and that installing,
# upgrading, removing and purging leave what is the admin's; in a root of their own.
. tests/sys/lib.sh
trap 'rm -rf "$W"' EXIT

for tool in dh_dkms lintian dpkg-deb shellcheck systemd-analyze rsync; do
	command -v $tool >/dev/null && continue
	skip "packages" "$tool is not installed: make deps"
	exit
done
before=$(git status --porcelain)
version=$(sed -n 's/^VERSION := //p' Makefile)
if ! make -s deb >"$W/make.log" 2>&1; then
	sed 's/^/# /' "$W/make.log"
	not_ok "make deb"
	exit
fi
ok "make deb"
slurm=$B/deb/earmark-slurm_${version}_amd64.deb
deb=$B/deb/earmark_${version}_amd64.deb dkms=$B/deb/earmark-dkms_${version}_all.deb
is "the copy is built, not the tree" "$(git status --porcelain)" "$before"

# --- what is in them ------------------------------------------------------------------------
dpkg-deb -c "$deb" | awk '{ sub(/^\./, "", $6); print $1, $2, $6 }' >"$W/list"
# has MODE FILE - root's, with that mode
has() { t "$2 is there, $1" grep -qE "^$1 root/root $2\$" "$W/list"; }
has -rwxr-xr-x /usr/bin/earmark
has -rwxr-xr-x /usr/sbin/earmarkd
for page in man/*.[0-9]; do
	has -rw-r--r-- "/usr/share/man/man${page##*.}/${page##*/}.gz"
done
has -rw-r--r-- /usr/share/bash-completion/completions/earmark
has -rw-r--r-- /lib/systemd/system/earmarkd.service
has -rw-r--r-- /usr/lib/sysusers.d/earmark.conf
has -rw-r--r-- /usr/lib/tmpfiles.d/earmark.conf
confs=(commitments earmarkd rules)
for conf in "${confs[@]}"; do
	has -rw-r--r-- "/etc/earmark/$conf.yaml"
done
is "nothing for all to write, nothing with another's rights" \
	"$(grep -vE '^[d-]r[w-][x-]r-[x-]r-[x-] root/root ' "$W/list")" ""
is "nothing under /var, /run or /usr/local" "$(grep -E ' /(var|run|usr/local)' "$W/list")" ""

dpkg-deb -e "$deb" "$W/control"
is "conffiles" "$(sort "$W/control/conffiles")" "$(printf '/etc/earmark/%s.yaml\n' "${confs[@]}")"
is "version" "$(dpkg-deb -f "$deb" Version)" "$version"
for script in "$W"/control/{postinst,prerm,postrm}; do
	t "shellcheck of ${script##*/}" shellcheck -s sh -S warning "$script"
done
dpkg-deb -x "$deb" "$W/x"
is "the program says its version" "$("$W/x/usr/bin/earmark" --version)" "earmark $version"
t "the completion is the program's" cmp -s <("$W/x/usr/bin/earmark" completion bash) \
	"$W/x/usr/share/bash-completion/completions/earmark"
t "the completion is bash" bash -n "$W/x/usr/share/bash-completion/completions/earmark"
t "the shipped rules are right" \
	bash -c '"$0" rule check "$1" >/dev/null' "$W/x/usr/bin/earmark" "$W/x/etc/earmark/rules.yaml"
t "the shipped configuration is that of the tree" cmp -s contrib/earmarkd.yaml \
	"$W/x/etc/earmark/earmarkd.yaml"

dpkg-deb -x "$dkms" "$W/d"
src=$W/d/usr/src/earmark-$version
t "dkms: the module's sources are those of the tree" diff -r kmod "$src/kmod"
t "dkms: … with the contract" cmp include/uapi/earmark.h "$src/include/uapi/earmark.h"
is "dkms: version" "$(bash -c ". '$src/dkms.conf' && echo \$PACKAGE_VERSION")" "$version"
is "dkms: no placeholder is left" "$(grep -c '[@#]MODULE_VERSION\|@VERSION@' "$src/dkms.conf")" 0

dpkg-deb -c "$slurm" | awk '{ sub(/^\./, "", $6); print $1, $2, $6 }' >"$W/list"
has -rw-r--r-- "/usr/lib/$(cc -print-multiarch)/slurm-wlm/earmark.so"
has -rw-r--r-- /etc/slurm/plugstack.conf.d/earmark.conf
has -rw-r--r-- /usr/share/man/man8/earmark-slurm.8.gz
is "slurm: nothing else" "$(grep -v '/$' "$W/list" | grep -cvE ' /usr/share/doc/')" 3
is "slurm: for the Slurm it was built with, and no other" \
	"$(dpkg-deb -f "$slurm" Depends | grep -oE 'slurm-wlm-basic-plugins [^,]*' | tr '\n' ' ')" \
	"slurm-wlm-basic-plugins (>= 22.05) slurm-wlm-basic-plugins (<< 22.05.99) "
dpkg-deb -x "$slurm" "$W/s"
is "slurm: into Slurm's daemons it brings libc and nothing else" \
	"$(objdump -p "$W"/s/usr/lib/*/slurm-wlm/earmark.so | awk '$1 == "NEEDED" { print $2 }')" libc.so.6
is "slurm: of what it defines Slurm sees its hooks alone" \
	"$(nm -D --defined-only "$W"/s/usr/lib/*/slurm-wlm/earmark.so | awk '{ print $3 }' | grep -cvE '^(slurm_spank_[a-z_]+|(spank_)?plugin_(name|type|version))$')" 0

# what a build needs is said twice, for make deps and for Debian
mapfile -t libs < <(make -pn 2>/dev/null | sed -n 's/^DEPS_BUILD := //p' | tr ' ' '\n' | grep -E '^lib|-dev$')
missing=
for lib in "${libs[@]}"; do
	grep -qE "^ $lib,$" debian/control || missing+="$lib "
done
is "debian/control has the libraries of tests/deps.mk (${#libs[@]})" "${missing:-none}" \
	"$( ((${#libs[@]})) && echo none)"

t "lintian has nothing to say" lintian --allow-root --fail-on error,warning \
	"$B/deb/earmark_${version}_amd64.changes"

# --- the manual -----------------------------------------------------------------------------
# unnamed - objects, verbs and options of the program that its manual does not have
unnamed() {
	local object verb option
	for object in $("$B/earmark" --help | sed -n '/^objects:/,/^options:/s/^  \([a-z]*\) .*/\1/p'); do
		for verb in $("$B/earmark" "$object" --help |
			sed -nE "s/^  earmark $object ([a-z][a-z-]*).*/\1/p"); do
			grep -qE "^\.(It )?Cm ($object )?(.*\| )?$verb\b" man/earmark.1 || echo "$object $verb"
		done
		for option in $("$B/earmark" "$object" --help | grep -oE '^      --[a-z-]+'); do
			grep -qE "Fl (.* )?${option/#-/}( |$)" man/earmark.1 || echo "$object $option"
		done
	done
	for option in $("$B/earmarkd" --help | grep -oE '^  --[a-z-]+'); do
		grep -qE "Fl (.* )?${option/#-/}( |$)" man/earmarkd.8 || echo "earmarkd $option"
	done
}
is "the manual has every verb and option" "$(unnamed)" ""
is "mandoc has nothing to say" "$(mandoc -T lint -W warning man/*.[0-9] contrib/slurm/*.8)" ""

# --- the unit -------------------------------------------------------------------------------
unit=contrib/systemd/earmarkd.service
exposure=$(systemd-analyze security --offline=true $unit 2>/dev/null |
	sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
t "exposure ${exposure:-?} is at most 2.5" \
	awk -v e="${exposure:-10}" 'BEGIN { exit !(e + 0 <= 2.5) }'
caps() { grep -oE 'CAP_[A-Z_]+' | sort -u | tr '\n' ' '; }
kept=$(sed -n '/^static const unsigned int kept/,/};/p' user/daemon/privilege.c | caps)
is "capabilities: the unit's are the daemon's" "$(grep '^CapabilityBoundingSet=' $unit | caps)" "$kept"
is "… and what it is started with" "$(grep '^AmbientCapabilities=' $unit | caps)" "$kept"

# --- coming and going -----------------------------------------------------------------------
# Maintainer scripts run outside the root, which has no shell: /run is hidden from them, so that
# no service of this machine is touched.
if ((EUID)) || ! unshare -m true 2>/dev/null; then
	skip "installing, upgrading, purging" "not root, or no mount namespace"
	exit
fi
root=$W/root
mkdir -p "$root"/var/lib/dpkg/{info,updates} "$root"/etc
touch "$root/var/lib/dpkg/status"
pkg() {
	DEBIAN_FRONTEND=noninteractive unshare -m bash -c \
		'mount -t tmpfs none /run && exec dpkg --root="$0" --log=/dev/null --force-depends --force-script-chrootless "$@"' \
		"$root" "$@" >"$W/dpkg.log" 2>&1 || {
		sed 's/^/# /' "$W/dpkg.log"
		return 1
	}
}
mode_of() { stat -c %a "$root$1" 2>/dev/null || echo none; }

t "install" pkg -i "$deb"
t "the program is there" test -x "$root/usr/bin/earmark"
is "the ledger's directory is not for all" "$(mode_of /var/lib/earmark)" 750
t "the user is there" grep -q '^earmark:' "$root/etc/passwd"
is "the ledger's directory is the user's" "$(stat -c %u "$root/var/lib/earmark")" \
	"$(awk -F: '$1 == "earmark" { print $3 }' "$root/etc/passwd")"
t "the service is enabled" \
	test -L "$root/etc/systemd/system/multi-user.target.wants/earmarkd.service"

# The next version has another default for what the admin has edited and for what not.
echo 'period: 5s' >>"$root/etc/earmark/earmarkd.yaml"
echo evidence >"$root/var/lib/earmark/checkpoint"
cp -a "$root/etc/earmark/earmarkd.yaml" "$W/edited.yaml"
dpkg-deb -R "$deb" "$W/next"
sed -i "s/^Version: .*/Version: $version+1/" "$W/next/DEBIAN/control"
for conf in "${confs[@]}"; do
	echo "# of the next version" >>"$W/next/etc/earmark/$conf.yaml"
done
dpkg-deb -Zgzip -z1 --root-owner-group -b "$W/next" "$W/next.deb" >/dev/null
t "upgrade" pkg --force-confold --force-confdef -i "$W/next.deb"
t "what the admin has edited is kept" cmp -s "$W/edited.yaml" "$root/etc/earmark/earmarkd.yaml"
t "… and the new default lies beside it" \
	grep -q 'of the next version' "$root/etc/earmark/earmarkd.yaml.dpkg-dist"
t "what nobody has edited is the new one" \
	grep -q 'of the next version' "$root/etc/earmark/commitments.yaml"

t "remove" pkg -r earmark
t "… takes the program" test ! -e "$root/usr/bin/earmark"
t "… and leaves the configuration" test -e "$root/etc/earmark/earmarkd.yaml"
echo secret >"$root/etc/earmark/webhook.key"
t "purge" pkg -P earmark
t "… says that the ledger stays" grep -q 'the ledger and its key stay' "$W/dpkg.log"
is "… which it does" "$(cat "$root/var/lib/earmark/checkpoint" 2>/dev/null)" evidence
is "… and of the configuration only what the admin made" "$(ls "$root/etc/earmark")" webhook.key
is "nothing else is left" "$(find "$root" -path "$root/var/lib/dpkg" -prune -o -name '*earmark*' \
	-print | sed "s#^$root##" | sort | tr '\n' ' ')" "/etc/earmark /run/earmark /var/lib/earmark "

rm "$root/var/lib/earmark/checkpoint"
t "installed again" pkg -i "$deb"
t "purged without a ledger" pkg -P earmark
t "… no empty directory stays" test ! -e "$root/var/lib/earmark"
