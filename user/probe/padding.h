/* SPDX-License-Identifier: GPL-2.0 */
/*
 * P13: is the time that a purpose was given worked? gpu-time and held against busy, by purpose and
 * by model of GPU, and the energy that it took where that was metered: parked processes and older
 * chips both make a share look larger than it is.
 */
#ifndef EM_PADDING_H
#define EM_PADDING_H

#include "probe/finding.h"

/**
 * struct em_padding - alignment beside all used time
 * @worked: how much of its gpu-time alignment was busy, over the same of the rest; -1: unknown
 */
struct em_padding {
	em_ns time, all_time, busy, all_busy;
	double worked;
};

/* @r: of any window. Unattributed counts in both wholes. */
void em_padding_make(struct em_padding *p, const struct em_report *r);

int em_probe_padding(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);

#endif
