// SPDX-License-Identifier: GPL-2.0
/* Which rule is it; see rule.h. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rule/rule.h"

#define NAME(id, name) name,

const char *em_rule_key_name(enum em_rule_key key)
{
	static const char *const names[] = { EM_RULE_KEYS(NAME) };

	return names[key];
}

/* fnmatch() is slow: most globs are plain words, and millions of rows are matched. */
bool em_rule_glob(const char *glob, const char *s)
{
	if (!glob || !strcmp(glob, "*"))
		return true;
	if (!strpbrk(glob, "*?[\\"))
		return !strcmp(glob, s);
	return !fnmatch(glob, s, 0);
}

static bool matches(const struct em_rule *rule, const char *const subject[EM_RULE_KEY_COUNT])
{
	for (size_t k = 0; k < EM_RULE_KEY_COUNT; k++) {
		if (rule->match[k] && !em_rule_glob(rule->match[k], subject[k] ?: ""))
			return false;
	}
	return true;
}

int em_rules_find(const struct em_rules *r, const char *const subject[EM_RULE_KEY_COUNT])
{
	for (unsigned int i = 0; i < r->n; i++) {
		if (matches(&r->list[i], subject))
			return (int)i;
	}
	return -1;
}

bool em_rules_ask(const struct em_rules *r, enum em_rule_key key)
{
	for (unsigned int i = 0; i < r->n; i++) {
		if (r->list[i].match[key] && strcmp(r->list[i].match[key], "*"))
			return true;
	}
	return false;
}

bool em_rules_ask_pods(const struct em_rules *r)
{
	for (unsigned int i = 0; i < r->n; i++) {
		for (unsigned int key = 0; key < EM_RULE_KEY_COUNT; key++) {
			if (r->list[i].match[key] && EM_RULE_POD_MASK & 1u << key)
				return true;
		}
	}
	return false;
}

void em_rules_clear(struct em_rules *r)
{
	for (unsigned int i = 0; i < r->n; i++) {
		for (size_t k = 0; k < EM_RULE_KEY_COUNT; k++)
			free(r->list[i].match[k]);
		free(r->list[i].project);
		free(r->list[i].ref);
		free(r->list[i].name);
	}
	free(r->list);
	memset(r, 0, sizeof(*r));
}
