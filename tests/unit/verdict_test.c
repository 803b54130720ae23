// SPDX-License-Identifier: GPL-2.0
/*
 * Verdicts against possible worlds: what nobody knows is tried every way, and the verdict must be
 * MET where every world keeps the promise, BREACHED where none does, UNPROVEN else.
 */
#include "history.h"
#include "base/cleanup.h"
#include "commit/judge.h"

#define US 1000u /* everything here is in microseconds */

/* struct fleet - one window, in microseconds: strongly and weakly tagged */
struct fleet {
	unsigned int a, aw, c, cw, m, mw, u, lost, x, idle, fixed;
};

static struct em_part part(unsigned int us)
{
	return (struct em_part){ .gpu_time = us * US, .busy = us * US };
}

static void tagged(struct em_report *r, unsigned int purpose, unsigned int strong,
		   unsigned int weak)
{
	r->parts[purpose] = part(strong + weak);
	for (int by = 0; by <= EARMARK_TAGGED_BY_SELF; by++)
		r->strong[purpose][by] = part(strong + weak);
	for (int by = EARMARK_TAGGED_BY_RULE; by <= EARMARK_TAGGED_BY_SCHEDULER; by++)
		r->strong[purpose][by] = part(strong);
}

/* No engines: padding has a test of its own. */
static struct em_measure measure_of(const struct fleet *f)
{
	struct em_measure m = { .fleet = f->fixed * US, .rate = 1, .fleet_rate = 1 };
	struct em_report *r = &m.r;

	tagged(r, EARMARK_PURPOSE_ALIGNMENT, f->a, f->aw);
	tagged(r, EARMARK_PURPOSE_CAPABILITIES, f->c, f->cw);
	tagged(r, EARMARK_PURPOSE_MIXED, f->m, f->mw);
	r->parts[0] = part(f->u);
	r->unattributed = r->busy_unattributed = f->lost * US;
	r->used = r->busy_total =
		(f->a + f->aw + f->c + f->cw + f->m + f->mw + f->u + f->lost) * US;
	r->unobserved = r->busy_unobserved = f->x * US;
	r->idle = f->idle * US;
	r->capacity = m.engine_wall = r->used + r->unobserved + r->idle;
	return m;
}

static struct em_commitment promise(enum em_commitment_kind kind, enum em_of of,
				    enum em_mixed mixed, unsigned int by, unsigned int p,
				    unsigned int q)
{
	return (struct em_commitment){
		.name = "p",
		.kind = kind,
		.of = of,
		.mixed = mixed,
		.mixed_part = { 1, 2 },
		.purpose = EARMARK_PURPOSE_ALIGNMENT,
		.share = { p, q },
		.min_coverage = { 0, 1 },
		.window = S,
		.prove_within = S,
		.require_tagged_by = by,
	};
}

/* Twice what of mixed work counts. */
static unsigned int twice_mixed(const struct em_commitment *c, unsigned int m)
{
	return c->mixed == EM_MIXED_INCLUDE ? 2 * m : c->mixed == EM_MIXED_PART ? m : 0;
}

/*
 * One world: bit by bit, what is unknown is of the purpose or is not. Against the claimant's
 * interest a tag stands, whoever set it. N is T + x as measures has it.
 */
static bool kept_in(const struct em_commitment *c, const struct fleet *f, unsigned int world)
{
	bool floor = c->kind == EM_FLOOR, weak = c->require_tagged_by > EARMARK_TAGGED_BY_SELF;
	unsigned int used = f->a + f->aw + f->c + f->cw + f->m + f->mw + f->u + f->lost + f->x;
	unsigned int n = c->of == EM_OF_USED       ? used
			 : c->of == EM_OF_CAPACITY ? used + f->idle
						   : f->fixed;
	unsigned int twice = 2 * f->a + twice_mixed(c, f->m);

	twice += world & 1 ? 2 * (f->u + f->lost) : 0;
	twice += world & 2 ? 2 * f->x : 0;
	/* weak tags: of the purpose for a floor, of others for a ceiling */
	twice += (floor && weak) ? (world & 4 ? 2 * f->aw : 0) : 2 * f->aw;
	twice += (!floor && weak && (world & 8)) ? 2 * f->cw : 0;
	if (c->mixed == EM_MIXED_UNRESOLVED)
		twice += world & 16 ? 2 * (f->m + f->mw) : 0;
	else if (!weak)
		twice += twice_mixed(c, f->mw);
	else if (floor)
		twice += world & 32 ? twice_mixed(c, f->mw) : 0;
	else
		twice += world & 32 ? 2 * f->mw : twice_mixed(c, f->mw);
	return floor ? twice * c->share.den >= 2 * n * c->share.num
		     : twice * c->share.den <= 2 * n * c->share.num;
}

static enum em_status oracle(const struct em_commitment *c, const struct fleet *f)
{
	bool all = true, none = true;

	for (unsigned int world = 0; world < 64; world++) {
		all &= kept_in(c, f, world);
		none &= !kept_in(c, f, world);
	}
	return all ? EM_MET : none ? EM_BREACHED : EM_UNPROVEN;
}

static void compare(const struct em_commitment *c, const struct fleet *f)
{
	struct em_measure m = measure_of(f);
	struct em_verdict v;
	enum em_status want = oracle(c, f);

	em_judge_measure(c, &m, &v);
	if (v.status == EM_UNDEFINED && !v.proven.den)
		return; /* N = 0, which has a test of its own */
	if (v.status != want)
		fail_msg("%s of %s, mixed %s, by %u, %u/%u: a %u+%u c %u+%u m %u+%u u %u lost %u "
			 "x %u idle %u fixed %u is %s and should be %s (%s)",
			 em_commitment_kind_name(c->kind), em_of_name(c->of),
			 em_mixed_name(c->mixed), c->require_tagged_by, (unsigned int)c->share.num,
			 (unsigned int)c->share.den, f->a, f->aw, f->c, f->cw, f->m, f->mw, f->u,
			 f->lost, f->x, f->idle, f->fixed, em_status_name(v.status),
			 em_status_name(want), v.reason);
}

static const enum em_commitment_kind kinds[] = { EM_FLOOR, EM_CEILING };
static const enum em_of wholes[] = { EM_OF_USED, EM_OF_CAPACITY, EM_OF_FIXED, EM_OF_INSTALLED };
static const enum em_mixed mixes[] = { EM_MIXED_EXCLUDE, EM_MIXED_INCLUDE, EM_MIXED_UNRESOLVED,
				       EM_MIXED_PART };
static const unsigned int tagged_by[] = { 0, EARMARK_TAGGED_BY_SELF, EARMARK_TAGGED_BY_SCHEDULER };

typedef void (*visit)(const struct em_commitment *c);

static void every(visit visit)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t o = 0; o < ARRAY_SIZE(wholes); o++)
			for (size_t m = 0; m < ARRAY_SIZE(mixes); m++)
				for (size_t b = 0; b < ARRAY_SIZE(tagged_by); b++) {
					struct em_commitment c = promise(
						kinds[k], wholes[o], mixes[m], tagged_by[b], 1, 5);

					visit(&c);
				}
}

static unsigned int seed = 3;

static unsigned int below(unsigned int n)
{
	return (unsigned int)rand_r(&seed) % n;
}

static struct fleet any_fleet(unsigned int n)
{
	return (struct fleet){
		.a = below(n),
		.aw = below(n),
		.c = below(3 * n),
		.cw = below(n),
		.m = below(n),
		.mw = below(n),
		.u = below(n),
		.lost = below(n),
		.x = below(n),
		.idle = below(n),
		.fixed = 1 + below(6 * n),
	};
}

static void any_worlds(const struct em_commitment *c)
{
	for (int i = 0; i < 1500; i++) {
		struct fleet f = any_fleet(i % 3 ? 4 : 40);
		struct em_commitment as = *c;

		as.share.den = 1 + below(12);
		as.share.num = 1 + below((unsigned int)as.share.den);
		compare(&as, &f);
	}
}

static void worlds(void **state)
{
	(void)state;
	every(any_worlds);
}

/* One unknown at a time, at the bounds and one microsecond to each side of them. */
static void at_bounds(const struct em_commitment *c)
{
	static const struct fleet unknowns[] = {
		{ 0 },           { .u = 70 },
		{ .lost = 30 },  { .aw = 50 },
		{ .x = 90 },     { .cw = 40 },
		{ .m = 60 },     { .mw = 60 },
		{ .idle = 500 }, { .u = 10, .x = 10, .aw = 10, .m = 10, .mw = 10, .cw = 10 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(unknowns); i++) {
		struct fleet base = unknowns[i];
		struct em_commitment as = *c;
		struct em_measure m;
		struct em_bounds b;

		base.a = 200;
		base.c = 800;
		base.fixed = 900;
		m = measure_of(&base);
		b = em_bounds_of(c, &m, c->purpose, c->kind == EM_FLOOR, c->clock);
		for (int end = 0; end < 2; end++) {
			as.share = (struct em_share){ (end ? em_bounds_possible(&b) : b.a) / US,
						      b.n / US };
			for (int step = -1; step <= 1; step++) {
				struct fleet f = base; /* N stays as it is */

				f.a = (unsigned int)((int)f.a + step);
				f.c = (unsigned int)((int)f.c - step);
				compare(&as, &f);
			}
		}
	}
}

static void bounds(void **state)
{
	(void)state;
	every(at_bounds);
}

/* Time that meets require_tagged_by only helps a floor on its purpose. */
static void adding_helps(const struct em_commitment *c)
{
	for (int i = 0; i < 1000 && c->kind == EM_FLOOR; i++) {
		struct fleet f = any_fleet(20), g = f;
		struct em_measure m = measure_of(&f), n;
		struct em_verdict before, after;

		g.a += 1 + below(50);
		n = measure_of(&g);
		em_judge_measure(c, &m, &before);
		em_judge_measure(c, &n, &after);
		assert_false(before.status == EM_MET && after.status != EM_MET);
		assert_false(before.status != EM_BREACHED && after.status == EM_BREACHED);
	}
}

static void adding(void **state)
{
	(void)state;
	every(adding_helps);
}

/*
 * Untagging, weakening a tag, and going unobserved never make a MET, nor a breach out of what was
 * none before.
 */
static void knowing_less_helps_not(const struct em_commitment *c)
{
	for (int i = 0; i < 1500; i++) {
		struct fleet f = any_fleet(12), g = f;
		unsigned int *from[] = { &g.a, &g.c, &g.m, &g.aw, &g.cw, &g.mw, &g.u,   &g.lost,
					 &g.a, &g.c, &g.m, &g.aw, &g.cw, &g.mw, &g.idle };
		unsigned int *to[] = { &g.u, &g.u, &g.u, &g.u, &g.u, &g.u, &g.x, &g.x,
				       &g.x, &g.x, &g.x, &g.x, &g.x, &g.x, &g.x };
		size_t which = below(ARRAY_SIZE(from));
		unsigned int move = below(*from[which] + 1);
		struct em_measure m = measure_of(&f), n;
		struct em_verdict before, after;

		*from[which] -= move;
		*to[which] += move;
		n = measure_of(&g);
		em_judge_measure(c, &m, &before);
		em_judge_measure(c, &n, &after);
		assert_false(after.status == EM_MET && before.status != EM_MET &&
			     before.status != EM_UNDEFINED);
		assert_false(after.status == EM_BREACHED && before.status == EM_MET);
	}
}

static void knowing_less(void **state)
{
	(void)state;
	every(knowing_less_helps_not);
}

/* --- what demotes, what is undefined -------------------------------------------------------- */

static enum em_status status_of(const struct em_commitment *c, const struct em_measure *m,
				const char *reason)
{
	struct em_verdict v;

	em_judge_measure(c, m, &v);
	assert_string_equal(v.reason, reason);
	return v.status;
}

static void demotions(void **state)
{
	struct fleet f = { .a = 50, .c = 50, .x = 10 };
	struct em_commitment c = promise(EM_FLOOR, EM_OF_USED, EM_MIXED_EXCLUDE, 0, 1, 5);
	struct em_measure m = measure_of(&f);

	(void)state;
	assert_int_equal(status_of(&c, &m, ""), EM_MET);
	c.min_total = 100 * US;
	assert_int_equal(status_of(&c, &m, ""), EM_MET);
	c.min_total++;
	assert_int_equal(status_of(&c, &m, "too little used"), EM_UNPROVEN);
	c.min_total = 0;
	c.min_coverage = (struct em_share){ 10, 11 };
	assert_int_equal(status_of(&c, &m, ""), EM_MET);
	c.min_coverage = (struct em_share){ 10001, 11000 };
	assert_int_equal(status_of(&c, &m, "coverage"), EM_UNPROVEN);
	/* none of it rescues a breach */
	f = (struct fleet){ .a = 1, .c = 99, .x = 10 };
	m = measure_of(&f);
	c.min_total = 1000 * US;
	m.r.span.broken = 1;
	assert_int_equal(status_of(&c, &m, ""), EM_BREACHED);
}

static void undefined(void **state)
{
	struct em_commitment c = promise(EM_FLOOR, EM_OF_USED, EM_MIXED_EXCLUDE, 0, 1, 5);
	struct fleet f = { .idle = 10 };
	struct em_measure m = measure_of(&f);

	(void)state;
	assert_int_equal(status_of(&c, &m, "nothing used"), EM_UNDEFINED);
	c.of = EM_OF_CAPACITY; /* idle time is in it */
	assert_int_equal(status_of(&c, &m, ""), EM_BREACHED);
	c.of = EM_OF_INSTALLED;
	assert_int_equal(status_of(&c, &m, "no inventory at that date"), EM_UNDEFINED);
	c.of = EM_OF_FIXED;
	c.fixed = 100;
	assert_int_equal(status_of(&c, &m, ""), EM_BREACHED);
	m = (struct em_measure){ 0 }; /* no record at all */
	assert_int_equal(status_of(&c, &m, "nothing recorded"), EM_UNPROVEN);
	/* allocations are known to a scheduler alone */
	f = (struct fleet){ .a = 50, .c = 50 };
	m = measure_of(&f);
	c = promise(EM_FLOOR, EM_OF_ALLOCATED, EM_MIXED_EXCLUDE, 0, 1, 5);
	m.r.span.recorders = 1u << EARMARK_RECORDER_KERNEL;
	assert_int_equal(status_of(&c, &m, "allocations are not recorded here"), EM_UNDEFINED);
	c.of = EM_OF_USED;
	c.clock = EM_CLOCK_ALLOCATED;
	assert_int_equal(status_of(&c, &m, "allocations are not recorded here"), EM_UNDEFINED);
	m.r.span.recorders |= 1u << EARMARK_RECORDER_REPLAY;
	assert_int_equal(status_of(&c, &m, "allocations are not recorded here"), EM_UNDEFINED);
	m.r.span.recorders = 1u << EARMARK_RECORDER_REPLAY; /* and there it is gpu-time */
	assert_int_equal(status_of(&c, &m, "as declared by the scheduler"), EM_MET);
}

/* An idle process earns half of a busy GPU, and takes half from what a ceiling counts. */
static void padding(void **state)
{
	struct em_commitment c = promise(EM_FLOOR, EM_OF_USED, EM_MIXED_EXCLUDE, 0, 1, 2);
	struct fleet f = { .a = 50, .c = 50 };
	struct em_measure m = measure_of(&f);

	(void)state;
	m.r.engines = 1;
	assert_int_equal(status_of(&c, &m, ""), EM_MET);
	m.r.parts[EARMARK_PURPOSE_ALIGNMENT].busy -= 1;
	m.r.strong[EARMARK_PURPOSE_ALIGNMENT][0].busy -= 1;
	assert_int_equal(status_of(&c, &m, "padding"), EM_UNPROVEN);
	/* the amount of time that is promised, as a part of what was used */
	c = promise(EM_FLOOR, EM_OF_FIXED, EM_MIXED_EXCLUDE, 0, 1, 1);
	c.fixed = 50 * US;
	assert_int_equal(status_of(&c, &m, "padding"), EM_UNPROVEN);
	c.fixed = 49 * US;
	assert_int_equal(status_of(&c, &m, ""), EM_MET);
	/* capabilities hidden behind idle alignment jobs */
	c = promise(EM_CEILING, EM_OF_USED, EM_MIXED_EXCLUDE, 0, 1, 2);
	c.purpose = EARMARK_PURPOSE_CAPABILITIES;
	m.r.busy_total -= 1;
	assert_int_equal(status_of(&c, &m, "padding"), EM_UNPROVEN);
	m = measure_of(&f);
	m.r.engines = 1;
	assert_int_equal(status_of(&c, &m, ""), EM_MET);
}

/* Windows that are not over: only what cannot be helped is INFEASIBLE. */
static void before_the_end(void **state)
{
	static const struct {
		enum em_commitment_kind kind;
		enum em_of of;
		struct fleet f;
		unsigned int left; /* µs of one GPU */
		enum em_status want;
	} table[] = {
		/* 1/2 of 100 + 80: (10 + 80) of 180 */
		{ EM_FLOOR, EM_OF_USED, { .a = 10, .c = 90 }, 80, EM_NOT_DUE },
		{ EM_FLOOR, EM_OF_USED, { .a = 10, .c = 90 }, 79, EM_INFEASIBLE },
		{ EM_FLOOR, EM_OF_USED, { .a = 10, .c = 89, .u = 1 }, 78, EM_NOT_DUE },
		{ EM_FLOOR, EM_OF_USED, { .a = 10, .c = 89, .x = 1 }, 78, EM_NOT_DUE },
		{ EM_FLOOR, EM_OF_CAPACITY, { .a = 10, .c = 10, .idle = 80 }, 80, EM_NOT_DUE },
		{ EM_FLOOR, EM_OF_CAPACITY, { .a = 10, .c = 10, .idle = 80 }, 79, EM_INFEASIBLE },
		/* 1/2 of 200 */
		{ EM_FLOOR, EM_OF_FIXED, { .a = 40, .c = 60, .fixed = 200 }, 60, EM_NOT_DUE },
		{ EM_FLOOR, EM_OF_FIXED, { .a = 40, .c = 60, .fixed = 200 }, 59, EM_INFEASIBLE },
		/* MET already is not due all the same */
		{ EM_FLOOR, EM_OF_USED, { .a = 90, .c = 10 }, 1, EM_NOT_DUE },
		/* 60 of 100, diluted by 20 of other work */
		{ EM_CEILING, EM_OF_USED, { .a = 60, .c = 40 }, 20, EM_NOT_DUE },
		{ EM_CEILING, EM_OF_USED, { .a = 60, .c = 40 }, 19, EM_INFEASIBLE },
		{ EM_CEILING, EM_OF_FIXED, { .a = 100, .fixed = 200 }, 50, EM_NOT_DUE },
		{ EM_CEILING, EM_OF_FIXED, { .a = 101, .fixed = 200 }, 50, EM_INFEASIBLE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct em_commitment c =
			promise(table[i].kind, table[i].of, EM_MIXED_EXCLUDE, 0, 1, 2);
		struct em_measure m = measure_of(&table[i].f);
		struct em_verdict v;

		c.fixed = table[i].f.fixed * US;
		m.until = m.r.until = 1000;
		em_judge_open(&c, &m, 1000 + table[i].left * US, &v);
		if (v.status != table[i].want)
			fail_msg("row %zu is %s", i, em_status_name(v.status));
		assert_true(v.due == 1000 + table[i].left * US && v.end == 1000);
	}
}

/* --- growth ------------------------------------------------------------------------------- */

static enum em_status grown(const struct fleet *before, const struct fleet *after)
{
	struct em_commitment c =
		promise(EM_GROWTH, EM_OF_USED, EM_MIXED_EXCLUDE, EARMARK_TAGGED_BY_SCHEDULER, 0, 0);
	struct em_measure m = measure_of(before), n = measure_of(after);
	struct em_verdict v;

	c.purpose = EARMARK_PURPOSE_CAPABILITIES;
	c.than = EARMARK_PURPOSE_ALIGNMENT;
	em_judge_growth(&c, &m, &n, &v);
	return v.status;
}

static void growth(void **state)
{
	static const struct {
		struct fleet before, after;
		enum em_status want;
	} table[] = {
		{ { .a = 10, .c = 20 }, { .a = 20, .c = 40 }, EM_MET },
		{ { .a = 10, .c = 20 }, { .a = 20, .c = 41 }, EM_BREACHED },
		{ { .a = 10, .c = 20 }, { .a = 20, .c = 39 }, EM_MET },
		{ { .a = 10, .c = 20 }, { .a = 20, .c = 40, .u = 1 }, EM_UNPROVEN },
		{ { .a = 10, .c = 20 }, { .a = 20, .c = 40, .x = 1 }, EM_UNPROVEN },
		{ { .a = 10, .c = 20, .u = 1 }, { .a = 20, .c = 40 }, EM_UNPROVEN },
		/* 1 unknown µs cannot make up for 10 */
		{ { .a = 10, .c = 20 }, { .a = 20, .c = 60, .u = 1 }, EM_BREACHED },
		/* weak tags: not for the claimant, but against him */
		{ { .a = 10, .c = 20 }, { .a = 19, .aw = 1, .c = 40 }, EM_UNPROVEN },
		{ { .a = 10, .c = 20 }, { .a = 20, .cw = 41 }, EM_BREACHED },
		{ { .a = 9, .aw = 1, .c = 20 }, { .a = 20, .c = 40 }, EM_MET },
		{ { .a = 9, .aw = 1, .c = 20 }, { .a = 20, .c = 41 }, EM_BREACHED },
		{ { .a = 10, .c = 19, .cw = 1 }, { .a = 20, .c = 40 }, EM_UNPROVEN },
		/* from nothing, any growth is faster; nothing to nothing is not */
		{ { .a = 10 }, { .a = 20, .c = 1 }, EM_BREACHED },
		{ { .c = 10 }, { .c = 10 }, EM_MET },
		{ { .c = 10 }, { .c = 11 }, EM_BREACHED },
		{ { .c = 10 }, { .a = 1, .c = 1000 }, EM_MET },
		{ { .idle = 10 }, { .a = 1, .c = 1 }, EM_UNDEFINED },
		{ { 0 }, { .a = 1, .c = 1 }, EM_UNDEFINED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		enum em_status got = grown(&table[i].before, &table[i].after);

		if (got != table[i].want)
			fail_msg("row %zu is %s", i, em_status_name(got));
	}
}

/* Products of 128 bits each. */
static void wide_products(void **state)
{
	em_ns big = (em_ns)1 << 120;

	(void)state;
	assert_true(em_compare(big, big, big, big) == 0);
	assert_true(em_compare(big, big, big, big - 1) > 0);
	assert_true(em_compare(big - 1, big, big, big) < 0);
	assert_true(em_compare(~(em_ns)0, ~(em_ns)0, ~(em_ns)0, ~(em_ns)0 - 1) > 0);
	assert_true(em_compare(big, 3, big * 2, 1) > 0);
	assert_true(em_compare(0, big, 0, 1) == 0);
	for (int i = 0; i < 100000; i++) {
		uint64_t w[4];

		for (int k = 0; k < 4; k++)
			w[k] = (uint64_t)rand_r(&seed) << 31 | (uint64_t)rand_r(&seed);
		if (i % 3 == 0) {
			w[2] = w[1];
			w[3] = w[0] + (uint64_t)(i % 2);
		}
		em_ns x = (em_ns)w[0] * w[1], y = (em_ns)w[2] * w[3];

		assert_int_equal(em_compare(w[0], w[1], w[2], w[3]), x == y ? 0 : x < y ? -1 : 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worlds),    cmocka_unit_test(bounds),
		cmocka_unit_test(adding),    cmocka_unit_test(knowing_less),
		cmocka_unit_test(demotions), cmocka_unit_test(undefined),
		cmocka_unit_test(padding),   cmocka_unit_test(before_the_end),
		cmocka_unit_test(growth),    cmocka_unit_test(wide_products),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
