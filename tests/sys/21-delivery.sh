#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: native
# Alerts reach people, each once, over receivers and a daemon that come and go: real Prometheus
# and Alertmanager, and a webhook that misbehaves. The GPUs are those of a ledger made for it.
. tests/sys/lib.sh

for tool in prometheus prometheus-alertmanager promtool amtool; do
	command -v $tool >/dev/null && continue
	skip "alerts reach people" "$tool is not installed: make deps"
	exit
done
if [[ ! -x $B/unit/ledger_fixture ]]; then
	skip "alerts reach people" "build/unit/ledger_fixture is not built: make unit"
	exit
fi

HOOK=19761 AM=19762 PROM=19763 METRICS=19764 PAGER=19765
PERIOD=500ms
hook_pid='' am_pid='' prom_pid='' pager_pid=''
clean() {
	local pid
	for pid in $am_pid $prom_pid $hook_pid $pager_pid; do
		kill -KILL "$pid" && wait "$pid"
	done 2>/dev/null
	daemon_down -KILL
	rm -rf "$W"
}
trap clean EXIT

# until SECONDS COMMAND... - waits until it succeeds
until_() {
	local i n=$1
	shift
	for ((i = 0; i < n * 5; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	return 1
}

quiet() { "$@" >"$W/quiet" 2>&1 || { sed 's/^/# /' "$W/quiet" && false; }; }

# --- the receivers ---
mode() { echo "$1" >"$W/mode"; }
hook_up() {
	python3 tests/sys/webhook.py $HOOK "$W/mode" "$W/hook.log" key &
	hook_pid=$!
}
am_up() {
	prometheus-alertmanager --config.file="$W/am.yaml" --storage.path="$W/am" \
		--web.listen-address=127.0.0.1:$AM --cluster.listen-address= >>"$W/am.log" 2>&1 &
	am_pid=$!
}
# am JQ - of the alerts that Alertmanager has
am() { curl -sf "http://127.0.0.1:$AM/api/v2/alerts" | jq -e "$1" >/dev/null; }
# paged STATUS - how often Alertmanager passed it on
paged() { cut -d' ' -f3- "$W/pager.log" 2>/dev/null | jq -s --arg s "$1" '[.[].alerts[] |
	select(.labels.alertname == "FloorBreached" and .status == $s)] | length'; }
is_paged() { (($(paged "$1") > 0)); }
heard() { grep -c "^ok .*\"kind\":\"$1\".*\"state\":\"$2\"" "$W/hook.log" 2>/dev/null; }
heard_some() { (($(heard "$1" "$2") > 0)); }

cat >"$W/am.yaml" <<EOF
route: {receiver: pager, group_by: [...], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: pager, webhook_configs: [{url: "http://127.0.0.1:$PAGER/"}]}]
EOF
echo ok >"$W/pager.mode"
python3 tests/sys/webhook.py $PAGER "$W/pager.mode" "$W/pager.log" key &
pager_pid=$!
echo key >"$W/key"
cat >"$W/config.yaml" <<EOF
metrics: 127.0.0.1:$METRICS
alert:
  for: 1s
  keep_firing_for: 1s
  command: $W/command
  webhook: {url: "http://127.0.0.1:$HOOK/", secret_file: $W/key}
  alertmanager: {url: "http://127.0.0.1:$AM"}
EOF
printf '#!/bin/sh\ncat >>%s/told; echo >>%s/told\n' "$W" "$W" >"$W/command"
chmod +x "$W/command"
promise() { # promise SHARE
	printf 'commitments:\n  - name: a-share\n    kind: floor\n    purpose: alignment\n    share: %s\n    window: rolling 1d\n' \
		"$1" >"$COMMITMENTS"
}

# --- nobody listens, or badly: the daemon does not care ---
promise 20%
"$B/unit/ledger_fixture" "$LEDGER" 120 10 || exit 1
: >"$W/hook.log"
mode hang
hook_up
daemon_up --config "$W/config.yaml"
state() { em --json alert list | jq -r --arg k "$1" '[.alerts[] | select(.kind == $k)][0].state // "none"'; }
is_state() { [[ $(state "$1") == "$2" ]]; }
t "the breach fires" until_ 15 is_state FloorBreached firing
t "the webhook was reached, and hangs" until_ 10 grep -q '^hang signed .*FloorBreached' "$W/hook.log"
slowest=0
for _ in {1..15}; do
	start=$(date +%s%N)
	curl -sf --unix-socket "$SOCKET" http://localhost/v1/status >/dev/null || slowest=99999
	took=$((($(date +%s%N) - start) / 1000000))
	((took > slowest)) && slowest=$took
	sleep 0.1
done
t "the daemon answers meanwhile (slowest: $slowest ms)" test $slowest -lt 1000
t "the command was told, which waits for no webhook" until_ 5 grep -q FloorBreached "$W/told"

# --- killed in the middle, webhook hanging, Alertmanager not there yet ---
daemon_down -KILL
mode close
am_up
daemon_up --config "$W/config.yaml"
t "Alertmanager is told after the restart" \
	until_ 20 am '.[] | select(.labels.alertname == "FloorBreached" and .labels.severity == "page")'
t "the watchdog fires there" until_ 5 am '.[] | select(.labels.alertname == "Watchdog")'
t "labels identify, numbers are annotations" \
	am '.[] | select(.labels.alertname == "FloorBreached") | (.labels | keys) ==
	["alertname", "commitment", "node", "severity", "source"] and (.annotations.proven | endswith("%"))'
t "a receiver that hangs up early is tried again" \
	until_ 10 grep -q '^close signed .*FloorBreached' "$W/hook.log"
mode 500
t "so is one that answers 500" until_ 12 grep -q '^500 signed .*FloorBreached' "$W/hook.log"
delivery() { curl -sf --unix-socket "$SOCKET" http://localhost/v1/deliveries | jq -e ".deliveries[] | select(.name == \"$1\") | $2"; }
t "and its health says so" until_ 5 delivery webhook '.ok == false and (.error | test("500"))'
t "doctor says so too" grep -qE 'alerts by webhook.*waiting.*500' <(em doctor)
mode ok
# a change of configuration starts the pauses anew
kill -HUP $daemon_pid
t "once it works, it is told" until_ 15 heard_some FloorBreached firing

# --- a test goes everywhere ---
out=$(em --json alert test)
is "a test reaches every delivery" "$(jq -r '[.deliveries[] | .name + "=" + .result] | join(" ")' <<<"$out")" \
	"journal=ok command=ok webhook=ok alertmanager=ok"
t "the webhook heard it" heard_some Test firing
mode 500
em alert test >/dev/null
is "a test that fails exits 1" $? 1
mode ok

# --- Prometheus ---
sed 's/interval: 1m/interval: 1s/; s/for: 1h/for: 0s/' contrib/prometheus/rules.yaml >"$W/rules.yaml"
cat >"$W/prom.yaml" <<EOF
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$W/rules.yaml]
scrape_configs: [{job_name: earmark, static_configs: [{targets: ["127.0.0.1:$METRICS"]}]}]
EOF
prometheus --config.file="$W/prom.yaml" --storage.tsdb.path="$W/prom" \
	--web.listen-address=127.0.0.1:$PROM >>"$W/prom.log" 2>&1 &
prom_pid=$!
curl -sf "http://127.0.0.1:$METRICS/metrics" >"$W/metrics"
t "promtool check metrics" promtool check metrics <"$W/metrics"
t "no job, path or user is a label" bash -c "! grep -qE 'job|path|uid|project' <(grep -v ^# $W/metrics)"
t "OpenMetrics for who asks, to the last line" \
	grep -qx '# EOF' <(curl -sf -H 'Accept: application/openmetrics-text' "http://127.0.0.1:$METRICS/metrics" | tail -n 1)
t "promtool check rules" quiet promtool check rules contrib/prometheus/rules.yaml
t "promtool test rules" quiet promtool test rules contrib/prometheus/rules_test.yaml
prom() { curl -sfG "http://127.0.0.1:$PROM/api/v1/query" --data-urlencode "query=$1" | jq -e '.data.result | length > 0'; }
t "Prometheus scrapes it" until_ 15 prom 'earmark_alerts{kind="FloorBreached",severity="page",state="firing"} == 1'
t "… as OpenMetrics, with counters" until_ 5 prom 'earmark_capacity_seconds_total'
t "its rules fire on it" until_ 10 prom 'ALERTS{alertname="EarmarkFiring",kind="FloorBreached",alertstate="firing"}'
t "… and not on silence" bash -c "! curl -sfG http://127.0.0.1:$PROM/api/v1/query \
	--data-urlencode 'query=ALERTS{alertname=\"EarmarkSilent\",alertstate=\"firing\"}' | grep -q EarmarkSilent"

# --- a silence ---
em alert silence Watchdog --for 1h --author tester --reason maintenance >/dev/null
is "a silence is shown, and hides no state" "$(em --json alert list | jq -r '.alerts[] |
	select(.kind == "Watchdog") | .state + " " + .silenced.author + " " + .silenced.reason')" \
	"firing tester maintenance"
refused "a silence needs a reason" reason em alert silence X --for 1h --author a
chmod 755 "$W" && chmod 666 "$SOCKET"
refused "others may not silence" "only root" setpriv --reuid=65534 --regid=65534 --clear-groups \
	"$B/earmark" --socket "$SOCKET" alert silence X --for 1h --author a --reason b

# --- webhook and Alertmanager are away while it ends, and the daemon dies before they are back ---
t "Alertmanager passed it on" until_ 5 is_paged firing
{ kill -KILL $hook_pid && wait $hook_pid; } 2>/dev/null
kill $am_pid && wait $am_pid
promise 5%
kill -HUP $daemon_pid
t "kept again: it is resolved" until_ 20 is_state FloorBreached resolved
daemon_down -KILL
am_up
daemon_up --config "$W/config.yaml"
hook_up
t "the webhook is told of the end" until_ 15 heard_some FloorBreached resolved
t "Alertmanager, which was stopped meanwhile, passes the end on" until_ 20 is_paged resolved
gone() { am '[.[] | select(.labels.alertname == "FloorBreached")] | length == 0'; }
t "… and has ended it" until_ 10 gone
sleep 2
is "both of them once" "$(paged firing) $(paged resolved)" "1 1"
is "the webhook accepted each change once" \
	"$(grep '^ok signed .*FloorBreached' "$W/hook.log" | cut -d' ' -f3- | jq -r .id | sort | uniq -c | awk '{ print $1 }' | tr '\n' ' ')" "1 1 "
is "so did the command" \
	"$(grep FloorBreached "$W/told" | jq -r .state | tr '\n' ' ')" "firing resolved "
is "nothing waits" "$(delivery webhook .queued)" 0
daemon_down
t "it stops when told" [ -z "$daemon_pid" ]
