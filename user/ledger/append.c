// SPDX-License-Identifier: GPL-2.0
/* Storing an interval, once; see ledger.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ledger/store.h"

/*
 * Losses that can hide busy time. The others are of work that is there all the same: unattributed
 * (context, history, unknown), or of what says no time (event, challenge: the GPU is blind then).
 */
#define HIDING                                                                                \
	(1U << EARMARK_LOST_MEMORY | 1U << EARMARK_LOST_FILE | 1U << EARMARK_LOST_RECURSION | \
	 1U << EARMARK_LOST_MISSED | 1U << EARMARK_LOST_RING)

/**
 * struct append - an interval on its way into the tables
 * @why: what is wrong with its sums or digests, NULL = nothing
 * @known: it is stored already; @different: not as it is now
 * @deltas: events lost since the previous interval of its load
 */
struct append {
	const struct em_interval *i;
	const char *why;
	int64_t load, id;
	bool known, different;
	uint64_t deltas[EARMARK_LOST_COUNT];
};

static int find_known(struct em_ledger *l, struct append *a)
{
	const struct em_interval *i = a->i;
	sqlite3_stmt *s = em_store_bind(l,
					"SELECT header, hash, broken FROM interval WHERE load_id=? "
					"AND number=?",
					"ii", a->load, (int64_t)i->header.number);
	int r = em_store_step(l, s);

	if (r <= 0)
		return r;
	a->known = true;
	a->different = sqlite3_column_bytes(s, 0) != sizeof(i->header) ||
		       memcmp(sqlite3_column_blob(s, 0), &i->header, sizeof(i->header)) ||
		       sqlite3_column_bytes(s, 1) != EARMARK_HASH_LEN ||
		       memcmp(sqlite3_column_blob(s, 1), i->hash, EARMARK_HASH_LEN) ||
		       (a->why && !sqlite3_column_int(s, 2));
	sqlite3_reset(s);
	return 0;
}

static int integrity_note(struct em_ledger *l, const struct append *a, const char *problem)
{
	char json[512], load[33];

	snprintf(json, sizeof(json),
		 "{\"load_id\":\"%s\",\"number\":%" PRIu64 ",\"problem\":\"%s\"}",
		 em_hex(load, a->i->header.load_id, 16), (uint64_t)a->i->header.number, problem);
	return em_ledger_note(l, "integrity", json);
}

/* Compares with the interval before it, of the same load; lost counters count from there. */
static int chain(struct em_ledger *l, struct append *a)
{
	const struct earmark_interval *h = &a->i->header;
	static const __u8 none[EARMARK_HASH_LEN];
	struct earmark_interval before = { 0 };
	sqlite3_stmt *s = em_store_bind(l,
					"SELECT header, hash FROM interval WHERE load_id=? AND "
					"number<? ORDER BY number DESC LIMIT 1",
					"ii", a->load, (int64_t)h->number);
	const char *problem = NULL;
	const void *hash = none;
	int r = em_store_step(l, s);

	if (r < 0)
		return r;
	if (r && sqlite3_column_bytes(s, 0) == sizeof(before) &&
	    sqlite3_column_bytes(s, 1) == EARMARK_HASH_LEN) {
		memcpy(&before, sqlite3_column_blob(s, 0), sizeof(before));
		hash = sqlite3_column_blob(s, 1);
	}
	if (before.number + 1 != h->number)
		problem = before.number ? "intervals before it are missing"
					: "the load's first intervals are not in this ledger";
	else if (memcmp(hash, h->previous, EARMARK_HASH_LEN))
		problem = "it does not chain to the interval before it";
	else if (before.number && before.end != h->start)
		problem = "it does not start where the interval before it ended";
	for (unsigned int c = 0; c < EARMARK_LOST_COUNT; c++) {
		a->deltas[c] = h->lost[c] - before.lost[c];
		if (h->lost[c] < before.lost[c]) {
			a->deltas[c] = h->lost[c];
			problem = problem ?: "a lost counter went backwards";
		}
	}
	if (r)
		sqlite3_reset(s);
	return problem ? integrity_note(l, a, problem) : 0;
}

/* Wall time between the interval stored last and this one, if nothing says that they touch. */
static int gap_before(struct em_ledger *l, const struct append *a, int64_t *gap)
{
	const struct earmark_interval *h = &a->i->header;
	sqlite3_stmt *s = em_store_bind(
		l, "SELECT load_id, number, wall_end FROM interval ORDER BY id DESC LIMIT 1", "");
	int r = em_store_step(l, s);
	bool touches;

	*gap = 0;
	if (r <= 0)
		return r;
	touches = sqlite3_column_int64(s, 0) == a->load &&
		  sqlite3_column_int64(s, 1) + 1 == (int64_t)h->number;
	if (!touches && (int64_t)h->wall_start > sqlite3_column_int64(s, 2))
		*gap = (int64_t)h->wall_start - sqlite3_column_int64(s, 2);
	sqlite3_reset(s);
	return 0;
}

static int add_header(struct em_ledger *l, struct append *a)
{
	const struct earmark_interval *h = &a->i->header;
	unsigned int hiding = 0, broken = a->why || h->flags & EARMARK_INTERVAL_BROKEN;
	int64_t gap;
	int r = gap_before(l, a, &gap);

	for (unsigned int c = 0; c < EARMARK_LOST_COUNT; c++)
		hiding |= a->deltas[c] && HIDING >> c & 1;
	if (!r)
		r = em_store_run(l,
				 "INSERT INTO interval(load_id, number, recorder, flags, start, "
				 "end, wall_start, wall_end, broken, hiding, gap, header, hash) "
				 "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
				 "iiuuiiiiuuibb", a->load, (int64_t)h->number, h->recorder,
				 h->flags, (int64_t)h->start, (int64_t)h->end,
				 (int64_t)h->wall_start, (int64_t)h->wall_end, broken, hiding, gap,
				 h, (int)sizeof(*h), a->i->hash, EARMARK_HASH_LEN);
	a->id = sqlite3_last_insert_rowid(l->db);
	for (unsigned int c = 0; !r && c < EARMARK_LOST_COUNT; c++) {
		if (a->deltas[c])
			r = em_store_run(l, "INSERT INTO lost VALUES(?,?,?)", "iui", a->id, c,
					 (int64_t)a->deltas[c]);
	}
	return r;
}

static int add_segment(struct em_ledger *l, const struct append *a, unsigned int row)
{
	const struct earmark_segment *s = &a->i->segments[row];
	int r;

	switch (s->kind) {
	case EARMARK_SEGMENT_USAGE:
		return em_store_run(l, "INSERT INTO usage VALUES(?,?,?,?,?,?,?,?,?)", "iuuiuiiii",
				    a->id, row, s->gpu, (int64_t)s->job, s->id,
				    (int64_t)s->usage.gpu_time, (int64_t)s->usage.held,
				    (int64_t)s->usage.busy, (int64_t)s->usage.busy_start);
	case EARMARK_SEGMENT_GPU:
		r = em_names_gpu(l, a->load, a->i->header.load_id, s->gpu,
				 (int64_t)a->i->header.wall_start);
		return r ? r
			 : em_store_run(l, "INSERT INTO gpu_usage VALUES(?,?,?,?,?,?,?,?,?)",
					"iuuuiiiii", a->id, row, s->gpu, (unsigned int)s->flags,
					(int64_t)s->gpu_time.wall, (int64_t)s->gpu_time.idle,
					(int64_t)s->gpu_time.unobserved,
					(int64_t)s->gpu_time.unattributed,
					(int64_t)s->gpu_time.unattributed_start);
	case EARMARK_SEGMENT_ENGINE:
		return em_store_run(l, "INSERT INTO engine_usage VALUES(?,?,?,?,?,?,?,?,?)",
				    "iuuuiiiii", a->id, row, s->gpu, s->id, (int64_t)s->engine.busy,
				    (int64_t)s->engine.busy_start, (int64_t)s->engine.busy_total,
				    (int64_t)s->engine.first, (int64_t)s->engine.done);
	default:
		return integrity_note(l, a,
				      "it has a row of a kind that this earmark does not know");
	}
}

static int add_event(struct em_ledger *l, const struct append *a, unsigned int row)
{
	const struct earmark_interval *h = &a->i->header;
	const struct earmark_event *e = &a->i->events[row];
	int64_t wall = (int64_t)(h->wall_end - (h->end - e->when));
	int r = em_store_run(l, "INSERT INTO event VALUES(?,?,?,?,?,?)", "iuuiib", a->id, row,
			     (unsigned int)e->type, (int64_t)e->job, wall, e, (int)sizeof(*e));

	return r ? r : em_names_event(l, a->load, e, wall);
}

static int store(struct em_ledger *l, struct append *a)
{
	const struct em_interval *i = a->i;
	int r = em_names_load(l, &i->header, &a->load);

	if (!r)
		r = find_known(l, a);
	if (!r && a->different)
		return em_store_fail(l, -EEXIST,
				     "ledger %s: interval %" PRIu64 " is there already, and is "
				     "another one",
				     l->dir, (uint64_t)i->header.number);
	if (r || a->known)
		return r;
	r = chain(l, a);
	if (!r && a->why)
		r = integrity_note(l, a, a->why);
	else if (!r && i->header.flags & EARMARK_INTERVAL_BROKEN)
		r = integrity_note(l, a, "the recorder says that a sum did not come out");
	if (!r)
		r = add_header(l, a);
	/* events name what the rows refer to */
	for (unsigned int n = 0; !r && n < i->header.nr_events; n++)
		r = add_event(l, a, n);
	for (unsigned int n = 0; !r && n < i->header.nr_segments; n++)
		r = add_segment(l, a, n);
	return r;
}

int em_ledger_append(struct em_ledger *l, const struct em_interval *i)
{
	struct append a = { .i = i };
	int r = em_store_begin(l);

	if (r)
		return r;
	em_interval_check(i, &a.why);
	return em_store_end(l, store(l, &a));
}

int em_ledger_last(struct em_ledger *l, const __u8 load_id[16], __u64 *ret_number,
		   __u8 hash[EARMARK_HASH_LEN])
{
	sqlite3_stmt *s =
		em_store_bind(l,
			      "SELECT number, hash FROM interval i JOIN load l ON "
			      "l.id=i.load_id WHERE l.load_id=? ORDER BY number DESC LIMIT 1",
			      "b", load_id, 16);
	int r = em_store_step(l, s);

	if (r < 0)
		return r;
	*ret_number = 0;
	if (!r)
		return 0;
	*ret_number = (__u64)sqlite3_column_int64(s, 0);
	if (sqlite3_column_bytes(s, 1) == EARMARK_HASH_LEN)
		memcpy(hash, sqlite3_column_blob(s, 1), EARMARK_HASH_LEN);
	sqlite3_reset(s);
	return 0;
}
