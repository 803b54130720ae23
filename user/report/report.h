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

struct em_part {
	em_ns gpu_time, held, busy;
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
 * @engines: whose busy is measured; 0 = busy is not known here
 */
struct em_report {
	struct em_span span;
	int64_t since, until; /* asked for */
	int64_t inventory;
	em_ns capacity, used, idle, unobserved, gap, missing, unattributed;
	struct em_part parts[EARMARK_PURPOSE_COUNT];
	struct em_part strong[EARMARK_PURPOSE_COUNT][EARMARK_TAGGED_BY_COUNT];
	em_ns busy_total, busy_unattributed, busy_unobserved;
	unsigned int blind, engines;
	struct em_share proven, possible;             /* alignment of used gpu-time */
	struct em_share ratio_proven, ratio_possible; /* A : C, serving on C's side when proven */
};

int em_report_make(struct em_report *r, struct em_ledger *l, int64_t since, int64_t until);

/* The report as JSON, in microseconds; a new reference. */
json_t *em_report_json(const struct em_report *r);

/* Origins that an inventory lists and whose ledger is not there; a new reference. */
json_t *em_report_missing(const struct em_ledger *l);

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
