// SPDX-License-Identifier: GPL-2.0
/*
 * Where no program can be attached to the edges of holds, a walk over all open files ends
 * every interval and stands in for them; the rule is the module's (docs/design.md, "Polling").
 */
#include <stdio.h>
#include "base/time.h"
#include "kernel/recorder.h"
#include "kernel/sensor_map.h"

static void tell(struct rec *r, unsigned int type, u64 now)
{
	struct earmark_event *e = em_rec_event(r, type, now);

	if (e)
		snprintf(e->text, sizeof(e->text), "poll");
}

/* An interval that no walk ends is nobody's to vouch for; polling begins anew. */
void em_rec_poll_stop(struct rec *r)
{
	u64 now = earmark_account_clamp(&r->account, em_time_monotonic());

	if (!r->polling)
		return;
	r->polling = false;
	em_rec_gpu_distrust(r, EARMARK_BLIND_HOLD, now);
	tell(r, EARMARK_EVENT_SENSOR_DETACHED, now);
}

/* What is opened or closed while a walk goes on may be seen or not: it is not observed. */
static void walk_begin(struct rec *r)
{
	struct rec_gpu *gpu;

	if (r->control)
		em_map_synchronize(); /* records under way are in the ring now */
	em_rec_ring_drain(r);
	list_for_each_entry(gpu, &r->gpus, node)
		gpu->watched = false;
	em_rec_gpu_observe(r, earmark_account_clamp(&r->account, em_time_monotonic()));
}

/* Did the walk find what the one before had found, and no submission without a file? */
static void walk_compare(struct rec *r, u64 now)
{
	struct rec_gpu *gpu;

	list_for_each_entry(gpu, &r->gpus, node) {
		if (gpu->retired)
			continue;
		earmark_gpu_drop_fileless(&r->account, &gpu->account, now);
		gpu->steady = r->polling && gpu->turnover == gpu->account.turnover;
		gpu->turnover = gpu->account.turnover;
		if (!gpu->steady)
			earmark_gpu_disavow(&r->account, &gpu->account, EARMARK_BLIND_HOLD, now);
	}
}

/**
 * em_rec_poll() - walk before a seal, which em_rec_poll_end() is to follow
 *
 * Return: 0, or -errno: polling has stopped.
 */
int em_rec_poll(struct rec *r)
{
	u64 now;
	int rc;

	walk_begin(r);
	rc = em_rec_walk(r);
	if (rc) {
		em_rec_poll_stop(r);
		return rc;
	}
	now = earmark_account_clamp(&r->account, em_time_monotonic());
	earmark_file_sweep(&r->account, r->p.seed, now);
	walk_compare(r, now);
	if (!r->polling)
		tell(r, EARMARK_EVENT_SENSOR_ATTACHED, now);
	r->polling = true;
	em_rec_unknown_resolve(r);
	return 0;
}

/* From here to the next walk GPUs are observed on which nothing has changed. */
void em_rec_poll_end(struct rec *r)
{
	struct rec_gpu *gpu;

	list_for_each_entry(gpu, &r->gpus, node) {
		gpu->watched = r->polling && gpu->steady;
		gpu->lost &= !gpu->watched;
	}
	em_rec_gpu_observe(r, earmark_account_clamp(&r->account, em_time_monotonic()));
}
