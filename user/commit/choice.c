// SPDX-License-Identifier: GPL-2.0
/* Values of the language that are one of a few words; see loader.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "commit/loader.h"
#include "commit/near.h"

/* One of @n words; what it means is its place. */
static int word_of(const char *s, const char *(*name)(unsigned int), unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (!strcmp(s, name(i)))
			return (int)i;
	}
	return -EINVAL;
}

static const char *kind_word(unsigned int i)
{
	return em_commitment_kind_name(i);
}

static const char *clock_word(unsigned int i)
{
	return em_clock_name(i);
}

int em_loader_kind(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c)
{
	const char *s = em_loader_text(node) ?: "";
	static const char *const words[] = { "floor",      "ceiling", "growth",
					     "reallocate", "gate",    NULL };
	int kind = word_of(s, kind_word, EM_KIND_COUNT);
	char safe[64];

	if (kind < 0)
		return em_loader_refuse(l, node,
					"kind: \"%s\" is none of floor, ceiling, growth, "
					"reallocate, gate; did you mean %s?",
					em_text_safe(safe, sizeof(safe), s), em_near(words, s));
	c->kind = (enum em_commitment_kind)kind;
	return 0;
}

int em_loader_clock(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c)
{
	const char *s = em_loader_text(node) ?: "";
	int clock = word_of(s, clock_word, EM_CLOCK_ALLOCATED + 1);

	if (clock < 0)
		return em_loader_refuse(l, node, "clock: one of gpu-time, busy, allocated%s",
					!strcmp(s, "held") ? "; held time overlaps, and no share "
							     "can be declared on it"
							   : "");
	c->clock = (enum em_clock)clock;
	return 0;
}

/* What stands between "NAME(" and ")". Return: NULL if it is not so. */
static char *argument(const char *s, const char *name)
{
	size_t n = strlen(name), len = strlen(s);

	if (strncmp(s, name, n) || s[n] != '(' || s[len - 1] != ')')
		return NULL;
	return strndup(s + n + 1, len - n - 2);
}

int em_loader_of(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c)
{
	const char *s = em_loader_text(node) ?: "";
	_cleanup_free_ char *fixed = argument(s, "fixed"), *at = argument(s, "installed-at");

	for (unsigned int i = EM_OF_USED; i <= EM_OF_CAPACITY; i++) {
		if (strcmp(s, em_of_name(i)))
			continue;
		c->of = (enum em_of)i;
		return 0;
	}
	c->of = fixed ? EM_OF_FIXED : EM_OF_INSTALLED;
	if ((fixed && !em_value_gpu_time(fixed, &c->fixed)) ||
	    (at && !em_value_date(at, &c->installed_at)))
		return 0;
	return em_loader_refuse(l, node,
				"of: used, allocated, capacity, fixed(1000 GPU-h) or "
				"installed-at(2023-07-05)");
}

int em_loader_mixed(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c)
{
	const char *s = em_loader_text(node) ?: "";
	for (unsigned int i = EM_MIXED_EXCLUDE; i <= EM_MIXED_UNRESOLVED; i++) {
		if (strcmp(s, em_mixed_name(i)))
			continue;
		c->mixed = (enum em_mixed)i;
		return 0;
	}
	c->mixed = EM_MIXED_PART;
	if (em_value_fraction(s, &c->mixed_part) || !c->mixed_part.num || c->mixed_part.den > 1000)
		return em_loader_refuse(l, node,
					"mixed: exclude, include, unresolved, or the part of it "
					"that counts, as 1/2");
	return 0;
}
