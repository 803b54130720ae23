// SPDX-License-Identifier: GPL-2.0
/* What is known from looks at fdinfo and KFD, and what that leaves open; see doctor.h. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/doctor.h"

/* struct finder - where findings go */
struct finder {
	em_doctor_find *find;
	void *arg;
};

static double seconds(const json_t *o, const char *key)
{
	return (double)em_json_integer(o, key) / 1e6;
}

static void check_fdinfo(const struct finder *f, const json_t *fdinfo, double every)
{
	long long silent = em_json_integer(fdinfo, "silent");
	char text[256];

	snprintf(text, sizeof(text),
		 "%lld GPUs, each %g s: %.3f s of work told, give or take %.3f s",
		 (long long)em_json_integer(fdinfo, "gpus"), every, seconds(fdinfo, "busy_us"),
		 seconds(fdinfo, "error_us"));
	f->find(f->arg, "sensor fdinfo", silent ? "note" : "ok", text,
		"the driver says nothing of some files: their GPU is unobserved while they are open");
}

/* Where work is seen exactly, fdinfo only confirms it. */
static void check_crosscheck(const struct finder *f, const json_t *c)
{
	long long windows = em_json_integer(c, "windows"), differ = em_json_integer(c, "differ");
	char text[256];

	if (!windows)
		return;
	if (differ)
		snprintf(text, sizeof(text),
			 "%lld of %lld windows differ from what the scheduler shows, the last by "
			 "%.3f s where %.3f s are explained",
			 differ, windows,
			 (double)llabs(em_json_integer(c, "fdinfo_us") -
				       em_json_integer(c, "exact_us")) /
				 1e6,
			 seconds(c, "bound_us"));
	else
		snprintf(text, sizeof(text),
			 "%lld windows, none differs from what the scheduler shows", windows);
	f->find(f->arg, "fdinfo cross-check", differ ? "note" : "ok", text,
		"the scheduler's figure stands: report driver and kernel to earmark's authors");
}

static void check_kfd(const struct finder *f, const json_t *kfd, double every)
{
	long long bad = em_json_integer(kfd, "bad");
	char text[256];

	snprintf(text, sizeof(text), "queues and occupancy, each %g s; %lld files of no use", every,
		 bad);
	f->find(f->arg, "sensor kfd", bad ? "note" : "ok", text,
		"this kernel's KFD says things that are not understood: what it counts is in the "
		"bound");
}

void em_doctor_sampling(const json_t *status, em_doctor_find *find, void *arg)
{
	const json_t *s = json_object_get(status, "sampling");
	const json_t *fdinfo = json_object_get(s, "fdinfo"), *kfd = json_object_get(s, "kfd");
	bool told = em_json_integer(fdinfo, "gpus"),
	     there = json_is_true(json_object_get(kfd, "present"));
	const char *error = em_json_string(s, "error");
	struct finder f = { find, arg };
	char safe[512];

	if (*error && (told || there))
		find(arg, "sampling", "missing", em_text_safe(safe, sizeof(safe), error),
		     "until then no work is told of GPUs whose meter is told");
	else if (told)
		check_fdinfo(&f, fdinfo, seconds(s, "every_us"));
	if (there)
		check_kfd(&f, kfd, seconds(s, "every_us"));
	check_crosscheck(&f, json_object_get(s, "crosscheck"));
}
