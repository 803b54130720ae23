// SPDX-License-Identifier: GPL-2.0
/* Judging commitments: bounds of what is surely and what is possibly so; see commitment.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "commit/commitment.h"

static const char *const status_names[] = {
	[EM_MET] = "MET",           [EM_BREACHED] = "BREACHED",
	[EM_UNPROVEN] = "UNPROVEN", [EM_UNDEFINED] = "UNDEFINED",
	[EM_NOT_DUE] = "NOT_DUE",   [EM_INFEASIBLE] = "INFEASIBLE",
};

const char *em_status_name(enum em_status status)
{
	return status < ARRAY_SIZE(status_names) ? status_names[status] : "?";
}

/**
 * struct bounds - of a purpose's share on one clock
 * @a: surely counted; @m: possibly counted; @x: unobserved; @n: the denominator
 */
struct bounds {
	em_ns a, m, x, n;
};

/*
 * q·a >= p·n. In 128 bits: p and q have at most 12 digits (41 bits), and 87 bits of
 * nanoseconds are a million GPUs for four billion years.
 */
static bool holds(em_ns a, em_ns n, const struct em_share *floor)
{
	return floor->den * a >= floor->num * n;
}

static em_ns possible(const struct bounds *b)
{
	em_ns sum = b->a + b->m + b->x;

	return sum < b->n ? sum : b->n;
}

/*
 * On gpu-time: of the purpose, what was tagged strongly enough counts surely, weaker tags
 * possibly. Weakly tagged time of another purpose stays where it is: it was tagged against
 * the claimant's interest, and counts whoever set it.
 */
static struct bounds gpu_time_bounds(const struct em_commitment *c, const struct em_report *r)
{
	em_ns strong = r->strong[c->purpose][c->require_tagged_by].gpu_time;

	return (struct bounds){
		.a = strong,
		.m = r->parts[c->purpose].gpu_time - strong +
		     r->parts[EARMARK_PURPOSE_UNTAGGED].gpu_time + r->unattributed,
		.x = r->unobserved,
		.n = r->used + r->unobserved,
	};
}

static struct bounds busy_bounds(const struct em_commitment *c, const struct em_report *r)
{
	em_ns strong = r->strong[c->purpose][c->require_tagged_by].busy;

	return (struct bounds){
		.a = strong,
		.m = r->parts[c->purpose].busy - strong + r->parts[EARMARK_PURPOSE_UNTAGGED].busy +
		     r->busy_unattributed,
		.x = r->busy_unobserved,
		.n = r->busy_total + r->busy_unobserved,
	};
}

static bool covered(const struct em_commitment *c, const struct em_report *r)
{
	return holds(r->capacity - r->unobserved, r->capacity, &c->min_coverage);
}

/**
 * em_commitment_judge() - the verdict on a window's report
 *
 * MET iff q·a >= p·N, BREACHED iff q·(a+m+x) < p·N, else UNPROVEN. Coverage and padding can
 * only demote MET: an idle process parked on a busy GPU would otherwise earn half of it.
 */
void em_commitment_judge(const struct em_commitment *c, const struct em_report *r,
			 struct em_verdict *v)
{
	struct bounds t = gpu_time_bounds(c, r), b = busy_bounds(c, r);

	memset(v, 0, sizeof(*v));
	v->reason = "";
	v->start = r->span.start;
	v->end = r->span.end;
	v->proven = (struct em_share){ t.a, t.n };
	v->possible = (struct em_share){ possible(&t), t.n };
	v->busy_proven = (struct em_share){ b.a, b.n };
	v->busy_possible = (struct em_share){ possible(&b), b.n };
	if (!t.n) {
		v->status = EM_UNDEFINED;
		v->reason = "nothing used";
		return;
	}
	if (!holds(t.a, t.n, &c->share))
		v->deficit =
			(c->share.num * t.n - c->share.den * t.a + c->share.den - 1) / c->share.den;
	if (!holds(possible(&t), t.n, &c->share)) {
		v->status = EM_BREACHED;
	} else if (!holds(t.a, t.n, &c->share)) {
		v->status = EM_UNPROVEN;
		v->reason = t.x > t.m ? "unobserved" : "untagged";
	} else if (!covered(c, r)) {
		v->status = EM_UNPROVEN;
		v->reason = "coverage";
	} else if (b.n && !holds(b.a, b.n, &c->share)) {
		v->status = EM_UNPROVEN;
		v->reason = "padding";
	} else {
		v->status = EM_MET;
	}
}

static int first_gpu(const struct em_gpu_usage *g, void *arg)
{
	int64_t *first = arg;

	if (g->since && (!*first || g->since < *first))
		*first = g->since;
	return 0;
}

/**
 * em_commitment_check() - judge the rolling window that ends at @now
 *
 * A window that began before the promise was declared, or before there was an inventory, is
 * clipped to what can be known, and flagged partial.
 */
int em_commitment_check(const struct em_commitment *c, struct em_ledger *l, int64_t now,
			struct em_verdict *v)
{
	int64_t start = now - c->window, known = 0;
	struct em_report r;
	int ret;

	ret = em_ledger_gpus(l, start, now, first_gpu, &known);
	if (ret)
		return ret;
	if (c->declared > known)
		known = c->declared;
	ret = em_report_make(&r, l, known > start ? known : start, now);
	if (ret)
		return ret;
	em_commitment_judge(c, &r, v);
	v->partial = known > start;
	return 0;
}

json_t *em_verdict_json(const struct em_commitment *c, const struct em_verdict *v)
{
	char start[EM_TIME_LEN], end[EM_TIME_LEN];
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(c->name));
	json_object_set_new(o, "purpose", json_string(em_purpose_name(c->purpose)));
	json_object_set_new(o, "status", json_string(em_status_name(v->status)));
	json_object_set_new(o, "reason", json_string(v->reason));
	json_object_set_new(o, "floor",
			    json_pack("{s:I,s:I}", "num", (json_int_t)c->share.num, "den",
				      (json_int_t)c->share.den));
	json_object_set_new(o, "proven", em_share_json(&v->proven));
	json_object_set_new(o, "possible", em_share_json(&v->possible));
	json_object_set_new(o, "busy",
			    json_pack("{s:o,s:o}", "proven", em_share_json(&v->busy_proven),
				      "possible", em_share_json(&v->busy_possible)));
	json_object_set_new(o, "deficit_us", json_integer(em_us(v->deficit)));
	json_object_set_new(o, "partial", json_boolean(v->partial));
	if (v->end)
		json_object_set_new(o, "window",
				    json_pack("{s:s,s:s}", "start",
					      em_time_format(start, v->start, 6), "end",
					      em_time_format(end, v->end, 6)));
	else
		json_object_set_new(o, "window", json_null());
	return o;
}

static void unproven_key(const struct em_commitment *c, char *key, size_t len)
{
	snprintf(key, len, "unproven/%s", c->name);
}

/**
 * em_commitment_unproven_since() - since when has it been UNPROVEN without a break?
 *
 * Return: an instant as earmarkd recorded it, or 0.
 */
int64_t em_commitment_unproven_since(const struct em_commitment *c, struct em_ledger *l)
{
	_cleanup_free_ char *text = NULL;
	char key[128];

	unproven_key(c, key, sizeof(key));
	if (em_ledger_state_get(l, key, &text) || !text)
		return 0;
	return strtoll(text, NULL, 10);
}

/* By earmarkd, at each judgement: keeps the instant while the verdict stays UNPROVEN. */
int em_commitment_unproven_note(const struct em_commitment *c, struct em_ledger *l,
				const struct em_verdict *v, int64_t now)
{
	int64_t since = em_commitment_unproven_since(c, l);
	char key[128], text[24];

	if ((v->status == EM_UNPROVEN) == (since != 0))
		return 0;
	unproven_key(c, key, sizeof(key));
	snprintf(text, sizeof(text), "%lld", v->status == EM_UNPROVEN ? (long long)now : 0LL);
	return em_ledger_state_set(l, key, text);
}

/* Not knowing is no refuge: UNPROVEN for longer than prove_within counts as a breach. */
bool em_commitment_long_unproven(const struct em_commitment *c, struct em_ledger *l,
				 const struct em_verdict *v, int64_t now)
{
	int64_t since = em_commitment_unproven_since(c, l);

	return v->status == EM_UNPROVEN && since && now - since > c->prove_within;
}
