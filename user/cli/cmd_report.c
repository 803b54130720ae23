// SPDX-License-Identifier: GPL-2.0
/* earmark report - what the GPU time of a window went to. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "commit/commitment.h"
#include "cli/paging.h"
#include "report/page.h"
#include "probe/draw.h"
#include "report/report.h"

EM_CLEANUP(struct em_ledger *, em_ledger_close);

static const struct em_column purpose_columns[] = {
	{ "purpose", "PURPOSE", EM_TEXT },     { "gpu_time_us", "GPU-TIME", EM_DURATION },
	{ "share", "OF USED", EM_SHARE },      { "held_us", "HELD", EM_DURATION },
	{ "busy_us", "BUSY", EM_DURATION },    { "busy_error_us", "BUSY +-", EM_DURATION },
	{ "busy_class", "MEASURED", EM_TEXT }, { "allocated_us", "ALLOCATED", EM_DURATION },
};

static const struct em_column row_columns[] = {
	{ "gpu", "GPU", EM_TEXT },
	{ "model", "MODEL", EM_TEXT },
	{ "uid", "UID", EM_TEXT },
	{ "user", "USER", EM_TEXT },
	{ "path", "JOB", EM_TEXT },
	{ "project", "PROJECT", EM_TEXT },
	{ "purpose", "PURPOSE", EM_TEXT },
	{ "tagged_by", "TAGGED BY", EM_TEXT },
	{ "ref", "REF", EM_TEXT },
	{ "gpu_time_us", "GPU-TIME", EM_DURATION },
	{ "held_us", "HELD", EM_DURATION },
	{ "busy_us", "BUSY", EM_DURATION },
	{ "busy_error_us", "BUSY +-", EM_DURATION },
	{ "busy_class", "MEASURED", EM_TEXT },
	{ "allocated_us", "ALLOCATED", EM_DURATION },
	{ "unattributed_us", "UNATTRIBUTED", EM_DURATION },
	{ "idle_us", "IDLE", EM_DURATION },
	{ "unobserved_us", "UNOBSERVED", EM_DURATION },
	{ "blind", "WHY", EM_TEXT },
};

static const char *duration(json_t *o, const char *key, char out[48])
{
	return em_show(out, 48, json_object_get(o, key), EM_DURATION);
}

static void show_identity(json_t *o)
{
	char used[48], idle[48], unobserved[48], capacity[48], start[40], end[40];
	json_t *window = json_object_get(o, "window");

	printf("GPU time from %s to %s\n",
	       em_show(start, sizeof(start), json_object_get(window, "start"), EM_TIME),
	       em_show(end, sizeof(end), json_object_get(window, "end"), EM_TIME));
	printf("used %s + idle %s + unobserved %s = capacity %s\n\n", duration(o, "used_us", used),
	       duration(o, "idle_us", idle), duration(o, "unobserved_us", unobserved),
	       duration(o, "capacity_us", capacity));
}

/* Has any row something to say there? A scheduler's history allocates what it uses. */
static bool says(const char *key, json_t *rows)
{
	json_t *row;
	size_t i;

	if (strcmp(key, "busy_class") && strcmp(key, "busy_error_us") &&
	    strcmp(key, "allocated_us"))
		return true;
	json_array_foreach(rows, i, row) {
		json_t *value = json_object_get(row, key);

		if (json_is_string(value)
			    ? strcmp(json_string_value(value), "exact")
			    : json_integer_value(value) &&
				      !(!strcmp(key, "allocated_us") &&
					json_equal(value, json_object_get(row, "gpu_time_us"))))
			return true;
	}
	return false;
}

/* Only the columns that these rows have. */
static void show_columns(const struct em_column *all, size_t n_all, json_t *rows, const char *none)
{
	struct em_column columns[ARRAY_SIZE(row_columns)];
	json_t *first = json_array_get(rows, 0);
	size_t n = 0;

	for (size_t i = 0; i < n_all; i++) {
		if (json_object_get(first, all[i].key) && says(all[i].key, rows))
			columns[n++] = all[i];
	}
	em_table(columns, n, rows, none);
}

/* struct clock - by its name: the keys of a part and of the whole */
static const struct clock {
	const char *name, *part, *whole, *unattributed, *words, *title;
} clocks[] = {
	{ "gpu-time", "gpu_time_us", "used_us", "unattributed_us", "used GPU time", "OF USED" },
	{ "busy", "busy_us", "busy_us", "busy_unattributed_us", "busy time", "OF BUSY" },
	{ "allocated", "allocated_us", "allocated_us", NULL, "allocated GPU time", "OF ALLOCATED" },
};

static const struct clock *clock_of(const json_t *o)
{
	const char *name = json_string_value(json_object_get(o, "clock")) ?: "";
	size_t i = 0;

	while (i < ARRAY_SIZE(clocks) - 1 && strcmp(clocks[i].name, name))
		i++;
	return &clocks[i];
}

static void show_purposes(json_t *o)
{
	const struct clock *clock = clock_of(o);
	struct em_column columns[ARRAY_SIZE(purpose_columns)];
	_cleanup_json_ json_t *rows = json_array();
	json_t *used = json_object_get(o, clock->whole), *part, *row;
	const char *name;

	json_object_foreach(json_object_get(o, "purposes"), name, part) {
		row = json_copy(part);
		json_object_set_new(row, "purpose", json_string(name));
		json_object_set_new(row, "share",
				    json_pack("{s:O,s:O}", "num",
					      json_object_get(part, clock->part), "den", used));
		json_array_append_new(rows, row);
	}
	row = json_pack("{s:s,s:O,s:O}", "purpose", "unattributed", "gpu_time_us",
			json_object_get(o, "unattributed_us"), "busy_us",
			json_object_get(o, "busy_unattributed_us"));
	if (clock->unattributed)
		json_object_set_new(row, "share",
				    json_pack("{s:O,s:O}", "num",
					      json_object_get(o, clock->unattributed), "den",
					      used));
	json_array_append_new(rows, row);
	memcpy(columns, purpose_columns, sizeof(columns));
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (columns[i].kind == EM_SHARE)
			columns[i].title = clock->title;
	}
	show_columns(columns, ARRAY_SIZE(columns), rows, "");
	if (!clock->unattributed && !json_integer_value(used))
		puts("No allocation is recorded in this window: schedulers tell earmarkd of them "
		     "(POST /v1/allocations).");
}

/* --- energy and memory --------------------------------------------------------------------- */

static json_t *energy_row(const char *name, json_t *mj, json_t *whole)
{
	char text[48];

	snprintf(text, sizeof(text), "%.3f kWh", json_number_value(mj) / 3.6e9);
	return json_pack("{s:s,s:s,s:{s:O,s:O}}", "purpose", name, "amount", text, "share", "num",
			 mj, "den", whole);
}

static json_t *memory_row(const char *name, json_t *mib_s, json_t *whole)
{
	char text[48];

	snprintf(text, sizeof(text), "%.3f GiB h", json_number_value(mib_s) / (1024 * 3600.0));
	return json_pack("{s:s,s:s,s:{s:O,s:O}}", "purpose", name, "amount", text, "share", "num",
			 mib_s, "den", whole);
}

static void show_metered(const json_t *m, const char *title, bool memory)
{
	const struct em_column columns[] = { { "purpose", title, EM_TEXT },
					     { "amount", "AMOUNT", EM_TEXT },
					     { "share", "OF IT", EM_SHARE } };
	json_t *(*row)(const char *, json_t *, json_t *) = memory ? memory_row : energy_row;
	json_t *whole = json_object_get(m, memory ? "mib_s" : "mj"), *part;
	_cleanup_json_ json_t *rows = json_array();
	const char *name;

	if (!json_is_object(m))
		return;
	json_object_foreach(json_object_get(m, "purposes"), name, part) {
		if (json_integer_value(part))
			json_array_append_new(rows, row(name, part, whole));
	}
	if (!memory) {
		part = json_object_get(m, "unattributed_mj");
		json_array_append_new(rows, row("unattributed", part, whole));
		json_array_append_new(rows, row("idle", json_object_get(m, "idle_mj"), whole));
	}
	json_array_append_new(rows, row("all of it", whole, whole));
	putchar('\n');
	em_table(columns, ARRAY_SIZE(columns), rows, "");
	printf("measured: %s; divided among purposes by a model: %s\n",
	       json_string_value(json_object_get(m, "class")),
	       json_string_value(json_object_get(m, "model")));
}

/* "0.250 : 1" */
static const char *to_one(char out[48], const json_t *ratio)
{
	snprintf(out, 48, "%.3f : 1",
		 json_number_value(json_object_get(ratio, "num")) /
			 json_number_value(json_object_get(ratio, "den")));
	return out;
}

/* Proven: serving counts as capabilities. Without a bound: nothing shows any capabilities work. */
static void show_ratio(json_t *o)
{
	json_t *share = json_object_get(o, "alignment_share"), *ratio = json_object_get(o, "ratio");
	json_t *possible = json_object_get(ratio, "possible"),
	       *proven = json_object_get(ratio, "proven");
	bool some = json_integer_value(json_object_get(json_object_get(share, "possible"), "num"));
	char low[48], high[48];

	printf("\nalignment: proven %s, possible %s of %s\n",
	       em_show(low, sizeof(low), json_object_get(share, "proven"), EM_SHARE),
	       em_show(high, sizeof(high), json_object_get(share, "possible"), EM_SHARE),
	       clock_of(o)->words);
	printf("alignment : capabilities: proven %s, possible %s\n",
	       json_is_object(proven) ? to_one(low, proven)
	       : some                 ? "without bound (nothing else was done)"
				      : "undefined",
	       json_is_object(possible) ? to_one(high, possible)
	       : some                   ? "without bound (no work was tagged capabilities)"
					: "undefined");
}

static void show_class(json_t *o)
{
	const char *class = json_string_value(json_object_get(o, "busy_class")) ?: "exact";
	char text[48];

	if (strcmp(class, "exact"))
		printf("busy: at worst %s; it may be off by %s in all, either way\n", class,
		       em_show(text, sizeof(text), json_object_get(o, "busy_error_us"),
			       EM_DURATION));
}

static void show_quality(json_t *o)
{
	json_t *value, *blind = json_object_get(o, "blind");
	const char *name;
	char text[128];
	size_t i;

	json_object_foreach(json_object_get(o, "lost"), name, value) {
		if (json_integer_value(value))
			printf("lost: %s %lld\n", name, json_integer_value(value));
	}
	show_class(o);
	if (json_integer_value(json_object_get(o, "sampled")))
		printf("sampled: in %lld intervals holds were polled; what changed between two walks "
		       "over the open files is unobserved\n",
		       json_integer_value(json_object_get(o, "sampled")));
	if (json_integer_value(json_object_get(o, "stretched")))
		printf("stretched: %lld intervals span more than their period; no time is lost\n",
		       json_integer_value(json_object_get(o, "stretched")));
	if (json_integer_value(json_object_get(o, "broken")))
		printf("BROKEN: %lld intervals whose sums do not come out\n",
		       json_integer_value(json_object_get(o, "broken")));
	json_array_foreach(json_object_get(o, "missing_nodes"), i, value) {
		printf("MISSING: no ledger of %s is here, which the inventory lists: all its time is unobserved\n",
		       em_show(text, sizeof(text), value, EM_TEXT));
	}
	if (json_integer_value(json_object_get(o, "missing_us")))
		printf("MISSING: %s of GPUs that the inventory lists, and no ledger here speaks of\n",
		       em_show(text, sizeof(text), json_object_get(o, "missing_us"), EM_DURATION));
	if (json_array_size(blind))
		printf("unobserved because of: %s (earmark doctor says more)\n",
		       em_show(text, sizeof(text), blind, EM_TEXT));
	printf("\nrecorded by %s. gpu-time: wall time divided among the jobs that hold a GPU. held: from\n"
	       "the first submission to the last close. busy: the hardware ran it. proven: what the\n"
	       "record shows at least; possible: what it cannot exclude at most. Tags are taken as true.\n",
	       em_show(text, sizeof(text), json_object_get(o, "recorded_by"), EM_TEXT));
}

/* That tags are true is an assumption; how far it was tested stands beside it. */
static void show_audit(const json_t *o)
{
	const json_t *audit = json_object_get(o, "audit");

	if (json_is_null(audit))
		puts("No tag was audited: earmark audit draw.");
	else
		printf("Audited: %lld draws, %lld misused: at most %.2f %% of the time (95 %%).\n",
		       json_integer_value(json_object_get(audit, "drawn")),
		       json_integer_value(json_object_get(audit, "misused")),
		       (double)json_integer_value(
			       json_object_get(json_object_get(audit, "at_most"), "num")) /
			       10000);
}

static void show(json_t *o)
{
	show_identity(o);
	show_purposes(o);
	show_ratio(o);
	show_metered(json_object_get(o, "energy"), "ENERGY", false);
	show_metered(json_object_get(o, "memory"), "MEMORY", true);
	if (json_array_size(json_object_get(o, "commitments"))) {
		putchar('\n');
		em_table(em_verdict_columns, EM_VERDICT_COLUMNS, json_object_get(o, "commitments"),
			 "");
	}
	show_quality(o);
	show_audit(o);
}

static int csv(struct em_args *a, const json_t *series, const json_t *rows)
{
	const char *keys[ARRAY_SIZE(row_columns) + 1] = {};
	int ret;

	for (size_t i = 0; i < ARRAY_SIZE(row_columns); i++)
		keys[i] = row_columns[i].key;
	ret = rows ? em_page_csv_rows(rows, keys, stdout) : em_page_csv_series(series, stdout);
	return ret ? em_fail(a, "the table could not be written: %s", strerror(-ret)) : EM_FINE;
}

/* All that is said of the window, in the form that was asked for. */
static int paged(struct em_args *a, struct em_ledger *l)
{
	const char *file = em_opt(a, "html");
	_cleanup_json_ json_t *o = NULL;
	int status;

	o = em_paging_document(a, l, &status);
	if (!o || (file && em_paging_html(a, o, file)))
		return EM_NO_ANSWER;
	if (a->json)
		return em_json_out(json_incref(o), EM_FINE);
	if (em_opt(a, "text"))
		em_paging_text(o);
	return EM_FINE;
}

/* GPU time over time. */
static int series_csv(struct em_args *a, struct em_ledger *l, int64_t since, int64_t until)
{
	_cleanup_json_ json_t *series = NULL;
	int ret = em_page_series(&series, l, since, until);

	return ret ? em_fail(a, "%s", em_ledger_error(l)) : csv(a, series, NULL);
}

static int parse_clock(struct em_args *a, enum em_clock *clock)
{
	const char *name = em_opt(a, "clock") ?: "gpu-time";

	for (*clock = EM_CLOCK_GPU_TIME; *clock <= EM_CLOCK_ALLOCATED; (*clock)++) {
		if (!strcmp(name, em_clock_name(*clock)))
			return 0;
	}
	return em_fail(a, "--clock %s: gpu-time, busy or allocated", name);
}

static int summed(struct em_args *a, struct em_ledger *l, json_t *rows)
{
	json_t *verdicts = NULL, *o;
	struct em_report r;
	int64_t since, until;
	enum em_clock clock;
	int status;

	if (em_window(a, &since, &until) || parse_clock(a, &clock))
		return EM_NO_ANSWER;
	if (em_report_make(&r, l, since, until))
		return em_fail(a, "%s", em_ledger_error(l));
	if (em_judge_all(a, l, until, &verdicts, &status))
		return EM_NO_ANSWER;
	em_report_clock(&r, clock);
	o = em_report_json(&r);
	if (em_paging_energy(a, l, o, since, until)) {
		json_decref(verdicts);
		json_decref(o);
		return EM_NO_ANSWER;
	}
	json_object_set_new(o, "missing_nodes", em_report_missing(l));
	json_object_set_new(o, "audit", em_draw_audits(l, since, until));
	json_object_set_new(o, "commitments", verdicts);
	if (rows)
		json_object_set(o, "rows", rows);
	if (a->json)
		return em_json_out(o, EM_FINE);
	if (rows)
		show_columns(row_columns, ARRAY_SIZE(row_columns), rows,
			     "No GPU time was used in this window.");
	else
		show(o);
	json_decref(o);
	return EM_FINE;
}

static int report(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	_cleanup_json_ json_t *rows = NULL;
	const char *by = em_opt(a, "by");
	bool page = em_opt(a, "html") || em_opt(a, "text") || em_opt(a, "full");
	int64_t since, until;

	if (em_window(a, &since, &until))
		return EM_NO_ANSWER;
	if (em_opt(a, "clock") && (page || em_opt(a, "csv")))
		return em_fail(a, "--clock goes alone, with --by or with --json: the page and the "
				  "tables show each clock");
	if (by && page)
		return em_fail(a, "--by goes with --csv or alone: --html, --text and --full show "
				  "all of it");
	if (em_opt(a, "csv") && (a->json || page))
		return em_fail(a, "--csv goes with --by or alone: it writes a table and nothing "
				  "else");
	if (em_opt(a, "full") && !a->json)
		return em_fail(a, "--full is for --json: people read --html or --text");
	l = em_open_ledger(a);
	if (!l)
		return EM_NO_ANSWER;
	if (by && em_report_rows(l, since, until, by, &rows))
		return em_fail(a, "--by %s: purpose, project, job, gpu or user", by);
	if (rows && em_opt(a, "csv"))
		return csv(a, NULL, rows);
	if (em_opt(a, "csv"))
		return series_csv(a, l, since, until);
	return page ? paged(a, l) : summed(a, l, rows);
}

static const struct em_option options[] = {
	{ "since", "TIME", "from then on (all there is)", NULL },
	{ "until", "TIME", "until then (now)", NULL },
	{ "window", "DURATION", "the last 7d, 12h, …", "1h 24h 7d 28d 90d" },
	{ "by", "WHAT", "a row for each purpose, project, job, gpu or user",
	  "purpose project job gpu user" },
	{ "clock", "CLOCK", "shares on this clock (gpu-time)", "gpu-time busy allocated" },
	{ "file", "FILE", "judge by this commitments file", NULL },
	{ "html", "FILE", "write all of it as one page that needs no network", NULL },
	{ "text", NULL, "all of it in the terminal, with sparklines", NULL },
	{ "csv", NULL, "GPU time over time, or the rows of --by, as a table", NULL },
	{ "full", NULL, "with --json: the whole document that the page is made of", NULL },
	{},
};

static const struct em_verb verbs[] = {
	{ "", "", "sums, shares with their bounds, verdicts", 0, 0, false, report, options },
	{},
};

const struct em_object em_report_object = { "report", "what GPU time went to", verbs };
