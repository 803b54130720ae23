/* SPDX-License-Identifier: GPL-2.0 */
/* What a line asks of probes. Both return 0, or EM_NO_ANSWER when they have said what is wrong. */
#ifndef EM_PROBING_H
#define EM_PROBING_H

#include "cli/cli.h"
#include "probe/ask.h"

int em_probing_parse(struct em_args *a, struct em_ask *ask);

/* A plan is for the time to come: from now on and 28 days long, unless said otherwise. */
int em_probing_plan(struct em_args *a, struct em_ask *ask);

#endif
