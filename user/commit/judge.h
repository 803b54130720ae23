/* SPDX-License-Identifier: GPL-2.0 */
/* Between the parts of a verdict: shares, growth, reallocation, gates. */
#ifndef EM_JUDGE_H
#define EM_JUDGE_H

#include "commit/bounds.h"

/* Is it kept by a large share (a floor), or by a small one? */
bool em_commitment_claims(const struct em_commitment *c);

/* The verdict on a measure, as of a window that is over; pure. */
void em_judge_measure(const struct em_commitment *c, const struct em_measure *m,
		      struct em_verdict *v);
/*
 * … of a window that ends at @due, which is not yet: INFEASIBLE if it cannot be kept even with
 * all the inventory's remaining time for it, else NOT_DUE; pure.
 */
void em_judge_open(const struct em_commitment *c, const struct em_measure *m, int64_t due,
		   struct em_verdict *v);

/* Capabilities no faster than alignment: two measures of equal windows, the earlier first. */
void em_judge_growth(const struct em_commitment *c, const struct em_measure *before,
		     const struct em_measure *after, struct em_verdict *v);

/*
 * (C1/C0) / (A1/A0), at least and at most, whatever the unknown time was: kept for certain up to 1.
 * NaN: there is no such bound. For charts; integers decide.
 */
void em_growth_ratio(const struct em_commitment *c, const struct em_measure *before,
		     const struct em_measure *after, double *low, double *high);

/* What a reallocation must reach, as a floor on its share, or, where it moves down, a ceiling. */
struct em_commitment em_reallocate_bound(const struct em_commitment *c);

/* struct em_gate_size - a job in a window: GPU-ns surely and possibly of the gate's purpose */
struct em_gate_size {
	const char *job;
	em_ns sure, maybe;
	size_t gpus; /* all that it was ever on */
};

/* Each job that a gate looks at, approved or not. 0, -errno, or what @each ended it with. */
int em_gate_sizes(const struct em_commitment *c, struct em_ledger *l, int64_t since, int64_t until,
		  int (*each)(const struct em_gate_size *, void *), void *arg);

int em_growth_check(const struct em_commitment *c, struct em_ledger *l, int64_t now,
		    struct em_verdict *v);
int em_reallocate_check(const struct em_commitment *c, struct em_ledger *l, int64_t now,
			struct em_verdict *v);
int em_gate_check(const struct em_commitment *c, struct em_ledger *l, int64_t now,
		  struct em_verdict *v);

/*
 * What demotes MET whatever the kind: "broken", "missing nodes", "coverage", "too little used"; or
 * "" for nothing.
 */
const char *em_judge_demotion(const struct em_commitment *c, const struct em_measure *m);

/*
 * em_event_find() - when the event of this name happened, as the record said first
 * @known: only what was in the record by then counts
 *
 * Return: 0, -ENOENT, or what the ledger said.
 */
int em_event_find(struct em_ledger *l, const char *name, int64_t known, int64_t *at);

#endif
