/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Alerts on a ratio: how fast a period's shortfall budget is used up.
 *
 * The classic burn rate cannot work on a floor: its maximum is 1/(1 - p). Instead, over a period
 * P with tolerance e:
 *
 *	B = e p T_P, T_P = used time expected of the period: the mean of the one before, frozen
 *		at the period's start (in the first: the mean so far)
 *	burn(w) = (p N_w - a_w)/B P/w, negative when ahead (ceilings: a_w - p N_w)
 *
 * A ticket at a quarter of the budget within 3 days, and as fast within 6 hours; a page at half
 * of it within 7 days and as fast within 14 hours; both at all of it within P. Source: measures,
 * "Alerts on a ratio".
 *
 * Exact integers decide. Of time: nanoseconds of GPU time; windows in hours.
 */
#ifndef EM_BURN_H
#define EM_BURN_H

#include "alert/life.h"
#include "report/report.h"

#define EM_BURN_PERIOD_HOURS (28 * 24)

/* struct em_burn_hour - an hour, or a sum of hours: @a counted, @n of the denominator, @used T */
struct em_burn_hour {
	em_ns a, n, used;
};

/* Windows that are looked at: of the ticket, of the page, and the period itself. */
enum em_burn_window {
	EM_BURN_TICKET_LONG,
	EM_BURN_TICKET_SHORT,
	EM_BURN_PAGE_LONG,
	EM_BURN_PAGE_SHORT,
	EM_BURN_PERIOD,
	EM_BURN_WINDOWS
};

/* Its length; the period's own is that of the rule. */
unsigned int em_burn_hours(enum em_burn_window w, unsigned int period_hours);

/**
 * struct em_burn - what the rule looks at
 * @share: p; @ceiling: it is a most, not a least
 * @tolerance: e; den 0 = a tenth
 * @period: P, hours; 0 = EM_BURN_PERIOD_HOURS
 * @sum: over the windows that end now; short of history they are what there is
 * @expected: T_P; 0: there is no budget, and nothing can be said
 */
struct em_burn {
	struct em_share share;
	bool ceiling;
	struct em_share tolerance;
	unsigned int period;
	struct em_burn_hour sum[EM_BURN_WINDOWS];
	em_ns expected;
};

/* T_P from a stretch of @hours in which @used was used. */
em_ns em_burn_expected(em_ns used, unsigned int hours, unsigned int period_hours);

/*
 * What of the ticket, or of the page, is seen. BAD needs both of its windows; CLEAR only when the
 * long one is back by 1 % of the limit: six good hours do not make up for three days.
 */
enum em_alert_sight em_burn_sight(const struct em_burn *b, bool page);

/* burn(w) for people; @ret is set only if there is a budget. */
bool em_burn_rate(const struct em_burn *b, enum em_burn_window w, double *ret);

/**
 * em_burn_at() - the rule's windows at the end of an hour of a history
 * @hours: oldest first; @n of them are over. A period begins every P hours from the first
 */
void em_burn_at(struct em_burn *b, const struct em_burn_hour *hours, unsigned int n);

#endif
