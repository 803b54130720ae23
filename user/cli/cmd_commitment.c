// SPDX-License-Identifier: GPL-2.0
/* earmark commitment - what was promised, and is it kept? */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "cli/cli.h"
#include "commit/explain.h"
#include "commit/revision.h"

EM_CLEANUP(struct em_ledger *, em_ledger_close);

const struct em_column em_verdict_columns[EM_VERDICT_COLUMNS] = {
	{ "name", "COMMITMENT", EM_TEXT },
	{ "status", "VERDICT", EM_STATE },
	{ "reason", "WHY", EM_TEXT },
	{ "promise", "PROMISE", EM_TEXT },
	{ "proven", "PROVEN", EM_SHARE },
	{ "possible", "POSSIBLE", EM_SHARE },
	{ "deficit_us", "DEFICIT", EM_DURATION },
};

static const char *duration(const json_t *o, const char *key, char out[48])
{
	return em_show(out, 48, json_object_get(o, key), EM_DURATION);
}

static bool is(const json_t *o, const char *key, const char *value)
{
	return !strcmp(json_string_value(json_object_get(o, key)) ?: "", value);
}

/* What is missing on the proven side, two ways to make it up. */
static void explain_deficit(const json_t *v)
{
	bool ceiling = is(v, "kind", "ceiling");
	char move[48], add[48];

	if (!json_integer_value(json_object_get(v, "deficit_us")))
		return;
	printf("  to hold for certain, %s of GPU time must be moved %s it, or ",
	       duration(v, "deficit_us", move), ceiling ? "away from" : "to");
	if (json_is_null(json_object_get(v, "added_us")))
		puts("no addition is ever enough");
	else
		printf("%s added that is %s of it\n", duration(v, "added_us", add),
		       ceiling ? "none" : "all");
}

static void explain_unproven(const json_t *v)
{
	static const struct {
		const char *key, *words;
	} unknowns[] = {
		{ "untagged_us",
		  "of untagged or unattributed work: tag it (earmark report --by job)" },
		{ "weakly_tagged_us",
		  "tagged by somebody too weak: have it tagged by who is required" },
		{ "mixed_us", "of work that helps both, which the promise leaves unresolved" },
		{ "unobserved_us", "unobserved: earmark doctor says why" },
		{ "error_us", "that busy may be off by, both ways: it was not counted exactly" },
	};
	json_t *settle = json_object_get(v, "settle");
	char time[48];

	if (is(v, "reason", "padding"))
		puts("  GPUs are held that others keep busy: it holds on gpu-time, not on busy time");
	if (is(v, "reason", "too little used"))
		puts("  it would be met, but less was used than min_total");
	if (is(v, "reason", "broken"))
		puts("  a recorder's sum did not come out: earmark report shows how many");
	if (is(v, "reason", "missing nodes"))
		puts("  the inventory lists GPUs that no ledger here speaks of: earmark report says whose");
	if (is(v, "reason", "coverage"))
		puts("  it would be met, but too much time is unobserved for min_coverage");
	puts("  what would settle it:");
	for (size_t i = 0; i < ARRAY_SIZE(unknowns); i++) {
		if (json_integer_value(json_object_get(settle, unknowns[i].key)))
			printf("    %s %s\n", duration(settle, unknowns[i].key, time),
			       unknowns[i].words);
	}
}

static const struct em_column job_columns[] = {
	{ "job", "JOB", EM_TEXT },
	{ "path", "CGROUP", EM_TEXT },
	{ "user", "USER", EM_TEXT },
	{ "purpose", "PURPOSE", EM_TEXT },
	{ "tagged_by", "TAGGED BY", EM_TEXT },
	{ "gpu_time_us", "GPU TIME", EM_DURATION },
};

static const struct em_column gap_columns[] = {
	{ "gpu", "GPU", EM_TEXT },
	{ "unobserved_us", "UNOBSERVED", EM_DURATION },
	{ "no_interval_us", "WITHOUT A RECORD", EM_DURATION },
	{ "blind", "WHY", EM_TEXT },
};

/* Which jobs and which gaps. */
static void explain_unknown(const json_t *unknown)
{
	json_t *jobs = json_object_get(unknown, "jobs"), *weak = json_object_get(unknown, "weak");
	json_t *gaps = json_object_get(unknown, "gaps");

	if (json_array_size(jobs)) {
		puts("  the largest untagged jobs:");
		em_table(job_columns, ARRAY_SIZE(job_columns), jobs, "");
	}
	if (json_array_size(weak)) {
		puts("  the largest whose tag is too weak:");
		em_table(job_columns, ARRAY_SIZE(job_columns), weak, "");
	}
	if (json_array_size(gaps)) {
		puts("  where nobody looked:");
		em_table(gap_columns, ARRAY_SIZE(gap_columns), gaps, "");
	}
}

static void explain_forecast(const json_t *p)
{
	char breach[48], early[48], late[48], horizon[48], out[48], of[48];

	printf("  in the next %s, %s of it and %s of all leave the window\n",
	       duration(p, "horizon_us", horizon), duration(p, "ages_out_us", out),
	       duration(p, "ages_out_of_us", of));
	if (json_is_null(json_object_get(p, "breach_us")))
		puts("  forecast: at the present pace the proven share stays above the floor for one "
		     "window");
	else
		printf("  forecast: at the present pace the proven share is below the floor in %s\n",
		       duration(p, "breach_us", breach));
	if (!json_is_null(json_object_get(p, "breach_early_us")))
		printf("  forecast: with the past weeks in another order, from %s to %s (\"-\": not "
		       "within one window)\n",
		       duration(p, "breach_early_us", early), duration(p, "breach_late_us", late));
}

static void explain_catch_up(const json_t *p)
{
	char share[48], pace[48], rest[48], safe[48];

	printf("  %s of GPU time is left in its window: %s of it must be of the purpose, which has "
	       "had %s so far\n",
	       duration(p, "rest_us", rest),
	       em_show(share, sizeof(share), json_object_get(p, "catch_up"), EM_SHARE),
	       em_show(pace, sizeof(pace), json_object_get(p, "pace"), EM_SHARE));
	if (json_is_null(json_object_get(p, "last_safe")))
		puts("  the last safe moment to make it up is past");
	else
		printf("  at the present pace, the last safe moment to begin is %s\n",
		       em_show(safe, sizeof(safe), json_object_get(p, "last_safe"), EM_TIME));
}

static void explain_projection(const json_t *p)
{
	if (json_object_get(p, "breach_us"))
		explain_forecast(p);
	else if (json_object_get(p, "rest_us"))
		explain_catch_up(p);
}

/* What stands beside every share: how the two compare, and how much of the GPUs it is about. */
static void explain_beside(const json_t *v)
{
	json_t *ratio = json_object_get(v, "ratio"), *scope = json_object_get(v, "in_scope");
	char proven[48], possible[48], part[48];

	if (json_is_object(json_object_get(ratio, "proven")))
		printf("  alignment to capabilities: %s proven, %s possible\n",
		       em_show(proven, sizeof(proven), json_object_get(ratio, "proven"), EM_SHARE),
		       em_show(possible, sizeof(possible), json_object_get(ratio, "possible"),
			       EM_SHARE));
	if (json_integer_value(json_object_get(scope, "num")) !=
	    json_integer_value(json_object_get(scope, "den")))
		printf("  it covers %s of the GPUs' time\n",
		       em_show(part, sizeof(part), scope, EM_SHARE));
}

void em_verdict_explain(const json_t *v)
{
	char name[128], start[40], end[40], detail[256];
	json_t *window = json_object_get(v, "window");

	printf("\n%s, from %s to %s%s:\n",
	       em_show(name, sizeof(name), json_object_get(v, "name"), EM_TEXT),
	       em_show(start, sizeof(start), json_object_get(window, "start"), EM_TIME),
	       em_show(end, sizeof(end), json_object_get(window, "end"), EM_TIME),
	       json_is_true(json_object_get(v, "partial"))
		       ? " (a part of its window: nothing is known before)"
		       : "");
	if (is(v, "status", "MET"))
		printf("  kept%s\n", json_is_true(json_object_get(v, "replayed"))
					     ? ", as declared by the scheduler"
					     : "");
	if (is(v, "status", "UNDEFINED"))
		puts("  there is no answer to give: see why in the table above");
	if (*(json_string_value(json_object_get(v, "detail")) ?: ""))
		printf("  %s\n",
		       em_show(detail, sizeof(detail), json_object_get(v, "detail"), EM_TEXT));
	explain_beside(v);
	explain_deficit(v);
	if (is(v, "status", "UNPROVEN"))
		explain_unproven(v);
	explain_unknown(json_object_get(v, "unknown"));
	explain_projection(json_object_get(v, "projection"));
	if (json_is_true(json_object_get(v, "long_unproven")))
		puts("  UNPROVEN for too long: that counts as a breach");
}

static const struct em_column table_columns[] = {
	{ "days", "DAYS", EM_TEXT },       { "clock", "CLOCK", EM_TEXT },
	{ "mixed", "MIXED", EM_TEXT },     { "weights", "GPUS", EM_TEXT },
	{ "status", "VERDICT", EM_STATE }, { "reason", "WHY", EM_TEXT },
	{ "proven", "PROVEN", EM_SHARE },  { "possible", "POSSIBLE", EM_SHARE },
};

static void show(struct em_args *a, json_t *verdicts, bool check)
{
	json_t *v;
	size_t i;

	em_table(em_verdict_columns, EM_VERDICT_COLUMNS, verdicts,
		 "Nothing is promised here. To promise something: man 5 earmark-commitments.");
	json_array_foreach(verdicts, i, v) {
		if (!check)
			return;
		em_verdict_explain(v);
		if (em_opt(a, "table"))
			em_table(table_columns, ARRAY_SIZE(table_columns),
				 json_object_get(v, "table"), "  (a table is made of shares)");
	}
}

static int judge(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	_cleanup_json_ json_t *verdicts = NULL;
	bool check = !strcmp(a->verb->name, "check");
	const char *at = em_opt(a, "at");
	int64_t now = em_time_now();
	int status, ret;

	if (at && em_time_parse(at, now, &now))
		return em_fail(a, "--at %s: not a time", at);
	l = em_open_ledger(a);
	if (!l)
		return EM_NO_ANSWER;
	ret = check ? em_judge_fully(a, l, now, &verdicts, &status)
		    : em_judge_all(a, l, now, &verdicts, &status);
	if (ret)
		return EM_NO_ANSWER;
	if (!check)
		status = EM_FINE;
	if (a->json)
		return em_json_out(json_pack("{s:s,s:O}", "schema", "earmark-commitments-1",
					     "commitments", verdicts),
				   status);
	show(a, verdicts, check);
	return status;
}

static void put_list(const char *title, const json_t *list)
{
	char text[2048];
	json_t *s;
	size_t i;

	printf("  %s\n", title);
	json_array_foreach((json_t *)list, i, s)
		printf("  - %s\n", em_show(text, sizeof(text), s, EM_TEXT));
}

static int explain(struct em_args *a)
{
	_cleanup_json_ json_t *all = json_array();
	struct em_commitments list;
	char err[4608], name[128];
	json_t *o;
	size_t i;

	if (em_commitments_load(&list, a->argv[0], err, sizeof(err)))
		return em_fail(a, "%s", err);
	for (unsigned int k = 0; k < list.n; k++)
		json_array_append_new(all, em_commitment_explain(&list.list[k]));
	em_commitments_clear(&list);
	if (a->json)
		return em_json_out(
			json_pack("{s:s,s:O}", "schema", "earmark-explain-1", "commitments", all),
			EM_FINE);
	if (!json_array_size(all))
		puts("This file promises nothing.");
	json_array_foreach(all, i, o) {
		printf("%s%s:\n", i ? "\n" : "",
		       em_show(name, sizeof(name), json_object_get(o, "name"), EM_TEXT));
		put_list("It promises:", json_object_get(o, "promises"));
		put_list("It leaves open:", json_object_get(o, "open"));
	}
	return EM_FINE;
}

static const struct em_column history_columns[] = {
	{ "at", "AT", EM_TIME },          { "commitment", "COMMITMENT", EM_TEXT },
	{ "direction", "IS", EM_TEXT },   { "key", "KEY", EM_TEXT },
	{ "from", "WAS", EM_TEXT },       { "to", "IS NOW", EM_TEXT },
	{ "why", "WHAT OF IT", EM_TEXT },
};

static int history(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = em_open_ledger(a);
	_cleanup_json_ json_t *changes = NULL;

	if (!l)
		return EM_NO_ANSWER;
	if (em_revision_history(l, INT64_MAX, &changes))
		return em_fail(a, "%s", em_ledger_error(l));
	if (a->json)
		return em_json_out(
			json_pack("{s:s,s:O}", "schema", "earmark-promises-1", "changes", changes),
			EM_FINE);
	em_table(history_columns, ARRAY_SIZE(history_columns), changes,
		 "The record knows of no promise: earmarkd enters each version as it is loaded.");
	return EM_FINE;
}

static const struct em_option list_options[] = {
	{ "file", "FILE", "judge by this commitments file", NULL },
	{ "at", "TIME", "as of then (now)", NULL },
	{},
};

static const struct em_option check_options[] = {
	{ "file", "FILE", "judge by this commitments file", NULL },
	{ "at", "TIME", "as of then (now)", NULL },
	{ "table", NULL, "by clock, mixed work and weights, over 7, 28 and 90 days", NULL },
	{},
};

static const struct em_verb verbs[] = {
	{ "list", "", "what was promised, with its verdict", 0, 0, false, judge, list_options },
	{ "check", "",
	  "the verdicts in words; status 1 if one is BREACHED, INFEASIBLE, or UNPROVEN for\n"
	  "      longer than its prove_within",
	  0, 0, false, judge, check_options },
	{ "explain", "FILE", "what a file promises in plain words, and what it leaves open", 1, 1,
	  false, explain, NULL },
	{ "history", "", "how the promises moved, by the record: weaker, stronger", 0, 0, false,
	  history, NULL },
	{},
};

const struct em_object em_commitment_object = { "commitment", "what was promised, and is it kept?",
						verbs };
