// SPDX-License-Identifier: GPL-2.0
/*
 * Calls whatever is attached to gpu_sched's queue, run and done tracepoints, in a tight loop,
 * with a made-up job, and measures it: the cost of metering one GPU job and nothing else.
 *
 *	echo 100000 >/sys/module/probe_bench/parameters/run
 *	cat /sys/module/probe_bench/parameters/run	-> nanoseconds a job (queue + run + done)
 *	cat /sys/module/probe_bench/parameters/parts	-> nanoseconds of what metering is made of:
 *		a look at the clock, a lock taken and left, an atomic addition
 */
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/tracepoint.h>
#include <drm/gpu_scheduler.h>

static struct tracepoint *queue_tp, *run_tp, *done_tp;
static struct platform_device *pdev;
static struct drm_gpu_scheduler sched;
static struct drm_sched_entity entity;
static struct drm_sched_fence s_fence;
static struct drm_sched_job job;
static struct dma_fence parent;
static DEFINE_SPINLOCK(fence_lock);
static u64 result;

static const char *no_name(struct dma_fence *fence)
{
	return "bench";
}

static const struct dma_fence_ops fence_ops = {
	.get_driver_name = no_name,
	.get_timeline_name = no_name,
};

static int find(struct notifier_block *nb, unsigned long action, void *data)
{
	struct tp_module *tp_mod = data;
	struct module *mod = tp_mod->mod;
	unsigned int i;

	if (action != MODULE_STATE_COMING || strcmp(mod->name, "gpu_sched"))
		return NOTIFY_OK;
	for (i = 0; i < mod->num_tracepoints; i++) {
		struct tracepoint *tp = tracepoint_ptr_deref(mod->tracepoints_ptrs + i);

		if (!strcmp(tp->name, "drm_sched_job") || !strcmp(tp->name, "drm_sched_job_queue"))
			queue_tp = tp;
		if (!strcmp(tp->name, "drm_run_job") || !strcmp(tp->name, "drm_sched_job_run"))
			run_tp = tp;
		if (!strcmp(tp->name, "drm_sched_process_job") ||
		    !strcmp(tp->name, "drm_sched_job_done"))
			done_tp = tp;
	}
	return NOTIFY_OK;
}

static struct notifier_block finder = { .notifier_call = find };

/* As the tracepoint's own static call does, for one and for two arguments. */
static void call(struct tracepoint *tp, void *a, void *b)
{
	struct tracepoint_func *f;

	preempt_disable_notrace();
	f = rcu_dereference_raw(tp->funcs);
	for (; f && f->func; f++) {
		if (b)
			((void (*)(void *, void *, void *))f->func)(f->data, a, b);
		else
			((void (*)(void *, void *))f->func)(f->data, a);
	}
	preempt_enable_notrace();
}

static int run_set(const char *val, const struct kernel_param *kp)
{
	unsigned int n, i;
	u64 start;

	if (kstrtouint(val, 0, &n) || !n || n > 10000000)
		return -EINVAL;
	if (!queue_tp || !run_tp || !done_tp)
		return -ENODEV;
	start = ktime_get_ns();
	for (i = 0; i < n; i++) {
		s_fence.finished.seqno++;
		call(queue_tp, &job, &entity);
		call(run_tp, &job, &entity);
		s_fence.scheduled.timestamp = ktime_get();
		parent.timestamp = ktime_get(); /* later: there is something to charge */
		call(done_tp, &s_fence, NULL);
		if (!(i & 1023))
			cond_resched();
	}
	result = div_u64(ktime_get_ns() - start, n);
	return 0;
}

static int run_get(char *buf, const struct kernel_param *kp)
{
	return sprintf(buf, "%llu\n", result);
}

static const struct kernel_param_ops run_ops = { .set = run_set, .get = run_get };
module_param_cb(run, &run_ops, NULL, 0600);
MODULE_PARM_DESC(run, "write N: meter N made-up jobs; read: nanoseconds a job");

#define PARTS 20000
#define TIME(what)                                      \
	({                                              \
		u64 begun = ktime_get_ns();             \
		unsigned int n;                         \
                                                        \
		for (n = 0; n < PARTS; n++)             \
			what;                           \
		div_u64(ktime_get_ns() - begun, PARTS); \
	})

static int parts_get(char *buf, const struct kernel_param *kp)
{
	static DEFINE_RAW_SPINLOCK(lock);
	static atomic64_t sum;
	unsigned long flags;
	u64 clock, locked, added;

	clock = TIME(ktime_get_ns());
	locked = TIME({
		raw_spin_lock_irqsave(&lock, flags);
		raw_spin_unlock_irqrestore(&lock, flags);
	});
	added = TIME(atomic64_add(n, &sum));
	return sprintf(buf, "%llu %llu %llu\n", clock, locked, added);
}

static const struct kernel_param_ops parts_ops = { .get = parts_get };
module_param_cb(parts, &parts_ops, NULL, 0400);
MODULE_PARM_DESC(parts, "read: nanoseconds of the clock, of a lock, of an atomic addition");

static int __init bench_init(void)
{
	u64 context = dma_fence_context_alloc(2);
	int ret;

	pdev = platform_device_register_simple("probe_bench", -1, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	sched.dev = &pdev->dev;
	sched.name = "bench";
	dma_fence_init(&s_fence.scheduled, &fence_ops, &fence_lock, context, 1);
	dma_fence_init(&s_fence.finished, &fence_ops, &fence_lock, context + 1, 1);
	dma_fence_init(&parent, &fence_ops, &fence_lock, context, 2);
	set_bit(DMA_FENCE_FLAG_TIMESTAMP_BIT, &s_fence.scheduled.flags);
	set_bit(DMA_FENCE_FLAG_TIMESTAMP_BIT, &parent.flags);
	s_fence.sched = &sched;
	s_fence.parent = &parent;
	job.s_fence = &s_fence;
	job.sched = &sched;
	ret = register_tracepoint_module_notifier(&finder);
	if (ret)
		platform_device_unregister(pdev);
	return ret;
}

static void __exit bench_exit(void)
{
	unregister_tracepoint_module_notifier(&finder);
	platform_device_unregister(pdev);
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Cost of what is attached to gpu_sched's tracepoints");
/* keeps gpu_sched loaded while its tracepoints are called */
MODULE_SOFTDEP("pre: gpu_sched");
