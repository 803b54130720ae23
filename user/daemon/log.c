// SPDX-License-Identifier: GPL-2.0
/* The daemon's log; see log.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "daemon/log.h"

void em_log(int priority, const char *format, ...)
{
	char text[1024], safe[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	em_text_safe(safe, sizeof(safe), text);
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s\n", priority, safe);
	else
		fprintf(stderr, "earmarkd: %s\n", safe);
}
