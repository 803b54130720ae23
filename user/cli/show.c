// SPDX-License-Identifier: GPL-2.0
/* Showing rows: one description of the columns, a table for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libsmartcols/libsmartcols.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"

bool em_colour(void)
{
	const char *none = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(none && *none);
}

int em_json_out(json_t *o, int status)
{
	if (!o || json_dumpf(o, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) || putchar('\n') == EOF)
		status = EM_NO_ANSWER;
	json_decref(o);
	return status;
}

static void show_share(char *out, size_t len, const json_t *value)
{
	json_int_t num = json_integer_value(json_object_get(value, "num"));
	json_int_t den = json_integer_value(json_object_get(value, "den"));

	if (den)
		snprintf(out, len, "%.2f %%", 100.0 * (double)num / (double)den);
	else
		snprintf(out, len, "undefined");
}

static void show_list(char *out, size_t len, const json_t *value)
{
	size_t i, used = 0;
	json_t *item;

	snprintf(out, len, "-");
	json_array_foreach(value, i, item) {
		char one[128];

		used += (size_t)snprintf(out + used, len - used, "%s%s", i ? "," : "",
					 em_show(one, sizeof(one), item, EM_TEXT));
		if (used >= len)
			return;
	}
}

/* GPU time of a large cluster is more than nanoseconds in 64 bits can tell. */
static void show_duration(char *out, size_t len, json_int_t us)
{
	const json_int_t hour = 3600 * 1000000LL;
	char duration[EM_DURATION_LEN];

	if (us > INT64_MAX / EM_NS_PER_US)
		snprintf(out, len, "%lldd%lldh", us / (24 * hour), us / hour % 24);
	else
		snprintf(out, len, "%s", em_duration_format(duration, us * EM_NS_PER_US));
}

const char *em_show(char *out, size_t len, const json_t *value, enum em_kind kind)
{
	char time[EM_TIME_LEN];
	int64_t ns;

	if (!value || json_is_null(value))
		snprintf(out, len, "%s", kind == EM_SHARE ? "undefined" : "-");
	else if (kind == EM_DURATION && json_is_integer(value))
		show_duration(out, len, json_integer_value(value));
	else if (kind == EM_TIME && !em_time_parse(json_string_value(value) ?: "", 0, &ns))
		snprintf(out, len, "%s", em_time_format(time, ns, 0));
	else if (kind == EM_SHARE)
		show_share(out, len, value);
	else if (json_is_string(value))
		em_text_safe(out, len, json_string_value(value));
	else if (json_is_array(value))
		show_list(out, len, value);
	else if (json_is_integer(value))
		snprintf(out, len, "%lld", json_integer_value(value));
	else
		snprintf(out, len, "%s", json_is_true(value) ? "yes" : "no");
	return out;
}

static const char *state_colour(const char *state)
{
	static const struct {
		const char *words, *colour;
	} colours[] = {
		{ " ok MET resolved ", "green" },
		{ " missing BREACHED firing BROKEN failed ", "red" },
		{ " unknown note UNPROVEN INFEASIBLE pending recovering no-data ", "yellow" },
	};
	char word[64];

	snprintf(word, sizeof(word), " %s ", state);
	for (size_t i = 0; i < ARRAY_SIZE(colours); i++) {
		if (strstr(colours[i].words, word))
			return colours[i].colour;
	}
	return NULL;
}

static bool right(enum em_kind kind)
{
	return kind == EM_DURATION || kind == EM_SHARE;
}

void em_table(const struct em_column *columns, size_t n, json_t *rows, const char *none)
{
	struct libscols_table *table;
	json_t *row;
	size_t i;

	if (!json_array_size(rows)) {
		puts(none);
		return;
	}
	table = scols_new_table();
	if (table)
		scols_table_enable_colors(table, em_colour());
	for (size_t c = 0; table && c < n; c++)
		scols_table_new_column(table, columns[c].title, 0,
				       right(columns[c].kind) ? SCOLS_FL_RIGHT : 0);
	json_array_foreach(rows, i, row) {
		struct libscols_line *line = table ? scols_table_new_line(table, NULL) : NULL;

		for (size_t c = 0; line && c < n; c++) {
			const json_t *value = json_object_get(row, columns[c].key);
			const char *state = json_string_value(value);
			char text[512];

			scols_line_set_data(line, c,
					    em_show(text, sizeof(text), value, columns[c].kind));
			if (columns[c].kind == EM_STATE && state && state_colour(state))
				scols_cell_set_color(scols_line_get_cell(line, c),
						     state_colour(state));
		}
	}
	if (table)
		scols_print_table(table);
	scols_unref_table(table);
}
