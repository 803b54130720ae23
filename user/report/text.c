// SPDX-License-Identifier: GPL-2.0
/* Text that others wrote, as JSON can hold it; see report.h. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/report.h"

/* Bytes of the character at @s, as JSON takes it; 0: it is none. */
static size_t character(const char *s)
{
	for (size_t n = 1; n <= 4 && s[n - 1]; n++) {
		_cleanup_json_ json_t *one = json_stringn(s, n);

		if (one)
			return n;
	}
	return 0;
}

json_t *em_json_text(const char *s)
{
	static const char replacement[] = "\xef\xbf\xbd";
	_cleanup_free_ char *out = NULL;
	json_t *fine = s ? json_string(s) : json_null();
	size_t at = 0;

	if (fine)
		return fine;
	out = malloc(strlen(s) * (sizeof(replacement) - 1) + 1);
	while (out && *s) {
		size_t n = character(s), put = n ?: sizeof(replacement) - 1;

		memcpy(out + at, n ? s : replacement, put);
		at += put;
		s += n ?: 1;
	}
	return out ? json_stringn(out, at) : NULL;
}
