// SPDX-License-Identifier: GPL-2.0
/*
 * A share moved from s0 to s1 by a date, and how much of it because other work stopped.
 * Source of the bounds of displacement: measures, P2 (exact bounds of the transport).
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "commit/judge.h"

struct em_commitment em_reallocate_bound(const struct em_commitment *c)
{
	struct em_commitment bound = *c;

	bound.kind = em_compare(c->from.num, c->to.den, c->to.num, c->from.den) < 0 ? EM_FLOOR
										    : EM_CEILING;
	bound.share = c->to;
	return bound;
}

typedef __int128 change; /* of one part between two windows, ns; below 0: it shrank */

/*
 * struct flows - between two equal windows, over every reading of what nobody knows
 * @grown_low, @grown_high: ΔA
 * @others: at most, what work of other purposes shrank by
 * @added: at most, what came from elsewhere: capacity that was added, time that was idle
 */
struct flows {
	change grown_low, grown_high, others, added;
};

static change not_below_0(change x)
{
	return x > 0 ? x : 0;
}

/* struct range - a part's time in one window: surely, at most */
struct range {
	change low, high;
};

static struct range range_of(const struct em_commitment *c, const struct em_measure *m,
			     unsigned int p)
{
	struct em_bounds b = em_bounds_of(c, m, p, true, EM_CLOCK_GPU_TIME);

	return (struct range){ (change)(b.a / b.scale),
			       (change)((b.a + b.untagged + b.weak + b.mixed + b.x + b.error) /
					b.scale) };
}

/* Unobserved time may have been idle. Untagged work is some purpose's, and no source itself. */
static struct flows flows_of(const struct em_commitment *c, const struct em_measure *before,
			     const struct em_measure *after)
{
	struct range a0 = range_of(c, before, c->purpose), a1 = range_of(c, after, c->purpose);
	change idle = (change)(before->r.idle + before->r.unobserved) - (change)after->r.idle;
	struct flows f = {
		.grown_low = a1.low - a0.high,
		.grown_high = a1.high - a0.low,
		.added = not_below_0((change)after->r.capacity - (change)before->r.capacity) +
			 not_below_0(idle),
	};

	for (unsigned int p = EARMARK_PURPOSE_ALIGNMENT; p < EARMARK_PURPOSE_COUNT; p++) {
		struct range x0 = range_of(c, before, p), x1 = range_of(c, after, p);

		if (p != c->purpose)
			f.others += not_below_0(x0.high - x1.low);
	}
	return f;
}

/* den·part against num·whole, both of time that fits 127 bits; 0 stands for what is negative. */
static int against(change part, change whole, const struct em_share *s)
{
	return em_compare(s->den, part > 0 ? (em_ns)part : 0, s->num, whole > 0 ? (em_ns)whole : 0);
}

/*
 * The part of ΔA that came out of other work lies in [max(0, ΔA − added), min(ΔA, s_others)].
 * Too little of it for certain: even the most is, for the least ΔA. Enough for certain: even the
 * least is, for the least ΔA, where it is the smallest part.
 */
static void judge_displacement(const struct em_commitment *c, const struct flows *f,
			       struct em_verdict *v)
{
	if (f->grown_high <= 0) {
		v->status = EM_BREACHED;
		v->reason = "did not grow";
	} else if (f->grown_low > 0 && against(f->others, f->grown_low, &c->displacement) < 0) {
		v->status = EM_BREACHED;
		v->reason = "added, not moved";
	} else if (v->status == EM_MET &&
		   (f->grown_low <= 0 ||
		    against(f->grown_low - f->added, f->grown_low, &c->displacement) < 0)) {
		v->status = EM_UNPROVEN;
		v->reason = "displacement not shown";
	}
}

/* When it is due. Return: 0; 1: not known yet. */
static int due_at(const struct em_commitment *c, struct em_ledger *l, int64_t now, int64_t *due,
		  int64_t *from)
{
	int64_t at;
	int ret;

	*from = c->declared;
	*due = c->due;
	if (!c->within_of)
		return 0;
	ret = em_event_find(l, c->within_of, now, &at);
	if (ret)
		return ret == -ENOENT ? 1 : ret;
	*from = at;
	*due = at + c->within;
	return 0;
}

static int displaced(const struct em_commitment *c, struct em_ledger *l, int64_t from,
		     const struct em_measure *after, struct em_verdict *v)
{
	struct em_measure before;
	struct flows f;
	int ret = em_measure(&before, c, l, from - c->window, from);

	if (ret)
		return ret;
	if (!before.r.capacity || before.since > from - c->window) {
		if (v->status == EM_MET)
			v->status = EM_UNPROVEN;
		if (v->status == EM_UNPROVEN)
			v->reason = "nothing to compare with";
		return 0;
	}
	f = flows_of(c, &before, after);
	judge_displacement(c, &f, v);
	return 0;
}

/* Judged once, over the window that ends when it is due: a dated promise has a last answer. */
int em_reallocate_check(const struct em_commitment *c, struct em_ledger *l, int64_t now,
			struct em_verdict *v)
{
	struct em_commitment bound = em_reallocate_bound(c);
	struct em_measure after;
	int64_t due, from;
	int ret = due_at(c, l, now, &due, &from);

	if (ret < 0)
		return ret;
	if (ret || due > now) {
		v->reason = ret ? "its event has not happened" : "its date has not come";
		snprintf(v->detail, sizeof(v->detail), "%s", ret ? c->within_of : "");
		v->due = ret ? 0 : due;
		return 0;
	}
	ret = em_measure(&after, &bound, l, due - c->window, due);
	if (ret)
		return ret;
	em_judge_measure(&bound, &after, v);
	v->start = after.since;
	v->partial = after.since > due - c->window;
	if (c->displacement.den && v->status != EM_UNDEFINED && bound.kind == EM_FLOOR)
		return displaced(c, l, from, &after, v);
	return 0;
}
