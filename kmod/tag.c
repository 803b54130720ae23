// SPDX-License-Identifier: GPL-2.0
/* Tags; see tag.h. */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat.h"
#include "interval.h"
#include "job.h"
#include "tag.h"

#define CHANGES_MAX 64 /* of one cgroup in an interval: its history stays exact */
#define SELF_MAX 1000  /* by the unprivileged in an interval */

/* All under the mutex. */
static u32 last_id;
static u32 self_tags;
static u64 self_tags_in;

/**
 * struct change - a tag about to be set
 * @own: the job's tag from now on; NULL = none
 * @jobs: those whose effective tag changes (by .affected), .next being the new one
 * @cells: ready for them; @nr_cells of them
 * @created: how many jobs had been registered when @jobs was made
 */
struct change {
	struct earmark_job *job;
	struct earmark_tag *own;
	struct list_head jobs;
	struct list_head cells;
	u32 nr_cells;
	u32 created;
};

static int allowed(struct file *dir, struct cgroup *cgrp, const struct earmark_tag *tag,
		   struct netlink_ext_ack *extack)
{
	bool below;

	if (tag->tagged_by > EARMARK_TAGGED_BY_SELF) {
		NL_SET_ERR_MSG(extack,
			       "only an administrator may tag as rule, scheduler or operator");
		return -EPERM;
	}
	if (compat_file_permission(dir, MAY_WRITE)) {
		NL_SET_ERR_MSG(extack, "you may not write this cgroup's directory");
		return -EPERM;
	}
	rcu_read_lock();
	below = cgroup_is_descendant(cgrp, task_dfl_cgroup(current));
	rcu_read_unlock();
	if (!below) {
		NL_SET_ERR_MSG(extack, "the cgroup is not your own nor below it");
		return -EPERM;
	}
	return 0;
}

static int self_check(struct netlink_ext_ack *extack)
{
	if (self_tags_in != earmark_interval_open())
		self_tags = 0;
	self_tags_in = earmark_interval_open();
	if (self_tags >= SELF_MAX) {
		NL_SET_ERR_MSG(extack,
			       "too many tags by users in this interval: try again in the next");
		return -EAGAIN;
	}
	self_tags++;
	return 0;
}

/* @job is the cgroup's, or NULL if it is not registered yet. */
static int tag_check(struct earmark_job *job, const struct earmark_tag *tag, bool spared,
		     struct netlink_ext_ack *extack)
{
	if (job && job->own && job->own->tagged_by > tag->tagged_by) {
		NL_SET_ERR_MSG(extack, "a stronger tag stands on this cgroup");
		return -EPERM;
	}
	if ((!job || !job->own) && tag->purpose == EARMARK_PURPOSE_UNTAGGED) {
		NL_SET_ERR_MSG(extack, "there is no tag on this cgroup to remove");
		return -ENOENT;
	}
	if (job && job->changes_in == earmark_interval_open() && job->changes >= CHANGES_MAX) {
		NL_SET_ERR_MSG(
			extack,
			"too many tag changes of this cgroup in this interval: try again in the next");
		return -EAGAIN;
	}
	return spared ? 0 : self_check(extack);
}

static void tag_count(struct earmark_job *job)
{
	if (job->changes_in != earmark_interval_open())
		job->changes = 0;
	job->changes_in = earmark_interval_open();
	job->changes++;
}

/* Which jobs' effective tags change? Under the mutex, outside the lock. */
static void change_plan(struct change *c)
{
	struct earmark_job *job;
	unsigned long flags;

	INIT_LIST_HEAD(&c->jobs);
	c->created = earmark_job_created();
	c->nr_cells = 0;
	list_for_each_entry_rcu(job, earmark_job_list(), list,
				lockdep_is_held(&earmark_books.mutex)) {
		if (!cgroup_is_descendant(job->cgroup, c->job->cgroup))
			continue;
		job->next = earmark_job_effective(job->cgroup, c->job, c->own);
		if (job->next == job->effective)
			continue;
		list_add_tail(&job->affected, &c->jobs);
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		c->nr_cells += earmark_job_holders(&job->account);
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	}
}

static bool change_room(struct change *c)
{
	struct earmark_cell *cell;
	u32 n = c->nr_cells;

	list_for_each_entry(cell, &c->cells, node)
		n -= !!n;
	while (n--) {
		cell = kmalloc(sizeof(*cell), GFP_KERNEL_ACCOUNT);
		if (!cell)
			return false;
		list_add(&cell->node, &c->cells);
		cond_resched();
	}
	return true;
}

/* Under the lock. Return: is the plan still right? */
static bool change_valid(struct change *c)
{
	struct earmark_job *job;
	u32 n = 0;

	if (c->created != earmark_job_created())
		return false;
	list_for_each_entry(job, &c->jobs, affected)
		n += earmark_job_holders(&job->account);
	return n <= c->nr_cells;
}

/* Under the lock: all affected jobs at one instant. */
static void change_apply(struct change *c, struct earmark_event_node *event, u64 now)
{
	struct earmark_job *job;

	earmark_tag_put(c->job->own);
	WRITE_ONCE(c->job->own, earmark_tag_get(c->own));
	c->job->ending = false;
	list_for_each_entry(job, &c->jobs, affected) {
		earmark_tag_put(job->effective);
		job->effective = earmark_tag_get(job->next);
		earmark_job_retag(&earmark_books.account, &job->account,
				  earmark_tag_id(job->effective), &c->cells, now);
	}
	earmark_job_changed();
	earmark_event_add(event, now);
}

/* Under the mutex. Return: 0, or -ENOMEM, or -ENOSPC if the event would be lost. */
static int change_make(struct change *c, struct earmark_event_node *event, bool spared)
{
	unsigned long flags;
	int ret = -EAGAIN;

	while (ret == -EAGAIN) {
		change_plan(c);
		if (!change_room(c))
			return -ENOMEM;
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		if (!earmark_event_room(spared)) {
			ret = -ENOSPC;
		} else if (change_valid(c)) {
			change_apply(c, event, ktime_get_ns());
			ret = 0;
		}
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	}
	return ret;
}

/* Register the cgroup as a job. Under the mutex. */
static struct earmark_job *job_add(struct cgroup *cgrp, bool spared, struct netlink_ext_ack *extack)
{
	struct earmark_spare spare = {};
	struct earmark_job *job;
	unsigned long flags;

	/* users leave room for the operator's jobs */
	if (earmark_job_count() < earmark_max_jobs - (spared ? 0 : earmark_max_jobs / 4))
		earmark_spare_fill_job(&spare, current, cgrp, GFP_KERNEL_ACCOUNT);
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	job = earmark_spare_take_job(&spare, cgrp, ktime_get_ns());
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	earmark_spare_free(&spare);
	if (!job)
		NL_SET_ERR_MSG(extack, "too many jobs, or out of memory, or the cgroup is gone");
	return job;
}

static void event_fill(struct earmark_event *e, const struct earmark_tag *tag)
{
	e->purpose = tag->purpose;
	e->tagged_by = tag->tagged_by;
	e->job = tag->job;
	e->tag = tag->id;
	e->uid = tag->uid;
	e->gid = tag->gid;
	e->pid = tag->pid;
	memcpy(e->comm, tag->comm, sizeof(e->comm));
	memcpy(e->project, tag->project, sizeof(e->project));
	memcpy(e->ref, tag->ref, sizeof(e->ref));
}

/* Who was counted as @job's until it became one can have left an ancestor empty. */
static void ancestors_check(struct earmark_job *job)
{
	struct cgroup *cgrp = job->cgroup;
	struct earmark_job *at;

	while ((cgrp = cgroup_parent(cgrp))) {
		rcu_read_lock();
		at = earmark_job_find(cgroup_id(cgrp));
		rcu_read_unlock(); /* the mutex keeps it */
		if (at)
			earmark_job_check_empty(at);
	}
}

static int tag_set(struct cgroup *cgrp, struct earmark_tag *tag, bool spared,
		   struct earmark_event_node *event, struct netlink_ext_ack *extack)
{
	struct change c = { .cells = LIST_HEAD_INIT(c.cells) };
	struct earmark_cell *cell, *next;
	int ret;

	rcu_read_lock();
	c.job = earmark_job_find(cgroup_id(cgrp));
	rcu_read_unlock(); /* the mutex keeps it */
	ret = tag_check(c.job, tag, spared, extack);
	if (ret)
		return ret;
	if (!c.job)
		c.job = job_add(cgrp, spared, extack);
	if (!c.job)
		return -ENOSPC;
	tag_count(c.job);
	tag->id = ++last_id;
	event_fill(&event->event, tag);
	c.own = tag->purpose == EARMARK_PURPOSE_UNTAGGED ? NULL : tag;
	ret = change_make(&c, event, spared);
	list_for_each_entry_safe(cell, next, &c.cells, node)
		kfree(cell);
	if (ret == -ENOSPC)
		NL_SET_ERR_MSG(extack,
			       "the interval's list of events is full: try again in the next");
	else if (ret)
		NL_SET_ERR_MSG(extack, "out of memory");
	else
		ancestors_check(c.job);
	return ret;
}

/**
 * earmark_tag_set() - tag a cgroup
 * @dir: the directory, as the caller opened it
 * @cgrp: its cgroup
 * @tag: filled in but for its id; a reference of the caller's, who reads the id afterwards
 * @admin: the caller has CAP_SYS_ADMIN in the initial user namespace
 */
int earmark_tag_set(struct file *dir, struct cgroup *cgrp, struct earmark_tag *tag, bool admin,
		    struct netlink_ext_ack *extack)
{
	/* the limits of users hold as well for those whom an administrator tags for */
	bool spared = admin && (!tag->uid || tag->tagged_by > EARMARK_TAGGED_BY_SELF);
	struct earmark_event_node *event;
	int ret = 0;

	if (!admin)
		ret = allowed(dir, cgrp, tag, extack);
	if (ret)
		return ret;
	if (!(READ_ONCE(cgrp->self.flags) & CSS_ONLINE)) {
		NL_SET_ERR_MSG(extack, "the cgroup is gone");
		return -ENOENT;
	}
	event = earmark_event_new(EARMARK_EVENT_TAG, GFP_KERNEL_ACCOUNT);
	if (!event) {
		NL_SET_ERR_MSG(extack, "out of memory");
		return -ENOMEM;
	}
	tag->job = cgroup_id(cgrp);
	mutex_lock(&earmark_books.mutex);
	ret = tag_set(cgrp, tag, spared, event, extack);
	mutex_unlock(&earmark_books.mutex);
	if (ret)
		earmark_event_drop(event);
	earmark_event_kick();
	return ret;
}
