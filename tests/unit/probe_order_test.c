// SPDX-License-Identifier: GPL-2.0
/* Latency, balance, requests, constraint, gate, drills: on planted orders and waits. */
#include <errno.h>

#include "plant.h"
#include "probe/balance.h"
#include "probe/constraint.h"
#include "probe/drill.h"
#include "probe/gate.h"
#include "probe/latency.h"

#define RUNS plant_runs(50)
#define START (1800000000 / 86400 * EM_DAY)

/* --- latency ------------------------------------------------------------------------------- */

/* 14 days of hours; at day 7 an order from 20 % to @to, half of which is there after @h50. */
static struct em_series ordered(double to, size_t h50, size_t h90, double sd, gsl_rng *rng)
{
	struct em_series s = plant_series(14 * 24, START, EM_HOUR);

	for (size_t i = 0; i < s.n; i++) {
		size_t h = i < 7 * 24 ? 0 : i - 7 * 24;
		double way = i < 7 * 24 || h < h50 ? 0 : h < h90 ? 0.6 : 1;
		double share = 0.2 + way * (to - 0.2) + gsl_ran_gaussian(rng, sd);

		plant_share(&s.list[i], 1000 * HOUR, plant_inside(share, 0, 1));
	}
	return s;
}

static void latency_planted(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RUNS; i++) {
		gsl_rng *rng = plant_rng(i + 1);
		size_t h50 = gsl_rng_uniform_int(rng, 60);
		size_t h90 = h50 + gsl_rng_uniform_int(rng, 60);
		double to = i % 2 ? 0.4 : 0.05;
		struct em_series s = ordered(to, h50, h90, 0.002, rng);
		struct em_latency d;

		assert_int_equal(em_latency_make(&d, &s, EM_PART_A, to, START + 7 * EM_DAY), 0);
		assert_int_equal(d.refusal, EM_LATENCY_ANSWERED);
		assert_true(!d.censored50 && !d.censored90);
		assert_in_range(d.t50 / EM_HOUR + 1, h50, h50 + 2);
		assert_in_range(d.t90 / EM_HOUR + 1, h90, h90 + 2);
		em_series_clear(&s);
		gsl_rng_free(rng);
	}
}

static void latency_censored(void **state)
{
	gsl_rng *rng = plant_rng(2);
	struct em_series s = ordered(0.4, 30, 1000, 0.001, rng);
	struct em_latency d;

	(void)state;
	assert_int_equal(em_latency_make(&d, &s, EM_PART_A, 0.4, START + 7 * EM_DAY), 0);
	assert_true(!d.censored50 && d.censored90);
	assert_int_equal(d.t90, 6 * EM_DAY + EM_HOUR); /* the last hour that could be sustained */
	assert_true(fabs(d.curve[3].f) < 0.1 && fabs(d.curve[4].f - 0.6) < 0.1);
	assert_true(fabs(d.curve[4].a - 0.32 / 0.2) < 0.05);
	assert_true(fabs(d.curve[4].c - 0.68 / 0.8) < 0.05);
	em_series_clear(&s);
	/* a spike of a few hours is not sustained */
	s = ordered(0.4, 1000, 1000, 0.001, rng);
	for (size_t i = 7 * 24 + 10; i < 7 * 24 + 14; i++)
		plant_share(&s.list[i], 1000 * HOUR, 0.45);
	assert_int_equal(em_latency_make(&d, &s, EM_PART_A, 0.4, START + 7 * EM_DAY), 0);
	assert_true(d.censored50);
	em_series_clear(&s);
	gsl_rng_free(rng);
}

static void latency_refused(void **state)
{
	gsl_rng *rng = plant_rng(3);
	struct em_series s = ordered(0.25, 10, 20, 0.03, rng), none = { 0 };
	struct em_latency d;

	(void)state;
	assert_int_equal(em_latency_make(&d, &s, EM_PART_A, 0.25, START + 7 * EM_DAY), 0);
	assert_int_equal(d.refusal, EM_LATENCY_SMALL);
	assert_int_equal(em_latency_make(&d, &s, EM_PART_A, 0.4, START), 0);
	assert_int_equal(d.refusal, EM_LATENCY_NO_BEFORE);
	assert_int_equal(em_latency_make(&d, &s, EM_PART_A, 0.4, START + 14 * EM_DAY), 0);
	assert_int_equal(d.refusal, EM_LATENCY_NO_AFTER);
	assert_int_equal(em_latency_make(&d, &none, EM_PART_A, 0.4, START), 0);
	assert_int_equal(d.refusal, EM_LATENCY_NO_BEFORE);
	for (size_t i = 0; i < s.n; i++)
		plant_share(&s.list[i], 1000 * HOUR, 0.2); /* constant, and ordered to stay */
	assert_int_equal(em_latency_make(&d, &s, EM_PART_A, 0.2, START + 7 * EM_DAY), 0);
	assert_int_equal(d.refusal, EM_LATENCY_SMALL);
	em_series_clear(&s);
	gsl_rng_free(rng);
}

/* --- balance ------------------------------------------------------------------------------- */

/* Capacity changes every 10 days, by up to a half; ln(A/C) follows with @gamma and noise. */
static struct em_series grown(unsigned int changes, double gamma, double noise, gsl_rng *rng)
{
	struct em_series s = plant_series((changes + 1) * 10, START, EM_DAY);
	double ln_k = log(1000), ratio = log(0.25);

	for (size_t i = 0; i < s.n; i++) {
		em_ns k;
		double r;

		if (i && i % 10 == 0) {
			double step = 0.05 + 0.45 * gsl_rng_uniform(rng);

			ln_k += step;
			ratio += gamma * step + gsl_ran_gaussian(rng, noise);
		}
		k = (em_ns)(exp(ln_k) * 24 * 3600) * EM_NS_PER_S;
		r = exp(ratio);
		plant_share(&s.list[i], k / 10 * 9, r / (1 + r));
		s.list[i].p.part[EM_PART_I] = k - k / 10 * 9;
	}
	return s;
}

static void balance_planted(void **state)
{
	unsigned int inside = 0;

	(void)state;
	for (unsigned int i = 0; i < RUNS; i++) {
		gsl_rng *rng = plant_rng(70 + i);
		struct em_series s = grown(12, -0.8, 0.02, rng);
		struct em_balance b;

		assert_int_equal(em_balance_make(&b, &s), 0);
		assert_int_equal(b.refusal, EM_BALANCE_ANSWERED);
		assert_int_equal(b.usable, 12);
		inside += b.gamma_low <= -0.8 && -0.8 <= b.gamma_high;
		assert_true(b.gamma_high < 0);
		em_series_clear(&s);
		gsl_rng_free(rng);
	}
	plant_figure("balance", "an elasticity of -0.8 over 12 changes", RUNS,
		     "of 95 %%, %.1f %% of intervals cover", 100.0 * inside / RUNS);
	assert_true(inside >= RUNS * 0.85);
}

static void balance_refused(void **state)
{
	gsl_rng *rng = plant_rng(4);
	struct em_series s = grown(7, 0, 0.01, rng), none = { 0 };
	struct em_balance b;

	(void)state;
	assert_int_equal(em_balance_make(&b, &s), 0);
	assert_int_equal(b.refusal, EM_BALANCE_FEW);
	assert_int_equal(b.changes, 7);
	em_series_clear(&s);
	s = grown(9, 0, 0.01, rng);
	for (size_t i = 0; i < s.n; i++) /* no alignment: no ratio */
		s.list[i].p.part[EM_PART_I] += s.list[i].p.part[EM_PART_A],
			s.list[i].p.part[EM_PART_A] = 0;
	assert_int_equal(em_balance_make(&b, &s), 0);
	assert_int_equal(b.usable, 0);
	assert_int_equal(b.refusal, EM_BALANCE_FEW);
	for (size_t i = 0; i < s.n; i++) /* doubled each time */
		plant_share(&s.list[i], (1000 * HOUR) << (i / 10), 0.2);
	for (size_t i = 0; i < s.n; i++)
		s.list[i].p.part[EM_PART_I] = 0;
	assert_int_equal(em_balance_make(&b, &s), 0);
	assert_int_equal(b.refusal, EM_BALANCE_SAME);
	em_series_clear(&s);
	assert_int_equal(em_balance_make(&b, &none), 0);
	assert_int_equal(b.refusal, EM_BALANCE_FEW);
	gsl_rng_free(rng);
}

/* --- requests ------------------------------------------------------------------------------ */

static struct em_wait wait_of(enum em_how how, double days, bool granted)
{
	return (struct em_wait){ .part = EM_PART_A,
				 .how = how,
				 .opened = START,
				 .wait = (int64_t)(days * (double)EM_DAY),
				 .granted = granted };
}

/* Waits of 1, 2, 3 and 6 days, one censored at 2.5: by hand. */
static void survival_by_hand(void **state)
{
	struct em_wait w[] = { wait_of(1, 6, true), wait_of(1, 1, true), wait_of(1, 2.5, false),
			       wait_of(1, 2, true), wait_of(1, 3, true) };
	struct em_survival s;

	(void)state;
	assert_int_equal(em_survival_make(&s, w, 5), 0);
	/* S: 0.8 from 1, 0.6 from 2, 0.3 from 3, 0 from 6 */
	assert_true(fabs(s.rmst / (double)EM_DAY - (1 + 0.8 + 0.6 + 0.3 * 3)) < 1e-6);
	assert_int_equal(s.median, 3 * EM_DAY);
	assert_true(fabs(s.success - 1) < 1e-9 && !s.short_record);
	assert_int_equal(em_survival_make(&s, w, 0), 0);
	assert_true(s.n == 0 && s.rmst == 0);
	assert_int_equal(em_survival_make(&s, w + 2, 1), 0);
	assert_true(s.short_record && s.success == 0 && s.median == -1);
}

/* Exponential waits cut at the record's end: mean and interval against the truth. */
static void survival_planted(void **state)
{
	double truth = 3 * (1 - exp(-7.0 / 3)); /* mean 3 d, at most 7 */
	unsigned int inside = 0;

	(void)state;
	for (unsigned int i = 0; i < RUNS; i++) {
		gsl_rng *rng = plant_rng(90 + i);
		struct em_wait w[80];
		struct em_survival s;
		double mean, se;

		for (int k = 0; k < 80; k++) {
			double wait = gsl_ran_exponential(rng, 3);
			double watched = k % 4 ? 30 : 14 * gsl_rng_uniform(rng);

			w[k] = wait_of(EM_HOW_ADD, fmin(wait, watched), wait <= watched);
		}
		assert_int_equal(em_survival_make(&s, w, 80), 0);
		mean = s.rmst / (double)EM_DAY;
		se = sqrt(s.var) / (double)EM_DAY;
		inside += fabs(mean - truth) <= 1.96 * se;
		gsl_rng_free(rng);
	}
	plant_figure("requests", "waits of 3 days, some still open", RUNS,
		     "of 95 %%, %.1f %% of means cover", 100.0 * inside / RUNS);
	assert_true(inside >= RUNS * 0.86);
}

static struct em_request_note note(const char *id, enum em_action action, double gpus, int64_t at)
{
	struct em_request_note r = { .action = action,
				     .part = EM_PART_A,
				     .how = EM_HOW_ADD,
				     .gpus = gpus,
				     .at = START + at * EM_HOUR };

	strcpy(r.id, id);
	return r;
}

/* Full grants only; refusals last; what was asked again; grants of nothing known. */
static void waits(void **state)
{
	struct em_request_note list[] = {
		note("a", EM_ACTION_OPEN, 8, 0),   note("b", EM_ACTION_OPEN, 4, 1),
		note("x", EM_ACTION_GRANT, 1, 2),  note("a", EM_ACTION_GRANT, 4, 3),
		note("a", EM_ACTION_OPEN, 8, 4),   note("b", EM_ACTION_REFUSE, 0, 5),
		note("a", EM_ACTION_GRANT, 4, 10), note("b", EM_ACTION_GRANT, 4, 11),
		note("c", EM_ACTION_OPEN, 0, 12),  note("c", EM_ACTION_GRANT, 0, 13),
		note("d", EM_ACTION_OPEN, 16, 20), note("a", EM_ACTION_OPEN, 2, 30),
	};
	struct em_notes n = { .requests = list, .n = ARRAY_SIZE(list) };
	struct em_range window = { START, START + 40 * EM_HOUR };
	struct em_constraint c;
	struct em_wait w[12];
	size_t count;

	(void)state;
	assert_int_equal(em_waits_make(w, &n, START + 40 * EM_HOUR, &count), 0);
	assert_int_equal(count, 5);
	assert_true(w[0].granted && w[0].wait == 10 * EM_HOUR);
	assert_true(w[1].refused && !w[1].granted && w[1].wait == INT64_MAX);
	assert_true(w[2].granted && w[2].wait == EM_HOUR);
	assert_true(!w[3].granted && w[3].wait == 20 * EM_HOUR);
	assert_true(!w[4].granted && w[4].wait == 10 * EM_HOUR);
	em_constraint_make(&c, w, 5, window);
	assert_int_equal(c.requests, 5);
	assert_int_equal(c.pending, 40 * EM_HOUR); /* b was refused: its need stays */
	em_constraint_make(&c, w + 2, 1, window);
	assert_int_equal(c.pending, EM_HOUR);
	em_constraint_make(&c, w, 1, window);
	assert_int_equal(c.pending, 10 * EM_HOUR);
	assert_true(c.granted == 8 * 37 * HOUR); /* from its first grant on */
	em_constraint_make(&c, w, 0, window);
	assert_true(c.pending == 0 && c.requests == 0);
}

/* --- gate ---------------------------------------------------------------------------------- */

static struct em_piece piece(bool by_ref, const char *key, int64_t hour, unsigned int hours)
{
	int64_t start = START + hour * EM_HOUR;
	struct em_piece p = {
		.by_ref = by_ref, .start = start, .end = start + EM_HOUR, .time = hours * HOUR
	};

	strcpy(p.key, key);
	return p;
}

/* A run split over many refs of one project is found by its project. */
static void gate(void **state)
{
	struct em_approval list[] = {
		{ .id = "early", .project = "good", .at = START, .signers = 2, .external = 1 },
		{ .id = "small", .ref = "big", .at = START, .gpu_hours = 10 * HOUR },
		{ .id = "late", .project = "late", .at = START + 5 * EM_HOUR },
	};
	struct em_notes approvals = { .approvals = list, .n = 3 };
	struct em_piece pieces[80];
	struct em_run *runs;
	size_t n = 0;
	int found;

	(void)state;
	for (int i = 0; i < 20; i++)
		pieces[n++] = piece(false, "split", i, 6); /* 120 in a day, in twenty bits */
	for (int i = 0; i < 20; i++)
		pieces[n++] = piece(false, "slow", 30 * i, 90); /* much in all, never in a day */
	for (int i = 0; i < 4; i++)
		pieces[n++] = piece(false, "good", 1 + i, 40);
	for (int i = 0; i < 4; i++)
		pieces[n++] = piece(false, "late", 2 + i, 40);
	pieces[n++] = piece(true, "big", 3, 60);
	pieces[n++] = piece(true, "big", 90, 60);
	pieces[n++] = piece(true, "little", 3, 99);
	found = em_gate_make(&runs, pieces, n, &approvals, 100 * HOUR);
	assert_int_equal(found, 4);
	for (int i = 0; i < found; i++) {
		const struct em_run *r = &runs[i];

		if (!strcmp(r->what.key, "good"))
			assert_true(r->approval == 0 && r->time == 160 * HOUR);
		else if (!strcmp(r->what.key, "late"))
			assert_true(r->approval == -1 && r->late);
		else if (!strcmp(r->what.key, "big"))
			assert_true(r->approval == -1 && r->time == 120 * HOUR);
		else if (!strcmp(r->what.key, "split"))
			assert_true(r->approval == -1 && r->began == START);
		else
			fail_msg("%s is not over the size", r->what.key);
	}
	free(runs);
	assert_int_equal(em_gate_make(&runs, pieces, 0, &approvals, HOUR), 0);
	free(runs);
}

/* --- drills -------------------------------------------------------------------------------- */

static void plans(void **state)
{
	struct em_range window = { START, START + 28 * EM_DAY };
	struct em_trial t[30];

	(void)state;
	for (unsigned int seed = 1; seed <= RUNS; seed++) {
		gsl_rng *rng = plant_rng(seed);
		int arms[EM_ARMS] = { 0 };

		assert_int_equal(em_drill_plan(t, 27, window, EM_DAY, rng), 0);
		for (int i = 0; i < 27; i++) {
			arms[t[i].arm]++;
			assert_true(t[i].at >= window.start && t[i].at + EM_DAY <= window.end);
			if (i) /* to the minute */
				assert_true(t[i].at - t[i - 1].at > EM_DAY - 60 * EM_NS_PER_S);
		}
		assert_true(arms[0] == 9 && arms[1] == 9 && arms[2] == 9);
		assert_int_equal(em_drill_plan(t, 29, window, EM_DAY, rng), -ERANGE);
		assert_int_equal(em_drill_plan(t, 0, window, EM_DAY, rng), -ERANGE);
		gsl_rng_free(rng);
	}
}

/* Without effect p is uniform; 5 points over 2 of noise are found. */
static void effects(void **state)
{
	unsigned int false_ones = 0, found = 0;

	(void)state;
	for (unsigned int i = 0; i < RUNS; i++) {
		gsl_rng *rng = plant_rng(300 + i);
		struct em_trial t[24];
		struct em_effect e;

		for (int k = 0; k < 24; k++)
			t[k] = (struct em_trial){ START, (enum em_arm)(k % 3),
						  0.2 + gsl_ran_gaussian(rng, 0.02) +
							  (k % 3 == EM_ARM_ADD ? 0.05 : 0) };
		assert_int_equal(em_drill_effect(&e, t, 24, EM_ARM_DISPLACE, rng), 0);
		assert_true(e.p > 0 && e.p <= 1 && e.on == 8 && e.off == 8);
		false_ones += e.p <= 0.05;
		assert_int_equal(em_drill_effect(&e, t, 24, EM_ARM_ADD, rng), 0);
		found += e.p <= 0.05;
		t[1].share = NAN;
		assert_int_equal(em_drill_effect(&e, t, 4, EM_ARM_ADD, rng), -EINVAL);
		gsl_rng_free(rng);
	}
	plant_figure("drill-analyse", "an arm without effect (size, at 5 %)", RUNS,
		     "found in %.1f %%", 100.0 * false_ones / RUNS);
	plant_figure("drill-analyse", "5 points over 2 of noise, 8 orders an arm (power)", RUNS,
		     "found in %.1f %%", 100.0 * found / RUNS);
	assert_true(false_ones <= RUNS * 0.05 + 2 * sqrt(RUNS * 0.05));
	assert_true(found >= RUNS * 0.9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(latency_planted),
		cmocka_unit_test(latency_censored),
		cmocka_unit_test(latency_refused),
		cmocka_unit_test(balance_planted),
		cmocka_unit_test(balance_refused),
		cmocka_unit_test(survival_by_hand),
		cmocka_unit_test(survival_planted),
		cmocka_unit_test(waits),
		cmocka_unit_test(gate),
		cmocka_unit_test(plans),
		cmocka_unit_test(effects),
	};

	return cmocka_run_group_tests_name("probe orders", tests, NULL, NULL);
}
