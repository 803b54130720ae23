// SPDX-License-Identifier: GPL-2.0
/* The exact probes: scale, financing, and the arithmetic under them, on planted truth. */
#include "helios.h"
#include "probe/ask.h"
#include "probe/financing.h"
#include "probe/scale.h"

#define RUNS plant_runs(50)

/* --- arithmetic ---------------------------------------------------------------------------- */

static em_ns any(gsl_rng *rng, int bits)
{
	em_ns v = ((em_ns)gsl_rng_get(rng) << 96) ^ ((em_ns)gsl_rng_get(rng) << 64) ^
		  ((em_ns)gsl_rng_get(rng) << 32) ^ gsl_rng_get(rng);

	return bits ? v >> (128 - bits) : 0;
}

/* Against plain division where the product fits, against a * c / c = a where it does not. */
static void muldiv(void **state)
{
	gsl_rng *rng = plant_rng(7);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		em_ns a = any(rng, 1 + i % 63), b = any(rng, 1 + i % 61),
		      c = any(rng, 1 + i % 60) + 1;
		em_ns wide = any(rng, 120), other = any(rng, 1 + i % 125) + 1;

		assert_true(em_muldiv(a, b, c) == (a * b + c / 2) / c);
		assert_true(em_muldiv(wide, other, other) == wide);
		assert_true(em_muldiv(other, wide, other) == wide);
	}
	assert_true(em_muldiv(~(em_ns)0, 2, 1) == ~(em_ns)0);
	assert_true(em_muldiv(1, 1, 2) == 1);
	assert_true(em_muldiv(0, 5, 3) == 0);
	assert_int_equal(em_delta_us(-1500), -2);
	assert_int_equal(em_delta_us(-1499), -1);
	gsl_rng_free(rng);
}

/* --- scale --------------------------------------------------------------------------------- */

/* Growth planted as T(1 + g) at a constant share is scale; a moved share at constant T is share. */
static void scale_planted(void **state)
{
	gsl_rng *rng = plant_rng(11);

	(void)state;
	for (unsigned int i = 0; i < RUNS * 20; i++) {
		em_ns t = (1 + gsl_rng_uniform_int(rng, 1000000)) * HOUR;
		em_ns a = t / (2 + gsl_rng_uniform_int(rng, 20));
		em_ns more = gsl_rng_uniform_int(rng, 9) + 1,
		      moved = gsl_rng_uniform_int(rng, 1000);
		struct em_scale s;

		em_scale_make(&s, a, t, a * more, t * more);
		assert_true(s.share == 0 && s.scale == (em_delta)(a * (more - 1)));
		em_scale_make(&s, a, t, a + moved, t);
		assert_true(s.scale == 0 && s.share == (em_delta)moved);
		em_scale_make(&s, a, t, a * more + moved, t * more + 7 * moved);
		assert_true(s.scale + s.share == s.change);
	}
	gsl_rng_free(rng);
}

static void scale_edges(void **state)
{
	em_ns big = (em_ns)100000 * 28 * 24 * HOUR;
	struct em_scale s;

	(void)state;
	em_scale_make(&s, 0, 0, 5 * HOUR, 9 * HOUR);
	assert_true(s.scale == (em_delta)(5 * HOUR) && s.share == 0);
	em_scale_make(&s, 5 * HOUR, 9 * HOUR, 0, 0);
	assert_true(s.scale == -(em_delta)(5 * HOUR) && s.share == 0);
	em_scale_make(&s, 0, 0, 0, 0);
	assert_true(s.change == 0);
	em_scale_make(&s, big / 5, big, big / 2, 2 * big); /* s̄·ΔT = 0.225 big; T̄·Δs = 0.075 big */
	assert_true(s.scale == (em_delta)(big / 1000 * 225));
	assert_true(s.share == (em_delta)(big / 1000 * 75));
}

/* --- financing ----------------------------------------------------------------------------- */

/* struct world - a before, and flows into an after: what was planted */
struct world {
	struct em_parts before, after;
	em_ns into_a[EM_SOURCES], growth;
};

/* Capacity or shrinking parts give, growing parts take; who gives to whom is drawn. */
static void plant_world(struct world *w, gsl_rng *rng)
{
	memset(w, 0, sizeof(*w));
	for (unsigned int i = 0; i < EM_PARTS; i++)
		w->before.part[i] = (1000 + gsl_rng_uniform_int(rng, 100000)) * HOUR;
	w->after = w->before;
	for (unsigned int s = 0; s < EM_SOURCES; s++) {
		if (s == EM_PART_A || s % 2)
			continue;
		for (unsigned int sink = 0; sink < EM_PARTS; sink++) {
			em_ns flow = gsl_rng_uniform_int(rng, 100) * HOUR;

			if (sink != EM_PART_A && sink % 2 == 0)
				continue;
			if (s != EM_SOURCE_K)
				w->after.part[s] -= flow;
			w->after.part[sink] += flow;
			if (sink == EM_PART_A)
				w->into_a[s] += flow;
		}
		w->growth += w->into_a[s];
	}
}

static void financing_contains(void **state)
{
	gsl_rng *rng = plant_rng(13);
	unsigned int checked = 0;

	(void)state;
	for (unsigned int i = 0; i < RUNS * 40; i++) {
		struct em_financing f;
		struct world w;

		plant_world(&w, rng);
		em_financing_make(&f, &w.before, &w.after, NULL);
		assert_true(f.growth == (em_delta)w.growth);
		for (unsigned int s = 0; w.growth && s < EM_SOURCES; s++) {
			checked++;
			assert_true(f.low[s] <= w.into_a[s] && w.into_a[s] <= f.high[s]);
			assert_true(f.low[s] <= f.middle[s] && f.middle[s] <= f.high[s]);
			assert_true(f.high[s] <= w.growth);
		}
	}
	plant_figure("financing", "flows between parts, drawn at random", checked,
		     "the bounds hold the truth in every one");
	assert_true(checked > RUNS * 100);
	gsl_rng_free(rng);
}

/* One source alone: the bounds meet. */
static void financing_tight(void **state)
{
	(void)state;
	for (unsigned int s = EM_PART_C; s < EM_SOURCES; s++) {
		struct em_parts before = { 0 }, after;
		struct em_financing f;

		for (unsigned int i = 0; i < EM_PARTS; i++)
			before.part[i] = 1000 * HOUR;
		after = before;
		after.part[EM_PART_A] += 100 * HOUR;
		after.part[s == EM_PART_F ? EM_PART_I : EM_PART_F] += 50 * HOUR;
		if (s != EM_SOURCE_K)
			after.part[s] -= 150 * HOUR;
		em_financing_make(&f, &before, &after, NULL);
		for (unsigned int i = 0; i < EM_SOURCES; i++) {
			assert_true(f.low[i] == (i == s ? 100 * HOUR : 0));
			assert_true(f.high[i] == f.low[i]);
		}
	}
}

/* Capacity that goes is a sink; alignment that does not grow has no financing. */
static void financing_edges(void **state)
{
	struct em_parts before = { { 100 * HOUR, 500 * HOUR } },
			after = { { 150 * HOUR, 300 * HOUR } };
	struct em_financing f;

	(void)state;
	em_financing_make(&f, &before, &after, NULL);
	assert_true(f.source[EM_PART_C] == 200 * HOUR && f.source[EM_SOURCE_K] == 0);
	assert_true(f.low[EM_PART_C] == 50 * HOUR && f.high[EM_PART_C] == 50 * HOUR);
	em_financing_make(&f, &after, &before, NULL);
	assert_true(f.growth < 0 && f.high[EM_PART_C] == 0);
	em_financing_make(&f, &before, &before, NULL);
	assert_true(f.growth == 0 && f.total == 0);
	memset(&before, 0, sizeof(before));
	em_financing_make(&f, &before, &before, NULL);
	assert_true(f.growth == 0);
}

/* A job that was retagged, one that was first tagged, one that shrank, one that is as before. */
static void financing_retagged(void **state)
{
	struct em_parts jobs[4][2] = {
		{ { { [EM_PART_C] = 40 * HOUR } }, { { [EM_PART_A] = 30 * HOUR } } },
		{ { { [EM_PART_U] = 20 * HOUR } }, { { [EM_PART_A] = 25 * HOUR } } },
		{ { { [EM_PART_C] = 90 * HOUR } }, { { [EM_PART_C] = 60 * HOUR } } },
		{ { { [EM_PART_A] = 10 * HOUR } }, { { [EM_PART_A] = 10 * HOUR } } },
	};
	struct em_parts before = { 0 }, after = { 0 };
	struct em_retagged r = { 0 };
	struct em_financing f;

	(void)state;
	for (int i = 0; i < 4; i++) {
		em_retagged_add(&r, &jobs[i][0], &jobs[i][1]);
		for (int p = 0; p < EM_PARTS; p++) {
			before.part[p] += jobs[i][0].part[p];
			after.part[p] += jobs[i][1].part[p];
		}
	}
	assert_int_equal(r.jobs, 4);
	assert_int_equal(r.changed, 2);
	after.part[EM_PART_I] = 35 * HOUR; /* capacity stays */
	em_financing_make(&f, &before, &after, &r);
	assert_true(f.raw == (em_delta)(55 * HOUR));
	assert_true(f.retagged[EM_PART_C] == (em_delta)(30 * HOUR));
	assert_true(f.retagged[EM_PART_U] == (em_delta)(20 * HOUR));
	assert_true(f.growth == (em_delta)(5 * HOUR)); /* the second job's own growth */
	assert_true(f.source[EM_PART_C] == 40 * HOUR && f.source[EM_PART_U] == 0);
	assert_true(f.low[EM_PART_C] == 5 * HOUR && f.high[EM_PART_C] == 5 * HOUR);
}

/* Windows of unequal length: as rates. */
static void rates(void **state)
{
	struct em_parts p = { { 70 * HOUR, 7 } };

	(void)state;
	em_parts_scale(&p, 7 * 24 * HOUR, 28 * 24 * HOUR);
	assert_true(p.part[EM_PART_A] == 280 * HOUR && p.part[EM_PART_C] == 28);
}

/* --- a real month -------------------------------------------------------------------------- */

static struct em_parts days(const struct em_series *s, size_t first, size_t last)
{
	struct em_parts p = { 0 };

	for (size_t i = first - 1; i < last; i++) {
		for (int k = 0; k < EM_PARTS; k++)
			p.part[k] += s->list[i].p.part[k];
	}
	return p;
}

#define HOURS(x) ((long)(((x) + (em_delta)HOUR / 2) / (em_delta)HOUR))

/* No purposes exist in this trace: three virtual clusters stand in for alignment. */
static void helios(void **state)
{
	struct em_series s;
	struct em_parts before, after;
	struct em_financing f;
	struct em_scale e;

	(void)state;
	s = helios_series(EM_DAY);
	before = days(&s, 1, 7);
	after = days(&s, 22, 28);
	em_scale_make(&e, before.part[EM_PART_A], em_parts_used(&before), after.part[EM_PART_A],
		      em_parts_used(&after));
	assert_int_equal(HOURS(e.change), 7954);
	assert_int_equal(HOURS(e.scale), 5640);
	assert_int_equal(HOURS(e.share), 2314);
	assert_int_equal(HOURS((em_delta)(after.part[EM_PART_C] - before.part[EM_PART_C])), 15226);
	assert_int_equal(HOURS((em_delta)(before.part[EM_PART_I] - after.part[EM_PART_I])), 23180);
	em_financing_make(&f, &before, &after, NULL);
	assert_true(f.source[EM_PART_C] == 0 && f.high[EM_PART_C] == 0);
	assert_true(f.low[EM_PART_I] == (em_ns)f.growth);
	em_series_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(muldiv),
		cmocka_unit_test(scale_planted),
		cmocka_unit_test(scale_edges),
		cmocka_unit_test(financing_contains),
		cmocka_unit_test(financing_tight),
		cmocka_unit_test(financing_edges),
		cmocka_unit_test(financing_retagged),
		cmocka_unit_test(rates),
		cmocka_unit_test(helios),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
