/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Exact arithmetic of probes: differences of sums, and a product divided where the product alone
 * would not fit (100k GPUs x 28 days of nanoseconds, squared).
 */
#ifndef EM_EXACT_H
#define EM_EXACT_H

#include "report/report.h"

typedef __int128 em_delta; /* a difference of em_ns */

/* a * b / c to the nearest, halves up; c > 0. Saturates where the result does not fit. */
em_ns em_muldiv(em_ns a, em_ns b, em_ns c);

/* To the nearest microsecond. */
json_int_t em_delta_us(em_delta ns);

static inline em_ns em_grown(em_ns before, em_ns after)
{
	return after > before ? after - before : 0;
}

static inline em_ns em_least(em_ns a, em_ns b)
{
	return a < b ? a : b;
}

double em_ratio(em_ns num, em_ns den); /* 0 where den is 0: callers say so first */

#endif
