/* SPDX-License-Identifier: GPL-2.0 */
/*
 * P14: is alignment constrained by compute at all? (the essay's rebuttal; measures). How much of
 * the time it has asked for GPUs in vain, and whether it uses what it was granted.
 */
#ifndef EM_CONSTRAINT_H
#define EM_CONSTRAINT_H

#include "probe/requests.h"

/* Of the essay: "about 100 researchers on capabilities and 30 on alignment". */
#define EM_RESEARCHERS_ALIGNMENT 30
#define EM_RESEARCHERS_CAPABILITIES 100

/**
 * struct em_constraint - over a window
 * @pending: time in which at least one alignment request was open; @window: its length
 * @granted: GPU time that grants came to until the window's end; whoever gives back early is seen
 *	as not using it
 * @first_grant: 0 = none
 */
struct em_constraint {
	int64_t pending, window, first_grant;
	em_ns granted;
	size_t requests;
};

/* Of alignment's waits, in time's order. */
void em_constraint_make(struct em_constraint *c, const struct em_wait *w, size_t n,
			struct em_range window);

int em_probe_constraint(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);

#endif
