// SPDX-License-Identifier: GPL-2.0
/* The accounting core: work that no tracepoint shows and that is told instead; see account.h. */
#include "account.h"

/**
 * earmark_work_check() - can that have been measured?
 *
 * Return: NULL, or why not.
 */
const char *earmark_work_check(const struct earmark_work *work, u64 now)
{
	u64 span = work->end - work->start;

	if (work->start > work->end)
		return "START lies behind END";
	if (work->end > now)
		return "END lies in the future";
	if (work->busy / EARMARK_WORK_ENGINES > span || (work->busy && !span))
		return "no GPU does so much work from START to END";
	if (work->error > EARMARK_WORK_ERROR_MAX)
		return "an ERROR of more than two years";
	if (work->class >= EARMARK_CLASS_COUNT)
		return "no such class";
	if (!work->works && work->busy)
		return "who did not work (STATE 0) has no VALUE";
	return NULL;
}

/* Return: how much of the work lies before @until, if it was done evenly. */
static u64 work_before(const struct earmark_work *work, u64 until)
{
	if (until <= work->start)
		return 0;
	return mul_u64_u64_div_u64(work->busy, until - work->start, work->end - work->start);
}

/*
 * @ns of the work, from @start on, were done under this tag. Where that is not all of it, how
 * the work was spread is a guess: under this tag may have been none of it, or all.
 */
static void cell_tell(struct earmark_cell *cell, u32 p, const struct earmark_work *work, u64 start,
		      u64 ns, bool whole)
{
	u64 other = work->busy - ns + work->error;

	if (ns)
		earmark_bank_add(&cell->busy[p], start, ns);
	cell->error[p] += whole ? work->error : max(ns, other);
	if (work->class > cell->class[p])
		cell->class[p] = work->class;
}

/* Return: what of the work is older than the kept history, and booked as unattributed. */
static u64 holder_charge(struct earmark_account *a, struct earmark_holder *h,
			 const struct earmark_work *work)
{
	u64 end = work->end, left = work->busy;
	struct earmark_cell *cell;
	u32 p = a->parity;

	list_for_each_entry(cell, &h->cells, node) {
		u64 from = max(work->start, cell->since), ns;

		if (from > end || (from == end && end != work->start))
			continue;
		ns = left - work_before(work, from);
		cell_tell(cell, p, work, from, ns, from == work->start && end == work->end);
		left -= ns;
		end = from;
		if (from == work->start)
			return 0;
	}
	if (left)
		earmark_bank_add(&h->gpu->unattributed[p], work->start, left);
	return left;
}

/* The job was seen not to work there. What began after it was looked at is not concerned. */
static void holder_idle(struct earmark_account *a, struct earmark_holder *h, u64 seen, u64 now)
{
	u32 meter = h->gpu->meter;

	if (h->since > seen)
		return;
	earmark_holder_known(a, h, now);
	if (meter != EARMARK_METER_CHANNEL && (meter != EARMARK_METER_TOLD || h->uses))
		return;
	h->gpu->turnover += h->fileless;
	h->fileless = false;
	h->submitted = false;
	earmark_holder_update(a, h, now);
}

/**
 * earmark_holder_tell() - the job was seen to work on the GPU, or not to
 * @work: passed earmark_work_check()
 *
 * All of it goes into the open interval, also what was done before it, as with a piece of work
 * that is done in another interval than it began in; split over tags by how much of the span
 * each was in force. Needs the account lock.
 *
 * Return: nanoseconds that are older than the kept history: they are booked as unattributed,
 * and the caller counts EARMARK_LOST_HISTORY.
 */
u64 earmark_holder_tell(struct earmark_account *a, struct earmark_holder *h,
			const struct earmark_work *work, u64 now)
{
	now = earmark_account_clamp(a, now);
	if (work->works)
		earmark_holder_submit(a, h, now);
	else
		holder_idle(a, h, work->start, now);
	return work->busy | work->error ? holder_charge(a, h, work) : 0;
}
