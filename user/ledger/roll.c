// SPDX-License-Identifier: GPL-2.0
/* Sums by hour and by day, kept as entries are applied; what they are: schema.h. */
#include "ledger/schema.h"
#include "ledger/store.h"

/* The rolls of interval ?1: none, its day's, or its hour's and its day's. */
#define ROLLS_OF "interval i CROSS JOIN roll r ON r.id IN (i.hour, i.day)"

/* The roll of @width in which the interval lies whole; 0 = there is none. */
static int roll_of(struct em_ledger *l, int64_t width, int64_t load, int64_t wall_start,
		   int64_t wall_end, int64_t *roll)
{
	int64_t start = wall_start - wall_start % width;
	sqlite3_stmt *s;
	int r;

	*roll = 0;
	/* instants before 1970 or at the end of all are nobody's: they need no roll-up */
	if (wall_start < 0 || start > INT64_MAX - width || wall_end < start ||
	    wall_end > start + width)
		return 0;
	r = em_store_run(l, "INSERT OR IGNORE INTO roll(width, start, load) VALUES(?,?,?)", "iii",
			 width, start, load);
	if (r)
		return r;
	s = em_store_bind(l, "SELECT id FROM roll WHERE width=? AND start=? AND load=?", "iii",
			  width, start, load);
	r = em_store_step(l, s);
	if (r <= 0)
		return r;
	*roll = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return 0;
}

int em_roll_open(struct em_ledger *l, int64_t load, int64_t wall_start, int64_t wall_end,
		 int64_t *hour, int64_t *day)
{
	int r = roll_of(l, EM_ROLL_HOUR, load, wall_start, wall_end, hour);

	return r ? r : roll_of(l, EM_ROLL_DAY, load, wall_start, wall_end, day);
}

int em_roll_interval(struct em_ledger *l, int64_t interval)
{
	return em_store_run(
		l,
		"UPDATE roll SET last=max(last, i.id), "
		"first_start=min(coalesce(first_start, i.wall_start), i.wall_start), "
		"last_end=max(coalesce(last_end, i.wall_end), i.wall_end), "
		"intervals=intervals+1, stretched=stretched+(i.flags & 1), sampled=sampled+(i.flags >> 3 & 1), "
		"broken=roll.broken+i.broken, recorders=recorders | (1 << i.recorder) "
		"FROM interval i WHERE i.id=?1 AND roll.id IN (i.hour, i.day)",
		"i", interval);
}

int em_roll_lost(struct em_ledger *l, int64_t interval, unsigned int counter, int64_t events)
{
	return em_store_run(l,
			    "INSERT INTO roll_lost SELECT r.id, ?2, ?3 FROM " ROLLS_OF
			    " WHERE i.id=?1 ON CONFLICT DO UPDATE SET "
			    "events=events+excluded.events",
			    "iui", interval, counter, events);
}

static int add_usage(struct em_ledger *l, int64_t interval, unsigned int from, unsigned int to)
{
	return em_store_run(
		l,
		"INSERT INTO roll_usage SELECT r.id, u.gpu, u.job, u.tag, sum(u.gpu_time), "
		"sum(u.held), sum(u.busy), i.wall_start, i.wall_end, max(u.class), "
		"sum(u.busy_error), sum(u.allocated) FROM " ROLLS_OF
		" CROSS JOIN usage u ON u.interval=i.id AND u.row >= ?2 AND u.row < ?3 "
		"WHERE i.id=?1 GROUP BY 1, 2, 3, 4 ON CONFLICT DO UPDATE SET "
		"gpu_time=gpu_time+excluded.gpu_time, held=held+excluded.held, "
		"busy=busy+excluded.busy, first=min(first, excluded.first), "
		"last=max(last, excluded.last), class=max(class, excluded.class), "
		"busy_error=busy_error+excluded.busy_error, "
		"allocated=allocated+excluded.allocated",
		"iuu", interval, from, to);
}

static int add_gpus(struct em_ledger *l, int64_t interval, unsigned int from, unsigned int to)
{
	return em_store_run(
		l,
		"INSERT INTO roll_gpu SELECT r.id, u.gpu, " EM_BITS(
			"u.blind") ", sum(u.wall), "
				   "sum(u.idle), sum(u.unobserved), sum(u.unattributed), sum(u.charged) FROM " ROLLS_OF
				   " CROSS JOIN gpu_usage u ON u.interval=i.id AND u.row >= ?2 AND u.row < ?3 "
				   "WHERE i.id=?1 GROUP BY 1, 2 ON CONFLICT DO UPDATE SET "
				   "blind=blind | excluded.blind, wall=wall+excluded.wall, idle=idle+excluded.idle, "
				   "unobserved=unobserved+excluded.unobserved, "
				   "unattributed=unattributed+excluded.unattributed, "
				   "charged=charged+excluded.charged",
		"iuu", interval, from, to);
}

/* An engine's wall time is its GPU's, whose row may be in another part: either may be the new one.
 */
static int add_engines(struct em_ledger *l, int64_t interval, unsigned int from, unsigned int to)
{
	return em_store_run(
		l,
		"INSERT INTO roll_engine SELECT r.id, e.gpu, e.engine, sum(e.busy), sum(u.wall), "
		"sum(e.blind_busy) FROM " ROLLS_OF
		" CROSS JOIN engine_usage e ON e.interval=i.id CROSS JOIN gpu_usage u ON "
		"u.interval=i.id AND u.gpu=e.gpu WHERE i.id=?1 AND ((e.row >= ?2 AND e.row < ?3) "
		"OR (u.row >= ?2 AND u.row < ?3)) GROUP BY 1, 2, 3 ON CONFLICT DO UPDATE SET "
		"busy=busy+excluded.busy, wall=wall+excluded.wall, "
		"blind_busy=blind_busy+excluded.blind_busy",
		"iuu", interval, from, to);
}

/* --- which GPUs were spoken of ------------------------------------------------------------ */

/* The set of the interval's GPUs, as far as its parts have come. */
static int spoken_of(struct em_ledger *l, int64_t interval)
{
	int r = em_store_run(l,
			     "INSERT OR IGNORE INTO spoken(gpus) SELECT "
			     "coalesce(group_concat(gpu), '') FROM (SELECT DISTINCT gpu FROM "
			     "gpu_usage WHERE interval=?1 ORDER BY gpu)",
			     "i", interval);

	if (r || !sqlite3_changes(l->db))
		return r;
	return em_store_run(l,
			    "INSERT OR IGNORE INTO spoken_gpu SELECT ?2, gpu FROM gpu_usage WHERE "
			    "interval=?1",
			    "ii", interval, (int64_t)sqlite3_last_insert_rowid(l->db));
}

static int spoken_add(struct em_ledger *l, int64_t interval, int64_t sign)
{
	return em_store_run(l,
			    "INSERT INTO roll_spoken SELECT r.id, i.spoken, ?2 * (i.end - "
			    "i.start) FROM " ROLLS_OF " WHERE i.id=?1 AND i.spoken NOT NULL "
			    "ON CONFLICT DO UPDATE SET length=length+excluded.length",
			    "ii", interval, sign);
}

static int speak(struct em_ledger *l, int64_t interval)
{
	int r = spoken_of(l, interval);

	r = r ? r : spoken_add(l, interval, -1);
	if (!r)
		r = em_store_run(l,
				 "UPDATE interval SET spoken=(SELECT id FROM spoken WHERE gpus="
				 "(SELECT coalesce(group_concat(gpu), '') FROM (SELECT DISTINCT "
				 "gpu FROM gpu_usage WHERE interval=?1 ORDER BY gpu))) WHERE id=?1",
				 "i", interval);
	return r ? r : spoken_add(l, interval, 1);
}

int em_roll_rows(struct em_ledger *l, int64_t interval, unsigned int from, unsigned int to)
{
	int r = add_usage(l, interval, from, to);

	r = r ? r : add_gpus(l, interval, from, to);
	r = r ? r : add_engines(l, interval, from, to);
	return r ? r : speak(l, interval);
}
