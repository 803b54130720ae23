// SPDX-License-Identifier: GPL-2.0
/* Where answers come from: the ledger's directory, the daemon, the commitments' file. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "cli/cli.h"
#include "commit/commitment.h"
#include "commit/project.h"
#include "commit/revision.h"

#define COMMITMENTS_FILE "/etc/earmark/commitments.yaml"

struct em_ledger *em_open_ledger(struct em_args *a)
{
	struct em_ledger *l = NULL;
	int ret =
		em_ledger_open_many(&l, a->n_ledgers ? a->ledgers : &a->ledger, a->n_ledgers ?: 1);

	if (!ret) {
		if (*em_ledger_trouble(l))
			fprintf(stderr,
				"earmark: the index of %s is not used: %s; the log is read "
				"instead (earmark ledger reindex)\n",
				a->ledger, em_ledger_trouble(l));
		return l;
	}
	em_fail(a, "%s", em_ledger_error(NULL) ?: strerror(-ret));
	return NULL;
}

json_t *em_ask(struct em_args *a, const char *method, const char *path, json_t *body, char *err,
	       size_t len)
{
	json_t *answer = NULL;

	if (em_api_call(a->socket, method, path, body, &answer, err, len))
		return NULL;
	return answer;
}

int em_window(struct em_args *a, int64_t *since, int64_t *until)
{
	const char *s = em_opt(a, "since"), *u = em_opt(a, "until"), *w = em_opt(a, "window");
	int64_t now = em_time_now(), length;

	*since = 0;
	*until = now;
	if (u && em_time_parse(u, now, until))
		return em_fail(a,
			       "--until %s: not a time; write 2026-11-24, an RFC 3339 instant, "
			       "or \"2h ago\"",
			       u);
	if (s && w)
		return em_fail(a, "--since and --window exclude each other");
	if (s && em_time_parse(s, now, since))
		return em_fail(a,
			       "--since %s: not a time; write 2026-11-24, an RFC 3339 instant, "
			       "or \"2h ago\"",
			       s);
	if (w && (em_duration_parse(w, &length) || length <= 0))
		return em_fail(a, "--window %s: not a duration; write 7d, 12h or 30m", w);
	if (w)
		*since = *until - length;
	if (*since >= *until)
		return em_fail(a, "the window ends before it begins");
	return 0;
}

/*
 * The file that the daemon judges by, else the default one; but this node's promises say nothing
 * of another node's ledger. NULL: those that it has recorded itself.
 */
static const char *commitments_file(struct em_args *a, char *out, size_t len)
{
	_cleanup_json_ json_t *status = NULL;
	const char *file = em_opt(a, "file");
	char err[256];

	if (file || (a->ledger_given && !a->socket_given))
		return file;
	status = em_ask(a, "GET", "/v1/status", NULL, err, sizeof(err));
	file = json_string_value(json_object_get(json_object_get(status, "commitments"), "file"));
	snprintf(out, len, "%s", file && *file ? file : COMMITMENTS_FILE);
	return out;
}

/* Where it is heading, what would settle it, and the same promise seen every way. */
static int add_details(json_t *o, struct em_ledger *l, const struct em_commitment *c,
		       const struct em_verdict *v, int64_t at)
{
	json_t *settle = NULL, *table = NULL;
	struct em_projection p;
	int ret = em_project(c, l, at, &p);

	if (!ret && v->status == EM_UNPROVEN)
		ret = em_settle_json(c, l, v, &settle);
	ret = ret ?: em_commitment_table(c, l, at, &table);
	if (!ret)
		json_object_set_new(o, "projection", em_projection_json(&p));
	if (settle)
		json_object_set_new(o, "unknown", settle);
	if (table)
		json_object_set_new(o, "table", table);
	return ret;
}

static json_t *judged(struct em_args *a, struct em_ledger *l, const struct em_commitment *c,
		      int64_t at, bool fully, int *status)
{
	struct em_verdict v;
	json_t *o;
	bool late;

	if (em_commitment_check(c, l, at, &v)) {
		em_fail(a, "%s", em_ledger_error(l));
		return NULL;
	}
	late = em_commitment_long_unproven(c, l, &v, at);
	if (v.status == EM_BREACHED || v.status == EM_INFEASIBLE || late)
		*status = EM_NOT_SO;
	o = em_verdict_json(c, &v);
	json_object_set_new(o, "long_unproven", json_boolean(late));
	if (!fully || !add_details(o, l, c, &v, at))
		return o;
	em_fail(a, "%s", em_ledger_error(l));
	json_decref(o);
	return NULL;
}

static int last_text(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *note = json_loads(json, 0, NULL);
	json_t **last = arg;

	(void)wall;
	(void)kind;
	json_decref(*last);
	*last = json_incref(json_object_get(note, "text"));
	return 0;
}

/* What the ledger itself says was promised: the last revision in it. */
static int commitments_recorded(struct em_args *a, struct em_ledger *l, struct em_commitments *c)
{
	_cleanup_json_ json_t *text = NULL;
	char err[1024];

	if (em_ledger_notes(l, 0, INT64_MAX, "commitments", last_text, &text))
		return em_fail(a, "%s", em_ledger_error(l));
	if (!json_is_string(text) ||
	    !em_commitments_parse(c, "the ledger's commitments", json_string_value(text), err,
				  sizeof(err)))
		return 0;
	/* what was in force then was an earlier one: who judges gives --file */
	fprintf(stderr, "earmark: %s: no commitment is judged; give --file\n", err);
	em_commitments_clear(c);
	return 0;
}

int em_commitments_known(struct em_args *a, struct em_ledger *l, struct em_commitments *c)
{
	char file[PATH_MAX], err[PATH_MAX + 512];
	const char *path = commitments_file(a, file, sizeof(file));
	int ret;

	memset(c, 0, sizeof(*c));
	if (!path)
		return commitments_recorded(a, l, c);
	ret = em_commitments_load(c, path, err, sizeof(err));
	if (ret == -ENOENT && !em_opt(a, "file"))
		return 0; /* nothing was promised */
	return ret ? em_fail(a, "%s", err) : 0;
}

static int judge_all(struct em_args *a, struct em_ledger *l, int64_t at, bool fully,
		     json_t **verdicts, int *status)
{
	struct em_commitments list;
	json_t *o;
	int ret;

	*verdicts = json_array();
	*status = EM_FINE;
	ret = em_commitments_known(a, l, &list);
	/* what a weakening has not put out of force yet; an auditor's own file has no history here
	 */
	if (!ret && !em_opt(a, "file") && em_revision_notice(&list, l, at))
		ret = em_fail(a, "%s", em_ledger_error(l));
	for (unsigned int i = 0; !ret && i < list.n; i++) {
		o = judged(a, l, &list.list[i], at, fully, status);
		if (o)
			json_array_append_new(*verdicts, o);
		else
			ret = EM_NO_ANSWER;
	}
	em_commitments_clear(&list);
	return ret;
}

int em_judge_all(struct em_args *a, struct em_ledger *l, int64_t at, json_t **verdicts, int *status)
{
	return judge_all(a, l, at, false, verdicts, status);
}

int em_judge_fully(struct em_args *a, struct em_ledger *l, int64_t at, json_t **verdicts,
		   int *status)
{
	return judge_all(a, l, at, true, verdicts, status);
}
