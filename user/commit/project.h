/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a promise is heading, and what would settle it. Nothing here decides a verdict: what
 * lies ahead is a forecast and called one.
 */
#ifndef EM_PROJECT_H
#define EM_PROJECT_H

#include "commit/commitment.h"

/**
 * struct em_projection - of a floor
 * @open: a calendar or cumulative window that is not over: @rest, @needed, @pace, @last_safe
 * @rest: all inventory time left in it, GPU-ns
 * @needed: (ρN̂ − a) / rest: the share of the rest that must be of the purpose; den 0: no rest.
 *	num 0: what is needed is there; num > den: it cannot be reached
 * @pace: the purpose's proven share of inventory time so far
 * @last_safe: until then the present pace may go on, and the rest can still make it up with at
 *	most catch_up of all time (default: all); 0 = that is past
 * @rolling: a rolling window: the following
 * @ages_a, @ages_n: proven time and denominator that leave the window within @horizon, exactly
 * @eta: forecast: ns from now until the proven share falls below the floor at the pace of the
 *	last quarter; -1 = not within one window
 * @eta_early, @eta_late: the 5th and 95th of 100 replicates of a circular block bootstrap (blocks
 *	of a quarter of the window); -1 likewise
 */
struct em_projection {
	bool open, rolling;
	em_ns rest;
	struct em_share needed, pace;
	int64_t last_safe;
	em_ns ages_a, ages_n;
	int64_t horizon, eta, eta_early, eta_late;
};

/* Of the window at @now; all zero for what is no floor. 0 or -errno. */
int em_project(const struct em_commitment *c, struct em_ledger *l, int64_t now,
	       struct em_projection *p);
json_t *em_projection_json(const struct em_projection *p); /* a new reference; null for nothing */

/*
 * What would settle an UNPROVEN: {jobs: the five largest untagged, weak: the five largest whose
 * tag is too weak, gaps: the five GPUs with the longest unobserved time, and why}. New reference.
 */
int em_settle_json(const struct em_commitment *c, struct em_ledger *l, const struct em_verdict *v,
		   json_t **ret);

/*
 * The same promise by clock, mixed in or out, raw or weighted, over 7, 28 and 90 days, so that no
 * kind choice hides: array of {days, clock, mixed, weights, status, reason, proven, possible}.
 * Of floors and ceilings of a share; an empty array of others. New reference.
 */
int em_commitment_table(const struct em_commitment *c, struct em_ledger *l, int64_t now,
			json_t **ret);

#endif
