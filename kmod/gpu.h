/* SPDX-License-Identifier: GPL-2.0 */
/* The inventory: GPUs by name and by device number. It forgets none until it is retired. */
#ifndef EARMARK_GPU_H
#define EARMARK_GPU_H

#include <linux/device.h>

#include "books.h"
#include "event.h"

struct netlink_ext_ack;

/**
 * struct earmark_gpu - a GPU of the inventory
 * @node: in the inventory, ordered by id; walked under RCU, the lock or the mutex
 * @name: "<bus>/<device>"; never changes
 * @model, @uuid, @weight, @meter, @devnums: amended under the lock
 * @since: in the inventory from
 * @unseeded: the seed generation that HOLD or LOST was last set in: only a walk over the open
 *	files that began later may clear them
 * @turnover: of its account at the last poll; @steady: which found it as it had been before
 * @dev: to be looked through for DRM minors by the scan work; a reference, or NULL
 *
 * Freed through RCU once it is retired and nothing holds or meters it.
 */
struct earmark_gpu {
	struct list_head node;
	struct earmark_gpu_account account;
	char name[EARMARK_NAME_LEN];
	char model[EARMARK_PROJECT_LEN];
	char uuid[EARMARK_REF_LEN];
	u32 weight;
	u32 meter;
	u32 nr_devnums;
	u32 devnums[EARMARK_DEVNUMS_MAX];
	u64 since;
	u32 unseeded;
	u32 turnover;
	bool steady;
	struct device *dev;
	struct rcu_head rcu;
};

void earmark_gpu_exit(void);
int earmark_gpu_retire_id(u32 id, const char *reason, struct netlink_ext_ack *extack);
int earmark_gpu_lost(u32 id);
void earmark_gpu_reap(void);

/* Under RCU, the lock or the mutex */
struct list_head *earmark_gpu_list(void);
struct earmark_gpu *earmark_gpu_by_devnum(u32 devnum);

/* Under the lock */
struct earmark_gpu *earmark_gpu_by_name(const char *name);
struct earmark_gpu *earmark_gpu_alloc(const char *name, gfp_t gfp);
struct earmark_gpu *earmark_gpu_by_id(u32 id);
bool earmark_gpu_full(void);
bool earmark_gpu_unmetered(const struct earmark_gpu *gpu);
bool earmark_gpu_fileless(const struct earmark_gpu *gpu);
void earmark_gpu_filed(struct earmark_gpu *gpu, bool was_fileless, u64 now);
void earmark_gpu_add(struct earmark_gpu *gpu, u64 now);
void earmark_gpu_tell(const struct earmark_gpu *gpu, struct earmark_event_node *node, u64 now);
bool earmark_gpu_may_have(struct earmark_gpu *gpu, u32 number);
void earmark_gpu_set_devnums(struct earmark_gpu *gpu, const u32 *numbers, u32 nr, void **room,
			     u64 now);
void earmark_gpu_drop_devnums(struct earmark_gpu *gpu);
void earmark_gpu_meter_blind(bool blind, u64 now);
void earmark_gpu_hold_blind(bool disavow, u64 now);
void earmark_gpu_hold_lost(struct earmark_gpu *gpu, u64 now);
void earmark_gpu_hold_seeded(u32 walk, u64 now);
void earmark_gpu_hold_compare(bool first, u64 now);
void earmark_gpu_hold_polled(u32 walk, u64 now);

bool earmark_gpu_devnum_room(void **room, u32 nr);
bool earmark_gpu_name(const struct device *dev, char *out);

static inline struct earmark_gpu *earmark_account_gpu(struct earmark_gpu_account *account)
{
	return container_of(account, struct earmark_gpu, account);
}

#endif /* EARMARK_GPU_H */
