// SPDX-License-Identifier: GPL-2.0
/* The accounting core; see account.h for what it promises and who locks. */
#include "account.h"

static u64 clamp_now(struct earmark_account *a, u64 now)
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

static u64 bank_take(struct earmark_bank *bank, u64 *start)
{
	*start = atomic64_xchg(&bank->start, 0);
	return atomic64_xchg(&bank->ns, 0);
}

/* Bring a GPU's books up to @now: the one place where its wall time is given out. */
static void gpu_advance_half(struct earmark_gpu_account *gpu, u32 p, u64 now)
{
	struct earmark_holder *h;
	struct earmark_cell *cell;
	u64 dt, share, rest;

	if (now <= gpu->last)
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
	gpu_advance_half(gpu, a->parity, now);
}

void earmark_gpu_init(struct earmark_account *a, struct earmark_gpu_account *gpu, u32 id,
		      u32 blind, u64 now)
{
	now = clamp_now(a, now);
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
	gpu_advance(a, gpu, clamp_now(a, now));
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

	gpu_advance(a, gpu, clamp_now(a, now));
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
	gpu_advance(a, gpu, clamp_now(a, now));
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
void earmark_gpu_unattributed(struct earmark_account *a, struct earmark_gpu_account *gpu,
			      u64 start, u64 end)
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
	clamp_now(a, now);
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
static void holder_update(struct earmark_account *a, struct earmark_holder *h, u64 now)
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

static void use_known(struct earmark_account *a, struct earmark_use *use, u64 now)
{
	struct earmark_gpu_account *gpu = use->holder->gpu;

	if (!use->unknown)
		return;
	use->unknown = false;
	if (!--gpu->unknown)
		earmark_gpu_blind(a, gpu, 0, EARMARK_BLIND_FILE, now);
}

/* Every unknown use of @h is explained: it works. */
static void holder_known(struct earmark_account *a, struct earmark_holder *h, u64 now)
{
	struct earmark_use *use;
	u32 i;

	if (!h->gpu->unknown)
		return;
	for (i = 0; i < 1 << EARMARK_FILE_BITS; i++) {
		list_for_each_entry(use, &a->files[i], node) {
			if (use->holder == h)
				use_known(a, use, now);
		}
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
	now = clamp_now(a, now);
	holder_known(a, h, now);
	h->submitted = true;
	if (!h->uses)
		h->fileless = true;
	holder_update(a, h, now);
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

	now = clamp_now(a, now);
	job->tag = tag;
	job->since = now;
	list_for_each_entry(h, &job->holders, of_job) {
		gpu_advance(a, h->gpu, now);
		cell = list_first_entry(cells, struct earmark_cell, node);
		list_del_init(&cell->node);
		holder_push(a, h, cell, tag, now);
	}
}

static struct list_head *file_bucket(struct earmark_account *a, u64 file)
{
	return &a->files[hash_64(file, EARMARK_FILE_BITS)];
}

/* Return: does @job use @file already? Under the account lock or in an RCU section. */
bool earmark_file_used(struct earmark_account *a, u64 file, const struct earmark_job_account *job)
{
	struct earmark_use *use;

	list_for_each_entry_rcu(use, file_bucket(a, file), node, true) {
		if (use->file == file && use->holder->job == job)
			return true;
	}
	return false;
}

/* Return: does anybody use @file? Under the account lock or in an RCU section. */
bool earmark_file_known(struct earmark_account *a, u64 file)
{
	struct earmark_use *use;

	list_for_each_entry_rcu(use, file_bucket(a, file), node, true) {
		if (use->file == file)
			return true;
	}
	return false;
}

/**
 * earmark_use_add() - the job uses a file of the GPU
 * @use: allocated by the caller, owned by the core from here
 * @unknown: found open at start: it may hold the GPU or not, which is blind until known
 * @seed: current seed generation
 */
void earmark_use_add(struct earmark_account *a, struct earmark_use *use, struct earmark_holder *h,
		     u64 file, bool unknown, u32 seed, u64 now)
{
	now = clamp_now(a, now);
	memset(use, 0, sizeof(*use));
	use->holder = h;
	use->file = file;
	use->id = a->next_use++;
	use->seen = seed;
	list_add_rcu(&use->node, file_bucket(a, file));
	h->uses++;
	h->fileless = false;
	if (unknown && !h->submitted) {
		use->unknown = true;
		h->gpu->unknown++;
		earmark_gpu_blind(a, h->gpu, EARMARK_BLIND_FILE, 0, now);
	}
	holder_update(a, h, now);
}

/* A seed came by a file that is in the books: keep it. Return: was it? */
bool earmark_use_seen(struct earmark_account *a, u64 file, const struct earmark_job_account *job,
		      u32 seed, u64 *id)
{
	struct earmark_use *use;

	list_for_each_entry(use, file_bucket(a, file), node) {
		if (use->file != file || use->holder->job != job)
			continue;
		use->seen = seed;
		*id = use->id;
		return true;
	}
	return false;
}

/* What fdinfo says of a file found at start. Return: is there such a use? */
bool earmark_use_resolve(struct earmark_account *a, u64 id, bool works, u64 now)
{
	struct earmark_use *use;
	u32 i;

	now = clamp_now(a, now);
	for (i = 0; i < 1 << EARMARK_FILE_BITS; i++) {
		list_for_each_entry(use, &a->files[i], node) {
			if (use->id != id)
				continue;
			if (works)
				earmark_holder_submit(a, use->holder, now);
			else
				use_known(a, use, now);
			return true;
		}
	}
	return false;
}

static void use_drop(struct earmark_account *a, struct earmark_use *use, u64 now)
{
	struct earmark_holder *h = use->holder;

	use_known(a, use, now);
	list_del_rcu(&use->node);
	if (!--h->uses && !h->fileless)
		h->submitted = false;
	holder_update(a, h, now);
	shim_free_rcu(use);
}

/* A file is gone. Return: how many jobs used it. */
u32 earmark_file_free(struct earmark_account *a, u64 file, u64 now)
{
	struct earmark_use *use, *next;
	u32 n = 0;

	now = clamp_now(a, now);
	list_for_each_entry_safe(use, next, file_bucket(a, file), node) {
		if (use->file != file)
			continue;
		use_drop(a, use, now);
		n++;
	}
	return n;
}

/* Drop every use that seed generation @seed did not see. Return: how many. */
u32 earmark_file_sweep(struct earmark_account *a, u32 seed, u64 now)
{
	struct earmark_use *use, *next;
	u32 i, n = 0;

	now = clamp_now(a, now);
	for (i = 0; i < 1 << EARMARK_FILE_BITS; i++) {
		list_for_each_entry_safe(use, next, &a->files[i], node) {
			if (use->seen == seed)
				continue;
			use_drop(a, use, now);
			n++;
		}
	}
	return n;
}

/* The job's cgroup is empty: it holds nothing, whoever still has its files. */
void earmark_job_empty(struct earmark_account *a, struct earmark_job_account *job, u64 now)
{
	struct earmark_holder *h;
	struct earmark_use *use, *next;
	u32 i;

	now = clamp_now(a, now);
	list_for_each_entry(h, &job->holders, of_job) {
		h->fileless = false;
		h->submitted = h->submitted && h->uses;
		holder_update(a, h, now);
		for (i = 0; h->uses && i < 1 << EARMARK_FILE_BITS; i++) {
			list_for_each_entry_safe(use, next, &a->files[i], node) {
				if (use->holder == h)
					use_drop(a, use, now);
			}
		}
	}
}

static bool bank_empty(const struct earmark_bank *bank)
{
	return !atomic64_read(&bank[0].ns) && !atomic64_read(&bank[1].ns);
}

static bool cell_empty(const struct earmark_cell *cell)
{
	return !(cell->gpu_time[0] | cell->gpu_time[1] | cell->held[0] | cell->held[1]) &&
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
		list_for_each_entry(cell, &h->cells, node) {
			if (!cell_empty(cell))
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

/* Return: how many segments a flip under the same lock can make at most. */
u32 earmark_account_room(const struct earmark_account *a)
{
	return a->nr_cells + a->nr_gpus + a->nr_engines;
}

/**
 * earmark_account_flip() - end the open interval, on all GPUs at one instant
 * @clock: read once, after completions have begun to go to the new half: what is in the old
 *	half ended before the instant it returns, so that an engine's bound holds exactly
 * @arg: for @clock
 *
 * The other half must have been gathered. O(holders).
 *
 * Return: the instant.
 */
u64 earmark_account_flip(struct earmark_account *a, u64 (*clock)(void *arg), void *arg)
{
	struct earmark_gpu_account *gpu;
	u32 old = a->parity, p = old ^ 1;
	u64 now;

	WRITE_ONCE(a->parity, p);
	smp_mb(); /* pairs with the RCU readers' load of parity before they read the clock */
	now = clamp_now(a, clock(arg));
	list_for_each_entry(gpu, &a->gpus, node) {
		if (!gpu->retired)
			gpu_advance_half(gpu, old, now);
		gpu->from[p] = now;
		gpu->blinded[p] = gpu->blind;
	}
	a->start = now;
	return now;
}

static bool cell_gather(struct earmark_cell *cell, u32 p, struct earmark_segment *s)
{
	memset(s, 0, sizeof(*s));
	s->kind = EARMARK_SEGMENT_USAGE;
	s->id = cell->tag;
	s->usage.gpu_time = cell->gpu_time[p];
	s->usage.held = cell->held[p];
	s->usage.busy = bank_take(&cell->busy[p], &s->usage.busy_start);
	cell->gpu_time[p] = 0;
	cell->held[p] = 0;
	return s->usage.gpu_time || s->usage.held || s->usage.busy;
}

/* Cells beyond the history's length go when they hold nothing ungathered. */
static void holder_trim(struct earmark_account *a, struct earmark_holder *h)
{
	struct earmark_cell *cell, *next;
	u32 i = 0;

	if (h->nr_cells <= EARMARK_CELLS_MAX)
		return;
	list_for_each_entry_safe(cell, next, &h->cells, node) {
		if (i++ < EARMARK_CELLS_MAX || !cell_empty(cell))
			continue;
		list_del_rcu(&cell->node);
		h->nr_cells--;
		a->nr_cells--;
		shim_free_rcu(cell);
	}
}

static bool engine_gather(struct earmark_engine *e, u32 p, u64 end, struct earmark_segment *s)
{
	memset(s, 0, sizeof(*s));
	s->kind = EARMARK_SEGMENT_ENGINE;
	s->id = e->id;
	s->engine.busy = bank_take(&e->busy[p], &s->engine.busy_start);
	s->engine.done = atomic64_xchg(&e->done[p], 0);
	e->sealed_total += s->engine.busy;
	s->engine.busy_total = e->sealed_total;
	s->engine.first = e->first;
	return e->sealed_total <= end - min(e->first, end);
}

static void gpu_gather(struct earmark_gpu_account *gpu, u32 p, u64 end, struct earmark_segment *s)
{
	memset(s, 0, sizeof(*s));
	s->kind = EARMARK_SEGMENT_GPU;
	s->flags = gpu->blinded[p];
	s->gpu = gpu->id;
	s->gpu_time.wall = (gpu->retired ? gpu->last : end) - gpu->from[p];
	s->gpu_time.idle = gpu->idle[p];
	s->gpu_time.unobserved = gpu->unobserved[p];
	s->gpu_time.unattributed =
		bank_take(&gpu->unattributed[p], &s->gpu_time.unattributed_start);
	gpu->idle[p] = 0;
	gpu->unobserved[p] = 0;
}

/**
 * earmark_account_gather() - the rows of the interval that the last flip ended
 * @out: receives at most @room segments
 * @room: at least what earmark_account_room() said under the flip's lock
 * @end: the flip's instant
 * @broken: set if a GPU's sum or an engine's bound does not hold; never cleared
 *
 * One gatherer at a time, after a grace period from the flip. Takes no account lock: cells,
 * holders, GPUs and engines are only ever added beside it, and such have nothing here.
 *
 * Return: number of segments.
 */
u32 earmark_account_gather(struct earmark_account *a, struct earmark_segment *out, u32 room,
			   u64 end, bool *broken)
{
	u32 p = a->parity ^ 1, n = 0;
	struct earmark_gpu_account *gpu;
	struct earmark_holder *h;
	struct earmark_engine *e;
	struct earmark_cell *cell;

	list_for_each_entry_rcu(gpu, &a->gpus, node, true) {
		u64 used = 0;

		if (gpu->from[p] >= end || !gpu->from[p])
			continue; /* appeared after the flip */
		list_for_each_entry_rcu(h, &gpu->holders, of_gpu, true) {
			list_for_each_entry_rcu(cell, &h->cells, node, true) {
				if (n >= room || !cell_gather(cell, p, &out[n]))
					continue;
				used += out[n].usage.gpu_time;
				out[n].gpu = gpu->id;
				out[n++].job = h->job->id;
			}
		}
		list_for_each_entry_rcu(e, &gpu->engines, node, true) {
			if (n >= room)
				break;
			*broken |= !engine_gather(e, p, end, &out[n]);
			out[n++].gpu = gpu->id;
		}
		if (n >= room)
			break;
		gpu_gather(gpu, p, end, &out[n]);
		*broken |= used + out[n].gpu_time.idle + out[n].gpu_time.unobserved !=
			   out[n].gpu_time.wall;
		n++;
	}
	return n;
}

/* After a gather, under the account lock: let go of tag history beyond its length. */
void earmark_account_trim(struct earmark_account *a)
{
	struct earmark_gpu_account *gpu;
	struct earmark_holder *h;

	list_for_each_entry(gpu, &a->gpus, node) {
		list_for_each_entry(h, &gpu->holders, of_gpu)
			holder_trim(a, h);
	}
}
