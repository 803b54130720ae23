// SPDX-License-Identifier: GPL-2.0
/* earmark ledger verify: what is proven, what is not, and the first thing wrong. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/ledger.h"
#include "report/report.h"

EM_CLEANUP(struct em_ledger *, em_ledger_close);
EM_CLEANUP(struct em_place *, em_place_close);

static void say(json_t *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(json_t *list, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(list, json_string(text) ?: json_string("?"));
}

static json_t *problems_json(const struct em_verified *v)
{
	json_t *list = json_array();
	char where[200], what[400];

	for (unsigned int i = 0; i < v->n_problems && i < EM_PROBLEMS_MAX; i++) {
		const struct em_problem *p = &v->problems[i];

		json_array_append_new(
			list, json_pack("{s:o,s:s,s:s}", "entry",
					p->entry < 0 ? json_null() : json_integer(p->entry), "file",
					em_text_safe(where, sizeof(where), p->where), "what",
					em_text_safe(what, sizeof(what), p->what)));
	}
	return list;
}

/* What holds if there is no problem, and what remains a matter of trust. */
static void proven_say(const struct em_verify_order *o, const struct em_verified *v, json_t *proven,
		       json_t *open)
{
	const struct em_check_counts *c = &v->counts;
	char from[EM_TIME_LEN], to[EM_TIME_LEN];

	say(proven, "%" PRIu64 " entries are those that the checkpoint signs for", c->entries);
	if (v->signed_)
		say(proven, "the checkpoint was signed by %s%s", o->key->name,
		    v->turns ? ", whose key was turned since, signed by both" : "");
	else
		say(open, "who signed it: no --key was given");
	if (v->continued)
		say(proven, "it continues the checkpoint of %" PRIu64 " entries kept earlier",
		    v->from_size);
	if (v->cosigned)
		say(proven,
		    "%u of the witnesses asked for signed for its first %" PRIu64 " entries",
		    v->cosigned, v->witnessed);
	if (!v->continued && !v->cosigned)
		say(open, "that no other history was shown to others: neither --from nor "
			  "--witness-key was given");
	if (c->usage)
		say(proven,
		    "%" PRIu64 " intervals from %s to %s, each once, each chained to the "
		    "one before",
		    c->intervals, em_time_format(from, c->start, 0), em_time_format(to, c->end, 0));
	if (c->gpus)
		say(proven,
		    "gpu-time + idle + unobserved = wall time in %" PRIu64
		    " sums over GPUs, to the nanosecond",
		    c->gpus);
	if (c->missing)
		say(open,
		    "%" PRIu64 " intervals are not in it, as it says: their time is "
		    "unobserved",
		    c->missing);
	if (c->broken)
		say(open, "%" PRIu64 " intervals say themselves that a sum did not come out",
		    c->broken);
	if (c->rows_hidden)
		say(open,
		    "the rows of %" PRIu64 " entries are not shown: their totals are taken "
		    "at their word",
		    c->rows_hidden);
	if (v->old)
		say(open, "what came before: the log %s was left (%s); its lost time is unobserved",
		    json_string_value(json_object_get(v->old, "origin")),
		    json_string_value(json_object_get(v->old, "why")));
	say(open, "that what was recorded was so: no log proves that (docs/auditing.md)");
}

/* Shares and verdicts, computed anew from the log; the index beside it is compared with it. */
static json_t *recomputed(struct em_args *a, const char *where, json_t *problems, int *status)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL, *shared = NULL;
	json_t *o, *verdicts = NULL;
	struct em_report r;
	int code = EM_FINE;

	if (em_ledger_open_log(&l, where)) {
		say(problems, "%s", em_ledger_error(NULL));
		return NULL;
	}
	if (em_report_make(&r, l, 0, em_time_now()) ||
	    em_judge_all(a, l, em_time_now(), &verdicts, &code)) {
		json_decref(verdicts);
		return NULL;
	}
	if (code == EM_NOT_SO)
		*status = EM_NOT_SO;
	o = json_pack("{s:o,s:o}", "report", em_report_json(&r), "commitments", verdicts);
	if (!em_ledger_open(&shared, where, EM_LEDGER_READ) && *em_ledger_trouble(shared))
		json_object_set_new(o, "index", json_string(em_ledger_trouble(shared)));
	return o;
}

static void show_list(const char *title, const json_t *list)
{
	const json_t *item;
	char text[600];
	size_t i;

	if (json_array_size(list))
		puts(title);
	json_array_foreach((json_t *)list, i, item)
		printf("  - %s\n", em_show(text, sizeof(text), item, EM_TEXT));
}

static void show_share(const json_t *report)
{
	const json_t *share = json_object_get(report, "alignment_share");
	char proven[64], possible[64];

	printf("alignment, of used GPU time, over all of it: %s proven, %s possible\n",
	       em_show(proven, sizeof(proven), json_object_get(share, "proven"), EM_SHARE),
	       em_show(possible, sizeof(possible), json_object_get(share, "possible"), EM_SHARE));
}

static void show(const struct em_verified *v, const json_t *o)
{
	const json_t *problems = json_object_get(o, "problems"), *p;
	char text[600];
	size_t i;

	printf("%s: %" PRIu64 " entries: %s\n", v->checkpoint.origin, v->checkpoint.size,
	       v->n_problems ? "NOT AS SIGNED" : "verified");
	json_array_foreach((json_t *)problems, i, p) {
		const json_t *entry = json_object_get(p, "entry");
		const char *file = json_string_value(json_object_get(p, "file"));

		printf("  WRONG ");
		if (json_is_integer(entry))
			printf("entry %lld%s", json_integer_value(entry), *file ? ", " : "");
		printf("%s: %s\n", file,
		       em_show(text, sizeof(text), json_object_get(p, "what"), EM_TEXT));
	}
	if (v->n_problems > EM_PROBLEMS_MAX)
		printf("  … and %u more\n", v->n_problems - EM_PROBLEMS_MAX);
	if (v->n_problems)
		return;
	show_list("proven:", json_object_get(o, "proven"));
	show_list("not proven:", json_object_get(o, "not_proven"));
	if (json_object_get(o, "index"))
		printf("the index beside the log: %s (earmark ledger reindex)\n",
		       em_show(text, sizeof(text), json_object_get(o, "index"), EM_TEXT));
	if (!json_object_get(o, "report"))
		return;
	show_share(json_object_get(o, "report"));
	em_table(em_verdict_columns, EM_VERDICT_COLUMNS, json_object_get(o, "commitments"), "");
}

static json_t *answer(struct em_args *a, const char *where, const struct em_verify_order *order,
		      const struct em_verified *v, int *status)
{
	json_t *proven = json_array(), *open = json_array(), *figures = NULL;
	json_t *o = json_pack("{s:s,s:s,s:I,s:b,s:o,s:I}", "schema", "earmark-verify-1", "origin",
			      v->checkpoint.origin, "size", (json_int_t)v->checkpoint.size,
			      "verified", !v->n_problems, "problems", problems_json(v),
			      "problem_count", (json_int_t)v->n_problems);

	*status = v->n_problems ? EM_NOT_SO : EM_FINE;
	if (!v->n_problems) {
		proven_say(order, v, proven, open);
		if (!em_opt(a, "no-verdicts"))
			figures = recomputed(a, where, open, status);
	}
	json_object_set_new(o, "proven", proven);
	json_object_set_new(o, "not_proven", open);
	if (figures)
		json_object_update(o, figures);
	json_decref(figures);
	return o;
}

int em_ledger_verify(struct em_args *a)
{
	const char *where = a->argc ? a->argv[0] : a->ledger;
	struct em_key key, witnesses[EM_WITNESSES_MAX];
	struct em_verify_order order = { .witnesses = witnesses,
					 .from = em_opt(a, "from"),
					 .progress = em_progress,
					 .arg = "verifying" };
	_cleanup_(em_place_closep) struct em_place *p = NULL;
	struct em_verified v;
	char err[512];
	json_t *o;
	int r;

	if (em_log_keys(a, &key, witnesses, &order.n_witnesses))
		return EM_NO_ANSWER;
	order.key = *key.name ? &key : NULL;
	p = em_log_place(a, where);
	if (!p)
		return EM_NO_ANSWER;
	em_progress_begin();
	r = em_verify(p, &order, &v, err, sizeof(err));
	em_progress_end();
	if (r) {
		em_verified_clear(&v);
		return em_fail(a, "%s", err);
	}
	o = answer(a, where, &order, &v, &r);
	if (!a->json)
		show(&v, o);
	em_verified_clear(&v);
	if (a->json)
		return em_json_out(o, r);
	json_decref(o);
	return r;
}
