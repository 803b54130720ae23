// SPDX-License-Identifier: GPL-2.0
/* Drift and the statistics under it, on planted steps, memory and tagging. */
#include <errno.h>

#include "helios.h"
#include "probe/drift.h"

#define RUNS plant_runs(50)
#define BASELINE 90
#define CUT 1800 /* days */
#define TOTAL (24000 * HOUR)

static void plant_days(struct em_series *s, size_t from, size_t to, double share, double sd,
		       struct plant_ar *ar, gsl_rng *rng)
{
	ar->sd = sd;
	for (size_t i = from; i < to; i++)
		plant_share(&s->list[i], TOTAL,
			    plant_inside(share + plant_noise(ar, rng), 0.001, 0.99));
}

/* struct drift_run - 90 days of baseline and @watched more, with memory @phi */
struct drift_run {
	struct em_series s;
	double *y;
	struct em_drift d;
	struct plant_ar ar;
	gsl_rng *rng;
};

static void drift_begin(struct drift_run *r, unsigned int seed, double phi, size_t watched)
{
	*r = (struct drift_run){ plant_series(BASELINE + watched, 0, EM_DAY),
				 calloc(BASELINE + watched, sizeof(double)), .ar = { phi, 0.03, 0 },
				 .rng = plant_rng(1000 + seed) };
	assert_non_null(r->y);
	for (int i = 0; i < 50; i++)
		plant_noise(&r->ar, r->rng);
	plant_days(&r->s, 0, BASELINE + watched, 0.2, 0.03, &r->ar, r->rng);
}

static void drift_learn(struct drift_run *r)
{
	r->d.c = em_drift_c(&r->s, 0, BASELINE);
	assert_int_equal(em_drift_y(&r->s, r->d.c, false, r->y), 0);
	assert_int_equal(em_drift_fit(&r->d, r->y, BASELINE), 0);
	assert_int_equal(em_drift_calibrate(&r->d, r->y, BASELINE, r->rng), 0);
}

static void drift_end(struct drift_run *r)
{
	em_series_clear(&r->s);
	free(r->y);
	gsl_rng_free(r->rng);
}

/* Days until the alarm, the first watched day being 1; @most where there was none. */
static double days_to_alarm(const struct drift_run *r, size_t most)
{
	struct em_cusum w;

	em_drift_watch(&r->d, r->y + BASELINE, most, &w);
	return w.alarm < 0 ? (double)most : (double)w.alarm + 1;
}

/*
 * Without a change, the average run is a year at least, though cut at CUT days. After a fall by 5
 * points on the first watched day, half of the alarms come within a week.
 */
static void alarms(void **state)
{
	static const double phis[] = { 0, 0.3, 0.5 };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(phis); k++) {
		_cleanup_free_ double *found = calloc(RUNS, sizeof(*found));
		double sum = 0, median;
		char planted[64];

		for (unsigned int i = 0; i < RUNS; i++) {
			struct drift_run r;

			drift_begin(&r, i, phis[k], CUT);
			drift_learn(&r);
			sum += days_to_alarm(&r, CUT);
			plant_days(&r.s, BASELINE, BASELINE + 100, 0.15, 0.03, &r.ar, r.rng);
			assert_int_equal(em_drift_y(&r.s, r.d.c, false, r.y), 0);
			found[i] = days_to_alarm(&r, 100);
			drift_end(&r);
		}
		median = em_median(found, RUNS);
		snprintf(planted, sizeof(planted), "no change, memory of %.1f", phis[k]);
		plant_figure("drift", planted, RUNS,
			     "%.0f days to a false alarm on average, cut at %d", sum / RUNS, CUT);
		snprintf(planted, sizeof(planted), "a fall by 5 points, memory of %.1f", phis[k]);
		plant_figure("drift", planted, RUNS, "found in %.0f days (median)", median);
		assert_true(sum / RUNS >= EM_DRIFT_ARL);
		assert_true(median <= 7);
	}
}

/* A rise never alarms as a fall would; the statistic is one-sided. */
static void one_sided(void **state)
{
	unsigned int alarms = 0;

	(void)state;
	for (unsigned int i = 0; i < RUNS; i++) {
		struct drift_run r;
		struct em_cusum w;

		drift_begin(&r, i, 0.3, 100);
		plant_days(&r.s, BASELINE, BASELINE + 100, 0.30, 0.03, &r.ar, r.rng);
		drift_learn(&r);
		em_drift_watch(&r.d, r.y + BASELINE, 100, &w);
		alarms += w.alarm >= 0;
		drift_end(&r);
	}
	assert_int_equal(alarms, 0);
}

/* Work that loses its tag: y falls, the y without untagged does not. */
static void tagging_apart(void **state)
{
	struct drift_run r;
	struct em_cusum all, tagged;
	struct em_drift d;
	double c;

	(void)state;
	drift_begin(&r, 5, 0.3, 60);
	for (size_t i = BASELINE; i < r.s.n; i++) {
		struct em_parts *p = &r.s.list[i].p;

		p->part[EM_PART_U] = p->part[EM_PART_A] / 3 + p->part[EM_PART_C] / 3;
		p->part[EM_PART_A] -= p->part[EM_PART_A] / 3;
		p->part[EM_PART_C] -= p->part[EM_PART_C] / 3;
	}
	drift_learn(&r);
	em_drift_watch(&r.d, r.y + BASELINE, 60, &all);
	c = r.d.c = em_drift_c(&r.s, 0, BASELINE);
	assert_int_equal(em_drift_y(&r.s, c, true, r.y), 0);
	assert_int_equal(em_drift_fit(&d, r.y, BASELINE), 0);
	em_drift_watch(&d, r.y + BASELINE, 60, &tagged);
	assert_true(all.alarm >= 0);
	assert_true(tagged.alarm < 0);
	drift_end(&r);
}

/* Short, constant, absent: refused, or a threshold that claims nothing. */
static void drift_edges(void **state)
{
	double y[200];
	struct em_series s = plant_series(100, 0, EM_DAY);
	gsl_rng *rng = plant_rng(3);
	struct em_cusum w;
	struct em_drift d;

	(void)state;
	for (int i = 0; i < 200; i++)
		y[i] = -1.5;
	assert_int_equal(em_drift_fit(&d, y, 200), -EINVAL);
	for (int i = 0; i < 200; i++)
		y[i] = NAN;
	assert_int_equal(em_drift_fit(&d, y, 200), -EINVAL);
	for (int i = 0; i < 200; i++)
		y[i] = gsl_ran_gaussian(rng, 0.2);
	assert_int_equal(em_drift_fit(&d, y, EM_DRIFT_LEAST - 1), -EINVAL);
	assert_int_equal(em_drift_fit(&d, y, 60), 0);
	assert_int_equal(em_drift_calibrate(&d, y, 60, rng), 0);
	assert_true(d.h == EM_DRIFT_THRESHOLD);
	for (int i = 0; i < 20; i++)
		y[60 + i] = NAN;
	em_drift_watch(&d, y + 60, 20, &w);
	assert_true(w.alarm == -1 && w.highest == 0);
	assert_int_equal(em_drift_y(&s, em_drift_c(&s, 0, 100), false, y), 0);
	for (int i = 0; i < 100; i++)
		assert_true(isnan(y[i])); /* nothing ran: missing, not minus infinity */
	plant_share(&s.list[0], TOTAL, 0);
	for (int i = 1; i < 100; i++)
		plant_share(&s.list[i], TOTAL, 1);
	plant_share(&s.list[50], TOTAL / 100, 0.2);
	assert_int_equal(em_drift_y(&s, em_drift_c(&s, 0, 100), false, y), 0);
	for (int i = 0; i < 100; i++)
		assert_true(i == 50 ? isnan(y[i]) : isfinite(y[i]));
	em_series_clear(&s);
	gsl_rng_free(rng);
}

/* --- the statistics under it --------------------------------------------------------------- */

/* With memory, intervals cover about as often as they say; those for independent days do not. */
static void intervals_cover(void **state)
{
	unsigned int runs = RUNS * 4, nw = 0, blocks = 0, naive = 0;

	(void)state;
	for (unsigned int i = 0; i < runs; i++) {
		gsl_rng *rng = plant_rng(50 + i);
		struct plant_ar ar = { 0.5, 1, 0 };
		struct em_estimate e;
		double x[200], se;

		for (int k = 0; k < 200; k++)
			x[k] = plant_noise(&ar, rng) + (k >= 100);
		assert_int_equal(em_shift(x, 100, x + 100, 100, &e), 0);
		nw += e.low <= 1 && 1 <= e.high;
		se = sqrt((em_sd(x, 100) * em_sd(x, 100) +
			   em_sd(x + 100, 100) * em_sd(x + 100, 100)) /
			  100);
		naive += fabs(e.value - 1) <= 1.96 * se;
		assert_int_equal(em_shift_blocks(x, 100, x + 100, 100, 7, 199, rng, &e), 0);
		blocks += e.low <= 1 && 1 <= e.high;
		gsl_rng_free(rng);
	}
	plant_figure("intervals of shifts", "Newey-West; memory of 0.5", runs,
		     "of 95 %%, %.1f %% cover", 100.0 * nw / runs);
	plant_figure("intervals of shifts", "blocks; memory of 0.5", runs,
		     "of 95 %%, %.1f %% cover", 100.0 * blocks / runs);
	plant_figure("intervals of shifts", "days as independent; memory of 0.5", runs,
		     "of 95 %%, %.1f %% cover", 100.0 * naive / runs);
	assert_true(nw >= runs * 0.90);
	assert_true(blocks >= runs * 0.83);
	assert_true(naive < nw && naive < blocks);
}

/* One regressor of two against closed form; singular ones are refused. */
static void regress(void **state)
{
	double x[20], y[10], same[20];
	struct em_estimate beta[2];

	(void)state;
	for (int i = 0; i < 10; i++) {
		x[2 * i] = same[2 * i] = same[2 * i + 1] = 1;
		x[2 * i + 1] = i;
		y[i] = 3 - 0.25 * i;
	}
	assert_int_equal(em_regress(x, y, 10, 2, 0, beta), 0);
	assert_true(fabs(beta[0].value - 3) < 1e-9 && fabs(beta[1].value + 0.25) < 1e-9);
	assert_true(fabs(beta[1].high - beta[1].low) < 1e-6);
	assert_int_equal(em_regress(same, y, 10, 2, 0, beta), -EINVAL);
	assert_int_equal(em_regress(x, y, 2, 2, 0, beta), -EINVAL);
}

static void pelt(void **state)
{
	gsl_rng *rng = plant_rng(21);
	double x[300];
	size_t at[300];

	(void)state;
	for (int i = 0; i < 300; i++)
		x[i] = gsl_ran_gaussian(rng, 1) + (i >= 100 ? 3 : 0) - (i >= 220 ? 5 : 0);
	assert_int_equal(em_pelt(x, 300, 3 * log(300), 7, at), 2);
	assert_in_range(at[0], 98, 102);
	assert_in_range(at[1], 218, 222);
	for (int i = 0; i < 300; i++)
		x[i] = 0.25;
	assert_int_equal(em_pelt(x, 300, 1, 7, at), 0);
	assert_int_equal(em_pelt(x, 13, 1, 7, at), 0);
	assert_int_equal(em_pelt(x, 0, 1, 7, at), 0);
	gsl_rng_free(rng);
}

/* --- a real month -------------------------------------------------------------------------- */

static double lag1(const double *x, size_t n)
{
	double mean = em_mean(x, n), product = 0, square = 0;

	for (size_t i = 0; i < n; i++) {
		square += (x[i] - mean) * (x[i] - mean);
		product += i ? (x[i] - mean) * (x[i - 1] - mean) : 0;
	}
	return product / square;
}

static size_t shares(const struct em_series *s, double *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		em_ns used = em_parts_used(&s->list[i].p);

		if (used)
			out[n++] = em_ratio(s->list[i].p.part[EM_PART_A], used);
	}
	return n;
}

/* Why days are not independent draws; and a month is no baseline. */
static void helios_memory(void **state)
{
	struct em_series hours = helios_series(EM_HOUR), days = helios_series(EM_DAY);
	double x[31 * 24], y[31];
	struct em_drift d;
	double hourly, daily;

	(void)state;
	hourly = lag1(x, shares(&hours, x));
	daily = lag1(x, shares(&days, x));
	assert_int_equal(em_drift_y(&days, em_drift_c(&days, 0, 31), false, y), 0);
	assert_int_equal(em_drift_fit(&d, y, 31), 0);
	print_message(
		"Helios: lag-1 correlation %.2f by the hour, %.2f by the day; of y: mean %.2f, "
		"phi %.2f, sigma %.2f, %u days\n",
		hourly, daily, d.mu, d.phi, d.sigma, d.days);
	assert_true(hourly > 0.85 && hourly < 0.97 && daily < hourly);
	assert_true(d.days < EM_DRIFT_CALIBRATES);
	em_series_clear(&hours);
	em_series_clear(&days);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alarms),        cmocka_unit_test(one_sided),
		cmocka_unit_test(tagging_apart), cmocka_unit_test(drift_edges),
		cmocka_unit_test(regress),       cmocka_unit_test(intervals_cover),
		cmocka_unit_test(pelt),          cmocka_unit_test(helios_memory),
	};

	return cmocka_run_group_tests_name("probe drift", tests, NULL, NULL);
}
