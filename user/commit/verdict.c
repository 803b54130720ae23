// SPDX-License-Identifier: GPL-2.0
/* Judging commitments: bounds of what is surely and what is possibly so; see commitment.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "commit/commitment.h"

static const char *const status_names[] = {
	[EM_MET] = "MET",           [EM_BREACHED] = "BREACHED",
	[EM_UNPROVEN] = "UNPROVEN", [EM_UNDEFINED] = "UNDEFINED",
	[EM_NOT_DUE] = "NOT_DUE",   [EM_INFEASIBLE] = "INFEASIBLE",
};

const char *em_status_name(enum em_status status)
{
	return status < ARRAY_SIZE(status_names) ? status_names[status] : "?";
}

/**
 * struct bounds - of a purpose's share on one clock
 * @a: surely counted; @untagged, @weak: possibly counted; @x: unobserved; @n: the denominator
 */
struct bounds {
	em_ns a, untagged, weak, x, n;
};

/*
 * q·a >= p·n. In 128 bits: p and q have at most 12 digits (41 bits), and 87 bits of
 * nanoseconds are a million GPUs for four billion years.
 */
static bool holds(em_ns a, em_ns n, const struct em_share *floor)
{
	return floor->den * a >= floor->num * n;
}

static em_ns possible(const struct bounds *b)
{
	em_ns sum = b->a + b->untagged + b->weak + b->x;

	return sum < b->n ? sum : b->n;
}

/*
 * On gpu-time: of the purpose, what was tagged strongly enough counts surely, weaker tags
 * possibly. Weakly tagged time of another purpose stays where it is: it was tagged against
 * the claimant's interest, and counts whoever set it.
 */
static struct bounds gpu_time_bounds(const struct em_commitment *c, const struct em_report *r)
{
	em_ns strong = r->strong[c->purpose][c->require_tagged_by].gpu_time;

	return (struct bounds){
		.a = strong,
		.untagged = r->parts[EARMARK_PURPOSE_UNTAGGED].gpu_time + r->unattributed,
		.weak = r->parts[c->purpose].gpu_time - strong,
		.x = r->unobserved,
		.n = r->used + r->unobserved,
	};
}

static struct bounds busy_bounds(const struct em_commitment *c, const struct em_report *r)
{
	em_ns strong = r->strong[c->purpose][c->require_tagged_by].busy;

	return (struct bounds){
		.a = strong,
		.untagged = r->parts[EARMARK_PURPOSE_UNTAGGED].busy + r->busy_unattributed,
		.weak = r->parts[c->purpose].busy - strong,
		.x = r->busy_unobserved,
		.n = r->busy_total + r->busy_unobserved,
	};
}

static bool covered(const struct em_commitment *c, const struct em_report *r)
{
	return holds(r->capacity - r->unobserved, r->capacity, &c->min_coverage);
}

/*
 * Where busy is measured, the floor must hold on it too. No work at all holds nothing: a
 * process that only holds GPUs would otherwise earn them.
 */
static bool padded(const struct em_commitment *c, const struct em_report *r, const struct bounds *b)
{
	return r->engines && (!b->n || !holds(b->a, b->n, &c->share));
}

/* What demotes MET, or "". */
static const char *demotion(const struct em_commitment *c, const struct em_report *r,
			    const struct bounds *b)
{
	if (r->span.broken)
		return "broken";
	if (!covered(c, r))
		return "coverage";
	return padded(c, r, b) ? "padding" : "";
}

static em_ns divide_up(em_ns num, em_ns den)
{
	return (num + den - 1) / den;
}

/* From the proven side: Y = ρN − a to be moved, or Y/(1 − ρ) to be added. */
static void deficit(const struct em_commitment *c, const struct bounds *t, struct em_verdict *v)
{
	em_ns short_by = c->share.num * t->n - c->share.den * t->a;

	v->deficit = divide_up(short_by, c->share.den);
	v->never = c->share.num == c->share.den;
	v->added = v->never ? 0 : divide_up(short_by, c->share.den - c->share.num);
}

/**
 * em_commitment_judge() - the verdict on a window's report
 *
 * MET iff q·a >= p·N, BREACHED iff q·(a+m+x) < p·N, else UNPROVEN. A broken sum, coverage and
 * padding can only demote MET: an idle process parked on a busy GPU would otherwise earn half
 * of it.
 */
void em_commitment_judge(const struct em_commitment *c, const struct em_report *r,
			 struct em_verdict *v)
{
	struct bounds t = gpu_time_bounds(c, r), b = busy_bounds(c, r);

	*v = (struct em_verdict){
		.status = EM_UNPROVEN,
		.reason = "",
		.start = r->since,
		.end = r->until,
		.replayed = r->span.recorders & 1U << EARMARK_RECORDER_REPLAY,
		.proven = { t.a, t.n },
		.possible = { possible(&t), t.n },
		.busy_proven = { b.a, b.n },
		.busy_possible = { possible(&b), b.n },
		.untagged = t.untagged,
		.weak = t.weak,
		.unobserved = t.x,
	};
	if (!t.n) {
		v->status = EM_UNDEFINED;
		v->reason = "nothing used";
	} else if (holds(t.a, t.n, &c->share)) {
		v->reason = demotion(c, r, &b);
		v->status = *v->reason ? EM_UNPROVEN : EM_MET;
		if (v->status == EM_MET && v->replayed) /* never a bare MET */
			v->reason = "as declared by the scheduler";
	} else {
		deficit(c, &t, v);
		if (!holds(possible(&t), t.n, &c->share))
			v->status = EM_BREACHED;
		else
			v->reason = t.x > t.untagged + t.weak ? "unobserved"
				    : t.weak > t.untagged     ? "weak tags"
							      : "untagged";
	}
}

/**
 * em_commitment_check() - judge the rolling window that ends at @now
 *
 * A window that began before the promise was declared, or before there was an inventory, is
 * clipped to what can be known, and flagged partial.
 */
int em_commitment_check(const struct em_commitment *c, struct em_ledger *l, int64_t now,
			struct em_verdict *v)
{
	int64_t start = now - c->window;
	struct em_report r;
	int ret;

	ret = em_report_make(&r, l, c->declared > start ? c->declared : start, now);
	if (ret)
		return ret;
	em_commitment_judge(c, &r, v);
	/* a GPU counts from when it entered: there is nothing to sum anew */
	if (r.inventory > v->start)
		v->start = r.inventory;
	v->partial = v->start > start;
	return 0;
}

json_t *em_verdict_json(const struct em_commitment *c, const struct em_verdict *v)
{
	char start[EM_TIME_LEN], end[EM_TIME_LEN];
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(c->name));
	json_object_set_new(o, "purpose", json_string(em_purpose_name(c->purpose)));
	json_object_set_new(o, "status", json_string(em_status_name(v->status)));
	json_object_set_new(o, "reason", json_string(v->reason));
	json_object_set_new(o, "floor",
			    json_pack("{s:I,s:I}", "num", (json_int_t)c->share.num, "den",
				      (json_int_t)c->share.den));
	json_object_set_new(o, "proven", em_share_json(&v->proven));
	json_object_set_new(o, "possible", em_share_json(&v->possible));
	json_object_set_new(o, "busy",
			    json_pack("{s:o,s:o}", "proven", em_share_json(&v->busy_proven),
				      "possible", em_share_json(&v->busy_possible)));
	json_object_set_new(o, "deficit_us", json_integer(em_us(v->deficit)));
	json_object_set_new(o, "added_us",
			    v->never && v->deficit ? json_null() : json_integer(em_us(v->added)));
	json_object_set_new(o, "settle",
			    json_pack("{s:I,s:I,s:I}", "untagged_us", em_us(v->untagged),
				      "weakly_tagged_us", em_us(v->weak), "unobserved_us",
				      em_us(v->unobserved)));
	json_object_set_new(o, "partial", json_boolean(v->partial));
	json_object_set_new(o, "replayed", json_boolean(v->replayed));
	json_object_set_new(o, "window",
			    json_pack("{s:s,s:s}", "start", em_time_format(start, v->start, 6),
				      "end", em_time_format(end, v->end, 6)));
	return o;
}
