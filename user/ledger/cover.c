// SPDX-License-Identifier: GPL-2.0
/* How a window is put together from roll-ups and rows; see schema.h. */
#include "ledger/schema.h"
#include "ledger/store.h"

/* The first multiple of @width at or after @t; @t itself where there is none. */
static int64_t up(int64_t t, int64_t width)
{
	int64_t over = t % width;

	if (over <= 0)
		return t - over;
	return t > INT64_MAX - width ? t : t - over + width;
}

static int64_t down(int64_t t, int64_t width)
{
	int64_t over = t % width;

	if (over >= 0)
		return t - over;
	return t < INT64_MIN + width ? t : t - over - width;
}

/* The first or, @last, the last roll-up between that holds what is beyond the horizon; -1 = none.
 */
static int stale(struct em_ledger *l, int64_t width, int64_t from, int64_t to, bool last,
		 int64_t *start)
{
	sqlite3_stmt *s = em_store_bind(
		l,
		"SELECT coalesce(CASE ?5 WHEN 0 THEN min(start) ELSE max(start) END, -1) FROM roll "
		"WHERE width=?1 AND start >= ?2 AND start < ?3 AND last > ?4",
		"iiiiu", width, from, to, l->horizon, last);
	int r = em_store_step(l, s);

	if (r <= 0)
		return r;
	*start = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return 0;
}

/* Roll-ups are used up to the first that a reader may not see whole, or from after the last. */
static int keep_horizon(struct em_ledger *l, struct em_cover *c)
{
	int64_t day = -1, before = -1, after = -1;
	int r = l->horizon == INT64_MAX ? 0
					: stale(l, EM_ROLL_DAY, c->days, c->days_end, false, &day);

	if (r || l->horizon == INT64_MAX)
		return r;
	if (day >= 0)
		c->days_end = day;
	r = stale(l, EM_ROLL_HOUR, c->hours, c->days, true, &before);
	r = r ? r : stale(l, EM_ROLL_HOUR, c->days_end, c->hours_end, false, &after);
	if (before >= 0)
		c->hours = before + EM_ROLL_HOUR;
	if (after >= 0)
		c->hours_end = after;
	return r;
}

int em_cover_find(struct em_ledger *l, int64_t since, int64_t until, struct em_cover *c)
{
	*c = (struct em_cover){ since, until, since, since, since, since };
	if (up(since, EM_ROLL_HOUR) >= down(until, EM_ROLL_HOUR))
		return 0;
	c->hours = c->days = c->days_end = up(since, EM_ROLL_HOUR);
	c->hours_end = down(until, EM_ROLL_HOUR);
	if (up(since, EM_ROLL_DAY) < down(until, EM_ROLL_DAY)) {
		c->days = up(since, EM_ROLL_DAY);
		c->days_end = down(until, EM_ROLL_DAY);
	}
	return keep_horizon(l, c);
}
