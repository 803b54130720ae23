// SPDX-License-Identifier: GPL-2.0
/* Changes of the inventory; see inventory.h. */
#include <linux/device.h>
#include <linux/netlink.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "drm.h"
#include "gpu.h"
#include "inventory.h"
#include "sched.h"

/* Room for as many device numbers as a GPU can have; what is left over is freed. */
struct devnums {
	u32 numbers[EARMARK_DEVNUMS_MAX];
	u32 nr;
	void *room[EARMARK_DEVNUMS_MAX];
};

static void devnums_free(struct devnums *d)
{
	u32 i;

	for (i = 0; i < EARMARK_DEVNUMS_MAX; i++)
		kfree(d->room[i]);
}

static int devnum_collect(struct device *dev, void *arg)
{
	struct devnums *d = arg;

	if (dev->class && !strcmp(dev->class->name, "drm") && dev->devt &&
	    d->nr < EARMARK_DEVNUMS_MAX)
		d->numbers[d->nr++] = dev->devt;
	return 0;
}

/* Look through the device for DRM minors: they are what jobs open. */
static void gpu_scan(struct earmark_gpu *gpu, struct device *dev)
{
	struct devnums d = {};
	struct earmark_event_node *event = earmark_event_new(EARMARK_EVENT_GPU, GFP_KERNEL);
	unsigned long flags;
	u64 now;

	device_for_each_child(dev, &d, devnum_collect);
	if (d.nr && earmark_gpu_devnum_room(d.room, d.nr)) {
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		now = ktime_get_ns();
		if (!gpu->account.retired)
			earmark_gpu_set_devnums(gpu, d.numbers, d.nr, d.room, now);
		earmark_gpu_tell(gpu, event, now);
		event = NULL;
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
		earmark_event_kick();
	}
	earmark_event_drop(event);
	devnums_free(&d);
}

static void inventory_scan(struct work_struct *work)
{
	struct earmark_gpu *gpu;
	struct device *dev;
	unsigned long flags;

	mutex_lock(&earmark_books.mutex);
	list_for_each_entry_rcu(gpu, earmark_gpu_list(), node,
				lockdep_is_held(&earmark_books.mutex)) {
		raw_spin_lock_irqsave(&earmark_books.lock, flags);
		dev = gpu->dev;
		gpu->dev = NULL;
		raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
		if (!dev)
			continue;
		gpu_scan(gpu, dev);
		put_device(dev);
	}
	mutex_unlock(&earmark_books.mutex);
}

static DECLARE_WORK(scan_work, inventory_scan);

/* Have @dev looked through for @gpu's device numbers. Under the lock; then kick. */
void earmark_inventory_scan(struct earmark_gpu *gpu, struct device *dev)
{
	if (!gpu->dev)
		gpu->dev = get_device(dev);
}

void earmark_inventory_kick(void)
{
	schedule_work(&scan_work);
}

static struct device *device_by_name(const char *name)
{
	const char *dev = strchr(name, '/') + 1;

#ifdef CONFIG_PCI
	if (!strncmp(name, "pci/", 4))
		return bus_find_device_by_name(&pci_bus_type, NULL, dev);
#endif
	if (!strncmp(name, "platform/", 9))
		return bus_find_device_by_name(&platform_bus_type, NULL, dev);
	return NULL;
}

/* Return: is it the name of a device that is gone or has no driver? */
static bool device_absent(const char *name, struct device *dev)
{
	if (strncmp(name, "pci/", 4) && strncmp(name, "platform/", 9))
		return false; /* of a kind that is not watched, e.g. a slice of a GPU */
	return !dev || !READ_ONCE(dev->driver);
}

static int set_check(const struct earmark_gpu_set *set, struct earmark_gpu *gpu,
		     struct netlink_ext_ack *extack)
{
	u32 i;

	if (!gpu && earmark_gpu_full()) {
		NL_SET_ERR_MSG(extack, "the inventory is full: retire GPUs that are gone");
		return -ENOSPC;
	}
	for (i = 0; i < set->nr_devnums; i++) {
		if (!earmark_gpu_may_have(gpu, set->devnums[i])) {
			NL_SET_ERR_MSG(extack, "a device number belongs to another GPU");
			return -EEXIST;
		}
	}
	return 0;
}

/* Under the lock. */
static void set_amend(const struct earmark_gpu_set *set, struct earmark_gpu *gpu, struct devnums *d,
		      u64 now)
{
	bool blind, told = earmark_gpu_fileless(gpu);
	u32 meter = gpu->meter;

	if (set->model)
		strscpy(gpu->model, set->model, sizeof(gpu->model));
	if (set->uuid)
		strscpy(gpu->uuid, set->uuid, sizeof(gpu->uuid));
	if (set->weight >= 0)
		gpu->weight = set->weight;
	if (set->meter >= 0)
		gpu->meter = set->meter;
	gpu->account.meter = gpu->meter;
	if (gpu->meter != meter) {
		blind = earmark_gpu_unmetered(gpu);
		earmark_gpu_blind(&earmark_books.account, &gpu->account,
				  blind ? EARMARK_BLIND_METER : 0, blind ? 0 : EARMARK_BLIND_METER,
				  now);
	}
	if (set->devnums)
		earmark_gpu_set_devnums(gpu, set->devnums, set->nr_devnums, d->room, now);
	earmark_gpu_filed(gpu, told, now);
}

/* Add or amend, under the lock. Return: 0 and *@gpu, which was *@fresh if it is new. */
static int set_apply(const struct earmark_gpu_set *set, struct earmark_gpu **gpu,
		     struct earmark_gpu **fresh, struct devnums *d,
		     struct earmark_event_node **event, struct netlink_ext_ack *extack)
{
	u64 now = ktime_get_ns();
	bool is_new;
	int ret;

	*gpu = earmark_gpu_by_name(set->name);
	is_new = !*gpu;
	ret = set_check(set, *gpu, extack);
	if (ret)
		return ret;
	if (is_new) {
		*gpu = *fresh;
		*fresh = NULL;
		earmark_gpu_add(*gpu, now);
	}
	set_amend(set, *gpu, d, now);
	earmark_gpu_tell(*gpu, *event, now);
	*event = NULL;
	return is_new;
}

/**
 * earmark_inventory_set() - add a GPU, or amend it
 * @id: receives its id
 */
int earmark_inventory_set(const struct earmark_gpu_set *set, u32 *id,
			  struct netlink_ext_ack *extack)
{
	struct earmark_event_node *event = earmark_event_new(EARMARK_EVENT_GPU, GFP_KERNEL);
	struct earmark_gpu *gpu, *fresh = earmark_gpu_alloc(set->name, GFP_KERNEL);
	struct device *dev = device_by_name(set->name);
	struct devnums d = {};
	unsigned long flags;
	int ret = -ENOMEM;

	if (!event || !fresh || !earmark_gpu_devnum_room(d.room, set->nr_devnums)) {
		NL_SET_ERR_MSG(extack, "out of memory");
		goto out;
	}
	mutex_lock(&earmark_books.mutex);
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	ret = set_apply(set, &gpu, &fresh, &d, &event, extack);
	if (ret >= 0) {
		*id = gpu->account.id;
		if (device_absent(set->name, dev))
			earmark_gpu_blind(&earmark_books.account, &gpu->account,
					  EARMARK_BLIND_ABSENT, 0, ktime_get_ns());
		else if (dev && !set->devnums && !gpu->nr_devnums)
			earmark_inventory_scan(gpu, dev);
		ret = 0;
	}
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	mutex_unlock(&earmark_books.mutex);
	earmark_event_kick();
	earmark_inventory_kick();
	flush_work(&scan_work); /* a walk that begins now knows the GPU's files */
out:
	put_device(dev);
	devnums_free(&d);
	kfree(fresh);
	earmark_event_drop(event);
	return ret;
}

/* A driver let go of a device, or took one: at that instant, if it is a GPU. */
static void device_changed(struct device *dev, bool bound)
{
	enum earmark_event_type type = bound ? EARMARK_EVENT_GPU : EARMARK_EVENT_GPU_ABSENT;
	struct earmark_event_node *event = earmark_event_new(type, GFP_KERNEL);
	struct earmark_account *a = &earmark_books.account;
	char name[EARMARK_NAME_LEN];
	struct earmark_gpu *gpu = NULL;
	unsigned long flags;
	u64 now;

	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	if (earmark_gpu_name(dev, name))
		gpu = earmark_gpu_by_name(name);
	if (gpu) {
		now = ktime_get_ns();
		if (bound) {
			earmark_gpu_blind(a, &gpu->account, 0, EARMARK_BLIND_ABSENT, now);
			earmark_gpu_tell(gpu, event, now);
			earmark_inventory_scan(gpu, dev);
		} else {
			earmark_gpu_blind(a, &gpu->account, EARMARK_BLIND_ABSENT, 0, now);
			earmark_gpu_empty(a, &gpu->account, now);
			earmark_sched_drop(gpu);
			if (gpu->meter == EARMARK_METER_DRM)
				earmark_gpu_drop_devnums(gpu);
			if (event)
				event->event.gpu = gpu->account.id;
			earmark_event_add(event, now);
		}
	}
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	if (!gpu)
		return earmark_event_drop(event);
	earmark_event_kick();
	earmark_inventory_kick();
}

static int bus_changed(struct notifier_block *nb, unsigned long action, void *dev)
{
	if (action == BUS_NOTIFY_UNBOUND_DRIVER || action == BUS_NOTIFY_BOUND_DRIVER)
		device_changed(dev, action == BUS_NOTIFY_BOUND_DRIVER);
	return NOTIFY_DONE;
}

#ifdef CONFIG_PCI
static struct notifier_block pci_notifier = { .notifier_call = bus_changed };
#endif
static struct notifier_block platform_notifier = { .notifier_call = bus_changed };

int earmark_inventory_init(void)
{
	int ret = bus_register_notifier(&platform_bus_type, &platform_notifier);

	if (ret)
		return ret;
#ifdef CONFIG_PCI
	ret = bus_register_notifier(&pci_bus_type, &pci_notifier);
	if (ret)
		bus_unregister_notifier(&platform_bus_type, &platform_notifier);
#endif
	return ret;
}

/* No probe may be attached any more: they could ask for a scan. */
void earmark_inventory_exit(void)
{
	struct earmark_gpu *gpu;

#ifdef CONFIG_PCI
	bus_unregister_notifier(&pci_bus_type, &pci_notifier);
#endif
	bus_unregister_notifier(&platform_bus_type, &platform_notifier);
	cancel_work_sync(&scan_work);
	list_for_each_entry(gpu, earmark_gpu_list(), node)
		put_device(gpu->dev);
}
