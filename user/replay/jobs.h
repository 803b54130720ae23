/* SPDX-License-Identifier: GPL-2.0 */
/* The jobs that have GPUs at an instant of the sweep, or had some in the open interval. */
#ifndef EM_REPLAY_JOBS_H
#define EM_REPLAY_JOBS_H

#include "replay/sort.h"
#include "report/report.h"

/**
 * struct em_active - a job
 * @rows: of it under way; @rate: the GPUs that they have together, 1e-12
 * @since: @held is known up to there
 * @held: not given out yet, 1e-12 GPU × ns
 */
struct em_active {
	struct em_active *next;
	uint64_t job;
	uint32_t rule;
	uint16_t pool;
	unsigned int rows;
	em_ns rate, held;
	int64_t since;
};

/* struct em_jobs - by number */
struct em_jobs {
	struct em_active **buckets;
	size_t size, n;
};

/* The job of a record, which is made if need be; NULL: out of memory. */
struct em_active *em_jobs_of(struct em_jobs *jobs, const struct em_record *r, int64_t now);

/* Calls @each with every job; one that it says true of is forgotten. */
void em_jobs_each(struct em_jobs *jobs, bool (*each)(struct em_active *job, void *arg), void *arg);
void em_jobs_clear(struct em_jobs *jobs);

#endif
