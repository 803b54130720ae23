/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a ledger says of a window: sums by purpose and the identity
 *	K = A + C + M + S + F + U + I + X
 * with its proven and possible shares. Nanoseconds inside; microseconds leave, rounded by
 * largest remainder so that printed parts add up to the printed whole.
 */
#ifndef EM_REPORT_H
#define EM_REPORT_H

#include <stdio.h>
#include <jansson.h>
#include "ledger/ledger.h"

typedef unsigned __int128 em_ns; /* sums: u64 overflows at 100k GPUs x 28 days */

struct em_share {
	em_ns num, den; /* den 0 = undefined */
};

/* How time is counted: em_clock_name() of commitment.h has the words. */
enum em_clock { EM_CLOCK_GPU_TIME, EM_CLOCK_BUSY, EM_CLOCK_ALLOCATED };

/**
 * struct em_part - sums of usage
 * @busy_error: bound on what @busy may be off by, either way; @class: the worst enum
 *	earmark_class in it
 * @allocated: as a scheduler gave it; a GPU given to two jobs counts for each, as in @held
 */
struct em_part {
	em_ns gpu_time, held, busy, busy_error, allocated;
	unsigned int class;
};

/**
 * struct em_report - one window of one ledger
 * @parts: by purpose, gpu-time of untagged without unattributed
 * @strong: of @parts, by purpose and weakest tagged-by that is at least it
 * @capacity: K, with gaps; @idle: after unattributed busy was moved to used
 * @busy_total: Σ busy with unattributed; @busy_unobserved: x_b of measures
 * @blind: every EARMARK_BLIND_* seen
 * @inventory: when the first of its GPUs entered the inventory; 0 = there is none
 * @missing: Σ of what an inventory lists and no ledger speaks of; part of @gap
 * @busy_error: of @busy_total; @allocated: Σ of it
 * @engines: whose busy is counted by the kernel; see em_report_measured()
 * @class: the worst of all parts
 * @clock: of the shares
 */
struct em_report {
	struct em_span span;
	int64_t since, until; /* asked for */
	int64_t inventory;
	em_ns capacity, used, idle, unobserved, gap, missing, unattributed;
	struct em_part parts[EARMARK_PURPOSE_COUNT];
	struct em_part strong[EARMARK_PURPOSE_COUNT][EARMARK_TAGGED_BY_COUNT];
	em_ns busy_total, busy_unattributed, busy_unobserved, busy_error, allocated;
	unsigned int blind, engines, class;
	enum em_clock clock;
	struct em_share proven, possible;             /* alignment of used gpu-time */
	struct em_share ratio_proven, ratio_possible; /* A : C, serving on C's side when proven */
};

/* Usage into a part and, what is said of the whole, into a report; @weight times. */
void em_part_add(struct em_part *part, const struct em_total *u, em_ns weight);
void em_report_add(struct em_report *r, const struct em_total *u, em_ns weight);
/* The same of sums. */
void em_part_sum(struct em_part *to, const struct em_part *part);

/* Is all of it a scheduler's history? */
bool em_report_replayed(const struct em_report *r);
/* Is busy known here at all? Where no engine is counted, it may have been told. */
bool em_report_measured(const struct em_report *r);

/*
 * em_report_clock() - the shares of a report that was made, on another clock
 *
 * On busy, what a figure may be off by is on nobody's side: proven takes it from alignment and
 * gives it to the others, possible the other way round. On allocated, what no interval covers is
 * unobserved; a sensor that saw nothing says nothing of what was given.
 */
void em_report_clock(struct em_report *r, enum em_clock clock);

int em_report_make(struct em_report *r, struct em_ledger *l, int64_t since, int64_t until);

/* The report as JSON, in microseconds; a new reference. */
json_t *em_report_json(const struct em_report *r);

/* Origins that an inventory lists and whose ledger is not there; a new reference. */
json_t *em_report_missing(const struct em_ledger *l);

/* How its busy was measured and what was allocated, as keys of @o. */
void em_part_measured_json(json_t *o, const struct em_part *p);

/* {num, den} in microseconds, or null where it is undefined; a new reference. */
json_t *em_share_json(const struct em_share *s);

/* Text that others wrote: invalid UTF-8 becomes U+FFFD, NULL null; a new reference. */
json_t *em_json_text(const char *s);

json_t *em_blind_json(unsigned int mask); /* EARMARK_BLIND_*, by name; a new reference */

/* Nanoseconds as microseconds, to the nearest. */
json_int_t em_us(em_ns ns);

/**
 * em_report_rows() - the usage by something, largest GPU time first
 * @by: "purpose", "project", "job", "gpu" or "user"
 *
 * A job has a row for each tag that was in force on it, a project and a user one for each
 * purpose. Every GPU of the inventory has one, with its idle, unobserved and unattributed time.
 *
 * Return: 0 with *rows an array, a new reference; -EINVAL: no such @by.
 */
int em_report_rows(struct em_ledger *l, int64_t since, int64_t until, const char *by,
		   json_t **rows);

#endif
