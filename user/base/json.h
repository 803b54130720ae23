/* SPDX-License-Identifier: GPL-2.0 */
/* Members of JSON objects that may not be there, or be something else. */
#ifndef EM_JSON_H
#define EM_JSON_H

#include <jansson.h>

#include "base/text.h"

/* The string, or "". It lives as long as the member. */
static inline const char *em_json_string(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

/* A string of the kernel's, bounded but not promised to be UTF-8: what is not is escaped (\\xHH).
 */
static inline json_t *em_json_safe(const char *s)
{
	char safe[4096];

	return json_string(s) ?: json_string(em_text_safe(safe, sizeof(safe), s));
}

/* The integer, or 0. */
static inline json_int_t em_json_integer(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

#endif
