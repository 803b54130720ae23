/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Planted truth: a seeded simulator whose answers are known because it made them. Additions,
 * displacements, relabellings, steps and AR(1) noise.
 */
#ifndef PLANT_H
#define PLANT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "probe/series.h"

#define HOUR ((em_ns)EM_HOUR)

/* How many seeded runs: EARMARK_RUNS, or @usual. */
static inline unsigned int plant_runs(unsigned int usual)
{
	const char *runs = getenv("EARMARK_RUNS");

	return runs && atoi(runs) > 0 ? (unsigned int)atoi(runs) : usual;
}

/* What was found of @planted in @runs; tests/bench/stats makes a table of these lines. */
__attribute__((format(printf, 4, 5))) static inline void
plant_figure(const char *probe, const char *planted, unsigned int runs, const char *format, ...)
{
	char found[256];
	va_list args;

	va_start(args, format);
	vsnprintf(found, sizeof(found), format, args);
	va_end(args);
	print_message("figure|%s|%s|%u|%s\n", probe, planted, runs, found);
}

static inline gsl_rng *plant_rng(unsigned long seed)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);

	assert_non_null(rng);
	gsl_rng_set(rng, seed);
	return rng;
}

/* struct plant_ar - AR(1) noise of standard deviation @sd around 0 */
struct plant_ar {
	double phi, sd, last;
};

static inline double plant_noise(struct plant_ar *ar, gsl_rng *rng)
{
	double innovation = ar->sd * sqrt(1 - ar->phi * ar->phi);

	ar->last = ar->phi * ar->last + gsl_ran_gaussian(rng, innovation);
	return ar->last;
}

static inline double plant_inside(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

/* Buckets of @step from @start on, 1000 GPUs, all used, alignment's share still to be said. */
static inline struct em_series plant_series(size_t n, int64_t start, int64_t step)
{
	struct em_series s = { calloc(n, sizeof(*s.list)), n, step, 0 };

	assert_non_null(s.list);
	for (size_t i = 0; i < n; i++) {
		s.list[i].at = (struct em_range){ start + (int64_t)i * step,
						  start + (int64_t)(i + 1) * step };
		s.list[i].intervals = 1;
	}
	return s;
}

/* Alignment's and the others' part of @total in one bucket. */
static inline void plant_share(struct em_bucket *b, em_ns total, double share)
{
	b->p.part[EM_PART_A] = (em_ns)((double)total * share);
	b->p.part[EM_PART_C] = total - b->p.part[EM_PART_A];
}

#endif
