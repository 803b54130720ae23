// SPDX-License-Identifier: GPL-2.0
/* The words of the language. */
#include "base/cleanup.h"
#include "commit/commitment.h"

static const char *word(const char *const *words, size_t n, size_t i)
{
	return i < n ? words[i] : "?";
}

const char *em_commitment_kind_name(enum em_commitment_kind kind)
{
	static const char *const words[] = { "floor", "ceiling", "growth", "reallocate", "gate" };

	return word(words, ARRAY_SIZE(words), kind);
}

const char *em_of_name(enum em_of of)
{
	static const char *const words[] = { "used", "allocated", "capacity", "fixed",
					     "installed-at" };

	return word(words, ARRAY_SIZE(words), of);
}

const char *em_mixed_name(enum em_mixed mixed)
{
	static const char *const words[] = { "exclude", "include", "unresolved", "part" };

	return word(words, ARRAY_SIZE(words), mixed);
}

const char *em_clock_name(enum em_clock clock)
{
	static const char *const words[] = { "gpu-time", "busy", "allocated" };

	return word(words, ARRAY_SIZE(words), clock);
}

const char *em_scope_name(enum em_scope scope)
{
	static const char *const words[] = { "node", "cluster", "project", "user" };

	return word(words, ARRAY_SIZE(words), scope);
}
