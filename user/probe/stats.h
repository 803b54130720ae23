/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Statistics of series that remember: real shares are autocorrelated, and errors that take days as
 * independent are several times too small. Missing values are NaN in, and never come out.
 */
#ifndef EM_STATS_H
#define EM_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <gsl/gsl_rng.h>

#define EM_REGRESSORS_MAX 4

gsl_rng *em_rng(unsigned long seed); /* Mersenne twister; NULL: no memory; gsl_rng_free() */

size_t em_present(double *x, size_t n); /* moves what is finite to the front; how many */
double em_mean(const double *x, size_t n);
double em_sd(const double *x, size_t n);           /* n - 1; 0 below two values */
double em_median(double *x, size_t n);             /* sorts @x; n >= 1 */
double em_quantile(double *x, size_t n, double q); /* sorts @x; n >= 1 */

/* struct em_estimate - a value and its 95 % interval */
struct em_estimate {
	double value, low, high;
};

/**
 * em_regress() - ordinary least squares with Newey-West errors (Bartlett kernel), prewhitened
 * @x: n rows of k regressors, k <= EM_REGRESSORS_MAX
 * @lag: 0 = the usual 4·(n/100)^(2/9)
 * @beta: k estimates with their intervals, at em_fixed_b((lag + 1)/n) of their errors
 *
 * Return: 0, -EINVAL: too few rows or regressors that depend on each other.
 */
int em_regress(const double *x, const double *y, size_t n, size_t k, size_t lag,
	       struct em_estimate *beta);

/*
 * How many errors to either side are 95 %, where the errors' kernel is as wide as the part @b of
 * the series: Kiefer and Vogelsang 2005, Bartlett. At b = 0 that of the normal distribution.
 */
double em_fixed_b(double b);

/* Mean of @b less mean of @a, errors by Newey-West over both, in their order. */
int em_shift(const double *a, size_t n_a, const double *b, size_t n_b, struct em_estimate *e);

/* The same by circular block bootstrap within each; percentile interval of @draws draws. */
int em_shift_blocks(const double *a, size_t n_a, const double *b, size_t n_b, size_t block,
		    size_t draws, gsl_rng *rng, struct em_estimate *e);

/* Fills @out with @n values in circular blocks of @x. */
void em_resample(const double *x, size_t n_x, size_t block, gsl_rng *rng, double *out, size_t n);

/*
 * Change points of the mean by PELT (Killick, Fearnhead, Eckley 2012) with squared error.
 * @penalty: each change has to lower the cost by this; @least: points between two changes
 * @at: room for n / least; index of the first point after each change. Return: how many, or -ENOMEM
 */
int em_pelt(const double *x, size_t n, double penalty, size_t least, size_t *at);

#endif
