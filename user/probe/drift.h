/* SPDX-License-Identifier: GPL-2.0 */
/*
 * P9: has the process behind alignment's share changed? Daily y = ln((A+c)/(C+M+S+F+U+c)), AR(1)
 * residuals of a frozen baseline, a one-sided CUSUM for falling shares, and dates of past changes
 * (measures, "Drift").
 */
#ifndef EM_DRIFT_H
#define EM_DRIFT_H

#include "probe/finding.h"
#include "probe/stats.h"

#define EM_DRIFT_K 0.5         /* of the CUSUM, in standard deviations */
#define EM_DRIFT_THRESHOLD 5.0 /* its threshold where no history can calibrate one */
#define EM_DRIFT_CALIBRATES 90 /* days of baseline, below which it is uncalibrated */
#define EM_DRIFT_LEAST 21      /* days of baseline, below which there is no answer */
#define EM_DRIFT_FROZEN "frozen in the ledger"
#define EM_DRIFT_ARL 365 /* days to a false alarm, on average, at least */

/**
 * struct em_drift - the frozen baseline
 * @c: added to both sides, in ns: 0.5 % of the baseline's daily T
 * @mu, @phi, @sigma: mean of y, its memory, standard deviation of what is new each day
 * @h: threshold; @days: that were there
 */
struct em_drift {
	double c, mu, phi, sigma, h;
	unsigned int days;
};

/*
 * em_drift_y() - one y a day
 *
 * Days with T below 5 % of the median T are missing: NaN. @tagged: the untagged left out of the
 * denominator, to tell uptake of tagging from drift. Return: 0 or -ENOMEM.
 */
int em_drift_y(const struct em_series *daily, double c, bool tagged, double *y);
double em_drift_c(const struct em_series *daily, size_t first, size_t n);

/* -EINVAL: fewer than EM_DRIFT_LEAST days, or y does not vary. @h stays EM_DRIFT_THRESHOLD. */
int em_drift_fit(struct em_drift *d, const double *y, size_t n);

/*
 * em_drift_calibrate() - @h such that a false alarm takes EM_DRIFT_ARL days at least
 *
 * Block bootstrap (7 d) of the baseline's residuals; each draw fits its own baseline, so that what
 * 90 days leave uncertain is in it.
 * Below EM_DRIFT_CALIBRATES days @h stays. Return: 0 or -ENOMEM.
 */
int em_drift_calibrate(struct em_drift *d, const double *y, size_t n, gsl_rng *rng);

/**
 * struct em_cusum - the watch so far
 * @alarm: index of the first day of alarm, or -1; @now, @highest: of the statistic
 */
struct em_cusum {
	long alarm;
	double now, highest;
};

/* Watches @y after the baseline. @gap: days since the last one before y[0] that was there. */
void em_drift_watch(const struct em_drift *d, const double *y, size_t n, struct em_cusum *w);

int em_probe_drift(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);

#endif
