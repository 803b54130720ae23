// SPDX-License-Identifier: GPL-2.0
/*
 * Probes on two tracepoints of the cgroup core. Both run with interrupts off under locks of
 * its own (css_set_lock among them), so that none of them may be taken under the books' lock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hash.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/tracepoint.h>

#include "cgroup.h"
#include "job.h"

#define SEEN_BITS 12

/**
 * struct seen - the job that a process last used a GPU in; under the lock
 * @started: tells it from a later process of the same pid
 *
 * A place is overwritten by the next process that hashes to it: "unknown" is an answer.
 */
static struct seen {
	pid_t tgid;
	u64 started;
	u64 job;
} seen[1 << SEEN_BITS];

static struct seen *seen_of(const struct task_struct *task)
{
	return &seen[hash_32(task->tgid, SEEN_BITS)];
}

/* @task, current or a walk's, uses a GPU as part of @job. Under the lock. */
void earmark_cgroup_seen(const struct task_struct *task, u64 job)
{
	struct seen *s = seen_of(task);

	s->tgid = task->tgid;
	s->started = task->group_leader->start_time;
	s->job = job;
}

static u64 seen_in(const struct task_struct *task)
{
	struct seen *s = seen_of(task);

	return s->tgid == task->tgid && s->started == task->group_leader->start_time ? s->job : 0;
}

/* cgroup_attach_task: a process came to @dst. */
static void probe_attach(void *unused, struct cgroup *dst, const char *path,
			 struct task_struct *task, bool threadgroup)
{
	struct earmark_event_node *event;
	struct earmark_job *job;
	unsigned long flags;
	u64 from, to;

	if (dst->root != &cgrp_dfl_root)
		return;
	rcu_read_lock();
	job = earmark_job_of(dst);
	to = job ? job->account.id : 0;
	rcu_read_unlock();
	from = READ_ONCE(seen_of(task)->job);
	if ((!to && !from) || to == from)
		return;
	event = earmark_event_new(EARMARK_EVENT_MOVE, EARMARK_ATOMIC);
	if (event) {
		event->event.pid = task_tgid_nr(task);
		memcpy(event->event.comm, task->comm, sizeof(event->event.comm));
		event->event.comm[sizeof(event->event.comm) - 1] = 0;
	}
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	from = seen_in(task);
	if ((to || from) && to != from) {
		if (event) {
			event->event.job = to ?: cgroup_id(dst);
			event->event.other = from;
		}
		if (from)
			earmark_cgroup_seen(task, event ? event->event.job : 0);
		earmark_event_add(event, ktime_get_ns());
		event = NULL;
	}
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	earmark_event_drop(event);
	earmark_event_kick();
}

/* cgroup_notify_populated: with @val 0, the last process in or below @cgrp left. */
static void probe_populated(void *unused, struct cgroup *cgrp, const char *path, int val)
{
	struct earmark_job *job;
	unsigned long flags;

	if (val || cgrp->root != &cgrp_dfl_root)
		return;
	rcu_read_lock();
	job = earmark_job_find(cgroup_id(cgrp));
	if (job) {
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		if (!job->gone)
			earmark_job_empty(&earmark_books.account, &job->account, ktime_get_ns());
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	}
	rcu_read_unlock();
}

static struct probe {
	const char *name;
	void *func;
	struct tracepoint *tp;
} probes[] = {
	{ "cgroup_attach_task", probe_attach },
	{ "cgroup_notify_populated", probe_populated },
};

static void probe_match(struct tracepoint *tp, void *unused)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (!strcmp(tp->name, probes[i].name))
			probes[i].tp = tp;
	}
}

/* Without the tracepoints jobs are found empty at the next seal, and moves are not seen. */
int earmark_cgroup_init(void)
{
	u32 i;
	int ret;

	for_each_kernel_tracepoint(probe_match, NULL);
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (!probes[i].tp) {
			pr_warn("this kernel has no tracepoint %s\n", probes[i].name);
			continue;
		}
		ret = tracepoint_probe_register(probes[i].tp, probes[i].func, NULL);
		if (ret) {
			probes[i].tp = NULL;
			earmark_cgroup_exit();
			return ret;
		}
	}
	return 0;
}

void earmark_cgroup_exit(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (probes[i].tp)
			tracepoint_probe_unregister(probes[i].tp, probes[i].func, NULL);
		probes[i].tp = NULL;
	}
	tracepoint_synchronize_unregister();
}
