// SPDX-License-Identifier: GPL-2.0
/* Bounds of what counts; see bounds.h. */
#include "base/cleanup.h"
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
	return clock == EM_CLOCK_BUSY        ? part->busy
	       : clock == EM_CLOCK_ALLOCATED ? part->allocated
					     : part->gpu_time;
}

static em_ns less(em_ns sum, em_ns error)
{
	return sum > error ? sum - error : 0;
}

/* struct known - what a clock knows of everything: used, of no purpose, unobserved, the error */
struct known {
	em_ns used, nobody, x, error;
};

static struct known known_of(const struct em_report *r, enum em_clock clock)
{
	switch (clock) {
	case EM_CLOCK_BUSY:
		return (struct known){ r->busy_total, r->busy_unattributed, r->busy_unobserved,
				       r->busy_error };
	case EM_CLOCK_ALLOCATED: /* a sensor that saw nothing says nothing of what was given */
		return (struct known){ r->allocated, 0,
				       em_report_replayed(r) ? r->unobserved : r->gap, 0 };
	default:
		return (struct known){ r->used, r->unattributed, r->unobserved, 0 };
	}
}

/*
 * struct sums - of one purpose: all of it, and what was tagged strongly enough
 * @all_error, @strong_error: what these may be off by
 */
struct sums {
	em_ns all, strong, all_error, strong_error;
};

static struct sums sums_of(const struct em_commitment *c, const struct em_report *r,
			   unsigned int purpose, enum em_clock clock)
{
	const struct em_part *all = &r->parts[purpose];
	const struct em_part *strong = &r->strong[purpose][c->require_tagged_by];
	bool busy = clock == EM_CLOCK_BUSY;

	return (struct sums){ on(all, clock), on(strong, clock), busy ? all->busy_error : 0,
			      busy ? strong->busy_error : 0 };
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
		b->a += less(mixed.strong, mixed.strong_error) * part;
		b->weak += weak * part;
	} else {
		b->a += less(mixed.all, mixed.all_error) * part;
		b->weak += weak * (b->scale - part);
	}
}

static em_ns denominator(const struct em_commitment *c, const struct em_measure *m,
			 enum em_clock clock, em_ns used)
{
	struct known given = known_of(&m->r, EM_CLOCK_ALLOCATED);

	switch (c->of) {
	case EM_OF_CAPACITY:
		return clock == EM_CLOCK_BUSY ? m->engine_wall : m->r.capacity;
	case EM_OF_FIXED:
		return c->fixed;
	case EM_OF_INSTALLED:
		return m->fleet;
	case EM_OF_ALLOCATED:
		return clock == EM_CLOCK_BUSY ? used : given.used + given.x;
	default:
		return used;
	}
}

static bool of_used(const struct em_commitment *c)
{
	return c->of == EM_OF_USED || c->of == EM_OF_ALLOCATED;
}

/* Of a whole that does not depend on figures, only the error of what may count matters. */
static em_ns error_of(const struct em_commitment *c, const struct em_report *r,
		      unsigned int purpose, bool claimed, enum em_clock clock)
{
	const unsigned int own[] = { purpose, EARMARK_PURPOSE_UNTAGGED, EARMARK_PURPOSE_MIXED };
	em_ns sum = 0;

	if (of_used(c) || !claimed)
		return known_of(r, clock).error;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (i && own[i] == purpose)
			continue;
		sum += sums_of(c, r, own[i], clock).all_error;
	}
	return sum;
}

static void add_others(struct em_bounds *b, const struct em_commitment *c,
		       const struct em_report *r, unsigned int purpose, enum em_clock clock)
{
	for (unsigned int p = EARMARK_PURPOSE_ALIGNMENT; p < EARMARK_PURPOSE_COUNT; p++) {
		struct sums other = sums_of(c, r, p, clock);

		if (p != purpose && p != EARMARK_PURPOSE_MIXED)
			b->weak += (other.all - other.strong) * b->scale;
	}
}

struct em_bounds em_bounds_of(const struct em_commitment *c, const struct em_measure *m,
			      unsigned int purpose, bool claimed, enum em_clock clock)
{
	const struct em_report *r = &m->r;
	struct sums own = sums_of(c, r, purpose, clock);
	struct known known = known_of(r, clock);
	em_ns scale = c->mixed == EM_MIXED_PART ? c->mixed_part.den : 1;
	em_ns used = known.used + known.x;
	struct em_bounds b = {
		.scale = scale,
		.a = (claimed ? less(own.strong, own.strong_error) : less(own.all, own.all_error)) *
		     scale,
		.weak = (claimed ? own.all - own.strong : 0) * scale,
		.untagged = (on(&r->parts[EARMARK_PURPOSE_UNTAGGED], clock) + known.nobody) * scale,
		.x = known.x * scale,
		.error = 2 * error_of(c, r, purpose, claimed, clock) * scale,
		.used = (claimed ? used + known.error : used) * scale,
		.capped = c->of != EM_OF_FIXED && c->of != EM_OF_INSTALLED,
	};

	if (!claimed)
		add_others(&b, c, r, purpose, clock);
	if (purpose != EARMARK_PURPOSE_MIXED)
		add_mixed(&b, c, sums_of(c, r, EARMARK_PURPOSE_MIXED, clock), claimed);
	b.n = denominator(c, m, clock, used + known.error) * scale;
	return b;
}

em_ns em_bounds_possible(const struct em_bounds *b)
{
	em_ns sum = b->a + b->untagged + b->weak + b->mixed + b->x + b->error;

	return b->capped && sum > b->n ? b->n : sum;
}
