// SPDX-License-Identifier: GPL-2.0
/* Which way a promise moved, key by key; see revision.h. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "commit/bounds.h"
#include "commit/revision.h"

enum way { SAME, STRONGER, WEAKER, NEUTRAL };

static const char *const way_names[] = {
	[STRONGER] = "stronger", [WEAKER] = "weaker", [NEUTRAL] = "neutral"
};

#define TEXT_LEN 256

static bool is_floor(const struct em_commitment *c)
{
	return c->kind == EM_FLOOR;
}

/* Numbers of which more is stricter. */
static enum way more(em_ns before, em_ns after)
{
	return after == before ? SAME : after > before ? STRONGER : WEAKER;
}

static enum way less(em_ns before, em_ns after)
{
	return more(after, before);
}

static enum way more_share(const struct em_share *before, const struct em_share *after)
{
	int sign = em_compare(after->num, before->den ?: 1, before->num, after->den ?: 1);

	return !sign ? SAME : sign > 0 ? STRONGER : WEAKER;
}

static enum way other(bool equal)
{
	return equal ? SAME : WEAKER;
}

static bool same(const char *a, const char *b)
{
	return !strcmp(a ?: "", b ?: "");
}

/* --- the keys ---------------------------------------------------------------------------- */

typedef enum way (*order)(const struct em_commitment *a, const struct em_commitment *b);

#define ORDER(name) \
	static enum way name(const struct em_commitment *a, const struct em_commitment *b)

ORDER(kind)
{
	return other(a->kind == b->kind);
}

ORDER(purpose)
{
	return other(a->purpose == b->purpose && a->than == b->than);
}

ORDER(share)
{
	if (a->amount != b->amount)
		return WEAKER;
	if (a->amount)
		return is_floor(a) ? more(a->fixed, b->fixed) : less(a->fixed, b->fixed);
	return is_floor(a) ? more_share(&a->share, &b->share) : more_share(&b->share, &a->share);
}

/* Capacity is never less than what was used: a floor of it is higher, a ceiling too. */
ORDER(of)
{
	if (a->amount && b->amount)
		return SAME;
	if (a->of == b->of && a->of == EM_OF_FIXED)
		return is_floor(a) ? more(a->fixed, b->fixed) : less(a->fixed, b->fixed);
	if (a->of == b->of)
		return other(a->of != EM_OF_INSTALLED || a->installed_at == b->installed_at);
	if (a->of == EM_OF_USED && b->of == EM_OF_CAPACITY && is_floor(a))
		return STRONGER;
	if (a->of == EM_OF_CAPACITY && b->of == EM_OF_USED && a->kind == EM_CEILING)
		return STRONGER;
	return WEAKER;
}

/* How much mixed work counts surely, and how much possibly, from 0 to 1. */
static void mixed_counts(const struct em_commitment *c, struct em_share *sure,
			 struct em_share *maybe)
{
	static const struct em_share none = { 0, 1 }, all = { 1, 1 };

	*sure = c->mixed == EM_MIXED_PART      ? c->mixed_part
		: c->mixed == EM_MIXED_INCLUDE ? all
					       : none;
	*maybe = c->mixed == EM_MIXED_UNRESOLVED ? all : *sure;
}

/*
 * Of a floor, counting less is stricter; of a ceiling, more. Both what counts surely and what
 * possibly does must not go the kind way. Growth and reallocation count both ways.
 */
ORDER(mixed)
{
	struct em_share sure[2], maybe[2];
	enum way s, m;

	mixed_counts(a, &sure[0], &maybe[0]);
	mixed_counts(b, &sure[1], &maybe[1]);
	s = is_floor(a) ? more_share(&sure[1], &sure[0]) : more_share(&sure[0], &sure[1]);
	m = is_floor(a) ? more_share(&maybe[1], &maybe[0]) : more_share(&maybe[0], &maybe[1]);
	if (s == SAME && m == SAME)
		return SAME;
	if (!is_floor(a) && a->kind != EM_CEILING)
		return WEAKER;
	return s == WEAKER || m == WEAKER ? WEAKER : STRONGER;
}

ORDER(clocks)
{
	return other(a->clock == b->clock);
}

ORDER(scope)
{
	bool equal = true;

	for (int i = 0; i < EM_SCOPE_COUNT; i++)
		equal &= same(a->scope[i], b->scope[i]);
	return other(equal);
}

/*
 * A shorter window forgets a breach that a longer one still holds, and the other way round: none
 * is stricter at every instant.
 */
ORDER(window)
{
	return other(a->span.kind == b->span.kind && a->window == b->window &&
		     a->span.from == b->span.from && same(a->span.zone, b->span.zone));
}

ORDER(weights)
{
	bool equal = a->weights.n == b->weights.n;

	for (size_t i = 0; equal && i < a->weights.n; i++)
		equal = a->weights.list[i].weight == b->weights.list[i].weight &&
			same(a->weights.list[i].glob, b->weights.list[i].glob);
	return other(equal);
}

ORDER(min_coverage)
{
	return more_share(&a->min_coverage, &b->min_coverage);
}

ORDER(min_total)
{
	return more(a->min_total, b->min_total);
}

ORDER(tagged_by)
{
	return more(a->require_tagged_by, b->require_tagged_by);
}

ORDER(prove_within)
{
	return less((em_ns)a->prove_within, (em_ns)b->prove_within);
}

/* Unsaid stands for the default of alerts (a tenth), and for all of what is left. */
static struct em_share said(const struct em_share *s, em_ns den)
{
	return s->den ? *s : (struct em_share){ 1, den };
}

ORDER(tolerance)
{
	struct em_share x = said(&a->tolerance, 10), y = said(&b->tolerance, 10);

	return more_share(&y, &x);
}

ORDER(catch_up)
{
	struct em_share x = said(&a->catch_up_max, 1), y = said(&b->catch_up_max, 1);

	return more_share(&y, &x);
}

ORDER(notice)
{
	return more((em_ns)a->notice, (em_ns)b->notice);
}

ORDER(when)
{
	return same(a->when, b->when) ? SAME : b->when ? WEAKER : STRONGER;
}

/* Windows are clipped to it: another date forgets, or brings in, what was before. */
ORDER(declared)
{
	return other(a->declared == b->declared);
}

ORDER(definitions)
{
	return other(same(a->definitions, b->definitions));
}

ORDER(due)
{
	if (!same(a->within_of, b->within_of) || !a->due != !b->due)
		return WEAKER;
	return a->due ? less((em_ns)a->due, (em_ns)b->due)
		      : less((em_ns)a->within, (em_ns)b->within);
}

ORDER(reallocation)
{
	bool up = em_compare(a->from.num, a->to.den ?: 1, a->to.num, a->from.den ?: 1) < 0;

	if (em_compare(a->from.num, b->from.den ?: 1, b->from.num, a->from.den ?: 1))
		return WEAKER;
	return up ? more_share(&a->to, &b->to) : more_share(&b->to, &a->to);
}

ORDER(displacement)
{
	return more_share(&a->displacement, &b->displacement);
}

/* A limit that is not there is above every one. */
ORDER(gpus)
{
	return less(a->gpus ?: UINT32_MAX, b->gpus ?: UINT32_MAX);
}

ORDER(gpu_hours)
{
	return less(a->gpu_hours ?: ~(em_ns)0, b->gpu_hours ?: ~(em_ns)0);
}

ORDER(approvals)
{
	enum way k = more(a->approvals ?: 1, b->approvals ?: 1), x = more(a->external, b->external);

	if (k == WEAKER || x == WEAKER)
		return WEAKER;
	return k == SAME ? x : k;
}

/* Fewer who may approve is stricter; NULL is everybody. */
ORDER(approvers)
{
	_cleanup_free_ char *copy = NULL;
	char *rest, *key;

	if (same(a->approvers, b->approvers))
		return SAME;
	if (!a->approvers || !b->approvers)
		return a->approvers ? WEAKER : STRONGER;
	copy = strdup(b->approvers);
	for (rest = copy; rest && (key = strsep(&rest, "\n"));) {
		if (!strstr(a->approvers, key))
			return WEAKER;
	}
	return copy ? STRONGER : WEAKER;
}

ORDER(words)
{
	return same(a->text, b->text) && same(a->source, b->source) && same(a->by, b->by) ? SAME
											  : NEUTRAL;
}

/* --- the table ----------------------------------------------------------------------------- */

static const struct {
	const char *key;
	order compare;
	const char *why; /* it may be kinder */
} keys[] = {
	{ "kind", kind, "another kind of promise cannot be compared" },
	{ "purpose", purpose, "it is about other work" },
	{ "share", share, "less is promised" },
	{ "of", of, "it may be measured against less" },
	{ "mixed", mixed, "mixed work counts more kindly" },
	{ "clock", clocks, "time is counted another way" },
	{ "scope", scope, "it covers other work" },
	{ "window", window, "another window forgets what this one holds" },
	{ "weights", weights, "GPUs count otherwise" },
	{ "min_coverage", min_coverage, "less need be seen" },
	{ "min_total", min_total, "less use is enough" },
	{ "require_tagged_by", tagged_by, "weaker tags are enough" },
	{ "prove_within", prove_within, "it may be unproven for longer" },
	{ "tolerance", tolerance, "alerts come later" },
	{ "catch_up", catch_up, "more may be left for the end" },
	{ "notice", notice, "the next weakening comes sooner" },
	{ "when", when, "it waits for something" },
	{ "declared", declared, "its windows are clipped elsewhere" },
	{ "definitions", definitions, "what the words mean has changed" },
	{ "due", due, "it is due later, or by something else" },
	{ "to", reallocation, "it moves less, or from elsewhere" },
	{ "displacement", displacement, "less of it need be moved" },
	{ "gpus", gpus, "larger jobs pass" },
	{ "gpu_hours", gpu_hours, "larger jobs pass" },
	{ "approvals", approvals, "fewer have to agree" },
	{ "approvers", approvers, "others may agree" },
	{ "text", words, "the words are others; what is judged is not" },
};

static int add(json_t *changes, const char *name, const char *key, enum way way, const char *from,
	       const char *to, const char *why)
{
	json_t *o = json_pack("{s:o,s:s,s:s,s:o,s:o,s:s}", "commitment", em_json_text(name), "key",
			      key, "direction", way_names[way], "from", em_json_text(from), "to",
			      em_json_text(to), "why", why);

	return o && !json_array_append_new(changes, o) ? 0 : -ENOMEM;
}

static int compare_one(const struct em_commitment *a, const struct em_commitment *b,
		       json_t *changes)
{
	char from[TEXT_LEN], to[TEXT_LEN];
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(keys); i++) {
		enum way way = keys[i].compare(a, b);

		if (way == SAME)
			continue;
		em_commitment_say(a, keys[i].key, from, sizeof(from));
		em_commitment_say(b, keys[i].key, to, sizeof(to));
		ret = add(changes, a->name, keys[i].key, way, from, to,
			  way == STRONGER ? "stricter" : keys[i].why);
	}
	return ret;
}

static const struct em_commitment *find(const struct em_commitments *list, const char *name)
{
	for (unsigned int i = 0; i < list->n; i++) {
		if (!strcmp(list->list[i].name, name))
			return &list->list[i];
	}
	return NULL;
}

int em_revision_compare(const struct em_commitments *before, const struct em_commitments *after,
			json_t **changes)
{
	int ret = 0;

	*changes = json_array();
	if (!*changes)
		return -ENOMEM;
	for (unsigned int i = 0; !ret && i < before->n; i++) {
		const struct em_commitment *a = &before->list[i], *b = find(after, a->name);

		ret = b ? compare_one(a, b, *changes)
			: add(*changes, a->name, "dropped", WEAKER, "promised", "not promised",
			      "it is no longer promised");
	}
	for (unsigned int i = 0; !ret && i < after->n; i++) {
		if (!find(before, after->list[i].name))
			ret = add(*changes, after->list[i].name, "added", STRONGER, "not promised",
				  "promised", "a new promise");
	}
	if (!ret)
		return 0;
	json_decref(*changes);
	*changes = NULL;
	return ret;
}

bool em_revision_weakens(const json_t *changes, const char *commitment)
{
	json_t *change;
	size_t i;

	json_array_foreach((json_t *)changes, i, change) {
		const char *name = json_string_value(json_object_get(change, "commitment")) ?: "";
		const char *way = json_string_value(json_object_get(change, "direction")) ?: "";

		if (!strcmp(way, "weaker") && (!commitment || !strcmp(name, commitment)))
			return true;
	}
	return false;
}
