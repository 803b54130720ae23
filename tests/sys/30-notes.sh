#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: native
# What people enter into the record through a running daemon, and what it enters by itself: whose
# node it is, each revision of the promises, and what of them was weakened.
. tests/sys/lib.sh
PERIOD=500ms
trap 'daemon_down -KILL; rm -rf "$W"' EXIT

# noted KIND - the notes of that kind, oldest first, one a line
noted() { em --json ledger grep "\"kind\":\"$1\"" | jq -c --arg k "$1" \
	'.entries[] | select(.kind == $k) | .data'; }
# opened KIND - likewise, with what is not public
opened() {
	local entry
	for entry in $(em --json ledger grep "\"kind\":\"$1\"" | jq '.entries[].entry'); do
		em --json ledger show --open "$entry" | jq -c '.opened[].note'
	done
}
count() { noted "$1" | wc -l; }
# post JSON - what /v1/notes answers
post() { curl -s --unix-socket "$SOCKET" -X POST -d "$1" "${@:2}" http://localhost/v1/notes; }
promise() { # promise SHARE
	printf 'commitments:\n  - name: a-share\n    kind: floor\n    purpose: alignment\n    share: %s\n    window: rolling 7d\n    notice: 7d\n' \
		"$1" >"$COMMITMENTS"
}
reload() { kill -HUP "$daemon_pid"; }
# until_is WANT COMMAND... - waits until the command prints that
until_is() {
	local i
	for ((i = 0; i < 50; i++)); do
		[[ $("${@:2}" 2>/dev/null) == "$1" ]] && return 0
		sleep 0.2
	done
	return 1
}

promise 20%
daemon_up

# --- whose record it is ---
is "the record says whose node it is" "$(noted node | jq -r .name)" "$(uname -n)"
is "the text of the promises is in it" \
	"$(noted commitments | jq -r .text | grep -c 'share: 20%')" 1

# --- what people enter ---
em event record 'rival-release' --author ann --reason 'it was in the news' --at 2026-01-02 >/dev/null
is "an event is an entry, with author and reason" \
	"$(noted event | jq -c '[.name, .author, .reason, .uid]')" '["rival-release","ann","it was in the news",0]'
em request open r1 --displace --gpus 8 --purpose alignment --author bob --reason 'a deadline' >/dev/null
em request refuse r1 --displace --gpus 8 --purpose alignment --author eve --reason 'they are in use' >/dev/null
is "a request and its answer, in order" \
	"$(opened request | jq -r '.action + " " + .author' | paste -sd,)" "open bob,refuse eve"
at='"at":"2026-01-02T00:00:00Z","author":"a","reason":"r"'
is "POST /v1/notes takes what the tool sends" \
	"$(post "{\"kind\":\"event\",\"note\":{\"name\":\"posted\",$at}}")" "{}"
is "… and it is in the record" "$(noted event | jq -r .name | paste -sd,)" "rival-release,posted"
# is_refused WHAT SENTENCE JSON - a test: refused with that sentence, and nothing is entered
before=$(count event)
is_refused() {
	local answer
	answer=$(post "$3")
	if [[ $answer =~ $2 && $(count event) == "$before" ]]; then ok "$1"; else not_ok "$1: $answer"; fi
}
is_refused "a kind that only earmarkd writes" "kind: event, order" \
	"{\"kind\":\"commitment-weakened\",\"note\":{$at}}"
is_refused "a note without an author" '"author' \
	'{"kind":"event","note":{"name":"x","at":"2026-01-02T00:00:00Z","reason":"r"}}'
is_refused "a key that no event has" 'has not' "{\"kind\":\"event\",\"note\":{\"name\":\"x\",\"uid\":7,$at}}"
is_refused "a key that no request to the API has" 'is no key' "{\"kind\":\"event\",\"note\":{},\"as\":0}"
is_refused "a name that would colour a terminal" 'printable' \
	"{\"kind\":\"event\",\"note\":{\"name\":\"\\u001b[31m\",$at}}"
is_refused "no JSON at all" . 'kind=event'
chmod 755 "$W" && chmod 666 "$SOCKET"
is_refused_to_others() {
	local answer
	answer=$(setpriv --reuid=65534 --regid=65534 --clear-groups curl -s --unix-socket "$SOCKET" \
		-X POST -d "{\"kind\":\"event\",\"note\":{\"name\":\"x\",$at}}" http://localhost/v1/notes)
	[[ $answer == *"only root"* && $(count event) == "$before" ]]
}
t "others may not write the record" is_refused_to_others

# --- what is promised becomes less ---
is "nothing was weakened yet" "$(count commitment-weakened)" 0
promise 15%
reload
t "a lower floor is noted" until_is 1 count commitment-weakened
is "… which, and from what to what" \
	"$(noted commitment-weakened | jq -r '[.commitment, .key, .from, .to] | join(" ")')" "a-share share 20 % 15 %"
state() { em --json alert list | jq -r '[.alerts[] | select(.kind == "CommitmentWeakened" and (.commitment | startswith("a-share")))][0].state // "none"'; }
t "… and alerted at once" until_is firing state
is "the record has both texts" "$(count commitments)" 2
promise 25%
reload
t "a higher one enters the record" until_is 3 count commitments
is "… and is no weakening" "$(count commitment-weakened)" 1
t "history tells both" bash -c "grep -q weaker <<<\"$(em commitment history)\" && grep -q stronger <<<\"$(em commitment history)\""

# --- a restart says nothing twice, a mistake takes nothing back ---
printf 'commitments: [\n' >"$COMMITMENTS"
reload
t "a file that cannot be read is said" until_is 4 count commitments
t "… by the doctor" bash -c "\"$B/earmark\" --socket \"$SOCKET\" --ledger \"$LEDGER\" doctor | grep -q '^note.*commitments'"
promise 25%
reload
t "corrected" until_is 5 count commitments
daemon_down -KILL
daemon_up
sleep 1
is "after a restart: one node" "$(count node)" 1
is "… the same revisions" "$(count commitments) $(count commitment-weakened)" "5 1"
is "… the same events" "$(count event)" "$before"
t "verify finds the record whole" bash -c "\"$B/earmark\" ledger verify \"$LEDGER\" >/dev/null"

# --- what earmarkd asks once a day: the doctor has a line of each ---
t "doctor speaks of drift" grep -q "drift of alignment's share" <(em doctor)
t "doctor speaks of renamed work" grep -q 'renamed work' <(em doctor)
daemon_down
