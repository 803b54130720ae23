// SPDX-License-Identifier: GPL-2.0
/* Writing the recorder's snapshot; see recorder_state.h. */
#include <errno.h>
#include <sys/mman.h>
#include "kernel/recorder_state.h"
#include "kernel/sensor_map.h"

struct out {
	char *p;
	size_t len, room;
	bool failed;
};

static void put(struct out *o, u32 type, const void *data, size_t len)
{
	struct state_record rec = { type, (u32)len };
	size_t need = o->len + sizeof(rec) + ((len + 7) & ~7UL);
	char *p;

	if (need > o->room) {
		p = realloc(o->p, need * 2);
		o->failed |= !p;
		if (!p)
			return;
		o->p = p;
		o->room = need * 2;
	}
	memcpy(o->p + o->len, &rec, sizeof(rec));
	if (len)
		memcpy(o->p + o->len + sizeof(rec), data, len);
	o->len = need;
}

static void put_kept(const struct rec *r, struct out *o)
{
	struct state_interval si;
	struct rec_kept *kept;

	list_for_each_entry(kept, &r->kept, node) {
		const struct em_interval *i = &kept->interval;

		si.header = i->header;
		memcpy(si.hash, i->hash, sizeof(si.hash));
		put(o, STATE_INTERVAL, &si, sizeof(si));
		put(o, STATE_SEGMENTS, i->segments, i->header.nr_segments * sizeof(*i->segments));
		put(o, STATE_EVENTS, i->events, i->header.nr_events * sizeof(*i->events));
	}
}

static struct state_holder holder_state(const struct earmark_holder *h)
{
	struct state_holder s = { .job = h->job->id, .gpu = h->gpu->id };

	s.submitted = h->submitted;
	s.fileless = h->fileless;
	s.since = h->since;
	return s;
}

static void put_holders(struct out *o, const struct rec_cgroup *cg)
{
	struct state_holder s;
	struct earmark_holder *h;
	struct earmark_cell *cell;

	if (!cg->is_job)
		return;
	list_for_each_entry(h, &cg->account.holders, of_job) {
		s = holder_state(h);
		put(o, STATE_HOLDER, &s, sizeof(s));
		list_for_each_entry(cell, &h->cells, node)
			put(o, STATE_CELL, cell, sizeof(*cell));
	}
}

static void put_cgroups(const struct rec *r, struct out *o)
{
	struct rec_cgroup *cg;
	u32 i;

	for (i = 0; i < REC_HASH; i++) {
		list_for_each_entry(cg, &r->cgroups[i], node) {
			put(o, STATE_CGROUP, cg, sizeof(*cg));
			put(o, STATE_TURNS, cg->turns, cg->nr_turns * sizeof(*cg->turns));
			if (cg->own)
				put(o, STATE_TAG, cg->own, sizeof(*cg->own));
			put_holders(o, cg);
		}
	}
}

static void put_uses(const struct rec *r, struct out *o)
{
	struct state_use s;
	struct earmark_use *use;
	u32 i;

	for (i = 0; i < 1 << EARMARK_FILE_BITS; i++) {
		list_for_each_entry(use, &r->account.files[i], node) {
			memset(&s, 0, sizeof(s));
			s.holder = holder_state(use->holder);
			s.file = use->file;
			s.id = use->id;
			s.seen = use->seen;
			s.unknown = use->unknown;
			put(o, STATE_USE, &s, sizeof(s));
		}
	}
}

static void put_gpus(const struct rec *r, struct out *o)
{
	struct rec_engine *e;
	struct rec_gpu *gpu;
	u32 i;

	list_for_each_entry(gpu, &r->gpus, node)
		put(o, STATE_GPU, gpu, sizeof(*gpu));
	for (i = 0; i < REC_HASH; i++) {
		list_for_each_entry(e, &r->engines[i], node)
			put(o, STATE_ENGINE, e, sizeof(*e));
	}
}

static void put_holding(const struct rec *r, struct out *o)
{
	struct earmark_holder *h;
	struct state_holder s;
	struct rec_gpu *gpu;

	list_for_each_entry(gpu, &r->gpus, node) {
		list_for_each_entry(h, &gpu->account.holding, holding) {
			s = holder_state(h);
			put(o, STATE_HOLDING, &s, sizeof(s));
		}
	}
}

static void put_all(struct rec *r, struct out *o)
{
	u64 of = state_shape();

	r->p.acc_parity = r->account.parity;
	r->p.acc_start = r->account.start;
	r->p.acc_now = r->account.now;
	r->p.acc_next_use = r->account.next_use;
	put(o, STATE_SHAPE, &of, sizeof(of));
	put(o, STATE_SAVED, &r->p, sizeof(r->p));
	put_kept(r, o);
	put(o, STATE_EPOCHS, r->epochs, r->nr_epochs * sizeof(*r->epochs));
	put_gpus(r, o);
	put_cgroups(r, o);
	put_holding(r, o);
	put_uses(r, o);
	put(o, STATE_OPEN_EVENTS, r->events, r->nr_events * sizeof(*r->events));
}

/* A larger map, complete before it takes the old one's place. */
static int state_grow(struct rec *r, const struct out *o)
{
	_cleanup_close_ int fd = -1;
	size_t size = STATE_MIN, whole;
	struct state_head *h;
	char *p;

	while (size < o->len)
		size *= 2;
	whole = STATE_HEAD + 2 * size;
	fd = em_map_create_file("state_new", whole);
	if (fd < 0)
		return fd;
	p = em_map_mmap(fd, 0, whole, true);
	if (!p)
		return -errno;
	h = (struct state_head *)p;
	h->size[0] = o->len;
	memcpy(p + STATE_HEAD, o->p, o->len);
	h->magic = STATE_MAGIC;
	if (em_map_rename("state_new", "state")) {
		munmap(p, whole);
		return -EIO;
	}
	if (r->state)
		munmap(r->state, STATE_HEAD + 2 * r->state_size);
	r->state = p;
	r->state_size = size;
	return 0;
}

static void state_write(struct rec *r, const struct out *o)
{
	struct state_head *h = state_head(r);
	u64 turn = h->turn + 1;

	memcpy(r->state + STATE_HEAD + (turn & 1) * r->state_size, o->p, o->len);
	h->size[turn & 1] = o->len;
	__atomic_store_n(&h->turn, turn, __ATOMIC_SEQ_CST);
}

/*
 * Where nothing can be pinned there is nothing that goes on without us either: 0. A bank that
 * is booked but in no interval would be booked again by a successor: -EAGAIN.
 */
int em_rec_state_save(struct rec *r)
{
	struct out o = {};
	int rc = 0;

	if (!r->control)
		return 0;
	if (r->booked)
		return -EAGAIN;
	put_all(r, &o);
	if (o.failed)
		rc = -ENOMEM;
	else if (!r->state || o.len > r->state_size)
		rc = state_grow(r, &o);
	else
		state_write(r, &o);
	free(o.p);
	if (!rc)
		em_rec_ring_release(r);
	return rc;
}
