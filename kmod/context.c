// SPDX-License-Identifier: GPL-2.0
/* Contexts; see context.h. */
#include <linux/hashtable.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "context.h"
#include "job.h"
#include "sched.h"

#define CONTEXT_BITS 12
#define CONTEXTS_MAX 65536
#define IDLE_MARKS 4

/*
 * Jobs of a killed entity end without a completion that could be seen. Once nobody of the
 * submitter's cgroup lives, what is still running on the hardware is given this long; when
 * contexts get scarce, so are all.
 */
#define FORGET_DEAD (60 * HZ)
#define FORGET_SCARCE (600 * HZ)

static DEFINE_HASHTABLE(contexts, CONTEXT_BITS);
static u32 nr_contexts;

u32 earmark_context_count(void)
{
	return READ_ONCE(nr_contexts);
}

struct earmark_context *earmark_context_find(u64 context)
{
	struct earmark_context *ctx;

	hash_for_each_possible_rcu(contexts, ctx, node, context, true) {
		if (ctx->context == context)
			return ctx;
	}
	return NULL;
}

/**
 * earmark_context_owner() - who submitted @seqno; in an RCU section, no lock
 * @holder: receives the owner, NULL if nobody known
 *
 * Return: false if that submission was not seen.
 */
bool earmark_context_owner(struct earmark_context *ctx, u32 seqno, struct earmark_holder **holder)
{
	unsigned int seq;
	bool seen;
	u32 i;

	do {
		seq = read_seqcount_begin(&ctx->seq);
		seen = false;
		for (i = READ_ONCE(ctx->nr); i-- > 0 && !seen;) {
			seen = (s32)(seqno - READ_ONCE(ctx->owners[i].first)) >= 0;
			*holder = seen ? READ_ONCE(ctx->owners[i].holder) : NULL;
		}
	} while (read_seqcount_retry(&ctx->seq, seq));
	return seen;
}

struct earmark_context *earmark_context_alloc(u64 context)
{
	struct earmark_context *ctx;

	if (READ_ONCE(nr_contexts) >= CONTEXTS_MAX)
		return NULL;
	ctx = kzalloc(sizeof(*ctx), EARMARK_ATOMIC);
	if (!ctx)
		return NULL;
	ctx->context = context;
	seqcount_init(&ctx->seq);
	return ctx;
}

/* @spare is used from its first submission, @seqno, on. */
struct earmark_context *earmark_context_add(struct earmark_context *spare, u32 seqno)
{
	spare->queued = seqno;
	spare->done = seqno - 1;
	spare->since = jiffies;
	hash_add_rcu(contexts, &spare->node, spare->context);
	WRITE_ONCE(nr_contexts, nr_contexts + 1);
	return spare;
}

static void owner_put(struct earmark_owner *owner)
{
	if (owner->holder)
		earmark_holder_job(owner->holder)->refs--;
}

/* Let go of owners all of whose work is done. Inside the seqcount's writer section. */
static void owners_compact(struct earmark_context *ctx)
{
	u32 done = READ_ONCE(ctx->done), n = 0;

	while (n + 1 < ctx->nr && (s32)(done + 1 - ctx->owners[n + 1].first) >= 0)
		owner_put(&ctx->owners[n++]);
	memmove(ctx->owners, ctx->owners + n, (ctx->nr - n) * sizeof(*ctx->owners));
	ctx->nr -= n;
}

/**
 * earmark_context_own() - @holder submits from @seqno on; NULL: nobody known does
 *
 * Return: false if there was no room and nobody owns it now.
 */
bool earmark_context_own(struct earmark_context *ctx, u32 seqno, struct earmark_holder *holder)
{
	struct earmark_owner *last;
	bool kept = true;

	write_seqcount_begin(&ctx->seq);
	owners_compact(ctx);
	last = ctx->nr ? &ctx->owners[ctx->nr - 1] : NULL;
	if (last && last->holder == holder)
		goto out;
	/* the last place is for saying that nobody known goes on */
	if (ctx->nr >= EARMARK_OWNERS - 1 && holder) {
		kept = false;
		holder = NULL;
		if (!last->holder)
			goto out;
	}
	if (ctx->nr == EARMARK_OWNERS) {
		kept = !last->holder;
		goto out;
	}
	ctx->owners[ctx->nr].first = seqno;
	ctx->owners[ctx->nr].holder = holder;
	ctx->nr++;
	if (holder)
		earmark_holder_job(holder)->refs++;
out:
	write_seqcount_end(&ctx->seq);
	return kept;
}

static bool context_orphaned(const struct earmark_context *ctx)
{
	u32 i;

	for (i = 0; i < ctx->nr; i++) {
		if (ctx->owners[i].holder &&
		    !earmark_job_dead(earmark_holder_job(ctx->owners[i].holder)))
			return false;
	}
	return true;
}

/* May the context go, if no submission comes until the grace period is over? */
static bool context_over(struct earmark_context *ctx, bool scarce)
{
	bool orphaned = context_orphaned(ctx);
	unsigned long age = jiffies - ctx->since;

	if (!earmark_context_in_flight(ctx))
		return orphaned || ctx->idle >= IDLE_MARKS;
	return (orphaned && age > FORGET_DEAD) || (scarce && age > FORGET_SCARCE);
}

/* Return: a number that changes whenever anything happens. */
static u32 context_stamp(const struct earmark_context *ctx)
{
	return READ_ONCE(ctx->queued) + READ_ONCE(ctx->done);
}

static void context_mark(struct earmark_context *ctx, bool scarce)
{
	struct earmark_sched *s;
	u32 stamp = context_stamp(ctx);

	if (stamp != ctx->marked)
		ctx->since = jiffies;
	ctx->idle = stamp == ctx->marked ? ctx->idle + 1 : 0;
	ctx->marked = stamp;
	if (earmark_context_in_flight(ctx)) {
		s = earmark_sched_find(ctx->sched);
		if (s)
			s->busy = true;
	}
	if (!context_over(ctx, scarce))
		return;
	ctx->dying = true;
	ctx->generation = 0;
}

/* Before a grace period, after which no submission can have missed that it is @dying. */
void earmark_context_mark(void)
{
	bool scarce = READ_ONCE(nr_contexts) > CONTEXTS_MAX / 2;
	struct earmark_context *ctx;
	unsigned long flags;
	u32 i;

	for (i = 0; i < HASH_SIZE(contexts); i++) {
		if (hlist_empty(&contexts[i]))
			continue;
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		hlist_for_each_entry(ctx, &contexts[i], node)
			context_mark(ctx, scarce);
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	}
}

static void context_free(struct earmark_context *ctx)
{
	u32 i;

	for (i = 0; i < ctx->nr; i++)
		owner_put(&ctx->owners[i]);
	hash_del_rcu(&ctx->node);
	WRITE_ONCE(nr_contexts, nr_contexts - 1);
	kfree_rcu(ctx, rcu);
}

void earmark_context_reap(void)
{
	struct earmark_context *ctx;
	struct hlist_node *next;
	unsigned long flags;
	u32 i;

	for (i = 0; i < HASH_SIZE(contexts); i++) {
		if (hlist_empty(&contexts[i]))
			continue;
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		hlist_for_each_entry_safe(ctx, next, &contexts[i], node) {
			if (!ctx->dying)
				continue;
			if (context_stamp(ctx) == ctx->marked)
				context_free(ctx);
			else
				ctx->dying = false; /* one came before it could see */
		}
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	}
}

/* At unload, with no probe attached any more. */
void earmark_context_exit(void)
{
	struct earmark_context *ctx;
	struct hlist_node *next;
	u32 i;

	hash_for_each_safe(contexts, i, next, ctx, node)
		context_free(ctx);
}
