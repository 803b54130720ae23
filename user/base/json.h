/* SPDX-License-Identifier: GPL-2.0 */
/* Members of JSON objects that may not be there, or be something else. */
#ifndef EM_JSON_H
#define EM_JSON_H

#include <jansson.h>

/* The string, or "". It lives as long as the member. */
static inline const char *em_json_string(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

/* The integer, or 0. */
static inline json_int_t em_json_integer(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

#endif
