#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel daemon
# Bad input and missing pieces: one clear line, exit 2, nothing crashes.
. tests/sys/lib.sh
up gpus=1 rings=1 depth=4

mkdir -p $CG/bad
refused "a wrong purpose" "alignmnt.*alignment" em tag set --cgroup $CG/bad alignmnt
refused "an over-long project" "63" em tag set --cgroup $CG/bad alignment --project "$(printf 'x%.0s' {1..64})"
refused "a project with control characters" "." em tag set --cgroup $CG/bad alignment --project $'a\tb'
refused "a cgroup that is gone" "cgroup|No such" em tag set --cgroup $CG/nosuch alignment
refused "a directory that is no cgroup" "cgroup" em tag set --cgroup /tmp alignment
refused "an unknown object" "." em frobnicate
refused "an unknown option" "." em report --nonsense
refused "a window that is none" "." em report --window purple
refused "a ledger that is not there" "/nosuch" "$B/earmark" --ledger /nosuch report
is "errors are JSON with --json" "$(em --json tag set --cgroup $CG/nosuch alignment 2>/dev/null | jq 'has("error")')" true
em run --purpose alignment -- /nosuch >/dev/null 2>&1
is "run: a command that is not there is 127" $? 127
em run --purpose nonsense -- true >/dev/null 2>&1
is "run: its own failures are 125" $? 125
em run --purpose alignment -- sh -c 'exit 7' >/dev/null
is "run: passes the command's status" $? 7
em run --purpose alignment -- sh -c 'kill -TERM $$' >/dev/null 2>&1
is "run: dies of the command's signal" $? 143
bash -c "$B/earmark --socket $SOCKET run --purpose alignment -- sh -c 'trap \"exit 9\" INT; : >$W/ready; while :; do sleep 0.1; done' & p=\$!; until [ -e $W/ready ]; do sleep 0.1; done; kill -INT \$p; wait \$p" >/dev/null 2>&1
is "run: passes signals on" $? 9

# What talks to the daemon's socket is as untrusted as anything.
api() { curl -s --max-time 5 -o /dev/null -w '%{http_code}' --unix-socket "$SOCKET" "$@"; }
is "API: not JSON" "$(api -d 'nonsense' http://localhost/v1/tag)" 400
is "API: unknown path" "$(api http://localhost/v1/nosuch)" 404
is "API: a body too large" "$(head -c 200000 /dev/zero | api --data-binary @- http://localhost/v1/tag)" 413
is "API: wrong method" "$(api -X DELETE http://localhost/v1/status)" 405
t "the daemon lives" kill -0 "$daemon_pid"

if [[ $MODE == kernel ]]; then
	daemon_down
	"$B/fuzz/netlink_fuzz" "${EARMARK_FUZZ:-100000}"
	em sensor unpin >/dev/null
	unload earmark
	# no module: the daemon asked for it says so and exits 2
	refused "a missing module" "module" timeout 10 "$B/earmarkd" --ledger "$W/none" --socket "$W/none.sock" --recorder kernel
fi
