/* SPDX-License-Identifier: GPL-2.0 */
/* P10: how much of the GPUs' time the record covers, and which GPUs it lacks. */
#ifndef EM_COVERAGE_H
#define EM_COVERAGE_H

#include "probe/finding.h"

int em_probe_coverage(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);

#endif
