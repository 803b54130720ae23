/* SPDX-License-Identifier: GPL-2.0 */
/* One run of a replay into a ledger: what is there already, and what comes to it. */
#ifndef EM_REPLAY_RUN_H
#define EM_REPLAY_RUN_H

#include "replay/gather.h"

/**
 * struct em_pool_name - a pool of GPUs as the ledger knew it before the run
 *
 * A ledger sums up a GPU's time in 64 bits, which a pool of thousands fills within years.
 * Before it does, the pool is retired and goes on under the next name: "pool", "pool-2", ….
 *
 * @generation: from 1; @wall: recorded under that name, ns
 */
struct em_pool_name {
	unsigned int generation;
	uint64_t wall;
};

/**
 * struct em_run - where a run writes
 * @boot_id: a hash of the inputs; @load_id: random
 * @pools: by index of the gather
 * @last: intervals that an interrupted run of the same inputs had stored, @hash: of the last
 */
struct em_run {
	struct em_ledger *l;
	struct em_gather *g;
	uint8_t boot_id[16], load_id[16];
	struct em_pool_name *pools;
	uint64_t last;
	uint8_t hash[EARMARK_HASH_LEN];
};

/* May this ledger be written to at all? Before anything is read. Return: 0 or -errno. */
int em_run_check(struct em_run *run);

/* After all was read: a new run, or one to go on with; refuses what is there already. */
int em_run_begin(struct em_run *run);

/* All of it is in the ledger. */
int em_run_end(struct em_run *run);
void em_run_clear(struct em_run *run);

/* The pool's name in that generation. */
const char *em_pool_name(char out[EARMARK_NAME_LEN], const char *base, unsigned int generation);

/* Sweeps the records in order of time and appends every interval. */
int em_sweep(struct em_run *run, struct em_sort *records);

/* A failure of the ledger as that of the replay. Return: @ret. */
int em_run_failed(struct em_run *run, int ret);

#endif
