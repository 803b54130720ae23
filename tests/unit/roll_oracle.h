/* SPDX-License-Identifier: GPL-2.0 */
/* Intervals drawn at random, and their plain sums: what roll-ups are held against. */
#ifndef ROLL_ORACLE_H
#define ROLL_ORACLE_H

#include "base/text.h"
#include "ledger_make.h"

enum { INTERVALS = 260, WINDOWS = 120, IDS = 5, NAMES = 4, JOBS = 3, TAGS = 3, ENGINES = 2 };

#define HOUR (3600 * S)
#define DAY (24 * HOUR)

/* Two loads; in the second another id is the first GPU too, and is not told of until the end. */
static const struct {
	__u8 load;
	int name;
} ids[IDS] = { { 0x11, 0 }, { 0x11, 1 }, { 0x11, 2 }, { 0x22, 0 }, { 0x22, 1 } };

#define LATE 4 /* the id that is learned of at the end; stands for NAMES - 1 until then */

static const char *const names[NAMES] = { "pci/a", "pci/b", "pci/c", "unknown/22222222.5" };

/* struct row - what an interval says of one id; @there: it has a row of it */
struct row {
	bool there;
	unsigned int blind;
	uint64_t wall, idle, unobserved, unattributed, engine[ENGINES];
	bool has_engine[ENGINES];
	bool used[JOBS][TAGS];
	uint64_t time[JOBS][TAGS], busy[JOBS][TAGS];
};

/* struct known - an interval, as it was appended */
struct known {
	int64_t start, end, length, gap;
	__u8 load;
	unsigned int flags;
	uint64_t lost;
	struct row rows[IDS];
};

static struct {
	struct known list[INTERVALS];
	int n;
	uint64_t number[2];
	__u8 previous[2][EARMARK_HASH_LEN];
	uint64_t lost[2];
	bool told[IDS], tagged, learned;
	int64_t wall, mono, since[NAMES], retired[NAMES];
	uint64_t seed;
} o;

static uint64_t any(uint64_t n)
{
	o.seed = o.seed * 6364136223846793005ull + 1442695040888963407ull;
	return n ? (o.seed >> 33) % n : 0;
}

static int name_of(int id)
{
	return id == LATE && !o.learned ? NAMES - 1 : ids[id].name;
}

/* --- making them -------------------------------------------------------------------------- */

static int64_t some_length(void)
{
	switch (any(8)) {
	case 0:
		return HOUR - o.wall % HOUR + (int64_t)any(2); /* to an hour's edge, or over it */
	case 1:
		return (int64_t)any(2 * HOUR / S) * S + 1;
	case 2:
		return any(9) ? HOUR : (int64_t)any(40) * HOUR + 1;
	default:
		return (int64_t)any(600) * S + 1;
	}
}

/* Where the next interval begins: mostly where the last one ended. */
static void step_clock(void)
{
	switch (any(12)) {
	case 0:
		o.wall += (int64_t)any(9 * HOUR / S) * S;
		break;
	case 1:
		o.wall -= (int64_t)any(3 * HOUR / S) * S;
		break;
	case 2:
		o.wall += HOUR - o.wall % HOUR;
		break;
	}
}

static void make_row(struct made *m, struct known *k, int id)
{
	struct row *r = &k->rows[id];
	struct earmark_segment *s;
	uint64_t left = (uint64_t)k->length;

	r->there = true;
	r->wall = left;
	r->unobserved = any(3) ? 0 : any(left);
	left -= r->unobserved;
	for (int n = 0; n < 2; n++) {
		int job = (int)any(JOBS), tag = (int)any(TAGS);
		uint64_t time = any(left);

		if (r->used[job][tag])
			continue;
		r->used[job][tag] = true;
		r->time[job][tag] = time;
		r->busy[job][tag] = any(time);
		usage(m, (__u32)id + 1, (__u64)job + 50, (__u32)tag, time, r->busy[job][tag]);
		s = &m->segments[m->i.header.nr_segments - 1];
		s->class = (__u32)any(EARMARK_CLASS_COUNT);
		s->usage.busy_error = s->class == EARMARK_CLASS_EXACT ? 0 : any(time);
		left -= time;
	}
	r->idle = left;
	r->unattributed = any(4) ? 0 : any(2 * left);
	r->blind = any(4) ? 0 : 1U << any(EARMARK_BLIND_BIT_COUNT);
	s = gpu_row(m, (__u32)id + 1, r->wall, r->idle, r->unobserved, r->unattributed);
	s->flags = (__u16)r->blind;
	for (int e = 0; e < ENGINES; e++) {
		r->has_engine[e] = any(3);
		if (!r->has_engine[e])
			continue;
		r->engine[e] = any(r->wall);
		s = segment(m, EARMARK_SEGMENT_ENGINE, (__u32)id + 1);
		s->id = (__u32)e;
		s->engine.busy = r->engine[e];
	}
}

/* What the ledger takes to be a GPU's time in the inventory. */
static void presence(int name, int64_t since)
{
	if (!o.since[name])
		o.since[name] = since;
}

static void make_events(struct made *m, struct known *k, int load)
{
	for (int id = 0; id < IDS; id++) {
		if (ids[id].load != k->load || o.told[id] || id == LATE)
			continue;
		o.told[id] = true;
		gpu_event(m, (__u32)id + 1, names[ids[id].name]);
		presence(ids[id].name, k->end - k->length);
	}
	/* tag 2 is told of once, in the second load only */
	if (load == 1 && !o.tagged) {
		o.tagged = true;
		tag_event(m, 51, 2, EARMARK_PURPOSE_ALIGNMENT, "p");
	}
	if (o.n == INTERVALS / 2 && o.since[2] && !o.retired[2]) {
		event(m, EARMARK_EVENT_GPU_RETIRED)->gpu = 3;
		o.retired[2] = k->end - k->length;
	}
}

static void seal(struct made *m, struct known *k, int load)
{
	struct earmark_interval *h = &m->i.header;

	o.lost[load] += k->lost;
	h->version = EARMARK_VERSION;
	h->nr_lost = EARMARK_LOST_COUNT;
	h->number = ++o.number[load];
	h->flags = k->flags;
	h->start = (__u64)o.mono;
	h->end = (__u64)(o.mono += k->length);
	h->wall_start = (__u64)k->start;
	h->wall_end = (__u64)k->end;
	h->lost[EARMARK_LOST_CONTEXT] = o.lost[load];
	memset(h->load_id, k->load, 16);
	memset(h->boot_id, 0x77, 16);
	memcpy(h->previous, o.previous[load], EARMARK_HASH_LEN);
	for (__u32 i = 0; i < h->nr_events; i++)
		m->events[i].when = h->start;
	em_interval_seal(&m->i);
	memcpy(o.previous[load], m->i.hash, EARMARK_HASH_LEN);
}

static void make(struct em_ledger *l)
{
	int load = o.n >= INTERVALS / 4 && (o.n / 20) % 2;
	struct known *k = &o.list[o.n];
	const struct known *before = o.n ? k - 1 : NULL;
	struct made m;

	step_clock();
	*k = (struct known){ .start = o.wall, .length = some_length(), .load = load ? 0x22 : 0x11 };
	/* sometimes the clock is set while it runs, even to before its start */
	k->end = k->start + k->length + (any(20) ? 0 : (int64_t)any(4 * HOUR) - 2 * HOUR);
	k->flags = any(5) ? 0 : EARMARK_INTERVAL_STRETCHED;
	k->lost = any(6) ? 0 : any(5);
	if (before && (before->load != k->load || !o.number[load]) && k->start > before->end)
		k->gap = k->start - before->end;
	begin(&m);
	make_events(&m, k, load);
	for (int id = 0; id < IDS; id++) {
		if (ids[id].load == k->load && any(5)) {
			make_row(&m, k, id);
			if (id == LATE)
				presence(NAMES - 1, k->start);
		}
	}
	seal(&m, k, load);
	o.wall = k->end;
	o.n++;
	append(l, &m);
}

/* --- the oracle --------------------------------------------------------------------------- */

static bool within(const struct known *k, int64_t since, int64_t until)
{
	return k->start >= since && k->start <= until && k->end >= since && k->end <= until;
}

/* struct sums - of a window, of a GPU by its name, of a (name, job, purpose) */
struct sums {
	uint64_t intervals, stretched, lost;
	int64_t start, end;
	struct em_gpu_usage gpu[NAMES];
	bool engine[NAMES][2][ENGINES];
	struct {
		uint64_t time, busy;
		int64_t first, last;
		bool there;
	} usage[NAMES][JOBS][2];
};

static void sum_row(struct sums *s, const struct known *k, int id)
{
	const struct row *r = &k->rows[id];
	struct em_gpu_usage *g = &s->gpu[name_of(id)];

	g->wall += r->wall;
	g->idle += r->idle;
	g->unobserved += r->unobserved;
	g->unattributed += r->unattributed;
	g->charged += r->unattributed < r->idle ? r->unattributed : r->idle;
	g->blind |= r->blind;
	for (int e = 0; e < ENGINES; e++) {
		if (!r->has_engine[e])
			continue;
		s->engine[name_of(id)][k->load == 0x22][e] = true;
		g->busy += r->engine[e];
		g->engine_wall += r->wall;
		g->blind_busy += r->blind ? r->wall - r->engine[e] : 0;
	}
}

static void sum_usage(struct sums *s, const struct known *k, int id, int job, int tag)
{
	const struct row *r = &k->rows[id];
	int aligned = k->load == 0x22 && tag == 2;

	if (!r->used[job][tag])
		return;
	s->usage[name_of(id)][job][aligned].time += r->time[job][tag];
	s->usage[name_of(id)][job][aligned].busy += r->busy[job][tag];
	if (!s->usage[name_of(id)][job][aligned].there ||
	    k->start < s->usage[name_of(id)][job][aligned].first)
		s->usage[name_of(id)][job][aligned].first = k->start;
	if (!s->usage[name_of(id)][job][aligned].there ||
	    k->end > s->usage[name_of(id)][job][aligned].last)
		s->usage[name_of(id)][job][aligned].last = k->end;
	s->usage[name_of(id)][job][aligned].there = true;
}

static bool speaks(const struct known *k, int name)
{
	for (int id = 0; id < IDS; id++) {
		if (k->rows[id].there && name_of(id) == name)
			return true;
	}
	return false;
}

/* Time without a word of it, while it was in the inventory. */
static uint64_t gap_of(int name, int64_t since, int64_t until, int n)
{
	int64_t from = o.since[name] > since ? o.since[name] : since;
	int64_t to = o.retired[name] && o.retired[name] < until ? o.retired[name] : until;
	int64_t sum = 0;

	for (int i = 0; i < n; i++) {
		const struct known *k = &o.list[i];
		int64_t a = k->start - k->gap > from ? k->start - k->gap : from;
		int64_t b = k->start < to ? k->start : to;

		sum += k->gap && b > a ? b - a : 0;
		sum += within(k, from, to) && !speaks(k, name) ? k->length : 0;
	}
	return (uint64_t)sum;
}

static void sum(struct sums *s, int64_t since, int64_t until, int n)
{
	memset(s, 0, sizeof(*s));
	for (int i = 0; i < n; i++) {
		const struct known *k = &o.list[i];

		if (!within(k, since, until))
			continue;
		s->start = !s->intervals || k->start < s->start ? k->start : s->start;
		s->end = !s->intervals || k->end > s->end ? k->end : s->end;
		s->intervals++;
		s->stretched += k->flags & EARMARK_INTERVAL_STRETCHED ? 1 : 0;
		s->lost += k->lost;
		for (int id = 0; id < IDS; id++) {
			if (k->rows[id].there)
				sum_row(s, k, id);
			for (int u = 0; u < JOBS * TAGS; u++)
				sum_usage(s, k, id, u / TAGS, u % TAGS);
		}
	}
}

#endif
