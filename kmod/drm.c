// SPDX-License-Identifier: GPL-2.0
/*
 * Metering: who submitted what (queue), and how long the hardware worked at it (done).
 *
 * Probes run with preemption off. Queue runs in the submitter's context; done in any, up to
 * hard interrupts, and never in the submitter's: `current` means nothing there. Steady state
 * takes no lock but the engine's and allocates nothing.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <drm/gpu_scheduler.h>
#include <linux/dma-fence.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/tracepoint.h>

#include "cgroup.h"
#include "compat.h"
#include "context.h"
#include "drm.h"
#include "job.h"
#include "sched.h"

#define NO_CGROUP 1 /* of a kernel thread's submission; no cgroup has this id */

static bool attached, present;

bool earmark_drm_attached(void)
{
	return READ_ONCE(attached);
}

bool earmark_drm_present(void)
{
	return READ_ONCE(present);
}

/* Everything that a submission which changes something may need. */
struct queue {
	const struct drm_gpu_scheduler *sched;
	u64 context;
	u32 seqno;
	struct cgroup *cgrp; /* NULL: a kernel thread's */
	struct earmark_spare spare;
	struct earmark_context *fresh;
	bool filled;
	u32 tries;
};

/* Under the lock. Return: false if what was looked up before it has changed. */
static bool queue_record(struct queue *q, struct earmark_sched *s, u64 now)
{
	struct earmark_context *ctx = earmark_context_find(q->context);
	struct earmark_holder *holder = NULL;
	bool known = true;

	if (s->dropped)
		return false;
	s->quiet = 0;
	if (q->cgrp) {
		holder = earmark_spare_take(&q->spare, q->cgrp, s->gpu, now);
		known = holder;
		if (!known && q->filled && q->tries++ < 3)
			return false;
	}
	if (!ctx && q->fresh) {
		ctx = earmark_context_add(q->fresh, q->seqno);
		q->fresh = NULL;
	}
	if (ctx) {
		known &= earmark_context_own(ctx, q->seqno, holder);
		ctx->dying = false;
		ctx->idle = 0;
		ctx->cgroup = q->cgrp ? cgroup_id(q->cgrp) : NO_CGROUP;
		ctx->sched = q->sched;
		ctx->holder = holder;
		ctx->generation = known ? earmark_job_generation() : 0;
		WRITE_ONCE(ctx->queued, q->seqno);
	}
	if (holder) {
		earmark_holder_submit(&earmark_books.account, holder, now);
		earmark_cgroup_seen(current, holder->job->id);
	}
	if (!known || !ctx)
		earmark_lost(EARMARK_LOST_CONTEXT, 1);
	return true;
}

static noinline void queue_slow(struct drm_sched_job *job, u64 context, u32 seqno)
{
	struct queue q = { .sched = job->sched, .context = context, .seqno = seqno };
	struct earmark_sched *s;
	unsigned long flags;
	bool recorded;

	if (!(current->flags & PF_KTHREAD))
		q.cgrp = task_dfl_cgroup(current);
	do {
		s = earmark_sched_get(job->sched);
		if (!s) {
			earmark_lost(EARMARK_LOST_CONTEXT, 1);
			break;
		}
		q.filled = q.cgrp &&
			   earmark_spare_fill(&q.spare, current, q.cgrp, s->gpu, EARMARK_ATOMIC);
		if (!q.fresh && !earmark_context_find(context))
			q.fresh = earmark_context_alloc(context);
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		recorded = queue_record(&q, s, ktime_get_ns());
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	} while (!recorded);
	earmark_spare_free(&q.spare);
	kfree(q.fresh);
	earmark_event_kick();
}

/* Nothing is new about this submission: its owner is the last one, and holds already. */
static bool queue_same(const struct earmark_context *ctx, const struct drm_sched_job *job)
{
	const struct earmark_holder *h = READ_ONCE(ctx->holder);
	u64 cgroup = NO_CGROUP;

	if (!(current->flags & PF_KTHREAD))
		cgroup = cgroup_id(task_dfl_cgroup(current));
	if (READ_ONCE(ctx->generation) != earmark_job_generation() ||
	    READ_ONCE(ctx->cgroup) != cgroup || READ_ONCE(ctx->sched) != job->sched)
		return false;
	return !h || (!list_empty(&h->holding) && !READ_ONCE(h->gpu->unknown));
}

static void probe_queue(void *unused, struct drm_sched_job *job, struct drm_sched_entity *entity)
{
	const struct dma_fence *fence = &job->s_fence->finished;
	struct earmark_context *ctx;

	rcu_read_lock();
	ctx = earmark_context_find(fence->context);
	if (ctx && queue_same(ctx, job))
		WRITE_ONCE(ctx->queued, (u32)fence->seqno);
	else
		queue_slow(job, fence->context, fence->seqno);
	rcu_read_unlock();
}

/*
 * Did the hardware work on it, and until when? Its fence has a stamp, which may be the driver's
 * own idea of when. Work that was given up, or failed to start, has no such fence; a reset gives
 * up what ran until now, but a start that failed took no time.
 */
static bool done_end(const struct drm_sched_fence *fence, u64 *end)
{
	struct dma_fence *parent = fence->parent;
	u64 now = ktime_get_ns();

	*end = now;
	if (!test_bit(DMA_FENCE_FLAG_TIMESTAMP_BIT, &fence->scheduled.flags))
		return false;
	if (IS_ERR_OR_NULL(parent))
		return !compat_sched_submitting(fence->sched);
	if (test_bit(DMA_FENCE_FLAG_TIMESTAMP_BIT, &parent->flags))
		*end = min_t(u64, ktime_to_ns(parent->timestamp), now);
	return true;
}

/* When was the job given to the hardware? 0: not known. Under the engine's lock. */
static u64 begun_at(const struct earmark_sched *s, const struct dma_fence *job)
{
	const struct earmark_begun *b;
	u32 i;

	for (i = 1; i <= min_t(u32, s->nr_begun, EARMARK_BEGUN); i++) {
		b = &s->begun[(s->nr_begun - i) % EARMARK_BEGUN];
		if (b->seqno == job->seqno && b->context == job->context)
			return b->at;
	}
	return 0;
}

/*
 * What the hardware spent: from when it was given the work, or was done with the work before.
 *
 * The scheduled stamp says when it was given only if the hardware had nothing else then: while
 * it has, the scheduler moves the next one's stamp to when it noticed the end of the one before,
 * which is later than that end.
 */
static bool done_span(struct earmark_sched *s, struct drm_sched_fence *fence, u64 *start, u64 *end)
{
	bool ran = done_end(fence, end);
	unsigned long flags;
	u64 at;

	*start = ktime_to_ns(fence->scheduled.timestamp);
	raw_spin_lock_irqsave(&s->lock, flags);
	at = begun_at(s, &fence->finished);
	if (at && at <= s->engine.last_done)
		*start = 0; /* without a gap: see EARMARK_BEGUN */
	else
		*start = max(*start, at);
	ran = ran && earmark_engine_span(&s->engine, start, end);
	raw_spin_unlock_irqrestore(&s->lock, flags);
	return ran;
}

static void done_charge(struct earmark_sched *s, struct earmark_context *ctx, u32 seqno, u64 start,
			u64 end)
{
	struct earmark_account *a = &earmark_books.account;
	struct earmark_holder *holder = NULL;
	bool seen = ctx && earmark_context_owner(ctx, seqno, &holder);
	u64 rest;

	earmark_engine_charge(a, &s->engine, start, end);
	if (READ_ONCE(s->gpu->meter) == EARMARK_METER_TOLD)
		return; /* what a scheduler says there is no time of the hardware's */
	if (!holder || holder->gpu != &s->gpu->account) {
		earmark_gpu_unattributed(a, &s->gpu->account, start, end);
		if (!seen || holder)
			earmark_lost(EARMARK_LOST_UNKNOWN, 1);
		return;
	}
	rest = earmark_holder_charge(a, holder, start, end);
	if (rest) {
		earmark_gpu_unattributed(a, &s->gpu->account, start, start + rest);
		earmark_lost(EARMARK_LOST_HISTORY, 1);
	}
}

static void probe_done(void *unused, struct drm_sched_fence *fence)
{
	u32 seqno = fence->finished.seqno;
	struct earmark_context *ctx;
	struct earmark_sched *s;
	u64 start, end;

	rcu_read_lock();
	ctx = earmark_context_find(fence->finished.context);
	s = earmark_sched_find(fence->sched);
	if (!s)
		earmark_lost(EARMARK_LOST_UNKNOWN, 1);
	else if (done_span(s, fence, &start, &end))
		done_charge(s, ctx, seqno, start, end);
	else
		earmark_engine_done(&earmark_books.account, &s->engine);
	if (ctx) /* only now: the context and the holder live while it is in flight */
		smp_store_release(&ctx->done, seqno);
	rcu_read_unlock();
}

/* By the scheduler, just before it gives the job to the hardware. */
static void probe_run(void *unused, struct drm_sched_job *job, struct drm_sched_entity *entity)
{
	const struct dma_fence *fence = &job->s_fence->finished;
	struct earmark_sched *s;
	unsigned long flags;

	rcu_read_lock();
	s = earmark_sched_find(job->sched);
	if (s) {
		raw_spin_lock_irqsave(&s->lock, flags);
		s->begun[s->nr_begun++ % EARMARK_BEGUN] = (struct earmark_begun){
			.context = fence->context,
			.seqno = fence->seqno,
			.at = ktime_get_ns(),
		};
		raw_spin_unlock_irqrestore(&s->lock, flags);
	}
	rcu_read_unlock();
}

/* The tracepoints had other names until 6.17. */
static const struct probe {
	const char *name;
	void *func;
} probes[] = {
	{ "drm_sched_job", probe_queue },
	{ "drm_sched_job_queue", probe_queue },
	{ "drm_run_job", probe_run },
	{ "drm_sched_job_run", probe_run },
	{ "drm_sched_process_job", probe_done },
	{ "drm_sched_job_done", probe_done },
};

/* What was found in one module's tracepoints, or in the kernel's own. */
struct found {
	struct tracepoint *tp[ARRAY_SIZE(probes)];
	u32 nr;
};

static void probe_match(struct tracepoint *tp, void *arg)
{
	struct found *found = arg;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (strcmp(tp->name, probes[i].name))
			continue;
		found->tp[i] = tp;
		found->nr++;
	}
}

static void probes_detach(const struct found *found)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (found->tp[i])
			tracepoint_probe_unregister(found->tp[i], probes[i].func, NULL);
	}
	tracepoint_synchronize_unregister();
}

static int probes_attach(struct found *found)
{
	int ret;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (!found->tp[i])
			continue;
		ret = tracepoint_probe_register(found->tp[i], probes[i].func, NULL);
		if (ret) {
			while (i--)
				if (found->tp[i])
					tracepoint_probe_unregister(found->tp[i], probes[i].func,
								    NULL);
			return ret;
		}
	}
	return 0;
}

static void meter_changed(bool is_present, bool is_attached)
{
	struct earmark_event_node *event = earmark_event_new(
		is_attached ? EARMARK_EVENT_SENSOR_ATTACHED : EARMARK_EVENT_SENSOR_DETACHED,
		GFP_KERNEL);
	unsigned long flags;
	u64 now;

	if (event)
		strscpy(event->event.text, "drm", sizeof(event->event.text));
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	now = ktime_get_ns();
	WRITE_ONCE(present, is_present);
	WRITE_ONCE(attached, is_attached);
	earmark_gpu_meter_blind(earmark_drm_blind(), now);
	earmark_event_add(event, now);
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	earmark_event_kick();
}

static struct found current_probes;

static void sched_coming(const struct found *found)
{
	int ret;

	current_probes = *found;
	ret = probes_attach(&current_probes);
	if (ret) {
		pr_err("cannot probe gpu_sched: error %d; its GPUs are unobserved\n", ret);
		memset(&current_probes, 0, sizeof(current_probes));
	}
	meter_changed(true, !ret);
}

static int module_changed(struct notifier_block *nb, unsigned long action, void *arg)
{
	struct module *mod = ((struct tp_module *)arg)->mod;
	struct found found = {};
	unsigned int i;

	if (strcmp(mod->name, "gpu_sched"))
		return NOTIFY_OK;
	for (i = 0; i < mod->num_tracepoints; i++)
		probe_match(tracepoint_ptr_deref(&mod->tracepoints_ptrs[i]), &found);
	if (action == MODULE_STATE_COMING) {
		sched_coming(&found);
	} else if (action == MODULE_STATE_GOING && present) {
		probes_detach(&current_probes);
		memset(&current_probes, 0, sizeof(current_probes));
		meter_changed(false, false);
	}
	return NOTIFY_OK;
}

static struct notifier_block module_notifier = { .notifier_call = module_changed };

int earmark_drm_init(void)
{
	struct found found = {};
	int ret;

	for_each_kernel_tracepoint(probe_match, &found);
	if (found.nr)
		sched_coming(&found); /* gpu_sched is built in */
	ret = register_tracepoint_module_notifier(&module_notifier);
	if (ret)
		probes_detach(&current_probes);
	return ret;
}

void earmark_drm_exit(void)
{
	unregister_tracepoint_module_notifier(&module_notifier);
	probes_detach(&current_probes);
}
