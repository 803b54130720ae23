// SPDX-License-Identifier: GPL-2.0
/* The inventory; see gpu.h. */
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/uidgid.h>

#include "drm.h"
#include "gpu.h"
#include "inventory.h"
#include "job.h"
#include "sched.h"
#include "sensor.h"

#define GPUS_MAX 4096
#define DEVNUM_BITS 8

/**
 * struct devnum - a device number of a GPU
 * @node: in the hash; changed under the lock
 */
struct devnum {
	struct hlist_node node;
	u32 number;
	struct earmark_gpu *gpu;
	struct rcu_head rcu;
};

static LIST_HEAD(gpus);
static LIST_HEAD(retired); /* under the mutex */
static DEFINE_HASHTABLE(devnums, DEVNUM_BITS);
static u32 last_id;

struct list_head *earmark_gpu_list(void)
{
	return &gpus;
}

static struct devnum *devnum_find(u32 number)
{
	struct devnum *d;

	hash_for_each_possible_rcu(devnums, d, node, number, true) {
		if (d->number == number)
			return d;
	}
	return NULL;
}

struct earmark_gpu *earmark_gpu_by_devnum(u32 number)
{
	struct devnum *d = devnum_find(number);

	return d ? d->gpu : NULL;
}

struct earmark_gpu *earmark_gpu_by_name(const char *name)
{
	struct earmark_gpu *gpu;

	list_for_each_entry_rcu(gpu, &gpus, node, true) {
		if (!gpu->account.retired && !strcmp(gpu->name, name))
			return gpu;
	}
	return NULL;
}

struct earmark_gpu *earmark_gpu_by_id(u32 id)
{
	struct earmark_gpu *gpu;

	list_for_each_entry_rcu(gpu, &gpus, node, true) {
		if (!gpu->account.retired && gpu->account.id == id)
			return gpu;
	}
	return NULL;
}

/* "<bus>/<device>", or false if the device has no bus or too long a name. */
bool earmark_gpu_name(const struct device *dev, char *out)
{
	int n;

	if (!dev || !dev->bus)
		return false;
	n = snprintf(out, EARMARK_NAME_LEN, "%s/%s", dev->bus->name, dev_name(dev));
	return n < EARMARK_NAME_LEN;
}

struct earmark_gpu *earmark_gpu_alloc(const char *name, gfp_t gfp)
{
	struct earmark_gpu *gpu = kzalloc(sizeof(*gpu), gfp);

	if (gpu)
		strscpy(gpu->name, name, sizeof(gpu->name));
	return gpu;
}

/* Tell of a GPU that was added or amended. Under the lock. */
void earmark_gpu_tell(const struct earmark_gpu *gpu, struct earmark_event_node *node, u64 now)
{
	if (node) {
		node->event.gpu = gpu->account.id;
		node->event.value = gpu->weight;
		strscpy(node->event.text, gpu->name, sizeof(node->event.text));
		strscpy(node->event.project, gpu->model, sizeof(node->event.project));
		strscpy(node->event.ref, gpu->uuid, sizeof(node->event.ref));
	}
	earmark_event_add(node, now);
}

/**
 * earmark_gpu_add() - a GPU enters the inventory, which knows no such name
 * @gpu: from earmark_gpu_alloc()
 *
 * Whoever used it before is not known: its holds are unobserved until the next seed.
 */
void earmark_gpu_add(struct earmark_gpu *gpu, u64 now)
{
	u32 blind = EARMARK_BLIND_HOLD;

	if (earmark_gpu_unmetered(gpu))
		blind |= EARMARK_BLIND_METER;
	gpu->since = now;
	gpu->unseeded = earmark_sensor_walk();
	earmark_gpu_init(&earmark_books.account, &gpu->account, ++last_id, blind, now);
	gpu->account.meter = gpu->meter;
	list_add_tail_rcu(&gpu->node, &gpus);
}

/* Return: may @gpu have @number? A GPU whose driver is gone has no claim to its numbers. */
bool earmark_gpu_may_have(struct earmark_gpu *gpu, u32 number)
{
	struct earmark_gpu *other = earmark_gpu_by_devnum(number);

	return !other || other == gpu || other->account.blind & EARMARK_BLIND_ABSENT;
}

static void devnum_drop(struct earmark_gpu *gpu, u32 number)
{
	struct devnum *d = devnum_find(number);

	if (!d || d->gpu != gpu)
		return;
	hash_del_rcu(&d->node);
	kfree_rcu(d, rcu);
}

void earmark_gpu_drop_devnums(struct earmark_gpu *gpu)
{
	while (gpu->nr_devnums)
		devnum_drop(gpu, gpu->devnums[--gpu->nr_devnums]);
}

/**
 * earmark_gpu_set_devnums() - these are the GPU's device numbers from now on
 * @room: @nr allocated struct devnum; those that are used are set to NULL
 *
 * Under the lock. Files used through a number that is new were not noticed: HOLD is set.
 */
void earmark_gpu_set_devnums(struct earmark_gpu *gpu, const u32 *numbers, u32 nr, void **room,
			     u64 now)
{
	bool same = nr == gpu->nr_devnums && !memcmp(numbers, gpu->devnums, nr * sizeof(*numbers));
	u32 i;

	if (same)
		return;
	earmark_gpu_drop_devnums(gpu);
	for (i = 0; i < nr; i++) {
		struct devnum *d = devnum_find(numbers[i]);

		if (!earmark_gpu_may_have(gpu, numbers[i]) || (d && d->gpu == gpu))
			continue;
		if (d)
			devnum_drop(d->gpu, numbers[i]);
		d = room[i];
		room[i] = NULL;
		d->number = numbers[i];
		d->gpu = gpu;
		hash_add_rcu(devnums, &d->node, d->number);
		gpu->devnums[gpu->nr_devnums++] = numbers[i];
	}
	gpu->unseeded = earmark_sensor_walk();
	earmark_gpu_blind(&earmark_books.account, &gpu->account, EARMARK_BLIND_HOLD, 0, now);
}

bool earmark_gpu_devnum_room(void **room, u32 nr)
{
	struct devnum *d;
	u32 i;

	for (i = 0; i < nr; i++) {
		d = kmalloc(sizeof(*d), GFP_KERNEL);
		if (!d)
			return false;
		room[i] = d;
	}
	return true;
}

/* Return: does nothing count submissions on it? Under the lock. */
bool earmark_gpu_unmetered(const struct earmark_gpu *gpu)
{
	return gpu->meter == EARMARK_METER_NONE ||
	       (gpu->meter == EARMARK_METER_DRM && earmark_drm_blind());
}

/* All that is known of it is told: no file shows who may hold it. Under the lock. */
bool earmark_gpu_fileless(const struct earmark_gpu *gpu)
{
	return gpu->meter == EARMARK_METER_TOLD && !gpu->nr_devnums;
}

/* It was amended: files matter from now on, or no longer. Under the lock. */
void earmark_gpu_filed(struct earmark_gpu *gpu, bool was_fileless, u64 now)
{
	struct earmark_account *a = &earmark_books.account;

	if (earmark_gpu_fileless(gpu)) {
		earmark_gpu_blind(a, &gpu->account, 0, EARMARK_BLIND_HOLD | EARMARK_BLIND_LOST,
				  now);
	} else if (was_fileless) {
		gpu->unseeded = earmark_sensor_walk();
		earmark_gpu_blind(a, &gpu->account, EARMARK_BLIND_HOLD, 0, now);
	}
}

bool earmark_gpu_full(void)
{
	return earmark_books.account.nr_gpus >= GPUS_MAX;
}

/* The probes came or went, on every GPU that they meter. Under the lock. */
void earmark_gpu_meter_blind(bool blind, u64 now)
{
	struct earmark_gpu *gpu;

	list_for_each_entry(gpu, &gpus, node) {
		if (gpu->meter == EARMARK_METER_DRM && !gpu->account.retired)
			earmark_gpu_blind(&earmark_books.account, &gpu->account,
					  blind ? EARMARK_BLIND_METER : 0,
					  blind ? 0 : EARMARK_BLIND_METER, now);
	}
}

/* The hold sensor is not there; with @disavow it was not at some time of the open interval. */
void earmark_gpu_hold_blind(bool disavow, u64 now)
{
	struct earmark_account *a = &earmark_books.account;
	struct earmark_gpu *gpu;

	list_for_each_entry(gpu, &gpus, node) {
		if (gpu->account.retired || earmark_gpu_fileless(gpu))
			continue;
		if (disavow)
			earmark_gpu_disavow(a, &gpu->account, EARMARK_BLIND_HOLD, now);
		gpu->unseeded = earmark_sensor_walk();
		earmark_gpu_blind(a, &gpu->account, EARMARK_BLIND_HOLD, 0, now);
	}
}

/* An edge of a hold on @gpu was lost; NULL: on any of them. Under the lock. */
void earmark_gpu_hold_lost(struct earmark_gpu *gpu, u64 now)
{
	struct earmark_gpu *at;

	list_for_each_entry(at, &gpus, node) {
		if (at->account.retired || earmark_gpu_fileless(at) || (gpu && at != gpu))
			continue;
		at->unseeded = earmark_sensor_walk();
		earmark_gpu_blind(&earmark_books.account, &at->account, EARMARK_BLIND_LOST, 0, now);
	}
}

/* Walk number @walk over all open files is complete. Under the lock. */
void earmark_gpu_hold_seeded(u32 walk, u64 now)
{
	struct earmark_gpu *gpu;

	list_for_each_entry(gpu, &gpus, node) {
		if (gpu->unseeded < walk)
			earmark_gpu_blind(&earmark_books.account, &gpu->account, 0,
					  EARMARK_BLIND_HOLD | EARMARK_BLIND_LOST, now);
	}
}

/* A poll's walk is complete: did it find what the one before had found? Under the lock. */
void earmark_gpu_hold_compare(bool first, u64 now)
{
	struct earmark_account *a = &earmark_books.account;
	struct earmark_gpu *gpu;

	list_for_each_entry(gpu, &gpus, node) {
		if (gpu->account.retired || earmark_gpu_fileless(gpu))
			continue;
		earmark_gpu_drop_fileless(a, &gpu->account, now);
		gpu->steady = !first && gpu->turnover == gpu->account.turnover;
		gpu->turnover = gpu->account.turnover;
		if (!gpu->steady)
			earmark_gpu_disavow(a, &gpu->account, EARMARK_BLIND_HOLD, now);
	}
}

/*
 * From here to the next walk GPUs are observed where nothing changed: where something did, a
 * file may have been opened behind the walk's back and be closed before the next. Under the lock.
 */
void earmark_gpu_hold_polled(u32 walk, u64 now)
{
	struct earmark_gpu *gpu;

	list_for_each_entry(gpu, &gpus, node) {
		if (gpu->unseeded < walk && gpu->steady)
			earmark_gpu_blind(&earmark_books.account, &gpu->account, 0,
					  EARMARK_BLIND_HOLD | EARMARK_BLIND_LOST, now);
	}
}

/**
 * earmark_gpu_retire_id() - the GPU leaves the inventory
 *
 * Under the interval's mutex: its last row ends here, which a gather must not be reading.
 */
int earmark_gpu_retire_id(u32 id, const char *reason, struct netlink_ext_ack *extack)
{
	struct earmark_event_node *event = earmark_event_new(EARMARK_EVENT_GPU_RETIRED, GFP_KERNEL);
	struct earmark_gpu *gpu;
	unsigned long flags;
	u64 now;

	if (event) {
		event->event.gpu = id;
		event->event.uid = from_kuid(&init_user_ns, current_uid());
		strscpy(event->event.text, reason, sizeof(event->event.text));
	}
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	gpu = earmark_gpu_by_id(id);
	if (gpu) {
		now = ktime_get_ns();
		earmark_gpu_retire(&earmark_books.account, &gpu->account, now);
		earmark_gpu_drop_devnums(gpu);
		earmark_sched_drop(gpu);
		earmark_event_add(event, now);
	}
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	if (!gpu) {
		earmark_event_drop(event);
		NL_SET_ERR_MSG(extack, "no GPU of that id is in the inventory");
		return -ENOENT;
	}
	earmark_event_kick();
	return 0;
}

/* A GPU is retired by its own id: LOST_ADD names one that went blind. */
int earmark_gpu_lost(u32 id)
{
	struct earmark_gpu *gpu;
	unsigned long flags;

	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	gpu = earmark_gpu_by_id(id);
	if (gpu)
		earmark_gpu_hold_lost(gpu, ktime_get_ns());
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	return gpu ? 0 : -ENOENT;
}

/* After the gather with a retired GPU's last row. Under both mutexes. */
void earmark_gpu_reap(void)
{
	struct earmark_gpu *gpu, *next;
	unsigned long flags;

	list_for_each_entry_safe(gpu, next, &gpus, node) {
		if (!gpu->account.retired)
			continue;
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		earmark_gpu_remove(&earmark_books.account, &gpu->account);
		list_del_rcu(&gpu->node);
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
		list_add_tail(&gpu->account.node, &retired);
	}
	list_for_each_entry_safe(gpu, next, &retired, account.node) {
		if (!list_empty(&gpu->account.holders) || !list_empty(&gpu->account.engines) ||
		    READ_ONCE(gpu->dev))
			continue;
		list_del(&gpu->account.node);
		kfree_rcu(gpu, rcu);
	}
}

/* At unload, when nothing refers to them any more. */
void earmark_gpu_exit(void)
{
	struct earmark_gpu *gpu, *next;

	list_for_each_entry_safe(gpu, next, &gpus, node) {
		earmark_gpu_drop_devnums(gpu);
		list_del(&gpu->node);
		kfree_rcu(gpu, rcu);
	}
	list_for_each_entry_safe(gpu, next, &retired, account.node)
		kfree_rcu(gpu, rcu);
}
