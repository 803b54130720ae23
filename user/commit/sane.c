// SPDX-License-Identifier: GPL-2.0
/* Promises that cannot all be kept, or say nothing; see loader.h. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "commit/bounds.h"
#include "commit/loader.h"

static int refuse(struct em_loader *l, const struct em_commitment *c, const char *what,
		  const char *of)
{
	snprintf(l->err, l->len, "%s:%u:%u: %s%s%s", l->file, c->line, c->column, what,
		 of ? " " : "", of ?: "");
	return -EINVAL;
}

static bool same(const char *a, const char *b)
{
	return a ? b && !strcmp(a, b) : !b;
}

static bool same_weights(const struct em_weights *a, const struct em_weights *b)
{
	bool equal = a->n == b->n;

	for (size_t i = 0; equal && i < a->n; i++)
		equal = a->list[i].weight == b->list[i].weight &&
			!strcmp(a->list[i].glob, b->list[i].glob);
	return equal;
}

/* Are they of the same whole: window, denominator, scope, weights and clock? */
static bool comparable(const struct em_commitment *a, const struct em_commitment *b)
{
	for (int i = 0; i < EM_SCOPE_COUNT; i++) {
		if (!same(a->scope[i], b->scope[i]))
			return false;
	}
	return a->window == b->window && a->span.kind == b->span.kind &&
	       a->span.from == b->span.from && !strcmp(a->span.zone, b->span.zone) &&
	       a->of == b->of && a->fixed == b->fixed && a->installed_at == b->installed_at &&
	       a->clock == b->clock && same(a->when, b->when) &&
	       same_weights(&a->weights, &b->weights);
}

static bool above(const struct em_share *a, const struct em_share *b)
{
	return em_compare(a->num, b->den, b->num, a->den) > 0;
}

/* Amounts are shares of different wholes: what is compared is the time itself. */
static bool contradict(const struct em_commitment *floor, const struct em_commitment *ceiling)
{
	struct em_commitment other = *ceiling;

	if (floor->purpose != ceiling->purpose || floor->amount != ceiling->amount)
		return false;
	if (floor->amount)
		other.fixed = floor->fixed;
	if (!comparable(floor, &other))
		return false;
	return floor->amount ? floor->fixed > ceiling->fixed
			     : above(&floor->share, &ceiling->share);
}

static int check_pairs(struct em_loader *l, const struct em_commitments *c, unsigned int i)
{
	const struct em_commitment *a = &c->list[i];

	for (unsigned int j = 0; j < i; j++) {
		const struct em_commitment *b = &c->list[j];

		if ((a->kind == EM_FLOOR && b->kind == EM_CEILING && contradict(a, b)) ||
		    (a->kind == EM_CEILING && b->kind == EM_FLOOR && contradict(b, a)))
			return refuse(l, a,
				      "this floor and ceiling of one purpose exclude each other: "
				      "the floor is above the ceiling; the other is",
				      b->name);
	}
	return 0;
}

/*
 * Floors of different purposes out of one whole. Shares add up over a common denominator; one
 * that overflows 64 bits is beyond what people declare, and is not compared.
 */
static int check_sum(struct em_loader *l, const struct em_commitments *c, unsigned int i)
{
	struct em_share most[EARMARK_PURPOSE_COUNT] = { 0 }, sum = { 0, 1 };
	const struct em_commitment *a = &c->list[i];

	if (a->kind != EM_FLOOR || a->amount || a->of == EM_OF_FIXED || a->of == EM_OF_INSTALLED)
		return 0;
	for (unsigned int j = 0; j <= i; j++) {
		const struct em_commitment *b = &c->list[j];

		if (b->kind != EM_FLOOR || b->amount || !comparable(a, b))
			continue;
		if (!most[b->purpose].den || above(&b->share, &most[b->purpose]))
			most[b->purpose] = b->share;
	}
	for (unsigned int p = 0; p < EARMARK_PURPOSE_COUNT; p++) {
		if (!most[p].den)
			continue;
		sum.num = sum.num * most[p].den + most[p].num * sum.den;
		sum.den *= most[p].den;
		if (sum.den >> 64)
			return 0;
	}
	return sum.num > sum.den ? refuse(l, a,
					  "with this one, the floors of different purposes over "
					  "one window add up to more than 100 %",
					  NULL)
				 : 0;
}

static int check_reallocate(struct em_loader *l, const struct em_commitment *c)
{
	if (!c->due == !c->within)
		return refuse(l, c,
			      "a reallocation needs one of \"by: DATE\", \"due: DATE\" and "
			      "\"within: 30d of EVENT\"",
			      NULL);
	if (!em_compare(c->from.num, c->to.den, c->to.num, c->from.den))
		return refuse(l, c, "from and to are the same share: nothing is to be moved", NULL);
	if (c->due && c->due <= c->declared)
		return refuse(l, c, "due: before it was declared", NULL);
	if (c->displacement.den && (c->within_of ? 0 : !c->declared))
		return refuse(l, c, "displacement: compares with \"declared\", which is not given",
			      NULL);
	if (c->displacement.den && above(&c->from, &c->to))
		return refuse(l, c, "displacement: only what grows displaces other work", NULL);
	if (c->span.kind != EM_ROLLING)
		return refuse(l, c, "window: a reallocation takes a rolling one", NULL);
	return 0;
}

static int check_gate(struct em_loader *l, const struct em_commitment *c)
{
	unsigned int keys = 1;

	for (const char *p = c->approvers; p && (p = strchr(p, '\n')); p++)
		keys++;
	if (c->approvers && c->approvals > keys)
		return refuse(l, c, "approvals: more than there are approvers", NULL);
	return 0;
}

static int check_one(struct em_loader *l, const struct em_commitment *c)
{
	if (c->purpose == EARMARK_PURPOSE_MIXED && c->mixed)
		return refuse(l, c, "mixed: this commitment is about mixed work itself", NULL);
	if (c->kind == EM_GROWTH && c->purpose == c->than)
		return refuse(l, c, "than: a purpose cannot outgrow itself", NULL);
	if (c->kind == EM_GROWTH && c->span.kind == EM_CUMULATIVE)
		return refuse(l, c, "window: growth takes a rolling or calendar one", NULL);
	if (c->of == EM_OF_CAPACITY &&
	    (c->scope[EM_SCOPE_CLUSTER] || c->scope[EM_SCOPE_PROJECT] || c->scope[EM_SCOPE_USER]))
		return refuse(l, c,
			      "of: a cluster, project or user has no capacity of its own here; "
			      "scope by node, or take \"of: used\"",
			      NULL);
	if (c->kind == EM_REALLOCATE)
		return check_reallocate(l, c);
	return c->kind == EM_GATE ? check_gate(l, c) : 0;
}

int em_loader_sane(struct em_loader *l, const struct em_commitments *c)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < c->n; i++) {
		ret = check_one(l, &c->list[i]);
		ret = ret ?: check_pairs(l, c, i);
		ret = ret ?: check_sum(l, c, i);
	}
	return ret;
}
