/* SPDX-License-Identifier: GPL-2.0 */
/*
 * P5: how long an order to move a share takes to be carried out (measures, "Latency"):
 * F(h) = (s(t0+h) - s0) / (s1 - s0) over hourly buckets, s0 the mean of the 7 days before.
 */
#ifndef EM_LATENCY_H
#define EM_LATENCY_H

#include "probe/finding.h"

#define EM_LATENCY_CURVE 7

enum em_latency_refusal {
	EM_LATENCY_ANSWERED,
	EM_LATENCY_NO_BEFORE, /* fewer than 24 h of work before the order */
	EM_LATENCY_NO_AFTER,  /* … after it */
	EM_LATENCY_SMALL,     /* |s1 - s0| < 2 sd of s: lost in the noise */
};

/* struct em_moment - @after ns after the order: F, and both parts as multiples of before */
struct em_moment {
	int64_t after;
	double f, a, c; /* NaN: not known, or nothing before */
};

/**
 * struct em_latency - what became of an order
 * @s0, @sd: of the hourly share in the 7 days before; @s1: ordered
 * @t50, @t90: ns from the order until so much of the way was made and sustained; where it was not,
 *	the time watched, and @censored50, @censored90
 */
struct em_latency {
	enum em_latency_refusal refusal;
	double s0, s1, sd;
	int64_t t50, t90;
	bool censored50, censored90;
	struct em_moment curve[EM_LATENCY_CURVE];
};

/*
 * em_latency_make() - of the share of @part
 *
 * Sustained: the bucket is there, and the mean over the 24 h from it on is too. That a mean over
 * all 24 h must be known bounds what can be reached by the end of the data. Return: 0 or -ENOMEM.
 */
int em_latency_make(struct em_latency *out, const struct em_series *hourly, enum em_part_id part,
		    double s1, int64_t t0);

int em_probe_latency(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);

#endif
