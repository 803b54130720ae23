// SPDX-License-Identifier: GPL-2.0
/* Ending an interval, booking the busy time that BPF summed up, and keeping what is sealed. */
#include <errno.h>
#include <stdio.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "kernel/recorder.h"
#include "kernel/sensor_map.h"

static u64 clock_given(void *arg)
{
	return *(u64 *)arg;
}

/* Return: the cell of the tag that was in force in @epoch; NULL: older than the history. */
static struct earmark_cell *cell_of(struct rec *r, struct earmark_holder *h, u64 epoch)
{
	u64 since = em_rec_epoch_since(r, epoch);
	struct earmark_cell *cell;

	list_for_each_entry(cell, &h->cells, node) {
		if (cell->since <= since)
			return cell;
	}
	return NULL;
}

static void charge_nobody(struct rec *r, struct rec_gpu *gpu, const struct em_charge *c)
{
	earmark_gpu_unattributed(&r->account, &gpu->account, c->start, c->start + c->ns);
}

static void charge_book(struct rec *r, const struct em_charge_key *key, const struct em_charge *c)
{
	struct rec_engine *e = em_rec_engine_get(r, key->engine);
	struct earmark_holder *h = NULL;
	struct earmark_cell *cell;
	struct rec_cgroup *cg;
	u32 p = r->account.parity;

	if (!e || e->gpu->retired) {
		r->p.lost[EARMARK_LOST_UNKNOWN] += c->count;
		return;
	}
	atomic64_add(c->count, &e->engine.done[p]);
	if (!c->ns)
		return;
	earmark_bank_add(&e->engine.busy[p], c->start, c->ns);
	e->engine.total += c->ns;
	if (e->gpu->info.meter == EARMARK_METER_TOLD)
		return; /* what a scheduler says there is no time of the hardware's */
	cg = key->cgroup ? em_rec_cgroup_get(r, key->cgroup, NULL) : NULL;
	if (cg)
		h = em_rec_holder_get(r, em_rec_cgroup_job(r, cg, key->epoch), e->gpu,
				      r->account.now);
	if (!h) {
		charge_nobody(r, e->gpu, c);
		return;
	}
	cell = cell_of(r, h, key->epoch);
	if (cell) {
		earmark_bank_add(&cell->busy[p], c->start, c->ns);
		return;
	}
	r->p.lost[EARMARK_LOST_HISTORY]++;
	charge_nobody(r, e->gpu, c);
}

/*
 * What found no room in the bank stands with its engine. It cannot be set back without racing
 * with completions: what is booked of it is remembered instead, and its start only gets older.
 */
static void spill_book(struct rec *r, u32 parity)
{
	struct em_engine_key key, next;
	struct em_charge_key nobody = {};
	struct rec_engine *engine;
	struct em_charge c;
	struct em_engine e;
	int end;

	for (end = em_map_next(r->fd_engines, NULL, &next); !end;
	     end = em_map_next(r->fd_engines, &key, &next)) {
		key = next;
		if (em_map_get(r->fd_engines, &key, &e) ||
		    !(e.spill[parity].ns | e.spill[parity].count))
			continue;
		engine = em_rec_engine_get(r, e.id);
		if (!engine)
			continue;
		c = e.spill[parity];
		c.ns -= engine->spill_ns[parity];
		c.count -= engine->spill_count[parity];
		engine->spill_ns[parity] = e.spill[parity].ns;
		engine->spill_count[parity] = e.spill[parity].count;
		nobody.engine = e.id;
		if (c.ns | c.count)
			charge_book(r, &nobody, &c);
	}
}

static int bank_open(struct rec *r, u32 parity)
{
	if (r->fd_engines < 0)
		r->fd_engines = em_map_open("engines");
	if (r->fd_bank[parity] < 0)
		r->fd_bank[parity] = em_map_open(parity ? "charges_b" : "charges_a");
	return r->fd_bank[parity];
}

static void bank_book(struct rec *r, u32 parity)
{
	struct em_charge_key key, next;
	struct em_charge c;
	int fd = bank_open(r, parity), end;

	if (fd < 0)
		return;
	for (end = em_map_next(fd, NULL, &next); !end; end = em_map_next(fd, &key, &next)) {
		key = next;
		if (!em_map_get(fd, &key, &c) && c.ns)
			charge_book(r, &key, &c);
	}
	spill_book(r, parity);
}

void em_rec_bank_clear(struct rec *r, u32 parity)
{
	int fd = bank_open(r, parity);

	if (fd >= 0)
		em_map_clear(fd, sizeof(struct em_charge_key));
}

/*
 * A record that was reserved is seen sooner or later; if as many stay missing over a whole
 * interval, somebody else reads the ring.
 */
static bool ring_stolen(struct rec *r)
{
	u64 gap = r->p.last_seq > r->p.records ? r->p.last_seq - r->p.records : 0;
	u64 before = r->p.seq_gap;

	r->p.seq_gap = gap;
	if (!gap || gap != before)
		return false;
	r->p.records = r->p.last_seq;
	r->p.seq_gap = 0;
	return true;
}

/* Return: the instant that ends the interval: all of the old bank ended before it. */
static u64 books_close(struct rec *r)
{
	u64 end = 0;
	int i;

	if (r->control && !r->flipped) {
		r->control->parity = r->p.parity ^ 1;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
	if (r->control)
		em_map_synchronize();
	for (i = 0; i < 3; i++) {
		em_rec_ring_drain(r);
		end = em_time_monotonic();
		if (!r->ring.producer || *r->ring.producer == r->ring.pos)
			break;
	}
	if (ring_stolen(r)) {
		r->p.lost[EARMARK_LOST_RING]++;
		em_rec_gpu_distrust(r, EARMARK_BLIND_LOST, end);
	}
	return end;
}

static void header_fill(struct rec *r, struct em_interval *i, u64 start, u64 end, bool broken)
{
	struct earmark_interval *h = &i->header;

	h->version = EARMARK_VERSION;
	h->recorder = EARMARK_RECORDER_DAEMON;
	h->number = r->p.number + 1;
	if (h->number == 1)
		h->flags |= EARMARK_INTERVAL_FIRST;
	if (broken)
		h->flags |= EARMARK_INTERVAL_BROKEN;
	if (r->polling)
		h->flags |= EARMARK_INTERVAL_SAMPLED;
	if (r->stretched || end - start > 2 * r->p.period + 100 * EM_NS_PER_MS)
		h->flags |= EARMARK_INTERVAL_STRETCHED;
	h->nr_lost = EARMARK_LOST_COUNT;
	h->start = start;
	h->end = end;
	h->wall_start = r->p.wall_end;
	h->wall_end = em_time_now();
	memcpy(h->boot_id, r->p.boot_id, sizeof(h->boot_id));
	memcpy(h->load_id, r->p.load_id, sizeof(h->load_id));
	memcpy(h->lost, r->p.lost, sizeof(h->lost));
	memcpy(h->previous, r->p.previous, sizeof(h->previous));
}

static u64 kept_size(const struct em_interval *i)
{
	return sizeof(*i) + i->header.nr_segments * sizeof(*i->segments) +
	       i->header.nr_events * sizeof(*i->events);
}

int em_rec_kept_add(struct rec *r, struct em_interval *i)
{
	struct rec_kept *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return -ENOMEM;
	kept->interval = *i;
	memset(i, 0, sizeof(*i));
	list_add_tail(&kept->node, &r->kept);
	r->kept_bytes += kept_size(&kept->interval);
	return 0;
}

static int by_when(const void *a, const void *b)
{
	const struct earmark_event *x = a, *y = b;

	return x->when < y->when ? -1 : x->when > y->when;
}

static void gpus_reap(struct rec *r)
{
	struct rec_gpu *gpu;

	list_for_each_entry(gpu, &r->gpus, node) {
		if (gpu->retired && !gpu->removed) {
			earmark_gpu_remove(&r->account, &gpu->account);
			gpu->removed = true;
		}
	}
}

/*
 * The bank that is not in use is cleared once a snapshot holds what was in it, and not before.
 * Return: 0, or -errno: to be tried again before the next seal.
 */
static int seal_save(struct rec *r)
{
	int rc = em_rec_state_save(r);

	r->unsaved = rc != 0;
	if (!rc)
		em_rec_bank_clear(r, r->p.parity ^ 1);
	return rc;
}

static void seal_advance(struct rec *r, const struct em_interval *i)
{
	r->p.number = i->header.number;
	r->p.wall_end = i->header.wall_end;
	memcpy(r->p.previous, i->hash, sizeof(i->hash));
	if (r->control)
		r->p.parity ^= 1;
	r->flipped = r->booked = r->stretched = false;
}

/* Return: 0, or -ENOMEM: what is booked stays booked, and the interval stretches. */
static int seal_make(struct rec *r)
{
	u64 start = r->account.start, end = books_close(r);
	struct em_interval i = {};
	bool broken = false;
	u32 room;

	if (r->control && !r->booked)
		bank_book(r, r->p.parity);
	r->flipped = r->booked = r->control;
	room = earmark_account_room(&r->account);
	i.segments = calloc(room + 1, sizeof(*i.segments));
	if (!i.segments)
		return -ENOMEM;
	end = earmark_account_flip(&r->account, clock_given, &end);
	i.header.nr_segments = earmark_account_gather(&r->account, i.segments, room, end, &broken);
	if (r->nr_events)
		qsort(r->events, r->nr_events, sizeof(*r->events), by_when);
	i.header.nr_events = TAKE(r->nr_events, 0);
	i.events = TAKE_PTR(r->events);
	header_fill(r, &i, start, end, broken);
	em_interval_seal(&i);
	seal_advance(r, &i);
	gpus_reap(r);
	return em_rec_kept_add(r, &i);
}

/**
 * em_rec_seal() - end the open interval
 * @now: even if its period is not over
 *
 * Where holds are polled a walk ends it; if that fails it is sealed all the same, claiming nothing.
 *
 * Return: 1 sealed, 0 not due, -ENOSPC the keep is full, so that it stretches, -errno.
 */
int em_rec_seal(struct rec *r, bool now)
{
	int rc, walked = 0;

	if (r->unsaved) {
		rc = seal_save(r);
		if (rc)
			return rc;
	}
	if (!now && em_time_monotonic() < r->account.start + r->p.period)
		return 0;
	if (r->kept_bytes >= r->p.keep) {
		r->stretched = true;
		return -ENOSPC;
	}
	em_rec_ring_drain(r);
	em_rec_cgroup_check_empty(r);
	if (r->polled)
		walked = em_rec_poll(r);
	rc = seal_make(r);
	if (r->polled)
		em_rec_poll_end(r);
	if (rc)
		return rc;
	rc = seal_save(r);
	earmark_account_trim(&r->account);
	em_rec_cgroup_reap(r, r->account.now);
	return rc ?: walked ?: 1;
}

int em_rec_intervals(struct em_source *s, __u64 from, int (*each)(struct em_interval *, void *),
		     void *arg)
{
	struct rec *r = container_of(s, struct rec, source);
	struct em_interval copy;
	struct rec_kept *kept, *next;
	size_t n;
	int rc;

	/* The callback may acknowledge the one that it is given. */
	list_for_each_entry_safe(kept, next, &r->kept, node) {
		if (kept->interval.header.number < from)
			continue;
		/* The callback may take the arrays, but these are the ones that are kept. */
		copy = kept->interval;
		n = copy.header.nr_segments * sizeof(*copy.segments);
		copy.segments = malloc(n + 1);
		if (copy.segments)
			memcpy(copy.segments, kept->interval.segments, n);
		n = copy.header.nr_events * sizeof(*copy.events);
		copy.events = malloc(n + 1);
		if (copy.events && n)
			memcpy(copy.events, kept->interval.events, n);
		rc = copy.segments && copy.events ? each(&copy, arg) : -ENOMEM;
		em_interval_clear(&copy);
		if (rc)
			return rc;
	}
	return 0;
}

static void kept_drop(struct rec *r, struct rec_kept *kept)
{
	r->kept_bytes -= kept_size(&kept->interval);
	list_del_init(&kept->node);
	em_interval_clear(&kept->interval);
	free(kept);
}

/*
 * Everything kept up to the one with this number and hash is stored; an earlier load's may be
 * kept before it. Not written at once: what is handed out again is known to the ledger.
 */
int em_rec_ack(struct em_source *s, __u64 number, const __u8 hash[EARMARK_HASH_LEN])
{
	struct rec *r = container_of(s, struct rec, source);
	struct rec_kept *kept, *next, *upto = NULL;

	list_for_each_entry(kept, &r->kept, node) {
		if (kept->interval.header.number == number &&
		    !memcmp(kept->interval.hash, hash, EARMARK_HASH_LEN))
			upto = kept;
	}
	if (!upto)
		return em_rec_error(r, -EINVAL, "no interval %llu with that hash is kept",
				    (unsigned long long)number);
	list_for_each_entry_safe(kept, next, &r->kept, node) {
		bool last = kept == upto;

		kept_drop(r, kept);
		if (last)
			break;
	}
	return 0;
}
