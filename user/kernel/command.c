// SPDX-License-Identifier: GPL-2.0
/* Every command of the module, and what its answers hold; see netlink.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/request.h"
#include "kernel/source.h"

#define DO EM_NETLINK_DO
#define DUMP EM_NETLINK_DUMP

/* A fixed-size value: attributes are aligned to 4 bytes only, so it is copied out. */
static int take(const struct em_netlink_attr *a, void *value, size_t size)
{
	if (!a->data || a->len != size)
		return -EPROTO;
	memcpy(value, a->data, size);
	return 0;
}

static int read_status(const struct em_netlink_attr *attrs, void *arg)
{
	return take(&attrs[EARMARK_A_STATUS], arg, sizeof(struct earmark_status));
}

static int read_tag(const struct em_netlink_attr *attrs, void *arg)
{
	return take(&attrs[EARMARK_A_TAG], arg, sizeof(__u32));
}

static int read_gpu(const struct em_netlink_attr *attrs, void *arg)
{
	return take(&attrs[EARMARK_A_GPU], arg, sizeof(__u32));
}

static int read_number(const struct em_netlink_attr *attrs, void *arg)
{
	return take(&attrs[EARMARK_A_NUMBER], arg, sizeof(__u64));
}

int em_netlink_status(struct em_netlink *nl, struct earmark_status *status)
{
	return em_netlink_request(nl, EARMARK_CMD_STATUS_GET, DO, read_status, status, 0);
}

#define TAG_OF(fd, t)                                                                        \
	EARMARK_A_CGROUP_FD, (__u64)(fd), EARMARK_A_PURPOSE, (__u64)(t)->purpose,            \
		EARMARK_A_TAGGED_BY, (__u64)(t)->tagged_by, EARMARK_A_PROJECT, (t)->project, \
		EARMARK_A_REF, (t)->ref

int em_netlink_tag(struct em_netlink *nl, int cgroup_fd, const struct earmark_event *tag, __u32 *id)
{
	return em_netlink_request(nl, EARMARK_CMD_TAG_SET, DO, read_tag, id, TAG_OF(cgroup_fd, tag),
				  0);
}

int em_netlink_tag_for(struct em_netlink *nl, int cgroup_fd, const struct earmark_event *tag,
		       __u32 *id)
{
	return em_netlink_request(nl, EARMARK_CMD_TAG_SET, DO, read_tag, id, TAG_OF(cgroup_fd, tag),
				  EARMARK_A_UID, (__u64)tag->uid, EARMARK_A_GID, (__u64)tag->gid,
				  EARMARK_A_PID, (__u64)tag->pid, EARMARK_A_COMM, tag->comm, 0);
}

/* each - a dump's batches of one record type, handed on one by one, aligned */
struct each {
	int attr;
	size_t size;
	int (*job)(const struct earmark_job_info *, void *);
	int (*gpu)(const struct earmark_gpu_info *, void *);
	int (*event)(const struct earmark_event *, void *);
	void *arg;
};

static int read_each(const struct em_netlink_attr *attrs, void *arg)
{
	union {
		struct earmark_job_info job;
		struct earmark_gpu_info gpu;
		struct earmark_event event;
	} one;
	struct each *each = arg;
	const struct em_netlink_attr *a = &attrs[each->attr];
	int r = 0;

	if (a->len % each->size)
		return -EPROTO;
	for (size_t at = 0; !r && at < a->len; at += each->size) {
		memcpy(&one, (const char *)a->data + at, each->size);
		if (each->job)
			r = each->job(&one.job, each->arg);
		else if (each->gpu)
			r = each->gpu(&one.gpu, each->arg);
		else
			r = each->event(&one.event, each->arg);
	}
	return r;
}

int em_netlink_jobs(struct em_netlink *nl, int (*each)(const struct earmark_job_info *, void *),
		    void *arg)
{
	struct each all = { .attr = EARMARK_A_JOBS, .size = sizeof(struct earmark_job_info) };

	all.job = each;
	all.arg = arg;
	return em_netlink_request(nl, EARMARK_CMD_JOB_GET, DUMP, read_each, &all, 0);
}

int em_netlink_gpus(struct em_netlink *nl, int (*each)(const struct earmark_gpu_info *, void *),
		    void *arg)
{
	struct each all = { .attr = EARMARK_A_GPUS, .size = sizeof(struct earmark_gpu_info) };

	all.gpu = each;
	all.arg = arg;
	return em_netlink_request(nl, EARMARK_CMD_GPU_GET, DUMP, read_each, &all, 0);
}

int em_netlink_event_read(struct em_netlink *nl, int (*each)(const struct earmark_event *, void *),
			  void *arg)
{
	struct each all = { .attr = EARMARK_A_EVENTS, .size = sizeof(struct earmark_event) };

	all.event = each;
	all.arg = arg;
	return em_netlink_receive(nl, read_each, &all);
}

int em_netlink_gpu_set(struct em_netlink *nl, const struct earmark_gpu_info *gpu, __u32 *id)
{
	int devnums = (int)(gpu->nr_devnums * sizeof(gpu->devnums[0]));

	return em_netlink_request(nl, EARMARK_CMD_GPU_SET, DO, read_gpu, id, EARMARK_A_NAME,
				  gpu->name, EARMARK_A_MODEL, gpu->model, EARMARK_A_UUID, gpu->uuid,
				  EARMARK_A_WEIGHT, (__u64)gpu->weight, EARMARK_A_METER,
				  (__u64)gpu->meter, EARMARK_A_DEVNUMS, gpu->devnums, devnums, 0);
}

int em_netlink_gpu_retire(struct em_netlink *nl, __u32 gpu, const char *reason)
{
	return em_netlink_request(nl, EARMARK_CMD_GPU_RETIRE, DO, NULL, NULL, EARMARK_A_GPU,
				  (__u64)gpu, EARMARK_A_TEXT, reason, 0);
}

/*
 * struct assembly - an interval put together from the messages that carry its header and
 * batches of its rows
 * @nr_segments, @nr_events: rows that have come
 * @open: begun and not yet delivered
 */
struct assembly {
	struct em_interval interval;
	__u32 nr_segments, nr_events;
	bool open;
	int (*each)(struct em_interval *i, void *arg);
	void *arg;
};

static int assembly_begin(struct assembly *as, const struct em_netlink_attr *attrs)
{
	struct em_interval *i = &as->interval;

	if (as->open)
		return -EPROTO;
	em_interval_clear(i);
	if (take(&attrs[EARMARK_A_HEADER], &i->header, sizeof(i->header)) ||
	    take(&attrs[EARMARK_A_HASH], i->hash, sizeof(i->hash)))
		return -EPROTO;
	as->nr_segments = as->nr_events = 0;
	as->open = true;
	i->segments = calloc(i->header.nr_segments ?: 1, sizeof(*i->segments));
	i->events = calloc(i->header.nr_events ?: 1, sizeof(*i->events));
	return i->segments && i->events ? 0 : -ENOMEM;
}

static int assembly_add(const struct em_netlink_attr *a, void *rows, size_t size, __u32 *have,
			__u32 want)
{
	if (a->len % size || a->len / size > want - *have)
		return -EPROTO;
	if (a->len)
		memcpy((char *)rows + *have * size, a->data, a->len);
	*have += (__u32)(a->len / size);
	return 0;
}

static int read_interval(const struct em_netlink_attr *attrs, void *arg)
{
	struct assembly *as = arg;
	struct em_interval *i = &as->interval;
	__u64 number;
	int r = 0;

	if (attrs[EARMARK_A_HEADER].data)
		r = assembly_begin(as, attrs);
	else if (!as->open || read_number(attrs, &number) || number != i->header.number)
		r = -EPROTO;
	if (!r)
		r = assembly_add(&attrs[EARMARK_A_SEGMENTS], i->segments, sizeof(*i->segments),
				 &as->nr_segments, i->header.nr_segments);
	if (!r)
		r = assembly_add(&attrs[EARMARK_A_EVENTS], i->events, sizeof(*i->events),
				 &as->nr_events, i->header.nr_events);
	if (r || as->nr_segments < i->header.nr_segments || as->nr_events < i->header.nr_events)
		return r;
	as->open = false;
	return as->each(i, as->arg);
}

int em_netlink_intervals(struct em_netlink *nl, __u64 from,
			 int (*each)(struct em_interval *, void *), void *arg)
{
	struct assembly as = { .each = each, .arg = arg };
	int r = em_netlink_request(nl, EARMARK_CMD_INTERVAL_GET, DUMP, read_interval, &as,
				   EARMARK_A_NUMBER, from, 0);

	if (!r && as.open)
		r = em_netlink_fail(nl, EARMARK_CMD_INTERVAL_GET, -EPROTO);
	em_interval_clear(&as.interval);
	return r;
}

int em_netlink_ack(struct em_netlink *nl, __u64 number, const __u8 hash[EARMARK_HASH_LEN])
{
	return em_netlink_request(nl, EARMARK_CMD_INTERVAL_ACK, DO, NULL, NULL, EARMARK_A_NUMBER,
				  number, EARMARK_A_HASH, hash, EARMARK_HASH_LEN, 0);
}

int em_netlink_seal(struct em_netlink *nl, __u64 *number)
{
	return em_netlink_request(nl, EARMARK_CMD_INTERVAL_SEAL, DO, read_number, number, 0);
}

int em_netlink_config(struct em_netlink *nl, __u64 period, __u64 keep)
{
	const int cmd = EARMARK_CMD_CONFIG_SET;

	if (period && keep)
		return em_netlink_request(nl, cmd, DO, NULL, NULL, EARMARK_A_PERIOD, period,
					  EARMARK_A_KEEP, keep, 0);
	return em_netlink_request(nl, cmd, DO, NULL, NULL,
				  period ? EARMARK_A_PERIOD : EARMARK_A_KEEP, period ?: keep, 0);
}

int em_netlink_seeded(struct em_netlink *nl)
{
	return em_netlink_request(nl, EARMARK_CMD_SENSOR_SEEDED, DO, NULL, NULL, 0);
}

int em_netlink_polled(struct em_netlink *nl, __u64 *number)
{
	return em_netlink_request(nl, EARMARK_CMD_SENSOR_POLLED, DO, read_number, number, 0);
}

int em_netlink_file_set(struct em_netlink *nl, __u64 file, bool works)
{
	return em_netlink_request(nl, EARMARK_CMD_FILE_SET, DO, NULL, NULL, EARMARK_A_FILE, file,
				  EARMARK_A_STATE, (__u64)works, 0);
}

int em_netlink_lost_add(struct em_netlink *nl, unsigned int counter, __u64 value, __u32 gpu)
{
	return em_netlink_request(nl, EARMARK_CMD_LOST_ADD, DO, NULL, NULL, EARMARK_A_COUNTER,
				  (__u64)counter, EARMARK_A_VALUE, value, gpu ? EARMARK_A_GPU : 0,
				  (__u64)gpu, 0);
}

int em_netlink_work_add(struct em_netlink *nl, const struct em_work *work)
{
	return em_netlink_request(nl, EARMARK_CMD_WORK_ADD, DO, NULL, NULL, EARMARK_A_GPU,
				  (__u64)work->gpu, EARMARK_A_JOB, work->job, EARMARK_A_START,
				  work->start, EARMARK_A_END, work->end, EARMARK_A_VALUE,
				  work->busy, EARMARK_A_ERROR, work->error, EARMARK_A_CLASS,
				  (__u64)work->class, EARMARK_A_STATE, (__u64)work->works, 0);
}
