/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Jobs: one cgroup (v2) with everything below it that is not a job of its own.
 *
 * The job of a submission from cgroup C is C itself if it is registered, else C's nearest
 * tagged ancestor, else C becomes registered, untagged.
 */
#ifndef EARMARK_JOB_H
#define EARMARK_JOB_H

#include <linux/cgroup.h>

#include "books.h"
#include "event.h"

struct earmark_gpu;
struct earmark_tag;

/**
 * struct earmark_job - a registered cgroup
 * @node: in the hash by cgroup id
 * @list: in the list of all jobs, oldest first; walked under RCU or the mutex
 * @affected: in the list of jobs that a tag change concerns; under the mutex
 * @next: their effective tag after it
 * @account: its books; .id is the cgroup id
 * @cgroup: a reference is held
 * @serial: cursor of dumps
 * @own: tag on this cgroup; written under the mutex and the lock; a reference is held
 * @effective: tag in force; likewise
 * @refs: entries of contexts that name one of its holders; under the lock
 * @ending: dead and without refs at the last mark; cleared by whoever uses it anew
 * @gone: unhashed; nothing may be added to it any more
 * @changes: tag changes in interval @changes_in; under the mutex
 *
 * Freed by earmark_job_reap() through RCU, once its cgroup is dead, its GPU work has drained
 * and every row of it has been sealed.
 */
struct earmark_job {
	struct hlist_node node;
	struct list_head list;
	struct list_head affected;
	struct earmark_tag *next;
	struct earmark_job_account account;
	struct cgroup *cgroup;
	u64 serial;
	struct earmark_tag *own;
	struct earmark_tag *effective;
	struct rcu_head rcu;
	u32 uid;
	u32 refs;
	bool ending;
	bool gone;
	u32 changes;
	u64 changes_in;
};

/**
 * struct earmark_spare - what may be needed under the lock, allocated before it
 * @job: registers the cgroup; @event: says so
 * @holder, @cell: the job touches the GPU for the first time
 */
struct earmark_spare {
	struct earmark_job *job;
	struct earmark_event_node *event;
	struct earmark_holder *holder;
	struct earmark_cell *cell;
};

extern unsigned int earmark_max_jobs;

void earmark_job_exit(void);

/* Under RCU or the lock */
struct earmark_job *earmark_job_find(u64 id);
struct earmark_job *earmark_job_of(struct cgroup *cgrp);
struct earmark_job *earmark_job_next(u64 serial);
struct list_head *earmark_job_list(void);
u32 earmark_job_generation(void);
u32 earmark_job_created(void);
u32 earmark_job_count(void);

/* Creating: fill outside the lock, take under it, free outside */
bool earmark_spare_fill(struct earmark_spare *s, struct task_struct *task, struct cgroup *cgrp,
			struct earmark_gpu *gpu, gfp_t gfp);
bool earmark_spare_fill_job(struct earmark_spare *s, struct task_struct *task, struct cgroup *cgrp,
			    gfp_t gfp);
struct earmark_holder *earmark_spare_take(struct earmark_spare *s, struct cgroup *cgrp,
					  struct earmark_gpu *gpu, u64 now);
struct earmark_job *earmark_spare_take_job(struct earmark_spare *s, struct cgroup *cgrp, u64 now);
void earmark_spare_free(struct earmark_spare *s);

/* Under the lock */
void earmark_job_changed(void);
struct earmark_tag *earmark_job_effective(struct cgroup *cgrp, const struct earmark_job *job,
					  struct earmark_tag *own);

/* Ends: by the interval worker, under the mutex */
void earmark_job_mark(void);
void earmark_job_reap(void);
bool earmark_job_dead(const struct earmark_job *job);
void earmark_job_check_empty(struct earmark_job *job);
void earmark_job_path(struct cgroup *cgrp, char *out, size_t len);

static inline struct earmark_job *earmark_holder_job(const struct earmark_holder *h)
{
	return container_of(h->job, struct earmark_job, account);
}

#endif /* EARMARK_JOB_H */
