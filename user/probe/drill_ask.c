// SPDX-License-Identifier: GPL-2.0
/* A drill's plan, to be registered before it begins; and its analysis from a ledger. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "probe/ask.h"
#include "probe/drill.h"

static const struct em_field plan_columns[] = {
	{ "name", "NAME", EM_VALUE_TEXT },       { "at", "AT", EM_VALUE_TIME },
	{ "arm", "ARM", EM_VALUE_TEXT },         { "purpose", "PURPOSE", EM_VALUE_TEXT },
	{ "from", "FROM", EM_VALUE_SHARE },      { "to", "TO", EM_VALUE_SHARE },
	{ "control", "CONTROL", EM_VALUE_TEXT },
};

static json_t *share_json(const struct em_share *s)
{
	return json_pack("{s:I,s:I}", "num", (json_int_t)s->num, "den", (json_int_t)s->den);
}

/* An "order" note, as it goes into the ledger; of a control the arm is only shown. */
static json_t *order_json(const struct em_trial *t, size_t i, const struct em_ask *a)
{
	char name[EM_NOTE_NAME];

	snprintf(name, sizeof(name), "drill-%llu-%zu", (unsigned long long)a->seed, i + 1);
	return json_pack("{s:s,s:s,s:o,s:o,s:o,s:s,s:b}", "name", name, "purpose",
			 em_part_name(EM_PART_A), "from", share_json(&a->from), "to",
			 share_json(t->arm == EM_ARM_CONTROL ? &a->from : &a->to), "at",
			 em_time_json(t->at), "arm", t->arm == EM_ARM_DISPLACE ? "displace" : "add",
			 "control", t->arm == EM_ARM_CONTROL);
}

/* What is published beforehand: it fixes the plan without telling it. */
static void digest(struct em_finding *f)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(hash) + 1], *text = json_dumps(f->rows, JSON_COMPACT | JSON_SORT_KEYS);

	if (!text)
		return;
	crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
	em_finding_text(f, "sha256", "SHA-256 of the rows (compact, sorted keys)",
			em_hex(hex, hash, sizeof(hash)));
	free(text);
}

int em_probe_drill_plan(struct em_finding *f, struct em_ledger *l, const struct em_ask *a)
{
	_cleanup_free_ struct em_trial *t = calloc(a->count + 1, sizeof(*t));
	gsl_rng *rng = em_rng(a->seed);
	int ret = t && rng ? em_drill_plan(t, a->count, a->window, a->hold, rng) : -ENOMEM;

	(void)l;
	f->seed = a->seed;
	if (rng)
		gsl_rng_free(rng);
	if (ret == -ERANGE)
		return em_finding_refuse(f,
					 "the window is too short for %u orders that hold so "
					 "long each",
					 a->count);
	if (ret)
		return ret;
	em_finding_rows(f, plan_columns, ARRAY_SIZE(plan_columns));
	for (size_t i = 0; i < a->count; i++)
		em_finding_row(f, order_json(&t[i], i, a));
	em_finding_duration(f, "hold_us", "each holds", a->hold);
	digest(f);
	em_finding_estimate(f,
			    "%u orders at random times, a third of each arm; publish the digest "
			    "now, record each order when it is given",
			    a->count);
	em_finding_interval(f, "exact: the same seed and window give this plan again");
	return 0;
}

/* --- analysis ------------------------------------------------------------------------------ */

static const struct em_field columns[] = {
	{ "arm", "ARM", EM_VALUE_TEXT },       { "on", "ORDERS", EM_VALUE_COUNT },
	{ "off", "CONTROLS", EM_VALUE_COUNT }, { "effect", "SHARE, ON MINUS OFF", EM_VALUE_REAL },
	{ "p", "P", EM_VALUE_REAL },           { "least_p", "LEAST P", EM_VALUE_REAL },
};

static int measure(struct em_trial *t, struct em_ledger *l, const struct em_ask *a,
		   enum em_part_id part)
{
	struct em_parts p;
	struct em_report r;
	int ret = em_report_make(&r, l, t->at, t->at + a->hold);
	em_ns used;

	if (ret)
		return ret;
	em_parts_of_report(&p, &r);
	used = em_parts_used(&p);
	t->share = used ? em_ratio(p.part[part], used) : NAN;
	return 0;
}

/* Trials that have held to their end by the end of the record. */
static int read_trials(struct em_trial *t, size_t *count, const struct em_notes *n,
		       struct em_ledger *l, const struct em_ask *a, long long *after_the_fact)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < n->n; i++) {
		const struct em_order *o = &n->orders[i];
		struct em_trial *one = &t[*count];

		if (o->event || (!o->control && o->arm == EM_HOW_UNSAID) ||
		    o->at + a->hold > a->window.end)
			continue;
		*one = (struct em_trial){ .at = o->at,
					  .arm = o->control             ? EM_ARM_CONTROL
						 : o->arm == EM_HOW_ADD ? EM_ARM_ADD
									: EM_ARM_DISPLACE };
		*after_the_fact += o->written > o->at;
		(*count)++;
		ret = measure(one, l, a, o->part);
	}
	return ret;
}

static int effects(struct em_finding *f, const struct em_trial *t, size_t n, gsl_rng *rng)
{
	struct em_effect e[EM_ARMS];
	bool known[EM_ARMS] = { false };
	int ret;

	em_finding_rows(f, columns, ARRAY_SIZE(columns));
	for (enum em_arm arm = EM_ARM_ADD; arm < EM_ARMS; arm++) {
		ret = em_drill_effect(&e[arm], t, n, arm, rng);
		if (ret == -ENOMEM)
			return ret;
		known[arm] = !ret;
		em_finding_row(f,
			       json_pack("{s:s,s:I,s:I,s:o,s:o,s:o}", "arm", em_arm_name(arm), "on",
					 (json_int_t)e[arm].on, "off", (json_int_t)e[arm].off,
					 "effect", ret ? json_null() : em_real_json(e[arm].effect),
					 "p", ret ? json_null() : em_real_json(e[arm].p), "least_p",
					 ret ? json_null() : em_real_json(e[arm].least_p)));
	}
	if (!known[EM_ARM_ADD] && !known[EM_ARM_DISPLACE])
		return em_finding_refuse(f,
					 "fewer than %d orders of an arm, or of controls, that "
					 "held to their end: nothing to compare",
					 EM_DRILL_LEAST);
	em_finding_estimate(f, "%s%s%s",
			    !known[EM_ARM_ADD]        ? "adding: too few orders; "
			    : e[EM_ARM_ADD].p <= 0.05 ? "orders to add moved the share; "
						      : "orders to add did not move it visibly; ",
			    !known[EM_ARM_DISPLACE]        ? "displacing: too few orders"
			    : e[EM_ARM_DISPLACE].p <= 0.05 ? "orders to displace moved the share"
							   : "orders to displace did not move it "
							     "visibly",
			    " (see the list)");
	em_finding_interval(f, "randomisation test, two-sided; valid if times and arms were drawn");
	return 0;
}

int em_probe_drill_analyse(struct em_finding *f, struct em_ledger *l, const struct em_ask *a)
{
	gsl_rng *rng = em_rng(a->seed);
	long long after_the_fact = 0;
	struct em_trial *t;
	struct em_notes n;
	size_t count = 0;
	int ret = em_notes_orders(&n, l, a->window);

	t = calloc(n.n + 1, sizeof(*t));
	f->seed = a->seed;
	if (!t || !rng)
		ret = -ENOMEM;
	if (!ret)
		ret = read_trials(t, &count, &n, l, a, &after_the_fact);
	em_finding_count(f, "trials", "orders of a drill", (long long)count);
	em_finding_count(f, "after_the_fact", "of them written down after their time",
			 after_the_fact);
	em_finding_duration(f, "hold_us", "each held", a->hold);
	if (!ret)
		ret = effects(f, t, count, rng);
	if (rng)
		gsl_rng_free(rng);
	free(t);
	em_notes_clear(&n);
	return ret;
}
