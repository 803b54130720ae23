// SPDX-License-Identifier: GPL-2.0
/* earmark - asks what the GPU time of this node went to, and tags it. See user/cli/. */
#include <locale.h>

#include "cli/cli.h"

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	return em_cli_main(argc, argv);
}
