#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# btf.sh KDIR MODULE.ko - makes the module's BTF where the kernel's own build could not.
#
# Without BTF no BPF program can call the module's kfuncs. 6.1's headers have neither a vmlinux
# to build it against nor resolve_btfids: the first is taken out of the packaged vmlinuz, the
# second from newer headers. VMLINUX=, VMLINUZ= and RESOLVE_BTFIDS= override what is found.
set -euo pipefail
kdir=$1 module=$2
release=$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' "$kdir/include/generated/utsrelease.h")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

has_btf() {
	readelf -SW "$1" 2>/dev/null | grep -q '\] \.BTF '
}

give_up() {
	echo "btf.sh: $module for $release has no BTF: $*; the module works, but the hold sensor cannot call it" >&2
	exit 0
}

first_file() {
	local f

	for f in "$@"; do
		[[ -e $f ]] && echo "$f" && return
	done
	return 1
}

# The kernel's ELF file is compressed somewhere in the image: find it by its magic.
extract() {
	local magic cat at

	while read -r magic cat; do
		for at in $(LC_ALL=C grep -aobP "$magic" "$1" | cut -d: -f1 | head -n 4); do
			tail -c "+$((at + 1))" "$1" | $cat >"$work/vmlinux" 2>/dev/null || true
			has_btf "$work/vmlinux" && return
		done
	done <<-'END'
		\xfd7zXZ\x00 xz -dcq
		\x28\xb5\x2f\xfd zstd -dcq
		\x1f\x8b\x08 gzip -dcq
		\x02\x21\x4c\x18 lz4 -dcq
		\x5d\x00\x00\x00 lzma -dcq
	END
	return 1
}

if has_btf "$module"; then
	exit 0
fi
command -v pahole >/dev/null || give_up "pahole is not installed"
vmlinux=${VMLINUX:-$(first_file "$kdir/vmlinux" "/sys/kernel/btf/vmlinux.$release" || true)}
if [[ -z $vmlinux && $(uname -r) == "$release" && -e /sys/kernel/btf/vmlinux ]]; then
	vmlinux=/sys/kernel/btf/vmlinux
fi
if [[ -z $vmlinux ]]; then
	image=${VMLINUZ:-$(first_file "/boot/vmlinuz-$release" \
		"${EARMARK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/earmark}"/*/boot/vmlinuz-"$release" \
		/var/cache/earmark/*/boot/vmlinuz-"$release" || true)}
	[[ -n $image ]] || give_up "no vmlinuz of it in /boot to take its types from"
	extract "$image" || give_up "no BTF found in $image"
	vmlinux=$work/vmlinux
fi
resolve=${RESOLVE_BTFIDS:-$(first_file "$kdir/tools/bpf/resolve_btfids/resolve_btfids" \
	/usr/lib/linux-kbuild-*/tools/bpf/resolve_btfids/resolve_btfids || true)}
[[ -n $resolve ]] || give_up "no resolve_btfids: install linux-headers of 6.12"

cp "$module" "$work/module.ko"
LLVM_OBJCOPY=objcopy pahole -J --btf_base "$vmlinux" "$work/module.ko"
"$resolve" -b "$vmlinux" "$work/module.ko"
has_btf "$work/module.ko" || give_up "pahole made none"
cp "$work/module.ko" "$module"
echo "  BTF     $module (made with pahole and $resolve)" >&2
