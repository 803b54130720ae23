// SPDX-License-Identifier: GPL-2.0
/*
 * How each promise stood over time; see page.h. The ledger is read once a bucket: a measure
 * is a sum, so that the window that ends with a bucket is the sum of the buckets inside it.
 */
#include <errno.h>
#include <math.h>
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

/**
 * struct track - one promise over the buckets so far
 * @c: the promise; of a reallocation, what it must reach
 * @list: what was measured, a bucket each
 */
struct track {
	const struct em_commitment *c;
	struct em_measure *list;
	size_t n;
	json_t *at, *proven, *possible, *status;
};

static json_t *real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static double quotient(struct em_share s)
{
	return s.den ? (double)s.num / (double)s.den : NAN;
}

/* Of the buckets before @end, those that begin at @start or later. */
static struct em_measure sum_of(const struct track *t, size_t end, int64_t start)
{
	struct em_measure sum = { 0 };
	size_t first = end;

	for (; first > 0 && t->list[first - 1].r.since >= start; first--)
		add_measure(&sum, &t->list[first - 1]);
	sum.until = end ? t->list[end - 1].r.until : start;
	sum.since = first < end ? t->list[first].r.since : sum.until;
	sum.r.since = sum.since;
	sum.r.until = sum.until;
	return sum;
}

static void put(struct track *t, double proven, double possible, enum em_status status)
{
	json_array_append_new(t->at, json_integer(t->list[t->n - 1].r.until / EM_NS_PER_S));
	json_array_append_new(t->proven, real(proven));
	json_array_append_new(t->possible, real(possible));
	json_array_append_new(t->status, json_string(em_status_name(status)));
}

/* The verdict on the window that ends with the last bucket. */
static void judge_share(struct track *t, bool from_declared)
{
	int64_t end = t->list[t->n - 1].r.until, start = em_window_at(&t->c->span, end - 1).start;
	struct em_verdict v = { .reason = "" };
	struct em_measure sum;

	if (t->c->span.kind == EM_ROLLING || !from_declared)
		start = end - t->c->window;
	if (from_declared && start < t->c->declared)
		start = t->c->declared;
	sum = sum_of(t, t->n, start);
	if (sum.r.span.intervals)
		em_judge_measure(t->c, &sum, &v);
	put(t, quotient(v.proven), quotient(v.possible),
	    sum.r.span.intervals ? v.status : EM_UNDEFINED);
}

/* This window beside the one before, if the record reaches back so far. */
static void judge_growth(struct track *t)
{
	int64_t end = t->list[t->n - 1].r.until, start = end - t->c->window;
	struct em_measure after = sum_of(t, t->n, start), before;
	struct em_verdict v = { .status = EM_UNDEFINED };
	double low = NAN, high = NAN;
	size_t middle = t->n;

	while (middle > 0 && t->list[middle - 1].r.since >= start)
		middle--;
	before = sum_of(t, middle, start - t->c->window);
	if (t->list[0].r.since <= start - t->c->window) {
		em_judge_growth(t->c, &before, &after, &v);
		em_growth_ratio(t->c, &before, &after, &low, &high);
	}
	put(t, low, high, v.status);
}

static void judge(struct track *t, enum em_commitment_kind kind)
{
	if (kind == EM_GROWTH)
		judge_growth(t);
	else /* a move is judged over what was before it was promised too */
		judge_share(t, kind != EM_REALLOCATE);
}

static int follow(struct track *t, enum em_commitment_kind kind, struct em_ledger *l, int64_t start,
		  int64_t end, int64_t step)
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
			judge(t, kind);
	}
	return ret;
}

/* What the page says of it besides the curve. */
static void describe(json_t *o, const struct em_commitment *c)
{
	json_object_set_new(o, "name", em_json_text(c->name));
	json_object_set_new(o, "purpose", json_string(em_purpose_name(c->purpose)));
	json_object_set_new(o, "kind", json_string(em_commitment_kind_name(c->kind)));
	json_object_set_new(o, "window_us", json_integer(c->window / EM_NS_PER_US));
	if (c->kind == EM_GROWTH)
		json_object_set_new(o, "than", json_string(em_purpose_name(c->than)));
	if (c->kind == EM_REALLOCATE)
		json_object_set_new(o, "from", real(quotient(c->from)));
	if (c->amount)
		json_object_set_new(o, "amount_us", json_integer(em_us(c->fixed)));
}

static int track(json_t *list, struct em_ledger *l, const struct em_commitment *c, int64_t start,
		 int64_t end, int64_t step)
{
	struct em_commitment as = c->kind == EM_REALLOCATE ? em_reallocate_bound(c) : *c;
	struct track t = { .c = &as,
			   .at = json_array(),
			   .proven = json_array(),
			   .possible = json_array(),
			   .status = json_array() };
	int r = follow(&t, c->kind, l, start, end, step);
	json_t *o = json_pack("{s:s,s:o,s:o,s:o,s:o,s:o}", "unit",
			      c->kind == EM_GROWTH ? "ratio"
			      : c->amount          ? "amount"
						   : "share",
			      "bound", real(c->kind == EM_GROWTH ? 1 : quotient(as.share)), "at",
			      t.at, "proven", t.proven, "possible", t.possible, "status", t.status);

	free(t.list);
	describe(o, c);
	if (as.kind == EM_FLOOR || as.kind == EM_CEILING)
		json_object_set_new(o, "side", json_string(em_commitment_kind_name(as.kind)));
	json_array_append_new(list, o);
	return r;
}

int em_page_tracks(json_t **ret, struct em_ledger *l, const struct em_commitments *c, int64_t start,
		   int64_t end, int64_t step)
{
	int r = 0;

	*ret = json_array();
	for (unsigned int i = 0; !r && c && start < end && i < c->n; i++) {
		if (c->list[i].kind == EM_GATE)
			r = em_page_gates(*ret, l, &c->list[i], start, end, step);
		else
			r = track(*ret, l, &c->list[i], start, end, step);
	}
	if (r) {
		json_decref(*ret);
		*ret = NULL;
	}
	return r;
}
