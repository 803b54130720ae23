/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The accounting core: who holds which GPU, since when, under which tag, and how much work
 * the hardware did for it. Pure arithmetic over time stamps given by the caller.
 *
 * Four files, account.c (GPUs, jobs, busy), use.c (open files), tell.c (work that is told) and
 * seal.c (intervals), are compiled unchanged into earmark.ko, earmarkd (where no module can be
 *loaded) and the unit tests. It never allocates and reads no clock.
 *
 * Locking. "The account lock" is the caller's: one raw spinlock with interrupts off in the
 * module, nothing in user space. Every function needs it unless it says otherwise. Instants
 * passed in must be read under that lock; one that lies before the last is clamped to it.
 * Busy time takes no account lock: it goes into two banks by interval parity, and a sealed
 * interval's bank is gathered after every reader of the old parity has left (RCU).
 *
 * Lifetime. gpu, job and engine are embedded in the caller's objects; the caller keeps them
 * until earmark_job_idle() says so. Holders live as long as their job. Cells and uses are
 * handed in ready allocated, owned by the core from then on, and freed through RCU.
 *
 * Conservation, for every GPU and interval, to the nanosecond:
 *	Σ cell.gpu_time + idle + unobserved = end - start
 * each term accumulated from its own state; earmark_account_gather() compares.
 */
#ifndef EARMARK_ACCOUNT_H
#define EARMARK_ACCOUNT_H

#include "shim.h"
#include "../include/uapi/earmark.h"

#define EARMARK_FILE_BITS 10
#define EARMARK_CELLS_MAX 8 /* tags of a holder that late completions can still be split by */

/**
 * struct earmark_bank - busy time that any CPU may add to
 * @ns: total
 * @start: earliest start of what is in @ns; 0 = nothing
 */
struct earmark_bank {
	atomic64_t ns;
	atomic64_t start;
};

/**
 * struct earmark_account - one set of books
 * @gpus: every struct earmark_gpu_account of the inventory
 * @files: struct earmark_use by file
 * @parity: which half of every [2] belongs to the open interval
 * @start: of the open interval
 * @now: last instant seen
 * @nr_cells, @nr_gpus, @nr_engines: live, for sizing an interval
 * @next_use: id of the next use
 */
struct earmark_account {
	struct list_head gpus;
	struct list_head files[1 << EARMARK_FILE_BITS];
	u32 parity;
	u64 start;
	u64 now;
	u32 nr_cells, nr_gpus, nr_engines;
	u64 next_use;
};

/**
 * struct earmark_gpu_account - one GPU's books
 * @holding: holders that hold it now; the first gets the next division's remainder
 * @holders: every holder that was ever used on it
 * @engines: its engines
 * @blind: EARMARK_BLIND_*; 0 = its time is observed
 * @unknown: uses found at start of which nothing is known yet
 * @meter: enum earmark_meter; set by the caller
 * @retired: leaves the inventory at the next gather
 * @turnover: how often the files in use, or the jobs without one, have changed
 * @last: books are complete up to here
 * @from: in this interval accounted from
 * @blinded: every bit of @blind seen in the interval
 */
struct earmark_gpu_account {
	struct list_head node;
	struct list_head holding;
	struct list_head holders;
	struct list_head engines;
	u32 id;
	u32 nr_holding;
	u32 blind;
	u32 unknown;
	u32 meter;
	bool retired;
	u32 turnover;
	u64 last;
	u64 from[2];
	u64 idle[2];
	u64 unobserved[2];
	u32 blinded[2];
	struct earmark_bank unattributed[2];
};

/**
 * struct earmark_engine - one hardware queue (a drm_gpu_scheduler)
 * @first: observed from; no work is charged before it
 * @last_done: end of the last work: the next cannot have started on the hardware earlier
 * @total: busy since @first
 *
 * last_done and total are written by earmark_engine_span() under the caller's engine lock.
 */
struct earmark_engine {
	struct list_head node; /* in gpu->engines */
	u32 id;
	u64 first;
	u64 last_done;
	u64 total;
	u64 sealed_total; /* total at the last flip, for the interval's row */
	struct earmark_bank busy[2];
	atomic64_t done[2];
};

/**
 * struct earmark_job_account - one job's books
 * @holders: its struct earmark_holder, one a GPU; added under the account lock, read by RCU
 * @tag: effective tag id in force; @since: from when
 */
struct earmark_job_account {
	struct list_head holders;
	u64 id; /* cgroup id */
	u32 tag;
	u64 since;
};

/**
 * struct earmark_cell - what a job used of a GPU under one tag
 * @since: its tag is in force from; 0 in a holder's first cell
 * @error: bound on how far busy is off, of work that was told
 * @class: enum earmark_class of the worst of it
 */
struct earmark_cell {
	struct list_head node; /* in holder->cells, newest first */
	struct rcu_head rcu;
	u32 tag;
	u64 since;
	u64 gpu_time[2];
	u64 held[2];
	u64 error[2];
	u32 class[2];
	struct earmark_bank busy[2];
};

/**
 * struct earmark_holder - a job on a GPU
 * @uses: files it used there and that are still open
 * @submitted: it submitted work since @uses was last 0
 * @fileless: it submitted without a known file: holds until its cgroup is empty
 * @since: what is known of @submitted, or that it is not known, is so from then on
 *
 * It holds the GPU, and is in gpu->holding, iff submitted && (uses || fileless).
 */
struct earmark_holder {
	struct list_head of_job;
	struct list_head of_gpu;
	struct list_head holding;
	struct rcu_head rcu;
	struct earmark_job_account *job;
	struct earmark_gpu_account *gpu;
	struct list_head cells;
	u32 nr_cells;
	u32 uses;
	bool submitted;
	bool fileless;
	u64 since;
};

/**
 * struct earmark_use - a job uses a file
 * @id: names it to user space
 * @seen: seed generation that last saw it
 * @unknown: found in use at start; counted in gpu->unknown
 */
struct earmark_use {
	struct list_head node; /* in account->files */
	struct rcu_head rcu;
	struct earmark_holder *holder;
	u64 file;
	u64 id;
	u32 seen;
	bool unknown;
};

void earmark_account_init(struct earmark_account *a, u64 now);

/* GPUs */
void earmark_gpu_init(struct earmark_account *a, struct earmark_gpu_account *gpu, u32 id, u32 blind,
		      u64 now);
void earmark_gpu_blind(struct earmark_account *a, struct earmark_gpu_account *gpu, u32 set,
		       u32 clear, u64 now);
void earmark_gpu_disavow(struct earmark_account *a, struct earmark_gpu_account *gpu, u32 why,
			 u64 now);
void earmark_gpu_retire(struct earmark_account *a, struct earmark_gpu_account *gpu, u64 now);
void earmark_gpu_remove(struct earmark_account *a, struct earmark_gpu_account *gpu);

/* Engines and busy: no account lock */
void earmark_engine_init(struct earmark_account *a, struct earmark_engine *e,
			 struct earmark_gpu_account *gpu, u32 id, u64 now);
void earmark_engine_remove(struct earmark_account *a, struct earmark_engine *e);
bool earmark_engine_span(struct earmark_engine *e, u64 *start, u64 *end);
void earmark_engine_done(struct earmark_account *a, struct earmark_engine *e);
void earmark_engine_charge(struct earmark_account *a, struct earmark_engine *e, u64 start, u64 end);
u64 earmark_holder_charge(struct earmark_account *a, struct earmark_holder *h, u64 start, u64 end);
void earmark_gpu_unattributed(struct earmark_account *a, struct earmark_gpu_account *gpu, u64 start,
			      u64 end);
void earmark_bank_add(struct earmark_bank *bank, u64 start, u64 ns);

/**
 * struct earmark_work - a job was seen to work on a GPU, or not to; see WORK_ADD
 * @start, @end: when it was looked at
 * @busy: for how long it worked in between; @error: give or take
 * @class: enum earmark_class
 */
struct earmark_work {
	u64 start;
	u64 end;
	u64 busy;
	u64 error;
	u32 class;
	bool works;
};

/* Work that is told: under the account lock */
const char *earmark_work_check(const struct earmark_work *work, u64 now);
u64 earmark_holder_tell(struct earmark_account *a, struct earmark_holder *h,
			const struct earmark_work *work, u64 now);

/* Jobs, holders and tags */
void earmark_job_init(struct earmark_job_account *job, u64 id, u32 tag, u64 since);
struct earmark_holder *earmark_job_holder(struct earmark_job_account *job,
					  struct earmark_gpu_account *gpu);
void earmark_holder_init(struct earmark_account *a, struct earmark_holder *h,
			 struct earmark_job_account *job, struct earmark_gpu_account *gpu,
			 struct earmark_cell *cell, u64 now);
void earmark_holder_submit(struct earmark_account *a, struct earmark_holder *h, u64 now);
u32 earmark_job_holders(const struct earmark_job_account *job);
void earmark_job_retag(struct earmark_account *a, struct earmark_job_account *job, u32 tag,
		       struct list_head *cells, u64 now);
void earmark_job_empty(struct earmark_account *a, struct earmark_job_account *job, u64 now);
void earmark_gpu_empty(struct earmark_account *a, struct earmark_gpu_account *gpu, u64 now);
bool earmark_job_idle(const struct earmark_job_account *job);
void earmark_job_free_holders(struct earmark_account *a, struct earmark_job_account *job);

/* Files */
bool earmark_file_used(struct earmark_account *a, u64 file, const struct earmark_job_account *job);
bool earmark_file_known(struct earmark_account *a, u64 file);
void earmark_use_add(struct earmark_account *a, struct earmark_use *use, struct earmark_holder *h,
		     u64 file, bool unknown, u32 seed, u64 now);
bool earmark_use_seen(struct earmark_account *a, u64 file, const struct earmark_job_account *job,
		      u32 seed, u64 *id);
u32 earmark_job_channel(struct earmark_account *a, struct earmark_job_account *job,
			struct earmark_gpu_account *gpu, bool certain, u64 now);
bool earmark_use_resolve(struct earmark_account *a, u64 id, bool works, u64 now);
u32 earmark_file_free(struct earmark_account *a, u64 file, u64 now);
u32 earmark_file_sweep(struct earmark_account *a, u32 seed, u64 now);
void earmark_gpu_drop_fileless(struct earmark_account *a, struct earmark_gpu_account *gpu, u64 now);

/* Intervals */
u32 earmark_account_room(const struct earmark_account *a);
u64 earmark_account_flip(struct earmark_account *a, u64 (*clock)(void *arg), void *arg);
u32 earmark_account_gather(struct earmark_account *a, struct earmark_segment *out, u32 room,
			   u64 end, bool *broken);
void earmark_account_trim(struct earmark_account *a);

/* Between account.c, use.c and seal.c only */
u64 earmark_account_clamp(struct earmark_account *a, u64 now);
void earmark_gpu_advance(struct earmark_gpu_account *gpu, u32 p, u64 now);
void earmark_holder_update(struct earmark_account *a, struct earmark_holder *h, u64 now);
void earmark_holder_known(struct earmark_account *a, struct earmark_holder *h, u64 now);
bool earmark_cell_empty(const struct earmark_cell *cell);

#endif /* EARMARK_ACCOUNT_H */
