/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module, spoken to over generic netlink; the only user of libnl. Commands are those of
 * earmark.h. Every call returns 0 or a negative errno; then em_netlink_error() is one
 * sentence for people (the kernel's extack where there is one), valid until the next call.
 */
#ifndef EM_NETLINK_H
#define EM_NETLINK_H

#include <stdbool.h>
#include "kernel/interval.h"

struct em_netlink;
struct em_work;

/* -ENOENT: the module is not loaded; -EPROTO: it speaks another EARMARK_VERSION. */
int em_netlink_open(struct em_netlink **nl);
const char *em_netlink_trouble(int error); /* a clause on why em_netlink_open() failed */
void em_netlink_close(struct em_netlink *nl);
const char *em_netlink_error(const struct em_netlink *nl);

int em_netlink_status(struct em_netlink *nl, struct earmark_status *status);
/* @tag: purpose, tagged_by, project and ref; em_netlink_tag_for() also uid, gid, pid and comm of
 * who asked, which only an administrator may say.
 */
int em_netlink_tag(struct em_netlink *nl, int cgroup_fd, const struct earmark_event *tag,
		   __u32 *id);
int em_netlink_tag_for(struct em_netlink *nl, int cgroup_fd, const struct earmark_event *tag,
		       __u32 *id);
int em_netlink_jobs(struct em_netlink *nl, int (*each)(const struct earmark_job_info *, void *),
		    void *arg);
int em_netlink_gpus(struct em_netlink *nl, int (*each)(const struct earmark_gpu_info *, void *),
		    void *arg);
int em_netlink_gpu_set(struct em_netlink *nl, const struct earmark_gpu_info *gpu, __u32 *id);
int em_netlink_gpu_retire(struct em_netlink *nl, __u32 gpu, const char *reason);

/* Calls @each for every kept interval from @from (0 = oldest) on, in order; the callback
 * may take the arrays over by clearing them. Stops at the first non-zero return, returned.
 */
int em_netlink_intervals(struct em_netlink *nl, __u64 from,
			 int (*each)(struct em_interval *, void *), void *arg);
int em_netlink_ack(struct em_netlink *nl, __u64 number, const __u8 hash[EARMARK_HASH_LEN]);
int em_netlink_seal(struct em_netlink *nl, __u64 *number);
int em_netlink_config(struct em_netlink *nl, __u64 period, __u64 keep); /* 0 = unchanged */
int em_netlink_seeded(struct em_netlink *nl);
int em_netlink_polled(struct em_netlink *nl, __u64 *number);
int em_netlink_file_set(struct em_netlink *nl, __u64 file, bool works);
int em_netlink_work_add(struct em_netlink *nl, const struct em_work *work);
int em_netlink_lost_add(struct em_netlink *nl, unsigned int counter, __u64 value, __u32 gpu);

/* A second socket subscribed to the events group; -errno or its fd, owned by @nl. Readable:
 * em_netlink_event_read() calls @each for what is there; -ENOBUFS says that some were lost
 * (the intervals still hold them all).
 */
int em_netlink_event_fd(struct em_netlink *nl);
int em_netlink_event_read(struct em_netlink *nl, int (*each)(const struct earmark_event *, void *),
			  void *arg);

#endif
