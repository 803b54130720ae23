// SPDX-License-Identifier: GPL-2.0
/* How long an order takes; see latency.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "probe/latency.h"
#include "probe/stats.h"

#define BEFORE (7 * EM_DAY)
#define SUSTAINED EM_DAY
#define LEAST_HOURS 24

static const int64_t moments[EM_LATENCY_CURVE] = {
	0, 6 * EM_HOUR, 12 * EM_HOUR, EM_DAY, 2 * EM_DAY, 3 * EM_DAY, 7 * EM_DAY,
};

static double share(const struct em_bucket *b, enum em_part_id part)
{
	em_ns used = em_parts_used(&b->p);

	return used ? em_ratio(b->p.part[part], used) : NAN;
}

/* The first bucket that starts at @t or later. */
static size_t at(const struct em_series *s, int64_t t)
{
	size_t i = 0;

	while (i < s->n && s->list[i].at.start < t)
		i++;
	return i;
}

/* Mean and spread of s in the 7 days before. Return: how many buckets. */
static size_t before(struct em_latency *out, const struct em_series *s, enum em_part_id part,
		     int64_t t0, double *room)
{
	size_t n = 0;

	for (size_t i = at(s, t0 - BEFORE); i < s->n && s->list[i].at.end <= t0; i++)
		room[n++] = share(&s->list[i], part);
	n = em_present(room, n);
	out->s0 = em_mean(room, n);
	out->sd = em_sd(room, n);
	return n;
}

/* F from @from on, NaN where nothing ran. Return: how many. */
static size_t progress(const struct em_latency *out, const struct em_series *s, size_t from,
		       enum em_part_id part, double *f)
{
	for (size_t i = from; i < s->n; i++)
		f[i - from] = (share(&s->list[i], part) - out->s0) / (out->s1 - out->s0);
	return s->n > from ? s->n - from : 0;
}

static double mean_from(const double *f, size_t n)
{
	double sum = 0;
	size_t known = 0;

	for (size_t i = 0; i < n; i++) {
		if (!isfinite(f[i]))
			continue;
		sum += f[i];
		known++;
	}
	return known ? sum / (double)known : NAN;
}

/* The first bucket at which @level is reached and sustained; @n: never. */
static size_t reached(const double *f, size_t n, double level, size_t sustained)
{
	for (size_t i = 0; i + sustained <= n; i++) {
		if (f[i] >= level && mean_from(f + i, sustained) >= level)
			return i;
	}
	return n;
}

static void crossing(const struct em_series *s, size_t from, int64_t t0, const double *f, size_t n,
		     double level, int64_t *t, bool *censored)
{
	size_t sustained = (size_t)(SUSTAINED / s->step), i;

	i = reached(f, n, level, sustained ? sustained : 1);
	*censored = i == n;
	if (*censored)
		*t = n > sustained ? s->list[from + n - sustained].at.end - t0 : 0;
	else
		*t = s->list[from + i].at.start - t0;
}

static double rate(const struct em_series *s, int64_t start, int64_t end, enum em_part_id part)
{
	em_ns sum = 0;
	size_t n = 0;

	for (size_t i = at(s, start); i < s->n && s->list[i].at.end <= end; i++) {
		if (!s->list[i].intervals)
			continue;
		sum += s->list[i].p.part[part];
		n++;
	}
	return n ? (double)sum / (double)n : NAN;
}

static double multiple(const struct em_series *s, int64_t t0, int64_t start, int64_t end,
		       enum em_part_id part)
{
	double base = rate(s, t0 - BEFORE, t0, part);

	return base > 0 ? rate(s, start, end, part) / base : NAN;
}

/* Around each moment, six hours: single hours are noise. */
static void draw_curve(struct em_latency *out, const struct em_series *s, int64_t t0, size_t from,
		       const double *f, size_t n)
{
	for (size_t i = 0; i < EM_LATENCY_CURVE; i++) {
		int64_t start = t0 + moments[i], end = start + 6 * EM_HOUR;
		size_t a = at(s, start) - from, b = at(s, end) - from;

		b = b < n ? b : n;
		out->curve[i] =
			(struct em_moment){ moments[i], a < b ? mean_from(f + a, b - a) : NAN,
					    multiple(s, t0, start, end, EM_PART_A),
					    multiple(s, t0, start, end, EM_PART_C) };
	}
}

int em_latency_make(struct em_latency *out, const struct em_series *hourly, enum em_part_id part,
		    double s1, int64_t t0)
{
	_cleanup_free_ double *f = calloc(hourly->n + 1, sizeof(*f));
	size_t from = at(hourly, t0), n;

	*out = (struct em_latency){ .s1 = s1 };
	if (!f)
		return -ENOMEM;
	if (before(out, hourly, part, t0, f) < LEAST_HOURS) {
		out->refusal = EM_LATENCY_NO_BEFORE;
		return 0;
	}
	if (fabs(s1 - out->s0) < 2 * out->sd || fabs(s1 - out->s0) < 1e-9) {
		out->refusal = EM_LATENCY_SMALL;
		return 0;
	}
	n = progress(out, hourly, from, part, f);
	if (n < LEAST_HOURS) {
		out->refusal = EM_LATENCY_NO_AFTER;
		return 0;
	}
	crossing(hourly, from, t0, f, n, 0.5, &out->t50, &out->censored50);
	crossing(hourly, from, t0, f, n, 0.9, &out->t90, &out->censored90);
	draw_curve(out, hourly, t0, from, f, n);
	return 0;
}
