// SPDX-License-Identifier: GPL-2.0
/*
 * How each share moved under its promise; see page.h. The ledger is read once a bucket: a measure
 * is a sum, so that the window that ends with a bucket is the sum of the buckets inside it.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "commit/judge.h"
#include "commit/measure.h"
#include "report/page.h"

static void add_report(struct em_report *sum, const struct em_report *r)
{
	sum->span.intervals += r->span.intervals;
	sum->span.stretched += r->span.stretched;
	sum->span.broken += r->span.broken;
	sum->span.recorders |= r->span.recorders;
	sum->capacity += r->capacity;
	sum->used += r->used;
	sum->idle += r->idle;
	sum->unobserved += r->unobserved;
	sum->gap += r->gap;
	sum->unattributed += r->unattributed;
	sum->busy_total += r->busy_total;
	sum->busy_unattributed += r->busy_unattributed;
	sum->busy_unobserved += r->busy_unobserved;
	sum->busy_error += r->busy_error;
	sum->allocated += r->allocated;
	sum->class = r->class > sum->class ? r->class : sum->class;
	sum->blind |= r->blind;
	sum->engines = r->engines > sum->engines ? r->engines : sum->engines;
	for (unsigned int p = 0; p < EARMARK_PURPOSE_COUNT; p++) {
		em_part_sum(&sum->parts[p], &r->parts[p]);
		for (unsigned int by = 0; by < EARMARK_TAGGED_BY_COUNT; by++)
			em_part_sum(&sum->strong[p][by], &r->strong[p][by]);
	}
}

static void add_measure(struct em_measure *sum, const struct em_measure *m)
{
	add_report(&sum->r, &m->r);
	sum->fleet += m->fleet;
	sum->whole += m->whole;
	sum->engine_wall += m->engine_wall;
}

/* One promise over the buckets so far. */
struct track {
	const struct em_commitment *c;
	struct em_measure *list;
	size_t n;
	json_t *at, *proven, *possible, *status;
};

static json_t *real_share(struct em_share s)
{
	return s.den ? json_real((double)s.num / (double)s.den) : json_null();
}

/* The verdict on the window that ends with the last bucket. */
static void judge(struct track *t)
{
	int64_t end = t->list[t->n - 1].r.until, start = em_window_at(&t->c->span, end - 1).start;
	struct em_measure sum = { .until = end };
	struct em_verdict v = { .reason = "" };
	size_t first = t->n;

	if (t->c->span.kind == EM_ROLLING)
		start = end - t->c->span.length;
	start = start < t->c->declared ? t->c->declared : start;
	for (; first > 0 && t->list[first - 1].r.since >= start; first--)
		add_measure(&sum, &t->list[first - 1]);
	sum.since = first < t->n ? t->list[first].r.since : end;
	if (sum.r.span.intervals)
		em_judge_measure(t->c, &sum, &v);
	json_array_append_new(t->at, json_integer(end / EM_NS_PER_S));
	json_array_append_new(t->proven, real_share(v.proven));
	json_array_append_new(t->possible, real_share(v.possible));
	json_array_append_new(t->status, json_string(em_status_name(
						 sum.r.span.intervals ? v.status : EM_UNDEFINED)));
}

static int follow(struct track *t, struct em_ledger *l, int64_t start, int64_t end, int64_t step)
{
	size_t room = (size_t)((end - 1) / step - start / step + 1);
	int ret = 0;

	t->list = calloc(room, sizeof(*t->list));
	if (!t->list)
		return -ENOMEM;
	for (int64_t from = start, to; !ret && from < end; from = to) {
		to = (from / step + 1) * step;
		to = to > end ? end : to;
		ret = em_measure(&t->list[t->n], t->c, l, from, to);
		t->n++;
		if (!ret)
			judge(t);
	}
	return ret;
}

static int track(json_t **ret, struct em_ledger *l, const struct em_commitment *c, int64_t start,
		 int64_t end, int64_t step)
{
	struct track t = { .c = c,
			   .at = json_array(),
			   .proven = json_array(),
			   .possible = json_array(),
			   .status = json_array() };
	int r = follow(&t, l, start, end, step);

	free(t.list);
	*ret = json_pack("{s:o,s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "name", em_json_text(c->name),
			 "purpose", em_purpose_name(c->purpose), "kind",
			 em_commitment_kind_name(c->kind), "bound", real_share(c->share), "at",
			 t.at, "proven", t.proven, "possible", t.possible, "status", t.status);
	return r;
}

int em_page_tracks(json_t **ret, struct em_ledger *l, const struct em_commitments *c, int64_t start,
		   int64_t end, int64_t step)
{
	int r = 0;

	*ret = json_array();
	for (unsigned int i = 0; !r && c && start < end && i < c->n; i++) {
		json_t *one;

		if ((c->list[i].kind != EM_FLOOR && c->list[i].kind != EM_CEILING) ||
		    c->list[i].amount)
			continue;
		r = track(&one, l, &c->list[i], start, end, step);
		json_array_append_new(*ret, one);
	}
	if (r) {
		json_decref(*ret);
		*ret = NULL;
	}
	return r;
}
