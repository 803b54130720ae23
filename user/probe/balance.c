// SPDX-License-Identifier: GPL-2.0
/* The balance across changes of capacity; see balance.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_fit.h>

#include "base/cleanup.h"
#include "probe/ask.h"
#include "probe/kept.h"
#include "probe/balance.h"

#define SAME_CAPACITY 0.01 /* in ln K */
#define LEAST_DAYS 2

/* struct stretch - days of constant capacity, summed */
struct stretch {
	em_ns capacity, a, c;
	unsigned int days;
};

static double log_k(const struct em_bucket *b)
{
	return log((double)em_parts_capacity(&b->p));
}

/* The stretches of the series, the short ones left out. Return: how many, into @out. */
static size_t find_stretches(const struct em_series *s, struct stretch *out)
{
	const struct em_bucket *last = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct em_bucket *b = &s->list[i];

		if (!em_parts_capacity(&b->p))
			continue;
		if (!last || fabs(log_k(b) - log_k(last)) > SAME_CAPACITY) {
			if (!n || out[n - 1].days >= LEAST_DAYS)
				n++;
			out[n - 1] = (struct stretch){ 0 };
		}
		out[n - 1].capacity += em_parts_capacity(&b->p);
		out[n - 1].a += b->p.part[EM_PART_A];
		out[n - 1].c += b->p.part[EM_PART_C];
		out[n - 1].days++;
		last = b;
	}
	return n && out[n - 1].days < LEAST_DAYS ? n - 1 : n;
}

static void fit(struct em_balance *b, const double *x, const double *y, unsigned int n)
{
	double c00, c01, c11, sum, mean = 0, spread = 0, t;

	for (unsigned int i = 0; i < n; i++)
		mean += x[i] / n;
	for (unsigned int i = 0; i < n; i++)
		spread += (x[i] - mean) * (x[i] - mean);
	if (spread < 1e-12 * n) {
		b->refusal = EM_BALANCE_SAME;
		return;
	}
	gsl_fit_linear(x, 1, y, 1, n, &b->alpha, &b->gamma, &c00, &c01, &c11, &sum);
	t = gsl_cdf_tdist_Pinv(0.975, n - 2) * sqrt(c11);
	b->gamma_low = b->gamma - t;
	b->gamma_high = b->gamma + t;
}

static double mean_k(const struct stretch *s)
{
	return (double)s->capacity / s->days;
}

int em_balance_make(struct em_balance *b, const struct em_series *daily)
{
	_cleanup_free_ struct stretch *list = calloc(daily->n + 1, sizeof(*list));
	_cleanup_free_ double *x = calloc(daily->n + 1, sizeof(*x));
	_cleanup_free_ double *y = calloc(daily->n + 1, sizeof(*y));
	size_t n;

	*b = (struct em_balance){ 0 };
	if (!list || !x || !y)
		return -ENOMEM;
	n = find_stretches(daily, list);
	for (size_t i = 1; i < n; i++) {
		const struct stretch *p = &list[i - 1], *q = &list[i];
		double change = log(mean_k(q) / mean_k(p));

		if (fabs(change) < SAME_CAPACITY)
			continue;
		b->changes++;
		if (!p->a || !p->c || !q->a || !q->c)
			continue;
		x[b->usable] = change;
		y[b->usable++] =
			log((double)q->a / (double)q->c) - log((double)p->a / (double)p->c);
	}
	if (n) {
		b->first.capacity = list[0].capacity / list[0].days;
		b->first.alignment = list[0].a / list[0].days;
		b->last.capacity = list[n - 1].capacity / list[n - 1].days;
		b->last.alignment = list[n - 1].a / list[n - 1].days;
	}
	b->refusal = b->usable < EM_BALANCE_LEAST ? EM_BALANCE_FEW : EM_BALANCE_ANSWERED;
	if (!b->refusal)
		fit(b, x, y, b->usable);
	return 0;
}

static void say_marginal(struct em_finding *f, const struct em_balance *b)
{
	em_delta more_k = (em_delta)b->last.capacity - (em_delta)b->first.capacity;
	em_delta more_a = (em_delta)b->last.alignment - (em_delta)b->first.alignment;

	em_finding_gpu_time(f, "capacity_change_us", "capacity a day changed by", more_k);
	em_finding_gpu_time(f, "alignment_change_us", "alignment a day changed by", more_a);
	if (b->changes && more_k)
		em_finding_real(f, "marginal_share", "alignment per unit of new capacity",
				(double)more_a / (double)more_k);
}

static int answer(struct em_finding *f, const struct em_balance *b)
{
	em_finding_count(f, "changes", "changes of capacity", b->changes);
	em_finding_count(f, "usable", "with alignment and capabilities on both sides", b->usable);
	say_marginal(f, b);
	if (b->refusal == EM_BALANCE_FEW)
		return em_finding_refuse(f,
					 "%u usable changes of capacity: fewer than %d say "
					 "nothing of a tendency",
					 b->usable, EM_BALANCE_LEAST);
	if (b->refusal == EM_BALANCE_SAME)
		return em_finding_refuse(f, "all changes of capacity are of one size: what comes "
					    "of the size cannot be told from what comes anyway");
	em_finding_real(f, "gamma", "gamma", b->gamma);
	em_finding_real(f, "gamma_low", "95 % from", b->gamma_low);
	em_finding_real(f, "gamma_high", "to", b->gamma_high);
	em_finding_real(f, "alpha", "alpha", b->alpha);
	em_finding_estimate(f,
			    "gamma = %.2f: when capacity grew, the ratio of alignment to "
			    "capabilities %s",
			    b->gamma,
			    b->gamma_low > 0    ? "rose with it"
			    : b->gamma_high < 0 ? "fell: growth favoured capabilities"
						: "cannot be told from a perpetuated balance");
	em_finding_interval(f, "%.2f to %.2f (95 %%, t, %u changes)", b->gamma_low, b->gamma_high,
			    b->usable);
	return 0;
}

int em_probe_balance(struct em_finding *f, struct em_ledger *l, const struct em_ask *a)
{
	const struct em_series *s;
	struct em_balance b;
	int ret = em_kept_days(a->kept, &s, l, a->window);

	if (!ret)
		ret = em_balance_make(&b, s);
	return ret ? ret : answer(f, &b);
}
