/* SPDX-License-Identifier: GPL-2.0 */
/*
 * P1: how far alignment's share of used gpu-time could be from what the tags say, and which jobs
 * and GPUs make it so (measures, "Bounds and verdicts"). A census: exact, no sampling error.
 */
#ifndef EM_BOUNDS_H
#define EM_BOUNDS_H

#include "probe/finding.h"

#define EM_BOUND_ROWS 10

/* struct em_doubt - a contribution to the width: an untagged job, or a GPU nobody saw */
struct em_doubt {
	char what[24];
	char name[160];
	em_ns time;
};

struct em_doubts {
	struct em_doubt *list;
	size_t n, room;
};

/* Adds @time to the doubt of that name. 0 or -ENOMEM. */
int em_doubts_add(struct em_doubts *d, const char *what, const char *name, em_ns time);
void em_doubts_sort(struct em_doubts *d); /* joins equal ones, largest first */

int em_probe_bounds(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);

#endif
