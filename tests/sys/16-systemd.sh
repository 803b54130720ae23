#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: native
# heavy
# The packages on a Debian of their own with systemd as process 1, in a guest: two versions are
# made here, with the module as DKMS builds it, and tests/sys/systemd/node.sh is run there.
. tests/sys/lib.sh
trap 'rm -rf "$W"' EXIT

for tool in dh_dkms dkms mmdebstrap qemu-img qemu-system-x86_64 fakeroot; do
	command -v $tool >/dev/null && continue
	skip "a Debian with systemd" "$tool is not installed: make deps"
	exit
done
if ((EUID)); then
	skip "a Debian with systemd" "not root: mmdebstrap needs it"
	exit
fi
tests/vm/fetch 6.12 >/dev/null || exit 1
release=$(basename "${EARMARK_CACHE:-$HOME/.cache/earmark}"/6.12/lib/modules/*)
if [[ ! -d /lib/modules/$release/build || ! -e $B/$release/simgpu/simgpu.ko ]]; then
	skip "a Debian with systemd" "no headers of $release, or its modules are not built: make test-tools"
	exit
fi
if ! tests/vm/debian-root >"$W/root.log" 2>&1; then
	sed 's/^/# /' "$W/root.log"
	skip "a Debian with systemd" "none could be made, see above: it needs Debian's mirror once"
	exit
fi
version=$(sed -n 's/^VERSION := //p' Makefile) next=99.0
out=$B/vm/systemd
rm -rf "$out" && mkdir -p "$out"

# next_version - the packages of a later version: another number, and other sources of the module
next_version() {
	local tree=$W/tree obj=$W/obj
	cp -a "$B/deb/tree" "$tree" && cp -a "$B/deb/obj" "$obj" && cd "$tree" || return
	sed -i "s/^VERSION := .*/VERSION := $next/" Makefile
	dh_clean || return # of the first build
	sed -i "1s/(.*)/($next)/" debian/changelog
	sed -i 's/\(MODULE_DESCRIPTION("\)/\1The next: /; s/^static int __init earmark_init(void)$/int earmark_next; &/' kmod/main.c
	# what has the number in it is compiled again, the rest is not
	grep -lr EARMARK_RELEASE user | sed "s#\(.*\)\.c#$obj/\1.o#" | xargs rm -f
	rm -f "$obj"/{libearmark.a,earmark,earmarkd}
	EARMARK_BUILD=$obj dpkg-buildpackage -us -uc -b -nc >"$W/next.log" 2>&1 ||
		{ tail -n 40 "$W/next.log" && return 1; }
	cd - >/dev/null && cp "$W"/earmark*_"$next"_*.deb "$out/"
}

# dkms_of VERSION - what DKMS makes of that package's sources for the guest's kernel
dkms_of() {
	local tree=$W/dkms-$1
	dpkg-deb -x "$out/earmark-dkms_$1_all.deb" "$tree" && mkdir "$tree/tree" || return
	dkms_do() { dkms "$1" --dkmstree "$tree/tree" --sourcetree "$tree/usr/src" -m earmark -v "${@:2}"; }
	if ! { dkms_do add "$1" && dkms_do build "$1" -k "$release" && dkms_do mktarball "$1" \
		-k "$release" --binaries-only --archive "$out/earmark-$1.dkms.tar.gz"; } >"$W/dkms.log" 2>&1; then
		tail -n 20 "$W/dkms.log"
		return 1
	fi
}

if ! make -s deb >"$W/make.log" 2>&1; then
	sed 's/^/# /' "$W/make.log"
	not_ok "make deb"
	exit
fi
cp "$B"/deb/earmark{,-dkms}_"${version}"_*.deb "$out/"
if ! next_version; then
	not_ok "packages of the next version"
	exit
fi
t "DKMS builds the module of this version for $release" dkms_of "$version"
t "… and of the next" dkms_of $next

mkdir -p "$B/vm"
export EARMARK_VERSION=$version EARMARK_NEXT=$next EARMARK_PACKAGES=$out
VM_ENV="EARMARK_VERSION EARMARK_NEXT EARMARK_PACKAGES NAME" VM_TIMEOUT=${VM_TIMEOUT:-900} VM_SMP=1 \
	VM_LOG=$out/console.log tests/vm/run --systemd 6.12 tests/sys/systemd/node.sh
rc=$?
((!rc)) || not_ok "the guest: status $rc"
