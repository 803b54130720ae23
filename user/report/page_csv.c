// SPDX-License-Identifier: GPL-2.0
/* Series and rows as CSV (RFC 4180); see page.h. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/time.h"
#include "report/page.h"
#include "report/report.h"

/*
 * Quoted, with what a spreadsheet would run as a formula made text by a leading apostrophe: names
 * of projects and jobs are what others wrote.
 */
static void put_text(const char *s, FILE *out)
{
	putc('"', out);
	if (*s && strchr("=+-@\t\r", *s))
		putc('\'', out);
	for (; *s; s++) {
		if (*s == '"')
			putc('"', out);
		putc(*s, out);
	}
	putc('"', out);
}

static void put_value(const json_t *v, FILE *out)
{
	size_t i;
	json_t *item;

	if (json_is_integer(v))
		fprintf(out, "%lld", json_integer_value(v));
	else if (json_is_string(v))
		put_text(json_string_value(v), out);
	json_array_foreach((json_t *)v, i, item) {
		if (i)
			putc(' ', out);
		fputs(json_string_value(item) ?: "", out);
	}
}

int em_page_csv_rows(const json_t *rows, const char *const *keys, FILE *out)
{
	const json_t *first = json_array_get(rows, 0);
	size_t i;
	json_t *row;

	json_array_foreach((json_t *)rows, i, row) {
		bool later = false;

		for (const char *const *k = keys; !i && *k; k++) {
			if (!json_object_get(first, *k))
				continue;
			fprintf(out, "%s%s", later ? "," : "", *k);
			later = true;
		}
		if (later)
			fputs("\r\n", out);
		later = false;
		for (const char *const *k = keys; *k; k++) {
			if (!json_object_get(first, *k))
				continue;
			if (later)
				putc(',', out);
			put_value(json_object_get(row, *k), out);
			later = true;
		}
		fputs("\r\n", out);
	}
	return fflush(out) || ferror(out) ? -EIO : 0;
}

int em_page_csv_series(const json_t *series, FILE *out)
{
	static const char *const keys[] = {
		"alignment", "capabilities", "mixed", "serving",    "infrastructure",
		"untagged",  "unattributed", "idle",  "unobserved", "capacity",
		NULL
	};
	size_t i;
	json_t *at;

	fputs("start,seconds", out);
	for (const char *const *k = keys; *k; k++)
		fprintf(out, ",%s_us", *k);
	fputs("\r\n", out);
	json_array_foreach(json_object_get(series, "at"), i, at) {
		char start[EM_TIME_LEN];
		const json_t *seconds = json_array_get(json_object_get(series, "seconds"), i);

		fprintf(out, "%s,%.6g",
			em_time_format(start, json_integer_value(at) * EM_NS_PER_S, 0),
			json_real_value(seconds));
		for (const char *const *k = keys; *k; k++) {
			putc(',', out);
			put_value(json_array_get(json_object_get(series, *k), i), out);
		}
		fputs("\r\n", out);
	}
	return fflush(out) || ferror(out) ? -EIO : 0;
}
