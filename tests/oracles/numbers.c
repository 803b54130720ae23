// SPDX-License-Identifier: GPL-2.0
/*
 * Our numbers for seeded series, with the series themselves, as JSON on standard output; compare.R
 * computes the same with other people's code. numbers SEED
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gsl/gsl_randist.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "probe/drift.h"
#include "probe/drill.h"
#include "probe/requests.h"
#include "probe/scale.h"
#include "probe/stats.h"

#define DAYS 300
#define BASELINE 90
#define CASES 12

static json_t *reals(const double *x, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, isfinite(x[i]) ? json_real(x[i]) : json_null());
	return list;
}

static json_t *counts(const size_t *x, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_integer((json_int_t)x[i]));
	return list;
}

/* AR(1) of spread 1 with up to two steps of the mean, at thirds that wander. */
static void series(double *x, size_t n, unsigned int which, gsl_rng *rng)
{
	double phi = 0.3 * (which % 3), last = 0;
	size_t one = n / 3 + gsl_rng_uniform_int(rng, 20);
	size_t two = 2 * n / 3 + gsl_rng_uniform_int(rng, 20);

	for (size_t i = 0; i < n; i++) {
		last = phi * last + gsl_ran_gaussian(rng, sqrt(1 - phi * phi));
		x[i] = last + (which > 2 && i >= one ? 2.5 : 0) - (which > 5 && i >= two ? 1.5 : 0);
	}
}

/* The values of @n cases, each made by @one. */
static json_t *cases(json_t *(*one)(unsigned int which, gsl_rng *rng), unsigned int n, gsl_rng *rng)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < n; i++)
		json_array_append_new(list, one(i, rng));
	return list;
}

static json_t *pelt(unsigned int which, gsl_rng *rng)
{
	double x[DAYS], penalty = 3 * log(DAYS);
	size_t at[DAYS];
	int n;

	series(x, DAYS, which, rng);
	n = em_pelt(x, DAYS, penalty, 7, at);
	return json_pack("{s:o,s:f,s:i,s:o}", "x", reals(x, DAYS), "penalty", penalty, "least", 7,
			 "at", counts(at, (size_t)n));
}

/* A level, a slope, and both after a date: what drift fits at a declared date. */
static json_t *newey_west(unsigned int which, gsl_rng *rng)
{
	double x[DAYS * 4], y[DAYS], value[4], se[4];
	struct em_estimate beta[4];
	size_t lag = which % 4 * 3, used = lag ? lag : (size_t)(4 * pow(DAYS / 100.0, 2.0 / 9));
	double critical = em_fixed_b((double)(used + 1) / DAYS);

	series(y, DAYS, which, rng);
	for (int i = 0; i < DAYS; i++) {
		double t = i - 140, row[4] = { 1, t, t >= 0, t >= 0 ? t : 0 };

		memcpy(x + 4L * i, row, sizeof(row));
	}
	if (em_regress(x, y, DAYS, 4, lag, beta))
		return json_null();
	for (int i = 0; i < 4; i++) {
		value[i] = beta[i].value;
		se[i] = (beta[i].high - beta[i].low) / 2 / critical;
	}
	return json_pack("{s:o,s:I,s:o,s:o}", "y", reals(y, DAYS), "lag", (json_int_t)lag, "beta",
			 reals(value, 4), "se", reals(se, 4));
}

/* Days are missing here and there, two in a row among them. */
static json_t *cusum(unsigned int which, gsl_rng *rng)
{
	struct em_drift d = { 0 };
	struct em_cusum w;
	double y[DAYS];

	series(y, DAYS, which % 3, rng);
	for (int i = 0; i < DAYS; i++) {
		y[i] = -1.3 + 0.2 * y[i] - (which % 2 && i >= 160 ? 0.25 : 0);
		if (which > 5 && i % 41 < 2)
			y[i] = NAN;
	}
	if (em_drift_fit(&d, y, BASELINE))
		return json_null();
	em_drift_watch(&d, y + BASELINE, DAYS - BASELINE, &w);
	return json_pack("{s:o,s:i,s:f,s:f,s:f,s:f,s:f,s:I,s:f,s:f}", "y", reals(y, DAYS),
			 "baseline", BASELINE, "k", EM_DRIFT_K, "h", d.h, "mu", d.mu, "phi", d.phi,
			 "sigma", d.sigma, "alarm", (json_int_t)w.alarm, "now", w.now, "highest",
			 w.highest);
}

/* How long the CUSUM of independent normal days runs, without and with a shift. */
static json_t *run_length(unsigned int which, gsl_rng *rng)
{
	static const double shifts[] = { 0, 0.5, 1, 2 };
	enum { RUNS = 4000, LONGEST = 20000 };
	struct em_drift d = { .sigma = 1, .h = which % 2 ? 4 : 3 };
	_cleanup_free_ double *y = calloc(LONGEST, sizeof(*y));
	double length[RUNS];

	for (int r = 0; y && r < RUNS; r++) {
		struct em_cusum w = { .alarm = -1 };

		/* most runs are short: longer series only for those that are not */
		for (size_t n = 256, from = 0; w.alarm < 0 && n <= LONGEST; from = n, n *= 4) {
			for (size_t i = from; i < n; i++)
				y[i] = gsl_ran_gaussian(rng, 1) - shifts[which / 2];
			em_drift_watch(&d, y, n, &w);
		}
		length[r] = (double)w.alarm + 1;
	}
	return json_pack("{s:f,s:f,s:f,s:f,s:f}", "k", EM_DRIFT_K, "h", d.h, "shift",
			 shifts[which / 2], "mean", em_mean(length, RUNS), "se",
			 em_sd(length, RUNS) / sqrt(RUNS));
}

static json_t *split(unsigned int which, gsl_rng *rng)
{
	em_ns t0 = 1000000 + gsl_rng_uniform_int(rng, 1000000000);
	em_ns t1 = which % 3 ? (em_ns)((double)t0 * (0.8 + 0.6 * gsl_rng_uniform(rng)))
			     : 1000000 + gsl_rng_uniform_int(rng, 1000000000);
	em_ns a0 = (em_ns)((double)t0 * (0.05 + 0.4 * gsl_rng_uniform(rng)));
	em_ns a1 = (em_ns)((double)t1 * (0.05 + 0.4 * gsl_rng_uniform(rng)));
	struct em_scale s;

	em_scale_make(&s, a0, t0, a1, t1);
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "a0", (json_int_t)a0, "t0",
			 (json_int_t)t0, "a1", (json_int_t)a1, "t1", (json_int_t)t1, "change",
			 (json_int_t)s.change, "scale", (json_int_t)s.scale, "share",
			 (json_int_t)s.share);
}

/* Waits in hours with ties; refused and still open ones among them. */
static json_t *waits(unsigned int which, gsl_rng *rng)
{
	struct em_wait w[61] = { 0 };
	size_t n = 21 + 40 * (which % 2);
	json_t *list = json_array();
	struct em_survival s;

	for (size_t i = 0; i < n; i++) {
		double kind = gsl_rng_uniform(rng);

		w[i].refused = kind < 0.05 * (which % 3);
		w[i].granted = !w[i].refused && kind < 0.8;
		w[i].wait = (int64_t)(gsl_ran_exponential(rng, 20 + 20 * which) + 1) * EM_HOUR;
		if (w[i].refused)
			w[i].wait = INT64_MAX;
		else if (!w[i].granted)
			w[i].wait += EM_REQUESTS_HORIZON; /* watched at least so long */
		json_array_append_new(list, json_pack("{s:f,s:b}", "hours",
						      (double)w[i].wait / (double)EM_HOUR,
						      "granted", w[i].granted));
	}
	if (em_survival_make(&s, w, n))
		return json_null();
	return json_pack("{s:o,s:f,s:f,s:f,s:f,s:f}", "waits", list, "horizon",
			 (double)EM_REQUESTS_HORIZON / (double)EM_HOUR, "success", s.success,
			 "rmst", s.rmst / (double)EM_HOUR, "se", sqrt(s.var) / (double)EM_HOUR,
			 "median", s.median < 0 ? -1 : (double)s.median / (double)EM_HOUR);
}

static json_t *blocks(unsigned int which, gsl_rng *rng)
{
	struct em_estimate e;
	double x[DAYS];

	series(x, DAYS, which % 3, rng);
	if (em_shift_blocks(x, 140, x + 140, DAYS - 140, 7, 10000, rng, &e))
		return json_null();
	return json_pack("{s:o,s:i,s:i,s:f,s:f,s:f}", "x", reals(x, DAYS), "first", 140, "block", 7,
			 "value", e.value, "low", e.low, "high", e.high);
}

static json_t *drill(unsigned int which, gsl_rng *rng)
{
	struct em_trial t[14];
	double on[7], off[7];
	struct em_effect e;
	size_t n = 5 + which % 3;

	for (size_t i = 0; i < n; i++) {
		on[i] = 0.2 + 0.01 * which / 2 + gsl_ran_gaussian(rng, 0.02);
		off[i] = 0.2 + gsl_ran_gaussian(rng, 0.02);
		t[2 * i] = (struct em_trial){ 0, EM_ARM_ADD, on[i] };
		t[2 * i + 1] = (struct em_trial){ 0, EM_ARM_CONTROL, off[i] };
	}
	if (em_drill_effect(&e, t, 2 * n, EM_ARM_ADD, rng))
		return json_null();
	return json_pack("{s:o,s:o,s:f,s:f}", "on", reals(on, n), "off", reals(off, n), "effect",
			 e.effect, "p", e.p);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		json_t *(*one)(unsigned int which, gsl_rng *rng);
		unsigned int n;
	} all[] = {
		{ "pelt", pelt, CASES },         { "newey_west", newey_west, CASES },
		{ "cusum", cusum, CASES },       { "run_length", run_length, 8 },
		{ "split", split, 50 },          { "waits", waits, CASES },
		{ "blocks", blocks, CASES / 2 }, { "drill", drill, CASES },
	};
	gsl_rng *rng = em_rng(argc > 1 ? strtoul(argv[1], NULL, 10) : 1);
	json_t *out = json_object();

	for (size_t i = 0; rng && i < ARRAY_SIZE(all); i++)
		json_object_set_new(out, all[i].name, cases(all[i].one, all[i].n, rng));
	json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
	putchar('\n');
	gsl_rng_free(rng);
	json_decref(out);
	return 0;
}
