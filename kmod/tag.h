/* SPDX-License-Identifier: GPL-2.0 */
/* Tags: purpose, project and ref of a cgroup, who said so, and with what authority. */
#ifndef EARMARK_TAG_H
#define EARMARK_TAG_H

#include <linux/rcupdate.h>
#include <linux/refcount.h>

#include "../include/uapi/earmark.h"

struct cgroup;
struct file;
struct netlink_ext_ack;

/**
 * struct earmark_tag - immutable once it stands on a job
 * @refs: the job it stands on and every job it is in force for
 * @id: unique in this load, increasing
 * @job: cgroup id that it stands on
 * @uid, @gid, @pid, @comm: who set it, in the initial namespaces
 */
struct earmark_tag {
	refcount_t refs;
	struct rcu_head rcu;
	u32 id;
	u8 purpose;
	u8 tagged_by;
	u64 job;
	u32 uid;
	u32 gid;
	u32 pid;
	char comm[TASK_COMM_LEN];
	char project[EARMARK_PROJECT_LEN];
	char ref[EARMARK_REF_LEN];
};

static inline struct earmark_tag *earmark_tag_get(struct earmark_tag *tag)
{
	if (tag)
		refcount_inc(&tag->refs);
	return tag;
}

/* Safe under any lock. */
static inline void earmark_tag_put(struct earmark_tag *tag)
{
	if (tag && refcount_dec_and_test(&tag->refs))
		kfree_rcu(tag, rcu);
}

static inline u32 earmark_tag_id(const struct earmark_tag *tag)
{
	return tag ? tag->id : 0;
}

int earmark_tag_set(struct file *dir, struct cgroup *cgrp, struct earmark_tag *tag, bool admin,
		    struct netlink_ext_ack *extack);

#endif /* EARMARK_TAG_H */
