// SPDX-License-Identifier: GPL-2.0
/* Events; see event.h. */
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "books.h"
#include "event.h"
#include "netlink.h"

/*
 * Who may fill the list. Any user can make events of the first kind by creating cgroups and
 * moving processes; they must leave room for tags, and unprivileged tags for the operator's.
 */
#define ROOM_ANYBODY (EARMARK_EVENTS_MAX - 1536)
#define ROOM_SELF (EARMARK_EVENTS_MAX - 512)

/* All under the books' lock. */
static LIST_HEAD(open_events);
static LIST_HEAD(unsent_events);
static u32 nr_open;

static void event_put(struct earmark_event_node *node)
{
	if (refcount_dec_and_test(&node->refs))
		kfree(node);
}

static void event_send(struct work_struct *work)
{
	struct earmark_event_node *node;
	unsigned long flags;

	for (;;) {
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		node = list_first_entry_or_null(&unsent_events, struct earmark_event_node, unsent);
		if (node)
			list_del_init(&node->unsent);
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
		if (!node)
			return;
		earmark_netlink_event(&node->event);
		event_put(node);
		cond_resched();
	}
}

static DECLARE_WORK(send_work, event_send);

/* Return: a blank event, or NULL, which earmark_event_add() will count as lost. */
struct earmark_event_node *earmark_event_new(enum earmark_event_type type, gfp_t gfp)
{
	struct earmark_event_node *node = kzalloc(sizeof(*node), gfp);

	if (node)
		node->event.type = type;
	return node;
}

/* An event that was not added. Not under the books' lock. */
void earmark_event_drop(struct earmark_event_node *node)
{
	kfree(node);
}

/**
 * earmark_event_add() - the event happened
 * @node: owned by the list from here; NULL = there was no memory for it
 * @now: its instant, read under the books' lock, which the caller holds
 *
 * The caller calls earmark_event_kick() once it has let go of the lock.
 */
void earmark_event_add(struct earmark_event_node *node, u64 now)
{
	u32 room = EARMARK_EVENTS_MAX;

	if (!node) {
		earmark_lost(EARMARK_LOST_EVENT, 1);
		return;
	}
	if (node->event.type == EARMARK_EVENT_JOB || node->event.type == EARMARK_EVENT_JOB_END ||
	    node->event.type == EARMARK_EVENT_MOVE)
		room = ROOM_ANYBODY;
	if (nr_open >= room) {
		earmark_lost(EARMARK_LOST_EVENT, 1);
		kfree_rcu(node, rcu);
		return;
	}
	node->event.when = now;
	refcount_set(&node->refs, 2);
	list_add_tail(&node->open, &open_events);
	list_add_tail(&node->unsent, &unsent_events);
	nr_open++;
}

/* Return: will a tag's event be kept? Under the books' lock. */
bool earmark_event_room(bool admin)
{
	return nr_open < (admin ? EARMARK_EVENTS_MAX : ROOM_SELF);
}

void earmark_event_kick(void)
{
	if (!list_empty_careful(&unsent_events))
		schedule_work(&send_work);
}

void earmark_event_flush(void)
{
	flush_work(&send_work);
}

/* Return: how many events the open interval has. Under the books' lock. */
u32 earmark_event_count(void)
{
	return nr_open;
}

/* Hand the open interval's events over, under the lock of its flip. */
void earmark_event_take(struct list_head *out)
{
	list_splice_tail_init(&open_events, out);
	nr_open = 0;
}

/* After a copy of the event was sealed. */
void earmark_event_sealed(struct earmark_event_node *node)
{
	list_del(&node->open);
	event_put(node);
}

void earmark_event_exit(void)
{
	struct earmark_event_node *node, *next;

	cancel_work_sync(&send_work);
	list_for_each_entry_safe(node, next, &unsent_events, unsent) {
		list_del(&node->unsent);
		event_put(node);
	}
	list_for_each_entry_safe(node, next, &open_events, open)
		earmark_event_sealed(node);
}
