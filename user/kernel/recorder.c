// SPDX-License-Identifier: GPL-2.0
/* The recorder as a source of intervals; see recorder.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "kernel/recorder.h"
#include "kernel/sensor_map.h"

#define PERIOD_DEFAULT (10 * EM_NS_PER_S)
#define PERIOD_MIN (10 * EM_NS_PER_MS)
#define KEEP_DEFAULT (8 << 20)
#define SHORT_OF_SPACE(ring) (((ring)->mask + 1) / 4)

int em_rec_error(struct rec *r, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->source.error, sizeof(r->source.error), fmt, args);
	va_end(args);
	return error;
}

/* Return: a new event of the open interval, to be filled in, or NULL: counted. */
struct earmark_event *em_rec_event(struct rec *r, unsigned int type, u64 when)
{
	struct earmark_event *e = NULL;

	if (r->nr_events < REC_EVENTS_MAX)
		e = realloc(r->events, (r->nr_events + 1) * sizeof(*e));
	if (!e) {
		r->p.lost[EARMARK_LOST_EVENT]++;
		return NULL;
	}
	r->events = e;
	e += r->nr_events++;
	memset(e, 0, sizeof(*e));
	e->type = type;
	e->when = when;
	return e;
}

static bool any_unseeded(const struct rec *r)
{
	const struct rec_gpu *gpu;

	list_for_each_entry(gpu, &r->gpus, node) {
		if (!gpu->retired && !gpu->absent && !gpu->seeded)
			return true;
	}
	return false;
}

static void timer_set(struct rec *r)
{
	u64 at = r->account.start + r->p.period;
	struct itimerspec due = { .it_interval = { .tv_nsec = 0 } };
	u64 now = em_time_monotonic();

	if (at <= now) /* the keep is full, or memory short: not at once again */
		at = now + r->p.period;
	due.it_value.tv_sec = at / EM_NS_PER_S;
	due.it_value.tv_nsec = at % EM_NS_PER_S;
	timerfd_settime(r->timer, TFD_TIMER_ABSTIME, &due, NULL);
}

static int rec_tick(struct em_source *s)
{
	struct rec *r = container_of(s, struct rec, source);
	struct epoll_event ev[2];
	u64 expired;
	int rc;

	/* Level: the timer. Edge: the ring, which stays readable until a snapshot is made. */
	epoll_wait(r->epoll, ev, 2, 0);
	if (read(r->timer, &expired, sizeof(expired)) < 0)
		expired = 0;
	em_rec_sensors_look(r);
	if (any_unseeded(r) || r->look_again)
		em_rec_seed(r);
	if (r->nr_unknowns)
		em_rec_unknown_resolve(r);
	rc = em_rec_seal(r, false);
	if (!rc && r->ring.consumer && r->ring.pos - *r->ring.consumer > SHORT_OF_SPACE(&r->ring))
		rc = em_rec_state_save(r);
	timer_set(r);
	if (rc == -ENOSPC)
		return em_rec_error(r, 0, "the keep of unacknowledged intervals is full");
	return rc < 0 ? em_rec_error(r, rc, "cannot end the interval properly: %s", strerror(-rc))
		      : 0;
}

static int rec_fd(struct em_source *s)
{
	return container_of(s, struct rec, source)->epoll;
}

static int rec_seal_now(struct em_source *s, __u64 *number)
{
	struct rec *r = container_of(s, struct rec, source);
	int rc;

	em_rec_sensors_look(r);
	rc = em_rec_seal(r, true);
	*number = r->p.number;
	timer_set(r);
	return rc < 0 ? em_rec_error(r, rc, "cannot end the interval properly: %s", strerror(-rc))
		      : 0;
}

static void config_tell(struct rec *r, const char *key, u64 value)
{
	u64 now = earmark_account_clamp(&r->account, em_time_monotonic());
	struct earmark_event *e = em_rec_event(r, EARMARK_EVENT_CONFIG, now);

	if (!e)
		return;
	snprintf(e->text, sizeof(e->text), "%s", key);
	e->value = value;
}

static int rec_config(struct em_source *s, __u64 period, __u64 keep)
{
	struct rec *r = container_of(s, struct rec, source);

	if (period && period < PERIOD_MIN)
		return em_rec_error(r, -EINVAL, "the period of intervals is at least 10 ms");
	if (period && period != r->p.period) {
		r->p.period = period;
		config_tell(r, "period", period);
	}
	if (keep && keep != r->p.keep) {
		r->p.keep = keep;
		config_tell(r, "keep", keep);
	}
	timer_set(r);
	return em_rec_state_save(r);
}

static void status_flags(const struct rec *r, struct earmark_status *st)
{
	if (r->drm)
		st->flags |= EARMARK_STATUS_METER;
	if (!access("/sys/module/gpu_sched", F_OK))
		st->flags |= EARMARK_STATUS_GPU_SCHED;
	if (r->hold)
		st->flags |= EARMARK_STATUS_HOLD;
	if (r->hold && !any_unseeded(r))
		st->flags |= EARMARK_STATUS_SEEDED;
	if (r->polling)
		st->flags |= EARMARK_STATUS_POLLED;
	if (r->stretched || st->now - st->open_since > 2 * r->p.period)
		st->flags |= EARMARK_STATUS_STRETCHED;
}

static int rec_status(struct em_source *s, struct earmark_status *st)
{
	struct rec *r = container_of(s, struct rec, source);
	const struct rec_kept *kept;
	u32 i;

	memset(st, 0, sizeof(*st));
	st->version = EARMARK_VERSION;
	memcpy(st->boot_id, r->p.boot_id, sizeof(st->boot_id));
	memcpy(st->load_id, r->p.load_id, sizeof(st->load_id));
	st->now = em_time_monotonic();
	st->interval = r->p.period;
	st->open_since = r->account.start;
	if (!list_empty(&r->kept)) {
		kept = list_first_entry(&r->kept, struct rec_kept, node);
		st->first_kept = kept->interval.header.number;
	}
	st->last_sealed = r->p.number;
	st->kept_bytes = r->kept_bytes;
	st->keep_bytes = r->p.keep;
	st->jobs = r->nr_jobs;
	st->gpus = r->account.nr_gpus;
	for (i = 0; i < 1 << EARMARK_FILE_BITS; i++) {
		const struct earmark_use *use;

		list_for_each_entry(use, &r->account.files[i], node)
			st->files++;
	}
	st->job_bytes = r->nr_cgroups * sizeof(struct rec_cgroup) +
			r->account.nr_cells * sizeof(struct earmark_cell);
	memcpy(st->lost, r->p.lost, sizeof(st->lost));
	status_flags(r, st);
	return 0;
}

static void rec_free(struct rec *r)
{
	struct rec_kept *kept, *next;
	struct earmark_use *use, *n;
	struct rec_engine *e, *ne;
	struct rec_gpu *gpu, *ng;
	u32 i;

	list_for_each_entry_safe(kept, next, &r->kept, node) {
		em_interval_clear(&kept->interval);
		free(kept);
	}
	for (i = 0; i < 1 << EARMARK_FILE_BITS; i++) {
		list_for_each_entry_safe(use, n, &r->account.files[i], node)
			free(use);
	}
	em_rec_cgroup_clear(r);
	for (i = 0; i < REC_HASH; i++) {
		list_for_each_entry_safe(e, ne, &r->engines[i], node)
			free(e);
	}
	list_for_each_entry_safe(gpu, ng, &r->gpus, node)
		free(gpu);
	free(r->younger.e);
	free(r->epochs);
	free(r->events);
	free(r->unknowns);
}

/* What is pinned goes on; what happened since the last snapshot is read from there again. */
static void rec_close(struct em_source *s)
{
	struct rec *r = container_of(s, struct rec, source);
	int fds[] = { r->fd_jobs,    r->fd_lost, r->fd_engines, r->fd_bank[0],
		      r->fd_bank[1], r->epoll,   r->timer };
	size_t i;

	em_rec_ring_close(r);
	rec_free(r);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	if (r->control)
		munmap(r->control, sizeof(*r->control));
	em_sensor_close(r->source.sensor);
	free(r);
}

static const struct em_source_ops ops = {
	.recorder = EARMARK_RECORDER_DAEMON,
	.status = rec_status,
	.tag = em_rec_tag_set,
	.jobs = em_rec_jobs,
	.gpus = em_rec_gpus,
	.gpu_set = em_rec_gpu_set,
	.gpu_retire = em_rec_gpu_retire,
	.gpu_absent = em_rec_gpu_absent,
	.work = em_rec_gpu_work,
	.seal = rec_seal_now,
	.intervals = em_rec_intervals,
	.ack = em_rec_ack,
	.config = rec_config,
	.files = em_rec_files,
	.tick = rec_tick,
	.fd = rec_fd,
	.close = rec_close,
};

static int boot_id_read(__u8 id[16])
{
	char hex[33];
	int rc = em_boot_id(hex);

	return rc ? rc : em_unhex(id, 16, hex);
}

/* New accounts. */
static int rec_begin(struct rec *r)
{
	u32 i, control = r->p.control;

	memset(&r->p, 0, sizeof(r->p));
	r->p.control = control;
	r->p.period = PERIOD_DEFAULT;
	r->p.keep = KEEP_DEFAULT;
	r->p.wall_end = em_time_now();
	INIT_LIST_HEAD(&r->gpus);
	INIT_LIST_HEAD(&r->kept);
	for (i = 0; i < REC_HASH; i++) {
		INIT_LIST_HEAD(&r->engines[i]);
		INIT_LIST_HEAD(&r->cgroups[i]);
	}
	r->nr_cgroups = r->nr_jobs = r->nr_tags = r->nr_epochs = r->nr_events = 0;
	r->kept_bytes = 0;
	r->epochs = NULL;
	r->events = NULL;
	earmark_account_init(&r->account, em_time_monotonic());
	if (getrandom(r->p.load_id, sizeof(r->p.load_id), 0) != sizeof(r->p.load_id))
		return -EIO;
	return boot_id_read(r->p.boot_id);
}

/* Tags of before are told to new accounts: what was registered meanwhile is under them. */
static void tags_in_force(struct rec *r)
{
	const struct earmark_event *tag;
	struct rec_cgroup *cg;
	u32 i;

	for (i = 0; i < REC_HASH; i++) {
		list_for_each_entry(cg, &r->cgroups[i], node) {
			tag = em_rec_tag_effective(r, cg);
			cg->account.tag = tag ? tag->tag : 0;
		}
	}
}

static int rec_resume(struct rec *r)
{
	bool same;
	int rc = em_rec_state_load(r, &same);

	if (rc && rc != -ENOENT) {
		/* Unreadable: nothing of it is believed. */
		rec_free(r);
		rc = rec_begin(r);
		if (rc)
			return rc;
		same = false;
	}
	if (!same) {
		tags_in_force(r);
		em_rec_maps_begin(r);
		return em_rec_ring_open(r);
	}
	em_rec_maps_resume(r);
	rc = em_rec_ring_open(r);
	if (!rc)
		em_rec_gpu_restart(r);
	return rc;
}

static int watch(struct rec *r)
{
	struct epoll_event timer = { .events = EPOLLIN };
	int rc;

	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (r->epoll < 0 || r->timer < 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->timer, &timer))
		return -errno;
	rc = em_rec_ring_watch(r);
	return rc == -ENOENT || rc == -ENOTDIR ? 0 : rc;
}

int em_source_open_recorder(struct em_source **ret)
{
	struct rec *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	r->source.ops = &ops;
	r->fd_jobs = r->fd_lost = r->fd_engines = r->fd_bank[0] = r->fd_bank[1] = -1;
	r->epoll = r->timer = -1;
	rc = em_sensor_open(&r->source.sensor, EM_SENSOR_ALONE);
	if (!rc)
		rc = rec_begin(r);
	if (rc) {
		if (r->source.sensor)
			em_sensor_close(r->source.sensor);
		free(r);
		return rc;
	}
	rc = em_rec_maps_open(r);
	rc = rc ? 0 : rec_resume(r);
	if (!rc)
		rc = watch(r);
	if (rc) {
		rec_close(&r->source);
		return rc;
	}
	em_rec_sensors_look(r);
	timer_set(r);
	*ret = &r->source;
	return 0;
}
