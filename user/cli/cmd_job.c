// SPDX-License-Identifier: GPL-2.0
/* earmark job - the jobs of this node, live, or as the ledger remembers them. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

/* A cgroup's id is its directory's inode; recorded paths can be cut short. */
static void id_of(const char *given, char id[24])
{
	struct stat st;

	*id = '\0';
	if (!stat(given, &st) && S_ISDIR(st.st_mode))
		snprintf(id, 24, "%llu", (unsigned long long)st.st_ino);
}

void em_keep_path(json_t *rows, const char *given)
{
	const char *path = path_of(given);
	char id[24];

	id_of(given, id);
	for (size_t i = json_array_size(rows); i-- > 0;) {
		json_t *row = json_array_get(rows, i);
		const char *job = json_string_value(json_object_get(row, "job")) ?: "";

		if (!same_path(row, path) && (!*id || strcmp(job, id)))
			json_array_remove(rows, i);
	}
}

/* The job at @given or, @up, the nearest above it: borrowed from @rows; NULL: there is none. */
static json_t *job_at(json_t *rows, const char *given, bool up)
{
	char path[PATH_MAX], *slash;
	json_t *job = NULL;

	snprintf(path, sizeof(path), "%s", given);
	do {
		_cleanup_json_ json_t *hits = json_copy(rows);

		em_keep_path(hits, path);
		job = json_array_get(hits, 0);
		slash = strrchr(path, '/');
		if (slash)
			*slash = '\0';
	} while (!job && up && slash && *path);
	return job;
}

int em_job_show(struct em_args *a)
{
	_cleanup_json_ json_t *rows = NULL;
	char own[PATH_MAX], err[256], text[512];
	const char *given = a->argc ? a->argv[0] : own;
	bool tag = a->object == &em_tag;
	json_t *job;

	if (!a->argc && em_cli_cgroup_of("self", own, sizeof(own), err, sizeof(err)))
		return em_fail(a, "%s", err);
	rows = jobs(a);
	if (!rows)
		return EM_NO_ANSWER;
	job = job_at(rows, given, tag);
	if (!job)
		return em_fail(a,
			       tag ? "%s is untagged, and so is all above it"
				   : "%s is no job: it neither has a tag nor used a GPU",
			       given);
	add_usage(a, rows);
	if (a->json)
		return em_json_out(json_incref(job), EM_FINE);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		printf("%-10s %s\n", columns[i].title,
		       em_show(text, sizeof(text), json_object_get(job, columns[i].key),
			       columns[i].kind));
	return EM_FINE;
}

static const struct em_verb verbs[] = {
	{ "list", "", "live jobs with their tags", 0, 0, false, list, NULL },
	{ "show", "[CGROUP]", "one job (the caller's own)", 0, 1, false, em_job_show, NULL },
	{},
};

const struct em_object em_job = { "job", "cgroups that use GPUs", verbs };
