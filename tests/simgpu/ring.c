// SPDX-License-Identifier: GPL-2.0
/*
 * One ring: a scheduler of the kernel's above, a virtual hardware clock below.
 *
 * The hardware takes jobs in order. A job starts when the one before it ends,
 * or when it arrives if that is later; it ends after its duration. Interrupts
 * that come late change when the end is noticed, not when it is.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "compat.h"
#include "simgpu.h"

static bool sim_irq = true;
module_param_named(irq, sim_irq, bool, 0444);
MODULE_PARM_DESC(irq, "signal completion from the interrupt (1) or from a workqueue (0)");
static bool sim_stamp = true;
module_param_named(stamp, sim_stamp, bool, 0444);
MODULE_PARM_DESC(stamp, "stamp fences with the hardware's end (1) or let them take the time (0)");
static unsigned int sim_timeout_ms = 500;
module_param_named(timeout_ms, sim_timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "after which the scheduler resets a ring (500)");

/* A job in the hardware. The job outlives its place in the queue. */
struct sim_fence {
	struct dma_fence base; /* first: freed as a dma_fence, by RCU */
	spinlock_t lock;
	struct list_head node;
	struct sim_job *job;
	bool direct; /* the job is ours: a scheduler's may be gone once this is signalled */
	u64 arrival;
	u64 start; /* set when it comes first in the queue */
	u64 end;
};

static const char *fence_driver_name(struct dma_fence *fence)
{
	return "simgpu";
}

static const char *fence_timeline_name(struct dma_fence *fence)
{
	return "ring";
}

static const struct dma_fence_ops fence_ops = {
	.get_driver_name = fence_driver_name,
	.get_timeline_name = fence_timeline_name,
};

static struct sim_ring *to_ring(struct drm_gpu_scheduler *sched)
{
	return container_of(sched, struct sim_ring, sched);
}

static struct sim_job *to_job(struct drm_sched_job *base)
{
	return container_of(base, struct sim_job, base);
}

static struct sim_fence *ring_head(struct sim_ring *ring)
{
	return list_first_entry_or_null(&ring->queue, struct sim_fence, node);
}

/* The head of the queue takes the hardware. */
static void ring_begin(struct sim_ring *ring)
{
	struct sim_fence *fence = ring_head(ring);

	if (!fence)
		return;
	fence->start = max(ring->free_at, fence->arrival);
	if (fence->arrival > ring->free_at)
		atomic64_inc(&ring->book->dry);
	if (fence->job->flags & SIMGPU_SUBMIT_HANG)
		fence->end = U64_MAX;
	else
		fence->end = fence->start + fence->job->duration_ns;
}

static void ring_arm(struct sim_ring *ring)
{
	struct sim_fence *fence = ring_head(ring);

	if (fence && fence->end != U64_MAX)
		hrtimer_start(&ring->timer, ns_to_ktime(fence->end), HRTIMER_MODE_ABS);
}

static void job_free(struct sim_job *job)
{
	struct sim_ring *ring = job->ring;

	sim_client_put(job->client);
	kfree(job);
	if (atomic_dec_and_test(&ring->jobs))
		wake_up(&ring->drained);
}

/* Without a scheduler nobody else frees it; it may be a hard interrupt. */
static void fence_put(struct sim_fence *fence)
{
	if (fence->direct)
		job_free(fence->job);
	dma_fence_put(&fence->base);
}

/* Books first, so that whoever the fence wakes finds them complete. */
static void fence_finish(struct sim_ring *ring, struct sim_fence *fence)
{
	sim_book_charge(ring->book, fence->job, fence->end - fence->start, SIM_ENDED);
	if (sim_stamp)
		dma_fence_signal_timestamp(&fence->base, ns_to_ktime(fence->end));
	else
		dma_fence_signal(&fence->base);
	fence_put(fence);
}

static void ring_complete(struct sim_ring *ring)
{
	struct sim_fence *fence, *next;
	unsigned long flags;
	LIST_HEAD(done);
	u64 now;

	spin_lock_irqsave(&ring->lock, flags);
	now = ktime_get_ns();
	while ((fence = ring_head(ring)) && fence->end <= now) {
		ring->free_at = fence->end;
		list_move_tail(&fence->node, &done);
		ring_begin(ring);
	}
	ring_arm(ring);
	spin_unlock_irqrestore(&ring->lock, flags);
	list_for_each_entry_safe(fence, next, &done, node)
		fence_finish(ring, fence);
}

static void ring_work(struct work_struct *work)
{
	ring_complete(container_of(work, struct sim_ring, work));
}

static enum hrtimer_restart ring_timer(struct hrtimer *timer)
{
	struct sim_ring *ring = container_of(timer, struct sim_ring, timer);

	if (sim_irq)
		ring_complete(ring);
	else
		queue_work(system_highpri_wq, &ring->work);
	return HRTIMER_NORESTART;
}

/*
 * Takes everything from the hardware. What ran is charged until now: the time
 * was real. What waited has used none, and is charged only if it is lost.
 */
static void ring_abort(struct sim_ring *ring, int error, bool lost)
{
	struct sim_fence *fence, *next;
	LIST_HEAD(aborted);
	bool first = true;
	u64 now;

	hrtimer_cancel(&ring->timer);
	cancel_work_sync(&ring->work);
	/* The work may have armed it again. */
	hrtimer_cancel(&ring->timer);

	spin_lock_irq(&ring->lock);
	now = ktime_get_ns();
	fence = ring_head(ring);
	if (fence) {
		fence->end = min(now, fence->end);
		ring->free_at = fence->end;
	}
	list_splice_init(&ring->queue, &aborted);
	spin_unlock_irq(&ring->lock);

	list_for_each_entry_safe(fence, next, &aborted, node) {
		if (first || lost) {
			u64 busy_ns = first ? fence->end - fence->start : 0;

			fence->job->failed = true;
			sim_book_charge(ring->book, fence->job, busy_ns, SIM_FAILED);
		}
		first = false;
		dma_fence_set_error(&fence->base, error);
		dma_fence_signal(&fence->base);
		fence_put(fence);
	}
}

/* Into the hardware's queue. Return: the fence, which has one reference of the caller's. */
static struct dma_fence *ring_queue(struct sim_ring *ring, struct sim_job *job)
{
	struct sim_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	if (!fence)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&fence->lock);
	fence->job = job;
	fence->direct = sim_direct;
	spin_lock_irq(&ring->lock);
	if (ring->gone) {
		spin_unlock_irq(&ring->lock);
		kfree(fence);
		return ERR_PTR(-ENODEV);
	}
	dma_fence_init(&fence->base, &fence_ops, &fence->lock, ring->context, ++ring->seqno);
	dma_fence_get(&fence->base);
	fence->arrival = ktime_get_ns();
	list_add_tail(&fence->node, &ring->queue);
	if (ring_head(ring) == fence) {
		ring_begin(ring);
		ring_arm(ring);
	}
	spin_unlock_irq(&ring->lock);
	return &fence->base;
}

/* A job that no scheduler has seen; it is the ring's from here, if it is no error. */
struct dma_fence *sim_ring_give(struct sim_ring *ring, struct sim_job *job)
{
	struct dma_fence *fence;

	if (job->flags)
		return ERR_PTR(-EOPNOTSUPP); /* what fails or hangs is the scheduler's to recover */
	job->ring = ring;
	kref_get(&job->client->ref);
	atomic_inc(&ring->jobs);
	fence = ring_queue(ring, job);
	if (IS_ERR(fence)) {
		sim_client_put(job->client);
		atomic_dec(&ring->jobs);
	}
	return fence;
}

static struct dma_fence *sched_run_job(struct drm_sched_job *base)
{
	struct sim_ring *ring = to_ring(base->sched);
	struct sim_job *job = to_job(base);
	struct dma_fence *fence = ERR_PTR(-EIO);

	job->ran = true;
	job->ring = ring;
	/* A reset has cancelled it; the scheduler asks all the same. */
	if (!base->s_fence->finished.error && !(job->flags & SIMGPU_SUBMIT_FAIL))
		fence = ring_queue(ring, job);
	if (!IS_ERR(fence))
		return fence;
	if (!job->failed)
		sim_book_charge(ring->book, job, 0, SIM_FAILED);
	return base->s_fence->finished.error ? NULL : fence;
}

/* As v3d, lima and others recover: the guilty file's jobs go, others run again. */
static enum drm_gpu_sched_stat sched_timedout_job(struct drm_sched_job *base)
{
	struct sim_ring *ring = to_ring(base->sched);

	drm_sched_stop(&ring->sched, base);
	if (!dma_fence_is_signaled(&base->s_fence->finished))
		drm_sched_increase_karma(base);
	ring_abort(ring, -ECANCELED, false);
	drm_sched_resubmit_jobs(&ring->sched);
	sim_sched_start(&ring->sched);
	return DRM_GPU_SCHED_STAT_NOMINAL;
}

static void sched_free_job(struct drm_sched_job *base)
{
	struct sim_ring *ring = to_ring(base->sched);
	struct sim_job *job = to_job(base);

	if (!job->ran)
		sim_book_charge(ring->book, job, 0, SIM_DROPPED);
	drm_sched_job_cleanup(base);
	job->ring = ring;
	job_free(job);
}

static const struct drm_sched_backend_ops sched_ops = {
	.run_job = sched_run_job,
	.timedout_job = sched_timedout_job,
	.free_job = sched_free_job,
};

int sim_ring_init(struct sim_ring *ring, struct sim_gpu *gpu, unsigned int index)
{
	struct drm_sched_init_args args = {
		.ops = &sched_ops,
		SIM_NUM_RQS.credit_limit = sim_depth,
		.timeout = msecs_to_jiffies(sim_timeout_ms),
		.name = ring->name,
		.dev = gpu->drm.dev,
	};

	ring->gpu = gpu;
	ring->book = &sim_books[gpu->index][index];
	snprintf(ring->name, sizeof(ring->name), "ring%u", index);
	ring->context = dma_fence_context_alloc(1);
	init_waitqueue_head(&ring->drained);
	spin_lock_init(&ring->lock);
	INIT_LIST_HEAD(&ring->queue);
	INIT_WORK(&ring->work, ring_work);
	sim_timer_setup(&ring->timer, ring_timer);
	return drm_sched_init(&ring->sched, &args);
}

/* The hardware is gone: what is in it is lost, and what comes is refused. */
void sim_ring_unplug(struct sim_ring *ring)
{
	spin_lock_irq(&ring->lock);
	ring->gone = true;
	spin_unlock_irq(&ring->lock);
	ring_abort(ring, -ENODEV, true);
}

/* No file is open. Jobs that were in the hardware may still be on their way out. */
void sim_ring_fini(struct sim_ring *ring)
{
	wait_event(ring->drained, !atomic_read(&ring->jobs));
	drm_sched_fini(&ring->sched);
}

/* What the client's job in the hardware, if one runs, has used so far. */
u64 sim_ring_running(struct sim_ring *ring, struct sim_client *client)
{
	struct sim_fence *fence;
	u64 used = 0;

	spin_lock_irq(&ring->lock);
	fence = ring_head(ring);
	if (fence && fence->job->client == client)
		used = min(ktime_get_ns(), fence->end) - fence->start;
	spin_unlock_irq(&ring->lock);
	return used;
}
