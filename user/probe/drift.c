// SPDX-License-Identifier: GPL-2.0
/* A change of process in alignment's share; see drift.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "probe/drift.h"

#define BLOCK 7    /* days */
#define DRAWS 1000 /* of the calibration */
#define ADDED 0.005
#define MISSING 0.05 /* of the median day */

/*
 * The share of draws that pass EM_DRIFT_ARL days unalarmed. Were all baselines alike, run lengths
 * would be exponential and 1/e would do. They differ: a few baselines alarm often. With half, the
 * median run is a year and the mean run, in simulation, about 570 days.
 */
#define PASSES 0.5

double em_drift_c(const struct em_series *daily, size_t first, size_t n)
{
	double sum = 0;
	size_t days = 0;

	for (size_t i = first; i < first + n && i < daily->n; i++) {
		if (!daily->list[i].intervals)
			continue;
		sum += (double)em_parts_used(&daily->list[i].p);
		days++;
	}
	return days ? ADDED * sum / (double)days : 0;
}

static int median_day(const struct em_series *daily, double *ret)
{
	_cleanup_free_ double *t = calloc(daily->n + 1, sizeof(*t));
	size_t n = 0;

	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < daily->n; i++) {
		if (daily->list[i].intervals)
			t[n++] = (double)em_parts_used(&daily->list[i].p);
	}
	*ret = n ? em_median(t, n) : 0;
	return 0;
}

int em_drift_y(const struct em_series *daily, double c, bool tagged, double *y)
{
	double median;
	int ret = median_day(daily, &median);

	for (size_t i = 0; !ret && i < daily->n; i++) {
		const struct em_parts *p = &daily->list[i].p;
		double t = (double)em_parts_used(p), a = (double)p->part[EM_PART_A];
		double others = t - a - (tagged ? (double)p->part[EM_PART_U] : 0);

		y[i] = !daily->list[i].intervals || t <= 0 || t < MISSING * median || c <= 0
			       ? NAN
			       : log((a + c) / (others + c));
	}
	return ret;
}

/* Pairs of days that follow each other. */
static double memory(const double *y, size_t n, double mu)
{
	double product = 0, square = 0, phi;
	size_t pairs = 0;

	for (size_t i = 1; i < n; i++) {
		if (!isfinite(y[i]) || !isfinite(y[i - 1]))
			continue;
		product += (y[i] - mu) * (y[i - 1] - mu);
		square += (y[i - 1] - mu) * (y[i - 1] - mu);
		pairs++;
	}
	if (pairs < 2 || square <= 0)
		return 0;
	phi = product / square;
	phi += (1 + 4 * phi) / (double)pairs; /* Kendall's bias of short series */
	return fmax(-0.9, fmin(0.95, phi));
}

/*
 * What is new on a day, in standard deviations, given the last one that was there @gap days ago:
 * the AR(1) forgets over a gap, and its error grows.
 */
static double news(const struct em_drift *d, double now, double last, size_t gap)
{
	double kept = pow(d->phi, (double)gap);
	double spread = d->sigma * sqrt((1 - kept * kept) / (1 - d->phi * d->phi));

	return (now - d->mu - kept * (last - d->mu)) / spread;
}

/* Of every day that was there but the first; how many. */
static size_t all_news(const struct em_drift *d, const double *y, size_t n, double *z)
{
	size_t count = 0, last = n;

	for (size_t i = 0; i < n; i++) {
		if (!isfinite(y[i]))
			continue;
		if (last < n)
			z[count++] = news(d, y[i], y[last], i - last);
		last = i;
	}
	return count;
}

static int fit(struct em_drift *d, const double *y, size_t n, double *room)
{
	size_t present, residuals;

	memcpy(room, y, n * sizeof(*y));
	present = em_present(room, n);
	d->days = (unsigned int)present;
	d->h = EM_DRIFT_THRESHOLD;
	if (present < EM_DRIFT_LEAST)
		return -EINVAL;
	d->mu = em_mean(room, present);
	if (em_sd(room, present) < 1e-9)
		return -EINVAL;
	d->phi = memory(y, n, d->mu);
	d->sigma = 1;
	residuals = all_news(d, y, n, room);
	d->sigma = em_sd(room, residuals);
	return d->sigma > 1e-9 ? 0 : -EINVAL;
}

int em_drift_fit(struct em_drift *d, const double *y, size_t n)
{
	_cleanup_free_ double *room = calloc(n + 1, sizeof(*room));

	return room ? fit(d, y, n, room) : -ENOMEM;
}

void em_drift_watch(const struct em_drift *d, const double *y, size_t n, struct em_cusum *w)
{
	size_t last = n;

	*w = (struct em_cusum){ .alarm = -1 };
	for (size_t i = 0; i < n; i++) {
		double z;

		if (!isfinite(y[i]))
			continue;
		z = last < n ? news(d, y[i], y[last], i - last)
			     : (y[i] - d->mu) * sqrt(1 - d->phi * d->phi) / d->sigma;
		last = i;
		w->now = fmax(0, w->now - z - EM_DRIFT_K);
		w->highest = fmax(w->highest, w->now);
		if (w->alarm < 0 && w->now > d->h)
			w->alarm = (long)i;
	}
}

/* An AR(1) of resampled news, from its long-run spread on. */
static void imagine(const struct em_drift *d, const double *z, size_t n_z, gsl_rng *rng, double *y,
		    size_t n)
{
	double state = 0;

	em_resample(z, n_z, BLOCK, rng, y, n);
	for (size_t i = 0; i < n; i++) {
		state = d->phi * state + d->sigma * y[i];
		y[i] = d->mu + state;
	}
}

int em_drift_calibrate(struct em_drift *d, const double *y, size_t n, gsl_rng *rng)
{
	size_t length = n + EM_DRIFT_ARL, n_z, draws = 0;
	_cleanup_free_ double *z = calloc(n + 1, sizeof(*z));
	_cleanup_free_ double *path = calloc(length, sizeof(*path));
	_cleanup_free_ double *room = calloc(length, sizeof(*room));
	_cleanup_free_ double *highest = calloc(DRAWS, sizeof(*highest));
	double mean;

	if (!z || !path || !room || !highest)
		return -ENOMEM;
	if (d->days < EM_DRIFT_CALIBRATES)
		return 0;
	n_z = all_news(d, y, n, z);
	mean = em_mean(z, n_z);
	for (size_t i = 0; i < n_z; i++)
		z[i] -= mean;
	for (int i = 0; i < DRAWS; i++) {
		struct em_drift one;
		struct em_cusum w;

		imagine(d, z, n_z, rng, path, length);
		if (fit(&one, path, n, room))
			continue;
		em_drift_watch(&one, path + n, EM_DRIFT_ARL, &w);
		highest[draws++] = w.highest;
	}
	if (draws)
		d->h = em_quantile(highest, draws, PASSES);
	return 0;
}
