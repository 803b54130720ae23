// SPDX-License-Identifier: GPL-2.0
/* Jobs; see job.h. */
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uidgid.h>

#include "gpu.h"
#include "job.h"
#include "tag.h"

#define JOB_BITS 12

unsigned int earmark_max_jobs = 65536;

static DEFINE_HASHTABLE(jobs, JOB_BITS);
static LIST_HEAD(job_list);
static u64 last_serial;
static u32 nr_jobs;
static u32 generation = 1; /* of the mapping from cgroups to jobs; 0 = never valid */

struct list_head *earmark_job_list(void)
{
	return &job_list;
}

u32 earmark_job_generation(void)
{
	return READ_ONCE(generation);
}

/* Return: grows with every job that is registered. */
u32 earmark_job_created(void)
{
	return READ_ONCE(last_serial);
}

u32 earmark_job_count(void)
{
	return READ_ONCE(nr_jobs);
}

/* Cached answers of earmark_job_of() are no longer valid. Under the lock. */
void earmark_job_changed(void)
{
	WRITE_ONCE(generation, generation + 1 ?: 1);
}

struct earmark_job *earmark_job_find(u64 id)
{
	struct earmark_job *job;

	hash_for_each_possible_rcu(jobs, job, node, id, true) {
		if (job->account.id == id)
			return job;
	}
	return NULL;
}

/* Return: the job of submissions from @cgrp, or NULL if it is not registered yet. */
struct earmark_job *earmark_job_of(struct cgroup *cgrp)
{
	struct earmark_job *job = earmark_job_find(cgroup_id(cgrp));

	while (!job && (cgrp = cgroup_parent(cgrp))) {
		job = earmark_job_find(cgroup_id(cgrp));
		if (job && !READ_ONCE(job->own))
			job = NULL;
	}
	return job;
}

/* Return: the first job after cursor @serial. Under the mutex. */
struct earmark_job *earmark_job_next(u64 serial)
{
	struct earmark_job *job;

	list_for_each_entry_rcu(job, &job_list, list, lockdep_is_held(&earmark_books.mutex)) {
		if (job->serial > serial)
			return job;
	}
	return NULL;
}

/**
 * earmark_job_effective() - the strongest, then the nearest, tag at or above @cgrp
 * @job: pretend that this job's own tag is @own; NULL = take all as they are
 */
struct earmark_tag *earmark_job_effective(struct cgroup *cgrp, const struct earmark_job *job,
					  struct earmark_tag *own)
{
	struct earmark_tag *tag, *best = NULL;
	struct earmark_job *at;

	for (; cgrp; cgrp = cgroup_parent(cgrp)) {
		at = earmark_job_find(cgroup_id(cgrp));
		if (!at)
			continue;
		tag = at == job ? own : READ_ONCE(at->own);
		if (tag && (!best || tag->tagged_by > best->tagged_by))
			best = tag;
	}
	return best;
}

/* The path as the initial namespace sees it, its tail if longer. Takes no lock. */
void earmark_job_path(struct cgroup *cgrp, char *out, size_t len)
{
	size_t at = len - 1, n;

	out[at] = 0;
	for (; cgroup_parent(cgrp) && at; cgrp = cgroup_parent(cgrp)) {
		n = min(strlen(cgrp->kn->name), at);
		at -= n;
		memcpy(out + at, cgrp->kn->name + strlen(cgrp->kn->name) - n, n);
		if (at)
			out[--at] = '/';
	}
	if (!out[at] && at)
		out[--at] = '/';
	memmove(out, out + at, len - at);
	memset(out + len - at, 0, at);
}

static struct earmark_job *job_alloc(struct task_struct *task, struct cgroup *cgrp, gfp_t gfp)
{
	struct earmark_job *job;

	if (nr_jobs >= earmark_max_jobs)
		return NULL;
	job = kzalloc(sizeof(*job), gfp);
	if (!job)
		return NULL;
	if (!cgroup_tryget(cgrp)) {
		kfree(job);
		return NULL;
	}
	job->cgroup = cgrp;
	job->uid = task ? from_kuid(&init_user_ns, task_uid(task)) : 0;
	return job;
}

/*
 * Everything for registering @cgrp, if it is not; @task NULL: nobody of it is at hand. Return:
 * false without memory or room.
 */
bool earmark_spare_fill_job(struct earmark_spare *s, struct task_struct *task, struct cgroup *cgrp,
			    gfp_t gfp)
{
	struct earmark_event *e;

	if (s->job)
		return true;
	s->job = job_alloc(task, cgrp, gfp);
	if (!s->job)
		return false;
	s->event = earmark_event_new(EARMARK_EVENT_JOB, gfp);
	if (s->event) {
		e = &s->event->event;
		e->job = cgroup_id(cgrp);
		e->uid = s->job->uid;
		if (task) {
			e->pid = task_tgid_nr(task);
			memcpy(e->comm, task->comm, sizeof(e->comm));
			e->comm[sizeof(e->comm) - 1] = 0;
		}
		earmark_job_path(cgrp, e->text, sizeof(e->text));
	}
	return true;
}

/* The same for a holder on @gpu. In an RCU section. */
bool earmark_spare_fill(struct earmark_spare *s, struct task_struct *task, struct cgroup *cgrp,
			struct earmark_gpu *gpu, gfp_t gfp)
{
	struct earmark_job *job = earmark_job_of(cgrp);

	if (!job && !earmark_spare_fill_job(s, task, cgrp, gfp))
		return false;
	if (job && earmark_job_holder(&job->account, &gpu->account))
		return true;
	if (!s->holder)
		s->holder = kmalloc(sizeof(*s->holder), gfp);
	if (!s->cell)
		s->cell = kmalloc(sizeof(*s->cell), gfp);
	return s->holder && s->cell;
}

/* Return: the job of this very cgroup, registered if need be; NULL: nothing spare. */
struct earmark_job *earmark_spare_take_job(struct earmark_spare *s, struct cgroup *cgrp, u64 now)
{
	struct earmark_job *job = earmark_job_find(cgroup_id(cgrp));

	if (job || !s->job || s->job->cgroup != cgrp)
		return job;
	job = s->job;
	s->job = NULL;
	job->effective = earmark_tag_get(earmark_job_effective(cgrp, NULL, NULL));
	earmark_job_init(&job->account, cgroup_id(cgrp), earmark_tag_id(job->effective), now);
	job->serial = last_serial + 1;
	hash_add_rcu(jobs, &job->node, job->account.id);
	list_add_tail_rcu(&job->list, &job_list);
	WRITE_ONCE(last_serial, job->serial);
	WRITE_ONCE(nr_jobs, nr_jobs + 1);
	earmark_job_changed();
	earmark_event_add(s->event, now);
	s->event = NULL;
	return job;
}

/* Return: the holder of @cgrp's job on @gpu; NULL: nothing spare. Under the lock. */
struct earmark_holder *earmark_spare_take(struct earmark_spare *s, struct cgroup *cgrp,
					  struct earmark_gpu *gpu, u64 now)
{
	struct earmark_job *job = earmark_job_of(cgrp);
	struct earmark_holder *h;

	if (!job)
		job = earmark_spare_take_job(s, cgrp, now);
	if (!job)
		return NULL;
	job->ending = false;
	h = earmark_job_holder(&job->account, &gpu->account);
	if (h || !s->holder || !s->cell)
		return h;
	h = s->holder;
	earmark_holder_init(&earmark_books.account, h, &job->account, &gpu->account, s->cell, now);
	s->holder = NULL;
	s->cell = NULL;
	return h;
}

void earmark_spare_free(struct earmark_spare *s)
{
	if (s->job)
		cgroup_put(s->job->cgroup);
	kfree(s->job);
	earmark_event_drop(s->event);
	kfree(s->holder);
	kfree(s->cell);
}

/* Return: is the directory gone and nobody in it? */
bool earmark_job_dead(const struct earmark_job *job)
{
	return !(READ_ONCE(job->cgroup->self.flags) & CSS_ONLINE) &&
	       !cgroup_is_populated(job->cgroup);
}

/* Return: does nobody run in it, jobs of their own below it not counted? In an RCU section. */
static bool job_empty(struct earmark_job *job)
{
	struct cgroup_subsys_state *pos = NULL;
	struct cgroup *cgrp;

	if (!cgroup_is_populated(job->cgroup))
		return true;
	while ((pos = css_next_descendant_pre(pos, &job->cgroup->self))) {
		cgrp = container_of(pos, struct cgroup, self);
		if (!READ_ONCE(cgrp->nr_populated_csets))
			continue;
		while (cgrp != job->cgroup && !earmark_job_find(cgroup_id(cgrp)))
			cgrp = cgroup_parent(cgrp);
		if (cgrp == job->cgroup)
			return false;
	}
	return true;
}

static bool job_holds(struct earmark_job *job)
{
	struct earmark_holder *h;

	list_for_each_entry_rcu(h, &job->account.holders, of_job) {
		if (READ_ONCE(h->uses) || READ_ONCE(h->fileless))
			return true;
	}
	return false;
}

/* Let it hold nothing if it is empty. Under the mutex. */
void earmark_job_check_empty(struct earmark_job *job)
{
	unsigned long flags;
	bool empty;

	rcu_read_lock();
	empty = job_holds(job) && job_empty(job);
	rcu_read_unlock();
	if (!empty)
		return;
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	earmark_job_empty(&earmark_books.account, &job->account, ktime_get_ns());
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
}

/* Before a flip's grace period: which jobs may be freed after it? Under the mutex. */
void earmark_job_mark(void)
{
	struct earmark_job *job;
	unsigned long flags;

	list_for_each_entry_rcu(job, &job_list, list, lockdep_is_held(&earmark_books.mutex)) {
		earmark_job_check_empty(job);
		if (!earmark_job_dead(job))
			continue;
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		job->ending = !job->refs;
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	}
}

static void job_free(struct earmark_job *job)
{
	cgroup_put(job->cgroup);
	earmark_tag_put(job->own);
	earmark_tag_put(job->effective);
	kfree_rcu(job, rcu);
}

/* Under the lock. */
static void job_unhash(struct earmark_job *job)
{
	job->gone = true;
	hash_del_rcu(&job->node);
	list_del_rcu(&job->list);
	WRITE_ONCE(nr_jobs, nr_jobs - 1);
	earmark_job_free_holders(&earmark_books.account, &job->account);
}

/* After a gather: free the jobs that have ended. Under the mutex. */
void earmark_job_reap(void)
{
	struct earmark_job *job, *next;
	struct earmark_event_node *event;
	unsigned long flags;
	bool ended;

	list_for_each_entry_safe(job, next, &job_list, list) {
		if (!READ_ONCE(job->ending))
			continue;
		event = earmark_event_new(EARMARK_EVENT_JOB_END, GFP_KERNEL);
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		ended = job->ending && !job->refs && earmark_job_idle(&job->account);
		if (ended) {
			job_unhash(job);
			earmark_job_changed();
			if (event)
				event->event.job = job->account.id;
			earmark_event_add(event, ktime_get_ns());
		}
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
		if (ended)
			job_free(job);
		else
			earmark_event_drop(event);
	}
}

/* At unload, when nothing can come any more. */
void earmark_job_exit(void)
{
	struct earmark_job *job, *next;
	struct earmark_use *use, *tmp;
	u32 i;

	for (i = 0; i < 1 << EARMARK_FILE_BITS; i++) {
		list_for_each_entry_safe(use, tmp, &earmark_books.account.files[i], node)
			kfree(use);
	}
	list_for_each_entry_safe(job, next, &job_list, list) {
		job_unhash(job);
		job_free(job);
	}
}
