// SPDX-License-Identifier: GPL-2.0
/* A report broken down by something; see em_report_rows() in report.h. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "report/report.h"

/* struct row - a sum and what it is of; strings are the row's own */
struct row {
	char *key;
	json_t *labels;
	struct em_part sum;
	em_ns idle, unobserved, unattributed; /* of a GPU */
	json_t *blind;
	int64_t first, last;
};

struct rows {
	const char *by;
	struct row *list;
	size_t n, room;
	json_t *index; /* key -> position */
};

static json_t *user(uint32_t uid)
{
	struct passwd *pw = uid == UINT32_MAX ? NULL : getpwuid(uid);

	return em_json_text(pw ? pw->pw_name : NULL);
}

static json_t *number(uint32_t uid)
{
	return uid == UINT32_MAX ? json_null() : json_integer(uid);
}

static json_t *job_labels(const struct em_usage *u)
{
	char id[24];

	snprintf(id, sizeof(id), "%llu", (unsigned long long)u->job);
	return json_pack("{s:s,s:s,s:o,s:o,s:o,s:s,s:s,s:o,s:o}", "job", id, "boot_id", u->boot_id,
			 "path", em_json_text(u->path), "uid", number(u->uid), "user", user(u->uid),
			 "purpose", em_purpose_name(u->purpose), "tagged_by",
			 em_tagged_by_name(u->tagged_by), "project", em_json_text(u->project),
			 "ref", em_json_text(u->ref));
}

static json_t *labels(const char *by, const struct em_usage *u)
{
	if (!strcmp(by, "purpose"))
		return json_pack("{s:s}", "purpose", em_purpose_name(u->purpose));
	if (!strcmp(by, "project"))
		return json_pack("{s:o,s:s}", "project", em_json_text(u->project), "purpose",
				 em_purpose_name(u->purpose));
	if (!strcmp(by, "gpu"))
		return json_pack("{s:o}", "gpu", em_json_text(u->gpu));
	if (!strcmp(by, "user"))
		return json_pack("{s:o,s:o,s:s}", "uid", number(u->uid), "user", user(u->uid),
				 "purpose", em_purpose_name(u->purpose));
	if (!strcmp(by, "job"))
		return job_labels(u);
	return NULL;
}

static struct row *row_of(struct rows *rows, json_t *label)
{
	_cleanup_free_ char *key = json_dumps(label, JSON_SORT_KEYS | JSON_COMPACT);
	json_t *at = key ? json_object_get(rows->index, key) : NULL;
	struct row *row;

	if (at)
		return &rows->list[json_integer_value(at)];
	if (!key || json_object_set_new(rows->index, key, json_integer((json_int_t)rows->n)))
		return NULL;
	if (rows->n == rows->room) {
		rows->room = rows->room ? 2 * rows->room : 64;
		row = reallocarray(rows->list, rows->room, sizeof(*row));
		if (!row)
			return NULL;
		rows->list = row;
	}
	row = &rows->list[rows->n++];
	*row = (struct row){ .key = TAKE_PTR(key), .labels = json_incref(label) };
	return row;
}

static int add(const struct em_usage *u, void *arg)
{
	struct rows *rows = arg;
	_cleanup_json_ json_t *label = labels(rows->by, u);
	struct row *row = label ? row_of(rows, label) : NULL;
	struct em_total total = em_usage_total(u);

	if (!row)
		return -ENOMEM;
	em_part_add(&row->sum, &total, 1);
	row->first = !row->first || u->first < row->first ? u->first : row->first;
	row->last = u->last > row->last ? u->last : row->last;
	return 0;
}

static int add_gpu(const struct em_gpu_usage *g, void *arg)
{
	_cleanup_json_ json_t *label = json_pack("{s:o}", "gpu", em_json_text(g->name));
	struct row *row = label ? row_of(arg, label) : NULL;

	if (!row)
		return -ENOMEM;
	json_object_set_new(row->labels, "model", em_json_text(g->model));
	row->idle = g->idle - g->charged;
	row->unobserved = (em_ns)g->unobserved + g->gap;
	row->unattributed = g->charged;
	row->blind = em_blind_json(g->blind);
	return 0;
}

static int larger_first(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->sum.gpu_time != y->sum.gpu_time)
		return x->sum.gpu_time < y->sum.gpu_time ? 1 : -1;
	if (x->sum.busy != y->sum.busy)
		return x->sum.busy < y->sum.busy ? 1 : -1;
	return strcmp(x->key, y->key);
}

static json_t *row_json(const struct row *row)
{
	char first[EM_TIME_LEN], last[EM_TIME_LEN];
	json_t *o = json_deep_copy(row->labels);

	json_object_set_new(o, "gpu_time_us", json_integer(em_us(row->sum.gpu_time)));
	json_object_set_new(o, "held_us", json_integer(em_us(row->sum.held)));
	json_object_set_new(o, "busy_us", json_integer(em_us(row->sum.busy)));
	em_part_measured_json(o, &row->sum);
	if (row->first) {
		json_object_set_new(o, "first", json_string(em_time_format(first, row->first, 3)));
		json_object_set_new(o, "last", json_string(em_time_format(last, row->last, 3)));
	}
	if (row->blind) {
		json_object_set_new(o, "unattributed_us", json_integer(em_us(row->unattributed)));
		json_object_set_new(o, "idle_us", json_integer(em_us(row->idle)));
		json_object_set_new(o, "unobserved_us", json_integer(em_us(row->unobserved)));
		json_object_set(o, "blind", row->blind);
	}
	return o;
}

int em_report_rows(struct em_ledger *l, int64_t since, int64_t until, const char *by,
		   json_t **ret_rows)
{
	static const char *const known[] = { "purpose", "project", "job", "gpu", "user" };
	struct rows rows = { .by = by, .index = json_object() };
	bool found = false;
	int ret;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		found |= !strcmp(by, known[i]);
	ret = !found ? -EINVAL : !rows.index ? -ENOMEM : 0;
	if (!ret)
		ret = em_ledger_usage(l, since, until, add, &rows);
	if (!ret && !strcmp(by, "gpu"))
		ret = em_ledger_gpus(l, since, until, add_gpu, &rows);
	if (!ret) {
		if (rows.n)
			qsort(rows.list, rows.n, sizeof(*rows.list), larger_first);
		*ret_rows = json_array();
		for (size_t i = 0; i < rows.n; i++)
			json_array_append_new(*ret_rows, row_json(&rows.list[i]));
	}
	for (size_t i = 0; i < rows.n; i++) {
		free(rows.list[i].key);
		json_decref(rows.list[i].labels);
		json_decref(rows.list[i].blind);
	}
	free(rows.list);
	json_decref(rows.index);
	return ret;
}
