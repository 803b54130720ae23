/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Intervals on their way into one entry. Each keeps its header; their rows are summed by what
 * they are of, and as a retag makes another tag, no tag's boundary is lost.
 */
#ifndef EM_FOLD_H
#define EM_FOLD_H

#include <stdbool.h>
#include "ledger/ledger.h"

/**
 * struct em_fold_item - an interval that waits
 * @why: what is wrong with it, NULL = nothing
 * @allocated: @nr_allocated of them
 * @lost: events lost since the interval before it; @hiding: some of them can hide work
 */
struct em_fold_item {
	struct em_interval i;
	const char *why;
	__u64 lost[EARMARK_LOST_COUNT];
	bool hiding;
	const struct em_allocated *allocated;
	unsigned int nr_allocated;
};

struct em_fold {
	struct em_fold_item *list;
	unsigned int n;
};

/**
 * struct em_row - a row of all intervals together
 * @s: as a segment; sums, the earliest starts, and of an engine the last cumulative figures
 * @order: while they are sorted: of the interval that it is from
 * @extra: GPU: Σ over intervals of min(unattributed, idle), what a report moves from idle to
 *	used. ENGINE: Σ of wall - busy over intervals with loss or blindness (x_b of measures).
 *	USAGE: Σ of what was allocated
 */
struct em_row {
	struct earmark_segment s;
	__u64 extra;
	unsigned int order;
};

/* Does @i follow directly, inside the same @span ns of wall time? @f is not empty. */
bool em_fold_joins(const struct em_fold *f, const struct em_interval *i, int64_t span);
/* Has it come to the end of its span? */
bool em_fold_whole(const struct em_fold *f, int64_t span);
/* Takes a copy of item->i and item->allocated. 0 or -ENOMEM. */
int em_fold_add(struct em_fold *f, const struct em_fold_item *item);
void em_fold_clear(struct em_fold *f);

/* The rows, by GPU, kind, job and id; the caller frees. NULL: no memory. */
struct em_row *em_fold_rows(const struct em_fold *f, unsigned int *n);

#endif
