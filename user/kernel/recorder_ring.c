// SPDX-License-Identifier: GPL-2.0
/*
 * The ring of hold edges, read without giving its space back: that is done when a snapshot
 * holds what the records did (em_rec_ring_release()), so that a killed recorder reads them again.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "kernel/fdinfo.h"
#include "kernel/recorder.h"
#include "kernel/sensor_map.h"

#define BATCH 512

int em_rec_ring_open(struct rec *r)
{
	_cleanup_close_ int fd = em_map_open("ring");
	size_t page = sysconf(_SC_PAGESIZE), size;
	char *ro;

	if (fd < 0)
		return fd;
	size = em_map_size(fd);
	r->ring.consumer = em_map_mmap(fd, 0, page, true);
	ro = em_map_mmap(fd, page, page + 2 * size, false);
	if (!size || !r->ring.consumer || !ro)
		return -ENOMEM;
	r->ring.producer = (const volatile u64 *)ro;
	r->ring.data = ro + page;
	r->ring.mask = size - 1;
	r->ring.page = page;
	r->ring.pos = max(r->p.ring_pos, *r->ring.consumer);
	return 0;
}

void em_rec_ring_close(struct rec *r)
{
	if (!r->ring.consumer)
		return;
	munmap((void *)r->ring.consumer, r->ring.page);
	munmap((void *)r->ring.producer, r->ring.page + 2 * (r->ring.mask + 1));
}

/* Return: the next record, or NULL: none is complete. */
static const struct earmark_ring *ring_next(struct rec *r)
{
	const struct earmark_ring *record;
	const u32 *header;
	u32 len;

	for (;;) {
		if (r->ring.pos >= __atomic_load_n(r->ring.producer, __ATOMIC_ACQUIRE))
			return NULL;
		header = (const u32 *)(r->ring.data + (r->ring.pos & r->ring.mask));
		len = __atomic_load_n(header, __ATOMIC_ACQUIRE);
		if (len & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		record = (const void *)((const char *)header + BPF_RINGBUF_HDR_SZ);
		len = len & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		r->ring.pos += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7U;
		if (len == sizeof(*record))
			return record;
	}
}

void em_rec_ring_release(struct rec *r)
{
	if (r->ring.consumer)
		__atomic_store_n(r->ring.consumer, r->p.ring_pos, __ATOMIC_RELEASE);
}

static void move_apply(struct rec *r, const struct earmark_ring *m)
{
	u32 slot = m->pid & (REC_PIDS - 1);
	u64 from = r->pids[slot].pid == m->pid ? r->pids[slot].cgroup : 0;
	struct rec_cgroup *to = em_rec_cgroup_find(r, m->cgroup),
			  *old = em_rec_cgroup_find(r, from);
	struct earmark_event *e;

	r->pids[slot].pid = m->pid;
	r->pids[slot].cgroup = m->cgroup;
	to = to ? em_rec_cgroup_job(r, to, ~0ULL) : NULL;
	old = old ? em_rec_cgroup_job(r, old, ~0ULL) : NULL;
	if (to && to == old)
		return;
	e = em_rec_event(r, EARMARK_EVENT_MOVE, m->when);
	if (!e)
		return;
	e->job = to ? to->id : m->cgroup;
	e->other = old ? old->id : 0;
	e->pid = m->pid;
	memcpy(e->comm, m->name, sizeof(e->comm) - 1);
}

/* A job uses a file; @unknown: nobody saw its first use. */
static struct earmark_use *use_apply(struct rec *r, const struct earmark_ring *u, bool unknown)
{
	struct rec_gpu *gpu = em_rec_gpu_by_devnum(r, u->devnum);
	struct rec_cgroup *cg = gpu ? em_rec_cgroup_get(r, u->cgroup, u) : NULL;
	struct rec_cgroup *job = cg ? em_rec_cgroup_job(r, cg, ~0ULL) : NULL;
	struct earmark_holder *h;
	struct earmark_use *use;

	if (!job || gpu->absent || earmark_file_used(&r->account, u->file, &job->account))
		return NULL;
	h = em_rec_holder_get(r, job, gpu, u->when);
	use = h ? malloc(sizeof(*use)) : NULL;
	if (!use) {
		r->p.lost[EARMARK_LOST_FILE]++;
		gpu->lost = true;
		em_rec_gpu_observe(r, u->when);
		return NULL;
	}
	earmark_use_add(&r->account, use, h, u->file, unknown, r->p.seed, u->when);
	return use;
}

static void submit_apply(struct rec *r, const struct earmark_ring *s)
{
	struct rec_engine *e = em_rec_engine_get(r, s->engine);
	struct rec_cgroup *cg = e ? em_rec_cgroup_get(r, s->cgroup, s) : NULL;
	struct earmark_holder *h;

	if (!cg)
		return;
	h = em_rec_holder_get(r, em_rec_cgroup_job(r, cg, ~0ULL), e->gpu, s->when);
	if (h)
		earmark_holder_submit(&r->account, h, s->when);
}

/* A channel is asked for. Who never used a GPU cannot be told where; that is counted. */
static void channel_apply(struct rec *r, const struct earmark_ring *c)
{
	struct rec_gpu *gpu = em_rec_gpu_by_devnum(r, c->devnum);
	struct rec_cgroup *cg = em_rec_cgroup_find(r, c->cgroup);
	struct rec_cgroup *job = cg ? em_rec_cgroup_job(r, cg, ~0ULL) : NULL;
	u32 n = 0;

	if (job && job->is_job)
		n = earmark_job_channel(&r->account, &job->account, gpu ? &gpu->account : NULL,
					!c->fd, c->when);
	if (!n || c->fd)
		r->p.lost[EARMARK_LOST_MISSED]++;
}

static void remember(struct rec *r, const struct earmark_ring *e)
{
	r->pids[e->pid & (REC_PIDS - 1)].pid = e->pid;
	r->pids[e->pid & (REC_PIDS - 1)].cgroup = e->cgroup;
}

static void apply(struct rec *r, const struct earmark_ring *e)
{
	struct rec_cgroup *cg;

	switch (e->type) {
	case EARMARK_RING_USE:
		remember(r, e);
		use_apply(r, e, false);
		break;
	case EARMARK_RING_FREE:
		earmark_file_free(&r->account, e->file, e->when);
		break;
	case EARMARK_RING_SUBMIT:
		remember(r, e);
		submit_apply(r, e);
		break;
	case EARMARK_RING_CHANNEL:
		channel_apply(r, e);
		break;
	case EARMARK_RING_ENGINE:
		em_rec_engine_get(r, e->engine);
		break;
	case EARMARK_RING_EMPTY:
		cg = em_rec_cgroup_find(r, e->cgroup);
		if (cg && cg->is_job)
			earmark_job_empty(&r->account, &cg->account, e->when);
		break;
	case EARMARK_RING_MOVE:
		move_apply(r, e);
		break;
	}
}

static void unknown_add(struct rec *r, u64 use, u32 pid, u32 fd)
{
	struct rec_unknown *u = realloc(r->unknowns, (r->nr_unknowns + 1) * sizeof(*u));

	if (!u)
		return; /* stays unknown: the GPU stays blind until it submits or closes */
	r->unknowns = u;
	u[r->nr_unknowns].use = use;
	u[r->nr_unknowns].pid = pid;
	u[r->nr_unknowns++].fd = fd;
}

/* A file found open. Those in the books are there because their use was seen. */
static void seed_apply(struct rec *r, const struct earmark_ring *e)
{
	struct rec_gpu *gpu = em_rec_gpu_by_devnum(r, e->devnum);
	struct rec_cgroup *cg, *job;
	struct earmark_use *use;
	u64 id;

	if (!gpu)
		return;
	use = gpu->seeded ? NULL : use_apply(r, e, true);
	if (use) {
		unknown_add(r, use->id, e->pid, e->fd);
		return;
	}
	cg = gpu->account.unknown || r->polled ? em_rec_cgroup_find(r, e->cgroup) : NULL;
	job = cg ? em_rec_cgroup_job(r, cg, ~0ULL) : NULL;
	if (job && earmark_use_seen(&r->account, e->file, &job->account, r->p.seed, &id))
		unknown_add(r, id, e->pid, e->fd);
}

/* What depends on each other has different times: in their order it is in its own. */
static int by_time(const void *a, const void *b)
{
	const struct earmark_ring *x = a, *y = b;

	if (x->when != y->when)
		return x->when < y->when ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int batch_add(struct rec_batch *b, const struct earmark_ring *e)
{
	struct earmark_ring *more;

	if (b->n == b->room) {
		more = realloc(b->e, (b->room + BATCH) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		b->e = more;
		b->room += BATCH;
	}
	b->e[b->n++] = *e;
	return 0;
}

static int ring_collect(struct rec *r, struct rec_batch *b)
{
	const struct earmark_ring *e;
	u64 at = r->ring.pos;

	if (!r->ring.consumer)
		return 0;
	while ((e = ring_next(r))) {
		if (batch_add(b, e)) {
			r->ring.pos = at; /* read again when there is memory */
			return -ENOMEM;
		}
		at = r->ring.pos;
		if (!r->p.last_seq)
			r->p.records = e->seq; /* these books begin with it */
		r->p.records++;
		if (e->seq + 1 > r->p.last_seq)
			r->p.last_seq = e->seq + 1;
	}
	r->p.ring_pos = r->ring.pos;
	return 0;
}

/* Books what happened until @instant and keeps the rest. */
static void batch_apply(struct rec *r, struct rec_batch *b, u64 instant)
{
	size_t i;

	if (b->n)
		qsort(b->e, b->n, sizeof(*b->e), by_time);
	for (i = 0; i < b->n && b->e[i].when <= instant; i++) {
		if (b->e[i].type == EARMARK_RING_SEED)
			seed_apply(r, &b->e[i]);
		else
			apply(r, &b->e[i]);
	}
	if (i)
		memmove(b->e, b->e + i, (b->n - i) * sizeof(*b->e));
	b->n -= i;
}

/*
 * Books what is complete in the ring and happened until @instant. What is younger waits in
 * memory, where no snapshot may be made: the caller drains the rest before one.
 */
void em_rec_ring_drain_until(struct rec *r, u64 instant)
{
	ring_collect(r, &r->younger);
	batch_apply(r, &r->younger, instant);
}

void em_rec_ring_drain(struct rec *r)
{
	em_rec_ring_drain_until(r, ~0ULL);
}

static int seed_collect(const struct earmark_ring *e, void *arg)
{
	return batch_add(arg, e);
}

/* Walks over all open files and books those of GPUs. Return: 0, or -errno: none is. */
int em_rec_walk(struct rec *r)
{
	int rc;

	r->p.seed++;
	r->nr_unknowns = 0;
	em_rec_ask_again(r);
	rc = em_sensor_seed(r->source.sensor, seed_collect, &r->younger);
	if (rc)
		r->younger.n = 0;
	else
		em_rec_ring_drain(r);
	return rc;
}

/*
 * Books what is open already, on GPUs that are not seeded; whatever they held before is
 * forgotten, since nobody can vouch for it. Files that nobody saw used are unknown.
 */
void em_rec_seed(struct rec *r)
{
	struct rec_gpu *gpu;
	u64 now;

	if (!r->hold)
		return;
	em_rec_ring_drain(r);
	now = earmark_account_clamp(&r->account, em_time_monotonic());
	list_for_each_entry(gpu, &r->gpus, node) {
		if (!gpu->retired && !gpu->seeded)
			earmark_gpu_empty(&r->account, &gpu->account, now);
	}
	if (em_rec_walk(r))
		return; /* they stay blind; tried again at the next tick */
	list_for_each_entry(gpu, &r->gpus, node) {
		gpu->seeded = true;
		gpu->lost = false;
	}
	r->look_again = false;
	em_rec_unknown_resolve(r);
	em_rec_gpu_observe(r, em_time_monotonic());
}

/* struct in_use - a walk that leaves out what is open and in nobody's use */
struct in_use {
	struct rec *r;
	int (*each)(const struct earmark_ring *, void *);
	void *arg;
};

static int in_use_each(const struct earmark_ring *e, void *arg)
{
	struct in_use *u = arg;
	struct rec_cgroup *cg = em_rec_cgroup_find(u->r, e->cgroup);
	struct rec_cgroup *job = cg ? em_rec_cgroup_job(u->r, cg, ~0ULL) : NULL;

	if (!job || !earmark_file_used(&u->r->account, e->file, &job->account))
		return 0;
	return u->each(e, u->arg);
}

int em_rec_files(struct em_source *s, int (*each)(const struct earmark_ring *, void *), void *arg)
{
	struct rec *r = container_of(s, struct rec, source);
	struct in_use u = { .r = r, .each = each, .arg = arg };

	if (!r->hold && !r->polled)
		return -ENOTCONN;
	em_rec_ring_drain(r);
	return em_sensor_seed(r->source.sensor, in_use_each, &u);
}

/* Asks fdinfo about what is still unknown. */
void em_rec_unknown_resolve(struct rec *r)
{
	u64 now = em_time_monotonic();
	u32 i, left = 0;
	int works;

	for (i = 0; i < r->nr_unknowns; i++) {
		works = em_fdinfo_works(r->unknowns[i].pid, r->unknowns[i].fd);
		if (works >= 0)
			earmark_use_resolve(&r->account, r->unknowns[i].use, works, now);
		else if (works == -ENODATA)
			r->unknowns[left++] = r->unknowns[i]; /* it may say so later */
	}
	r->nr_unknowns = left;
}
