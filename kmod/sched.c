// SPDX-License-Identifier: GPL-2.0
/* Engines; see sched.h. */
#include <drm/gpu_scheduler.h>
#include <linux/hashtable.h>
#include <linux/slab.h>

#include "context.h"
#include "inventory.h"
#include "job.h"
#include "sched.h"

#define SCHED_BITS 8
#define SCHEDS_MAX 16384 /* drivers with a scheduler for every queue of a process make many */
#define QUIET_MARKS 64   /* then an engine without work is let go */

static DEFINE_HASHTABLE(scheds, SCHED_BITS);
static LIST_HEAD(sched_list);
static u32 nr_scheds;
static u32 last_id;

struct earmark_sched *earmark_sched_find(const struct drm_gpu_scheduler *sched)
{
	struct earmark_sched *s;

	hash_for_each_possible_rcu(scheds, s, node, (unsigned long)sched, true) {
		if (s->sched == sched)
			return s;
	}
	return NULL;
}

/* The GPU of a scheduler's device, new in the inventory if need be. Under the lock. */
static struct earmark_gpu *sched_gpu(const char *name, struct device *dev,
				     struct earmark_gpu **fresh, struct earmark_event_node **event,
				     u64 now)
{
	struct earmark_gpu *gpu = earmark_gpu_by_name(name);

	if (gpu || !*fresh || earmark_gpu_full())
		return gpu;
	gpu = *fresh;
	*fresh = NULL;
	gpu->meter = EARMARK_METER_DRM;
	earmark_gpu_add(gpu, now);
	earmark_gpu_tell(gpu, *event, now);
	*event = NULL;
	earmark_inventory_scan(gpu, dev);
	return gpu;
}

static void sched_add(struct earmark_sched *s, const struct drm_gpu_scheduler *sched,
		      struct earmark_gpu *gpu, u64 now)
{
	s->sched = sched;
	s->gpu = gpu;
	raw_spin_lock_init(&s->lock);
	earmark_engine_init(&earmark_books.account, &s->engine, &gpu->account, ++last_id, now);
	hash_add_rcu(scheds, &s->node, (unsigned long)sched);
	list_add_tail(&s->list, &sched_list);
	nr_scheds++;
}

/**
 * earmark_sched_get() - the engine of a scheduler that a submission goes to
 *
 * Cannot sleep. In an RCU section, outside the lock.
 *
 * Return: NULL if it could not be added; nothing was counted.
 */
struct earmark_sched *earmark_sched_get(const struct drm_gpu_scheduler *sched)
{
	struct earmark_sched *s = earmark_sched_find(sched), *spare;
	struct earmark_event_node *event = NULL;
	struct earmark_gpu *gpu, *fresh = NULL;
	char name[EARMARK_NAME_LEN];
	unsigned long flags;
	u64 now;

	if (s || !earmark_gpu_name(sched->dev, name) || READ_ONCE(nr_scheds) >= SCHEDS_MAX)
		return s;
	if (!earmark_gpu_by_name(name)) {
		fresh = earmark_gpu_alloc(name, EARMARK_ATOMIC);
		event = earmark_event_new(EARMARK_EVENT_GPU, EARMARK_ATOMIC);
	}
	spare = kzalloc(sizeof(*spare), EARMARK_ATOMIC);
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	now = ktime_get_ns();
	gpu = sched_gpu(name, sched->dev, &fresh, &event, now);
	s = earmark_sched_find(sched);
	if (!s && gpu && spare) {
		sched_add(spare, sched, gpu, now);
		s = spare;
		spare = NULL;
	}
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	kfree(spare);
	kfree(fresh);
	earmark_event_drop(event);
	earmark_event_kick();
	earmark_inventory_kick();
	return s;
}

static void sched_drop(struct earmark_sched *s)
{
	hash_del_rcu(&s->node);
	s->dropped = true;
}

/* The GPU's driver is gone, and its schedulers with it. Under the lock. */
void earmark_sched_drop(struct earmark_gpu *gpu)
{
	struct earmark_sched *s;

	list_for_each_entry(s, &sched_list, list) {
		if (s->gpu == gpu && !s->dropped)
			sched_drop(s);
	}
	earmark_job_changed(); /* contexts remember schedulers that they were seen on */
}

/* Before a grace period, and before the contexts tell which engines have work in flight. */
void earmark_sched_mark(void)
{
	struct earmark_sched *s;
	unsigned long flags;
	bool changed = false;
	u64 done;

	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	list_for_each_entry(s, &sched_list, list) {
		done = READ_ONCE(s->engine.total);
		s->quiet = done == s->done ? s->quiet + 1 : 0;
		s->done = done;
		s->busy = false;
		s->released = s->dropped;
		changed |= s->quiet == QUIET_MARKS;
	}
	if (changed)
		earmark_job_changed();
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
}

static bool engine_empty(const struct earmark_engine *e)
{
	return !atomic64_read(&e->done[0]) && !atomic64_read(&e->done[1]);
}

/* After a gather: let go of engines that are gone or long without work. */
void earmark_sched_reap(void)
{
	struct earmark_sched *s, *next;
	unsigned long flags;

	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	list_for_each_entry_safe(s, next, &sched_list, list) {
		if (s->released && engine_empty(&s->engine)) {
			earmark_engine_remove(&earmark_books.account, &s->engine);
			list_del(&s->list);
			nr_scheds--;
			kfree_rcu(s, rcu);
			continue;
		}
		if (!s->dropped && s->quiet > QUIET_MARKS && !s->busy) {
			sched_drop(s);
			earmark_job_changed();
		}
	}
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
}

void earmark_sched_exit(void)
{
	struct earmark_sched *s, *next;

	list_for_each_entry_safe(s, next, &sched_list, list)
		kfree_rcu(s, rcu);
}
