#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: native
# NVIDIA's GPUs through a test double of NVML: inventory, sensor, doctor, metrics, and what is said
# when the library is not there, lacks functions, or its driver goes away. What jobs are charged is
# tried where there are cgroups and a recorder: tests/unit/nvidia_test.c, tests/sys/14-nvidia.sh.
. tests/sys/lib.sh

DOUBLES=$B/nvml
export EARMARK_NVML_DOUBLE=$W/script
METRICS=127.0.0.1:$((20000 + $$ % 20000))

# nvml VALUE - starts earmarkd with it; "" = leaves the key out
nvml() {
	daemon_down
	{
		[[ -z $1 ]] || echo "nvml: $1"
		echo "metrics: $METRICS"
	} >"$W/earmarkd.yaml"
	daemon_up --config "$W/earmarkd.yaml"
}

says() { em --json "$@" 2>/dev/null; }
finding() { says doctor | jq -r --arg w "$1" '[.findings[] | select(.what == $w)][0].'"$2"; }
metric() { curl -sf "http://$METRICS/metrics" | awk -v m="$1" '$1 == m { print $2 }'; }

# until_is WHAT WANT COMMAND... - a test: the command says so within twenty seconds
until_is() {
	local what=$1 want=$2 got i
	shift 2
	for ((i = 0; i < 100; i++)); do
		got=$("$@")
		[[ $got == "$want" ]] && break
		sleep 0.2
	done
	is "$what" "$got" "$want"
}

gpus() { says gpu list | jq -r '[.gpus[].name] | sort | join(" ")'; }
attached() { says sensor list | jq -r '.sensors[] | select(.name == "nvml").attached'; }

cat >"$W/script" <<-END
	driver 570.86.10
	gpu 0 NVIDIA_H100_80GB_HBM3 GPU-5a4f0c1e 0000:41:00 0
	gpu 1 NVIDIA_A100-SXM4-40GB GPU-77777777 0000:c1:00 1
	mig 1 7
	instance 1/0 NVIDIA_A100-SXM4-40GB_MIG_3g.20gb MIG-33333333 3
	compute 0 $$ 1073741824
	compute 1/0 $$ 1048576
	live 0 $$ 70
	energy 0 5000
END

nvml "$DOUBLES/new/libnvidia-ml.so.1"
until_is "the inventory has the GPUs" "mig/MIG-33333333 pci/0000:41:00.0" gpus
gpu=$(says gpu list | jq '.gpus[] | select(.name == "pci/0000:41:00.0")')
is "… its model" "$(jq -r .model <<<"$gpu")" "NVIDIA H100 80GB HBM3"
is "… its UUID" "$(jq -r .uuid <<<"$gpu")" GPU-5a4f0c1e
is "… its weight, from the table" "$(jq -r .weight <<<"$gpu")" 989
is "… how it is metered" "$(jq -r .meter <<<"$gpu")" channel
is "… its device number" "$(jq -r '.devnums | join(" ")' <<<"$gpu")" 195:0
gpu=$(says gpu list | jq '.gpus[] | select(.name == "mig/MIG-33333333")')
is "an instance weighs its slices" "$(jq -r .weight <<<"$gpu")" 134
is "… and is told of" "$(jq -r .meter <<<"$gpu")" told
until_is "sensor list has nvml" true attached
t "the table has it too" grep -q nvml <<<"$(em sensor list)"
is "doctor names the driver" "$(finding NVML detail)" "driver 570.86.10"
is "doctor: of MIG instances busy time is unknown" "$(finding "MIG instances" state)" note
until_is "metrics count what was not believed" 0 \
	metric 'earmark_nvml_samples_rejected_total{reason="percent"}'

# where anybody records at all, what was told is in the ledger
status() { curl -sf --unix-socket "$SOCKET" http://localhost/v1/status | jq -r "$1"; }
if [[ $(status .recorded_by) == null ]]; then
	skip "what is told is charged" "nobody records here: $(status .why)"
else
	windows() { metric earmark_nvml_windows_total; }
	for ((i = 0; i < 100; i++)); do
		(($(windows) >= 2)) && break # of the GPU and of the instance
		sleep 0.2
	done
	echo "energy 0 8000" >>"$W/script"
	sync_ledger
	t "who is in an instance's list holds it" [ "$(report .used_us)" -gt 0 ]
	busy=$(report .busy_us)
	t "work is charged, and never more than there was time" \
		[ "$busy" -gt 0 -a "$busy" -le "$(report .capacity_us)" ]
	check_conservation
	daemon_down # what waits to be noted is
	is "energy is noted" \
		"$(sql "SELECT json FROM note WHERE kind = 'energy'" | jq -r '"\(.mj) \(.class)"')" "3000 counter"
	t "memory over time is noted" [ "$(sql "SELECT json FROM note WHERE kind = 'memory'" |
		jq -s 'map(.byte_s) | add > 1000000000')" = true ]
fi

# the same configuration with another library: what it lacks is said
nvml "$DOUBLES/old/libnvidia-ml.so.1"
until_is "an old library does" true attached
is "… and doctor says what it lacks" "$(finding NVML state)" note
t "… by name" grep -q "clients of MPS" <<<"$(finding NVML detail)"

nvml "$DOUBLES/new/libnvidia-ml.so.1"
until_is "it is back" true attached
echo "state 9" >>"$W/script"
until_is "a driver that is unloaded is noticed" false attached
t "doctor says so" grep -qi "driver is not loaded\|does not answer" <<<"$(finding "sensor nvml" advice; finding "sensor nvml" detail)"
is "… and that something is missing" "$(finding "sensor nvml" state)" missing
sed -i '/^state/d' "$W/script"
until_is "… and when it is loaded anew" true attached

nvml /nowhere/libnvidia-ml.so.1
until_is "no library" false attached
t "… doctor says what to do" grep -q "name it as nvml" <<<"$(says doctor)"

nvml off
is "off is off" "$(attached)" ""
is "… and no GPU is known" "$(gpus)" ""
if [[ -e /proc/driver/nvidia/version ]]; then
	skip "auto where there is no driver" "NVIDIA's driver is loaded here"
else
	nvml auto
	is "auto, and no driver: nothing is missing" "$(attached)" ""
fi
daemon_down
echo "nvml: libnvidia-ml.so.1" >"$W/earmarkd.yaml"
t "a relative path is refused" \
	grep -q 'nvml: "libnvidia-ml.so.1" is not auto, off or the absolute path' \
	<<<"$("$B/earmarkd" --config "$W/earmarkd.yaml" --ledger "$LEDGER" 2>&1)"
