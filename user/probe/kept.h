/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What several probes ask of a ledger, asked once: reports of windows, days, requests. A ledger
 * that is read does not grow meanwhile; a baseline that is frozen is none of these.
 */
#ifndef EM_KEPT_H
#define EM_KEPT_H

#include "probe/requests.h"

#define EM_KEPT_REPORTS 16

/* struct em_kept - starts as zeros; @window: of @days and @waits */
struct em_kept {
	struct em_report reports[EM_KEPT_REPORTS];
	unsigned int n_reports;
	struct em_range window;
	struct em_series days;
	bool has_days, has_waits;
	struct em_wait *waits;
	size_t n_waits;
	unsigned int bad_requests;
};

void em_kept_clear(struct em_kept *k);

/* As em_report_make(). */
int em_kept_report(struct em_kept *k, struct em_report *r, struct em_ledger *l,
		   struct em_range window);

/* As em_series_make() by the day; *ret is @k's. */
int em_kept_days(struct em_kept *k, const struct em_series **ret, struct em_ledger *l,
		 struct em_range window);

/*
 * Requests that were opened before the window's end, as they stand there, in @k->waits. Bad notes
 * are counted in @k->bad_requests. Return: 0 or -errno.
 */
int em_kept_waits(struct em_kept *k, struct em_ledger *l, struct em_range window);

#endif
