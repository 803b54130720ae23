/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two probes that need days to say anything are asked once a day: drift (P9) of alignment's share
 * against a baseline that is frozen in the ledger, and renamed work (P8). What they found stands
 * in the ledger, so that a restart neither asks again nor forgets.
 */
#ifndef EM_DAEMON_DAILY_H
#define EM_DAEMON_DAILY_H

#include "alert/alert.h"

/*
 * em_daily_step() - in every round of the daemon's; asks when a UTC day has been over for a while
 *
 * The first baseline of 90 days is frozen by a note "drift-baseline"; an alarm does not thaw it,
 * and the last such note counts. DriftDetected is of each promise that alignment's share or its
 * ratio to capabilities bears on; RelabelSuspected is of the node. Return: 0 or -errno of the
 * ledger; what was not found out is asked again after an hour.
 */
int em_daily_step(struct em_ledger *l, struct em_alerts *a, const struct em_commitments *c,
		  int64_t now);

/* {day, drift {sight, summary, baseline}, relabel {sight, summary}}; null: never asked. */
json_t *em_daily_json(struct em_ledger *l);

#endif
