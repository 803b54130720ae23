// SPDX-License-Identifier: GPL-2.0
/* One line of bars; see page.h. */
#include <langinfo.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/page.h"

/* A bar for each eighth; a terminal that knows no Unicode gets denser and denser marks. */
static const char *const bars[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
static const char *const plain[] = { "_", ".", ":", "-", "=", "+", "*", "#" };

const char *em_page_spark(char *out, size_t len, const double *values, size_t n, double top)
{
	bool unicode = !strcmp(nl_langinfo(CODESET), "UTF-8");
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < n; i++) {
		double part = top > 0 ? values[i] / top : 0;
		int level = (int)fmin(fmax(8 * part, 0), 7);
		const char *mark = !isfinite(values[i]) ? " " : (unicode ? bars : plain)[level];

		if (used + strlen(mark) >= len)
			break;
		strcpy(out + used, mark);
		used += strlen(mark);
	}
	return out;
}
