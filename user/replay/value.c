// SPDX-License-Identifier: GPL-2.0
/* Decimal text to integers; see value.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "replay/value.h"
#include "replay/zone.h"

#define MANTISSA_DIGITS 30
#define EXPONENT_MAX 10000
#define DURATION_MAX_US (100ULL * 366 * 86400 * 1000000)
#define SECONDS_MAX 9214646400LL /* the start of 2262, the last year that ns in 64 bits reach */

typedef unsigned __int128 u128;

/* struct number - digits × 10^exponent; @sticky: digits that are not zero were left out */
struct number {
	u128 digits;
	int exponent;
	bool negative, sticky;
};

static void add_digit(struct number *n, int digit, bool fraction)
{
	static const u128 full = (u128)1000000000000000ULL * 1000000000000000ULL / 10;

	if (n->digits < full) {
		n->digits = n->digits * 10 + (unsigned int)digit;
		n->exponent -= fraction;
	} else {
		n->sticky |= digit != 0;
		n->exponent += !fraction;
	}
}

static const char *read_exponent(const char *s, struct number *n)
{
	long e;
	char *end;

	if (*s != 'e' && *s != 'E')
		return s;
	if (!isdigit((unsigned char)s[1 + (s[1] == '+' || s[1] == '-')]))
		return NULL;
	e = strtol(s + 1, &end, 10);
	n->exponent += (int)(e > EXPONENT_MAX    ? EXPONENT_MAX
			     : e < -EXPONENT_MAX ? -EXPONENT_MAX
						 : e);
	return end;
}

/* Return: what follows the number, NULL if there is none. */
static const char *read_number(const char *s, struct number *n)
{
	bool any = false, fraction = false;

	memset(n, 0, sizeof(*n));
	n->negative = *s == '-';
	s += *s == '-' || *s == '+';
	for (; isdigit((unsigned char)*s) || (*s == '.' && !fraction); s++) {
		if (*s == '.') {
			fraction = true;
			continue;
		}
		any = true;
		add_digit(n, *s - '0', fraction);
	}
	return any ? read_exponent(s, n) : NULL;
}

static bool over_half(u128 rest, u128 divisor, bool sticky, bool odd)
{
	if (rest != divisor - rest)
		return rest > divisor - rest;
	return sticky || odd;
}

/* @n × 10^@shift, half to even. Return: false if it is more than @max. */
static bool scale(const struct number *n, int shift, uint64_t max, uint64_t *ret, bool *rounded)
{
	u128 value = n->digits, divisor = 1, rest;

	if (!value)
		shift = 0;
	for (; shift > 0; shift--) {
		value *= 10;
		if (value > max)
			return false;
	}
	for (; shift < 0 && shift >= -38; shift++)
		divisor *= 10;
	rest = shift < 0 ? value : value % divisor; /* less than a half for sure */
	value = shift < 0 ? 0 : value / divisor;
	*rounded = rest || n->sticky;
	if (!shift && divisor > 1 && over_half(rest, divisor, n->sticky, value & 1))
		value++;
	if (value > max)
		return false;
	*ret = (uint64_t)value;
	return true;
}

static const char *skip_space(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

const char *em_value_decimal(const char *s, int decimals, uint64_t max, uint64_t *ret,
			     bool *rounded)
{
	struct number n;
	bool lost;
	const char *end;

	s = skip_space(s);
	if (!*s)
		return "is empty";
	end = read_number(s, &n);
	if (!end || *skip_space(end))
		return "is not a number";
	if (n.negative && n.digits)
		return "is negative";
	if (!scale(&n, n.exponent + decimals, max, ret, &lost))
		return "is too large";
	if (rounded)
		*rounded |= lost;
	return NULL;
}

const char *em_value_gpus(const char *s, uint64_t *ret, bool *rounded)
{
	return em_value_decimal(s, 12, EM_GPUS_MAX * EM_PICO, ret, rounded);
}

/* --- durations --------------------------------------------------------------------------- */

/* One or more digits up to @stop. Return: what follows it, NULL if it is not there. */
static const char *read_whole(const char *s, char stop, uint64_t max, uint64_t *value)
{
	*value = 0;
	if (!isdigit((unsigned char)*s))
		return NULL;
	for (; isdigit((unsigned char)*s); s++) {
		*value = *value * 10 + (uint64_t)(*s - '0');
		if (*value > max)
			return NULL;
	}
	return *s == stop ? s + 1 : NULL;
}

static const char *read_clock(const char *s, int64_t *ret_ns)
{
	uint64_t days = 0, hours, minutes, us;
	const char *why;

	if (*s == '-')
		return "is negative";
	if (strchr(s, '-'))
		s = read_whole(s, '-', 36600, &days);
	s = s ? read_whole(s, ':', 1000000, &hours) : NULL;
	s = s ? read_whole(s, ':', 59, &minutes) : NULL;
	if (!s || !isdigit((unsigned char)*s))
		return "is not [D-]HH:MM:SS";
	why = em_value_decimal(s, 6, 60999999, &us, NULL);
	if (why)
		return why;
	us += ((days * 24 + hours) * 60 + minutes) * 60 * 1000000;
	if (us > DURATION_MAX_US)
		return "is too long";
	*ret_ns = (int64_t)us * EM_NS_PER_US;
	return NULL;
}

const char *em_value_duration(const char *s, int64_t *ret_ns)
{
	const char *why;
	uint64_t us;

	s = skip_space(s);
	if (strchr(s, ':'))
		return read_clock(s, ret_ns);
	why = em_value_decimal(s, 6, DURATION_MAX_US, &us, NULL);
	if (!why)
		*ret_ns = (int64_t)us * EM_NS_PER_US;
	return why;
}

/* --- instants ---------------------------------------------------------------------------- */

/* struct civil - a date and a time of day, as written */
struct civil {
	int year, month, day, hour, minute, second;
	int64_t frac; /* ns */
};

static bool read_two(const char **s, char before, int *value)
{
	const char *p = *s;

	if (before && *p++ != before)
		return false;
	if (!isdigit((unsigned char)p[0]) || !isdigit((unsigned char)p[1]))
		return false;
	*value = (p[0] - '0') * 10 + p[1] - '0';
	*s = p + 2;
	return true;
}

/* ".123…" to ns, half to even. */
static bool read_frac(const char **s, int64_t *ns)
{
	uint64_t value = 0;
	size_t n = strspn(*s + 1, "0123456789");
	char text[64] = "0.";

	if (!n || n > sizeof(text) - 3)
		return false;
	memcpy(text + 2, *s + 1, n);
	if (em_value_decimal(text, 9, EM_NS_PER_S, &value, NULL))
		return false;
	*ns = (int64_t)value;
	*s += 1 + n;
	return true;
}

static bool read_day(const char **s, struct civil *c)
{
	int century, year;

	if (!read_two(s, 0, &century) || !read_two(s, 0, &year) || !read_two(s, '-', &c->month) ||
	    !read_two(s, '-', &c->day))
		return false;
	c->year = century * 100 + year;
	return true;
}

static bool read_time_of_day(const char **s, struct civil *c)
{
	++*s; /* "T" or a space */
	if (!read_two(s, 0, &c->hour) || !read_two(s, ':', &c->minute))
		return false;
	if (**s == ':' && !read_two(s, ':', &c->second))
		return false;
	return **s != '.' || read_frac(s, &c->frac);
}

/* "Z", "+02:00", "+0200", "+02" or nothing. */
static bool read_offset(const char **s, bool *given, int *seconds)
{
	int hours, minutes = 0, sign = **s == '-' ? -1 : 1;

	*given = **s;
	if (**s == 'Z' || **s == 'z') {
		++*s;
		return true;
	}
	if (**s != '+' && **s != '-')
		return !*given;
	++*s;
	if (!read_two(s, 0, &hours) || hours > 23)
		return false;
	if (**s && !read_two(s, **s == ':' ? ':' : 0, &minutes))
		return false;
	*seconds = sign * (hours * 60 + minutes) * 60;
	return minutes < 60;
}

static bool civil_valid(const struct civil *c)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (c->year % 4 == 0 && c->year % 100) || c->year % 400 == 0;

	return c->year >= 1970 && c->year <= 2261 && c->month >= 1 && c->month <= 12 &&
	       c->day >= 1 && c->day <= days[c->month - 1] + (c->month == 2 && leap) &&
	       c->hour <= 23 && c->minute <= 59 && c->second <= 60;
}

/* Days since 1970 of the Gregorian calendar, years counted from March. */
static int64_t civil_seconds(const struct civil *c)
{
	int64_t y = c->year - (c->month <= 2), era = y / 400, of_era = y % 400;
	int64_t of_year = (153 * (c->month + (c->month > 2 ? -3 : 9)) + 2) / 5 + c->day - 1;
	int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;

	return days * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
}

static const char *read_unix(const char *s, int64_t *ret_ns)
{
	uint64_t ns;
	const char *why = em_value_decimal(s, 9, (uint64_t)SECONDS_MAX * EM_NS_PER_S, &ns, NULL);

	if (why)
		return !strcmp(why, "is not a number") ? "is not a time" : why;
	*ret_ns = (int64_t)ns;
	return NULL;
}

const char *em_value_time(const char *s, int64_t *ret_ns)
{
	struct civil c = { 0 };
	bool offset_given = false;
	int offset = 0;
	int64_t seconds;
	const char *p;

	s = skip_space(s);
	p = s;
	if (!read_day(&p, &c))
		return read_unix(s, ret_ns);
	if ((*p == 'T' || *p == 't' || (*p == ' ' && isdigit((unsigned char)p[1]))) &&
	    (!read_time_of_day(&p, &c) || !read_offset(&p, &offset_given, &offset)))
		return "is not a time";
	if (*skip_space(p) || !civil_valid(&c))
		return "is not a time";
	seconds = civil_seconds(&c) - offset;
	if (!offset_given && em_zone_instant(seconds, &seconds))
		return "is a local time that was skipped when the clocks changed";
	if (seconds < 0 || seconds >= SECONDS_MAX)
		return "is not in 1970-2261";
	*ret_ns = seconds * EM_NS_PER_S + c.frac;
	return NULL;
}
