// SPDX-License-Identifier: GPL-2.0
/* What of NVIDIA's GPUs cannot be measured here, and what to do; see doctor.h. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/doctor.h"

/* struct finder - where findings go; @nvml: what earmarkd says of NVML */
struct finder {
	const json_t *nvml;
	em_doctor_find *find;
	void *arg;
};

static void say(const struct finder *f, const char *what, const char *state, const char *detail,
		const char *advice)
{
	char safe[768];

	f->find(f->arg, what, state, em_text_safe(safe, sizeof(safe), detail), advice);
}

static void check_library(const struct finder *f)
{
	const char *lacks = em_json_string(f->nvml, "lacks");
	char detail[640];

	snprintf(detail, sizeof(detail), "driver %s%s%s", em_json_string(f->nvml, "driver"),
		 *lacks ? "; the library lacks: " : "", lacks);
	say(f, "NVML", *lacks ? "note" : "ok", detail,
	    "install the NVML library of a newer driver: what needs these is unknown meanwhile");
}

/* One line where the counter is not 0. */
static void check_count(const struct finder *f, const char *key, const char *what,
			const char *state, const char *format, const char *advice)
{
	long long n = em_json_integer(f->nvml, key);
	char detail[128];

	if (!n)
		return;
	snprintf(detail, sizeof(detail), "%lld %s", n, format);
	say(f, what, state, detail, advice);
}

/* What was not believed, and what told nothing: it is in the bounds, and worth a look. */
static void check_samples(const struct finder *f)
{
	long long failed = em_json_integer(f->nvml, "windows_failed");
	json_t *rejected = json_object_get(f->nvml, "rejected"), *n;
	char detail[384];
	const char *why;
	int at = snprintf(detail, sizeof(detail), "%lld of %lld windows told nothing", failed,
			  (long long)em_json_integer(f->nvml, "windows"));
	bool any = failed;

	json_object_foreach(rejected, why, n) {
		if (!json_integer_value(n) || at < 0 || (size_t)at >= sizeof(detail))
			continue;
		at += snprintf(detail + at, sizeof(detail) - (size_t)at, "; not believed: %s %lld",
			       why, (long long)json_integer_value(n));
		any = true;
	}
	if (any)
		say(f, "NVML's samples", "note", detail,
		    "busy time says by how much it can be off; if these grow fast, look at the "
		    "driver's messages (dmesg, NVRM)");
}

void em_doctor_nvidia(const json_t *status, unsigned int devices, em_doctor_find *find, void *arg)
{
	const struct finder f = { json_object_get(status, "nvml"), find, arg };
	bool off = !json_is_object(f.nvml);
	char detail[128];

	if (devices && (off || !json_is_true(json_object_get(f.nvml, "attached")))) {
		snprintf(detail, sizeof(detail), "%u by NVIDIA's own driver, none measured",
			 devices);
		say(&f, "NVIDIA's GPUs", "missing", detail,
		    !status ? "start earmarkd: it asks NVML"
		    : off   ? "nvml is off in earmarkd.yaml: set it to auto, and reload"
			    : "see sensor nvml: their time is in no report until it is attached");
	}
	if (off || !json_is_true(json_object_get(f.nvml, "attached")))
		return;
	check_library(&f);
	check_count(&f, "lost", "lost GPUs", "missing", "fell off the bus, or wait for a reset",
		    "nvidia-smi --gpu-reset, or reboot; or: earmark gpu retire");
	check_count(&f, "denied", "running processes", "missing",
		    "GPUs whose lists earmarkd may not read: nothing is told of them",
		    "give the unit what NVML asks for (MIG: /dev/nvidia-caps), and restart it");
	check_count(&f, "without_samples", "samples of processes", "missing",
		    "GPUs keep none: who holds them is known, how long who worked is not",
		    "busy time there says that it can be anything: judge by gpu-time");
	check_count(&f, "mig_instances", "MIG instances", "note",
		    "are held by whom is known; nothing says how long they work",
		    "NVML has no utilisation of instances: judge by gpu-time");
	check_samples(&f);
}
