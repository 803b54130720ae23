// SPDX-License-Identifier: GPL-2.0
/* earmark commitment - what was promised, and is it kept? */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "cli/cli.h"

EM_CLEANUP(struct em_ledger *, em_ledger_close);

const struct em_column em_verdict_columns[EM_VERDICT_COLUMNS] = {
	{ "name", "COMMITMENT", EM_TEXT },
	{ "status", "VERDICT", EM_STATE },
	{ "reason", "WHY", EM_TEXT },
	{ "bound", "BOUND", EM_SHARE },
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
	char move[48], add[48];

	if (!json_integer_value(json_object_get(v, "deficit_us")))
		return;
	printf("  to hold for certain, %s of used GPU time must be moved to it, or ",
	       duration(v, "deficit_us", move));
	if (json_is_null(json_object_get(v, "added_us")))
		puts("no addition is ever enough");
	else
		printf("%s added that is all of it\n", duration(v, "added_us", add));
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
		{ "unobserved_us", "unobserved: earmark doctor says why" },
	};
	json_t *settle = json_object_get(v, "settle");
	char time[48];

	if (is(v, "reason", "padding"))
		puts("  it holds GPUs that others keep busy: the floor holds on gpu-time, not on busy "
		     "time");
	if (is(v, "reason", "broken"))
		puts("  a recorder's sum did not come out: earmark report shows how many");
	if (is(v, "reason", "coverage"))
		puts("  it would be met, but too much time is unobserved for min_coverage");
	puts("  what would settle it:");
	for (size_t i = 0; i < ARRAY_SIZE(unknowns); i++) {
		if (json_integer_value(json_object_get(settle, unknowns[i].key)))
			printf("    %s %s\n", duration(settle, unknowns[i].key, time),
			       unknowns[i].words);
	}
}

void em_verdict_explain(const json_t *v)
{
	char name[128], start[40], end[40];
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
		puts("  nothing was used and nothing went unobserved: there is no share");
	explain_deficit(v);
	if (is(v, "status", "UNPROVEN"))
		explain_unproven(v);
	if (json_is_true(json_object_get(v, "long_unproven")))
		puts("  UNPROVEN for too long: that counts as a breach");
}

static int judge(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	_cleanup_json_ json_t *verdicts = NULL;
	bool check = !strcmp(a->verb->name, "check");
	const char *at = em_opt(a, "at");
	int64_t now = em_time_now();
	json_t *v;
	size_t i;
	int status;

	if (at && em_time_parse(at, now, &now))
		return em_fail(a, "--at %s: not a time", at);
	l = em_open_ledger(a);
	if (!l || em_judge_all(a, l, now, &verdicts, &status))
		return EM_NO_ANSWER;
	if (!check)
		status = EM_FINE;
	if (a->json)
		return em_json_out(json_pack("{s:s,s:O}", "schema", "earmark-commitments-1",
					     "commitments", verdicts),
				   status);
	em_table(em_verdict_columns, EM_VERDICT_COLUMNS, verdicts,
		 "Nothing is promised here. To promise something: man 5 earmark-commitments.");
	json_array_foreach(verdicts, i, v) {
		if (check)
			em_verdict_explain(v);
	}
	return status;
}

static const struct em_option options[] = {
	{ "file", "FILE", "judge by this commitments file", NULL },
	{ "at", "TIME", "as of then (now)", NULL },
	{},
};

static const struct em_verb verbs[] = {
	{ "list", "", "what was promised, with its verdict", 0, 0, false, judge, options },
	{ "check", "",
	  "the verdicts in words; status 1 if one is BREACHED, or UNPROVEN for longer than\n"
	  "      its prove_within",
	  0, 0, false, judge, options },
	{},
};

const struct em_object em_commitment_object = { "commitment", "what was promised, and is it kept?",
						verbs };
