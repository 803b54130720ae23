/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entries of a bundle, parsed and hashed by all processors and given out in their order. A few are
 * ahead at any time, so memory does not grow with the log. Files are read by the caller alone.
 */
#ifndef EM_CREW_H
#define EM_CREW_H

#include "ledger/openings.h"

struct em_crew;

/**
 * struct em_read - an entry, parsed; the crew's own
 * @entry: NULL: it is none, for the reason @why
 * @items: what its opening shows, or NULL; @trouble: what is wrong with that
 * @leaf: its hash in the tree
 */
struct em_read {
	json_t *entry, *items;
	const char *why, *trouble;
	struct em_hash leaf;
};

/* Return: NULL: no memory. Works alone where it may have no threads. */
struct em_crew *em_crew_new(void);
void em_crew_free(struct em_crew *crew);
/* Begins a bundle, from its entry @from on; both stay the caller's, until all of it was given out.
 */
void em_crew_start(struct em_crew *crew, const struct em_bundle *b, const struct em_openings *o,
		   uint64_t first, unsigned int from);
/* The next entry, until the call after. After the last: NULL. */
const struct em_read *em_crew_next(struct em_crew *crew);

#endif
