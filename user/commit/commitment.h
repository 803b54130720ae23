/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Declared commitments and their verdicts. Rules: MET only if the proven share holds,
 * BREACHED only if even the possible share fails, UNPROVEN between; what demotes MET never
 * rescues a breach. Integers decide. Source of the formulas: measures, "Bounds and verdicts".
 */
#ifndef EM_COMMITMENT_H
#define EM_COMMITMENT_H

#include "commit/weights.h"
#include "commit/window.h"
#include "report/report.h"

enum em_status { EM_MET, EM_BREACHED, EM_UNPROVEN, EM_UNDEFINED, EM_NOT_DUE, EM_INFEASIBLE };

enum em_commitment_kind { EM_FLOOR, EM_CEILING, EM_GROWTH, EM_REALLOCATE, EM_GATE, EM_KIND_COUNT };
enum em_of { EM_OF_USED, EM_OF_ALLOCATED, EM_OF_CAPACITY, EM_OF_FIXED, EM_OF_INSTALLED };
enum em_mixed { EM_MIXED_EXCLUDE, EM_MIXED_INCLUDE, EM_MIXED_UNRESOLVED, EM_MIXED_PART };
enum em_scope { EM_SCOPE_NODE, EM_SCOPE_CLUSTER, EM_SCOPE_PROJECT, EM_SCOPE_USER, EM_SCOPE_COUNT };

/**
 * struct em_commitment - one promise, as declared; a zeroed one with a share is a rolling floor
 *	of used GPU time
 * @until: an earlier version, weakened since and judged until then; 0 = the one in force
 * @line, @column: where it stands in its file; 0 = nowhere
 * @share: p/q, 0 < p <= q; of an amount 1/1 of @fixed
 * @amount: was said as an amount, which is @fixed
 * @window: rolling: its length, ns; others: the nominal one
 * @span: which kind of window; its length is @window
 * @declared: RFC 3339 instant, ns; windows are clipped to it
 * @min_coverage: observed / capacity needed for MET, p/q; 0/1 = none
 * @require_tagged_by: weaker tags count as possible, not as proven
 * @of, @fixed, @installed_at: the denominator; GPU-ns (weighted); instant, ns
 * @mixed, @mixed_part: how work that helps both counts
 * @scope: globs, one a line; NULL = everything
 * @min_total: GPU-ns that must have been used for MET
 * @tolerance: of the shortfall budget of alerts; den 0 = the default
 * @catch_up_max: the largest share that may be left for the rest of a window; den 0 = all
 * @notice: ns in which the version before a weakening is judged too
 * @when: in force only after the event of this name; NULL = at once
 * @definitions: JSON object {url, hash, cases}; NULL = none
 * @than: growth: the purpose that must keep up
 * @from, @to: reallocate: shares; @displacement: part of it from work that stopped; den 0 = none
 * @due, @within, @within_of: reallocate: instant, or ns after an event
 * @gpus, @gpu_hours: gate: a job above either (0 = not said; GPU-ns) needs an approval
 * @approvers: gate: public keys in hex, one a line; NULL = any key
 * @approvals, @external: gate: of how many of them; how many of these from outside
 */
struct em_commitment {
	char *name, *text, *source, *by;
	int64_t until;
	unsigned int line, column;
	enum em_commitment_kind kind;
	unsigned int purpose, than;
	struct em_share share, min_coverage;
	bool amount;
	int64_t window, declared, prove_within;
	struct em_window span;
	unsigned int require_tagged_by;
	enum em_clock clock;
	enum em_of of;
	em_ns fixed;
	int64_t installed_at;
	enum em_mixed mixed;
	struct em_share mixed_part;
	char *scope[EM_SCOPE_COUNT];
	struct em_weights weights;
	em_ns min_total;
	struct em_share tolerance, catch_up_max;
	int64_t notice;
	char *when, *definitions;
	struct em_share from, to, displacement;
	int64_t due, within;
	char *within_of;
	unsigned int gpus, approvals, external;
	em_ns gpu_hours;
	char *approvers;
};

struct em_commitments {
	struct em_commitment *list;
	unsigned int n;
};

/* YAML file; errors name file, line, column, key and what would be right, in err. */
int em_commitments_load(struct em_commitments *c, const char *file, char *err, size_t len);
/* The same of a text in memory; @name is what stands for the file in errors. */
int em_commitments_parse(struct em_commitments *c, const char *name, const char *text, char *err,
			 size_t len);
void em_commitments_clear(struct em_commitments *c);

const char *em_commitment_kind_name(enum em_commitment_kind kind);
const char *em_of_name(enum em_of of);
const char *em_mixed_name(enum em_mixed mixed);
const char *em_clock_name(enum em_clock clock);
const char *em_scope_name(enum em_scope scope);

/* What it says by the key of the language, in a few safe words; into @out. Return: @out. */
const char *em_commitment_say(const struct em_commitment *c, const char *key, char *out,
			      size_t len);

/**
 * struct em_verdict - a judged commitment
 * @reason: why not MET: "untagged", "unobserved", "measurement error", "coverage", "broken",
 *"missing nodes", "padding"; or ""
 * @detail: what of it, in words; "" = nothing
 * @proven, @possible: of an amount, of it; den 0 where there is no share (gate, growth)
 * @deficit: GPU time to be moved for the commitment to hold for certain, ns; 0 if none
 * @added: … or to be added, all of it for (ceilings: for other than) the purpose; @never: no
 *	addition is enough
 * @untagged, @weak, @mixed, @unobserved: what is possibly of the purpose, and would settle it:
 *	work of unknown purpose, tags weaker than required, mixed work, time without a sensor
 * @error: what the figures may be off by, both ways; 0 unless the clock is busy
 * @start, @end: the window that was judged; @partial: shorter than declared
 * @due: when that window is over; after @end: it is not yet
 * @replayed: a scheduler's history is part of it: tags are as declared there
 * @ratio_proven, @ratio_possible: alignment to capabilities, serving on the other side if proven
 * @in_scope: of the inventory's capacity, what the commitment covers
 */
struct em_verdict {
	enum em_status status;
	struct em_share proven, possible;
	struct em_share busy_proven, busy_possible;
	em_ns deficit, added;
	em_ns untagged, weak, mixed, unobserved, error;
	int64_t start, end, due;
	struct em_share ratio_proven, ratio_possible, in_scope;
	bool partial, never, replayed;
	const char *reason;
	char detail[160];
};

const char *em_status_name(enum em_status status); /* capitals */
/* Of a floor or a ceiling, by a report in its scope; pure. */
void em_commitment_judge(const struct em_commitment *c, const struct em_report *r,
			 struct em_verdict *v);
/*
 * Makes the report of the commitment's window, and judges it: the window that ends at @now,
 * the last calendar period that is over, or what there is of one that is not.
 */
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
