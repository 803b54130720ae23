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
 * @error: possibly too: what the figures may be off by. Of used time, @a has lost its own error and
 *	@n has won everybody's, and as @error is twice that, a/n is at most the least share that the
 *	figures allow, and what is possible at least the greatest
 * @used: T + x, with the error where that is against the claim
 * @scale: the denominator of "mixed: N/M", so that all is whole
 */
struct em_bounds {
	em_ns a, untagged, weak, mixed, x, error, n, used, scale;
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
em_ns em_bounds_possible(
	const struct em_bounds *b); /* a + m + x + error, at most n where @capped */

/* The sign of a·b − c·d, exactly. */
int em_compare(em_ns a, em_ns b, em_ns c, em_ns d);

#endif
