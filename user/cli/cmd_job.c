// SPDX-License-Identifier: GPL-2.0
/* earmark job - the jobs of this node, live, or as the ledger remembers them. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
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

static void add(json_t *row, const json_t *used, const char *key)
{
	json_int_t sum = json_integer_value(json_object_get(row, key));

	json_object_set_new(row, key,
			    json_integer(sum + json_integer_value(json_object_get(used, key))));
}

/* A live job gets what it used; what is live no more stays in @used. */
static void merge(json_t *live, json_t *used)
{
	_cleanup_json_ json_t *index = json_object();
	char boot[33];
	json_t *row;
	size_t i;

	em_boot_id(boot); /* cgroup ids are unique in one boot only */
	json_array_foreach(live, i, row) {
		json_object_set_new(row, "live", json_true());
		json_object_set_new(row, "gpu_time_us", json_integer(0));
		json_object_set_new(row, "busy_us", json_integer(0));
		json_object_set(index, em_json_string(row, "job"), row);
	}
	for (i = json_array_size(used); i-- > 0;) {
		json_t *u = json_array_get(used, i);

		row = strcmp(em_json_string(u, "boot_id"), boot)
			      ? NULL
			      : json_object_get(index, em_json_string(u, "job"));
		if (!row) {
			json_object_set_new(u, "live", json_false());
			continue;
		}
		add(row, u, "gpu_time_us");
		add(row, u, "busy_us");
		json_array_remove(used, i);
	}
}

static json_t *live_jobs(struct em_args *a)
{
	char err[256];
	json_t *rows, *answer;

	if (a->ledger_given && !a->socket_given)
		return NULL;
	answer = em_ask(a, "GET", "/v1/jobs", NULL, err, sizeof(err));
	rows = json_incref(json_object_get(answer, "jobs"));
	json_decref(answer);
	return rows;
}

/* What the ledger has; an empty list where it cannot be read and need not. NULL: it must. */
static json_t *recorded_jobs(struct em_args *a, bool needed)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	json_t *rows = NULL;

	if (needed)
		l = em_open_ledger(a);
	else
		em_ledger_open(&l, a->ledger, EM_LEDGER_READ);
	if (l && em_report_rows(l, 0, em_time_now(), "job", &rows) && needed)
		em_fail(a, "%s", em_ledger_error(l));
	return needed ? rows : rows ?: json_array();
}

/*
 * Live jobs from the daemon with what the ledger says that they used, and, @all or without a
 * daemon, those that are over. NULL: it has been said why.
 */
static json_t *jobs(struct em_args *a, bool all)
{
	_cleanup_json_ json_t *live = live_jobs(a);
	_cleanup_json_ json_t *used = recorded_jobs(a, !live || em_opt(a, "all"));

	if (!used)
		return NULL;
	if (!live)
		return TAKE_PTR(used);
	merge(live, used);
	if (all)
		json_array_extend(live, used);
	return TAKE_PTR(live);
}

static int list(struct em_args *a)
{
	json_t *rows = jobs(a, em_opt(a, "all"));

	if (!rows)
		return EM_NO_ANSWER;
	if (a->json)
		return em_json_out(json_pack("{s:s,s:o}", "schema", "earmark-jobs-1", "jobs", rows),
				   EM_FINE);
	em_table(columns, ARRAY_SIZE(columns), rows,
		 "No live job; --all lists those that are over. Start one:\n"
		 "earmark run --purpose alignment -- COMMAND");
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
	rows = jobs(a, !tag);
	if (!rows)
		return EM_NO_ANSWER;
	job = job_at(rows, given, tag);
	if (!job)
		return em_fail(a,
			       tag ? "%s is untagged, and so is all above it"
				   : "%s is no job: it neither has a tag nor used a GPU",
			       given);
	if (a->json)
		return em_json_out(json_incref(job), EM_FINE);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		printf("%-10s %s\n", columns[i].title,
		       em_show(text, sizeof(text), json_object_get(job, columns[i].key),
			       columns[i].kind));
	return EM_FINE;
}

static const struct em_option list_options[] = {
	{ "all", NULL, "those that are over too", NULL },
	{},
};

static const struct em_verb verbs[] = {
	{ "list", "", "live jobs with their tags, and what they used", 0, 0, false, list,
	  list_options },
	{ "show", "[CGROUP]", "one job (the caller's own)", 0, 1, false, em_job_show, NULL },
	{},
};

const struct em_object em_job = { "job", "cgroups that use GPUs", verbs };
