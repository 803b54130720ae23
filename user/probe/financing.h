/* SPDX-License-Identifier: GPL-2.0 */
/*
 * P2: what alignment's growth was made of, over two windows (measures, "Financing"). Exact: the
 * bounds of the transport from the parts that shrank (and new capacity) to the parts that grew.
 */
#ifndef EM_FINANCING_H
#define EM_FINANCING_H

#include "probe/finding.h"

/* Sources are the parts, and new capacity after them. */
enum { EM_SOURCE_K = EM_PARTS, EM_SOURCES };

const char *em_source_name(unsigned int source);

/**
 * struct em_retagged - time that changed its name, not its use: by part, from and to
 *
 * In the same units as the parts it is taken out of. @jobs: seen in both windows, @changed: of
 * them, with another purpose.
 */
struct em_retagged {
	em_ns moved[EM_PARTS][EM_PARTS];
	unsigned long jobs, changed;
};

/**
 * struct em_financing - of alignment's growth @growth (0: it did not grow: undefined)
 * @growth: ΔA after retagged time was taken out; @raw: before that
 * @source: how much each source gave in all; @total: their sum
 * @low, @high: of @growth, out of the source. @middle: in proportion
 * @retagged: of alignment's raw growth, by the part that it was tagged as before; net
 */
struct em_financing {
	em_delta raw, growth;
	em_delta retagged[EM_PARTS];
	em_ns source[EM_SOURCES], total;
	em_ns low[EM_SOURCES], high[EM_SOURCES], middle[EM_SOURCES];
};

/* Both windows must be equally long: see em_parts_scale(). @r: NULL = nothing was retagged. */
void em_financing_make(struct em_financing *f, const struct em_parts *before,
		       const struct em_parts *after, const struct em_retagged *r);

/*
 * What one job's time in both windows, by part, says of retagging: the less of what it lost under
 * one name and gained under others, shared out in proportion.
 */
void em_retagged_add(struct em_retagged *r, const struct em_parts *before,
		     const struct em_parts *after);

/* Both windows' parts as if of @after's length. 0 or -errno. */
int em_parts_pair(struct em_ledger *l, const struct em_ask *a, struct em_parts *before,
		  struct em_parts *after);

int em_probe_financing(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);

#endif
