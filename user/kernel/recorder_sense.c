// SPDX-License-Identifier: GPL-2.0
/* What the sensors are, saw and lost, and what that means for the recorder's books. */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "kernel/recorder.h"
#include "kernel/sensor_map.h"

/* The maps come with the first family that is attached, which may be later. */
int em_rec_maps_open(struct rec *r)
{
	int fd, rc;

	if (r->control)
		return 0;
	fd = em_map_open("control");
	if (fd < 0)
		return fd;
	r->control = em_map_mmap(fd, 0, sizeof(*r->control), true);
	rc = r->control ? 0 : -errno;
	r->p.control = em_map_id(fd);
	close(fd);
	r->fd_jobs = em_map_open("jobs");
	r->fd_lost = em_map_open("lost");
	return rc;
}

/* Maps that nobody kept books with: begin with what they say now. */
void em_rec_maps_begin(struct rec *r)
{
	struct em_control *c = r->control;

	if (!c)
		return;
	r->p.parity = c->parity & 1;
	r->p.epoch = max(r->p.epoch, c->epoch);
	c->since[r->p.epoch & (EM_EPOCHS - 1)] = 0;
	__atomic_store_n(&c->epoch, r->p.epoch, __ATOMIC_SEQ_CST);
	em_rec_bank_clear(r, r->p.parity ^ 1);
	em_rec_ask_again(r);
}

/* A predecessor's maps: what it did last but could not finish. */
void em_rec_maps_resume(struct rec *r)
{
	struct em_control *c = r->control;
	u64 epoch;

	r->flipped = (c->parity & 1) != r->p.parity;
	if (!r->flipped)
		em_rec_bank_clear(r, r->p.parity ^ 1);
	/* It announced a change of tags that it did not make: its epochs change nothing. */
	for (epoch = r->p.epoch + 1; epoch <= c->epoch; epoch++)
		em_rec_epoch_note(r, epoch, c->since[epoch & (EM_EPOCHS - 1)]);
}

/* Uses and submissions are told again at their next time, also those that were told before. */
void em_rec_ask_again(struct rec *r)
{
	if (!r->control)
		return;
	__atomic_fetch_add(&r->control->use_gen, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&r->control->free_gen, 1, __ATOMIC_SEQ_CST);
}

int em_rec_ring_watch(struct rec *r)
{
	struct epoll_event ring = { .events = EPOLLIN | EPOLLET };
	_cleanup_close_ int fd = em_map_open("ring");

	if (fd < 0)
		return fd;
	return epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &ring) ? -errno : 0;
}

/* Counters of BPF only grow, but begin anew with new maps or programs. */
static u64 grew(u64 *last, u64 now)
{
	u64 by = now >= *last ? now - *last : now;

	*last = now;
	return by;
}

/* Return: EARMARK_BLIND_LOST if an edge of a hold was lost, _HOLD and _METER if nobody watched. */
static u32 losses_read(struct rec *r, const struct em_sensor_state *st, int n)
{
	u64 count, recursion = 0, edges, gaps;
	int i;

	for (i = 0; r->fd_lost >= 0 && i < EARMARK_LOST_COUNT; i++) {
		if (!em_map_sum(r->fd_lost, i, &count))
			r->p.lost[i] += grew(&r->p.bpf_lost[i], count);
	}
	for (i = 0; i < n; i++)
		recursion += st[i].recursion;
	r->p.lost[EARMARK_LOST_RECURSION] += grew(&r->p.bpf_recursion, recursion);
	edges = grew(&r->p.bpf_skipped, em_sensor_skipped_edges(r->source.sensor));
	if (!r->control)
		return 0;
	edges += grew(&r->p.holes, __atomic_load_n(&r->control->holes, __ATOMIC_SEQ_CST));
	gaps = grew(&r->p.gaps, __atomic_load_n(&r->control->gaps, __ATOMIC_SEQ_CST));
	return edges ? EARMARK_BLIND_LOST : gaps ? EARMARK_BLIND_HOLD | EARMARK_BLIND_METER : 0;
}

static void sensors_tell(struct rec *r, const struct em_sensor_state *st, int n, u64 now)
{
	struct earmark_event *e;
	int i;

	for (i = 0; i < n; i++) {
		if (st[i].attached == !!(r->p.told & 1U << i))
			continue;
		r->p.told ^= 1U << i;
		e = em_rec_event(r,
				 st[i].attached ? EARMARK_EVENT_SENSOR_ATTACHED
						: EARMARK_EVENT_SENSOR_DETACHED,
				 now);
		if (e)
			snprintf(e->text, sizeof(e->text), "%s", st[i].name);
	}
}

/* The sensors as they are now, and what that means for what the books can vouch for. */
void em_rec_sensors_look(struct rec *r)
{
	const struct em_sensor_state *st;
	bool had = r->hold, fresh;
	u64 now;
	u32 why;
	int n;

	em_sensor_retry(r->source.sensor);
	fresh = !r->control && !em_rec_maps_open(r);
	if (fresh) {
		em_rec_maps_begin(r);
		em_rec_ring_open(r);
		em_rec_ring_watch(r);
	}
	em_rec_ring_drain(r);
	now = earmark_account_clamp(&r->account, em_time_monotonic());
	n = em_sensor_states(r->source.sensor, &st);
	/* Without the cgroups' ends, what a job holds without a file would never end. */
	r->hold = st[EM_FAMILY_HOLD].attached && st[EM_FAMILY_CGROUP].attached;
	r->polled = st[EM_FAMILY_HOLD].polled && st[EM_FAMILY_CGROUP].attached;
	r->drm = st[EM_FAMILY_DRM].attached;
	if (!r->polled)
		em_rec_poll_stop(r);
	why = losses_read(r, st, n);
	if (why || (had && !r->hold))
		em_rec_gpu_distrust(r, why ? why : EARMARK_BLIND_HOLD, now);
	sensors_tell(r, st, n, now);
	em_rec_gpu_observe(r, now);
	if (fresh)
		em_rec_gpu_devnums(r);
}
