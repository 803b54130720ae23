// SPDX-License-Identifier: GPL-2.0
/* earmark job - the jobs of this node, live, or as the ledger remembers them. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "cli/cgroup.h"
#include "cli/cli.h"
#include "report/report.h"

EM_CLEANUP(struct em_ledger *, em_ledger_close);

static const struct em_column columns[] = {
	{ "path", "JOB", EM_TEXT },
	{ "purpose", "PURPOSE", EM_TEXT },
	{ "project", "PROJECT", EM_TEXT },
	{ "tagged_by", "TAGGED BY", EM_TEXT },
	{ "ref", "REF", EM_TEXT },
	{ "uid", "UID", EM_TEXT },
	{ "gpus_held", "GPUS HELD", EM_TEXT },
	{ "gpu_time_us", "GPU-TIME", EM_DURATION },
	{ "busy_us", "BUSY", EM_DURATION },
};

/* Live jobs from the daemon; else, from the ledger, all that ever used a GPU. */
static json_t *jobs(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	char err[256];
	json_t *answer = a->ledger_given && !a->socket_given
				 ? NULL
				 : em_ask(a, "GET", "/v1/jobs", NULL, err, sizeof(err));
	json_t *rows = NULL;

	if (answer) {
		rows = json_incref(json_object_get(answer, "jobs"));
		json_decref(answer);
		return rows;
	}
	l = em_open_ledger(a);
	if (l && em_report_rows(l, 0, em_time_now(), "job", &rows))
		em_fail(a, "%s", em_ledger_error(l));
	return rows;
}

/* What each live job has used so far, where the ledger can be read. */
static void add_usage(struct em_args *a, json_t *rows)
{
	struct em_ledger *l = NULL;
	json_t *used = NULL, *row, *u;
	size_t i, j;

	if (em_ledger_open(&l, a->ledger, EM_LEDGER_READ))
		return;
	em_report_rows(l, 0, em_time_now(), "job", &used);
	em_ledger_close(l);
	json_array_foreach(rows, i, row) {
		json_int_t time = 0, busy = 0;

		if (json_object_get(row, "gpu_time_us"))
			break;
		json_array_foreach(used, j, u) {
			if (!json_equal(json_object_get(u, "job"), json_object_get(row, "job")))
				continue;
			time += json_integer_value(json_object_get(u, "gpu_time_us"));
			busy += json_integer_value(json_object_get(u, "busy_us"));
		}
		json_object_set_new(row, "gpu_time_us", json_integer(time));
		json_object_set_new(row, "busy_us", json_integer(busy));
	}
	json_decref(used);
}

static int list(struct em_args *a)
{
	json_t *rows = jobs(a);

	if (!rows)
		return EM_NO_ANSWER;
	add_usage(a, rows);
	if (a->json)
		return em_json_out(json_pack("{s:s,s:o}", "schema", "earmark-jobs-1", "jobs", rows),
				   EM_FINE);
	em_table(columns, ARRAY_SIZE(columns), rows,
		 "No job yet. Start one: earmark run --purpose alignment -- COMMAND");
	json_decref(rows);
	return EM_FINE;
}

/* "/sys/fs/cgroup/a/b", "/a/b" and "a/b" all mean the path /a/b. */
static const char *path_of(const char *given)
{
	static char mount[PATH_MAX];
	size_t n;

	if (em_cli_cgroup_mount(mount, sizeof(mount)))
		return given;
	n = strlen(mount);
	if (!strncmp(given, mount, n) && given[n] == '/')
		return given + n;
	return given;
}

static bool same_path(const json_t *row, const char *path)
{
	const char *p = json_string_value(json_object_get(row, "path")) ?: "";

	return !strcmp(p, path) || (*p == '/' && !strcmp(p + 1, path));
}

void em_keep_path(json_t *rows, const char *given)
{
	const char *path = path_of(given);

	for (size_t i = json_array_size(rows); i-- > 0;) {
		if (!same_path(json_array_get(rows, i), path))
			json_array_remove(rows, i);
	}
}

int em_job_show(struct em_args *a)
{
	_cleanup_json_ json_t *rows = NULL;
	char own[PATH_MAX], err[256], text[512];
	const char *given = a->argc ? a->argv[0] : own;

	if (!a->argc && em_cli_cgroup_of("self", own, sizeof(own), err, sizeof(err)))
		return em_fail(a, "%s", err);
	rows = jobs(a);
	if (!rows)
		return EM_NO_ANSWER;
	em_keep_path(rows, given);
	if (!json_array_size(rows))
		return em_fail(a, "%s is no job: it neither has a tag nor used a GPU", given);
	add_usage(a, rows);
	if (a->json)
		return em_json_out(json_incref(json_array_get(rows, 0)), EM_FINE);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		printf("%-10s %s\n", columns[i].title,
		       em_show(text, sizeof(text),
			       json_object_get(json_array_get(rows, 0), columns[i].key),
			       columns[i].kind));
	return EM_FINE;
}

static const struct em_verb verbs[] = {
	{ "list", "", "live jobs with their tags", 0, 0, false, list, NULL },
	{ "show", "[CGROUP]", "one job (the caller's own)", 0, 1, false, em_job_show, NULL },
	{},
};

const struct em_object em_job = { "job", "cgroups that use GPUs", verbs };
