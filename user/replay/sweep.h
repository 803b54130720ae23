/* SPDX-License-Identifier: GPL-2.0 */
/* The sweep's state, between what moves it through time and what writes it down. */
#ifndef EM_REPLAY_SWEEP_H
#define EM_REPLAY_SWEEP_H

#include "kernel/interval.h"
#include "replay/jobs.h"
#include "replay/run.h"

/**
 * struct em_pool - a pool of GPUs in the open interval; sums in 1e-12 GPU × ns
 * @used, @capacity: at this instant, 1e-12 GPUs; @blind: reasons to know nothing of its rest
 * @wall, @unobserved: not given out yet; what is left of a nanosecond stays for the next
 * @over: more was used than there is; @used_time: ns given out to jobs
 * @id: as a GPU, 0 = not named yet; @recorded: under this name, ns
 */
struct em_pool {
	em_ns used;
	uint64_t capacity;
	unsigned int blind;
	__int128 wall;
	em_ns unobserved;
	bool over;
	uint64_t used_time;
	uint32_t id;
	unsigned int generation;
	uint64_t recorded;
};

/* struct em_told - a note on its way; owns @json */
struct em_told {
	int64_t wall;
	const char *kind;
	char *json;
};

/* struct em_ending - a record under way; @job: NULL = a blind stretch */
struct em_ending {
	int64_t end;
	uint64_t gpus;
	struct em_active *job;
	uint16_t pool;
};

/**
 * struct em_sweep - the open interval, from @start to @now
 * @boundary: where it is to be sealed; @end: of the history
 * @used: by all pools; @over_time: 1e-12 GPU × ns
 * @endings: a heap, the next one first
 * @rests: by rule, of jobs that are gone: less than a ns each, given out once it is one
 * @next_id: of a pool's name
 */
struct em_sweep {
	struct em_run *run;
	int64_t start, now, boundary, end;
	em_ns used, over_time;
	struct em_pool *pools;
	struct em_jobs jobs;
	em_ns *rests;
	struct em_ending *endings;
	size_t nr_endings, endings_size;
	struct em_interval interval;
	size_t segments_size, events_size;
	struct em_told *notes;
	size_t nr_notes, notes_size;
	uint32_t next_id;
};

/* Seals the open interval at @s->now and appends it. Return: 0 or -errno. */
int em_sweep_seal(struct em_sweep *s);

/* The names of a record's job and of its tag, and its request. */
int em_sweep_tell(struct em_sweep *s, const struct em_record *r);
int em_sweep_orders(struct em_sweep *s);

/* Room for one more in an array that doubles. NULL: out of memory. */
void *em_sweep_room(void **array, size_t n, size_t *size, size_t width);

void em_sweep_clear_notes(struct em_sweep *s);

#endif
