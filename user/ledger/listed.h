/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside the ledger only: GPUs that an inventory lists, where many ledgers are asked as one. Notes
 * of the kind "inventory" say which nodes and GPUs there are: {"nodes":[{"origin", "key", "gpus":
 * [{"name", "model", "since", "until"?}]}]}. Who is listed stays listed: a later inventory that
 * leaves a GPU out does not take it away, and what shortens its time holds from when it was said.
 */
#ifndef EM_LISTED_H
#define EM_LISTED_H

#include "ledger/ledger.h"

/**
 * struct em_listed - a GPU of an inventory
 * @node: the last part of its node's origin; @until: 0 = it is there still
 * @member: whose ledger is the node's, -1 = it is missing
 * @met: in the answer under way
 */
struct em_listed {
	char *origin, *gpu, *model;
	const char *node;
	int64_t since, until;
	int member;
	bool met;
};

/* Into l->listed, from the notes of all members. 0 or -errno. */
int em_listed_read(struct em_ledger *l);
void em_listed_clear(struct em_ledger *l);
/* What the inventory knows of a GPU's time before the member's ledger did: @gap, and @since. */
void em_listed_meet(struct em_ledger *l, int member, int64_t since, int64_t until,
		    struct em_gpu_usage *gpu);
/* Every listed GPU that no ledger has spoken of in the window, as unobserved time. */
int em_listed_rest(struct em_ledger *l, int64_t since, int64_t until,
		   int (*each)(const struct em_gpu_usage *, void *), void *arg);

#endif
