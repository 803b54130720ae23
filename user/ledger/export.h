/* SPDX-License-Identifier: GPL-2.0 */
/* A copy of a log for somebody else: the tree whole, of the openings as much as they may see. */
#ifndef EM_EXPORT_H
#define EM_EXPORT_H

#include "ledger/tile.h"

enum em_privacy {
	EM_PRIVACY_FULL,   /* everything */
	EM_PRIVACY_HASHED, /* rows by job and tag number; names, paths and people as hashes */
	EM_PRIVACY_TOTALS, /* totals by GPU, purpose and tagged-by alone */
};

/* Return: the grade, or -EINVAL. */
int em_privacy_parse(const char *name);

/*
 * em_export() - copies what the checkpoint covers into @to, which is made and must be empty
 * @progress: as of em_verify_order
 *
 * A copy of a copy shows no more than the copy did. 0, or -errno with a sentence.
 */
int em_export(struct em_place *from, const char *to, enum em_privacy privacy,
	      int (*progress)(void *arg, uint64_t done, uint64_t size), void *arg, char *err,
	      size_t len);

#endif
