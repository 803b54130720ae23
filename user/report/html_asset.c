// SPDX-License-Identifier: GPL-2.0
/* The page's parts, as they stand in contrib/report and third_party, inside the program. */
#include "report/html.h"

/* clang-format off */
#define FILE_OF(path) ".incbin \"" path "\"\n"
#define ASSET(name, files)                 \
	__asm__(".pushsection .rodata\n"   \
		".global em_asset_" #name "\n" \
		"em_asset_" #name ":\n"    \
		files                      \
		".byte 0\n"                \
		".popsection\n")
/* clang-format on */

ASSET(page, FILE_OF("contrib/report/page.html"));
ASSET(style, FILE_OF("contrib/report/page.css"));
ASSET(script, FILE_OF("contrib/report/chart.js") FILE_OF("contrib/report/page.js"));
ASSET(chart_style, FILE_OF("third_party/uplot/uPlot.min.css"));
ASSET(chart_script, FILE_OF("third_party/uplot/uPlot.iife.min.js"));
