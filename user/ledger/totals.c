// SPDX-License-Identifier: GPL-2.0
/* Sums by purpose alone; see em_ledger_totals() in ledger.h. */
#include "ledger/store.h"

/* Rows as they come: to sort them by what they are would cost more than to add them up here. */
static const char totals_sql[] =
	"SELECT t.purpose, t.tagged_by, s.gpu_time, s.held, s.busy, s.busy_error, s.allocated, "
	"s.class FROM (SELECT i.load_id AS load, u.tag, u.gpu_time, u.held, u.busy, u.busy_error, "
	"u.allocated, u.class FROM " EM_COVER_INTERVALS
	"CROSS JOIN usage u ON u.interval=i.id UNION ALL SELECT r.load, u.tag, u.gpu_time, u.held, "
	"u.busy, u.busy_error, u.allocated, u.class FROM " EM_COVER_ROLLS
	"CROSS JOIN roll_usage u ON u.roll=r.id) s "
	"LEFT JOIN tag t ON t.load=s.load AND t.id=s.tag";

#define MOST (1ULL << 62) /* of one sum: what comes to more is told in several */

/* struct sums - by purpose and tagged-by; @some: there is something in it */
struct sums {
	struct em_total list[EARMARK_PURPOSE_COUNT][EARMARK_TAGGED_BY_COUNT];
	bool some[EARMARK_PURPOSE_COUNT][EARMARK_TAGGED_BY_COUNT];
};

static bool full(const struct em_total *t)
{
	return t->gpu_time > MOST || t->held > MOST || t->busy > MOST || t->busy_error > MOST ||
	       t->allocated > MOST;
}

/* One row, which is below 2^63; told at once is what a sum could not take with it. */
static int add_row(struct sums *sums, sqlite3_stmt *s, em_memo_fn each, void *arg)
{
	unsigned int p = (unsigned int)sqlite3_column_int64(s, 0);
	unsigned int by = (unsigned int)sqlite3_column_int64(s, 1);
	unsigned int class = (unsigned int)sqlite3_column_int64(s, 7);
	struct em_total *t;
	int r = 0;

	p = p < EARMARK_PURPOSE_COUNT ? p : 0;
	by = by < EARMARK_TAGGED_BY_COUNT ? by : 0;
	t = &sums->list[p][by];
	if (full(t)) {
		r = each(t, arg);
		*t = (struct em_total){ 0 };
	}
	sums->some[p][by] = true;
	t->purpose = p;
	t->tagged_by = by;
	t->gpu_time += (uint64_t)sqlite3_column_int64(s, 2);
	t->held += (uint64_t)sqlite3_column_int64(s, 3);
	t->busy += (uint64_t)sqlite3_column_int64(s, 4);
	t->busy_error += (uint64_t)sqlite3_column_int64(s, 5);
	t->allocated += (uint64_t)sqlite3_column_int64(s, 6);
	t->busy_class = class > t->busy_class ? class : t->busy_class;
	return r;
}

static int tell(const struct sums *sums, em_memo_fn each, void *arg)
{
	int r = 0;

	for (unsigned int p = 0; p < EARMARK_PURPOSE_COUNT; p++) {
		for (unsigned int by = 0; !r && by < EARMARK_TAGGED_BY_COUNT; by++)
			r = sums->some[p][by] ? each(&sums->list[p][by], arg) : 0;
	}
	return r;
}

static int totals_read(struct em_ledger *l, int64_t since, int64_t until, em_memo_fn each,
		       void *arg)
{
	struct sums sums = { 0 };
	struct em_cover cover;
	sqlite3_stmt *s;
	int r = em_cover_find(l, since, until, &cover);

	if (r)
		return r;
	s = em_cover_bind(l, totals_sql, &cover);
	while ((r = em_store_step(l, s)) > 0) {
		r = add_row(&sums, s, each, arg);
		if (r) {
			sqlite3_reset(s);
			return r;
		}
	}
	return r ? r : tell(&sums, each, arg);
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
