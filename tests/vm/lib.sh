# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts of tests/vm: where guest kernels are cached.
#
# A kernel directory holds
#   bzImage        the kernel
#   vmlinux        the ELF inside it (for BTF, and to boot without decompressing), if it could be had
#   lib/modules/R  its modules, R being the one release
#   build          the tree that modules are built against (debug kernel only)

VM_CACHE=${EARMARK_CACHE:-$HOME/.cache/earmark}

vm_die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# Prints the directory of a kernel given as a cached name or as a path.
vm_kernel_dir() {
	case $1 in
	*/*) realpath -e "$1" ;;
	*) echo "$VM_CACHE/$1" ;;
	esac
}

# Prints the release of the kernel in directory $1.
vm_release() {
	local releases=("$1"/lib/modules/*)

	[ ${#releases[@]} -eq 1 ] && [ -d "${releases[0]}" ] || return 1
	echo "${releases[0]##*/}"
}

# Writes the ELF kernel inside bzImage $1 to $2: the payload's offset and
# length stand in the boot protocol's header, its format in its first bytes.
vm_extract_vmlinux() {
	local setup offset length start magic

	setup=$(od -An -tu1 -j 0x1f1 -N 1 "$1")
	offset=$(od -An -tu4 -j 0x248 -N 4 "$1")
	length=$(od -An -tu4 -j 0x24c -N 4 "$1")
	start=$(((setup + 1) * 512 + offset))
	magic=$(od -An -tx1 -j "$start" -N 4 "$1" | tr -d ' ')
	# The unpacked size is put behind the payload, unless the format ends with it.
	case $magic in
	1f8b*) ;;
	*) length=$((length - 4)) ;;
	esac
	dd if="$1" bs=1M iflag=skip_bytes,count_bytes skip="$start" count="$length" status=none |
		case $magic in
		fd377a58) xz -dcq ;;
		28b52ffd) zstd -dcq ;;
		1f8b*) gzip -dcq ;;
		*) false ;;
		esac >"$2"
}
