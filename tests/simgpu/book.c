// SPDX-License-Identifier: GPL-2.0
/* The oracle's books: what each ring did, by the label given at submission. */
#include <linux/slab.h>

#include "simgpu.h"

void sim_book_init(struct sim_book *book)
{
	spin_lock_init(&book->lock);
	INIT_LIST_HEAD(&book->tallies);
}

void sim_book_fini(struct sim_book *book)
{
	struct sim_tally *tally, *next;

	list_for_each_entry_safe(tally, next, &book->tallies, node)
		kfree(tally);
}

static struct sim_tally *book_find(struct sim_book *book, u32 who)
{
	struct sim_tally *tally;

	list_for_each_entry(tally, &book->tallies, node)
		if (tally->who == who)
			return tally;
	return NULL;
}

/* Jobs point at their tally: it must be there before the interrupt needs it. */
struct sim_tally *sim_book_tally(struct sim_book *book, u32 who)
{
	struct sim_tally *tally, *fresh;

	spin_lock_irq(&book->lock);
	tally = book_find(book, who);
	spin_unlock_irq(&book->lock);
	if (tally)
		return tally;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return NULL;
	fresh->who = who;
	spin_lock_irq(&book->lock);
	tally = book_find(book, who);
	if (!tally) {
		list_add_tail(&fresh->node, &book->tallies);
		tally = fresh;
	}
	spin_unlock_irq(&book->lock);
	if (tally != fresh)
		kfree(fresh);
	return tally;
}

static void tally_add(struct sim_tally *tally, u64 busy_ns, enum sim_end end)
{
	tally->busy_ns += busy_ns;
	tally->jobs += end == SIM_ENDED;
	tally->failed += end == SIM_FAILED;
	tally->dropped += end == SIM_DROPPED;
}

void sim_book_charge(struct sim_book *book, struct sim_job *job, u64 busy_ns, enum sim_end end)
{
	unsigned long flags;

	spin_lock_irqsave(&book->lock, flags);
	tally_add(job->who, busy_ns, end);
	tally_add(job->own, busy_ns, end);
	tally_add(&book->total, busy_ns, end);
	spin_unlock_irqrestore(&book->lock, flags);
}

static void tally_show(struct seq_file *m, const struct sim_tally *tally)
{
	seq_printf(m, "%llu %llu %llu %llu", tally->busy_ns, tally->jobs, tally->failed,
		   tally->dropped);
}

void sim_book_show(struct seq_file *m, struct sim_book *book, unsigned int gpu, unsigned int ring)
{
	struct sim_tally *tally;

	spin_lock_irq(&book->lock);
	list_for_each_entry(tally, &book->tallies, node) {
		seq_printf(m, "%u %u %u ", gpu, ring, tally->who);
		tally_show(m, tally);
		seq_putc(m, '\n');
	}
	seq_printf(m, "%u %u total ", gpu, ring);
	tally_show(m, &book->total);
	seq_printf(m, " %lld\n", atomic64_read(&book->dry));
	spin_unlock_irq(&book->lock);
}
