/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels, and nothing else. Which names exist is looked up in BTF,
 * never derived from a version: distributions backport.
 */
#ifndef EARMARK_CORE_FIXES_BPF_H
#define EARMARK_CORE_FIXES_BPF_H

#include <bpf/bpf_core_read.h>

/* Macros: not in BTF; unchanged for longer than BPF is around. */
#define PF_WQ_WORKER 0x00000020
#define PF_KTHREAD 0x00200000
#define S_IFMT 00170000
#define S_IFCHR 0020000

/*
 * DMA_FENCE_FLAG_TIMESTAMP_BIT moves when bits are added before it: 1 in 6.1 and 6.12, 2 in
 * 6.18, 4 in 7.2. The value below is never used: the relocation takes the kernel's.
 */
enum dma_fence_flag_bits { DMA_FENCE_FLAG_TIMESTAMP_BIT = 1 };

static __always_inline bool fence_stamped(const struct dma_fence *f)
{
	return f->flags &
	       1UL << bpf_core_enum_value(enum dma_fence_flag_bits, DMA_FENCE_FLAG_TIMESTAMP_BIT);
}

/* The stamp shares memory with a list head, whose type the verifier would give to it. */
static __always_inline u64 fence_stamp(const struct dma_fence *f)
{
	u64 ns = 0;

	bpf_core_read(&ns, sizeof(ns), &f->timestamp);
	return ns;
}

/*
 * Is this the scheduler's own submission of work to the hardware, and not a completion or a
 * reset? "drm/sched: convert drm scheduler to use a work queue" (6.8): a work item does it, no
 * longer a thread.
 */
static __always_inline bool sched_submitting(struct drm_gpu_scheduler *sched,
					     struct task_struct *task)
{
	struct kthread *kthread = NULL;
	struct worker *worker = NULL;
	struct work_struct *work = NULL;

	if (bpf_core_field_exists(sched->thread))
		return (u64)sched->thread == (u64)task;
	if (!(task->flags & PF_WQ_WORKER))
		return false;
	bpf_core_read(&kthread, sizeof(kthread), &task->worker_private);
	bpf_core_read(&worker, sizeof(worker), &kthread->data);
	bpf_core_read(&work, sizeof(work), &worker->current_work);
	return (u64)work == (u64)sched + bpf_core_field_offset(sched->work_run_job);
}

/*
 * gpu_sched's tracepoints were renamed when they became stable uAPI (drm/sched: "trace
 * improvements", 6.17); their arguments stayed. The loader picks the pair that exists.
 */
#define DRM_QUEUE_OLD "tp_btf/drm_sched_job"
#define DRM_QUEUE_NEW "tp_btf/drm_sched_job_queue"
#define DRM_RUN_OLD "tp_btf/drm_run_job"
#define DRM_RUN_NEW "tp_btf/drm_sched_job_run"
#define DRM_DONE_OLD "tp_btf/drm_sched_process_job"
#define DRM_DONE_NEW "tp_btf/drm_sched_job_done"

#endif /* EARMARK_CORE_FIXES_BPF_H */
