// SPDX-License-Identifier: GPL-2.0
/* Lists that NVML gives: what runs, and its samples; see nvml.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "kernel/nvml_abi.h"

#define MOST 16384 /* entries that a list is believed to have */

/* How many there are to be room for: a count that grows meanwhile is asked for again. */
static unsigned int room(unsigned int count)
{
	return count > MOST - MOST / 4 ? MOST : count + count / 4 + 8;
}

int em_nvml_processes(struct em_nvml *n, em_nvml_device d, enum em_nvml_kind kind,
		      struct em_nvml_process **list)
{
	list_fn *const by_kind[] = { n->compute, n->graphics, n->mps };
	list_fn *get = by_kind[kind];
	size_t size = n->old[kind] ? sizeof(struct process_info_v1) : sizeof(struct process_info);
	unsigned int count = 0, most;
	int r = get ? em_nvml_error(get(d, &count, NULL)) : -ENOSYS;

	*list = NULL;
	for (int tries = 0; r == -ENOBUFS && tries < 4; tries++) {
		_cleanup_free_ char *raw = NULL;

		most = count = room(count);
		raw = calloc(most, size);
		if (!raw)
			return -ENOMEM;
		r = em_nvml_error(get(d, &count, raw));
		if (r)
			continue;
		count = count < most ? count : most;
		*list = calloc(count ?: 1, sizeof(**list));
		for (unsigned int i = 0; *list && i < count; i++) {
			/* both versions begin alike */
			const struct process_info_v1 *p = (void *)(raw + i * size);

			(*list)[i] = (struct em_nvml_process){ p->pid, p->bytes };
		}
		return *list ? (int)count : -ENOMEM;
	}
	return r == -ENODATA ? 0 : r;
}

static int newer_samples(struct em_nvml *n, em_nvml_device d, __u64 since,
			 struct em_nvml_sample **list)
{
	struct processes_utilization ask = { .version = PROCESSES_UTILIZATION_V1, .since = since };
	int r = n->processes_samples ? em_nvml_error(n->processes_samples(d, &ask)) : -ENOSYS;

	for (int tries = 0; r == -ENOBUFS && tries < 4; tries++) {
		_cleanup_free_ struct process_utilization *raw = NULL;
		unsigned int most = room(ask.count);

		raw = calloc(most, sizeof(*raw));
		if (!raw)
			return -ENOMEM;
		ask.count = most;
		ask.since = since;
		ask.list = raw;
		r = em_nvml_error(n->processes_samples(d, &ask));
		if (r)
			continue;
		ask.count = ask.count < most ? ask.count : most;
		*list = calloc(ask.count ?: 1, sizeof(**list));
		for (unsigned int i = 0; *list && i < ask.count; i++)
			(*list)[i] = (struct em_nvml_sample){ raw[i].at, raw[i].pid, raw[i].sm };
		return *list ? (int)ask.count : -ENOMEM;
	}
	return r;
}

static int older_samples(struct em_nvml *n, em_nvml_device d, __u64 since,
			 struct em_nvml_sample **list)
{
	unsigned int count = 0;
	int r = n->process_samples ? em_nvml_error(n->process_samples(d, NULL, &count, since))
				   : -ENOSYS;

	for (int tries = 0; (r == -ENOBUFS || (!r && count)) && tries < 4; tries++) {
		_cleanup_free_ struct process_sample *raw = NULL;
		unsigned int most = room(count);

		raw = calloc(most, sizeof(*raw));
		if (!raw)
			return -ENOMEM;
		count = most;
		r = em_nvml_error(n->process_samples(d, raw, &count, since));
		if (r)
			continue;
		count = count < most ? count : most;
		*list = calloc(count ?: 1, sizeof(**list));
		for (unsigned int i = 0; *list && i < count; i++)
			(*list)[i] = (struct em_nvml_sample){ raw[i].at, raw[i].pid, raw[i].sm };
		return *list ? (int)count : -ENOMEM;
	}
	return r;
}

int em_nvml_process_samples(struct em_nvml *n, em_nvml_device d, __u64 since,
			    struct em_nvml_sample **list)
{
	int r;

	*list = NULL;
	r = newer_samples(n, d, since, list);
	if (r == -ENOSYS || r == -EOPNOTSUPP || r == -EINVAL)
		r = older_samples(n, d, since, list);
	return r == -ENODATA ? 0 : r;
}

/* enum nvmlValueType_t */
static __u32 percent_of(int type, const struct sample *s)
{
	double d = type == 0   ? s->value.d
		   : type == 1 ? s->value.u
		   : type == 2 ? (double)s->value.ul
		   : type == 3 ? (double)s->value.ull
		   : type == 4 ? (double)s->value.ll
		   : type == 5 ? s->value.i
		   : type == 6 ? s->value.us
			       : -1;

	return d >= 0 && d <= 1e9 ? (__u32)d : ~0U; /* garbage is for the caller to count */
}

int em_nvml_device_samples(struct em_nvml *n, em_nvml_device d, __u64 since,
			   struct em_nvml_sample **list)
{
	_cleanup_free_ struct sample *raw = NULL;
	unsigned int count = 0, most;
	int type = 0, r;

	*list = NULL;
	r = n->samples ? em_nvml_error(
				 n->samples(d, GPU_UTILIZATION_SAMPLES, since, &type, &count, NULL))
		       : -ENOSYS;
	if (r == -ENODATA || (!r && !count))
		return 0;
	if (r && r != -ENOBUFS)
		return r;
	most = count = room(count);
	raw = calloc(most, sizeof(*raw));
	if (!raw)
		return -ENOMEM;
	r = em_nvml_error(n->samples(d, GPU_UTILIZATION_SAMPLES, since, &type, &count, raw));
	if (r)
		return r == -ENODATA ? 0 : r;
	count = count < most ? count : most;
	*list = calloc(count ?: 1, sizeof(**list));
	for (unsigned int i = 0; *list && i < count; i++)
		(*list)[i] = (struct em_nvml_sample){ raw[i].at, 0, percent_of(type, &raw[i]) };
	return *list ? (int)count : -ENOMEM;
}

int em_nvml_energy(struct em_nvml *n, em_nvml_device d, __u64 *mj)
{
	unsigned long long now = 0;
	int r = n->energy ? em_nvml_error(n->energy(d, &now)) : -ENOSYS;

	*mj = now;
	return r;
}
