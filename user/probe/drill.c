// SPDX-License-Identifier: GPL-2.0
/* Plans and effects of drills; see drill.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sort.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "probe/drill.h"

#define DRAWS 4999

static const char *const names[EM_ARMS] = { "control", "add", "displace" };

const char *em_arm_name(enum em_arm arm)
{
	return names[arm];
}

/* Uniform over all ways to place them: sorted points in what holding leaves of the window. */
int em_drill_plan(struct em_trial *out, size_t n, struct em_range window, int64_t hold,
		  gsl_rng *rng)
{
	int64_t slack = (window.end - window.start) - (int64_t)n * hold;
	_cleanup_free_ double *at = calloc(n + 1, sizeof(*at));
	_cleanup_free_ int *arm = calloc(n + 1, sizeof(*arm));

	if (!at || !arm)
		return -ENOMEM;
	if (!n || slack < 0)
		return -ERANGE;
	for (size_t i = 0; i < n; i++) {
		at[i] = gsl_rng_uniform(rng) * (double)slack;
		arm[i] = (int)(i % EM_ARMS);
	}
	gsl_sort(at, 1, n);
	gsl_ran_shuffle(rng, arm, n, sizeof(*arm));
	for (size_t i = 0; i < n; i++) {
		int64_t offset = (int64_t)at[i] + (int64_t)i * hold;

		offset -= offset % (60 * EM_NS_PER_S); /* people keep minutes */
		out[i] = (struct em_trial){ window.start + offset, (enum em_arm)arm[i], NAN };
	}
	return 0;
}

static double difference(const double *x, size_t on, size_t n)
{
	return em_mean(x, on) - em_mean(x + on, n - on);
}

int em_drill_effect(struct em_effect *e, const struct em_trial *t, size_t n, enum em_arm arm,
		    gsl_rng *rng)
{
	_cleanup_free_ double *x = calloc(n + 1, sizeof(*x));
	unsigned int as_large = 0;
	double seen;

	*e = (struct em_effect){ .p = 1, .least_p = 1 };
	if (!x)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (t[i].arm == arm && isfinite(t[i].share))
			x[e->on++] = t[i].share;
	}
	for (size_t i = 0; i < n; i++) {
		if (t[i].arm == EM_ARM_CONTROL && isfinite(t[i].share))
			x[e->on + e->off++] = t[i].share;
	}
	if (e->on < EM_DRILL_LEAST || e->off < EM_DRILL_LEAST)
		return -EINVAL;
	n = e->on + e->off;
	e->effect = difference(x, e->on, n);
	e->least_p = fmax(exp(-gsl_sf_lnchoose((unsigned int)n, (unsigned int)e->on)),
			  1.0 / (DRAWS + 1));
	seen = fabs(e->effect) - 1e-12;
	for (int i = 0; i < DRAWS; i++) {
		gsl_ran_shuffle(rng, x, n, sizeof(*x));
		as_large += fabs(difference(x, e->on, n)) >= seen;
	}
	e->p = (1 + (double)as_large) / (1 + DRAWS);
	return 0;
}
