/* SPDX-License-Identifier: GPL-2.0 */
/* How GPUs enter and change the inventory: by request, by being seen, by their drivers. */
#ifndef EARMARK_INVENTORY_H
#define EARMARK_INVENTORY_H

#include <linux/types.h>

struct device;
struct earmark_gpu;
struct netlink_ext_ack;

/**
 * struct earmark_gpu_set - a request to add or amend; NULL and negative = leave alone
 */
struct earmark_gpu_set {
	const char *name;
	const char *model;
	const char *uuid;
	s64 weight;
	s64 meter;
	const u32 *devnums;
	u32 nr_devnums;
};

int earmark_inventory_init(void);
void earmark_inventory_exit(void);
int earmark_inventory_set(const struct earmark_gpu_set *set, u32 *id,
			  struct netlink_ext_ack *extack);
void earmark_inventory_scan(struct earmark_gpu *gpu, struct device *dev);
void earmark_inventory_kick(void);

#endif /* EARMARK_INVENTORY_H */
