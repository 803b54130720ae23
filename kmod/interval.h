/* SPDX-License-Identifier: GPL-2.0 */
/* Intervals: sealing the open one each period, and keeping the sealed until acknowledged. */
#ifndef EARMARK_INTERVAL_H
#define EARMARK_INTERVAL_H

#include <linux/list.h>
#include <linux/refcount.h>

#include "../include/uapi/earmark.h"

struct netlink_ext_ack;

/**
 * struct earmark_sealed - a sealed interval; immutable
 * @node: in the chain, oldest first; under the chain's mutex
 * @refs: the chain's and every dump's that is reading it
 * @bytes: of memory, counted against the keep
 */
struct earmark_sealed {
	struct list_head node;
	refcount_t refs;
	size_t bytes;
	struct earmark_interval header;
	u8 hash[EARMARK_HASH_LEN];
	struct earmark_segment *segments;
	struct earmark_event *events;
};

/* Bounds of what may be configured. */
#define EARMARK_PERIOD_MIN 10000000ULL /* 10 ms */
#define EARMARK_PERIOD_MAX 3600000000000ULL
#define EARMARK_KEEP_MIN (64ULL << 10)
#define EARMARK_KEEP_MAX (1ULL << 30)

/* interval.c: sealing */
int earmark_interval_init(u64 period);
void earmark_interval_exit(void);
int earmark_interval_poll(u64 *number, struct netlink_ext_ack *extack);
int earmark_interval_seal(u64 *number, struct netlink_ext_ack *extack);
int earmark_interval_config(const u64 *period, const u64 *keep);
int earmark_interval_retire(u32 gpu, const char *reason, struct netlink_ext_ack *extack);
u64 earmark_interval_open(void);
void earmark_interval_status(struct earmark_status *st);

/* chain.c: keeping */
int earmark_chain_init(u64 keep);
void earmark_chain_exit(void);
struct earmark_sealed *earmark_chain_new(u32 nr_segments, u32 nr_events);
bool earmark_chain_room(u32 nr_segments, u32 nr_events);
void earmark_chain_add(struct earmark_sealed *s);
void earmark_chain_keep(u64 bytes);
struct earmark_sealed *earmark_chain_get(u64 number, struct earmark_sealed *last);
void earmark_chain_put(struct earmark_sealed *s);
int earmark_chain_ack(u64 number, const u8 *hash, struct netlink_ext_ack *extack);
void earmark_chain_status(struct earmark_status *st);

#endif /* EARMARK_INTERVAL_H */
