// SPDX-License-Identifier: GPL-2.0
/* The keys of a commitment, each with what it takes and for which kinds; see loader.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "commit/loader.h"
#include "commit/near.h"

#define NAME_MAX_LEN 63
#define TEXT_MAX_LEN 4096
#define GPUS_MAX 100000000
#define PROVE_MAX (28 * 86400 * EM_NS_PER_S)
#define REALLOCATE_WINDOW (7 * 86400 * EM_NS_PER_S)

typedef int (*setter)(struct em_loader *l, const yaml_node_t *node, const char *s,
		      struct em_commitment *c);

/* People's own words, of several lines if they like. */
static int set_string(struct em_loader *l, const yaml_node_t *node, const char *s, char **out)
{
	_cleanup_free_ char *flat = strdup(s);

	if (!flat)
		return -ENOMEM;
	for (char *p = flat; (p = strpbrk(p, "\n\t"));)
		*p = ' ';
	if (!em_text_label(flat, TEXT_MAX_LEN))
		return em_loader_refuse(l, node,
					"at most %d bytes of printable text are expected here",
					TEXT_MAX_LEN);
	free(*out);
	*out = strdup(s);
	return *out ? 0 : -ENOMEM;
}

#define SETTER(name)                                                                       \
	static int set_##name(struct em_loader *l, const yaml_node_t *node, const char *s, \
			      struct em_commitment *c)

SETTER(name)
{
	if (!*s || !em_text_label(s, NAME_MAX_LEN))
		return em_loader_refuse(l, node, "name: 1 to %d bytes of printable text",
					NAME_MAX_LEN);
	return set_string(l, node, s, &c->name);
}

SETTER(text)
{
	return set_string(l, node, s, &c->text);
}

SETTER(source)
{
	return set_string(l, node, s, &c->source);
}

SETTER(by)
{
	return set_string(l, node, s, &c->by);
}

SETTER(when)
{
	if (!*s || !em_text_label(s, NAME_MAX_LEN))
		return em_loader_refuse(l, node, "when: the name of an event, 1 to %d bytes",
					NAME_MAX_LEN);
	return set_string(l, node, s, &c->when);
}

static int purpose(struct em_loader *l, const yaml_node_t *node, const char *key, const char *s,
		   unsigned int *ret)
{
	int p = em_purpose_parse(s);

	if (p <= EARMARK_PURPOSE_UNTAGGED)
		return em_loader_refuse(l, node,
					"%s: one of alignment, capabilities, mixed, serving, "
					"infrastructure",
					key);
	*ret = (unsigned int)p;
	return 0;
}

SETTER(purpose)
{
	return purpose(l, node, "purpose", s, &c->purpose);
}

SETTER(than)
{
	return purpose(l, node, "than", s, &c->than);
}

/* More than 0 and at most 1. */
static int fraction(struct em_loader *l, const yaml_node_t *node, const char *key, const char *s,
		    struct em_share *ret)
{
	if (em_value_fraction(s, ret) || !ret->num)
		return em_loader_refuse(
			l, node, "%s: more than 0 and at most 1 (100%%), as 20%%, 1/5 or 0.2", key);
	return 0;
}

SETTER(share)
{
	return fraction(l, node, "share", s, &c->share);
}

SETTER(from)
{
	if (em_value_fraction(s, &c->from))
		return em_loader_refuse(l, node, "from: from 0 to 1 (100%%), as 15%%");
	return 0;
}

SETTER(to)
{
	return fraction(l, node, "to", s, &c->to);
}

SETTER(displacement)
{
	return fraction(l, node, "displacement", s, &c->displacement);
}

SETTER(tolerance)
{
	return fraction(l, node, "tolerance", s, &c->tolerance);
}

SETTER(catch_up)
{
	return fraction(l, node, "catch_up", s, &c->catch_up_max);
}

SETTER(min_coverage)
{
	if (em_value_fraction(s, &c->min_coverage))
		return em_loader_refuse(l, node,
					"min_coverage: from 0 to 1, as 95%%, 19/20 or 0.95");
	return 0;
}

static int gpu_time(struct em_loader *l, const yaml_node_t *node, const char *key, const char *s,
		    em_ns *ret)
{
	if (em_value_gpu_time(s, ret))
		return em_loader_refuse(l, node, "%s: GPU time above 0, as 1000 GPU-h", key);
	return 0;
}

SETTER(amount)
{
	c->amount = true;
	c->of = EM_OF_FIXED;
	c->share = (struct em_share){ 1, 1 };
	return gpu_time(l, node, "amount", s, &c->fixed);
}

SETTER(min_total)
{
	return gpu_time(l, node, "min_total", s, &c->min_total);
}

SETTER(gpu_hours)
{
	char text[64];

	snprintf(text, sizeof(text), "%.40s GPU-h", s);
	return gpu_time(l, node, "gpu_hours", strstr(s, "GPU") ? s : text, &c->gpu_hours);
}

static int whole(struct em_loader *l, const yaml_node_t *node, const char *key, const char *s,
		 unsigned int *ret)
{
	if (em_value_whole(s, GPUS_MAX, ret))
		return em_loader_refuse(l, node, "%s: a whole number above 0", key);
	return 0;
}

SETTER(gpus)
{
	return whole(l, node, "gpus", s, &c->gpus);
}

SETTER(approvals)
{
	return whole(l, node, "approvals", s, &c->approvals);
}

SETTER(external)
{
	return whole(l, node, "external", s, &c->external);
}

SETTER(window)
{
	int ret = em_window_parse(s, &c->span);

	if (ret == -ENOENT)
		return em_loader_refuse(l, node,
					"window: no such zone on this machine; write one of the "
					"tz database, as Europe/Berlin, or none for UTC");
	if (ret)
		return em_loader_refuse(l, node,
					"window: \"rolling 28d\", \"calendar month|quarter|year "
					"[ZONE]\" or \"cumulative FROM/TO\"");
	c->window = c->span.length;
	return 0;
}

static int duration(struct em_loader *l, const yaml_node_t *node, const char *key, const char *s,
		    int64_t *ret)
{
	if (em_duration_parse(s, ret) || *ret <= 0)
		return em_loader_refuse(l, node, "%s: a duration, such as 28d", key);
	return 0;
}

SETTER(prove_within)
{
	return duration(l, node, "prove_within", s, &c->prove_within);
}

SETTER(notice)
{
	return duration(l, node, "notice", s, &c->notice);
}

SETTER(declared)
{
	if (em_value_date(s, &c->declared))
		return em_loader_refuse(l, node,
					"declared: a date or RFC 3339 instant, such as 2026-07-05");
	return 0;
}

SETTER(due)
{
	if (em_value_date(s, &c->due))
		return em_loader_refuse(l, node,
					"due: a date or RFC 3339 instant, such as 2027-01-01");
	return 0;
}

/* "30d of EVENT" */
SETTER(within)
{
	const char *of = strstr(s, " of ");
	char copy[EM_DURATION_LEN] = "";

	if (of && of - s < (ptrdiff_t)sizeof(copy))
		memcpy(copy, s, (size_t)(of - s));
	if (!*copy || em_duration_parse(copy, &c->within) || c->within <= 0 || !of[4] ||
	    !em_text_label(of + 4, NAME_MAX_LEN))
		return em_loader_refuse(l, node, "within: \"30d of EVENT\"");
	return set_string(l, node, of + 4, &c->within_of);
}

SETTER(require_tagged_by)
{
	int by = em_tagged_by_parse(s);

	if (by <= EARMARK_TAGGED_BY_NOBODY)
		return em_loader_refuse(
			l, node, "require_tagged_by: one of self, rule, scheduler, operator");
	c->require_tagged_by = (unsigned int)by;
	return 0;
}

typedef int (*node_setter)(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c);

#define KIND(kind) (1u << (kind))
#define SHARES (KIND(EM_FLOOR) | KIND(EM_CEILING))
#define ALL (KIND(EM_KIND_COUNT) - 1)
#define REALLOCATE KIND(EM_REALLOCATE)
#define GATE KIND(EM_GATE)
#define GROWTH KIND(EM_GROWTH)

/* The language: each key, once; for which kinds, and for which it must be given. */
static const struct {
	const char *key;
	setter set;
	node_setter nested;
	unsigned int kinds, required;
} keys[] = {
	{ "name", set_name, NULL, ALL, ALL },
	{ "kind", NULL, em_loader_kind, ALL, ALL },
	{ "purpose", set_purpose, NULL, ALL, ALL },
	{ "share", set_share, NULL, SHARES, 0 },
	{ "amount", set_amount, NULL, SHARES, 0 },
	{ "window", set_window, NULL, ALL, SHARES | GROWTH | GATE },
	{ "text", set_text, NULL, ALL, 0 },
	{ "source", set_source, NULL, ALL, 0 },
	{ "declared", set_declared, NULL, ALL, 0 },
	{ "by", set_by, NULL, ALL, 0 },
	{ "when", set_when, NULL, ALL, 0 },
	{ "than", set_than, NULL, GROWTH, 0 },
	{ "from", set_from, NULL, REALLOCATE, REALLOCATE },
	{ "to", set_to, NULL, REALLOCATE, REALLOCATE },
	{ "due", set_due, NULL, REALLOCATE, 0 },
	{ "within", set_within, NULL, REALLOCATE, 0 },
	{ "displacement", set_displacement, NULL, REALLOCATE, 0 },
	{ "gpus", set_gpus, NULL, GATE, 0 },
	{ "gpu_hours", set_gpu_hours, NULL, GATE, 0 },
	{ "approvers", NULL, em_loader_approvers, GATE, 0 },
	{ "approvals", set_approvals, NULL, GATE, 0 },
	{ "external", set_external, NULL, GATE, 0 },
	{ "of", NULL, em_loader_of, SHARES | REALLOCATE, 0 },
	{ "mixed", NULL, em_loader_mixed, SHARES | GROWTH | REALLOCATE, 0 },
	{ "clock", NULL, em_loader_clock, SHARES | GROWTH | REALLOCATE, 0 },
	{ "scope", NULL, em_loader_scope, SHARES | GROWTH | REALLOCATE, 0 },
	{ "weights", NULL, em_loader_weights, SHARES | GROWTH | REALLOCATE, 0 },
	{ "definitions", NULL, em_loader_definitions, ALL, 0 },
	{ "require_tagged_by", set_require_tagged_by, NULL, ALL, 0 },
	{ "min_coverage", set_min_coverage, NULL, ALL, 0 },
	{ "min_total", set_min_total, NULL, ALL, 0 },
	{ "prove_within", set_prove_within, NULL, ALL, 0 },
	{ "tolerance", set_tolerance, NULL, KIND(EM_FLOOR), 0 },
	{ "catch_up", set_catch_up, NULL, SHARES, 0 },
	{ "notice", set_notice, NULL, ALL, 0 },
};

_Static_assert(ARRAY_SIZE(keys) <= 64, "seen keys are bits of 64");

static const char *nearest_key(const char *name)
{
	const char *words[ARRAY_SIZE(keys) + 1] = { NULL };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		words[i] = keys[i].key;
	return em_near(words, name);
}

static int load_key(struct em_loader *l, yaml_node_pair_t *pair, struct em_commitment *c,
		    const yaml_node_t **seen)
{
	const yaml_node_t *key = yaml_document_get_node(&l->doc, pair->key);
	const yaml_node_t *value = yaml_document_get_node(&l->doc, pair->value);
	const char *name = em_loader_text(key), *s = em_loader_text(value);
	char safe[64];

	for (size_t i = 0; name && i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].key, name))
			continue;
		if (seen[i])
			return em_loader_refuse(l, key, "%s: given twice", name);
		seen[i] = key;
		if (keys[i].nested)
			return keys[i].nested(l, value, c);
		if (!s)
			return em_loader_refuse(l, value, "%s: a single value is expected", name);
		return keys[i].set(l, value, s, c);
	}
	return em_loader_refuse(l, key, "%s: no such key; did you mean %s?",
				em_text_safe(safe, sizeof(safe), name ?: "?"),
				nearest_key(name ?: ""));
}

static size_t index_of(const char *key)
{
	size_t i = 0;

	while (strcmp(keys[i].key, key))
		i++;
	return i;
}

/* Keys of another kind, and those that this kind cannot be without. */
static int check_kind(struct em_loader *l, const yaml_node_t *node, const struct em_commitment *c,
		      const yaml_node_t *const *seen)
{
	const char *kind = em_commitment_kind_name(c->kind);

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if ((keys[i].required & KIND(c->kind)) && !seen[i])
			return em_loader_refuse(l, node, "this commitment has no \"%s\"",
						keys[i].key);
		if (!(keys[i].kinds & KIND(c->kind)) && seen[i])
			return em_loader_refuse(l, seen[i], "%s: not of the kind %s", keys[i].key,
						kind);
	}
	if ((KIND(c->kind) & SHARES) && !seen[index_of("share")] == !seen[index_of("amount")])
		return em_loader_refuse(l, node, "one of \"share\" and \"amount\" is needed");
	if (c->amount && seen[index_of("of")])
		return em_loader_refuse(l, seen[index_of("of")], "of: an amount is of nothing");
	if (c->kind == EM_GATE && !c->gpus && !c->gpu_hours)
		return em_loader_refuse(l, node, "a gate needs \"gpus\" or \"gpu_hours\"");
	return 0;
}

/* In a reallocation "by" is when, if it is a date; who says it then stands nowhere. */
static void take_date(struct em_commitment *c)
{
	if (c->kind != EM_REALLOCATE || c->due || !c->by || em_value_date(c->by, &c->due))
		return;
	free(c->by);
	c->by = NULL;
}

static void defaults(struct em_commitment *c)
{
	take_date(c);
	if (c->kind == EM_REALLOCATE && !c->window)
		c->window = c->span.length = REALLOCATE_WINDOW;
	if (c->kind == EM_GROWTH && !c->than)
		c->than = EARMARK_PURPOSE_ALIGNMENT;
	if (!c->prove_within) /* a window of four years must not make not knowing a refuge */
		c->prove_within =
			c->span.kind == EM_ROLLING || c->window < PROVE_MAX ? c->window : PROVE_MAX;
}

int em_loader_keys(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c)
{
	const yaml_node_t *seen[ARRAY_SIZE(keys)] = { NULL };
	int ret;

	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++) {
		ret = load_key(l, p, c, seen);
		if (ret)
			return ret;
	}
	ret = check_kind(l, node, c, seen);
	if (!ret)
		defaults(c);
	return ret;
}
