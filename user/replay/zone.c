// SPDX-License-Identifier: GPL-2.0
/* Local times by the IANA's database; see zone.h. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "replay/value.h"
#include "replay/zone.h"

#define DAY 86400

static bool zone_given;

int em_zone_set(const char *name)
{
	char path[PATH_MAX];

	zone_given = false;
	if (!strcmp(name, "UTC"))
		return 0;
	/* the C library takes UTC, without a word, for what it does not know */
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	if (!*name || *name == '/' || strstr(name, "..") || access(path, R_OK))
		return -ENOENT;
	snprintf(path, sizeof(path), ":%s", name);
	if (setenv("TZ", path, 1))
		return -errno;
	tzset();
	zone_given = true;
	return 0;
}

static int64_t offset_at(int64_t instant)
{
	time_t t = instant;
	struct tm tm;

	return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

int em_zone_instant(int64_t local, int64_t *ret)
{
	/* what held before and after the only change there can be around it; east is earlier */
	int64_t before, after, first, second;

	if (!zone_given) {
		*ret = local;
		return 0;
	}
	before = offset_at(local - DAY);
	after = offset_at(local + DAY);
	first = local - (before > after ? before : after);
	second = local - (before > after ? after : before);
	if (local - offset_at(first) == first)
		*ret = first;
	else if (local - offset_at(second) == second)
		*ret = second;
	else
		return -ENOENT;
	return 0;
}
