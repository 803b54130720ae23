#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# deps.sh PACKAGE... - installs the Debian packages that are missing, and says what it does.
set -euo pipefail

missing=()
for package; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[[ $state == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

root=()
if ((EUID)); then
	command -v sudo >/dev/null || {
		echo "deps: as root, run: apt-get install ${missing[*]}" >&2
		exit 2
	}
	root=(sudo)
fi
echo "deps: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends "${missing[@]}"
}
# What is installed to be tested in guests must not run here: nothing is started, and nothing at the
# next boot, of what was not there before.
policy=/usr/sbin/policy-rc.d
[[ -e $policy ]] || {
	printf '#!/bin/sh\nexit 101\n' | "${root[@]}" install -m 755 /dev/stdin $policy
	trap '"${root[@]}" rm -f $policy; rm -f "$log"' EXIT
}
# A package list that is old or absent fails the first try only.
install >"$log" 2>&1 || { "${root[@]}" apt-get update && install; } >"$log" 2>&1 || {
	cat "$log" >&2
	echo "deps: apt-get could not install: ${missing[*]}" >&2
	exit 2
}
for unit in slurmctld slurmd munge; do
	[[ " ${missing[*]} " == *" $unit "* ]] || continue
	"${root[@]}" systemctl -q disable "$unit" 2>/dev/null || true # where there is no systemd
done
