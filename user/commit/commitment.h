/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Declared commitments and their verdicts. Rules: MET only if the proven share holds,
 * BREACHED only if even the possible share fails, UNPROVEN between; what demotes MET never
 * rescues a breach. Integers decide.
 */
#ifndef EM_COMMITMENT_H
#define EM_COMMITMENT_H

#include "report/report.h"

enum em_status { EM_MET, EM_BREACHED, EM_UNPROVEN, EM_UNDEFINED, EM_NOT_DUE, EM_INFEASIBLE };

/**
 * struct em_commitment - one floor on a purpose's share
 * @share: p/q, 0 < p <= q
 * @window: rolling, nanoseconds
 * @declared: RFC 3339 instant, ns; windows are clipped to it
 * @min_coverage: observed / capacity needed for MET, p/q; 0/1 = none
 * @require_tagged_by: weaker tags count as possible, not as proven
 */
struct em_commitment {
	char *name, *text, *source, *by;
	unsigned int purpose;
	struct em_share share, min_coverage;
	int64_t window, declared, prove_within;
	unsigned int require_tagged_by;
};

struct em_commitments {
	struct em_commitment *list;
	unsigned int n;
};

/* YAML file; errors name file, line, key and what would be right, in err. */
int em_commitments_load(struct em_commitments *c, const char *file, char *err, size_t len);
void em_commitments_clear(struct em_commitments *c);

/**
 * struct em_verdict - a judged commitment
 * @reason: why not MET ("untagged", "unobserved", "coverage", "broken", "padding") or ""
 * @deficit: GPU time to be moved for the proven side to hold, ns; 0 if none
 * @added: … or to be added, all of it for the purpose; @never: no addition is enough
 * @untagged, @weak, @unobserved: what is possibly of the purpose, and would settle it: work of
 *	unknown purpose, tags weaker than required, time without a sensor
 * @start, @end: the window that was judged; @partial: shorter than declared
 * @replayed: a scheduler's history is part of it: tags are as declared there
 */
struct em_verdict {
	enum em_status status;
	struct em_share proven, possible;
	struct em_share busy_proven, busy_possible;
	em_ns deficit, added;
	em_ns untagged, weak, unobserved;
	int64_t start, end;
	bool partial, never, replayed;
	const char *reason;
};

const char *em_status_name(enum em_status status); /* capitals */
void em_commitment_judge(const struct em_commitment *c, const struct em_report *r,
			 struct em_verdict *v);
/* Makes the report of the commitment's window that ends at @now, and judges it. */
int em_commitment_check(const struct em_commitment *c, struct em_ledger *l, int64_t now,
			struct em_verdict *v);

/* A verdict as JSON, times in microseconds; a new reference. */
json_t *em_verdict_json(const struct em_commitment *c, const struct em_verdict *v);

/*
 * UNPROVEN for longer than prove_within counts as a breach: not knowing is no refuge.
 * earmarkd keeps the instant since when, at each judgement (…_note); where nobody kept one, the
 * ledger is judged again at instants of the past.
 */
int64_t em_commitment_unproven_since(const struct em_commitment *c, struct em_ledger *l);
int em_commitment_unproven_note(const struct em_commitment *c, struct em_ledger *l,
				const struct em_verdict *v, int64_t now);
bool em_commitment_long_unproven(const struct em_commitment *c, struct em_ledger *l,
				 const struct em_verdict *v, int64_t now);

#endif
