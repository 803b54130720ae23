/* SPDX-License-Identifier: GPL-2.0 */
/* A commitment's own report: only what is in its scope, GPUs by their weights. */
#ifndef EM_MEASURE_H
#define EM_MEASURE_H

#include "commit/commitment.h"

/**
 * struct em_measure - what a window's ledger says to one commitment
 * @r: in scope, each GPU's time times its weight. Work of which it cannot be told whether it is
 *	in scope (no project named, a label set by too weak a tag) is untagged here
 * @fleet, @fleet_rate: installed-at: Σ weight of the GPUs that were there then; times the window
 * @rate: of calendar and cumulative windows: Σ weight of the GPUs there at @until
 * @whole: the capacity of all GPUs of the ledger, in scope or not
 * @engine_wall: Σ wall of engines, with gaps: the capacity on busy
 * @since, @until: clipped to what can be known
 */
struct em_measure {
	struct em_report r;
	em_ns fleet, rate, fleet_rate, whole, engine_wall;
	int64_t since, until;
};

int em_measure(struct em_measure *m, const struct em_commitment *c, struct em_ledger *l,
	       int64_t since, int64_t until);

#endif
