// SPDX-License-Identifier: GPL-2.0
/* Sums of each GPU, and the time in which nothing is known of it; see ledger.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "ledger/store.h"

#define PERIODS_UNTIL_GAP 3
#define DEFAULT_PERIOD (10 * EM_NS_PER_S)

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
 * Recorded time in which a GPU is not spoken of: the length of the intervals less that of those
 * which have a row of it.
 */
#define LENGTHS                                                                                   \
	"SELECT load, spoken, sum(length) AS length FROM "                                        \
	"(SELECT i.load_id AS load, i.spoken, i.end - i.start AS length FROM " EM_COVER_INTERVALS \
	"UNION ALL SELECT r.load, s.spoken, s.length FROM " EM_COVER_ROLLS                        \
	"CROSS JOIN roll_spoken s ON s.roll=r.id) GROUP BY 1, 2"
#define UNSPOKEN                                                                                  \
	"NOT EXISTS (SELECT 1 FROM spoken_gpu u JOIN gpu_name n ON n.load=x.load AND n.id=u.gpu " \
	"WHERE u.spoken=x.spoken AND n.gpu="

static const char silent_sql[] =
	"SELECT coalesce(sum(x.length), 0) FROM (" LENGTHS ") x WHERE " UNSPOKEN "?8)";

static const char all_silent_sql[] =
	"WITH x AS MATERIALIZED (" LENGTHS ") SELECT g.id, sum(x.length) FROM gpu g CROSS JOIN x "
	"WHERE " UNSPOKEN "g.id) GROUP BY 1 ORDER BY 1";

/* struct silence - of the GPUs that were not spoken of at times, in order of @gpu */
struct silences {
	struct silence {
		int64_t gpu;
		uint64_t time;
	} * list;
	size_t n;
};

/* In the whole window: of all GPUs at once, since most were there all the time. */
static int all_silent(struct em_ledger *l, const struct em_cover *c, struct silences *all)
{
	sqlite3_stmt *s = em_cover_bind(l, all_silent_sql, c);
	int r;

	while ((r = em_store_step(l, s)) > 0) {
		struct silence *more = reallocarray(all->list, all->n + 1, sizeof(*more));

		if (!more) {
			sqlite3_reset(s);
			return -ENOMEM;
		}
		all->list = more;
		all->list[all->n++] = (struct silence){ sqlite3_column_int64(s, 0),
							(uint64_t)sqlite3_column_int64(s, 1) };
	}
	return r;
}

static int by_gpu(const void *gpu, const void *silence)
{
	int64_t a = *(const int64_t *)gpu, b = ((const struct silence *)silence)->gpu;

	return a < b ? -1 : a > b;
}

static uint64_t silence_of(const struct silences *all, int64_t gpu)
{
	const struct silence *s =
		all->n ? bsearch(&gpu, all->list, all->n, sizeof(*s), by_gpu) : NULL;

	return s ? s->time : 0;
}

/* While it was there, which is a window of its own. */
static int silent_in(struct em_ledger *l, int64_t since, int64_t until, int64_t gpu, uint64_t *time)
{
	struct em_cover c;
	sqlite3_stmt *s;
	int r = em_cover_find(l, since, until, &c);

	if (r)
		return r;
	s = em_store_bind(l, silent_sql, "iiiiiiii", c.since, c.until, l->horizon, c.hours, c.days,
			  c.days_end, c.hours_end, gpu);
	r = em_store_step(l, s);
	if (r <= 0)
		return r;
	*time += (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return 0;
}

static uint64_t gaps_in(const struct gaps *gaps, int64_t from, int64_t to)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < gaps->n; i++) {
		int64_t a = max64(from, gaps->list[i].start);
		int64_t b = min64(to, gaps->list[i].end);

		sum += b > a ? (uint64_t)(b - a) : 0;
	}
	return sum;
}

static int gap_of(struct em_ledger *l, int64_t since, int64_t until, const struct gaps *gaps,
		  const struct silences *silent, struct em_gpu_usage *gpu)
{
	sqlite3_stmt *s =
		em_store_bind(l, "SELECT since, retired FROM presence WHERE gpu=? ORDER BY since",
			      "i", (int64_t)gpu->id);
	int r;

	while ((r = em_store_step(l, s)) > 0) {
		int64_t from = sqlite3_column_int64(s, 0), to = sqlite3_column_int64(s, 1);

		gpu->since = gpu->since ? gpu->since : from;
		gpu->retired = to;
		from = max64(from, since);
		to = to ? min64(to, until) : until;
		gpu->gap += gaps_in(gaps, from, to);
		if (from == since && to == until)
			gpu->gap += silence_of(silent, (int64_t)gpu->id);
		else
			r = silent_in(l, from, to, (int64_t)gpu->id, &gpu->gap);
		if (r < 0) {
			sqlite3_reset(s);
			return r;
		}
	}
	return r;
}

/* Engines count by load: another load may number them anew. */
static const char gpu_sql[] =
	"SELECT g.id, g.name, g.model, g.uuid, g.weight, w.wall, w.idle, w.unobserved, "
	"w.unattributed, w.charged, w.blind, e.engines, e.busy, e.wall, e.blind_busy FROM gpu g "
	"LEFT JOIN (SELECT n.gpu, sum(x.wall) AS wall, sum(x.idle) AS idle, "
	"sum(x.unobserved) AS unobserved, sum(x.unattributed) AS unattributed, "
	"sum(x.charged) AS charged, " EM_BITS(
		"x.blind") " AS blind FROM "
			   "(SELECT i.load_id AS load, u.gpu, u.wall, u.idle, u.unobserved, u.unattributed, "
			   "u.charged, u.blind FROM " EM_COVER_INTERVALS
			   "CROSS JOIN gpu_usage u ON u.interval=i.id "
			   "UNION ALL SELECT r.load, u.gpu, u.wall, u.idle, u.unobserved, u.unattributed, "
			   "u.charged, u.blind FROM " EM_COVER_ROLLS
			   "CROSS JOIN roll_gpu u ON u.roll=r.id) x "
			   "JOIN gpu_name n ON n.load=x.load AND n.id=x.gpu GROUP BY n.gpu) w ON w.gpu=g.id "
			   "LEFT JOIN (SELECT gpu, max(engines) AS engines, sum(busy) AS busy, sum(wall) AS wall, "
			   "sum(blind_busy) AS blind_busy FROM (SELECT n.gpu, "
			   "count(DISTINCT x.engine) AS engines, sum(x.busy) AS busy, sum(x.wall) AS wall, "
			   "sum(x.blind_busy) AS blind_busy FROM (SELECT i.load_id AS load, e.gpu, e.engine, e.busy, "
			   "u.wall, e.blind_busy FROM " EM_COVER_INTERVALS
			   "CROSS JOIN engine_usage e ON e.interval=i.id CROSS JOIN gpu_usage u ON "
			   "u.interval=i.id AND u.gpu=e.gpu UNION ALL SELECT r.load, e.gpu, e.engine, e.busy, "
			   "e.wall, e.blind_busy FROM " EM_COVER_ROLLS
			   "CROSS JOIN roll_engine e ON e.roll=r.id) x "
			   "JOIN gpu_name n ON n.load=x.load AND n.id=x.gpu GROUP BY n.gpu, x.load) GROUP BY gpu) e "
			   "ON e.gpu=g.id WHERE EXISTS (SELECT 1 FROM presence p WHERE p.gpu=g.id AND p.since <= ?2 "
			   "AND (p.retired = 0 OR p.retired > ?1)) ORDER BY g.name";

_Static_assert(EARMARK_BLIND_BIT_COUNT <= 8, "EM_BITS gathers eight");

static int gpus_read(struct em_ledger *l, int64_t since, int64_t until, em_memo_fn each, void *arg)
{
	_cleanup_free_ struct silence *times = NULL;
	_cleanup_free_ struct gap *list = NULL;
	struct silences silent = { 0 };
	struct gaps gaps = { 0 };
	struct em_cover cover;
	sqlite3_stmt *s;
	int r;

	r = gaps_find(l, since, until, &gaps);
	list = gaps.list;
	r = r ? r : em_cover_find(l, since, until, &cover);
	r = r ? r : all_silent(l, &cover, &silent);
	times = silent.list;
	if (r)
		return r == -ENOMEM ? em_store_fail(l, r, "out of memory") : r;
	s = em_cover_bind(l, gpu_sql, &cover);
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

		r = gap_of(l, since, until, &gaps, &silent, &gpu);
		r = r ? r : each(&gpu, arg);
		if (r) {
			sqlite3_reset(s);
			return r;
		}
	}
	return r;
}

/* struct asker - who asked */
struct asker {
	int (*each)(const struct em_gpu_usage *, void *);
	void *arg;
};

static int answer(const void *row, void *arg)
{
	struct asker *a = arg;

	return a->each(row, a->arg);
}

int em_ledger_gpus(struct em_ledger *l, int64_t since, int64_t until,
		   int (*each)(const struct em_gpu_usage *, void *), void *arg)
{
	static const size_t texts[] = { offsetof(struct em_gpu_usage, name),
					offsetof(struct em_gpu_usage, model),
					offsetof(struct em_gpu_usage, uuid) };
	static const struct em_memo_ask ask = { EM_MEMO_GPU, gpus_read, sizeof(struct em_gpu_usage),
						texts, ARRAY_SIZE(texts) };
	struct asker asker = { each, arg };

	if (l->n_members)
		return em_many_gpus(l, since, until, each, arg);
	return em_memo_ask(l, &ask, since, until, answer, &asker);
}
