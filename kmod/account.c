// SPDX-License-Identifier: GPL-2.0
/* The accounting core; see account.h for what it promises and who locks. */
#include "account.h"

u64 earmark_account_clamp(struct earmark_account *a, u64 now)
{
	a->now = max(a->now, now);
	return a->now;
}

void earmark_account_init(struct earmark_account *a, u64 now)
{
	u32 i;

	memset(a, 0, sizeof(*a));
	INIT_LIST_HEAD(&a->gpus);
	for (i = 0; i < 1 << EARMARK_FILE_BITS; i++)
		INIT_LIST_HEAD(&a->files[i]);
	a->start = now;
	a->now = now;
	a->next_use = 1;
}

/**
 * earmark_bank_add() - add busy time
 * @bank: one half of a pair, chosen by the parity read in the same RCU section
 * @start: when the work began; the bank keeps the earliest
 * @ns: how much
 */
void earmark_bank_add(struct earmark_bank *bank, u64 start, u64 ns)
{
	s64 old = atomic64_read(&bank->start);

	atomic64_add(ns, &bank->ns);
	while (!old || start < (u64)old) {
		if (atomic64_try_cmpxchg(&bank->start, &old, start))
			break;
	}
}

/* Bring a GPU's books up to @now: the one place where its wall time is given out. */
void earmark_gpu_advance(struct earmark_gpu_account *gpu, u32 p, u64 now)
{
	struct earmark_holder *h;
	struct earmark_cell *cell;
	u64 dt, share, rest;

	if (now <= gpu->last || gpu->retired)
		return;
	dt = now - gpu->last;
	gpu->last = now;
	if (gpu->blind) {
		gpu->unobserved[p] += dt;
		return;
	}
	if (!gpu->nr_holding) {
		gpu->idle[p] += dt;
		return;
	}
	share = div_u64(dt, gpu->nr_holding);
	rest = dt - share * gpu->nr_holding;
	list_for_each_entry(h, &gpu->holding, holding) {
		cell = list_first_entry(&h->cells, struct earmark_cell, node);
		cell->gpu_time[p] += share + rest;
		cell->held[p] += dt;
		rest = 0;
	}
	list_rotate_left(&gpu->holding);
}

static void gpu_advance(struct earmark_account *a, struct earmark_gpu_account *gpu, u64 now)
{
	earmark_gpu_advance(gpu, a->parity, now);
}

void earmark_gpu_init(struct earmark_account *a, struct earmark_gpu_account *gpu, u32 id, u32 blind,
		      u64 now)
{
	now = earmark_account_clamp(a, now);
	memset(gpu, 0, sizeof(*gpu));
	INIT_LIST_HEAD(&gpu->holding);
	INIT_LIST_HEAD(&gpu->holders);
	INIT_LIST_HEAD(&gpu->engines);
	gpu->id = id;
	gpu->blind = blind;
	gpu->last = now;
	gpu->from[a->parity] = now;
	gpu->blinded[a->parity] = blind;
	list_add_tail_rcu(&gpu->node, &a->gpus);
	a->nr_gpus++;
}

/**
 * earmark_gpu_blind() - change why a GPU is unobserved
 * @set: EARMARK_BLIND_* to add
 * @clear: bits to take away
 *
 * EARMARK_BLIND_FILE follows the unknown files and is not for callers.
 */
void earmark_gpu_blind(struct earmark_account *a, struct earmark_gpu_account *gpu, u32 set,
		       u32 clear, u64 now)
{
	gpu_advance(a, gpu, earmark_account_clamp(a, now));
	gpu->blind = (gpu->blind & ~clear) | set;
	gpu->blinded[a->parity] |= gpu->blind;
}

/**
 * earmark_gpu_disavow() - the open interval's holds on this GPU cannot be vouched for
 * @why: EARMARK_BLIND_* that turned out to have been true at some time since its start
 *
 * What was given out as idle and used becomes unobserved; busy stays, it has its own meter.
 */
void earmark_gpu_disavow(struct earmark_account *a, struct earmark_gpu_account *gpu, u32 why,
			 u64 now)
{
	struct earmark_holder *h;
	struct earmark_cell *cell;
	u32 p = a->parity;

	gpu_advance(a, gpu, earmark_account_clamp(a, now));
	list_for_each_entry(h, &gpu->holders, of_gpu) {
		list_for_each_entry(cell, &h->cells, node) {
			gpu->unobserved[p] += cell->gpu_time[p];
			cell->gpu_time[p] = 0;
			cell->held[p] = 0;
		}
	}
	gpu->unobserved[p] += gpu->idle[p];
	gpu->idle[p] = 0;
	gpu->blinded[p] |= why;
}

/* The GPU leaves the inventory; its row of this interval ends here. */
void earmark_gpu_retire(struct earmark_account *a, struct earmark_gpu_account *gpu, u64 now)
{
	gpu_advance(a, gpu, earmark_account_clamp(a, now));
	gpu->retired = true;
}

/* After the gather that holds its last row. The object stays until its holders are gone. */
void earmark_gpu_remove(struct earmark_account *a, struct earmark_gpu_account *gpu)
{
	list_del_rcu(&gpu->node);
	a->nr_gpus--;
}

void earmark_engine_init(struct earmark_account *a, struct earmark_engine *e,
			 struct earmark_gpu_account *gpu, u32 id, u64 now)
{
	memset(e, 0, sizeof(*e));
	e->id = id;
	e->first = now;
	e->last_done = now;
	list_add_tail_rcu(&e->node, &gpu->engines);
	a->nr_engines++;
}

/* The engine is no more: its last row was gathered, and nothing can charge it again. */
void earmark_engine_remove(struct earmark_account *a, struct earmark_engine *e)
{
	list_del_rcu(&e->node);
	a->nr_engines--;
}

/**
 * earmark_engine_span() - what of (scheduled, done) the hardware spent on this work
 * @start: in: when it was given to the hardware; out: when the hardware began it
 * @end: in: when it was done; out: the same, not before @start
 *
 * Rings are in order and deeper than one: work begins when the one before it is done.
 * Σ spans of an engine <= wall since @e->first. The caller holds the engine's lock.
 *
 * Return: false if nothing is to be charged.
 */
bool earmark_engine_span(struct earmark_engine *e, u64 *start, u64 *end)
{
	*start = max(*start, e->last_done);
	if (*end <= *start)
		return false;
	e->last_done = *end;
	e->total += *end - *start;
	return true;
}

/* Books a span that earmark_engine_span() returned; in the same RCU section as its charge. */
void earmark_engine_charge(struct earmark_account *a, struct earmark_engine *e, u64 start, u64 end)
{
	u32 p = READ_ONCE(a->parity);

	earmark_bank_add(&e->busy[p], start, end - start);
	atomic64_add(1, &e->done[p]);
}

/* A completion that took no time that could be measured; in an RCU section. */
void earmark_engine_done(struct earmark_account *a, struct earmark_engine *e)
{
	atomic64_add(1, &e->done[READ_ONCE(a->parity)]);
}

/**
 * earmark_holder_charge() - charge busy time to a job, split by the tags that were in force
 *
 * Called without the account lock, in an RCU section.
 *
 * Return: nanoseconds at the span's beginning that are older than the kept history; the
 * caller books them as unattributed and counts EARMARK_LOST_HISTORY.
 */
u64 earmark_holder_charge(struct earmark_account *a, struct earmark_holder *h, u64 start, u64 end)
{
	u32 p = READ_ONCE(a->parity);
	struct earmark_cell *cell;

	list_for_each_entry_rcu(cell, &h->cells, node) {
		u64 from = max(start, cell->since);

		if (from < end) {
			earmark_bank_add(&cell->busy[p], from, end - from);
			end = from;
		}
		if (end <= start)
			return 0;
	}
	return end - start;
}

/* Busy time of nobody known: used time all the same. No account lock, in an RCU section. */
void earmark_gpu_unattributed(struct earmark_account *a, struct earmark_gpu_account *gpu, u64 start,
			      u64 end)
{
	earmark_bank_add(&gpu->unattributed[READ_ONCE(a->parity)], start, end - start);
}

void earmark_job_init(struct earmark_job_account *job, u64 id, u32 tag, u64 since)
{
	INIT_LIST_HEAD(&job->holders);
	job->id = id;
	job->tag = tag;
	job->since = since;
}

/* Return: the job's holder on @gpu or NULL. Under the account lock or in an RCU section. */
struct earmark_holder *earmark_job_holder(struct earmark_job_account *job,
					  struct earmark_gpu_account *gpu)
{
	struct earmark_holder *h;

	list_for_each_entry_rcu(h, &job->holders, of_job, true) {
		if (h->gpu == gpu)
			return h;
	}
	return NULL;
}

static void holder_push(struct earmark_account *a, struct earmark_holder *h,
			struct earmark_cell *cell, u32 tag, u64 since)
{
	memset(cell, 0, sizeof(*cell));
	cell->tag = tag;
	cell->since = since;
	list_add_rcu(&cell->node, &h->cells);
	h->nr_cells++;
	a->nr_cells++;
}

/**
 * earmark_holder_init() - a job touches a GPU for the first time
 * @cell: allocated by the caller, owned by the core from here
 */
void earmark_holder_init(struct earmark_account *a, struct earmark_holder *h,
			 struct earmark_job_account *job, struct earmark_gpu_account *gpu,
			 struct earmark_cell *cell, u64 now)
{
	earmark_account_clamp(a, now);
	memset(h, 0, sizeof(*h));
	h->job = job;
	h->gpu = gpu;
	INIT_LIST_HEAD(&h->cells);
	INIT_LIST_HEAD(&h->holding);
	holder_push(a, h, cell, job->tag, 0);
	list_add_tail_rcu(&h->of_gpu, &gpu->holders);
	list_add_tail_rcu(&h->of_job, &job->holders);
}

/* The holder's state changed: let it begin or cease to hold. */
void earmark_holder_update(struct earmark_account *a, struct earmark_holder *h, u64 now)
{
	bool holds = h->submitted && (h->uses || h->fileless);

	if (holds != list_empty(&h->holding))
		return;
	gpu_advance(a, h->gpu, now);
	if (holds) {
		list_add_tail(&h->holding, &h->gpu->holding);
		h->gpu->nr_holding++;
	} else {
		list_del_init(&h->holding);
		h->gpu->nr_holding--;
	}
}

/**
 * earmark_holder_submit() - the job submitted work to the GPU
 *
 * Cheap when it holds already; callers on a hot path may test list_empty(&h->holding) and
 * gpu->unknown first, without the lock.
 */
void earmark_holder_submit(struct earmark_account *a, struct earmark_holder *h, u64 now)
{
	now = earmark_account_clamp(a, now);
	earmark_holder_known(a, h, now);
	if (!h->submitted)
		h->since = now;
	h->submitted = true;
	if (!h->uses && !h->fileless) {
		h->fileless = true;
		h->gpu->turnover++;
	}
	earmark_holder_update(a, h, now);
}

/* Return: how many holders, and so cells for a retag, the job has. */
u32 earmark_job_holders(const struct earmark_job_account *job)
{
	struct earmark_holder *h;
	u32 n = 0;

	list_for_each_entry(h, &job->holders, of_job)
		n++;
	return n;
}

/**
 * earmark_job_retag() - another effective tag is in force from @now
 * @cells: list of struct earmark_cell (by node), one for every holder of the job; taken over
 */
void earmark_job_retag(struct earmark_account *a, struct earmark_job_account *job, u32 tag,
		       struct list_head *cells, u64 now)
{
	struct earmark_holder *h;
	struct earmark_cell *cell;

	now = earmark_account_clamp(a, now);
	job->tag = tag;
	job->since = now;
	list_for_each_entry(h, &job->holders, of_job) {
		gpu_advance(a, h->gpu, now);
		cell = list_first_entry(cells, struct earmark_cell, node);
		list_del_init(&cell->node);
		holder_push(a, h, cell, tag, now);
	}
}

static bool bank_empty(const struct earmark_bank *bank)
{
	return !atomic64_read(&bank[0].ns) && !atomic64_read(&bank[1].ns);
}

bool earmark_cell_empty(const struct earmark_cell *cell)
{
	return !(cell->gpu_time[0] | cell->gpu_time[1] | cell->held[0] | cell->held[1] |
		 cell->error[0] | cell->error[1]) &&
	       bank_empty(cell->busy);
}

/*
 * Return: has the job no use, no hold, and nothing that is not yet in a gathered interval?
 * Then, once nothing of the caller's refers to it, its holders may be freed.
 */
bool earmark_job_idle(const struct earmark_job_account *job)
{
	struct earmark_holder *h;
	struct earmark_cell *cell;

	list_for_each_entry(h, &job->holders, of_job) {
		if (h->uses || !list_empty(&h->holding))
			return false;
		if (h->gpu->retired)
			continue; /* its last row is made, or being made by whoever asks */
		list_for_each_entry(cell, &h->cells, node) {
			if (!earmark_cell_empty(cell))
				return false;
		}
	}
	return true;
}

/* Free the holders of an idle job, through RCU. */
void earmark_job_free_holders(struct earmark_account *a, struct earmark_job_account *job)
{
	struct earmark_holder *h, *next;
	struct earmark_cell *cell, *tmp;

	list_for_each_entry_safe(h, next, &job->holders, of_job) {
		list_for_each_entry_safe(cell, tmp, &h->cells, node) {
			list_del_rcu(&cell->node);
			a->nr_cells--;
			shim_free_rcu(cell);
		}
		list_del_rcu(&h->of_gpu);
		list_del_rcu(&h->of_job);
		shim_free_rcu(h);
	}
}
