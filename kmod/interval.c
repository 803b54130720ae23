// SPDX-License-Identifier: GPL-2.0
/* Sealing; see interval.h. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/netlink.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "context.h"
#include "drm.h"
#include "file.h"
#include "gpu.h"
#include "interval.h"
#include "job.h"
#include "kfunc.h"
#include "sched.h"
#include "sensor.h"

#define SLACK 64 /* rows more than were counted: what appears between a flip and its gather */

/**
 * struct sealer - the open interval
 * @mutex: one seal at a time; the outermost lock
 * @period: in nanoseconds
 * @number: of the open interval
 * @wall_start: of it
 * @stretched: it could not be sealed when it was due
 */
static struct {
	struct mutex mutex; /* one seal at a time */
	struct workqueue_struct *queue;
	u64 period;
	u64 number;
	u64 wall_start;
	bool stretched;
} sealer = {
	.mutex = __MUTEX_INITIALIZER(sealer.mutex),
	.number = 1,
};

static void sealer_run(struct work_struct *work);
static DECLARE_DELAYED_WORK(seal_work, sealer_run);

u64 earmark_interval_open(void)
{
	return READ_ONCE(sealer.number);
}

/* Both clocks at the instant of a flip. */
static u64 flip_clock(void *wall)
{
	ktime_t now = ktime_get();

	*(u64 *)wall = ktime_to_ns(ktime_mono_to_real(now));
	return ktime_to_ns(now);
}

/* End the open interval on all GPUs at once, if @s has room for it. */
static bool flip(struct earmark_sealed *s, u32 nr_segments, u32 nr_events, struct list_head *events)
{
	struct earmark_account *a = &earmark_books.account;
	struct earmark_interval *h = &s->header;
	unsigned long flags;
	bool room;
	u32 i;

	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	room = earmark_account_room(a) + SLACK <= nr_segments && earmark_event_count() <= nr_events;
	if (room) {
		h->start = a->start;
		h->wall_start = sealer.wall_start;
		h->end = earmark_account_flip(a, flip_clock, &h->wall_end);
		h->nr_events = earmark_event_count();
		earmark_event_take(events);
		for (i = 0; i < EARMARK_LOST_COUNT; i++)
			h->lost[i] = atomic64_read(&earmark_books.lost[i]);
		WRITE_ONCE(sealer.number, sealer.number + 1);
		sealer.wall_start = h->wall_end;
	}
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	return room;
}

/* Return: an interval that the open one was moved to; NULL: no room in memory or the keep. */
static struct earmark_sealed *detach(struct list_head *events, u32 *room)
{
	struct earmark_sealed *s;
	unsigned long flags;
	u32 nr_segments, nr_events;

	for (;;) {
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		nr_segments = earmark_account_room(&earmark_books.account);
		nr_events = earmark_event_count();
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
		if (!earmark_chain_room(nr_segments, nr_events))
			return NULL;
		nr_segments += 2 * SLACK;
		nr_events += SLACK;
		s = earmark_chain_new(nr_segments, nr_events);
		if (!s)
			return NULL;
		*room = nr_segments;
		if (flip(s, nr_segments, nr_events, events))
			return s;
		earmark_chain_put(s);
	}
}

static void copy_events(struct earmark_sealed *s, struct list_head *events)
{
	struct earmark_event_node *node, *next;
	u32 i = 0;

	list_for_each_entry_safe(node, next, events, open) {
		s->events[i++] = node->event;
		earmark_event_sealed(node);
	}
}

/* What no longer belongs to anything goes, now that a grace period and a gather are over. */
static void reap(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	earmark_account_trim(&earmark_books.account);
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	earmark_context_reap();
	earmark_sched_reap();
	earmark_job_reap();
	earmark_gpu_reap();
}

/*
 * Under the sealer's mutex. With @waiting, somebody waits for it, and other processors may be
 * interrupted for a shorter grace period.
 *
 * Return: 0 or -ENOSPC, the interval being stretched then.
 */
static int seal(bool waiting)
{
	struct earmark_sealed *s;
	struct earmark_interval *h;
	LIST_HEAD(events);
	bool broken = false;
	u32 room;

	earmark_sensor_check();
	mutex_lock(&earmark_books.mutex);
	earmark_sched_mark();
	earmark_context_mark();
	earmark_job_mark();
	mutex_unlock(&earmark_books.mutex);
	s = detach(&events, &room);
	if (!s) {
		sealer.stretched = true;
		return -ENOSPC;
	}
	if (waiting)
		synchronize_rcu_expedited();
	else
		synchronize_rcu();
	h = &s->header;
	h->version = EARMARK_VERSION;
	h->recorder = EARMARK_RECORDER_KERNEL;
	h->nr_lost = EARMARK_LOST_COUNT;
	h->nr_segments =
		earmark_account_gather(&earmark_books.account, s->segments, room, h->end, &broken);
	h->flags = (sealer.stretched ? EARMARK_INTERVAL_STRETCHED : 0) |
		   (broken ? EARMARK_INTERVAL_BROKEN : 0) |
		   (sealer.number == 2 ? EARMARK_INTERVAL_FIRST : 0) |
		   (earmark_sensor_polled() ? EARMARK_INTERVAL_SAMPLED : 0);
	sealer.stretched = false;
	copy_events(s, &events);
	earmark_chain_add(s);
	if (broken)
		pr_warn_ratelimited("interval %llu: a sum does not come out\n", h->number);
	mutex_lock(&earmark_books.mutex);
	reap();
	mutex_unlock(&earmark_books.mutex);
	earmark_event_kick();
	return 0;
}

static void sealer_run(struct work_struct *work)
{
	u64 begun = ktime_get_ns(), took;

	mutex_lock(&sealer.mutex);
	seal(false);
	mutex_unlock(&sealer.mutex);
	took = min(ktime_get_ns() - begun, sealer.period);
	queue_delayed_work(sealer.queue, &seal_work, nsecs_to_jiffies(sealer.period - took));
}

/* Seal the open interval now. */
int earmark_interval_seal(u64 *number, struct netlink_ext_ack *extack)
{
	int ret;

	mutex_lock(&sealer.mutex);
	*number = sealer.number;
	ret = seal(true);
	mutex_unlock(&sealer.mutex);
	if (ret)
		NL_SET_ERR_MSG(extack,
			       "no room to seal: acknowledge intervals or enlarge the keep");
	return ret;
}

/* A walk over all open files ends the open interval; the timer waits for the next one's. */
int earmark_interval_poll(u64 *number, struct netlink_ext_ack *extack)
{
	int ret;

	mutex_lock(&sealer.mutex);
	ret = earmark_sensor_poll(extack);
	if (ret)
		goto unlock;
	*number = sealer.number;
	ret = seal(true);
	if (ret)
		NL_SET_ERR_MSG(extack,
			       "no room to seal: acknowledge intervals or enlarge the keep");
	earmark_sensor_poll_end();
	mod_delayed_work(sealer.queue, &seal_work, nsecs_to_jiffies(2 * sealer.period));
unlock:
	mutex_unlock(&sealer.mutex);
	return ret;
}

static void config_event(const char *key, u64 value)
{
	struct earmark_event_node *event = earmark_event_new(EARMARK_EVENT_CONFIG, GFP_KERNEL);
	unsigned long flags;

	if (event) {
		event->event.value = value;
		strscpy(event->event.text, key, sizeof(event->event.text));
	}
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	earmark_event_add(event, ktime_get_ns());
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	earmark_event_kick();
}

/* NULL = leave alone. The caller has checked the bounds. */
int earmark_interval_config(const u64 *period, const u64 *keep)
{
	mutex_lock(&sealer.mutex);
	if (keep) {
		earmark_chain_keep(*keep);
		config_event("keep", *keep);
	}
	if (period) {
		sealer.period = *period;
		config_event("period", *period);
		mod_delayed_work(sealer.queue, &seal_work, nsecs_to_jiffies(*period));
	}
	mutex_unlock(&sealer.mutex);
	return 0;
}

/* Retire a GPU, not between an interval's flip and its gather. */
int earmark_interval_retire(u32 gpu, const char *reason, struct netlink_ext_ack *extack)
{
	int ret;

	mutex_lock(&sealer.mutex);
	ret = earmark_gpu_retire_id(gpu, reason, extack);
	mutex_unlock(&sealer.mutex);
	return ret;
}

static u64 memory(const struct earmark_account *a)
{
	struct earmark_gpu_account *gpu;
	struct earmark_holder *h;
	u64 bytes = a->nr_cells * sizeof(struct earmark_cell) +
		    earmark_job_count() * sizeof(struct earmark_job);

	rcu_read_lock();
	list_for_each_entry_rcu(gpu, &a->gpus, node) {
		list_for_each_entry_rcu(h, &gpu->holders, of_gpu)
			bytes += sizeof(*h);
	}
	rcu_read_unlock();
	return bytes;
}

void earmark_interval_status(struct earmark_status *st)
{
	struct earmark_account *a = &earmark_books.account;
	u32 i;

	st->version = EARMARK_VERSION;
	st->flags = (earmark_kfunc_callable() ? EARMARK_STATUS_BTF : 0) |
		    (earmark_drm_attached() ? EARMARK_STATUS_METER : 0) |
		    (earmark_drm_present() ? EARMARK_STATUS_GPU_SCHED : 0) |
		    (earmark_sensor_attached() ? EARMARK_STATUS_HOLD : 0) |
		    (earmark_sensor_is_seeded() ? EARMARK_STATUS_SEEDED : 0) |
		    (READ_ONCE(sealer.stretched) ? EARMARK_STATUS_STRETCHED : 0) |
		    (earmark_sensor_polled() ? EARMARK_STATUS_POLLED : 0);
	st->now = ktime_get_ns();
	st->interval = READ_ONCE(sealer.period);
	st->open_since = READ_ONCE(a->start);
	earmark_chain_status(st);
	st->jobs = earmark_job_count();
	st->gpus = READ_ONCE(a->nr_gpus);
	st->contexts = earmark_context_count();
	st->files = earmark_file_count();
	st->job_bytes = memory(a);
	for (i = 0; i < EARMARK_LOST_COUNT; i++)
		st->lost[i] = atomic64_read(&earmark_books.lost[i]);
}

int earmark_interval_init(u64 period)
{
	sealer.period = clamp(period, EARMARK_PERIOD_MIN, EARMARK_PERIOD_MAX);
	sealer.wall_start = ktime_get_real_ns();
	sealer.queue = alloc_workqueue("earmark", WQ_UNBOUND, 1);
	if (!sealer.queue)
		return -ENOMEM;
	queue_delayed_work(sealer.queue, &seal_work, nsecs_to_jiffies(sealer.period));
	return 0;
}

void earmark_interval_exit(void)
{
	cancel_delayed_work_sync(&seal_work);
	destroy_workqueue(sealer.queue);
}
