/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be wrong: one table of kinds. Who is called for it, what it takes, how long it must
 * hold, and what it stands back for.
 */
#ifndef EM_ALERT_KIND_H
#define EM_ALERT_KIND_H

#include <stdbool.h>
#include <stdint.h>

/*
 * In the order in which alerts are listed. ShortfallBurn is one kind of two severities: the page
 * implies the ticket.
 */
enum em_alert_kind {
	EM_ALERT_FLOOR_BREACHED,
	EM_ALERT_CEILING_BREACHED,
	EM_ALERT_STILL_UNPROVEN,
	EM_ALERT_PROJECTED_BREACH,
	EM_ALERT_SHORTFALL_BURN,
	EM_ALERT_SHORTFALL_BURN_PAGE,
	EM_ALERT_CATCH_UP_INFEASIBLE,
	EM_ALERT_PADDING_SUSPECTED,
	EM_ALERT_UNTAGGED_HIGH,
	EM_ALERT_COVERAGE_LOW,
	EM_ALERT_RELABEL_SUSPECTED,
	EM_ALERT_COMMITMENT_WEAKENED,
	EM_ALERT_DRIFT_DETECTED,
	EM_ALERT_LEDGER_FORK,
	EM_ALERT_CHECKPOINT_STALE,
	EM_ALERT_SENSOR_LOST,
	EM_ALERT_WATCHDOG,
	EM_ALERT_KINDS
};

enum { EM_ALERT_AS_SITE = -1 }; /* as configured: alert.for, alert.keep_firing_for */

/**
 * struct em_alert_rule - one kind
 * @name: as in JSON and labels; @page: somebody is woken, else a ticket is written
 * @promise: its subject is a commitment
 * @for_ns, @keep_ns: its own, ns, or EM_ALERT_AS_SITE; never longer than the site's
 * @inhibited_by: kinds (1 << kind) that say it louder of the same commitment. Empty for
 *	integrity and coverage: nothing may hide those
 * @needs: what must be there for it to speak at all; @help: what it means
 */
struct em_alert_rule {
	const char *name;
	bool page, promise;
	int64_t for_ns, keep_ns;
	unsigned int inhibited_by;
	const char *needs, *help;
};

const struct em_alert_rule *em_alert_rule(enum em_alert_kind kind);

static inline const char *em_alert_severity(enum em_alert_kind kind)
{
	return em_alert_rule(kind)->page ? "page" : "ticket";
}

/* By what stands in a record. Return: EM_ALERT_KINDS if there is no such kind. */
enum em_alert_kind em_alert_kind_parse(const char *name, const char *severity);

#endif
