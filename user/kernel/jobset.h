/* SPDX-License-Identifier: GPL-2.0 */
/* Which cgroups are jobs now, and which job a cgroup's work is charged to. */
#ifndef EM_JOBSET_H
#define EM_JOBSET_H

#include "kernel/source.h"

/* struct em_jobset - sorted by id */
struct em_jobset {
	__u64 *ids;
	size_t n, room;
};

/* Reads them from the recorder. Return: 0 or -errno; em_jobset_clear() either way. */
int em_jobset_read(struct em_jobset *jobs, struct em_source *source);
void em_jobset_clear(struct em_jobset *jobs);

/*
 * Where a process's work goes. Return: its cgroup if that is a job, else the nearest one above that
 * is, else its cgroup: it may become one; 0: it is gone.
 */
__u64 em_jobset_of_pid(const struct em_jobset *jobs, __u32 pid);

/* The same where the process's cgroup is known: if it is a job there is nothing to look up. */
__u64 em_jobset_of(const struct em_jobset *jobs, __u64 cgroup, __u32 pid);

#endif
