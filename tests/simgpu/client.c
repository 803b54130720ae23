// SPDX-License-Identifier: GPL-2.0
/* Open files: submission, waiting, and what fdinfo says of them. */
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat.h"
#include "simgpu.h"

static void client_free(struct kref *ref)
{
	kfree(container_of(ref, struct sim_client, ref));
}

void sim_client_put(struct sim_client *client)
{
	kref_put(&client->ref, client_free);
}

static void context_fini(struct sim_context *context)
{
	struct dma_fence *fence;
	unsigned long index;

	drm_sched_entity_destroy(&context->entity);
	xa_for_each(&context->fences, index, fence) dma_fence_put(fence);
	xa_destroy(&context->fences);
	mutex_destroy(&context->lock);
}

static int context_init(struct sim_context *context, struct sim_ring *ring)
{
	struct drm_gpu_scheduler *sched = &ring->sched;

	mutex_init(&context->lock);
	xa_init(&context->fences);
	context->oldest = 1;
	return drm_sched_entity_init(&context->entity, DRM_SCHED_PRIORITY_NORMAL, &sched, 1, NULL);
}

int sim_client_open(struct drm_device *drm, struct drm_file *file)
{
	/* Ours, because not every kernel numbers its DRM clients. */
	static atomic64_t last_id;
	struct sim_gpu *gpu = container_of(drm, struct sim_gpu, drm);
	struct sim_client *client;
	unsigned int i;
	int ret;

	client = kzalloc(sizeof(*client), GFP_KERNEL);
	if (!client)
		return -ENOMEM;
	kref_init(&client->ref);
	client->gpu = gpu;
	client->id = atomic64_inc_return(&last_id);
	for (i = 0; i < sim_rings; i++) {
		ret = context_init(&client->contexts[i], &gpu->rings[i]);
		if (ret)
			goto fini;
	}
	file->driver_priv = client;
	return 0;

fini:
	while (i--)
		context_fini(&client->contexts[i]);
	sim_client_put(client);
	return ret;
}

/* Waits a second for queued work if the caller is exiting, then kills it. */
void sim_client_close(struct drm_device *drm, struct drm_file *file)
{
	struct sim_client *client = file->driver_priv;
	unsigned int i;

	for (i = 0; i < sim_rings; i++)
		context_fini(&client->contexts[i]);
	sim_client_put(client);
}

/* 19.2 MHz: 12 cycles in 625 ns. */
static u64 cycles_of(u64 ns)
{
	return div_u64(ns, 625) * 12;
}

static void engine_show(struct seq_file *m, const char *name, u64 busy)
{
	if (sim_cycles)
		seq_printf(m, "drm-cycles-%s:\t%llu\ndrm-total-cycles-%s:\t%llu\n", name,
			   cycles_of(busy), name, cycles_of(ktime_get_ns()));
	else
		seq_printf(m, "drm-engine-%s:\t%llu ns\n", name, busy);
}

void sim_client_fdinfo(struct seq_file *m, struct file *f)
{
	struct drm_file *file = f->private_data;
	struct sim_client *client = file->driver_priv;
	unsigned int i;

	seq_printf(m, "drm-driver:\tsimgpu\ndrm-client-id:\t%llu\n", client->id);
	for (i = 0; i < sim_rings; i++) {
		struct sim_ring *ring = &client->gpu->rings[i];
		u64 busy;

		/* In this order a job that ends between is missed once, not counted twice. */
		spin_lock_irq(&ring->book->lock);
		busy = client->contexts[i].own.busy_ns;
		spin_unlock_irq(&ring->book->lock);
		busy += sim_ring_running(ring, client);
		engine_show(m, ring->name, busy);
	}
}

/* Forgets fences that have signalled; the context's lock is held. */
static void context_prune(struct sim_context *context)
{
	struct dma_fence *fence;

	while (context->oldest <= context->seqno) {
		fence = xa_load(&context->fences, context->oldest);
		if (!dma_fence_is_signaled(fence))
			break;
		xa_erase(&context->fences, context->oldest++);
		dma_fence_put(fence);
	}
}

/* As drivers do that have the hardware schedule. The context's lock is held. */
static int context_give(struct sim_context *context, struct sim_ring *ring, struct sim_job *job)
{
	struct dma_fence *fence = sim_ring_give(ring, job);

	if (IS_ERR(fence))
		return PTR_ERR(fence);
	xa_store(&context->fences, ++context->seqno, fence, GFP_KERNEL);
	return 0;
}

/* Queues one job; the context's lock is held, which keeps seqnos in order. */
static int context_submit(struct sim_client *client, struct drm_simgpu_submit *args,
			  struct sim_tally *who)
{
	struct sim_context *context = &client->contexts[args->ring];
	struct sim_ring *ring = &client->gpu->rings[args->ring];
	struct sim_job *job;
	int ret;

	context_prune(context);
	job = kzalloc(sizeof(*job), GFP_KERNEL);
	if (!job)
		return -ENOMEM;
	ret = xa_reserve(&context->fences, context->seqno + 1, GFP_KERNEL);
	if (ret)
		goto free;
	job->client = client;
	job->own = &context->own;
	job->who = who;
	job->duration_ns = args->duration_ns;
	job->flags = args->flags;
	if (sim_direct)
		ret = context_give(context, ring, job);
	else
		ret = sim_job_init(&job->base, &context->entity, client, client->id);
	if (ret)
		goto release;
	if (sim_direct)
		return 0;
	kref_get(&client->ref);
	atomic_inc(&ring->jobs);
	drm_sched_job_arm(&job->base);
	/* Cannot fail: the place is reserved. */
	xa_store(&context->fences, ++context->seqno, dma_fence_get(&job->base.s_fence->finished),
		 GFP_KERNEL);
	drm_sched_entity_push_job(&job->base);
	return 0;

release:
	xa_release(&context->fences, context->seqno + 1);
free:
	kfree(job);
	return ret;
}

int sim_client_submit(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sim_client *client = file->driver_priv;
	struct drm_simgpu_submit *args = data;
	struct sim_context *context;
	struct sim_tally *who;
	u32 queued;
	int ret = 0;

	if (args->ring >= sim_rings || !args->count || args->duration_ns > NSEC_PER_SEC * 3600 ||
	    args->flags & ~(SIMGPU_SUBMIT_FAIL | SIMGPU_SUBMIT_HANG))
		return -EINVAL;
	who = sim_book_tally(client->gpu->rings[args->ring].book, args->who);
	if (!who)
		return -ENOMEM;
	context = &client->contexts[args->ring];
	if (mutex_lock_interruptible(&context->lock))
		return -ERESTARTSYS;
	for (queued = 0; queued < args->count && !ret; queued += !ret)
		ret = signal_pending(current) ? -EINTR : context_submit(client, args, who);
	args->count = queued;
	args->seqno = context->seqno;
	mutex_unlock(&context->lock);
	return queued ? 0 : ret;
}

static long wait_jiffies(s64 timeout_ns)
{
	if (timeout_ns < 0)
		return MAX_SCHEDULE_TIMEOUT;
	return min_t(u64, nsecs_to_jiffies64(timeout_ns) + 1, MAX_SCHEDULE_TIMEOUT - 1);
}

int sim_client_wait(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sim_client *client = file->driver_priv;
	struct drm_simgpu_wait *args = data;
	struct sim_context *context;
	struct dma_fence *fence;
	long ret;

	if (args->ring >= sim_rings)
		return -EINVAL;
	context = &client->contexts[args->ring];
	mutex_lock(&context->lock);
	if (args->seqno > context->seqno) {
		mutex_unlock(&context->lock);
		return -EINVAL;
	}
	fence = xa_load(&context->fences, args->seqno ?: context->seqno);
	dma_fence_get(fence);
	mutex_unlock(&context->lock);
	args->error = 0;
	if (!fence)
		return 0;

	ret = dma_fence_wait_timeout(fence, true, wait_jiffies(args->timeout_ns));
	if (ret > 0)
		args->error = min(dma_fence_get_status(fence), 0);
	dma_fence_put(fence);
	if (!ret)
		return -ETIME;
	return ret < 0 ? ret : 0;
}
