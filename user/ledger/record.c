// SPDX-License-Identifier: GPL-2.0
/* Events, notes, states, and intervals as they were appended; see ledger.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "ledger/store.h"

int em_ledger_events(struct em_ledger *l, int64_t since, int64_t until, unsigned int types,
		     uint64_t job, int (*each)(const struct em_event *, void *), void *arg)
{
	sqlite3_stmt *s = em_store_bind(l,
					"SELECT e.raw, e.wall, l.boot_id, i.number FROM event e "
					"JOIN interval i ON i.id=e.interval JOIN load l ON "
					"l.id=i.load_id WHERE e.wall >= ? AND e.wall <= ? AND "
					"(? >> e.type) & 1 AND ? IN (0, e.job) AND i.id <= ? "
					"ORDER BY e.wall, e.interval, e.row",
					"iiuii", since, until, types, (int64_t)job, l->horizon);
	struct em_event event;
	char boot[33];
	int r;

	while ((r = em_store_step(l, s)) > 0) {
		if (sqlite3_column_bytes(s, 0) != sizeof(event.e) ||
		    sqlite3_column_bytes(s, 2) != 16)
			continue;
		memcpy(&event.e, sqlite3_column_blob(s, 0), sizeof(event.e));
		event.e.comm[sizeof(event.e.comm) - 1] = '\0';
		event.e.project[sizeof(event.e.project) - 1] = '\0';
		event.e.ref[sizeof(event.e.ref) - 1] = '\0';
		event.e.text[sizeof(event.e.text) - 1] = '\0';
		event.wall = sqlite3_column_int64(s, 1);
		event.boot_id = em_hex(boot, sqlite3_column_blob(s, 2), 16);
		event.interval = (uint64_t)sqlite3_column_int64(s, 3);
		r = each(&event, arg);
		if (r) {
			sqlite3_reset(s);
			return r;
		}
	}
	return r;
}

int em_ledger_state_set(struct em_ledger *l, const char *key, const char *json)
{
	return em_store_run(l,
			    "INSERT INTO state(key, json) VALUES(?,?) ON CONFLICT(key) DO UPDATE "
			    "SET json=excluded.json WHERE json!=excluded.json",
			    "tt", key, json);
}

int em_ledger_state_get(struct em_ledger *l, const char *key, char **json)
{
	sqlite3_stmt *s = em_store_bind(l, "SELECT json FROM state WHERE key=?", "t", key);
	int r = em_store_step(l, s);

	if (r <= 0)
		return r ? r : -ENOENT;
	*json = strdup(em_store_text(s, 0) ?: "");
	sqlite3_reset(s);
	return *json ? 0 : em_store_fail(l, -ENOMEM, "out of memory");
}

int em_ledger_note_at(struct em_ledger *l, int64_t wall, const char *kind, const char *json)
{
	return em_store_run(l, "INSERT INTO note(wall, kind, json) VALUES(?,?,?)", "itt", wall,
			    kind, json);
}

int em_ledger_note(struct em_ledger *l, const char *kind, const char *json)
{
	return em_ledger_note_at(l, em_time_now(), kind, json);
}

int em_ledger_notes(struct em_ledger *l, int64_t since, int64_t until, const char *kind,
		    int (*each)(int64_t wall, const char *kind, const char *json, void *),
		    void *arg)
{
	sqlite3_stmt *s = em_store_bind(l,
					"SELECT wall, kind, json FROM note WHERE wall >= ? AND "
					"wall <= ? AND (?3 IS NULL OR kind = ?3) ORDER BY id",
					"iit", since, until, kind);
	int r;

	while ((r = em_store_step(l, s)) > 0) {
		r = each(sqlite3_column_int64(s, 0), em_store_text(s, 1), em_store_text(s, 2), arg);
		if (r) {
			sqlite3_reset(s);
			return r;
		}
	}
	return r;
}

static __u64 take(sqlite3_stmt *s, int column)
{
	return (__u64)sqlite3_column_int64(s, column);
}

/* Rows of the three tables under one set of columns: kind, row, gpu, id, flags, job, five. */
static void segment_read(sqlite3_stmt *s, struct earmark_segment *seg)
{
	*seg = (struct earmark_segment){
		.kind = (__u16)take(s, 0),
		.gpu = (__u32)take(s, 2),
		.id = (__u32)take(s, 3),
		.flags = (__u16)take(s, 4),
		.job = take(s, 5),
		/* the three views are of five numbers each, in the order of the columns */
		.engine = { take(s, 6), take(s, 7), take(s, 8), take(s, 9), take(s, 10) },
	};
}

static int segments_read(struct em_ledger *l, int64_t id, struct em_interval *i)
{
	sqlite3_stmt *s = em_store_bind(
		l,
		"SELECT 1, row, gpu, tag, 0, job, gpu_time, held, busy, busy_start, 0 FROM usage "
		"WHERE interval=?1 UNION ALL SELECT 2, row, gpu, 0, blind, 0, wall, idle, unobserved, "
		"unattributed, unattributed_start FROM gpu_usage WHERE interval=?1 UNION ALL "
		"SELECT 3, row, gpu, engine, 0, 0, busy, busy_start, busy_total, first, done FROM "
		"engine_usage WHERE interval=?1",
		"i", id);
	int r;

	while ((r = em_store_step(l, s)) > 0) {
		if (take(s, 1) < i->header.nr_segments)
			segment_read(s, &i->segments[take(s, 1)]);
	}
	return r;
}

static int events_read(struct em_ledger *l, int64_t id, struct em_interval *i)
{
	sqlite3_stmt *s = em_store_bind(l, "SELECT row, raw FROM event WHERE interval=?", "i", id);
	int r;

	while ((r = em_store_step(l, s)) > 0) {
		if (take(s, 0) < i->header.nr_events &&
		    sqlite3_column_bytes(s, 1) == sizeof(*i->events))
			memcpy(&i->events[take(s, 0)], sqlite3_column_blob(s, 1),
			       sizeof(*i->events));
	}
	return r;
}

static int header_read(struct em_ledger *l, const __u8 load_id[16], __u64 number, int64_t *id,
		       struct em_interval *i)
{
	sqlite3_stmt *s =
		em_store_bind(l,
			      "SELECT i.id, i.header, i.hash FROM interval i JOIN load l ON "
			      "l.id=i.load_id WHERE l.load_id=? AND i.number=?",
			      "bi", load_id, 16, (int64_t)number);
	int r = em_store_step(l, s);

	if (r <= 0)
		return r ? r : em_store_fail(l, -ENOENT, "the ledger has no such interval");
	if (sqlite3_column_bytes(s, 1) != sizeof(i->header) ||
	    sqlite3_column_bytes(s, 2) != EARMARK_HASH_LEN) {
		sqlite3_reset(s);
		return em_store_fail(l, -EUCLEAN, "the interval's header is damaged");
	}
	*id = sqlite3_column_int64(s, 0);
	memcpy(&i->header, sqlite3_column_blob(s, 1), sizeof(i->header));
	memcpy(i->hash, sqlite3_column_blob(s, 2), EARMARK_HASH_LEN);
	sqlite3_reset(s);
	return 0;
}

int em_ledger_read(struct em_ledger *l, const __u8 load_id[16], __u64 number,
		   struct em_interval *ret)
{
	struct em_interval i = { 0 };
	int64_t id = 0;
	int r = header_read(l, load_id, number, &id, &i);

	if (r)
		return r;
	i.segments = calloc(i.header.nr_segments ?: 1, sizeof(*i.segments));
	i.events = calloc(i.header.nr_events ?: 1, sizeof(*i.events));
	r = i.segments && i.events ? 0 : em_store_fail(l, -ENOMEM, "out of memory");
	if (!r)
		r = segments_read(l, id, &i);
	if (!r)
		r = events_read(l, id, &i);
	if (r)
		em_interval_clear(&i);
	else
		*ret = i;
	return r;
}
