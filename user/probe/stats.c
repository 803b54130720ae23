// SPDX-License-Identifier: GPL-2.0
/* Statistics of series that remember; see stats.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "base/cleanup.h"
#include "probe/stats.h"

#define NORMAL_95 1.959963984540054
#define LEAST_NEWS 0.03 /* of each score, 1 - its memory: Andrews and Monahan cut at 0.97 */

gsl_rng *em_rng(unsigned long seed)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);

	if (rng)
		gsl_rng_set(rng, seed);
	return rng;
}

size_t em_present(double *x, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (isfinite(x[i]))
			x[kept++] = x[i];
	}
	return kept;
}

double em_mean(const double *x, size_t n)
{
	return n ? gsl_stats_mean(x, 1, n) : 0;
}

double em_sd(const double *x, size_t n)
{
	return n > 1 ? gsl_stats_sd(x, 1, n) : 0;
}

double em_quantile(double *x, size_t n, double q)
{
	gsl_sort(x, 1, n);
	return gsl_stats_quantile_from_sorted_data(x, 1, n, q);
}

double em_median(double *x, size_t n)
{
	return em_quantile(x, n, 0.5);
}

/* --- least squares ------------------------------------------------------------------------- */

typedef double square[EM_REGRESSORS_MAX][EM_REGRESSORS_MAX];

/* Gauss-Jordan with pivots on so few; -EINVAL: singular. @a has ones on its diagonal. */
static int reduce(square a, square out, size_t k)
{
	for (size_t i = 0; i < k; i++) {
		for (size_t j = 0; j < k; j++)
			out[i][j] = i == j;
	}
	for (size_t c = 0; c < k; c++) {
		size_t p = c;

		for (size_t i = c + 1; i < k; i++)
			p = fabs(a[i][c]) > fabs(a[p][c]) ? i : p;
		if (!(fabs(a[p][c]) > 1e-12))
			return -EINVAL;
		for (size_t j = 0; j < k; j++) {
			double t = a[c][j], u = out[c][j];

			a[c][j] = a[p][j];
			a[p][j] = t;
			out[c][j] = out[p][j];
			out[p][j] = u;
		}
		for (size_t i = 0; i < k; i++) {
			double by = i == c ? 1 - 1 / a[c][c] : a[i][c] / a[c][c];

			for (size_t j = 0; j < k; j++)
				out[i][j] -= by * out[c][j];
			for (size_t j = k; j-- > 0;)
				a[i][j] -= by * a[c][j];
		}
	}
	return 0;
}

/* Days since a date and a constant differ by orders of magnitude: each is first brought to one. */
static int invert(square a, square out, size_t k)
{
	double unit[EM_REGRESSORS_MAX];
	int ret;

	for (size_t i = 0; i < k; i++) {
		unit[i] = sqrt(a[i][i]);
		if (!(unit[i] > 0))
			return -EINVAL;
	}
	for (size_t i = 0; i < k; i++) {
		for (size_t j = 0; j < k; j++)
			a[i][j] /= unit[i] * unit[j];
	}
	ret = reduce(a, out, k);
	for (size_t i = 0; !ret && i < k; i++) {
		for (size_t j = 0; j < k; j++)
			out[i][j] /= unit[i] * unit[j];
	}
	return ret;
}

/* Bartlett's sum of the autocovariances of @n scores. */
static void score_covariance(const double *u, size_t n, size_t k, size_t lag, square s)
{
	memset(s, 0, sizeof(square));
	for (size_t d = 0; d <= lag && d < n; d++) {
		double weight = d ? 1 - (double)d / (double)(lag + 1) : 0.5;

		for (size_t t = d; t < n; t++) {
			for (size_t i = 0; i < k; i++) {
				for (size_t j = 0; j < k; j++)
					s[i][j] += weight * (u[t * k + i] * u[(t - d) * k + j] +
							     u[(t - d) * k + i] * u[t * k + j]);
			}
		}
	}
}

/* @out of @a times @b, the second transposed where that is said. */
static void multiply(square a, square b, bool transposed, square out, size_t k)
{
	for (size_t i = 0; i < k; i++) {
		for (size_t j = 0; j < k; j++) {
			out[i][j] = 0;
			for (size_t c = 0; c < k; c++)
				out[i][j] += a[i][c] * (transposed ? b[j][c] : b[c][j]);
		}
	}
}

/* u(t) = A·u(t-1), by least squares; @d: (1 - A)⁻¹. -EINVAL: it cannot be told, or is too near 1.
 */
static int remembered(const double *u, size_t n, size_t k, square a, square d)
{
	square last = { { 0 } }, both = { { 0 } }, inverse, rest;

	for (size_t t = k; t < n * k; t += k) {
		for (size_t i = 0; i < k; i++) {
			for (size_t j = 0; j < k; j++) {
				last[i][j] += u[t - k + i] * u[t - k + j];
				both[i][j] += u[t + i] * u[t - k + j];
			}
		}
	}
	if (invert(last, inverse, k))
		return -EINVAL;
	multiply(both, inverse, false, a, k);
	for (size_t i = 0; i < k; i++) {
		for (size_t j = 0; j < k; j++)
			rest[i][j] = (i == j) - a[i][j];
		if (!(rest[i][i] > LEAST_NEWS))
			return -EINVAL;
	}
	return invert(rest, d, k);
}

/*
 * The long-run covariance of the scores, in place of them: their own memory is taken out first and
 * put back afterwards (Andrews and Monahan 1992), for lags cut a memory off.
 */
static void long_run(double *u, size_t n, size_t k, size_t lag, square s)
{
	square a, d, half;

	if (n < 2 * k + 2 || remembered(u, n, k, a, d)) {
		score_covariance(u, n, k, lag, s);
		return;
	}
	for (size_t t = n - 1; t > 0; t--) {
		for (size_t i = 0; i < k; i++) {
			for (size_t j = 0; j < k; j++)
				u[t * k + i] -= a[i][j] * u[(t - 1) * k + j];
		}
	}
	score_covariance(u + k, n - 1, k, lag, s);
	multiply(d, s, false, half, k);
	multiply(half, d, true, s, k);
}

double em_fixed_b(double b)
{
	return NORMAL_95 + b * (2.9694 + b * (0.4160 - 0.5324 * b));
}

static double sandwich(square bread, square filling, size_t k, size_t i)
{
	double v = 0;

	for (size_t a = 0; a < k; a++) {
		for (size_t b = 0; b < k; b++)
			v += bread[i][a] * filling[a][b] * bread[b][i];
	}
	return v;
}

static void scores(const double *x, const double *y, size_t n, size_t k,
		   const struct em_estimate *beta, double *u)
{
	for (size_t t = 0; t < n; t++) {
		double e = y[t];

		for (size_t i = 0; i < k; i++)
			e -= beta[i].value * x[t * k + i];
		for (size_t i = 0; i < k; i++)
			u[t * k + i] = e * x[t * k + i];
	}
}

/* The estimates, and (X'X)⁻¹. -EINVAL: the regressors depend on each other. */
static int least_squares(const double *x, const double *y, size_t n, size_t k,
			 struct em_estimate *beta, square bread)
{
	double xy[EM_REGRESSORS_MAX] = { 0 };
	square xx = { { 0 } };

	for (size_t t = 0; t < n; t++) {
		for (size_t i = 0; i < k; i++) {
			xy[i] += x[t * k + i] * y[t];
			for (size_t j = 0; j < k; j++)
				xx[i][j] += x[t * k + i] * x[t * k + j];
		}
	}
	if (invert(xx, bread, k))
		return -EINVAL;
	for (size_t i = 0; i < k; i++) {
		beta[i].value = 0;
		for (size_t j = 0; j < k; j++)
			beta[i].value += bread[i][j] * xy[j];
	}
	return 0;
}

int em_regress(const double *x, const double *y, size_t n, size_t k, size_t lag,
	       struct em_estimate *beta)
{
	_cleanup_free_ double *u = calloc(n * k + 1, sizeof(*u));
	square bread, filling;
	double critical;

	if (!u)
		return -ENOMEM;
	if (n <= k || k > EM_REGRESSORS_MAX || least_squares(x, y, n, k, beta, bread))
		return -EINVAL;
	scores(x, y, n, k, beta, u);
	lag = lag ? lag : (size_t)(4 * pow((double)n / 100, 2.0 / 9));
	long_run(u, n, k, lag, filling);
	critical = em_fixed_b((double)(lag + 1) / (double)n);
	for (size_t i = 0; i < k; i++) {
		double v = sandwich(bread, filling, k, i) * (double)n / (double)(n - k);
		double half = critical * sqrt(v > 0 ? v : 0);

		beta[i].low = beta[i].value - half;
		beta[i].high = beta[i].value + half;
	}
	return 0;
}

int em_shift(const double *a, size_t n_a, const double *b, size_t n_b, struct em_estimate *e)
{
	size_t n = n_a + n_b;
	_cleanup_free_ double *x = calloc(2 * n + 1, sizeof(*x));
	_cleanup_free_ double *y = calloc(n + 1, sizeof(*y));
	struct em_estimate beta[2];
	int ret;

	if (!x || !y)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		x[2 * i] = 1;
		x[2 * i + 1] = i >= n_a;
		y[i] = i < n_a ? a[i] : b[i - n_a];
	}
	ret = em_regress(x, y, n, 2, 0, beta);
	if (!ret)
		*e = beta[1];
	return ret;
}

/* --- the bootstrap ------------------------------------------------------------------------- */

void em_resample(const double *x, size_t n_x, size_t block, gsl_rng *rng, double *out, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t start = gsl_rng_uniform_int(rng, n_x);

		for (size_t k = 0; k < block && i < n; k++)
			out[i++] = x[(start + k) % n_x];
	}
}

int em_shift_blocks(const double *a, size_t n_a, const double *b, size_t n_b, size_t block,
		    size_t draws, gsl_rng *rng, struct em_estimate *e)
{
	_cleanup_free_ double *draw = calloc(draws + 1, sizeof(*draw));
	_cleanup_free_ double *one = calloc((n_a > n_b ? n_a : n_b) + 1, sizeof(*one));

	if (!n_a || !n_b || !draws)
		return -EINVAL;
	if (!draw || !one)
		return -ENOMEM;
	for (size_t i = 0; i < draws; i++) {
		em_resample(a, n_a, block, rng, one, n_a);
		draw[i] = -em_mean(one, n_a);
		em_resample(b, n_b, block, rng, one, n_b);
		draw[i] += em_mean(one, n_b);
	}
	e->value = em_mean(b, n_b) - em_mean(a, n_a);
	e->low = em_quantile(draw, draws, 0.025);
	e->high = em_quantile(draw, draws, 0.975);
	return 0;
}

/* --- change points ------------------------------------------------------------------------- */

/* struct pelt - prefix sums, best costs, and the change before each point */
struct pelt {
	double *sum, *square, *best;
	size_t *last, *open;
};

/* Σ(x - mean)² of [from, to) */
static double cost(const struct pelt *p, size_t from, size_t to)
{
	double s = p->sum[to] - p->sum[from], q = p->square[to] - p->square[from];

	return fmax(0, q - s * s / (double)(to - from));
}

static void search(struct pelt *p, size_t n, double penalty, size_t least)
{
	size_t n_open = 1;

	p->best[0] = -penalty;
	for (size_t t = least; t <= n; t++) {
		size_t kept = 0;

		p->best[t] = INFINITY;
		for (size_t i = 0; i < n_open; i++) {
			size_t from = p->open[i];
			double c = p->best[from] + cost(p, from, t) + penalty;

			if (t - from >= least && c < p->best[t]) {
				p->best[t] = c;
				p->last[t] = from;
			}
		}
		for (size_t i = 0; i < n_open; i++) {
			size_t from = p->open[i];

			if (t - from < least || p->best[from] + cost(p, from, t) <= p->best[t])
				p->open[kept++] = from;
		}
		n_open = kept;
		p->open[n_open++] = t;
	}
}

static int trace_back(const struct pelt *p, size_t n, size_t *at)
{
	int count = 0, i;

	for (size_t t = p->last[n]; t; t = p->last[t])
		count++;
	i = count;
	for (size_t t = p->last[n]; t; t = p->last[t])
		at[--i] = t;
	return count;
}

int em_pelt(const double *x, size_t n, double penalty, size_t least, size_t *at)
{
	_cleanup_free_ double *room = calloc(3 * (n + 1), sizeof(*room));
	_cleanup_free_ size_t *index = calloc(2 * (n + 2), sizeof(*index));
	struct pelt p;

	if (!room || !index)
		return -ENOMEM;
	if (n < 2 * least)
		return 0;
	p = (struct pelt){ room, room + n + 1, room + 2 * (n + 1), index, index + n + 1 };
	for (size_t i = 0; i < n; i++) {
		p.sum[i + 1] = p.sum[i] + x[i];
		p.square[i + 1] = p.square[i] + x[i] * x[i];
		p.best[i + 1] = INFINITY;
	}
	search(&p, n, penalty, least);
	return trace_back(&p, n, at);
}
