/* SPDX-License-Identifier: GPL-2.0 */
/* What the cgroup core tells: a job's last process left, a process moved between jobs. */
#ifndef EARMARK_CGROUP_H
#define EARMARK_CGROUP_H

#include <linux/types.h>

struct task_struct;

int earmark_cgroup_init(void);
void earmark_cgroup_exit(void);
void earmark_cgroup_seen(const struct task_struct *task, u64 job);

#endif /* EARMARK_CGROUP_H */
