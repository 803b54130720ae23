/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The books: the one account of this module, its lock and its counters of what was lost.
 *
 * Locks, outermost first:
 *   interval.c's mutex   sealing, acknowledging, retiring a GPU
 *   earmark_books.mutex  tags, the inventory's amendments, freeing of jobs, dumps
 *   earmark_books.lock   everything in .account, and membership of every hash and list of jobs,
 *			  GPUs, schedulers, contexts and events; raw, interrupts off. Instants
 *			  given to the account core are read under it. Nothing that allocates,
 *			  frees (but by RCU) or takes another lock is called under it.
 * A scheduler's own raw lock (sched.h) is a leaf that is never taken together with these.
 */
#ifndef EARMARK_BOOKS_H
#define EARMARK_BOOKS_H

#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "account.h"

/* Allocations on paths that cannot sleep: submissions, ioctls, cgroup events. */
#define EARMARK_ATOMIC (GFP_ATOMIC | __GFP_NOWARN)

/**
 * struct earmark_books - see above
 * @mutex: see above
 * @lost: cumulative since load, indexed by enum earmark_lost
 */
struct earmark_books {
	raw_spinlock_t lock; /* the account lock */
	struct mutex mutex;  /* slow paths */
	struct earmark_account account;
	atomic64_t lost[EARMARK_LOST_COUNT];
};

extern struct earmark_books earmark_books;

static inline void earmark_lost(enum earmark_lost what, u64 n)
{
	atomic64_add(n, &earmark_books.lost[what]);
}

#endif /* EARMARK_BOOKS_H */
