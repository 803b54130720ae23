// SPDX-License-Identifier: GPL-2.0
/* The table of kinds; see kind.h. */
#include <string.h>

#include "alert/kind.h"

#define SITE EM_ALERT_AS_SITE, EM_ALERT_AS_SITE
#define AT_ONCE 0, EM_ALERT_AS_SITE
#define BREACH (1U << EM_ALERT_FLOOR_BREACHED | 1U << EM_ALERT_CEILING_BREACHED)

static const struct em_alert_rule rules[EM_ALERT_KINDS] = {
	[EM_ALERT_FLOOR_BREACHED] = { "FloorBreached", true, true, SITE, 0, "a floor",
				      "even if all that is unknown counted for it, the share is "
				      "below the floor" },
	[EM_ALERT_CEILING_BREACHED] = { "CeilingBreached", true, true, SITE, 0, "a ceiling",
					"what is proven alone is above the ceiling" },
	[EM_ALERT_STILL_UNPROVEN] = { "StillUnproven", false, true, SITE, 0, "any commitment",
				      "it has been UNPROVEN for longer than prove_within: not "
				      "knowing is no refuge" },
	[EM_ALERT_PROJECTED_BREACH] = { "ProjectedBreach", false, true, SITE, BREACH,
					"a rolling window that has been recorded whole",
					"at the pace of the last week the share leaves its limit "
					"within a week; a forecast" },
	[EM_ALERT_SHORTFALL_BURN] = { "ShortfallBurn", false, true, SITE, 0,
				      "three days of history",
				      "a quarter of the period's tolerance was used up within "
				      "three days, and still is being used up that fast" },
	[EM_ALERT_SHORTFALL_BURN_PAGE] = { "ShortfallBurn", true, true, SITE, 0,
					   "a week of history",
					   "half of the period's tolerance was used up within a "
					   "week, or all of it within the period" },
	[EM_ALERT_CATCH_UP_INFEASIBLE] = { "CatchUpInfeasible", true, true, SITE, 0,
					   "a calendar or cumulative window",
					   "the promise cannot be kept any more, whatever runs from "
					   "now on" },
	[EM_ALERT_PADDING_SUSPECTED] = { "PaddingSuspected", false, true, SITE, 0,
					 "GPUs whose busy time is measured",
					 "the share holds on gpu-time and not on busy time: GPUs "
					 "are held idle" },
	[EM_ALERT_UNTAGGED_HIGH] = { "UntaggedHigh", false, false, SITE, 0, "a day of history",
				     "so much work is untagged or unattributed that shares say "
				     "little" },
	[EM_ALERT_COVERAGE_LOW] = { "CoverageLow", false, false, SITE, 0, "a day of history",
				    "so much capacity goes unobserved that shares say little" },
	[EM_ALERT_RELABEL_SUSPECTED] = { "RelabelSuspected", false, false, AT_ONCE, 0,
					 "fingerprints of jobs",
					 "the same work carries another purpose than before" },
	[EM_ALERT_COMMITMENT_WEAKENED] = { "CommitmentWeakened", false, true, AT_ONCE, 0,
					   "two revisions of the commitments",
					   "what is promised became less" },
	[EM_ALERT_DRIFT_DETECTED] = { "DriftDetected", false, true, SITE, BREACH,
				      "90 days of history",
				      "the balance has left its baseline: a change of process, "
				      "not a proof of anything" },
	[EM_ALERT_LEDGER_FORK] = { "LedgerFork", true, false, AT_ONCE, 0, "a witnessed ledger",
				   "two records of the same time do not agree" },
	[EM_ALERT_CHECKPOINT_STALE] = { "CheckpointStale", false, false, SITE, 0,
					"a witnessed ledger",
					"no fresh checkpoint: the record stands still, or is kept "
					"from its witnesses" },
	[EM_ALERT_SENSOR_LOST] = { "SensorLost", true, false, SITE, 0, "a recorder",
				   "what watched the GPUs fails: their time goes unobserved" },
	[EM_ALERT_WATCHDOG] = { "Watchdog", false, false, 0, 0, 0, "earmarkd",
				"always firing: if it falls silent, so has earmarkd, or the way "
				"from it to you" },
};

const struct em_alert_rule *em_alert_rule(enum em_alert_kind kind)
{
	return &rules[kind];
}

enum em_alert_kind em_alert_kind_parse(const char *name, const char *severity)
{
	unsigned int found = EM_ALERT_KINDS;

	for (unsigned int k = 0; k < EM_ALERT_KINDS; k++) {
		if (strcmp(rules[k].name, name))
			continue;
		if (!strcmp(em_alert_severity(k), severity))
			return k;
		/* an earlier version's entry says no severity: the mildest */
		if (found == EM_ALERT_KINDS && !*severity)
			found = k;
	}
	return found;
}
