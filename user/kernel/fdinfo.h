/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a DRM driver says of an open file's work in /proc/PID/fdinfo/FD: the keys of the kernel's
 * Documentation/gpu/drm-usage-stats.rst. Keys that it does not know, and values that are not as
 * that document has them, are left out: a driver's mistake is no work.
 */
#ifndef EM_FDINFO_H
#define EM_FDINFO_H

#include <stdbool.h>
#include <stddef.h>
#include "earmark.h"

#define EM_FDINFO_ENGINES 32
#define EM_FDINFO_KEY_LEN 32

/**
 * struct em_fdinfo_engine - engines of one kind
 * @ns: drm-engine-: for how long they have worked, ns, summed over all of the kind
 * @cycles, @total_cycles: drm-cycles-, drm-total-cycles-: the same by the GPU's own clock, and
 *	what that clock says; its rate is not told
 * @capacity: how many there are of the kind; 1 where it is not said
 * @has_ns, @has_cycles: which of the two is told (cycles: both of them)
 */
struct em_fdinfo_engine {
	char name[EM_FDINFO_KEY_LEN];
	__u64 ns, cycles, total_cycles;
	__u32 capacity;
	bool has_ns, has_cycles;
};

/**
 * struct em_fdinfo - of one open file
 * @driver, @pdev: "" = not said
 * @client: which DRM client, if @has_client: files that were duplicated or passed have the same,
 *	on the same device
 * @resident: memory on or for the GPU, bytes, as drm-resident-, else drm-memory-, else drm-total-
 * @left_out: engines that found no room
 */
struct em_fdinfo {
	char driver[EM_FDINFO_KEY_LEN], pdev[EM_FDINFO_KEY_LEN];
	__u64 client, resident;
	struct em_fdinfo_engine engines[EM_FDINFO_ENGINES];
	unsigned int n, left_out;
	bool has_client, has_memory;
};

/* Cuts @text to pieces. Return: 0, or -ENODATA: it is of no DRM driver that says anything. */
int em_fdinfo_parse(struct em_fdinfo *info, char *text);

/* Return: as em_fdinfo_parse(), or -errno: it cannot be read (-ENOENT: it is closed). */
int em_fdinfo_read(struct em_fdinfo *info, __u32 pid, __u32 fd);

/* Return: have its engines worked for it? */
bool em_fdinfo_worked(const struct em_fdinfo *info);

/* Return: how many engines there are, of all kinds: what can pass of engine time in a time. */
__u64 em_fdinfo_capacity(const struct em_fdinfo *info);

/* Return: 1 its engines have worked for it, 0 none has, -ENODATA nothing is said, -errno. */
int em_fdinfo_works(__u32 pid, __u32 fd);

#endif
