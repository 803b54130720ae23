/* SPDX-License-Identifier: GPL-2.0 */
/* Where kernels differ: each by a probe of conftest.sh, never by version. */
#ifndef SIMGPU_COMPAT_H
#define SIMGPU_COMPAT_H

#include <linux/hrtimer.h>
#include <drm/gpu_scheduler.h>

#include "conftest.h"

#ifdef SIM_HAVE_NUM_RQS
#define SIM_NUM_RQS .num_rqs = DRM_SCHED_PRIORITY_COUNT,
#else
#define SIM_NUM_RQS
#endif

static inline int sim_job_init(struct drm_sched_job *job, struct drm_sched_entity *entity,
			       void *owner, u64 client)
{
#if defined(SIM_HAVE_JOB_INIT_5)
	return drm_sched_job_init(job, entity, 1, owner, client);
#elif defined(SIM_HAVE_JOB_INIT_4)
	return drm_sched_job_init(job, entity, 1, owner);
#else
	return drm_sched_job_init(job, entity, owner);
#endif
}

static inline void sim_sched_start(struct drm_gpu_scheduler *sched)
{
#if defined(SIM_HAVE_SCHED_START_2)
	/* A bool that asks for full recovery, or the error of what was lost. */
	drm_sched_start(sched, true);
#else
	drm_sched_start(sched);
#endif
}

static inline void sim_timer_setup(struct hrtimer *timer,
				   enum hrtimer_restart (*fn)(struct hrtimer *))
{
	/* Not _HARD: the fences' locks are not raw. It is a hard interrupt all the same. */
#ifdef SIM_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	timer->function = fn;
#endif
}

#endif
