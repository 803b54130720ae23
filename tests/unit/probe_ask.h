/* SPDX-License-Identifier: GPL-2.0 */
/* A probe asked through the CLI, and what its finding says. */
#ifndef PROBE_ASK_H
#define PROBE_ASK_H

#include <math.h>

#include "said.h"
#include "probe/series.h"

#define START (1700000000 / 86400 * EM_DAY)
#define HOUR ((em_ns)EM_HOUR)

static inline json_t *ask(const char *ledger, int status, char *const *words)
{
	char *argv[20] = { "earmark", "-j", "--ledger", (char *)ledger, "probe" };
	struct said said;
	json_t *o;

	for (int i = 0; words[i]; i++)
		argv[5 + i] = words[i];
	finish(start(dir, argv), dir, &said);
	if (said.status != status)
		fail_msg("%s %s: status %d, not %d: %s%s", words[0], words[1] ?: "", said.status,
			 status, said.out, said.err);
	o = json_loads(said.out, 0, NULL);
	assert_non_null(o);
	return o;
}

#define ASK(ledger, status, ...) ask(ledger, status, (char *[]){ __VA_ARGS__, NULL })

static inline json_int_t value(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(json_object_get(o, "values"), key);

	if (!json_is_integer(v))
		fail_msg("%s is no integer", key);
	return json_integer_value(v);
}

static inline double share(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	json_int_t den = json_integer_value(json_object_get(v, "den"));

	assert_true(den > 0);
	return (double)json_integer_value(json_object_get(v, "num")) / (double)den;
}

static inline const json_t *row(const json_t *o, const char *key, const char *name)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(o, "rows"), i, one) {
		if (!strcmp(json_string_value(json_object_get(one, key)) ?: "", name))
			return one;
	}
	fail_msg("no row says %s", name);
	return NULL;
}

#endif
