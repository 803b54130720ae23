// SPDX-License-Identifier: GPL-2.0
/* Instants and durations; see time.h. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	/* longest first */
	{ "w", 7 * 86400 * EM_NS_PER_S },
	{ "d", 86400 * EM_NS_PER_S },
	{ "h", 3600 * EM_NS_PER_S },
	{ "m", 60 * EM_NS_PER_S },
	{ "s", EM_NS_PER_S },
	{ "ms", EM_NS_PER_MS },
	{ "us", EM_NS_PER_US },
	{ "ns", 1 },
};
enum { NR_UNITS = sizeof(units) / sizeof(units[0]), UNIT_DAY = 1, UNIT_SECOND = 4 };

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * EM_NS_PER_S + ts.tv_nsec;
}

int64_t em_time_now(void)
{
	return clock_ns(CLOCK_REALTIME);
}

uint64_t em_time_monotonic(void)
{
	return (uint64_t)clock_ns(CLOCK_MONOTONIC);
}

const char *em_time_format(char out[EM_TIME_LEN], int64_t ns, int digits)
{
	int64_t sec = ns / EM_NS_PER_S, frac = ns % EM_NS_PER_S;
	char fraction[12] = "";
	struct tm tm;
	time_t t;

	if (frac < 0) {
		frac += EM_NS_PER_S;
		sec--;
	}
	t = (time_t)sec;
	gmtime_r(&t, &tm);
	if (digits > 0) {
		snprintf(fraction, sizeof(fraction), ".%09d", (int)frac);
		fraction[1 + (digits > 9 ? 9 : digits)] = '\0';
	}
	snprintf(out, EM_TIME_LEN, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction);
	return out;
}

/* Exactly @n digits. Return: what follows them, NULL if they are not there. */
static const char *digits(const char *s, int n, int *value)
{
	*value = 0;
	while (n--) {
		if (!isdigit((unsigned char)*s))
			return NULL;
		*value = *value * 10 + (*s++ - '0');
	}
	return s;
}

static const char *parse_date(const char *s, struct tm *tm)
{
	s = digits(s, 4, &tm->tm_year);
	s = s && *s == '-' ? digits(s + 1, 2, &tm->tm_mon) : NULL;
	s = s && *s == '-' ? digits(s + 1, 2, &tm->tm_mday) : NULL;
	return s;
}

static const char *parse_clock(const char *s, struct tm *tm, int64_t *frac)
{
	int64_t scale = EM_NS_PER_S / 10;

	s = digits(s, 2, &tm->tm_hour);
	s = s && *s == ':' ? digits(s + 1, 2, &tm->tm_min) : NULL;
	if (s && *s == ':')
		s = digits(s + 1, 2, &tm->tm_sec);
	if (s && *s == '.') {
		if (!isdigit((unsigned char)*++s))
			return NULL;
		for (; isdigit((unsigned char)*s); s++, scale /= 10)
			*frac += (*s - '0') * scale;
	}
	return s;
}

static const char *parse_offset(const char *s, int64_t *seconds)
{
	int h = 0, m = 0;
	bool west = *s == '-';

	if (*s == 'Z' || *s == 'z')
		return s + 1;
	if (*s != '+' && *s != '-')
		return s;
	s = digits(s + 1, 2, &h);
	s = s && *s == ':' ? digits(s + 1, 2, &m) : s ? digits(s, 2, &m) : NULL;
	if (h > 23 || m > 59)
		return NULL;
	*seconds = (h * 3600 + m * 60) * (west ? -1 : 1);
	return s;
}

static bool tm_valid(const struct tm *tm)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (tm->tm_year % 4 == 0 && tm->tm_year % 100) || tm->tm_year % 400 == 0;

	/* years that nanoseconds in 64 bits can tell */
	if (tm->tm_year < 1970 || tm->tm_year > 2261 || tm->tm_mon < 1 || tm->tm_mon > 12)
		return false;
	return tm->tm_mday >= 1 &&
	       tm->tm_mday <= days[tm->tm_mon - 1] + (tm->tm_mon == 2 && leap) &&
	       tm->tm_hour <= 23 && tm->tm_min <= 59 && tm->tm_sec <= 60;
}

static int parse_ago(const char *s, int64_t now, int64_t *ret_ns)
{
	char copy[EM_DURATION_LEN];
	const char *end = strstr(s, " ago");
	int64_t back;
	int r;

	if (!end || end[4] || end - s >= (ptrdiff_t)sizeof(copy))
		return -EINVAL;
	memcpy(copy, s, end - s);
	copy[end - s] = '\0';
	r = em_duration_parse(copy, &back);
	if (!r)
		*ret_ns = now - back;
	return r;
}

int em_time_parse(const char *s, int64_t now, int64_t *ret_ns)
{
	int64_t frac = 0, offset = 0;
	struct tm tm = { 0 };
	const char *p;
	char *end;

	if (!strcmp(s, "now")) {
		*ret_ns = now;
		return 0;
	}
	if (*s == '@') {
		long long sec = isdigit((unsigned char)s[1]) ? strtoll(s + 1, &end, 10) : -1;

		if (sec < 0 || *end || sec > INT64_MAX / EM_NS_PER_S)
			return -EINVAL;
		*ret_ns = sec * EM_NS_PER_S;
		return 0;
	}
	p = parse_date(s, &tm);
	if (!p)
		return parse_ago(s, now, ret_ns);
	if (*p == 'T' || *p == 't' || *p == ' ') {
		p = parse_clock(p + 1, &tm, &frac);
		p = p ? parse_offset(p, &offset) : NULL;
	}
	if (!p || *p || !tm_valid(&tm))
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret_ns = (timegm(&tm) - offset) * EM_NS_PER_S + frac;
	return 0;
}

static int64_t unit_parse(const char **s)
{
	size_t n = 0;

	while (isalpha((unsigned char)(*s)[n]))
		n++;
	for (int i = 0; i < NR_UNITS; i++) {
		if (strlen(units[i].name) == n && !strncmp(*s, units[i].name, n)) {
			*s += n;
			return units[i].ns;
		}
	}
	return 0;
}

int em_duration_parse(const char *s, int64_t *ret_ns)
{
	int64_t sum = 0, part, unit;
	char *end;

	if (!*s)
		return -EINVAL;
	while (*s) {
		if (!isdigit((unsigned char)*s))
			return -EINVAL;
		errno = 0;
		part = strtoll(s, &end, 10);
		if (errno)
			return -ERANGE;
		s = end;
		unit = unit_parse(&s);
		if (!unit)
			return -EINVAL;
		if (__builtin_mul_overflow(part, unit, &part) ||
		    __builtin_add_overflow(sum, part, &sum))
			return -ERANGE;
	}
	*ret_ns = sum;
	return 0;
}

/* Below a minute: one unit, tenths where they are not 0. */
static void format_short(char out[EM_DURATION_LEN], const char *sign, uint64_t ns)
{
	uint64_t unit, tenths;
	int i = UNIT_SECOND;

	while (i < NR_UNITS - 1 && ns < (uint64_t)units[i].ns)
		i++;
	unit = (uint64_t)units[i].ns;
	tenths = ns % unit / (unit > 1 ? unit / 10 : 1);
	if (tenths)
		snprintf(out, EM_DURATION_LEN, "%s%" PRIu64 ".%" PRIu64 "%s", sign, ns / unit,
			 tenths, units[i].name);
	else
		snprintf(out, EM_DURATION_LEN, "%s%" PRIu64 "%s", sign, ns / unit, units[i].name);
}

const char *em_duration_format(char out[EM_DURATION_LEN], int64_t ns)
{
	const char *sign = ns < 0 ? "-" : "";
	uint64_t left = ns < 0 ? -(uint64_t)ns : (uint64_t)ns, next;
	int i = UNIT_DAY, n;

	if (!left)
		return strcpy(out, "0s");
	while (i < UNIT_SECOND && left < (uint64_t)units[i].ns)
		i++;
	if (i == UNIT_SECOND) {
		format_short(out, sign, left);
		return out;
	}
	n = snprintf(out, EM_DURATION_LEN, "%s%" PRIu64 "%s", sign, left / (uint64_t)units[i].ns,
		     units[i].name);
	next = left % (uint64_t)units[i].ns / (uint64_t)units[i + 1].ns;
	if (next)
		snprintf(out + n, EM_DURATION_LEN - n, "%" PRIu64 "%s", next, units[i + 1].name);
	return out;
}
