// SPDX-License-Identifier: GPL-2.0
/*
 * The module as a source of intervals: it keeps the books; here its hold sensor is looked
 * after: attached, seeded, its finds explained by fdinfo, its losses told.
 */
#include <errno.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "kernel/fdinfo.h"
#include "kernel/netlink.h"
#include "kernel/sensor.h"
#include "kernel/source.h"

#define SEEDS_APART 10 /* ticks, while a seed is refused */

/* struct found - an open file that the module may not know to be in use */
struct found {
	__u64 use;
	__u32 pid, fd;
};

struct module {
	struct em_source source;
	struct em_netlink *nl;
	struct found *found;
	size_t nr_found;
	struct earmark_ring *walked; /* by the last walk that the module was told of */
	size_t nr_walked, room;
	unsigned int wait;
	__u64 missed;
};

static struct module *module_of(struct em_source *s)
{
	return (struct module *)((char *)s - offsetof(struct module, source));
}

/* A failure's sentence is the module's. */
static int said(struct module *m, int rc)
{
	if (rc < 0)
		snprintf(m->source.error, sizeof(m->source.error), "%s", em_netlink_error(m->nl));
	return rc;
}

static int module_status(struct em_source *s, struct earmark_status *status)
{
	return said(module_of(s), em_netlink_status(module_of(s)->nl, status));
}

static int module_tag(struct em_source *s, int cgroup_fd, const struct earmark_event *tag,
		      __u32 *id)
{
	return said(module_of(s), em_netlink_tag_for(module_of(s)->nl, cgroup_fd, tag, id));
}

static int module_jobs(struct em_source *s, int (*each)(const struct earmark_job_info *, void *),
		       void *arg)
{
	return said(module_of(s), em_netlink_jobs(module_of(s)->nl, each, arg));
}

static int module_gpus(struct em_source *s, int (*each)(const struct earmark_gpu_info *, void *),
		       void *arg)
{
	return said(module_of(s), em_netlink_gpus(module_of(s)->nl, each, arg));
}

static int module_gpu_set(struct em_source *s, const struct earmark_gpu_info *gpu, __u32 *id)
{
	return said(module_of(s), em_netlink_gpu_set(module_of(s)->nl, gpu, id));
}

static int module_gpu_retire(struct em_source *s, __u32 gpu, const char *reason)
{
	return said(module_of(s), em_netlink_gpu_retire(module_of(s)->nl, gpu, reason));
}

static int module_work(struct em_source *s, const struct em_work *work)
{
	return said(module_of(s), em_netlink_work_add(module_of(s)->nl, work));
}

static int module_intervals(struct em_source *s, __u64 from,
			    int (*each)(struct em_interval *, void *), void *arg)
{
	return said(module_of(s), em_netlink_intervals(module_of(s)->nl, from, each, arg));
}

static int module_ack(struct em_source *s, __u64 number, const __u8 hash[EARMARK_HASH_LEN])
{
	return said(module_of(s), em_netlink_ack(module_of(s)->nl, number, hash));
}

static int module_config(struct em_source *s, __u64 period, __u64 keep)
{
	return said(module_of(s), em_netlink_config(module_of(s)->nl, period, keep));
}

static int walked_add(struct module *m, const struct earmark_ring *r)
{
	struct earmark_ring *more;

	if (m->nr_walked == m->room) {
		more = reallocarray(m->walked, m->room * 2 ?: 64, sizeof(*more));
		if (!more)
			return -ENOMEM;
		m->walked = more;
		m->room = m->room * 2 ?: 64;
	}
	m->walked[m->nr_walked++] = *r;
	return 0;
}

static int found_add(const struct earmark_ring *r, void *arg)
{
	struct module *m = arg;
	struct found *f = realloc(m->found, (m->nr_found + 1) * sizeof(*f));

	if (!f)
		return -ENOMEM;
	m->found = f;
	if (walked_add(m, r))
		return -ENOMEM;
	f[m->nr_found].use = r->file;
	f[m->nr_found].pid = r->pid;
	f[m->nr_found++].fd = r->fd;
	return 0;
}

static int unseeded(const struct earmark_gpu_info *gpu, void *arg)
{
	const __u32 heals = EARMARK_BLIND_HOLD | EARMARK_BLIND_LOST;

	*(bool *)arg |= gpu->blind & heals && !(gpu->blind & EARMARK_BLIND_ABSENT);
	return 0;
}

/* A GPU that came later, or one that lost an edge, wants another walk. */
static bool any_unseeded(struct module *m)
{
	bool any = false;

	em_netlink_gpus(m->nl, unseeded, &any);
	return any;
}

static int files_walk(struct module *m)
{
	int rc;

	m->nr_found = m->nr_walked = 0;
	rc = em_sensor_seed(m->source.sensor, found_add, m);
	if (rc)
		snprintf(m->source.error, sizeof(m->source.error), "cannot walk the open files: %s",
			 strerror(-rc));
	return rc;
}

/* Walk all open files; only then may the module rely on what the sensor tells. */
static int seed(struct module *m)
{
	int rc;

	if (m->wait) {
		m->wait--;
		return 0;
	}
	rc = files_walk(m);
	if (rc)
		return rc;
	rc = said(m, em_netlink_seeded(m->nl));
	if (rc || any_unseeded(m))
		m->wait = SEEDS_APART;
	return rc;
}

/* A file whose driver says nothing stays unknown: its GPU is blind until it submits or closes. */
static void found_resolve(struct module *m)
{
	size_t i, left = 0;
	int works, rc;

	for (i = 0; i < m->nr_found; i++) {
		works = em_fdinfo_works(m->found[i].pid, m->found[i].fd);
		rc = works >= 0 ? em_netlink_file_set(m->nl, m->found[i].use, works) : works;
		if (rc == -ENODATA || rc == -EAGAIN || rc == -ENOBUFS)
			m->found[left++] = m->found[i];
	}
	m->nr_found = left;
}

/*
 * What the module's books say was told already is the base, so that a restart tells nothing
 * twice. MISSED comes with the answer to its challenge; here the kernel's own count is added.
 */
static int losses_tell(struct module *m, const struct earmark_status *status)
{
	const struct em_sensor_state *st;
	int n = em_sensor_states(m->source.sensor, &st), i;
	__u64 recursion = 0, told = status->lost[EARMARK_LOST_RECURSION];

	for (i = 0; i < n; i++)
		recursion += st[i].recursion;
	if (recursion <= told)
		return 0;
	return said(m, em_netlink_lost_add(m->nl, EARMARK_LOST_RECURSION, recursion - told, 0));
}

/* Events only wake us: the intervals hold them all. */
static int event_drop(const struct earmark_event *event, void *arg)
{
	(void)event;
	(void)arg;
	return 0;
}

/* Where walks stand in for the sensor, one of them ends every interval. */
static bool polls(struct em_source *s)
{
	const struct em_sensor_state *st;

	em_sensor_states(s->sensor, &st);
	return st[0].polled;
}

static int poll_files(struct module *m, __u64 *number)
{
	int rc = files_walk(m);

	return rc ? rc : said(m, em_netlink_polled(m->nl, number));
}

static int module_seal(struct em_source *s, __u64 *number)
{
	struct module *m = module_of(s);

	return polls(s) ? poll_files(m, number) : said(m, em_netlink_seal(m->nl, number));
}

static int module_tick(struct em_source *s)
{
	struct module *m = module_of(s);
	struct earmark_status status;
	const struct em_sensor_state *st;
	__u64 number;
	int rc;

	em_netlink_event_read(m->nl, event_drop, NULL);
	if (em_sensor_retry(s->sensor) > 0)
		m->wait = 0;
	rc = module_status(s, &status);
	if (rc)
		return rc;
	em_sensor_states(s->sensor, &st);
	if (st[0].attached && (!(status.flags & EARMARK_STATUS_SEEDED) || any_unseeded(m)))
		rc = seed(m);
	else if (st[0].polled && (!(status.flags & EARMARK_STATUS_POLLED) ||
				  status.now >= status.open_since + status.interval))
		rc = poll_files(m, &number);
	if (m->nr_found)
		found_resolve(m);
	return rc ? rc : losses_tell(m, &status);
}

/* Where holds are polled, one walk more would spoil the interval: what the last one found. */
static int module_files(struct em_source *s, int (*each)(const struct earmark_ring *, void *),
			void *arg)
{
	struct module *m = module_of(s);
	int rc = 0;

	if (!polls(s))
		return em_sensor_seed(s->sensor, each, arg);
	for (size_t i = 0; !rc && i < m->nr_walked; i++)
		rc = each(&m->walked[i], arg);
	return rc;
}

static int module_fd(struct em_source *s)
{
	return em_netlink_event_fd(module_of(s)->nl);
}

static void module_close(struct em_source *s)
{
	struct module *m = module_of(s);

	if (s->sensor)
		em_sensor_close(s->sensor);
	em_netlink_close(m->nl);
	free(m->found);
	free(m->walked);
	free(m);
}

static const struct em_source_ops ops = {
	.recorder = EARMARK_RECORDER_KERNEL,
	.status = module_status,
	.tag = module_tag,
	.jobs = module_jobs,
	.gpus = module_gpus,
	.gpu_set = module_gpu_set,
	.gpu_retire = module_gpu_retire,
	.work = module_work,
	.seal = module_seal,
	.intervals = module_intervals,
	.ack = module_ack,
	.config = module_config,
	.files = module_files,
	.tick = module_tick,
	.fd = module_fd,
	.close = module_close,
};

static int interval_drop(struct em_interval *interval, void *arg)
{
	(void)interval;
	(void)arg;
	return 0;
}

/* Its status is anybody's; may we have what it sealed? None is numbered so. */
static int module_listens(struct module *m)
{
	return em_netlink_intervals(m->nl, ~0ull, interval_drop, NULL);
}

int em_source_open_module(struct em_source **ret)
{
	struct module *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return -ENOMEM;
	m->source.ops = &ops;
	rc = em_netlink_open(&m->nl);
	if (rc) {
		free(m);
		return rc;
	}
	rc = module_listens(m) ?: em_sensor_open(&m->source.sensor, EM_SENSOR_MODULE);
	if (rc) {
		module_close(&m->source);
		return rc;
	}
	*ret = &m->source;
	return 0;
}
