// SPDX-License-Identifier: GPL-2.0
/* earmark tag - what a cgroup's GPU time is for. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/cgroup.h"
#include "cli/cli.h"
#include "cli/tagging.h"
#include "report/report.h"

EM_CLEANUP(struct em_ledger *, em_ledger_close);

static int set(struct em_args *a)
{
	struct em_tagging t = { .project = em_opt(a, "project"), .ref = em_opt(a, "ref") };
	const char *dir = em_opt(a, "cgroup"), *pid = em_opt(a, "pid");
	char own[PATH_MAX], err[512];
	int ret;

	if (dir && pid)
		return em_fail(a, "--cgroup and --pid exclude each other");
	if (em_tagging_parse(&t, a->argv[0], em_opt(a, "tagged-by"), err, sizeof(err)))
		return em_fail(a, "%s", err);
	if (!dir) {
		ret = em_cli_cgroup_of(pid ?: "self", own, sizeof(own), err, sizeof(err));
		if (ret)
			return em_fail(a, "%s", err);
		dir = own;
	}
	if (em_tagging_set(a, &t, dir, err, sizeof(err)))
		return em_fail(a, "%s", err);
	if (a->json)
		return em_json_out(json_pack("{s:s,s:s,s:I}", "schema", "earmark-tag-1", "cgroup",
					     dir, "tag", (json_int_t)t.id),
				   EM_FINE);
	printf("%s is tagged %s from now on.\n", dir, em_purpose_name(t.purpose));
	return EM_FINE;
}

static const struct em_column history_columns[] = {
	{ "when", "WHEN", EM_TIME },       { "path", "CGROUP", EM_TEXT },
	{ "purpose", "PURPOSE", EM_TEXT }, { "project", "PROJECT", EM_TEXT },
	{ "ref", "REF", EM_TEXT },         { "tagged_by", "TAGGED BY", EM_TEXT },
	{ "uid", "UID", EM_TEXT },         { "comm", "COMMAND", EM_TEXT },
	{ "pid", "PID", EM_TEXT },
};

/* struct walk - the history under way: where the jobs are, as their events said it */
struct walk {
	json_t *paths, *tags;
};

static int each_event(const struct em_event *e, void *arg)
{
	struct walk *w = arg;
	char key[24], when[EM_TIME_LEN];
	json_t *path;

	snprintf(key, sizeof(key), "%llu", (unsigned long long)e->e.job);
	if (e->e.type == EARMARK_EVENT_JOB)
		return json_object_set_new(w->paths, key, em_json_text(e->e.text));
	path = json_object_get(w->paths, key);
	return json_array_append_new(
		w->tags,
		json_pack("{s:s,s:s,s:O?,s:I,s:s,s:s,s:o,s:o,s:I,s:I,s:I,s:o,s:s}", "when",
			  em_time_format(when, e->wall, 6), "job", key, "path", path, "tag",
			  (json_int_t)e->e.tag, "purpose", em_purpose_name(e->e.purpose),
			  "tagged_by", em_tagged_by_name(e->e.tagged_by), "project",
			  em_json_text(e->e.project), "ref", em_json_text(e->e.ref), "uid",
			  (json_int_t)e->e.uid, "gid", (json_int_t)e->e.gid, "pid",
			  (json_int_t)e->e.pid, "comm", em_json_text(e->e.comm), "boot_id",
			  e->boot_id));
}

static int history(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = em_open_ledger(a);
	struct walk w = { json_object(), json_array() };
	unsigned int types = 1u << EARMARK_EVENT_JOB | 1u << EARMARK_EVENT_TAG;
	int64_t since, until;
	int ret;

	if (!l || em_window(a, &since, &until))
		return EM_NO_ANSWER;
	ret = em_ledger_events(l, 0, until, types, 0, each_event, &w);
	json_decref(w.paths);
	if (ret)
		return em_fail(a, "%s", em_ledger_error(l));
	if (a->argc)
		em_keep_path(w.tags, a->argv[0]);
	if (a->json)
		return em_json_out(
			json_pack("{s:s,s:o}", "schema", "earmark-tags-1", "tags", w.tags),
			EM_FINE);
	em_table(history_columns, ARRAY_SIZE(history_columns), w.tags, "No tag was ever set.");
	json_decref(w.tags);
	return EM_FINE;
}

static const struct em_option set_options[] = {
	{ "cgroup", "DIR", "the cgroup (the caller's own)", NULL },
	{ "pid", "PID", "the cgroup of this process", NULL },
	{ "project", "NAME", "what it belongs to, at most 63 bytes", NULL },
	{ "ref", "REF", "ties the local jobs of one cluster job together: cluster/job", NULL },
	{ "tagged-by", "WHO", "self (default); as root also rule, scheduler, operator",
	  "self rule scheduler operator" },
	{},
};

static const struct em_option history_options[] = {
	{ "since", "TIME", "from then on", NULL },
	{ "until", "TIME", "until then", NULL },
	{},
};

static const struct em_verb verbs[] = {
	{ "set", "PURPOSE",
	  "tags a cgroup: alignment, capabilities, mixed, serving, "
	  "infrastructure; untagged removes the tag",
	  1, 1, false, set, set_options },
	{ "show", "[CGROUP]", "the tag in force on a cgroup (the caller's own)", 0, 1, false,
	  em_job_show, NULL },
	{ "history", "[CGROUP]", "every tag that was set, by whom and when", 0, 1, false, history,
	  history_options },
	{},
};

const struct em_object em_tag = { "tag", "what a cgroup's GPU time is for", verbs };
