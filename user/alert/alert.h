/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One alert per commitment and kind: inactive -> pending -> firing -> recovering -> resolved,
 * kept in the ledger so that it survives restarts. Delivered to the journal and a command.
 */
#ifndef EM_ALERT_H
#define EM_ALERT_H

#include "commit/commitment.h"

enum em_alert_state {
	EM_ALERT_INACTIVE,
	EM_ALERT_PENDING,
	EM_ALERT_FIRING,
	EM_ALERT_RECOVERING,
	EM_ALERT_RESOLVED
};

/**
 * struct em_alert_config - site configuration
 * @for_ns: how long a condition must hold before firing; @keep_firing_ns: … must be clear
 * @command: argv[0] of what is run on each transition to firing and resolved, with JSON on
 *	stdin and EARMARK_ALERT_* in its environment; NULL = none
 */
struct em_alert_config {
	int64_t for_ns, keep_firing_ns;
	char *command;
};

struct em_alerts;

int em_alerts_open(struct em_alerts **a, struct em_ledger *l, const struct em_alert_config *c);
void em_alerts_close(struct em_alerts *a);
/*
 * Feeds a verdict judged at @now; delivers transitions, never waiting for the command: what
 * became of it is noted ("delivery-failed") at a later update.
 */
int em_alerts_update(struct em_alerts *a, const struct em_commitment *c, const struct em_verdict *v,
		     int64_t now);
/*
 * The stored alerts, an array; new reference. Of each: commitment, kind, state, since, status,
 * proven, possible, floor, summary as of the last transition; told: the last state that people
 * were told of; no_data_since: there only while there is nothing to judge by.
 */
json_t *em_alerts_json(struct em_ledger *l);

#endif
