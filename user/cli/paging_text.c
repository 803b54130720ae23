// SPDX-License-Identifier: GPL-2.0
/* The page for terminals: verdicts first, then each purpose over time as a line of bars. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/paging.h"
#include "report/page.h"

#define BARS_MOST 120
#define LEFT 16  /* columns of a name */
#define RIGHT 38 /* columns of a figure */

/* struct strip - a line of bars: @n of them, each @per buckets wide */
struct strip {
	size_t n, per;
};

static struct strip strip_of(const json_t *series)
{
	size_t buckets = json_array_size(json_object_get(series, "at"));
	struct winsize size = { 0 };
	size_t room = 80;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col > LEFT + RIGHT + 10)
		room = size.ws_col;
	room -= LEFT + RIGHT;
	room = room > BARS_MOST ? BARS_MOST : room;
	if (!buckets)
		return (struct strip){ 0, 1 };
	return (struct strip){ (buckets + (buckets + room - 1) / room - 1) /
				       ((buckets + room - 1) / room),
			       (buckets + room - 1) / room };
}

/* Σ of @key over the buckets of bar @i; NaN: nothing is known of any. */
static double sum(const json_t *series, const char *key, struct strip s, size_t i)
{
	const json_t *list = json_object_get(series, key);
	double total = NAN;

	for (size_t k = i * s.per; k < (i + 1) * s.per && k < json_array_size(list); k++) {
		const json_t *v = json_array_get(list, k);

		if (json_is_integer(v))
			total = (isfinite(total) ? total : 0) + (double)json_integer_value(v);
	}
	return total;
}

static void show_part(const json_t *series, const char *key, struct strip s, double capacity)
{
	double values[BARS_MOST], whole = 0, peak = 0;
	char bars[4 * BARS_MOST];

	for (size_t i = 0; i < s.n; i++) {
		double part = sum(series, key, s, i), of = sum(series, "capacity", s, i);

		values[i] = of > 0 ? part / of : NAN;
		whole += isfinite(part) ? part : 0;
		peak = values[i] > peak ? values[i] : peak;
	}
	if (!(whole > 0))
		return;
	em_page_spark(bars, sizeof(bars), values, s.n, peak);
	printf("%-*s %s  %5.1f %% of all time, at most %.1f %%\n", LEFT - 1, key, bars,
	       capacity > 0 ? 100 * whole / capacity : 0, 100 * peak);
}

static void show_series(const json_t *series)
{
	static const char *const parts[] = { "alignment",    "capabilities",   "mixed",
					     "serving",      "infrastructure", "untagged",
					     "unattributed", "idle",           "unobserved" };
	struct strip s = strip_of(series);
	double capacity = 0;
	char step[EM_DURATION_LEN];

	for (size_t i = 0; i < s.n; i++) {
		double part = sum(series, "capacity", s, i);

		capacity += isfinite(part) ? part : 0;
	}
	if (!(capacity > 0)) {
		puts("No GPU time is on record in this window: there is nothing to draw.");
		return;
	}
	printf("Each bar is %s. The full height of a line is the most that it had of all GPU time "
	       "in one bar.\n",
	       em_duration_format(step,
				  (int64_t)s.per * EM_NS_PER_S *
					  json_integer_value(json_object_get(series, "step_s"))));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		show_part(series, parts[i], s, capacity);
}

static void show_verdicts(json_t *commitments)
{
	if (!json_array_size(commitments)) {
		puts("No commitment is known here: nothing was promised that could be kept or "
		     "broken.");
		return;
	}
	em_table(em_verdict_columns, EM_VERDICT_COLUMNS, commitments, "");
}

static void show_findings(const json_t *findings)
{
	json_t *f;
	size_t i;

	json_array_foreach((json_t *)findings, i, f) {
		char said[1400];

		em_show(said, sizeof(said), json_object_get(f, "estimate"), EM_TEXT);
		printf("%-4s %s: %s\n", json_string_value(json_object_get(f, "probe")),
		       json_string_value(json_object_get(f, "help")), said);
	}
}

void em_paging_text(const json_t *o)
{
	const json_t *share = json_object_get(o, "alignment_share");
	char low[48], high[48], by[128];

	show_verdicts(json_object_get(o, "commitments"));
	printf("\nalignment had between %s (proven) and %s (possible) of used GPU time; recorded by "
	       "%s\n\n",
	       em_show(low, sizeof(low), json_object_get(share, "proven"), EM_SHARE),
	       em_show(high, sizeof(high), json_object_get(share, "possible"), EM_SHARE),
	       em_show(by, sizeof(by), json_object_get(o, "recorded_by"), EM_TEXT));
	show_series(json_object_get(o, "series"));
	putchar('\n');
	show_findings(json_object_get(o, "findings"));
}
