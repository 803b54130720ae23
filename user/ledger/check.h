/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What entries say, checked against each other in the order of the log: chains of intervals, each
 * interval once, sums, an inventory that does not shrink, tags that were set before they count,
 * openings that open what stands in the log. Knows nothing of trees and signatures.
 */
#ifndef EM_CHECK_H
#define EM_CHECK_H

#include <jansson.h>
#include "ledger/signature.h"

struct em_check;

/**
 * struct em_check_counts - what was seen
 * @rows_hidden: entries whose rows are not shown: their totals could not be summed up from them
 * @missing: kernel intervals that are not in the log, and which the log says are not
 */
struct em_check_counts {
	uint64_t entries, usage, intervals, gpus, notes, openings, rows_hidden, missing, broken;
	int64_t start, end; /* wall time, ns; 0 = no usage */
};

struct em_check *em_check_new(void);
void em_check_free(struct em_check *c);

/*
 * The next entry; @items as of em_openings_items(), @trouble its complaint. Return: NULL, or what
 * is wrong, in a sentence's part that lives until the next call.
 */
const char *em_check_entry(struct em_check *c, uint64_t index, const json_t *entry,
			   const json_t *items, const char *trouble);
/* After the last: is something begun and not ended? */
const char *em_check_end(struct em_check *c);
const struct em_check_counts *em_check_counts(const struct em_check *c);
/* The keys of an entry that turns one; 0, or -EBADMSG: not both have signed it. */
int em_check_turn(const json_t *entry, struct em_key *old, struct em_key *next);

#endif
