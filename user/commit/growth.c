// SPDX-License-Identifier: GPL-2.0
/* One purpose may not grow faster than another: this window beside the one before it. */
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "commit/judge.h"

/* struct range - of a purpose's time: surely, at most */
struct range {
	em_ns low, high;
};

/*
 * @for_claim: the claimant is better off with more of it here. Weak tags then count possibly;
 * else whoever set them.
 */
static struct range range_of(const struct em_commitment *c, const struct em_measure *m,
			     unsigned int purpose, bool for_claim)
{
	struct em_bounds b = em_bounds_of(c, m, purpose, for_claim, c->clock);

	return (struct range){ b.a, b.a + b.untagged + b.weak + b.mixed + b.x + b.error };
}

/* Where the other purpose was and is nothing there is no ratio: any growth is faster. */
static bool faster(em_ns now, em_ns before, em_ns other_now, em_ns other_before)
{
	if (!other_now && !other_before)
		return now > before;
	return em_compare(now, other_before, other_now, before) > 0;
}

/* "no ratio" where nothing is above, or below, the line for certain */
static double quotient(em_ns a, em_ns b, em_ns c, em_ns d)
{
	return c && d ? (double)a / (double)c * ((double)b / (double)d) : NAN;
}

void em_growth_ratio(const struct em_commitment *c, const struct em_measure *before,
		     const struct em_measure *after, double *low, double *high)
{
	struct range c0 = range_of(c, before, c->purpose, true);
	struct range a0 = range_of(c, before, c->than, false);
	struct range c1 = range_of(c, after, c->purpose, false);
	struct range a1 = range_of(c, after, c->than, true);

	*low = quotient(c1.low, a0.low, c0.high, a1.high);
	*high = quotient(c1.high, a0.high, c0.low, a1.low);
}

static void totals(struct em_verdict *v, const struct em_commitment *c,
		   const struct em_measure *after, em_ns scale)
{
	struct em_bounds b = em_bounds_of(c, after, c->than, true, c->clock);

	v->untagged = b.untagged / scale;
	v->weak = b.weak / scale;
	v->mixed = b.mixed / scale;
	v->unobserved = b.x / scale;
	v->error = b.error / scale;
	v->start = after->r.since;
	v->end = v->due = after->r.until;
}

static const char *unknowns(const struct em_verdict *v)
{
	em_ns rest = v->untagged + v->weak + v->mixed;

	return v->error > rest + v->unobserved    ? "measurement error"
	       : v->unobserved > rest             ? "unobserved"
	       : v->weak + v->mixed > v->untagged ? "weak tags"
						  : "untagged";
}

/*
 * C1/C0 <= A1/A0, by products. Unknown time can be read either way in either window, and the
 * worst and the best reading are both possible, so these bounds are exact:
 * worst: all of it C now and A before; best: all of it A now and C before.
 */
void em_judge_growth(const struct em_commitment *c, const struct em_measure *before,
		     const struct em_measure *after, struct em_verdict *v)
{
	struct range c0 = range_of(c, before, c->purpose, true);
	struct range a0 = range_of(c, before, c->than, false);
	struct range c1 = range_of(c, after, c->purpose, false);
	struct range a1 = range_of(c, after, c->than, true);

	*v = (struct em_verdict){ .status = EM_UNPROVEN, .reason = "" };
	v->replayed = (before->r.span.recorders | after->r.span.recorders) &
		      1U << EARMARK_RECORDER_REPLAY;
	totals(v, c, after, c->mixed == EM_MIXED_PART ? c->mixed_part.den : 1);
	snprintf(v->detail, sizeof(v->detail), "%s against %s", em_purpose_name(c->purpose),
		 em_purpose_name(c->than));
	if (!before->r.capacity || (!c0.high && !a0.high)) {
		v->status = EM_UNDEFINED;
		v->reason = "nothing to compare with";
	} else if (faster(c1.low, c0.high, a1.high, a0.low)) {
		v->status = EM_BREACHED;
	} else if (faster(c1.high, c0.low, a1.low, a0.high)) {
		v->reason = unknowns(v);
	} else {
		v->reason = em_judge_demotion(c, after);
		v->reason = *v->reason ? v->reason : em_judge_demotion(c, before);
		v->status = *v->reason ? EM_UNPROVEN : EM_MET;
		if (v->status == EM_MET && v->replayed)
			v->reason = "as declared by the scheduler";
	}
}

/* Of a calendar: the last two periods that are over. A promise does not reach back before it was
 * made, but what it compares with may be older. */
int em_growth_check(const struct em_commitment *c, struct em_ledger *l, int64_t now,
		    struct em_verdict *v)
{
	struct em_window w = c->span;
	struct em_measure before, after;
	struct em_period p, q;
	int ret;

	w.length = c->window;
	p = em_window_at(&w, now);
	if (w.kind != EM_ROLLING)
		p = em_window_before(&w, &p);
	if (p.due <= c->declared) {
		v->reason = "its window is not over";
		return 0;
	}
	q = em_window_before(&w, &p);
	ret = em_measure(&after, c, l, p.start, p.until);
	ret = ret ?: em_measure(&before, c, l, q.start, q.until);
	if (ret)
		return ret;
	em_judge_growth(c, &before, &after, v);
	v->partial = before.since > q.start || after.since > p.start;
	if (c->clock == EM_CLOCK_ALLOCATED && (!before.r.allocated || !after.r.allocated)) {
		v->status = EM_UNDEFINED;
		v->reason = "allocations are not recorded here";
	}
	return 0;
}
