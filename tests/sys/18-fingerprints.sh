#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: kernel daemon
# heavy
# What jobs on a GPU run is recognised by what it is, not by what it is called: fingerprints.
. tests/sys/lib.sh
up gpus=1 rings=2 depth=4
bin=$W/bin
mkdir -p "$bin"
cp "$SIM/simjob" "$bin/one"
cp "$SIM/simjob" "$bin/renamed"
cp "$SIM/simjob" "$bin/changed"
echo "another build" >>"$bin/changed"
cp "$SIM/simjob" "$bin/large"
truncate -s 200M "$bin/large"

running=()
# works CGROUP PROGRAM - it works on the GPU, and stays until it was looked at
works() {
	mkdir -p "$CG/$1"
	in_cg "$CG/$1" "$2" -g 0 -n 10 -d 10000 -q 4 -w 7 -s 1000 >/dev/null &
	running+=($!)
}
# profile FIELD CGROUP - of the job, once it is in the record
profile() {
	local id i found
	id=$(stat -c %i "$CG/$2")
	for ((i = 0; i < 300; i++)); do
		sync_ledger
		found=$(sql "SELECT json FROM note WHERE kind = 'job-profile'" |
			jq -r "select(.job == $id) | .$1 // \"null\"" | head -n 1)
		[[ -n $found ]] && break
		sleep 0.2
	done
	echo "$found"
}

works work/run-1 "$bin/one"
works work/run-2 "$bin/one"
works work/run-3 "$bin/renamed"
works work/run-4 "$bin/changed"
works other/run-5 "$bin/one"
first=$(profile fingerprint work/run-1)
t "a job on a GPU has a fingerprint" grep -qE '^[0-9a-f]{64}$' <<<"$first"
is "the executable in it is its SHA-256" "$(profile executable work/run-1)" "sha256:$(sha256sum <"$bin/one" | cut -d' ' -f1)"
is "another run of the same is the same" "$(profile fingerprint work/run-2)" "$first"
is "a renamed copy is the same" "$(profile fingerprint work/run-3)" "$first"
changed=$(profile fingerprint work/run-4)
t "a changed program is another" [ -n "$changed" -a "$changed" != null -a "$changed" != "$first" ]
elsewhere=$(profile fingerprint other/run-5)
t "the same program from another template is another" [ -n "$elsewhere" -a "$elsewhere" != null -a "$elsewhere" != "$first" ]
is "the template leaves out what changes from run to run" "$(profile template work/run-3)" "$(profile template work/run-1)"
t "whose it is, is not in the record" [ "$(profile uid_hash work/run-1)" != 0 -a "$(profile uid_hash work/run-1)" != null ]

# A program that takes long to read delays neither the jobs nor the accounts.
sealed() { sql "SELECT count(*) FROM header"; }
before=$(sealed) jobs=$(oracle_jobs total)
works work/run-6 "$bin/large"
sleep 4
sync_ledger
t "while a large program is read its job works" [ "$(oracle_jobs total)" -ge $((jobs + 10)) ]
t "… and intervals are stored" [ "$(sealed)" -ge $((before + 3)) ]
is "… and it is recognised too" "$(profile executable work/run-6)" "sha256:$(sha256sum <"$bin/large" | cut -d' ' -f1)"

for c in "$CG"/work/run-* "$CG"/other/run-*; do echo 1 >"$c/cgroup.kill"; done
wait "${running[@]}" 2>/dev/null
sync_ledger
check_conservation
