// SPDX-License-Identifier: GPL-2.0
/* Sums over the intervals that lie whole inside a window; see ledger.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "ledger/store.h"

/*
 * The intervals of a window: ?1 since, ?2 until, ?3 horizon; found by the index on wall_start.
 * CROSS JOIN below keeps SQLite to that order: else it walks all rows there ever were.
 */
#define WINDOW "i.wall_start BETWEEN ?1 AND ?2 AND i.wall_end BETWEEN ?1 AND ?2 AND i.id <= ?3"

#define PERIODS_UNTIL_GAP 3
#define DEFAULT_PERIOD (10 * EM_NS_PER_S)

int em_ledger_span(struct em_ledger *l, int64_t since, int64_t until, struct em_span *span)
{
	sqlite3_stmt *s;
	int r;

	if (l->n_members)
		return em_many_span(l, since, until, span);
	s = em_store_bind(l,
			  "SELECT count(*), min(i.wall_start), max(i.wall_end), "
			  "coalesce(sum(i.flags & 1), 0), coalesce(sum(i.broken), 0), "
			  "max(i.recorder = 0) + 2 * max(i.recorder = 1) + "
			  "4 * max(i.recorder = 2) FROM interval i WHERE " WINDOW,
			  "iii", since, until, l->horizon);
	r = em_store_step(l, s);
	if (r < 0)
		return r;
	*span = (struct em_span){
		.intervals = (uint64_t)sqlite3_column_int64(s, 0),
		.start = sqlite3_column_int64(s, 1),
		.end = sqlite3_column_int64(s, 2),
		.stretched = (uint64_t)sqlite3_column_int64(s, 3),
		.broken = (uint64_t)sqlite3_column_int64(s, 4),
		.recorders = (unsigned int)sqlite3_column_int64(s, 5),
	};
	sqlite3_reset(s);
	s = em_store_bind(l,
			  "SELECT o.counter, sum(o.events) FROM interval i CROSS JOIN lost o ON "
			  "o.interval=i.id WHERE " WINDOW " GROUP BY o.counter",
			  "iii", since, until, l->horizon);
	while ((r = em_store_step(l, s)) > 0) {
		int64_t counter = sqlite3_column_int64(s, 0);

		if (counter >= 0 && counter < (int64_t)ARRAY_SIZE(span->lost))
			span->lost[counter] = (uint64_t)sqlite3_column_int64(s, 1);
	}
	return r;
}

/* The grouping inside is by numbers alone: names are joined to the few rows that remain. */
static const char usage_sql[] =
	"SELECT l.boot_id, s.job, j.path, coalesce(j.uid, 4294967295), "
	"coalesce(g.name, '?'), coalesce(t.purpose, 0), coalesce(t.tagged_by, 0), t.project, t.ref, "
	"sum(s.gpu_time), sum(s.held), sum(s.busy), min(s.first), max(s.last) FROM "
	"(SELECT i.load_id AS load, u.gpu, u.job, u.tag, sum(u.gpu_time) AS gpu_time, "
	"sum(u.held) AS held, sum(u.busy) AS busy, min(i.wall_start) AS first, "
	"max(i.wall_end) AS last FROM interval i CROSS JOIN usage u ON u.interval=i.id WHERE " WINDOW
	" GROUP BY 1, 2, 3, 4) s JOIN load l ON l.id=s.load "
	"LEFT JOIN gpu_name n ON n.load=s.load AND n.id=s.gpu LEFT JOIN gpu g ON g.id=n.gpu "
	"LEFT JOIN tag t ON t.load=s.load AND t.id=s.tag "
	"LEFT JOIN job j ON j.boot_id=l.boot_id AND j.id=s.job "
	"GROUP BY 1, 2, 5, 6, 7, 8, 9 ORDER BY min(s.first), 1, 2, 5, 6, 7, 8, 9";

int em_ledger_usage(struct em_ledger *l, int64_t since, int64_t until,
		    int (*each)(const struct em_usage *, void *), void *arg)
{
	sqlite3_stmt *s;
	char boot[33];
	int r;

	if (l->n_members)
		return em_many_usage(l, since, until, each, arg);
	s = em_store_bind(l, usage_sql, "iii", since, until, l->horizon);

	while ((r = em_store_step(l, s)) > 0) {
		struct em_usage u = {
			.boot_id = sqlite3_column_bytes(s, 0) == 16
					   ? em_hex(boot, sqlite3_column_blob(s, 0), 16)
					   : "",
			.job = (uint64_t)sqlite3_column_int64(s, 1),
			.path = em_store_text(s, 2),
			.uid = (uint32_t)sqlite3_column_int64(s, 3),
			.gpu = em_store_text(s, 4),
			.purpose = (unsigned int)sqlite3_column_int64(s, 5),
			.tagged_by = (unsigned int)sqlite3_column_int64(s, 6),
			.project = em_store_text(s, 7),
			.ref = em_store_text(s, 8),
			.gpu_time = (uint64_t)sqlite3_column_int64(s, 9),
			.held = (uint64_t)sqlite3_column_int64(s, 10),
			.busy = (uint64_t)sqlite3_column_int64(s, 11),
			.first = sqlite3_column_int64(s, 12),
			.last = sqlite3_column_int64(s, 13),
		};

		r = each(&u, arg);
		if (r) {
			sqlite3_reset(s);
			return r;
		}
	}
	return r;
}

/* struct gap - a stretch of wall time that no interval covers */
struct gaps {
	struct gap {
		int64_t start, end;
	} * list;
	size_t n;
};

static int gap_add(struct gaps *gaps, int64_t start, int64_t end)
{
	struct gap *more = reallocarray(gaps->list, gaps->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	gaps->list = more;
	gaps->list[gaps->n++] = (struct gap){ start, end };
	return 0;
}

static int64_t period_of(struct em_ledger *l)
{
	_cleanup_free_ char *json = NULL;
	int64_t period = 0;

	if (!em_ledger_state_get(l, "period", &json) && json)
		period = strtoll(json, NULL, 10);
	return period > 0 ? period : DEFAULT_PERIOD;
}

static int gaps_find(struct em_ledger *l, int64_t since, int64_t until, struct gaps *gaps)
{
	int64_t now = em_time_now(), end = until < now ? until : now, last;
	sqlite3_stmt *s = em_store_bind(l,
					"SELECT wall_start - gap, wall_start FROM interval WHERE "
					"gap > 0 AND wall_start > ? AND wall_start - gap < ? AND "
					"id <= ?",
					"iii", since, until, l->horizon);
	int r;

	while ((r = em_store_step(l, s)) > 0) {
		r = gap_add(gaps, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1));
		if (r) {
			sqlite3_reset(s);
			return r;
		}
	}
	if (r)
		return r;
	/* what follows the last interval is still open, unless that is too long ago */
	s = em_store_bind(l, "SELECT wall_end FROM interval WHERE id <= ? ORDER BY id DESC LIMIT 1",
			  "i", l->horizon);
	r = em_store_step(l, s);
	if (r <= 0)
		return r;
	last = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return end - last > PERIODS_UNTIL_GAP * period_of(l) ? gap_add(gaps, last, end) : 0;
}

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/*
 * Recorded time in which a GPU was present and not spoken of: Σ of the intervals' length less
 * that of those which have a row of it. ?1-?3 the window, ?4 the GPU.
 */
static const char silent_sql[] =
	"SELECT p.since, p.retired, (SELECT coalesce(sum(i.end - i.start), 0) FROM interval i WHERE " WINDOW
	" AND i.wall_start >= p.since AND (p.retired = 0 OR i.wall_end <= p.retired) AND "
	"NOT EXISTS (SELECT 1 FROM gpu_usage u JOIN gpu_name n ON n.load=i.load_id AND n.id=u.gpu "
	"WHERE u.interval=i.id AND n.gpu=?4)) FROM presence p WHERE p.gpu=?4 ORDER BY p.since";

static int gap_of(struct em_ledger *l, int64_t since, int64_t until, const struct gaps *gaps,
		  struct em_gpu_usage *gpu)
{
	sqlite3_stmt *s =
		em_store_bind(l, silent_sql, "iiii", since, until, l->horizon, (int64_t)gpu->id);
	int r;

	while ((r = em_store_step(l, s)) > 0) {
		int64_t from = sqlite3_column_int64(s, 0), to = sqlite3_column_int64(s, 1);

		gpu->since = gpu->since ? gpu->since : from;
		gpu->retired = to;
		gpu->gap += (uint64_t)sqlite3_column_int64(s, 2);
		from = max64(from, since);
		to = to ? min64(to, until) : until;
		for (size_t i = 0; i < gaps->n; i++) {
			int64_t a = max64(from, gaps->list[i].start);
			int64_t b = min64(to, gaps->list[i].end);

			gpu->gap += b > a ? (uint64_t)(b - a) : 0;
		}
	}
	return r;
}

static const char gpu_sql[] =
	"SELECT g.id, g.name, g.model, g.uuid, g.weight, w.wall, w.idle, w.unobserved, "
	"w.unattributed, w.charged, w.blind, e.engines, e.busy, e.wall, e.blind_busy FROM gpu g "
	"LEFT JOIN (SELECT n.gpu, sum(u.wall) AS wall, sum(u.idle) AS idle, "
	"sum(u.unobserved) AS unobserved, sum(u.unattributed) AS unattributed, "
	"sum(u.charged) AS charged, "
	"max(u.blind & 1) + max(u.blind & 2) + max(u.blind & 4) + max(u.blind & 8) + "
	"max(u.blind & 16) + max(u.blind & 32) + max(u.blind & 64) + max(u.blind & 128) AS blind "
	"FROM interval i CROSS JOIN gpu_usage u ON u.interval=i.id "
	"JOIN gpu_name n ON n.load=i.load_id AND n.id=u.gpu WHERE " WINDOW
	" GROUP BY n.gpu) w ON w.gpu=g.id "
	"LEFT JOIN (SELECT gpu, max(engines) AS engines, sum(busy) AS busy, sum(wall) AS wall, "
	"sum(blind_busy) AS blind_busy FROM (SELECT n.gpu, "
	"count(DISTINCT e.engine) AS engines, sum(e.busy) AS busy, sum(u.wall) AS wall, "
	"sum(e.blind_busy) AS blind_busy "
	"FROM interval i CROSS JOIN engine_usage e ON e.interval=i.id "
	"JOIN gpu_usage u ON u.interval=i.id AND u.gpu=e.gpu "
	"JOIN gpu_name n ON n.load=i.load_id AND n.id=e.gpu WHERE " WINDOW
	" GROUP BY n.gpu, i.load_id) GROUP BY gpu) e ON e.gpu=g.id "
	"WHERE EXISTS (SELECT 1 FROM presence p WHERE p.gpu=g.id AND p.since <= ?2 AND "
	"(p.retired = 0 OR p.retired > ?1)) ORDER BY g.name";

_Static_assert(EARMARK_BLIND_BIT_COUNT <= 8, "gpu_sql gathers eight bits");

int em_ledger_gpus(struct em_ledger *l, int64_t since, int64_t until,
		   int (*each)(const struct em_gpu_usage *, void *), void *arg)
{
	_cleanup_free_ struct gap *list = NULL;
	struct gaps gaps = { 0 };
	sqlite3_stmt *s;
	int r;

	if (l->n_members)
		return em_many_gpus(l, since, until, each, arg);
	r = gaps_find(l, since, until, &gaps);
	list = gaps.list;
	if (r)
		return r == -ENOMEM ? em_store_fail(l, r, "out of memory") : r;
	s = em_store_bind(l, gpu_sql, "iii", since, until, l->horizon);
	while ((r = em_store_step(l, s)) > 0) {
		struct em_gpu_usage gpu = {
			.id = (uint32_t)sqlite3_column_int64(s, 0),
			.name = em_store_text(s, 1),
			.model = em_store_text(s, 2),
			.uuid = em_store_text(s, 3),
			.weight = (uint32_t)sqlite3_column_int64(s, 4),
			.wall = (uint64_t)sqlite3_column_int64(s, 5),
			.idle = (uint64_t)sqlite3_column_int64(s, 6),
			.unobserved = (uint64_t)sqlite3_column_int64(s, 7),
			.unattributed = (uint64_t)sqlite3_column_int64(s, 8),
			.charged = (uint64_t)sqlite3_column_int64(s, 9),
			.blind = (unsigned int)sqlite3_column_int64(s, 10),
			.engines = (uint32_t)sqlite3_column_int64(s, 11),
			.busy = (uint64_t)sqlite3_column_int64(s, 12),
			.engine_wall = (uint64_t)sqlite3_column_int64(s, 13),
			.blind_busy = (uint64_t)sqlite3_column_int64(s, 14),
		};

		r = gap_of(l, since, until, &gaps, &gpu);
		r = r ? r : each(&gpu, arg);
		if (r) {
			sqlite3_reset(s);
			return r;
		}
	}
	return r;
}
