// SPDX-License-Identifier: GPL-2.0
/* Bounds of what counts; see bounds.h. */
#include "commit/bounds.h"

/* struct wide - 256 bits */
struct wide {
	em_ns high, low;
};

static struct wide multiply(em_ns a, em_ns b)
{
	em_ns a1 = a >> 64, a0 = (uint64_t)a, b1 = b >> 64, b0 = (uint64_t)b;
	em_ns low = a0 * b0, cross = a1 * b0, other = a0 * b1;
	em_ns middle = (low >> 64) + (uint64_t)cross + (uint64_t)other;

	return (struct wide){
		.high = a1 * b1 + (cross >> 64) + (other >> 64) + (middle >> 64),
		.low = (middle << 64) | (uint64_t)low,
	};
}

int em_compare(em_ns a, em_ns b, em_ns c, em_ns d)
{
	struct wide x = multiply(a, b), y = multiply(c, d);

	if (x.high != y.high)
		return x.high < y.high ? -1 : 1;
	return x.low == y.low ? 0 : x.low < y.low ? -1 : 1;
}

static em_ns on(const struct em_part *part, enum em_clock clock)
{
	return clock == EM_CLOCK_BUSY ? part->busy : part->gpu_time;
}

/* struct sums - of one purpose: all of it, and what was tagged strongly enough */
struct sums {
	em_ns all, strong;
};

static struct sums sums_of(const struct em_commitment *c, const struct em_report *r,
			   unsigned int purpose, enum em_clock clock)
{
	return (struct sums){ on(&r->parts[purpose], clock),
			      on(&r->strong[purpose][c->require_tagged_by], clock) };
}

/*
 * "mixed: exclude" leaves mixed work in N and nowhere else. For a ceiling, what of it was
 * tagged too weakly may be of the purpose, as any other weakly tagged work may.
 */
static void add_mixed(struct em_bounds *b, const struct em_commitment *c, struct sums mixed,
		      bool claimed)
{
	em_ns part = c->mixed == EM_MIXED_INCLUDE ? b->scale
		     : c->mixed == EM_MIXED_PART  ? c->mixed_part.num
						  : 0;
	em_ns weak = mixed.all - mixed.strong;

	if (c->mixed == EM_MIXED_UNRESOLVED) {
		b->mixed += mixed.all * b->scale;
	} else if (claimed) {
		b->a += mixed.strong * part;
		b->weak += weak * part;
	} else {
		b->a += mixed.all * part;
		b->weak += weak * (b->scale - part);
	}
}

static em_ns denominator(const struct em_commitment *c, const struct em_measure *m,
			 enum em_clock clock, em_ns used)
{
	switch (c->of) {
	case EM_OF_CAPACITY:
		return clock == EM_CLOCK_BUSY ? m->engine_wall : m->r.capacity;
	case EM_OF_FIXED:
		return c->fixed;
	case EM_OF_INSTALLED:
		return m->fleet;
	default:
		return used;
	}
}

struct em_bounds em_bounds_of(const struct em_commitment *c, const struct em_measure *m,
			      unsigned int purpose, bool claimed, enum em_clock clock)
{
	const struct em_report *r = &m->r;
	bool busy = clock == EM_CLOCK_BUSY;
	struct sums own = sums_of(c, r, purpose, clock);
	em_ns scale = c->mixed == EM_MIXED_PART ? c->mixed_part.den : 1;
	struct em_bounds b = {
		.scale = scale,
		.a = (claimed ? own.strong : own.all) * scale,
		.weak = (claimed ? own.all - own.strong : 0) * scale,
		.untagged = on(&r->parts[EARMARK_PURPOSE_UNTAGGED], clock) * scale +
			    (busy ? r->busy_unattributed : r->unattributed) * scale,
		.x = (busy ? r->busy_unobserved : r->unobserved) * scale,
		.used = (busy ? r->busy_total + r->busy_unobserved : r->used + r->unobserved) *
			scale,
		.capped = c->of != EM_OF_FIXED && c->of != EM_OF_INSTALLED,
	};

	for (unsigned int p = EARMARK_PURPOSE_ALIGNMENT; !claimed && p < EARMARK_PURPOSE_COUNT;
	     p++) {
		struct sums other = sums_of(c, r, p, clock);

		if (p != purpose && p != EARMARK_PURPOSE_MIXED)
			b.weak += (other.all - other.strong) * scale;
	}
	if (purpose != EARMARK_PURPOSE_MIXED)
		add_mixed(&b, c, sums_of(c, r, EARMARK_PURPOSE_MIXED, clock), claimed);
	b.n = denominator(c, m, clock, b.used / scale) * scale;
	return b;
}

em_ns em_bounds_possible(const struct em_bounds *b)
{
	em_ns sum = b->a + b->untagged + b->weak + b->mixed + b->x;

	return b->capped && sum > b->n ? b->n : sum;
}
