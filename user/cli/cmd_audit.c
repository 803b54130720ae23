// SPDX-License-Identifier: GPL-2.0
/* earmark audit - GPU time drawn at random for a person to look at, and what was found. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/ledger.h"
#include "cli/note.h"
#include "probe/draw.h"

#define DRAWS "59" /* clean ones: misuse below 5 % at 95 % */

EM_CLEANUP(struct em_ledger *, em_ledger_close);
EM_CLEANUP(struct em_place *, em_place_close);

static const struct em_column columns[] = {
	{ "draw", "DRAW", EM_TEXT },       { "entry", "ENTRY", EM_TEXT },
	{ "start", "FROM", EM_TIME },      { "end", "TO", EM_TIME },
	{ "gpu", "GPU", EM_TEXT },         { "purpose", "PURPOSE", EM_TEXT },
	{ "project", "PROJECT", EM_TEXT }, { "ref", "REF", EM_TEXT },
	{ "path", "JOB", EM_TEXT },
};

/* What was signed by witnesses, so that nobody could foresee the draw. */
static int seed_of(struct em_args *a, struct em_draw *d)
{
	const char *nonce = em_opt(a, "nonce");
	bool alone = em_opt(a, "unwitnessed");
	_cleanup_(em_place_closep) struct em_place *p = em_log_place(a, NULL);
	_cleanup_free_ char *note = NULL;
	size_t len;

	if (!p)
		return EM_NO_ANSWER;
	if (!nonce || strlen(nonce) < 16)
		return em_fail(a, "--nonce: at least 16 characters that you chose after the "
				  "checkpoint was signed, such as of openssl rand -hex 16");
	if (em_place_read(p, alone ? "checkpoint" : "cosigned", EM_NOTE_MAX - 1, &note, &len))
		return em_fail(a, "%s%s", em_place_error(p),
			       alone ? ""
				     : ": without a witness the operator can choose what is "
				       "drawn; --unwitnessed draws nevertheless");
	em_draw_seed(d, note, len, nonce);
	return 0;
}

static int parse(struct em_args *a, struct em_draw *d)
{
	const char *n = em_opt(a, "n") ?: DRAWS, *purpose = em_opt(a, "purpose");
	char *end;
	long count = strtol(n, &end, 10);
	int p = purpose ? em_purpose_parse(purpose) : EARMARK_PURPOSE_COUNT;

	if (*end || count < 1 || count > EM_DRAWS_MAX)
		return em_fail(a, "--n %s: a number up to %d", n, EM_DRAWS_MAX);
	if (p < 0)
		return em_fail(a, "--purpose %s: no such purpose", purpose);
	d->n = (unsigned int)count;
	d->purpose = (unsigned int)p;
	return 0;
}

static int draw(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	_cleanup_json_ json_t *rows = NULL;
	int64_t since, until;
	struct em_draw d;
	char seed[65];
	em_ns total;
	int r;

	if (em_window(a, &since, &until) || parse(a, &d) || seed_of(a, &d))
		return EM_NO_ANSWER;
	l = em_open_ledger(a);
	if (!l)
		return EM_NO_ANSWER;
	r = em_draw_make(&d, l, since, until, &total, &rows);
	if (r)
		return em_fail(a, "%s",
			       r == -ENODATA ? "there is no such GPU time in the window"
					     : em_ledger_error(l));
	em_hex(seed, d.seed, sizeof(d.seed));
	if (a->json)
		return em_json_out(json_pack("{s:s,s:s,s:I,s:I,s:O}", "schema", "earmark-draw-1",
					     "seed", seed, "n", (json_int_t)d.n, "of_us",
					     em_us(total), "draws", rows),
				   EM_FINE);
	em_table(columns, ARRAY_SIZE(columns), rows, "");
	printf("Seed %s. Look at each, and then: earmark audit record --of %u [--misused K] "
	       "--purpose P --seed %.16s… --author YOU --reason HOW\n",
	       seed, d.n, seed);
	return EM_FINE;
}

static int record(struct em_args *a)
{
	json_t *note = em_note_begin(a);
	const char *misused = em_opt(a, "misused");

	if (!note)
		return EM_NO_ANSWER;
	if (!em_opt(a, "of") || !em_opt(a, "purpose")) {
		json_decref(note);
		return em_fail(a, "give --of and --purpose: how many were drawn, of what");
	}
	if (em_note_count(a, note, "of", "of") ||
	    (misused && strcmp(misused, "0") && em_note_count(a, note, "misused", "misused"))) {
		json_decref(note);
		return EM_NO_ANSWER;
	}
	em_note_string(a, note, "purpose", "purpose");
	em_note_string(a, note, "seed", "seed");
	return em_note_end(a, "audit", note);
}

static int show(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = em_open_ledger(a);
	int64_t since, until;
	json_t *o;

	if (!l || em_window(a, &since, &until))
		return EM_NO_ANSWER;
	o = em_draw_audits(l, since, until);
	if (a->json)
		return em_json_out(json_pack("{s:s,s:o}", "schema", "earmark-audit-1", "audit", o),
				   EM_FINE);
	if (json_is_null(o))
		puts("Nothing was audited: that tags are true is taken on trust.");
	else
		printf("%lld draws, %lld misused: at most %.2f %% of the time is misused (95 %%, "
		       "Clopper-Pearson)\n",
		       json_integer_value(json_object_get(o, "drawn")),
		       json_integer_value(json_object_get(o, "misused")),
		       (double)json_integer_value(
			       json_object_get(json_object_get(o, "at_most"), "num")) /
			       10000);
	json_decref(o);
	return EM_FINE;
}

#define WINDOW                                                                                   \
	{ "since", "TIME", "from (all there is)", NULL }, { "until", "TIME", "to (now)", NULL }, \
	{                                                                                        \
		"window", "TIME", "instead of --since", NULL                                     \
	}

static const struct em_option draw_options[] = {
	{ "nonce", "TEXT", "chosen by the auditor, after the checkpoint was signed", NULL },
	{ "n", "COUNT", "how many (" DRAWS ")", NULL },
	{ "purpose", "PURPOSE", "of time with this purpose (all)",
	  "alignment capabilities mixed serving infrastructure untagged" },
	{ "unwitnessed", NULL, "by the log's own checkpoint, which no witness signed", NULL },
	WINDOW,
	{},
};

static const struct em_option record_options[] = {
	{ "of", "COUNT", "how many were looked at", NULL },
	{ "misused", "COUNT", "how many were not what their tag says (0)", NULL },
	{ "purpose", "PURPOSE", "of whose time", "alignment capabilities mixed serving" },
	{ "seed", "TEXT", "of the draw", NULL },
	EM_NOTE_OPTIONS,
	{},
};

static const struct em_option show_options[] = { WINDOW, {} };

static const struct em_verb verbs[] = {
	{ "draw", "", "draws GPU time for a person to look at, in proportion to time", 0, 0, false,
	  draw, draw_options },
	{ "record", "", "enters what the person found", 0, 0, false, record, record_options },
	{ "show", "", "what all audits together say", 0, 0, false, show, show_options },
	{},
};

const struct em_object em_audit_object = { "audit", "are tags true? a draw", verbs };
