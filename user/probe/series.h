/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What probes work on: the identity K = A + C + M + S + F + U + I + X over buckets of time, on
 * gpu-time (measures). Untagged holds unattributed work too. Everything in ns.
 */
#ifndef EM_SERIES_H
#define EM_SERIES_H

#include "probe/exact.h"

#define EM_HOUR (3600 * 1000000000LL)
#define EM_DAY (24 * EM_HOUR)
#define EM_BUCKETS_MAX 200000 /* 22 years of hours */

/* The used parts come first: T is the sum up to EM_PART_USED. */
enum em_part_id {
	EM_PART_A, /* alignment */
	EM_PART_C, /* capabilities */
	EM_PART_M, /* mixed */
	EM_PART_S, /* serving */
	EM_PART_F, /* infrastructure */
	EM_PART_U, /* untagged and unattributed */
	EM_PART_USED,
	EM_PART_I = EM_PART_USED, /* idle */
	EM_PART_X,                /* unobserved */
	EM_PARTS,
};

const char *em_part_name(unsigned int part);
enum em_part_id em_part_of(unsigned int purpose); /* of enum earmark_purpose */

struct em_parts {
	em_ns part[EM_PARTS];
};

em_ns em_parts_capacity(const struct em_parts *p); /* K */
em_ns em_parts_used(const struct em_parts *p);     /* T */
void em_parts_of_report(struct em_parts *p, const struct em_report *r);

/* Each part as if the window, @length long, had been @as long; to the nearest ns. */
void em_parts_scale(struct em_parts *p, em_ns length, em_ns as);

/* struct em_range - a window of wall clock ns */
struct em_range {
	int64_t start, end;
};

/* struct em_bucket - @intervals that lie whole in it; none = missing, not zero */
struct em_bucket {
	struct em_range at;
	struct em_parts p;
	uint64_t intervals;
};

/**
 * struct em_series - buckets of equal length, in order
 * @crossing: capacity in intervals that cross a bucket's edge, hence in no bucket
 */
struct em_series {
	struct em_bucket *list;
	size_t n;
	int64_t step;
	em_ns crossing;
};

/**
 * em_series_make() - a ledger's window in buckets of @step
 *
 * Buckets lie on multiples of @step since 1970 (UTC days and hours); those that the window only
 * touches are left out. Return: 0 or -errno (-ENOMEM, -E2BIG, or the ledger's).
 */
int em_series_make(struct em_series *s, struct em_ledger *l, struct em_range window, int64_t step);
void em_series_clear(struct em_series *s);

#endif
