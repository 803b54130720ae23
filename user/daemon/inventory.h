/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The GPUs of this node, found in sysfs and kept: once seen, a GPU stays until it is retired. A
 * GPU is a device with a DRM render node (a display without one is none), or one that NVIDIA's
 * driver names: then what that says of it goes before what sysfs says.
 */
#ifndef EM_DAEMON_INVENTORY_H
#define EM_DAEMON_INVENTORY_H

#include "daemon/config.h"
#include "kernel/nvidia.h"
#include "kernel/source.h"

/**
 * struct em_gpu - one GPU
 * @info: as registered, or to be
 * @present: its driver is bound
 * @told: the source knows @info and @present
 * @seen: by the scan that is under way
 */
struct em_gpu {
	struct earmark_gpu_info info;
	char driver[32];
	bool present, told, seen;
	struct em_gpu *next;
};

/* struct em_inventory - @nvidia: where NVIDIA's GPUs are asked for; NULL = they are not */
struct em_inventory {
	struct em_gpu *gpus;
	struct em_nvidia *nvidia;
};

/* Looks at /sys/class/drm, and asks NVIDIA's driver. Return: 1 something changed, 0 nothing,
 * -errno. */
int em_inventory_scan(struct em_inventory *inv, const struct em_config *config);
/* Tells @source what it does not know yet. Return: 0 or the first failure. */
int em_inventory_tell(struct em_inventory *inv, struct em_source *source);
void em_inventory_untold(struct em_inventory *inv); /* another source: it knows nothing */
void em_inventory_forget(struct em_inventory *inv, const char *name);
void em_inventory_clear(struct em_inventory *inv);

/* The kernel's own uevents, which need no udev: a socket that is readable when devices come and
 * go. em_inventory_event() empties it. Return: 1 DRM devices or modules changed, 0 others did.
 */
int em_inventory_events_open(void);
int em_inventory_event(int fd);

#endif
