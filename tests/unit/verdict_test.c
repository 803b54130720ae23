// SPDX-License-Identifier: GPL-2.0
/*
 * Verdicts against possible worlds: what nobody knows is tried every way, and the verdict must be
 * MET where every world keeps the promise, BREACHED where none does, UNPROVEN else.
 */
#include "fleet.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worlds),
		cmocka_unit_test(bounds),
		cmocka_unit_test(adding),
		cmocka_unit_test(knowing_less),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
