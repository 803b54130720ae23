/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is surely and what is possibly counted for a commitment (Manski bounds; measures,
 * "Bounds and verdicts"), and exact comparisons of products that 128 bits cannot hold.
 */
#ifndef EM_BOUNDS_H
#define EM_BOUNDS_H

#include "commit/measure.h"

/**
 * struct em_bounds - of a purpose on one clock, all of them @scale times GPU-ns
 * @a: surely counted; @untagged, @weak, @mixed: possibly; @x: unobserved; @n: the denominator
 * @used: T + x
 * @scale: the denominator of "mixed: N/M", so that all is whole
 */
struct em_bounds {
	em_ns a, untagged, weak, mixed, x, n, used, scale;
	bool capped; /* what is counted is part of @n */
};

/*
 * em_bounds_of() - the bounds of @purpose
 * @claimed: its time is what the claimant wants counted (a floor): weak tags only possibly
 *	count. Otherwise (a ceiling) a tag counts whoever set it, and weak tags of other
 *	purposes possibly do.
 */
struct em_bounds em_bounds_of(const struct em_commitment *c, const struct em_measure *m,
			      unsigned int purpose, bool claimed, enum em_clock clock);
em_ns em_bounds_possible(const struct em_bounds *b); /* a + m + x, at most n where @capped */

/* The sign of a·b − c·d, exactly. */
int em_compare(em_ns a, em_ns b, em_ns c, em_ns d);

#endif
