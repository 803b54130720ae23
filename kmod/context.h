/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contexts: which job submitted which work on a scheduler entity.
 *
 * The fence context is the entity's own and never reused. After a fork two jobs can submit on
 * one entity: a job owns the sequence numbers from its first on, until the next owner's first.
 */
#ifndef EARMARK_CONTEXT_H
#define EARMARK_CONTEXT_H

#include <linux/seqlock.h>

#include "books.h"

#define EARMARK_OWNERS 8

struct drm_gpu_scheduler;
struct earmark_sched;

/**
 * struct earmark_owner - who submitted from sequence number @first on
 * @holder: NULL = nobody known; its job counts it in .refs
 */
struct earmark_owner {
	u32 first;
	struct earmark_holder *holder;
};

/**
 * struct earmark_context - submissions of one entity
 * @node: in the hash by fence context
 * @queued: last sequence number submitted, @done: last one completed; written by submitters,
 *	whom the driver serialises, and by completions. The entity's numbers have 32 bits.
 * @generation, @cgroup, @sched: what the last owner was found by: a submission that finds
 *	all three unchanged is the same owner's. Written under the lock; @generation 0 = not valid
 * @holder: the last owner
 * @seq: guards @nr and @owners, oldest first; written under the lock
 * @marked: stamp of both at the last mark; @idle: marks since it changed
 * @since: jiffies of the last change seen by a mark
 * @dying: goes at the next reap unless a submission clears it; under the lock
 *
 * Lives while work may be in flight and for a few intervals more; freed through RCU.
 */
struct earmark_context {
	struct hlist_node node;
	u64 context;
	u32 queued;
	u32 done;
	u32 generation;
	bool dying;
	u64 cgroup;
	const struct drm_gpu_scheduler *sched;
	struct earmark_holder *holder;
	seqcount_t seq;
	u32 nr;
	struct earmark_owner owners[EARMARK_OWNERS];
	u32 marked;
	u32 idle;
	unsigned long since;
	struct rcu_head rcu;
};

/* In an RCU section */
struct earmark_context *earmark_context_find(u64 context);
bool earmark_context_owner(struct earmark_context *ctx, u32 seqno, struct earmark_holder **holder);
struct earmark_context *earmark_context_alloc(u64 context);

/* Under the lock */
struct earmark_context *earmark_context_add(struct earmark_context *spare, u32 seqno);
bool earmark_context_own(struct earmark_context *ctx, u32 seqno, struct earmark_holder *holder);

/* By the interval worker */
void earmark_context_mark(void);
void earmark_context_reap(void);
void earmark_context_exit(void);
u32 earmark_context_count(void);

static inline bool earmark_context_in_flight(const struct earmark_context *ctx)
{
	/* pairs with the completion's release: its charges are in the books */
	return (s32)(READ_ONCE(ctx->queued) - smp_load_acquire(&ctx->done)) > 0;
}

#endif /* EARMARK_CONTEXT_H */
