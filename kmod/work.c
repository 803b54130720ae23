// SPDX-License-Identifier: GPL-2.0
/* Work that is told; see work.h. */
#include <linux/cgroup.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "gpu.h"
#include "job.h"
#include "netlink.h"
#include "work.h"

/* A job's cgroup, though its directory be gone; else one that is there. With a reference. */
static struct cgroup *cgroup_by_id(u64 id)
{
	struct cgroup *cgrp = NULL;
	struct earmark_job *job;

	rcu_read_lock();
	job = earmark_job_find(id);
	if (job && cgroup_tryget(job->cgroup))
		cgrp = job->cgroup;
	rcu_read_unlock();
	return cgrp ?: cgroup_get_from_id(id);
}

/* Under the lock. Return: 0, -EAGAIN: what was looked up before it has changed, or -ENOENT. */
static int work_book(struct earmark_spare *spare, struct cgroup *cgrp, u32 id,
		     const struct earmark_work *work)
{
	struct earmark_gpu *gpu = earmark_gpu_by_id(id);
	struct earmark_holder *h;
	u64 now = ktime_get_ns();

	if (!gpu)
		return -ENOENT;
	h = earmark_spare_take(spare, cgrp, gpu, now);
	if (!h)
		return -EAGAIN;
	if (earmark_holder_tell(&earmark_books.account, h, work, now))
		earmark_lost(EARMARK_LOST_HISTORY, 1);
	return 0;
}

static int work_try(struct earmark_spare *spare, struct cgroup *cgrp, u32 id,
		    const struct earmark_work *work)
{
	struct earmark_gpu *gpu;
	unsigned long flags;
	int ret = -ENOENT;

	rcu_read_lock();
	gpu = earmark_gpu_by_id(id);
	if (gpu)
		ret = earmark_spare_fill(spare, NULL, cgrp, gpu, EARMARK_ATOMIC) ? 0 : -ENOMEM;
	if (!ret) {
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		ret = work_book(spare, cgrp, id, work);
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	}
	rcu_read_unlock();
	return ret;
}

static int work_tell(u32 id, u64 job, const struct earmark_work *work,
		     struct netlink_ext_ack *extack)
{
	struct cgroup *cgrp = cgroup_by_id(job);
	struct earmark_spare spare = {};
	int ret = -EAGAIN, tries;

	if (IS_ERR_OR_NULL(cgrp)) {
		NL_SET_ERR_MSG(extack, "there is no cgroup of that id");
		return -ENOENT;
	}
	for (tries = 0; ret == -EAGAIN && tries < 3; tries++)
		ret = work_try(&spare, cgrp, id, work);
	earmark_spare_free(&spare);
	cgroup_put(cgrp);
	earmark_event_kick();
	if (ret == -ENOENT)
		NL_SET_ERR_MSG(extack, "no GPU of that id is in the inventory");
	else if (ret)
		NL_SET_ERR_MSG(extack, "no memory, or no room for another job");
	return ret;
}

static bool work_whole(struct nlattr **attrs)
{
	static const u8 needed[] = { EARMARK_A_GPU,   EARMARK_A_JOB,   EARMARK_A_START,
				     EARMARK_A_END,   EARMARK_A_VALUE, EARMARK_A_ERROR,
				     EARMARK_A_CLASS, EARMARK_A_STATE };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		if (!attrs[needed[i]])
			return false;
	}
	return nla_get_u8(attrs[EARMARK_A_STATE]) <= 1;
}

int earmark_work_add(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;
	struct earmark_work work = {};
	const char *why;
	int ret = earmark_netlink_admin(skb, info->extack);

	if (ret)
		return ret;
	if (!work_whole(attrs)) {
		NL_SET_ERR_MSG(info->extack, "GPU, JOB, START, END, VALUE, ERROR, CLASS and "
					     "a STATE of 0 or 1 are needed");
		return -EINVAL;
	}
	work.start = nla_get_u64(attrs[EARMARK_A_START]);
	work.end = nla_get_u64(attrs[EARMARK_A_END]);
	work.busy = nla_get_u64(attrs[EARMARK_A_VALUE]);
	work.error = nla_get_u64(attrs[EARMARK_A_ERROR]);
	work.class = nla_get_u32(attrs[EARMARK_A_CLASS]);
	work.works = nla_get_u8(attrs[EARMARK_A_STATE]);
	why = earmark_work_check(&work, ktime_get_ns());
	if (why) {
		if (info->extack)
			info->extack->_msg = why;
		return -EINVAL;
	}
	return work_tell(nla_get_u32(attrs[EARMARK_A_GPU]), nla_get_u64(attrs[EARMARK_A_JOB]),
			 &work, info->extack);
}
