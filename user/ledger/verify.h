/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An auditor's look at a log: signatures, tree, and all that its entries say. Trusts nothing but
 * the keys it is given; memory does not grow with the log.
 */
#ifndef EM_VERIFY_H
#define EM_VERIFY_H

#include "ledger/check.h"
#include "ledger/tile.h"

#define EM_PROBLEMS_MAX 20 /* told in words; the others are counted */
#define EM_WITNESSES_MAX 16

/**
 * struct em_verify_order - what to verify with
 * @key: the log's; NULL: what is signed cannot be proven to be the log's, only to fit together
 * @witnesses: whose cosignature is needed under "cosigned", @n_witnesses of them
 * @from: a checkpoint kept earlier, of which this log must be a continuation; NULL = none
 * @progress: called now and then; other than 0 ends it with -EINTR
 */
struct em_verify_order {
	const struct em_key *key;
	const struct em_key *witnesses;
	unsigned int n_witnesses;
	const char *from;
	int (*progress)(void *arg, uint64_t done, uint64_t size);
	void *arg;
};

/* struct em_problem - @entry: its number, -1: not of an entry; @where: a file, or "" */
struct em_problem {
	int64_t entry;
	char where[160], what[320];
};

/**
 * struct em_verified - what was found
 * @problems: the first of them; @n_problems counts all
 * @signed_: by @key; @cosigned: by how many witnesses; @witnessed: the largest size they signed
 * @continued: it continues @from, whose size was @from_size
 * @old: what the log says of one that was left before it; a new reference, NULL = none
 */
struct em_verified {
	struct em_checkpoint checkpoint;
	struct em_check_counts counts;
	struct em_problem problems[EM_PROBLEMS_MAX];
	unsigned int n_problems, cosigned, turns;
	bool signed_, continued;
	uint64_t witnessed, from_size;
	json_t *old;
};

/* Return: 0 when it could be done, whatever was found; -errno with a sentence in @err. */
int em_verify(struct em_place *p, const struct em_verify_order *order, struct em_verified *v,
	      char *err, size_t len);
void em_verified_clear(struct em_verified *v);

#endif
