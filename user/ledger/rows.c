// SPDX-License-Identifier: GPL-2.0
/* Single rows, in the order of the log; see ledger.h. */
#include <errno.h>

#include "ledger/store.h"

int em_ledger_rows(struct em_ledger *l, int64_t since, int64_t until,
		   int (*each)(const struct em_ledger_row *, void *), void *arg)
{
	sqlite3_stmt *s;
	int r;

	if (l->n_members)
		return em_many_rows(l, since, until, each, arg);
	s = em_store_bind(l,
			  "SELECT i.entry, i.wall_start, i.wall_end, u.job, g.name, j.path, "
			  "t.project, t.ref, coalesce(t.purpose, 0), coalesce(t.tagged_by, 0), "
			  "u.gpu_time FROM interval i CROSS JOIN usage u ON u.interval=i.id "
			  "JOIN load o ON o.id=i.load_id "
			  "LEFT JOIN gpu_name n ON n.load=i.load_id AND n.id=u.gpu "
			  "LEFT JOIN gpu g ON g.id=n.gpu "
			  "LEFT JOIN tag t ON t.load=i.load_id AND t.id=u.tag "
			  "LEFT JOIN job j ON j.boot_id=o.boot_id AND j.id=u.job "
			  "WHERE i.wall_start >= ? AND i.wall_end <= ? AND i.id <= ? "
			  "ORDER BY i.id, u.row",
			  "iii", since, until, l->horizon);
	while ((r = em_store_step(l, s)) > 0) {
		struct em_ledger_row row = {
			.entry = (uint64_t)sqlite3_column_int64(s, 0),
			.start = sqlite3_column_int64(s, 1),
			.end = sqlite3_column_int64(s, 2),
			.job = (uint64_t)sqlite3_column_int64(s, 3),
			.gpu = em_store_text(s, 4),
			.path = em_store_text(s, 5),
			.project = em_store_text(s, 6),
			.ref = em_store_text(s, 7),
			.purpose = (unsigned int)sqlite3_column_int64(s, 8),
			.tagged_by = (unsigned int)sqlite3_column_int64(s, 9),
			.gpu_time = (uint64_t)sqlite3_column_int64(s, 10),
		};

		r = each(&row, arg);
		if (r) {
			sqlite3_reset(s);
			return r;
		}
	}
	return r;
}
