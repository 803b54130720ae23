// SPDX-License-Identifier: GPL-2.0
/* The hold sensor's presence; see sensor.h. */
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/random.h>

#include "books.h"
#include "event.h"
#include "gpu.h"
#include "sensor.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/**
 * struct sensor - what is known of it
 * @mutex: one challenge at a time; guards @nonce, @missed, @recursion, @told_*
 * @nonce: asked for; 0 = answered or none
 * @told_missed, @told_recursion: given with the answer, cumulative since its programs loaded
 * @missed, @recursion: of the answer before: what is more now is new
 * @attached: it answered the last challenge; under the books' lock
 * @walk: generation of the last walk that began, or, between walks, of the last that ended;
 *	under the books' lock, read anywhere
 * @walking: a walk has begun
 * @polled: walks stand in for it; @vouched: the interval about to be sealed ends with one
 */
static struct {
	struct mutex mutex; /* one challenge at a time */
	u64 nonce;
	u64 told_missed, told_recursion;
	u64 missed, recursion;
	bool attached;
	u32 walk;
	bool walking;
	bool polled;
	bool vouched;
} sensor = {
	.mutex = __MUTEX_INITIALIZER(sensor.mutex),
	.walk = 1,
};

bool earmark_sensor_attached(void)
{
	return READ_ONCE(sensor.attached);
}

/* An attached sensor is one that has been seeded. */
bool earmark_sensor_is_seeded(void)
{
	return READ_ONCE(sensor.attached);
}

u32 earmark_sensor_walk(void)
{
	return READ_ONCE(sensor.walk);
}

/* Called by the sensor's program, from within the tracepoint. */
int earmark_sensor_answer(u64 nonce, u64 missed, u64 recursion)
{
	if (!nonce || READ_ONCE(sensor.nonce) != nonce)
		return -ESTALE;
	sensor.told_missed = missed;
	sensor.told_recursion = recursion;
	WRITE_ONCE(sensor.nonce, 0);
	return 0;
}

/* Return: was it there? Under the sensor's mutex. */
static bool sensor_challenge(void)
{
	u64 nonce = get_random_u64() | 1;

	WRITE_ONCE(sensor.nonce, nonce);
	trace_earmark_challenge(nonce);
	return !xchg(&sensor.nonce, 0);
}

static u64 counter_grew(u64 *last, u64 now)
{
	u64 by = now >= *last ? now - *last : now; /* less: its programs were loaded anew */

	*last = now;
	return by;
}

/* Book what the sensor says it lost. A lost edge of a hold leaves every GPU in doubt. */
static void sensor_losses(void)
{
	u64 missed = counter_grew(&sensor.missed, sensor.told_missed);
	u64 recursion = counter_grew(&sensor.recursion, sensor.told_recursion);
	unsigned long flags;

	if (!missed && !recursion)
		return;
	earmark_lost(EARMARK_LOST_MISSED, missed);
	earmark_lost(EARMARK_LOST_RECURSION, recursion);
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	earmark_gpu_hold_lost(NULL, ktime_get_ns());
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
}

static struct earmark_event_node *sensor_event(enum earmark_event_type type, const char *name)
{
	struct earmark_event_node *event = earmark_event_new(type, GFP_KERNEL);

	if (event)
		strscpy(event->event.text, name, sizeof(event->event.text));
	return event;
}

bool earmark_sensor_polled(void)
{
	return READ_ONCE(sensor.polled);
}

/* Under the sensor's mutex. */
static void poll_stop(void)
{
	struct earmark_event_node *event = sensor_event(EARMARK_EVENT_SENSOR_DETACHED, "poll");
	unsigned long flags;
	u64 now;

	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	now = ktime_get_ns();
	WRITE_ONCE(sensor.polled, false);
	earmark_gpu_hold_blind(true, now);
	earmark_event_add(event, now);
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	earmark_event_kick();
}

/* Before each seal: an interval that no walk ends is nobody's to vouch for. */
static void poll_check(void)
{
	mutex_lock(&sensor.mutex);
	if (sensor.polled && !sensor.vouched)
		poll_stop();
	mutex_unlock(&sensor.mutex);
}

/*
 * A walk is complete, and a seal follows, then earmark_sensor_poll_end(). Under the sealer's
 * mutex. Return: 0 or -errno.
 */
int earmark_sensor_poll(struct netlink_ext_ack *extack)
{
	struct earmark_event_node *event;
	unsigned long flags;
	int ret = 0;
	u64 now;

	event = sensor_event(EARMARK_EVENT_SENSOR_ATTACHED, "poll");
	mutex_lock(&sensor.mutex);
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	now = ktime_get_ns();
	if (sensor.attached) {
		NL_SET_ERR_MSG(extack, "the hold sensor sees every edge: nothing is to be polled");
		ret = -EBUSY;
	} else if (!sensor.walking) {
		NL_SET_ERR_MSG(extack, "no walk over the open files has begun");
		ret = -ENODATA;
	} else {
		sensor.walking = false;
		sensor.vouched = true;
		earmark_file_sweep(&earmark_books.account, sensor.walk, now);
		earmark_gpu_hold_compare(!sensor.polled, now);
		if (!sensor.polled) {
			WRITE_ONCE(sensor.polled, true);
			earmark_event_add(event, now);
			event = NULL;
		}
	}
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	mutex_unlock(&sensor.mutex);
	earmark_event_drop(event);
	return ret;
}

void earmark_sensor_poll_end(void)
{
	unsigned long flags;

	mutex_lock(&sensor.mutex);
	sensor.vouched = false;
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	if (sensor.polled && !sensor.walking)
		earmark_gpu_hold_polled(sensor.walk, ktime_get_ns());
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	mutex_unlock(&sensor.mutex);
}

/* Before each seal: is the sensor still there? If not, it was not for some of the interval. */
void earmark_sensor_check(void)
{
	struct earmark_event_node *event;
	unsigned long flags;
	u64 now;

	poll_check();
	if (!earmark_sensor_attached())
		return;
	mutex_lock(&sensor.mutex);
	if (sensor_challenge()) {
		sensor_losses();
		goto out;
	}
	event = sensor_event(EARMARK_EVENT_SENSOR_DETACHED, "hold");
	earmark_lost(EARMARK_LOST_CHALLENGE, 1);
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	now = ktime_get_ns();
	WRITE_ONCE(sensor.attached, false);
	earmark_gpu_hold_blind(true, now);
	earmark_event_add(event, now);
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	earmark_event_kick();
out:
	mutex_unlock(&sensor.mutex);
}

/* A walk over all open files begins: what it will not have come by is not in use. */
u32 earmark_sensor_begin(void)
{
	unsigned long flags;
	u32 walk;

	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	/* what is opened or closed while it goes on may be seen or not */
	if (sensor.polled)
		earmark_gpu_hold_blind(false, ktime_get_ns());
	walk = sensor.walk + 1;
	WRITE_ONCE(sensor.walk, walk);
	sensor.walking = true;
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	return walk;
}

/* A walk came by a GPU's file; one that was not announced begins with its first. */
void earmark_sensor_walks(void)
{
	if (!READ_ONCE(sensor.walking))
		earmark_sensor_begin();
}

/* The walk is complete and the sensor attached: holds are observed from now on. */
int earmark_sensor_seeded(struct netlink_ext_ack *extack)
{
	struct earmark_event_node *event;
	unsigned long flags;
	int ret = 0;
	u64 now;

	mutex_lock(&sensor.mutex);
	if (!sensor_challenge()) {
		NL_SET_ERR_MSG(extack, "the hold sensor did not answer: attach it first");
		ret = -ENOTCONN;
		goto out;
	}
	sensor_losses();
	if (sensor.polled)
		poll_stop();
	event = sensor_event(EARMARK_EVENT_SENSOR_ATTACHED, "hold");
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	now = ktime_get_ns();
	if (sensor.walking)
		earmark_file_sweep(&earmark_books.account, sensor.walk, now);
	else
		WRITE_ONCE(sensor.walk, sensor.walk + 1); /* it came by no file of a GPU */
	sensor.walking = false;
	earmark_gpu_hold_seeded(sensor.walk, now);
	if (!sensor.attached) {
		WRITE_ONCE(sensor.attached, true);
		earmark_event_add(event, now);
		event = NULL;
	}
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	earmark_event_drop(event);
	earmark_event_kick();
out:
	mutex_unlock(&sensor.mutex);
	return ret;
}
