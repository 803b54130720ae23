// SPDX-License-Identifier: GPL-2.0
/* earmark probe - what the essay's claims come to in this ledger; see probe/ask.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/probing.h"
#include "probe/kept.h"

EM_CLEANUP(struct em_ledger *, em_ledger_close);

/* --- the answer ---------------------------------------------------------------------------- */

static const char *show_hours(char *out, size_t len, const json_t *value)
{
	char text[EM_HOURS_LEN];

	snprintf(out, len, "%s",
		 em_hours(text, (em_delta)json_integer_value(value) * EM_NS_PER_US));
	return out;
}

static const char *show_value(char *out, size_t len, const json_t *value, enum em_value_kind kind)
{
	static const enum em_kind kinds[] = {
		[EM_VALUE_SHARE] = EM_SHARE,       [EM_VALUE_DURATION] = EM_DURATION,
		[EM_VALUE_TIME] = EM_TIME,         [EM_VALUE_COUNT] = EM_TEXT,
		[EM_VALUE_TEXT] = EM_TEXT,         [EM_VALUE_REAL] = EM_TEXT,
		[EM_VALUE_GPU_TIME] = EM_DURATION,
	};

	if (kind == EM_VALUE_GPU_TIME && json_is_integer(value))
		return show_hours(out, len, value);
	if (json_is_real(value)) {
		snprintf(out, len, "%.4g", json_real_value(value));
		return out;
	}
	return em_show(out, len, value, kinds[kind]);
}

/* A paragraph after its heading, wrapped at 100 columns. */
static void show_words(const char *heading, const char *text)
{
	_cleanup_free_ char *safe = malloc(4 * strlen(text) + 1);
	char *rest = NULL;
	int column = printf("  %-13s", heading);

	if (!safe)
		return;
	em_text_safe(safe, 4 * strlen(text) + 1, text);
	for (char *w = strtok_r(safe, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
		if (column > 15 && column + (int)strlen(w) >= 100)
			column = printf("\n%15s", "") - 1;
		column += printf(" %s", w);
	}
	putchar('\n');
}

static void show_period(const struct em_finding *f)
{
	static const char *const headings[2][2] = { { "period", "" }, { "before", "after" } };

	for (unsigned int i = 0; i < f->windows; i++) {
		char start[EM_TIME_LEN], end[EM_TIME_LEN];

		printf("  %-13s %s to %s\n", headings[f->windows - 1][i],
		       em_time_format(start, f->window[i].start, 0),
		       em_time_format(end, f->window[i].end, 0));
	}
}

static void show_rows(const struct em_finding *f)
{
	struct em_column columns[16];
	_cleanup_json_ json_t *shown = json_array();
	size_t i, n = f->n_columns < ARRAY_SIZE(columns) ? f->n_columns : ARRAY_SIZE(columns);
	json_t *row;

	for (size_t c = 0; c < n; c++)
		columns[c] = (struct em_column){ f->columns[c].key, f->columns[c].title, EM_TEXT };
	json_array_foreach(f->rows, i, row) {
		json_t *line = json_object();

		for (size_t c = 0; c < n; c++) {
			json_t *value = json_object_get(row, columns[c].key);
			char text[256];

			if (json_is_string(value) && f->columns[c].kind == EM_VALUE_TEXT)
				json_object_set(line, columns[c].key, value);
			else
				json_object_set_new(
					line, columns[c].key,
					json_string(show_value(text, sizeof(text), value,
							       f->columns[c].kind)));
		}
		json_array_append_new(shown, line);
	}
	putchar('\n');
	em_table(columns, n, shown, "  nothing to list");
}

static void show_finding(const struct em_finding *f)
{
	const struct em_probe *p = f->probe;
	char text[256], quoted[512];

	printf("%s %s: %s\n", p->id, p->name, p->help);
	snprintf(quoted, sizeof(quoted), "\"%s\"", p->claim);
	show_words("the essay", quoted);
	show_words(f->outcome == EM_OUTCOME_NO_ANSWER ? "no answer" : "estimate", f->estimate);
	show_words("interval", f->interval);
	show_period(f);
	if (f->recorders & (1u << EARMARK_RECORDER_REPLAY))
		show_words("recorded by", "replay: as declared by the scheduler");
	for (unsigned int i = 0; i < f->n; i++)
		printf("  %-56s %s\n", f->values[i].field.title,
		       show_value(text, sizeof(text), f->values[i].value, f->values[i].field.kind));
	if (json_array_size(f->rows))
		show_rows(f);
	if (f->seed)
		printf("  %-13s %" PRIu64 "\n", "seed", f->seed);
	show_words("would change", p->changes);
	show_words("cannot tell", p->cannot);
}

/* --- the verbs ----------------------------------------------------------------------------- */

static const int statuses[] = {
	[EM_OUTCOME_FINE] = EM_FINE,
	[EM_OUTCOME_NOT_SO] = EM_NOT_SO,
	[EM_OUTCOME_NO_ANSWER] = EM_NO_ANSWER,
};

/* Asks one probe and shows it, or adds it to @list. Return: its status. */
static int ask_one(struct em_args *a, struct em_ledger *l, const struct em_ask *ask,
		   const struct em_probe *p, json_t *list)
{
	struct em_finding f;
	int ret = em_probe_ask(p, l, ask, &f), status;

	if (ret) {
		em_finding_clear(&f);
		return em_fail(a, "%s: %s", p->name,
			       (l ? em_ledger_error(l) : NULL) ?: strerror(-ret));
	}
	status = statuses[f.outcome];
	if (a->json)
		json_array_append_new(list, em_finding_json(&f));
	else
		show_finding(&f);
	em_finding_clear(&f);
	return status;
}

/* Freezing a baseline writes; everything else only reads. */
static struct em_ledger *open_for(struct em_args *a, const struct em_ask *ask)
{
	struct em_ledger *l = NULL;
	int ret;

	if (!ask->freeze)
		return em_open_ledger(a);
	ret = em_ledger_open(&l, a->ledger, EM_LEDGER_WRITE);
	if (!ret)
		return l;
	em_fail(a, "%s", em_ledger_error(NULL) ?: strerror(-ret));
	return NULL;
}

static struct em_ledger *begin(struct em_args *a, struct em_ask *ask)
{
	struct em_ledger *l = NULL;

	if (em_probing_parse(a, ask))
		return NULL;
	l = open_for(a, ask);
	if (l && em_ask_clip(ask, l)) {
		em_fail(a, "%s", em_ledger_error(l));
		em_ledger_close(l);
		return NULL;
	}
	return l;
}

static int probe_one(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	_cleanup_json_ json_t *list = json_array();
	struct em_ask ask = { 0 };
	int status;

	l = begin(a, &ask);
	if (!l)
		return EM_NO_ANSWER;
	status = ask_one(a, l, &ask, em_probe_find(a->verb->name), list);
	if (a->json && json_array_size(list))
		return em_json_out(json_incref(json_array_get(list, 0)), status);
	return status;
}

static int drill_plan(struct em_args *a)
{
	_cleanup_json_ json_t *list = json_array();
	struct em_ask ask = { 0 };
	int status;

	if (em_probing_plan(a, &ask))
		return EM_NO_ANSWER;
	status = ask_one(a, NULL, &ask, &em_drill_plan_probe, list);
	if (a->json && json_array_size(list))
		return em_json_out(json_incref(json_array_get(list, 0)), status);
	return status;
}

/* Fine if any answered, not so if any says so: a probe without its inputs is no failure. */
static int probe_all(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	struct em_kept kept = { 0 };
	struct em_ask ask = { .kept = &kept };
	int status = EM_NO_ANSWER;
	json_t *list;

	l = begin(a, &ask);
	if (!l)
		return EM_NO_ANSWER;
	list = json_array();
	for (const struct em_probe *p = em_probes; p->name; p++) {
		int one;

		if (!a->json && p != em_probes)
			putchar('\n');
		one = ask_one(a, l, &ask, p, list);
		if (one == EM_NOT_SO || status == EM_NO_ANSWER)
			status = one;
	}
	em_kept_clear(&kept);
	if (a->json)
		return em_json_out(
			json_pack("{s:s,s:o}", "schema", "earmark-probe-1", "findings", list),
			status);
	json_decref(list);
	return status;
}

#define WINDOW_OPTIONS                                                    \
	{ "since", "TIME", "from then on (all there is)", NULL },         \
		{ "until", "TIME", "until then (now)", NULL },            \
	{                                                                 \
		"window", "DURATION", "the last 7d, 28d, …", "7d 28d 90d" \
	}
#define PAIR_OPTIONS                                                                   \
	{ "before", "START/END", "the earlier window (the first half of all)", NULL }, \
	{                                                                              \
		"after", "START/END", "the later window (the second half)", NULL       \
	}
#define SEED_OPTION                                                      \
	{                                                                \
		"seed", "NUMBER", "of what is drawn by chance (1)", NULL \
	}
#define HOLD_OPTION                                                                  \
	{                                                                            \
		"hold", "DURATION", "how long an order of a drill holds (24h)", NULL \
	}
#define SIZE_OPTION                                                                        \
	{                                                                                  \
		"size", "GPU-HOURS", "capabilities runs of so much need an approval", NULL \
	}
#define RESEARCHERS_OPTION                                                              \
	{                                                                               \
		"researchers", "A:C", "on alignment and on capabilities (30:100)", NULL \
	}
#define BASELINE_OPTION                                                                    \
	{                                                                                  \
		"baseline", "START/END", "of drift (frozen, else the first 90 days)", NULL \
	}

static const struct em_option window_options[] = { WINDOW_OPTIONS, {} };
static const struct em_option pair_options[] = { WINDOW_OPTIONS, PAIR_OPTIONS, {} };
static const struct em_option relabel_options[] = { WINDOW_OPTIONS, PAIR_OPTIONS, SEED_OPTION, {} };
static const struct em_option gate_options[] = { WINDOW_OPTIONS, SIZE_OPTION, {} };
static const struct em_option constraint_options[] = { WINDOW_OPTIONS, RESEARCHERS_OPTION, {} };
static const struct em_option analyse_options[] = { WINDOW_OPTIONS, SEED_OPTION, HOLD_OPTION, {} };
static const struct em_option drift_options[] = {
	WINDOW_OPTIONS,
	SEED_OPTION,
	BASELINE_OPTION,
	{ "at", "TIME", "estimate what a change of that date did to level and slope", NULL },
	{ "freeze", NULL, "write the baseline into the ledger, for all later watches", NULL },
	{ "author", "NAME", "who freezes it", NULL },
	{ "reason", "TEXT", "why", NULL },
	{},
};
static const struct em_option plan_options[] = {
	{ "since", "TIME", "from then on (now)", NULL },
	{ "until", "TIME", "until then (28 days later)", NULL },
	{ "count", "NUMBER", "how many orders, controls among them (12)", NULL },
	{ "from", "SHARE", "alignment's share before (10%)", NULL },
	{ "to", "SHARE", "the share ordered (20%)", NULL },
	SEED_OPTION,
	HOLD_OPTION,
	{},
};
static const struct em_option all_options[] = { WINDOW_OPTIONS,     PAIR_OPTIONS,
						SEED_OPTION,        HOLD_OPTION,
						BASELINE_OPTION,    SIZE_OPTION,
						RESEARCHERS_OPTION, {} };

_Static_assert(ARRAY_SIZE(all_options) <= EM_OPTIONS_MAX + 1, "values of a line have room");

#define ONE(name, help, options)                                \
	{                                                       \
		name, "", help, 0, 0, false, probe_one, options \
	}

static const struct em_verb verbs[] = {
	{ "all", "", "every probe, one after the other", 0, 0, false, probe_all, all_options },
	ONE("bounds", "how far the share could be from the claim, and why", window_options),
	ONE("financing", "out of what alignment's growth came", pair_options),
	ONE("scale", "alignment's growth by scale and by share", pair_options),
	ONE("balance", "does growth perpetuate the balance?", window_options),
	ONE("latency", "how long orders to move a share take", window_options),
	ONE("requests", "how long who asks for GPUs waits", window_options),
	{ "drill-plan", "", "plans orders at random times", 0, 0, false, drill_plan, plan_options },
	ONE("drill-analyse", "what drilled orders did", analyse_options),
	ONE("relabel", "was work renamed rather than moved?", relabel_options),
	ONE("drift", "has alignment's share begun to fall?", drift_options),
	ONE("coverage", "what the record covers", window_options),
	ONE("gate", "were large capabilities runs approved before?", gate_options),
	ONE("padding", "is the time that was given worked?", window_options),
	ONE("constraint", "is alignment constrained by compute?", constraint_options),
	{},
};

const struct em_object em_probe_object = { "probe", "what claims about compute come to", verbs };
