// SPDX-License-Identifier: GPL-2.0
/* Which NVIDIA GPUs there are; see nvidia_state.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/nvidia_state.h"

static struct em_nvidia_gpu *find(struct em_nvidia *n, const char *name)
{
	struct em_nvidia_gpu *gpu = n->gpus;

	while (gpu && strcmp(gpu->info.name, name))
		gpu = gpu->next;
	return gpu;
}

/* Return: 1 it is new or not what it was, 0, or -ENOMEM. */
static int take(struct em_nvidia *n, em_nvml_device d, const struct earmark_gpu_info *info,
		bool mig)
{
	struct em_nvidia_gpu *gpu = find(n, info->name);
	bool changed;

	if (!gpu) {
		gpu = calloc(1, sizeof(*gpu));
		if (!gpu)
			return -ENOMEM;
		gpu->next = n->gpus;
		n->gpus = gpu;
	}
	changed = gpu->lost || memcmp(&gpu->info, info, sizeof(*info));
	gpu->info = *info;
	gpu->device = d;
	gpu->mig = mig;
	gpu->seen = true;
	gpu->lost = false;
	return changed;
}

static int take_whole(struct em_nvidia *n, em_nvml_device d, const struct em_nvml_identity *id)
{
	struct earmark_gpu_info info = { .meter = EARMARK_METER_CHANNEL };

	snprintf(info.name, sizeof(info.name), "pci/%04x:%02x:%02x.0", id->domain, id->bus,
		 id->device);
	snprintf(info.model, sizeof(info.model), "%.63s", id->name);
	snprintf(info.uuid, sizeof(info.uuid), "%.63s", id->uuid);
	if (id->minor >= 0)
		info.devnums[info.nr_devnums++] = EARMARK_NVIDIA_MAJOR << 20 | (__u32)id->minor;
	return take(n, d, &info, false);
}

/*
 * An instance has no device file of its own that its channels would be allocated on: all that is
 * known of it is told. Its model says how many slices it has, which decides its weight.
 */
static int take_instance(struct em_nvidia *n, em_nvml_device whole, em_nvml_device d,
			 const struct em_nvml_identity *parent)
{
	struct earmark_gpu_info info = { .meter = EARMARK_METER_TOLD };
	struct em_nvml_identity id;
	unsigned int slices, of;

	em_nvml_identify(n->nvml, d, &id); /* it has no bus address of its own */
	if (!*id.uuid)
		return 0; /* without a name that lasts it is no GPU of the inventory */
	snprintf(info.name, sizeof(info.name), "mig/%.59s", id.uuid);
	snprintf(info.uuid, sizeof(info.uuid), "%.63s", id.uuid);
	if (strstr(id.name, " MIG "))
		snprintf(info.model, sizeof(info.model), "%.63s", id.name);
	else if (!em_nvml_mig_slices(n->nvml, whole, d, &slices, &of))
		snprintf(info.model, sizeof(info.model), "%.48s MIG %ug", parent->name, slices);
	return take(n, d, &info, true);
}

/* Return: as take(), of all. */
static int take_instances(struct em_nvidia *n, em_nvml_device d, unsigned int places,
			  const struct em_nvml_identity *parent)
{
	int changed = 0, r;

	for (unsigned int i = 0; i < places && i < 64; i++) {
		em_nvml_device instance;

		r = em_nvml_mig_device(n->nvml, d, i, &instance);
		if (r == -ENODATA)
			continue;
		r = r ? r : take_instance(n, d, instance, parent);
		if (r < 0)
			return r;
		changed |= r;
	}
	return changed;
}

/* A device that is cut is not there as a whole: its instances are. */
static int look_at(struct em_nvidia *n, unsigned int index)
{
	struct em_nvml_identity id;
	unsigned int places;
	em_nvml_device d;
	bool mig;
	int r = em_nvml_device_at(n->nvml, index, &d);

	if (!r)
		r = em_nvml_identify(n->nvml, d, &id);
	if (!r)
		r = em_nvml_mig(n->nvml, d, &mig, &places);
	if (r)
		return r == -ENODEV || r == -EACCES ? 0 : r; /* one that is lost hides no other */
	return mig ? take_instances(n, d, places, &id) : take_whole(n, d, &id);
}

/* Return: whether one was forgotten. */
static bool forget_unseen(struct em_nvidia *n)
{
	bool forgot = false;

	for (struct em_nvidia_gpu **at = &n->gpus; *at;) {
		struct em_nvidia_gpu *gpu = *at;

		if (gpu->seen) {
			at = &gpu->next;
			continue;
		}
		*at = gpu->next;
		em_nvidia_gpu_free(gpu);
		forgot = true;
	}
	return forgot;
}

int em_nvidia_find(struct em_nvidia *n)
{
	unsigned int count;
	int changed = 0, r = em_nvml_count(n->nvml, &count);

	for (struct em_nvidia_gpu *gpu = n->gpus; gpu; gpu = gpu->next)
		gpu->seen = false;
	for (unsigned int i = 0; !r && i < count; i++) {
		int one = look_at(n, i);

		if (one < 0)
			r = one;
		else
			changed |= one;
	}
	if (r)
		return r;
	n->failures = 0;
	return changed | forget_unseen(n);
}
