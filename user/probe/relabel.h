/* SPDX-License-Identifier: GPL-2.0 */
/*
 * P8: was work renamed? R by transition = share now minus the share had every fingerprint kept its
 * first tag (measures, "Relabelling"). A fingerprint says what a job was, apart from its tags.
 */
#ifndef EM_RELABEL_H
#define EM_RELABEL_H

#include "probe/finding.h"
#include "probe/stats.h"

/**
 * struct em_use - one job's time under one tag
 * @fingerprint: a number for each; @job: likewise; @first: when it began; @now: in the later window
 * @busy: of its gpu-time, how it behaved; NaN = not known
 */
struct em_use {
	unsigned int fingerprint, job;
	int64_t first;
	enum em_part_id part;
	bool now;
	em_ns time;
	double busy;
};

/**
 * struct em_relabel - what became of first tags, in the later window
 * @moved: by first tag and tag now; the diagonal kept theirs. Untagged at first, then tagged for
 *	the first time: from untagged; what is renamed after that is from that tag
 * @mixed: of fingerprints that go back and forth: cannot be told
 * @first_seen: of fingerprints not seen before; @first_seen_before: the same of the earlier
 *	window's second half, whose used time is @before
 * @chance: C to A that an arbitrary order of each fingerprint's tags would make, on average
 * @p: chance of so much C to A were the order of each fingerprint's tags arbitrary
 * @switched: fingerprints that went from C to A; of them @tested for behaviour, @differ after
 *	false-discovery control at 10 %
 * @late: of @switches, those in the last tenth of the later window; @late_p: binomial
 */
struct em_relabel {
	em_ns moved[EM_PARTS][EM_PARTS], mixed, first_seen, first_seen_before, before, now, chance;
	double p, late_p;
	unsigned int switched, tested, differ, switches, late;
};

/*
 * em_relabel_make() - @uses are sorted in place
 *
 * A fingerprint that goes back (more than 5 % of its time after the first change under the old
 * tag) is mixed use. Return: 0 or -ENOMEM.
 */
int em_relabel_make(struct em_relabel *r, struct em_use *uses, size_t n, struct em_range before,
		    struct em_range now, gsl_rng *rng);

int em_probe_relabel(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);

#endif
