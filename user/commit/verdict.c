// SPDX-License-Identifier: GPL-2.0
/* Judging commitments: bounds of what is surely and what is possibly so; see commitment.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "commit/judge.h"

bool em_commitment_claims(const struct em_commitment *c)
{
	return c->kind == EM_FLOOR || c->kind == EM_REALLOCATE;
}

/* The share s of the whole: den·counted against num·whole. */
static int against(em_ns counted, em_ns whole, const struct em_share *s)
{
	return em_compare(s->den, counted, s->num, whole);
}

static bool covered(const struct em_commitment *c, const struct em_report *r)
{
	return against(r->capacity - r->unobserved, r->capacity, &c->min_coverage) >= 0;
}

/* What was surely used: busy may be less than what was told of it. */
static em_ns total_of(const struct em_commitment *c, const struct em_report *r)
{
	switch (c->clock) {
	case EM_CLOCK_BUSY:
		return r->busy_total > r->busy_error ? r->busy_total - r->busy_error : 0;
	case EM_CLOCK_ALLOCATED:
		return r->allocated;
	default:
		return r->used;
	}
}

const char *em_judge_demotion(const struct em_commitment *c, const struct em_measure *m)
{
	em_ns total = total_of(c, &m->r);

	if (m->r.span.broken)
		return "broken";
	/* its busy engines and broken sums cannot be told from here: bounds are not enough */
	if (m->r.missing)
		return "missing nodes";
	if (!covered(c, &m->r))
		return "coverage";
	return total < c->min_total ? "too little used" : "";
}

/*
 * What is promised, as a part of used time, must hold on busy too where that is measured: an
 * idle process on a GPU that others keep busy earns half of its GPU time, and takes as much from
 * what a ceiling counts. No work at all holds no floor.
 */
static bool padded(const struct em_commitment *c, const struct em_measure *m,
		   const struct em_bounds *t, const struct em_bounds *b)
{
	em_ns counted = em_commitment_claims(c) ? b->a : em_bounds_possible(b);
	int sign;

	if (c->clock == EM_CLOCK_BUSY || !em_report_measured(&m->r))
		return false;
	if (!b->used)
		return em_commitment_claims(c);
	/* counted / busy against share·n / used; scaled alike on both sides */
	sign = em_compare(c->share.den * counted, t->used, c->share.num * t->n, b->used);
	return em_commitment_claims(c) ? sign < 0 : sign > 0;
}

static em_ns divide_up(em_ns num, em_ns den)
{
	return (num + den - 1) / den;
}

/*
 * Floors, from the proven side: Y = ρN − a to be moved, or Y/(1 − ρ) to be added. Ceilings, from
 * the possible side: Y = a + m + x − ρN to be moved away, or Y/ρ of other work to be added. What
 * does not grow with use (a fixed stock, an amount) is made up hour by hour, and not diluted.
 */
static void deficit(const struct em_commitment *c, const struct em_bounds *b, struct em_verdict *v)
{
	bool floor = em_commitment_claims(c);
	em_ns bound = c->share.num * (b->n / b->scale);
	em_ns counted = c->share.den * ((floor ? b->a : em_bounds_possible(b)) / b->scale);
	em_ns short_by = floor ? bound - counted : counted - bound;

	if (floor ? counted >= bound : counted <= bound)
		return;
	v->deficit = divide_up(short_by, c->share.den);
	if (!b->capped) {
		v->never = !floor;
		v->added = floor ? v->deficit : 0;
		return;
	}
	v->never = floor && c->share.num == c->share.den;
	if (!v->never)
		v->added = divide_up(short_by, floor ? c->share.den - c->share.num : c->share.num);
}

static struct em_share ratio(em_ns num, const struct em_bounds *b)
{
	return (struct em_share){ num / b->scale, b->n / b->scale };
}

static void fill(struct em_verdict *v, const struct em_measure *m, const struct em_bounds *t,
		 const struct em_bounds *b)
{
	*v = (struct em_verdict){
		.status = EM_UNPROVEN,
		.reason = "",
		.start = m->r.since,
		.end = m->r.until,
		.due = m->r.until,
		.replayed = m->r.span.recorders & 1U << EARMARK_RECORDER_REPLAY,
		.proven = ratio(t->a, t),
		.possible = ratio(em_bounds_possible(t), t),
		.busy_proven = ratio(b->a, b),
		.busy_possible = ratio(em_bounds_possible(b), b),
		.untagged = t->untagged / t->scale,
		.weak = t->weak / t->scale,
		.mixed = t->mixed / t->scale,
		.unobserved = t->x / t->scale,
		.error = t->error / t->scale,
		.ratio_proven = m->r.ratio_proven,
		.ratio_possible = m->r.ratio_possible,
		.in_scope = { m->r.capacity, m->whole },
	};
}

static const char *largest_unknown(const struct em_verdict *v)
{
	em_ns rest = v->untagged + v->weak + v->mixed;

	if (v->error > rest + v->unobserved)
		return "measurement error";
	if (v->unobserved > rest)
		return "unobserved";
	if (v->mixed > v->untagged + v->weak)
		return "mixed";
	return v->weak > v->untagged ? "weak tags" : "untagged";
}

/* Why there is no share at all, or "". */
static const char *undefined(const struct em_commitment *c, const struct em_measure *m,
			     const struct em_bounds *t)
{
	bool asked = c->clock == EM_CLOCK_ALLOCATED || c->of == EM_OF_ALLOCATED;

	if (asked && !m->r.allocated && !em_report_replayed(&m->r))
		return "allocations are not recorded here";
	if (t->n)
		return "";
	return c->of == EM_OF_INSTALLED  ? "no inventory at that date"
	       : c->of == EM_OF_CAPACITY ? "no GPU was there"
					 : "nothing used";
}

static void settle(const struct em_commitment *c, const struct em_measure *m,
		   const struct em_bounds *t, const struct em_bounds *b, struct em_verdict *v)
{
	bool floor = em_commitment_claims(c);
	int surely = against(t->a, t->n, &c->share);
	int possibly = against(em_bounds_possible(t), t->n, &c->share);

	deficit(c, t, v);
	if (floor ? possibly < 0 : surely > 0) {
		v->status = EM_BREACHED;
	} else if (floor ? surely < 0 : possibly > 0) {
		v->reason = largest_unknown(v);
	} else {
		v->reason = em_judge_demotion(c, m);
		if (!*v->reason && padded(c, m, t, b))
			v->reason = "padding";
		v->status = *v->reason ? EM_UNPROVEN : EM_MET;
		if (v->status == EM_MET && v->replayed) /* never a bare MET */
			v->reason = "as declared by the scheduler";
	}
}

/*
 * MET iff q·a >= p·N, BREACHED iff q·(a+m+x) < p·N, else UNPROVEN; a ceiling the other way
 * round. A broken sum, coverage, too little use and padding can only demote MET.
 */
void em_judge_measure(const struct em_commitment *c, const struct em_measure *m,
		      struct em_verdict *v)
{
	bool floor = em_commitment_claims(c);
	enum em_clock clock = c->clock;
	struct em_bounds t = em_bounds_of(c, m, c->purpose, floor, clock);
	struct em_bounds b = em_bounds_of(c, m, c->purpose, floor, EM_CLOCK_BUSY);

	fill(v, m, &t, &b);
	v->reason = undefined(c, m, &t);
	if (*v->reason) {
		v->status = EM_UNDEFINED;
	} else if (!m->r.capacity && !t.capped) {
		v->reason = "nothing recorded"; /* of a fixed stock there is a share even so */
		deficit(c, &t, v);
	} else {
		settle(c, m, &t, &b, v);
	}
}

/* With R, all the inventory's remaining time, added as far as the denominator grows with it. */
void em_judge_open(const struct em_commitment *c, const struct em_measure *m, int64_t due,
		   struct em_verdict *v)
{
	bool floor = em_commitment_claims(c);
	struct em_bounds t = em_bounds_of(c, m, c->purpose, floor, c->clock);
	em_ns left = due > m->until ? (em_ns)(due - m->until) : 0, rest = m->rate * left * t.scale;
	em_ns best = floor ? em_bounds_possible(&t) + rest : t.a;

	em_judge_measure(c, m, v);
	v->due = due;
	if (v->status == EM_UNDEFINED && t.n)
		return; /* not what it is: whether it can be told at all */
	if (t.capped)
		t.n += rest;
	else if (c->of == EM_OF_INSTALLED)
		t.n += m->fleet_rate * left * t.scale;
	v->status = floor ? (against(best, t.n, &c->share) < 0 ? EM_INFEASIBLE : EM_NOT_DUE)
			  : (against(best, t.n, &c->share) > 0 ? EM_INFEASIBLE : EM_NOT_DUE);
	v->reason = v->status == EM_NOT_DUE ? "its window is not over" : "cannot be reached";
	if (!m->r.capacity && !m->rate) { /* what will be here cannot be told */
		v->status = EM_NOT_DUE;
		v->reason = "nothing recorded";
	}
}

void em_commitment_judge(const struct em_commitment *c, const struct em_report *r,
			 struct em_verdict *v)
{
	struct em_measure m = { .r = *r, .since = r->since, .until = r->until };

	em_judge_measure(c, &m, v);
}

static int judge_period(const struct em_commitment *c, struct em_ledger *l, struct em_period p,
			struct em_verdict *v)
{
	int64_t start = c->declared > p.start ? c->declared : p.start;
	struct em_measure m;
	int ret;

	ret = em_measure(&m, c, l, start, p.until);
	if (ret)
		return ret;
	if (p.due > p.until)
		em_judge_open(c, &m, p.due, v);
	else
		em_judge_measure(c, &m, v);
	v->start = m.since;
	v->partial = m.since > p.start;
	return 0;
}

/* The last period that is over; the running one if there is none, or if it is lost already. */
static int check_share(const struct em_commitment *c, struct em_ledger *l, int64_t now,
		       struct em_verdict *v)
{
	struct em_window w = c->span;
	struct em_verdict running;
	struct em_period p;
	int ret;

	w.length = c->window;
	p = em_window_at(&w, now);
	if (w.kind == EM_ROLLING)
		return judge_period(c, l, p, v);
	if (now < p.start)
		return 0; /* as it was filled in: not due */
	ret = judge_period(c, l, p, &running);
	if (ret || w.kind == EM_CUMULATIVE) {
		*v = running;
		return ret;
	}
	p = em_window_before(&w, &p);
	if (p.due <= c->declared) {
		*v = running;
		return 0;
	}
	ret = judge_period(c, l, p, v);
	if (v->status == EM_UNDEFINED || (running.status == EM_INFEASIBLE && v->status == EM_MET))
		*v = running;
	return ret;
}

/* In force from when: declared, and after its event. */
static int in_force(const struct em_commitment *c, struct em_ledger *l, int64_t now,
		    struct em_commitment *as, struct em_verdict *v)
{
	int64_t at;
	int ret;

	*as = *c;
	*v = (struct em_verdict){ .status = EM_NOT_DUE, .reason = "", .start = now, .end = now };
	v->due = c->span.kind == EM_CUMULATIVE ? c->span.to : c->due;
	if (c->declared > now) {
		v->reason = "not declared yet";
		return 1;
	}
	if (!c->when)
		return 0;
	ret = em_event_find(l, c->when, now, &at);
	if (ret && ret != -ENOENT)
		return ret;
	if (ret || at > now) {
		v->reason = "its event has not happened";
		snprintf(v->detail, sizeof(v->detail), "%s", c->when);
		return 1;
	}
	as->declared = at > c->declared ? at : c->declared;
	return 0;
}

int em_commitment_check(const struct em_commitment *c, struct em_ledger *l, int64_t now,
			struct em_verdict *v)
{
	struct em_commitment as;
	int ret = in_force(c, l, now, &as, v);

	if (ret)
		return ret < 0 ? ret : 0;
	switch (c->kind) {
	case EM_GROWTH:
		return em_growth_check(&as, l, now, v);
	case EM_REALLOCATE:
		return em_reallocate_check(&as, l, now, v);
	case EM_GATE:
		return em_gate_check(&as, l, now, v);
	default:
		v->reason = "its window has not begun";
		return check_share(&as, l, now, v);
	}
}
