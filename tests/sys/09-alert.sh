#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel daemon
# A floor drifts, an alert goes pending, firing, resolved, and survives a restart.
. tests/sys/lib.sh
cat >"$COMMITMENTS" <<EOF
commitments:
  - name: a-fifth
    kind: floor
    purpose: alignment
    share: 20%
    window: rolling 8s
EOF
cat >"$W/config.yaml" <<EOF
entry: 0s
alert:
  for: 2s
  keep_firing_for: 2s
  command: $W/alert
EOF
cat >"$W/alert" <<EOF
#!/bin/sh
cat >>$W/alerts
echo >>$W/alerts
EOF
chmod +x "$W/alert"
sim_up gpus=1 rings=1 depth=4
kmod_up
daemon_up --config "$W/config.yaml"

state() { em --json alert list | jq -r '[.alerts[] | select(.kind == "FloorBreached")][0].state // "none"'; }
# until STATE SECONDS
until_state() {
	local i
	for ((i = 0; i < $2 * 5; i++)); do
		[[ $(state) == "$1" ]] && return 0
		sleep 0.2
	done
	echo "# state is $(state), not $1"
	return 1
}
work() { in_cg "$(cg "$1")" "$SIM/simjob" -g 0 -n "$2" -d 1000 -q 4 >/dev/null; }
em tag set --cgroup "$(cg good)" alignment >/dev/null
em tag set --cgroup "$(cg greedy)" capabilities >/dev/null

work good 4000
sync_ledger
is "kept" "$(em --json commitment check | jq -r '.commitments[0].status')" MET
t "… and exits 0" em commitment check
work greedy 30000 &
worker=$!
t "it drifts: the alert fires" until_state firing 25
em commitment check >/dev/null
is "a breach exits 1" $? 1
daemon_down -KILL
daemon_up --config "$W/config.yaml"
is "it survives a restart" "$(state)" firing
kill $worker 2>/dev/null
pkill simjob
work good 14000 &
worker=$!
t "it recovers and is resolved" until_state resolved 40
wait $worker
t "the command was told of firing and resolved" \
	bash -c "[[ \$(jq -rs 'map(.state) | join(\" \")' $W/alerts) =~ firing.*resolved ]]"
t "each transition is in the record" [ "$(sql "SELECT count(*) FROM note WHERE kind = 'alert'")" -ge 3 ]
