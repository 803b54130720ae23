// SPDX-License-Identifier: GPL-2.0
/* Exact values of the language; see loader.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "commit/loader.h"

#define DIGITS_MAX 12

/* A decimal number. Return: what follows it, NULL if there is none. */
static const char *decimal(const char *s, em_ns *num, em_ns *den)
{
	int digits = 0;
	bool point = false;

	*num = 0;
	*den = 1;
	for (; *s == '.' || (*s >= '0' && *s <= '9'); s++) {
		if (*s == '.') {
			if (point)
				return NULL;
			point = true;
			continue;
		}
		if (++digits > DIGITS_MAX)
			return NULL;
		*num = *num * 10 + (unsigned int)(*s - '0');
		*den *= point ? 10 : 1;
	}
	return digits ? s : NULL;
}

static void reduce(em_ns *num, em_ns *den)
{
	em_ns a = *num, b = *den;

	while (b) {
		em_ns rest = a % b;

		a = b;
		b = rest;
	}
	*num /= a ?: 1;
	*den /= a ?: 1;
}

static int per_cent(const char *s, em_ns *den)
{
	while (*s == ' ')
		s++;
	if (*s == '%') {
		*den *= 100;
		s++;
	}
	return *s ? -EINVAL : 0;
}

static int whole_part(const char *s, em_ns *den)
{
	char *end;
	unsigned long q = strtoul(s, &end, 10);

	if (*s < '1' || *s > '9' || *end || q > 1000000000)
		return -EINVAL;
	*den = q;
	return 0;
}

int em_value_fraction(const char *s, struct em_share *ret)
{
	em_ns num, den;
	const char *rest = decimal(s, &num, &den);

	if (!rest)
		return -EINVAL;
	if (*rest == '/' ? den != 1 || whole_part(rest + 1, &den) : per_cent(rest, &den))
		return -EINVAL;
	if (num > den)
		return -EINVAL;
	reduce(&num, &den);
	*ret = (struct em_share){ num, den };
	return 0;
}

int em_value_gpu_time(const char *s, em_ns *ret)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = {
		{ "GPU-h", 3600 * EM_NS_PER_S },
		{ "GPU-d", 86400 * EM_NS_PER_S },
		{ "GPU-s", EM_NS_PER_S },
	};
	em_ns num, den;

	s = decimal(s, &num, &den);
	while (s && *s == ' ')
		s++;
	for (size_t i = 0; s && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(s, units[i].unit))
			continue;
		*ret = num * (em_ns)units[i].ns / den;
		return *ret ? 0 : -EINVAL;
	}
	return -EINVAL;
}

int em_value_whole(const char *s, unsigned int most, unsigned int *ret)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*s < '0' || *s > '9' || *end || n < 1 || n > most)
		return -EINVAL;
	*ret = (unsigned int)n;
	return 0;
}

int em_value_date(const char *s, int64_t *ret)
{
	/* what is counted from today would move with it */
	return strspn(s, "0123456789") == 4 ? em_time_parse(s, 0, ret) : -EINVAL;
}
