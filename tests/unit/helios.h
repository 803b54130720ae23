/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A real month, where there is one: the Helios Earth trace under EARMARK_TRACES. It knows no
 * purposes: three virtual clusters stand in for alignment, the others for capabilities.
 */
#ifndef HELIOS_H
#define HELIOS_H

#include <zlib.h>

#include "plant.h"

#define HELIOS_START (1588291200 * EM_NS_PER_S) /* 2020-05-01 */

static const char *const groups[] = { "vc3sl", "vc6YE", "vc8Sj", "vcJLV", "vcJkd", "vcLJZ",
				      "vcMod", "vcSoL", "vcTJs", "vccaA", "vcdI0", "vcgkz",
				      "vchbv", "vcira", "vcpDC", "vcvlY" };

static inline bool stands_for_alignment(const char *group)
{
	return !strcmp(group, "vcvlY") || !strcmp(group, "vchbv") || !strcmp(group, "vcpDC");
}

/* "2020-05-01 00:00:00,…": 8th and 9th columns are total and running GPUs. One row a minute. */
static inline void read_row(struct em_series *s, const char *line, bool alignment)
{
	em_ns minute = HOUR / 60;
	unsigned int day, hour, total, running;
	size_t i;

	if (sscanf(line, "2020-05-%u %u:%*[^,],%*u,%*u,%*u,%*u,%*u,%*u,%u,%u", &day, &hour, &total,
		   &running) != 4)
		return;
	i = (size_t)(((day - 1) * EM_DAY + hour * EM_HOUR) / s->step);
	assert_true(i < s->n);
	s->list[i].p.part[alignment ? EM_PART_A : EM_PART_C] += running * minute;
	s->list[i].p.part[EM_PART_I] += (total - running) * minute;
}

static inline void read_group(struct em_series *s, const char *traces, const char *group)
{
	char path[512], line[512];
	gzFile f;

	snprintf(path, sizeof(path), "%s/helios-earth/%s.csv.gz", traces, group);
	f = gzopen(path, "rb");
	if (!f)
		fail_msg("%s: cannot be opened", path);
	while (gzgets(f, line, sizeof(line)))
		read_row(s, line, stands_for_alignment(group));
	gzclose(f);
}

/* May 2020 in buckets of @step. Skips the test where there is no trace. */
static inline struct em_series helios_series(int64_t step)
{
	const char *traces = getenv("EARMARK_TRACES");
	struct em_series s;

	if (!traces) {
		print_message("skip: EARMARK_TRACES is not set, so there is no trace to check\n");
		skip();
	}
	s = plant_series((size_t)(31 * EM_DAY / step), HELIOS_START, step);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		read_group(&s, traces, groups[i]);
	return s;
}

#endif
