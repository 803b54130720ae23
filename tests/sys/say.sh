# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# How a behaviour script says what it found: a line a test, as tests/check counts them.

ok() { echo "ok $NAME: $*"; }
not_ok() { echo "not ok $NAME: $*"; }
skip() { echo "skip $NAME: $1 - $2"; }

# t WHAT COMMAND... - a test: the command succeeds
t() {
	local what=$1
	shift
	if "$@"; then ok "$what"; else not_ok "$what ($*)"; fi
}

# is WHAT A B - a test: equal strings
is() {
	if [[ $2 == "$3" ]]; then ok "$1"; else not_ok "$1: '$2' is not '$3'"; fi
}

# near WHAT A B TOLERANCE - a test: |A - B| <= TOLERANCE, integers
near() {
	local d=$(($2 - $3))
	if ((${d#-} <= $4)); then ok "$1"; else not_ok "$1: $2 is not within $4 of $3"; fi
}
