// SPDX-License-Identifier: GPL-2.0
/* The accounting core: ending an interval and gathering its rows; see account.h. */
#include "account.h"

static u64 bank_take(struct earmark_bank *bank, u64 *start)
{
	*start = atomic64_xchg(&bank->start, 0);
	return atomic64_xchg(&bank->ns, 0);
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
	now = earmark_account_clamp(a, clock(arg));
	list_for_each_entry(gpu, &a->gpus, node) {
		if (!gpu->retired)
			earmark_gpu_advance(gpu, old, now);
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
	s->usage.busy_error = cell->error[p];
	s->class = cell->class[p];
	cell->gpu_time[p] = 0;
	cell->held[p] = 0;
	cell->error[p] = 0;
	cell->class[p] = EARMARK_CLASS_EXACT;
	return s->usage.gpu_time || s->usage.held || s->usage.busy || s->usage.busy_error;
}

/* Cells beyond the history's length go when they hold nothing ungathered. */
static void holder_trim(struct earmark_account *a, struct earmark_holder *h)
{
	struct earmark_cell *cell, *next;
	u32 i = 0;

	if (h->nr_cells <= EARMARK_CELLS_MAX)
		return;
	list_for_each_entry_safe(cell, next, &h->cells, node) {
		if (i++ < EARMARK_CELLS_MAX || !earmark_cell_empty(cell))
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
