/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels, and nothing else. Which names exist is looked up in BTF,
 * never derived from a version: distributions backport.
 */
#ifndef EARMARK_CORE_FIXES_BPF_H
#define EARMARK_CORE_FIXES_BPF_H

#include <bpf/bpf_core_read.h>

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
 * gpu_sched's tracepoints were renamed when they became stable uAPI (drm/sched: "trace
 * improvements", 6.17); their arguments stayed. The loader picks the pair that exists.
 */
#define DRM_QUEUE_OLD "tp_btf/drm_sched_job"
#define DRM_QUEUE_NEW "tp_btf/drm_sched_job_queue"
#define DRM_DONE_OLD "tp_btf/drm_sched_process_job"
#define DRM_DONE_NEW "tp_btf/drm_sched_job_done"

#define PF_KTHREAD 0x00200000 /* a macro: not in BTF; unchanged since 2.6 */
#define S_IFMT 00170000
#define S_IFCHR 0020000

#endif /* EARMARK_CORE_FIXES_BPF_H */
