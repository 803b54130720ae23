/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One entry, with all that shows it to be in a log: a JSON file that needs nothing beside it but
 * the log's key.
 *	{"schema": "earmark-proof-1", "index": N, "entry": TEXT, "opening": {…}|absent,
 *	 "proof": [BASE64, …], "checkpoint": NOTE}
 * The proof is RFC 6962's audit path; the checkpoint is the last one, with its cosignatures.
 */
#ifndef EM_PROOF_H
#define EM_PROOF_H

#include <jansson.h>
#include "ledger/tile.h"
#include "ledger/signature.h"

/* A new reference, or NULL with a sentence in @err. @open: with the entry's private items. */
json_t *em_proof_make(struct em_place *p, uint64_t index, bool open, char *err, size_t len);

/* struct em_proven - what a proof proves; @entry and @items are new references, items may be NULL
 */
struct em_proven {
	uint64_t index;
	struct em_checkpoint checkpoint;
	json_t *entry, *items;
	unsigned int cosigned;
};

/* Return: 0; -EBADMSG: it proves nothing, and why in @err; -EINVAL: it is no proof. */
int em_proof_check(const json_t *proof, const struct em_key *key, const struct em_key *witnesses,
		   unsigned int n_witnesses, struct em_proven *ret, char *err, size_t len);
void em_proven_clear(struct em_proven *p);

#endif
