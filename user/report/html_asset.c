// SPDX-License-Identifier: GPL-2.0
/* The page's parts, as they stand in contrib/report and third_party, inside the program. */
#include "report/html.h"

/* clang-format off */
#define ASSET(name, file)                                       \
	__asm__(".pushsection .rodata\n"                        \
		".global em_asset_" #name "\n"                  \
		"em_asset_" #name ":\n"                         \
		".incbin \"" file "\"\n"                        \
		".byte 0\n"                                     \
		".popsection\n")
/* clang-format on */

ASSET(page, "contrib/report/page.html");
ASSET(style, "contrib/report/page.css");
ASSET(script, "contrib/report/page.js");
ASSET(chart_style, "third_party/uplot/uPlot.min.css");
ASSET(chart_script, "third_party/uplot/uPlot.iife.min.js");
