/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The alerts of one node: what is seen of commitments and of the node goes in, each alert lives
 * as life.h says, is kept in the ledger so that it survives restarts, and people are told of it,
 * each episode once.
 */
#ifndef EM_ALERT_H
#define EM_ALERT_H

#include "alert/kind.h"
#include "alert/life.h"
#include "commit/commitment.h"

/**
 * struct em_alert_config - site configuration; all strings are owned
 * @for_ns: how long a condition must hold before firing; @keep_firing_ns: … must be clear
 * @spool: directory of what is still to be told; NULL = nobody is told anything
 * @command: argv[0] of what is run on each transition to firing and resolved, with JSON on
 *	stdin and EARMARK_ALERT_* in its environment; NULL = none
 * @webhook, @webhook_secret: URL, and the file of the key of its signature; NULL = none
 * @alertmanager: base URL; NULL = none
 */
struct em_alert_config {
	int64_t for_ns, keep_firing_ns;
	char *spool, *command, *webhook, *webhook_secret, *alertmanager;
};

int em_alert_config_copy(struct em_alert_config *to, const struct em_alert_config *from);
void em_alert_config_clear(struct em_alert_config *c);

struct em_alerts;

int em_alerts_open(struct em_alerts **a, struct em_ledger *l, const struct em_alert_config *c);
void em_alerts_close(struct em_alerts *a);

/*
 * Once in each round of the daemon's: Watchdog, what of told alerts is on its way, silences that
 * ended. The first call starts what delivers, so privileges must have been dropped before.
 */
int em_alerts_step(struct em_alerts *a, int64_t now);

/* Feeds a verdict judged at @now. 0 or -errno of the ledger's; it never waits for a receiver. */
int em_alerts_update(struct em_alerts *a, const struct em_commitment *c, const struct em_verdict *v,
		     int64_t now);

/*
 * A condition that another part of the daemon watches: @subject is what it is of (a commitment
 * where the kind is about one, else a GPU, a ledger, "node"), @summary a sentence for people.
 * To be called at every look, not only at changes.
 */
int em_alerts_condition(struct em_alerts *a, enum em_alert_kind kind, const char *subject, bool bad,
			const char *summary, int64_t now);

/* The general form. @facts: borrowed, joins the alert at transitions; holds "summary". */
int em_alerts_look(struct em_alerts *a, enum em_alert_kind kind, const char *subject,
		   enum em_alert_sight sight, const json_t *facts, int64_t now);

/* Ends the alerts of commitments that are promised no more. */
int em_alerts_keep_only(struct em_alerts *a, const struct em_commitments *c, int64_t now);

/*
 * The stored alerts, an array in order of kinds; new reference. Of each: commitment or subject,
 * kind, severity, state, since, episode, summary, for commitments status, proven, possible,
 * floor, as of the last transition; told: the last state of the episode that people were told
 * of; no_data_since: only while there is nothing to judge by; inhibited_by; silenced {until,
 * author, reason}: people are not told anew, and nothing else changes.
 */
json_t *em_alerts_json(struct em_ledger *l);

/* What it is of: a commitment or else. */
const char *em_alert_subject(const json_t *alert);

struct em_ledger *em_alerts_ledger(const struct em_alerts *a);
/* The ways to people and how they are; see deliver.h. */
struct em_deliveries *em_alerts_deliveries(struct em_alerts *a);

/* Reads the silences anew, after one was added. */
int em_alerts_silences(struct em_alerts *a, int64_t now);

#endif
