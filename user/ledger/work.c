// SPDX-License-Identifier: GPL-2.0
/* What jobs did on GPUs, entry by entry, for what is metered beside it; see ledger.h. */
#include "base/text.h"
#include "ledger/store.h"

/*
 * Entries that overlap a window: those that are whole in an hour or a day cannot begin longer than
 * a day before it. CROSS JOIN keeps SQLite to that order, by interval_wall.
 */
#define OVERLAPPING                                                                            \
	"(SELECT 0 AS whole, -9223372036854775807 AS a UNION ALL VALUES(1,?1-86400000000000)," \
	"(2,?1-86400000000000)) v CROSS JOIN interval i ON i.whole=v.whole AND i.wall_start "  \
	"BETWEEN v.a AND ?2-1 AND i.wall_end > ?1 AND i.id <= ?3 CROSS JOIN "

#define NAMED                                                                                    \
	"JOIN load o ON o.id=i.load_id LEFT JOIN gpu_name n ON n.load=i.load_id AND n.id=u.gpu " \
	"LEFT JOIN gpu g ON g.id=n.gpu "

static const char work_sql[] =
	"SELECT i.wall_start, i.wall_end, o.boot_id, u.gpu, g.name, u.job, j.path, "
	"coalesce(t.purpose, 0), u.gpu_time, u.busy FROM " OVERLAPPING
	"usage u ON u.interval=i.id " NAMED "LEFT JOIN tag t ON t.load=i.load_id AND t.id=u.tag "
	"LEFT JOIN job j ON j.boot_id=o.boot_id AND j.id=u.job UNION ALL "
	"SELECT i.wall_start, i.wall_end, o.boot_id, u.gpu, g.name, 0, NULL, ?4, 0, "
	"u.unattributed FROM " OVERLAPPING "gpu_usage u ON u.interval=i.id " NAMED;

int em_ledger_work(struct em_ledger *l, int64_t since, int64_t until,
		   int (*each)(const struct em_work_row *, void *), void *arg)
{
	sqlite3_stmt *s;
	char boot[33];
	int r;

	if (l->n_members)
		return em_many_work(l, since, until, each, arg);
	s = em_store_bind(l, work_sql, "iiiu", since, until, l->horizon, EARMARK_PURPOSE_COUNT);
	while ((r = em_store_step(l, s)) > 0) {
		struct em_work_row row = {
			.start = sqlite3_column_int64(s, 0),
			.end = sqlite3_column_int64(s, 1),
			.boot_id = sqlite3_column_bytes(s, 2) == 16
					   ? em_hex(boot, sqlite3_column_blob(s, 2), 16)
					   : "",
			.gpu_id = (uint32_t)sqlite3_column_int64(s, 3),
			.gpu = em_store_text(s, 4) ?: "?",
			.job = (uint64_t)sqlite3_column_int64(s, 5),
			.path = em_store_text(s, 6),
			.purpose = (unsigned int)sqlite3_column_int64(s, 7),
			.gpu_time = (uint64_t)sqlite3_column_int64(s, 8),
			.busy = (uint64_t)sqlite3_column_int64(s, 9),
		};

		r = each(&row, arg);
		if (r) {
			sqlite3_reset(s);
			return r;
		}
	}
	return r;
}
