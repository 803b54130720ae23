/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is asked of probes, and the table of them. A probe answers from a ledger alone; what it
 * computes stands in a file of its own as pure functions over parts, series and arrays.
 */
#ifndef EM_ASK_H
#define EM_ASK_H

#include "probe/finding.h"

/**
 * struct em_ask - the question
 * @window: what is asked about, clipped to what the ledger holds; empty: it holds nothing there
 * @before, @after: two windows; the halves of @window where nobody said
 * @until: as asked, not clipped
 * @recorders: of the window, bit mask of 1 << enum earmark_recorder
 * @seed: of everything drawn by chance
 * @size: of a capabilities run that needs an approval, in GPU ns; 0 = not declared
 * @researchers: on alignment and on capabilities
 * @researchers_given: said, not the essay's
 * @count, @hold, @from, @to: of a drill: orders, how long each holds, shares
 * @baseline: of drift; empty = the first 90 days
 * @at: a dated change to be estimated; 0 = none
 * @freeze: write the baseline of drift into the ledger, for @reason, as @author said
 * @kept: what probes before this one asked of the same ledger; NULL = nothing is kept
 */
struct em_ask {
	struct em_range window, before, after, baseline;
	int64_t until, hold, at;
	uint64_t seed;
	em_ns size;
	unsigned int researchers[2], count, recorders;
	bool researchers_given, freeze;
	struct em_share from, to;
	const char *author, *reason;
	struct em_kept *kept;
};

/* Ended by a NULL name. */
extern const struct em_probe em_probes[];
extern const struct em_probe em_drill_plan_probe; /* of no ledger, hence not in the table */

const struct em_probe *em_probe_find(const char *name);

/*
 * em_ask_clip() - @ask's windows as the ledger can answer them
 *
 * @window is cut to the first and last interval inside it; without @before and @after (both empty)
 * they become its halves; given ones are cut to the ledger's first and last interval. Return: 0 or
 * -errno of the ledger.
 */
int em_ask_clip(struct em_ask *a, struct em_ledger *l);

/*
 * em_probe_ask() - asks one probe
 *
 * Return: 0 with *f filled, to be cleared by the caller, also where there is no answer; -errno
 * of the ledger.
 */
int em_probe_ask(const struct em_probe *p, struct em_ledger *l, const struct em_ask *a,
		 struct em_finding *f);

#endif
