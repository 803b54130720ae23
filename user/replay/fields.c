// SPDX-License-Identifier: GPL-2.0
/* Splitting lines; see fields.h. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "replay/fields.h"

/* Takes the quotes off the field at @p. Return: what follows it, NULL if that is no field. */
static char *unquote(char *p, char separator, char quote)
{
	char *out = p;

	for (p++; *p; p++) {
		if (*p == quote && *++p != quote)
			break;
		*out++ = *p;
	}
	if (*p && *p != separator)
		return NULL;
	if (out < p)
		*out = '\0';
	return p;
}

const char *em_fields_split(struct em_fields *fields, char *line, char separator, char quote)
{
	char *p = line;

	fields->n = 0;
	for (;;) {
		char *end;

		if (fields->n == EM_COLUMNS_MAX)
			return "it has more than 1024 columns";
		fields->f[fields->n++] = p;
		if (quote && *p == quote) {
			end = unquote(p, separator, quote);
			if (!end)
				return "a quoted field goes on after its quote";
		} else {
			end = strchrnul(p, separator);
		}
		if (!*end)
			return NULL;
		*end = '\0';
		p = end + 1;
	}
}

int em_fields_find(const struct em_fields *fields, const char *name)
{
	int found = -1;

	for (size_t i = 0; i < fields->n; i++) {
		if (strcasecmp(fields->f[i], name))
			continue;
		if (found >= 0)
			return -2;
		found = (int)i;
	}
	return found;
}

const char *em_fields_list(const struct em_fields *fields, char *out, size_t len)
{
	char safe[64];
	size_t n = 0;

	*out = '\0';
	for (size_t i = 0; i < fields->n && n < len; i++)
		n += (size_t)snprintf(out + n, len - n, "%s%s", i ? ", " : "",
				      em_text_safe(safe, sizeof(safe), fields->f[i]));
	return out;
}
