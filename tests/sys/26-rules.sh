#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: native
# The site's rules in a running daemon: who is tagged, who is left alone, what enters the record,
# and what a reload does.
. tests/sys/lib.sh
RULES=$W/rules.yaml
PERIOD=500ms
[[ $(stat -fc %T $CG) == cgroup2fs ]] || CG=$CG/unified
export EARMARK_PIN_DIR=/sys/fs/bpf/earmark-rules-test
made=()
clean() {
	daemon_down
	em sensor unpin >/dev/null 2>&1
	rm -rf "$EARMARK_PIN_DIR"
	rmdir "${made[@]}" 2>/dev/null
	rm -rf "$W"
}
trap clean EXIT

cat >"$RULES" <<'END'
rules:
  - name: evaluations
    match: { cgroup: "/earmark-test-*/evals-*", uid: "0" }
    purpose: mixed
    project: evals
  - match: { unit: "earmark-test-*.service" }
    purpose: serving
END
daemon_up --rules "$RULES" --pin-dir "$EARMARK_PIN_DIR"
if [[ $(em --json 2>/dev/null | jq -r '.recorded_by // "nobody"') == nobody ]] &&
	! curl -sf --unix-socket "$SOCKET" http://localhost/v1/status | jq -e .recorded_by >/dev/null; then
	skip "rules are applied" "nobody records here, so nothing can be tagged"
	exit
fi

# group NAME - a cgroup of this test, to be removed
group() {
	mkdir -p "$CG/$1" && made=("$CG/$1" "${made[@]}")
}
# tagged CGROUP - purpose, project and who tagged, of the job there
tagged() {
	em --json job list | jq -r --arg p "$1" \
		'.jobs[] | select(.path == $p) | "\(.purpose) \(if (.project // "") == "" then "-" else .project end) \(.tagged_by)"'
}
# becomes WHAT CGROUP TAG - a test: within ten seconds
becomes() {
	local i
	for ((i = 0; i < 50; i++)); do
		[[ $(tagged "$2") == "$3" ]] && break
		sleep 0.2
	done
	is "$1" "$(tagged "$2")" "$3"
}
top=earmark-test-$$
for g in $top $top/evals-1 $top/evals-2 $top/other $top.service; do
	group "$g"
done

em tag set --cgroup "$CG/$top/evals-2" --tagged-by scheduler capabilities >/dev/null
em tag set --cgroup "$CG/$top/other" capabilities >/dev/null
em tag set --cgroup "$CG/$top/evals-1" capabilities >/dev/null
em tag set --cgroup "$CG/$top.service" capabilities >/dev/null
becomes "a rule goes over what the user said" "/$top/evals-1" "mixed evals rule"
becomes "the unit follows from the cgroup" "/$top.service" "serving - rule"
is "not over what a scheduler said" "$(tagged "/$top/evals-2")" "capabilities - scheduler"
is "not where no rule matches" "$(tagged "/$top/other")" "capabilities - self"
refused "the user cannot take it back" "" em tag set --cgroup "$CG/$top/evals-1" capabilities
is "earmark rule check says the same" \
	"$(em --json rule check "$RULES" --cgroup "/$top/evals-1" --uid 0 | jq -r .match.name)" evaluations

em ledger sync >/dev/null
entry=$(em --json ledger grep '"rule-applied"' | jq -r '.entries[0].entry')
opened=$(em --json ledger show --open "$entry")
t "each application is in the record" grep -q '"evaluations"' <<<"$opened"
t "… with the cgroup" grep -q "/$top/evals-1" <<<"$opened"
closed=$(em --json ledger show "$entry")
is "… in the open there is the kind alone" \
	"$(grep -c '"rule-applied"' <<<"$closed") $(grep -c 'evaluations\|evals-1' <<<"$closed")" "1 0"
is "the rules themselves are in it, once" "$(em --json ledger grep '"kind":"rules"' |
	jq '.entries | length')" 1

# A reload: what is wrong changes nothing, what is right holds for whom no rule has tagged.
status() { curl -sf --unix-socket "$SOCKET" http://localhost/v1/status | jq -c .rules; }
printf 'rules:\n  - purpose: mixd\n' >"$RULES"
kill -HUP "$daemon_pid"
for ((i = 0; i < 50; i++)); do
	[[ $(status | jq -r .error) != - ]] && break
	sleep 0.2
done
t "a wrong file is told with line and column" grep -q 'rules.yaml:2:14: purpose' <<<"$(status)"
is "… and the rules before it hold" "$(status | jq .rules)" 2
printf 'rules:\n  - match: { cgroup: "*/other" }\n    purpose: infrastructure\n' >"$RULES"
kill -HUP "$daemon_pid"
becomes "after a reload the new rules hold" "/$top/other" "infrastructure - rule"
is "… and not for who has been tagged by rule" "$(tagged "/$top/evals-1")" "mixed evals rule"
