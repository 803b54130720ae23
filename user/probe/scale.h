/* SPDX-License-Identifier: GPL-2.0 */
/*
 * P3: growth by scale and growth by share (measures, "Scale and share effects"):
 * ΔA = s̄·ΔT + T̄·Δs, with s = A/T and means of both windows. Exact to the nanosecond, and the two
 * add up to ΔA; where T is 0 on one side, all is scale.
 */
#ifndef EM_SCALE_H
#define EM_SCALE_H

#include "probe/finding.h"

struct em_scale {
	em_delta change, scale, share;
};

/* A and T of both windows, which must be equally long; A <= T. */
void em_scale_make(struct em_scale *s, em_ns a0, em_ns t0, em_ns a1, em_ns t1);

int em_probe_scale(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);

#endif
