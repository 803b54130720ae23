/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which GPUs a scheduler has given to which jobs, and how much of that lies in an interval. What is
 * known here is a function of the ledger's notes "allocation" and of the recorder's events alone,
 * so that an interval that is taken again says the same again. Instants: CLOCK_MONOTONIC, ns.
 */
#ifndef EM_DAEMON_ALLOCATION_H
#define EM_DAEMON_ALLOCATION_H

#include <jansson.h>
#include "ledger/ledger.h"

#define EM_ALLOCATION_DEPTH 32   /* of a job's cgroup below the root */
#define EM_ALLOCATION_GPUS 64    /* that are given in one go */
#define EM_ALLOCATIONS_MAX 65536 /* that are open at the same time */

/**
 * struct em_given - one GPU in one job's hands
 * @chain: the job's cgroup and those above it, nearest first: whose tags are in force on it
 * @to: 0 = it still has it
 * @untold: it gave back with the end of its cgroup, and no note says so yet
 */
struct em_given {
	uint64_t job, from, to;
	uint64_t chain[EM_ALLOCATION_DEPTH];
	unsigned int n_chain;
	bool untold;
	char gpu[EARMARK_NAME_LEN], ref[EARMARK_REF_LEN];
	char *path;
};

/* struct em_own_tag - on a cgroup from @when on; @over: nobody can ask for it any more */
struct em_own_tag {
	uint64_t job, when;
	__u32 tag;
	unsigned int purpose, tagged_by;
	bool over;
};

/**
 * struct em_allocations - all that is open, and what was lately
 * @gpus: what the recorder calls them
 */
struct em_allocations {
	struct em_given *list;
	struct em_own_tag *tags;
	struct earmark_gpu_info *gpus;
	unsigned int n, n_tags, n_gpus;
};

void em_allocation_clear(struct em_allocations *a);

/**
 * em_allocation_give() - @job has each of @gpus from @from on
 *
 * What it has already it keeps; what it was given before and gave back later than @from, it has
 * from then on. @given.gpu, .from, .to are not looked at. Return: how many are new, or -errno.
 */
int em_allocation_give(struct em_allocations *a, const struct em_given *given,
		       const char *const *gpus, unsigned int n, uint64_t from);

/* Takes @gpu (NULL: all) back from @job. Return: how many. */
unsigned int em_allocation_take(struct em_allocations *a, uint64_t job, const char *gpu,
				uint64_t to);

/*
 * A tag that stands on a cgroup of its own; purpose untagged: it has none from then on. Only those
 * of cgroups that are given something, or are above one, are kept. 0 or -errno.
 */
int em_allocation_tag(struct em_allocations *a, const struct em_own_tag *tag);
/* The same of a tag that the recorder says stands there: if nothing is known of it yet. */
int em_allocation_stands(struct em_allocations *a, const struct em_own_tag *tag);
void em_allocation_forget_tags(struct em_allocations *a); /* another load: other ids */

/**
 * em_allocation_of() - what of an interval was allocated
 * @i: its events are taken in first: tags, and ends of jobs, which give back. A GPU that it does
 *	not speak of is not counted
 * @rows: a row for each job, GPU and tag; the caller frees
 *
 * Return: how many rows, or -errno.
 */
int em_allocation_of(struct em_allocations *a, const struct em_interval *i,
		     struct em_allocated **rows);

int em_allocation_add_gpu(struct em_allocations *a, const struct earmark_gpu_info *gpu);
void em_allocation_forget_gpus(struct em_allocations *a);
/* "pci/0000:41:00.0", or the device number "226:128" of one of them. NULL: there is no such. */
const char *em_allocation_gpu(const struct em_allocations *a, const char *name);

/* A note "allocation"; @when: of it. */
json_t *em_allocation_note(const char *boot_id, const struct em_given *given, const char *action,
			   const char *const *gpus, unsigned int n, uint64_t when);
/* What a note of @boot_id says, taken in; notes of other boots say nothing any more. 0 or -errno.
 */
int em_allocation_read(struct em_allocations *a, const char *boot_id, const json_t *note);

#endif
