// SPDX-License-Identifier: GPL-2.0
/* Windows: rolling, of the calendar in a zone, cumulative; see window.h. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "commit/window.h"

#define ZONES "/usr/share/zoneinfo"
#define DAY (86400 * EM_NS_PER_S)

static const struct {
	const char *name;
	int months;
	int64_t days;
} calendars[] = {
	[EM_MONTH] = { "month", 1, 31 },
	[EM_QUARTER] = { "quarter", 3, 92 },
	[EM_YEAR] = { "year", 12, 366 },
};

/* A name of the tz database, and no path out of it. */
static bool zone_known(const char *zone)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_+-/";
	char path[PATH_MAX];

	if (!*zone || *zone == '/' || strspn(zone, letters) != strlen(zone))
		return false;
	snprintf(path, sizeof(path), ZONES "/%s", zone);
	return !access(path, R_OK);
}

static int parse_calendar(const char *s, struct em_window *w)
{
	for (int k = EM_MONTH; k <= EM_YEAR; k++) {
		size_t n = strlen(calendars[k].name);

		if (strncmp(s, calendars[k].name, n) || (s[n] && s[n] != ' '))
			continue;
		w->kind = (enum em_window_kind)k;
		w->length = calendars[k].days * DAY;
		if (!s[n])
			return 0;
		if (strlen(s + n + 1) >= sizeof(w->zone) || !zone_known(s + n + 1))
			return -ENOENT;
		snprintf(w->zone, sizeof(w->zone), "%s", s + n + 1);
		return 0;
	}
	return -EINVAL;
}

/* A day or an instant that does not move with the day it is read on. */
static int parse_fixed(const char *s, int64_t *ns)
{
	return strspn(s, "0123456789") == 4 ? em_time_parse(s, 0, ns) : -EINVAL;
}

static int parse_cumulative(const char *s, struct em_window *w)
{
	const char *slash = strchr(s, '/');
	char from[EM_TIME_LEN];

	if (!slash || slash - s >= (ptrdiff_t)sizeof(from))
		return -EINVAL;
	memcpy(from, s, (size_t)(slash - s));
	from[slash - s] = '\0';
	if (parse_fixed(from, &w->from) || parse_fixed(slash + 1, &w->to) || w->to <= w->from)
		return -EINVAL;
	w->kind = EM_CUMULATIVE;
	w->length = w->to - w->from;
	return 0;
}

int em_window_parse(const char *s, struct em_window *ret)
{
	struct em_window w = { .kind = EM_ROLLING };
	int r;

	if (!strncmp(s, "rolling ", 8))
		r = em_duration_parse(s + 8, &w.length) || w.length <= 0 ? -EINVAL : 0;
	else if (!strncmp(s, "calendar ", 9))
		r = parse_calendar(s + 9, &w);
	else if (!strncmp(s, "cumulative ", 11))
		r = parse_cumulative(s + 11, &w);
	else
		r = -EINVAL;
	if (!r)
		*ret = w;
	return r;
}

const char *em_window_text(const struct em_window *w, char *out, size_t len)
{
	char a[EM_DURATION_LEN], b[EM_TIME_LEN];

	if (w->kind == EM_ROLLING)
		snprintf(out, len, "rolling %s", em_duration_format(a, w->length));
	else if (w->kind == EM_CUMULATIVE)
		snprintf(out, len, "cumulative %s/%s", em_time_format(a, w->from, 0),
			 em_time_format(b, w->to, 0));
	else
		snprintf(out, len, "calendar %s%s%s", calendars[w->kind].name, *w->zone ? " " : "",
			 w->zone);
	return out;
}

/* --- the calendar ------------------------------------------------------------------------ */

/* What the C library takes for the zone of a process without TZ. */
#define OWN_ZONE ":/etc/localtime"

void em_window_ready(void)
{
	setenv("TZ", OWN_ZONE, 0);
}

/*
 * The C library knows no other zone than the process's. UTC needs none; another one is set for the
 * moment, by one thread only: the variable is replaced and never added or taken away, which would
 * move what other threads read of the environment (em_window_ready()). Give the answer to
 * zone_leave().
 */
static char *zone_enter(const char *zone)
{
	char *keep = strdup(getenv("TZ") ?: OWN_ZONE);

	if (!*zone)
		return keep;
	setenv("TZ", zone, 1);
	tzset();
	return keep;
}

static void zone_leave(const char *zone, char *keep)
{
	if (*zone) {
		setenv("TZ", keep ?: OWN_ZONE, 1);
		tzset();
	}
	free(keep);
}

/* The start of the period of @months that lies @back of them before the one of @ns. */
static int64_t boundary(int64_t ns, int months, int back, bool utc)
{
	time_t t = (time_t)(ns / EM_NS_PER_S - (ns % EM_NS_PER_S < 0));
	struct tm tm, start = { .tm_mday = 1, .tm_isdst = -1 };

	if (utc)
		gmtime_r(&t, &tm);
	else
		localtime_r(&t, &tm);
	start.tm_year = tm.tm_year;
	start.tm_mon = tm.tm_mon / months * months - back * months;
	return (utc ? timegm(&start) : mktime(&start)) * EM_NS_PER_S;
}

static struct em_period calendar(const struct em_window *w, int64_t now, int back)
{
	char *keep = zone_enter(w->zone);
	int months = calendars[w->kind].months;
	struct em_period p = {
		.start = boundary(now, months, back, !*w->zone),
		.due = boundary(now, months, back - 1, !*w->zone),
	};

	zone_leave(w->zone, keep);
	p.until = p.due < now ? p.due : now;
	return p;
}

struct em_period em_window_at(const struct em_window *w, int64_t now)
{
	if (w->kind == EM_ROLLING)
		return (struct em_period){ now - w->length, now, now };
	if (w->kind == EM_CUMULATIVE)
		return (struct em_period){ w->from, w->to < now ? w->to : now, w->to };
	return calendar(w, now, 0);
}

struct em_period em_window_before(const struct em_window *w, const struct em_period *p)
{
	if (w->kind == EM_ROLLING || w->kind == EM_CUMULATIVE)
		return (struct em_period){ p->start - w->length, p->start, p->start };
	return calendar(w, p->start, 1);
}
