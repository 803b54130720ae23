// SPDX-License-Identifier: GPL-2.0
/* Sums by purpose alone; see em_ledger_totals() in ledger.h. */
#include "ledger/store.h"

/*
 * A tag is of one load, and the grouping by it is over numbers of few different values. By GPU too:
 * SQL has 63 bits for a sum, which holds a GPU's time and not a fleet's.
 */
static const char totals_sql[] =
	"SELECT coalesce(t.purpose, 0), coalesce(t.tagged_by, 0), sum(s.gpu_time), sum(s.held), "
	"sum(s.busy), sum(s.busy_error), sum(s.allocated), max(s.class) FROM "
	"(SELECT load, gpu, tag, sum(gpu_time) AS gpu_time, sum(held) AS held, sum(busy) AS busy, "
	"sum(busy_error) AS busy_error, sum(allocated) AS allocated, max(class) AS class FROM "
	"(SELECT i.load_id AS load, u.gpu, u.tag, u.gpu_time, u.held, u.busy, u.busy_error, u.allocated, "
	"u.class FROM " EM_COVER_INTERVALS "CROSS JOIN usage u ON u.interval=i.id UNION ALL "
	"SELECT r.load, u.gpu, u.tag, u.gpu_time, u.held, u.busy, u.busy_error, u.allocated, u.class "
	"FROM " EM_COVER_ROLLS "CROSS JOIN roll_usage u ON u.roll=r.id) GROUP BY 1, 2, 3) s "
	"LEFT JOIN tag t ON t.load=s.load AND t.id=s.tag GROUP BY 1, 2, s.gpu";

static int totals_read(struct em_ledger *l, int64_t since, int64_t until, em_memo_fn each,
		       void *arg)
{
	struct em_cover cover;
	sqlite3_stmt *s;
	int r = em_cover_find(l, since, until, &cover);

	if (r)
		return r;
	s = em_cover_bind(l, totals_sql, &cover);
	while ((r = em_store_step(l, s)) > 0) {
		struct em_total t = {
			.purpose = (unsigned int)sqlite3_column_int64(s, 0),
			.tagged_by = (unsigned int)sqlite3_column_int64(s, 1),
			.gpu_time = (uint64_t)sqlite3_column_int64(s, 2),
			.held = (uint64_t)sqlite3_column_int64(s, 3),
			.busy = (uint64_t)sqlite3_column_int64(s, 4),
			.busy_error = (uint64_t)sqlite3_column_int64(s, 5),
			.allocated = (uint64_t)sqlite3_column_int64(s, 6),
			.busy_class = (unsigned int)sqlite3_column_int64(s, 7),
		};

		r = each(&t, arg);
		if (r) {
			sqlite3_reset(s);
			return r;
		}
	}
	return r;
}

/* struct asker - who asked */
struct asker {
	int (*each)(const struct em_total *, void *);
	void *arg;
};

static int answer(const void *row, void *arg)
{
	struct asker *a = arg;

	return a->each(row, a->arg);
}

int em_ledger_totals(struct em_ledger *l, int64_t since, int64_t until,
		     int (*each)(const struct em_total *, void *), void *arg)
{
	static const struct em_memo_ask ask = { .kind = EM_MEMO_TOTALS,
						.read = totals_read,
						.size = sizeof(struct em_total) };
	struct asker asker = { each, arg };

	if (l->n_members)
		return em_many_totals(l, since, until, each, arg);
	return em_memo_ask(l, &ask, since, until, answer, &asker);
}
