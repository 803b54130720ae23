/* SPDX-License-Identifier: GPL-2.0 */
/* Events of the open interval: kept for its seal, and sent to the multicast group. */
#ifndef EARMARK_EVENT_H
#define EARMARK_EVENT_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>

#include "../include/uapi/earmark.h"

#define EARMARK_EVENTS_MAX 4096 /* in one interval */

/**
 * struct earmark_event_node - an event on its way
 * @open: in the open interval's list, then in the sealing one's
 * @unsent: in the list of events to be sent
 * @refs: one for each of the two lists
 * @rcu: to free one that found no room, under the books' lock
 */
struct earmark_event_node {
	struct list_head open;
	struct list_head unsent;
	refcount_t refs;
	struct rcu_head rcu;
	struct earmark_event event;
};

void earmark_event_exit(void);
struct earmark_event_node *earmark_event_new(enum earmark_event_type type, gfp_t gfp);
void earmark_event_drop(struct earmark_event_node *node);
void earmark_event_add(struct earmark_event_node *node, u64 now);
bool earmark_event_room(bool admin);
void earmark_event_kick(void);
void earmark_event_flush(void);
u32 earmark_event_count(void);
void earmark_event_take(struct list_head *out);
void earmark_event_sealed(struct earmark_event_node *node);

#endif /* EARMARK_EVENT_H */
