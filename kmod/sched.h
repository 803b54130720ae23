/* SPDX-License-Identifier: GPL-2.0 */
/* Engines: one for every drm_gpu_scheduler that submissions were seen on. */
#ifndef EARMARK_SCHED_H
#define EARMARK_SCHED_H

#include "gpu.h"

struct drm_gpu_scheduler;

/* struct earmark_begun - a job, by its fence, and when it was about to be given to the hardware */
struct earmark_begun {
	u64 context;
	u64 seqno;
	u64 at;
};

/**
 * struct earmark_sched - a scheduler, which is one hardware queue
 * @node: in the hash by pointer; out of it once @dropped
 * @list: in the list of all, changed under the lock
 * @sched: its address, never followed but in its own submission; reused by other schedulers
 *	after its driver is unbound, so that it is dropped then
 * @gpu: lives as long as its schedulers
 * @engine: its books; last_done and total under @lock
 * @lock: raw leaf, for earmark_engine_span() from any context
 * @begun, @nr_begun: jobs about to be given to the hardware, the newest at nr_begun - 1;
 *	under @lock
 * @done, @quiet: completions at the last mark, and marks without a new one
 * @busy: some context had work in flight on it at the last mark
 * @dropped: out of the hash; @released: and was so before the last grace period
 */
struct earmark_sched {
	struct hlist_node node;
	struct list_head list;
	const struct drm_gpu_scheduler *sched;
	struct earmark_gpu *gpu;
	struct earmark_engine engine;
	raw_spinlock_t lock;
	struct earmark_begun begun[EARMARK_BEGUN];
	u32 nr_begun;
	u64 done;
	u32 quiet;
	bool busy;
	bool dropped;
	bool released;
	struct rcu_head rcu;
};

void earmark_sched_exit(void);
struct earmark_sched *earmark_sched_find(const struct drm_gpu_scheduler *sched);
struct earmark_sched *earmark_sched_get(const struct drm_gpu_scheduler *sched);
void earmark_sched_drop(struct earmark_gpu *gpu);
void earmark_sched_mark(void);
void earmark_sched_reap(void);

#endif /* EARMARK_SCHED_H */
