// SPDX-License-Identifier: GPL-2.0
/* Sums over the intervals that lie whole inside a window; see ledger.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "ledger/store.h"

static const char span_sql[] =
	"SELECT coalesce(sum(intervals), 0), min(first), max(last), coalesce(sum(stretched), 0), "
	"coalesce(sum(broken), 0), " EM_BITS(
		"recorders") ", coalesce(sum(sampled), 0) FROM (SELECT 1 AS intervals, "
			     "i.wall_start AS first, i.wall_end AS last, i.flags & 1 AS stretched, i.broken, "
			     "i.flags >> 3 & 1 AS sampled, "
			     "1 << i.recorder AS recorders FROM " EM_COVER_INTERVALS
			     "UNION ALL SELECT r.intervals, r.first_start, r.last_end, r.stretched, r.broken, r.sampled, "
			     "r.recorders FROM " EM_COVER_ROLLS ")";

static const char lost_sql[] =
	"SELECT counter, sum(events) FROM (SELECT o.counter, o.events FROM " EM_COVER_INTERVALS
	"CROSS JOIN lost o ON o.interval=i.id UNION ALL SELECT o.counter, o.events "
	"FROM " EM_COVER_ROLLS "CROSS JOIN roll_lost o ON o.roll=r.id) GROUP BY counter";

static int span_read(struct em_ledger *l, int64_t since, int64_t until, em_memo_fn each, void *arg)
{
	struct em_cover cover;
	struct em_span span;
	sqlite3_stmt *s;
	int r = em_cover_find(l, since, until, &cover);

	if (r)
		return r;
	s = em_cover_bind(l, span_sql, &cover);
	r = em_store_step(l, s);
	if (r < 0)
		return r;
	span = (struct em_span){
		.intervals = (uint64_t)sqlite3_column_int64(s, 0),
		.start = sqlite3_column_int64(s, 1),
		.end = sqlite3_column_int64(s, 2),
		.stretched = (uint64_t)sqlite3_column_int64(s, 3),
		.broken = (uint64_t)sqlite3_column_int64(s, 4),
		.recorders = (unsigned int)sqlite3_column_int64(s, 5),
		.sampled = (uint64_t)sqlite3_column_int64(s, 6), /* EARMARK_INTERVAL_SAMPLED */
	};
	sqlite3_reset(s);
	s = em_cover_bind(l, lost_sql, &cover);
	while ((r = em_store_step(l, s)) > 0) {
		int64_t counter = sqlite3_column_int64(s, 0);

		if (counter >= 0 && counter < (int64_t)ARRAY_SIZE(span.lost))
			span.lost[counter] = (uint64_t)sqlite3_column_int64(s, 1);
	}
	return r ? r : each(&span, arg);
}

static int span_take(const void *row, void *arg)
{
	memcpy(arg, row, sizeof(struct em_span));
	return 0;
}

int em_ledger_span(struct em_ledger *l, int64_t since, int64_t until, struct em_span *span)
{
	static const struct em_memo_ask ask = { .kind = EM_MEMO_SPAN,
						.read = span_read,
						.size = sizeof(*span) };

	if (l->n_members)
		return em_many_span(l, since, until, span);
	return em_memo_ask(l, &ask, since, until, span_take, span);
}

void em_ledger_hold(struct em_ledger *l)
{
	for (unsigned int i = 0; i < l->n_members; i++)
		em_ledger_hold(l->members[i]);
	if (l->db && sqlite3_get_autocommit(l->db))
		l->held = !em_store_run(l, "BEGIN", "");
}

void em_ledger_release(struct em_ledger *l)
{
	for (unsigned int i = 0; i < l->n_members; i++)
		em_ledger_release(l->members[i]);
	if (l->held)
		em_store_run(l, "COMMIT", "");
	l->held = false;
}

/* The grouping inside is by numbers alone: names are joined to the few rows that remain. */
#define NAMED(rows)                                                                            \
	"SELECT l.boot_id, s.job, j.path, coalesce(j.uid, 4294967295), "                       \
	"coalesce(g.name, '?'), coalesce(t.purpose, 0), coalesce(t.tagged_by, 0), t.project, " \
	"t.ref, sum(s.gpu_time), sum(s.held), sum(s.busy), min(s.first), max(s.last), "        \
	"max(s.class), sum(s.busy_error), sum(s.allocated), "                                  \
	"max(j.id IS NULL OR g.id IS NULL OR (s.tag != 0 AND t.id IS NULL)) FROM "             \
	"(SELECT load, gpu, job, tag, sum(gpu_time) AS gpu_time, sum(held) AS held, "          \
	"sum(busy) AS busy, min(first) AS first, max(last) AS last, max(class) AS class, "     \
	"sum(busy_error) AS busy_error, sum(allocated) AS allocated FROM (" rows               \
	") GROUP BY 1, 2, 3, 4) s JOIN load l ON l.id=s.load "                                 \
	"LEFT JOIN gpu_name n ON n.load=s.load AND n.id=s.gpu LEFT JOIN gpu g ON g.id=n.gpu "  \
	"LEFT JOIN tag t ON t.load=s.load AND t.id=s.tag "                                     \
	"LEFT JOIN job j ON j.boot_id=l.boot_id AND j.id=s.job "                               \
	"GROUP BY 1, 2, 5, 6, 7, 8, 9 ORDER BY min(s.first), 1, 2, 5, 6, 7, 8, 9"

#define ROWS_OF(intervals)                                                                              \
	"SELECT i.load_id AS load, u.gpu, u.job, u.tag, u.gpu_time, u.held, u.busy, "                   \
	"i.wall_start AS first, i.wall_end AS last, u.class, u.busy_error, u.allocated FROM " intervals \
	"CROSS JOIN usage u ON u.interval=i.id "

static const char usage_sql[] = NAMED(ROWS_OF(
	EM_COVER_INTERVALS) "UNION ALL SELECT r.load, u.gpu, u.job, u.tag, "
			    "u.gpu_time, u.held, u.busy, u.first, u.last, u.class, u.busy_error, u.allocated FROM " EM_COVER_ROLLS
			    "CROSS JOIN roll_usage u ON u.roll=r.id");

/*
 * What begins before the hours or after them; and what begins in them and ends outside, which is in
 * no roll-up of an hour.
 */
#define EDGES                                                                                      \
	"(SELECT 0 AS whole, ?1 AS a, ?4-1 AS b UNION ALL VALUES(1,?1,?4-1),(2,?1,?4-1),"          \
	"(0,?5,?2),(1,?5,?2),(2,?5,?2),(0,?4,?5-1),(1,?4,?5-1)) w CROSS JOIN interval i ON "       \
	"i.whole=w.whole AND i.wall_start BETWEEN w.a AND w.b AND i.wall_end BETWEEN ?1 AND ?2 "   \
	"AND i.id <= ?3 AND (i.wall_start NOT BETWEEN ?4 AND ?5 OR i.wall_end NOT BETWEEN ?4 AND " \
	"?5) "

static const char edges_sql[] = NAMED(ROWS_OF(EDGES));

static int usage_rows(struct em_ledger *l, sqlite3_stmt *s, em_memo_fn each, void *arg)
{
	char boot[33];
	int r;

	l->unnamed = false;
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
			.busy_class = (unsigned int)sqlite3_column_int64(s, 14),
			.busy_error = (uint64_t)sqlite3_column_int64(s, 15),
			.allocated = (uint64_t)sqlite3_column_int64(s, 16),
		};

		l->unnamed |= sqlite3_column_int64(s, 17) != 0;
		r = each(&u, arg);
		if (r) {
			sqlite3_reset(s);
			return r;
		}
	}
	return r;
}

int em_usage_read(struct em_ledger *l, int64_t since, int64_t until, em_memo_fn each, void *arg)
{
	struct em_cover cover;
	int r = em_cover_find(l, since, until, &cover);

	return r ? r : usage_rows(l, em_cover_bind(l, usage_sql, &cover), each, arg);
}

int em_usage_edges(struct em_ledger *l, const struct em_cover *c, em_memo_fn each, void *arg)
{
	return usage_rows(l,
			  em_store_bind(l, edges_sql, "iiiii", c->since, c->until, l->horizon,
					c->hours, c->hours_end),
			  each, arg);
}

/* struct asker - who asked */
struct asker {
	int (*each)(const struct em_usage *, void *);
	void *arg;
};

static int answer(const void *row, void *arg)
{
	struct asker *a = arg;

	return a->each(row, a->arg);
}

static const size_t texts[] = { offsetof(struct em_usage, boot_id), offsetof(struct em_usage, path),
				offsetof(struct em_usage, gpu), offsetof(struct em_usage, project),
				offsetof(struct em_usage, ref) };

const struct em_memo_ask em_usage_core = { EM_MEMO_CORE, em_usage_read, sizeof(struct em_usage),
					   texts, ARRAY_SIZE(texts) };

int em_ledger_usage(struct em_ledger *l, int64_t since, int64_t until,
		    int (*each)(const struct em_usage *, void *), void *arg)
{
	static const struct em_memo_ask ask = { EM_MEMO_USAGE, em_moving_read,
						sizeof(struct em_usage), texts, ARRAY_SIZE(texts) };
	struct asker asker = { each, arg };

	if (l->n_members)
		return em_many_usage(l, since, until, each, arg);
	return em_memo_ask(l, &ask, since, until, answer, &asker);
}
