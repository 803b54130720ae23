/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Telling people. Each way of delivery is a sink with a directory of what is still to be told
 * and a thread of its own: what hangs holds up neither the daemon nor the other sinks, and what
 * could not be told is told once the receiver is back, after a restart too.
 *
 *	journal		structured fields
 *	command		JSON on standard input, no shell
 *	webhook		POST of the JSON, X-Earmark-Signature: sha256=HMAC-SHA256 of the body
 *	alertmanager	POST /api/v2/alerts; what fires is sent again each minute, what is
 *			resolved for five minutes more
 *
 * A failed delivery is tried again after 1 s, 2 s, … at most 5 minutes. At most EM_SPOOL_MAX
 * entries wait for a sink; more are dropped and counted. An entry's "id" (episode and state) is
 * the same at each try: a receiver that answered but was not heard can tell.
 */
#ifndef EM_DELIVER_H
#define EM_DELIVER_H

#include "alert/alert.h"

#define EM_DELIVER_SECONDS 30 /* a command's life */
#define EM_DELIVER_HTTP_SECONDS 10L

struct em_deliveries;

/* Opens what is configured; nothing runs yet. 0 or -errno. */
int em_deliveries_open(struct em_deliveries **d, const struct em_alert_config *c);
/* Threads inherit what the caller may do: to be called once privileges are dropped. */
int em_deliveries_start(struct em_deliveries *d);
/* Waits no longer than two seconds for what is on its way; what is left stays spooled. */
void em_deliveries_close(struct em_deliveries *d);

/*
 * Has every sink tell of an alert, as in em_alerts_json(), in its present state. Durable when it
 * returns; the same episode and state are told once, however often this is called. -errno: some
 * sink's spool could not be written; the others have it.
 */
int em_deliveries_send(struct em_deliveries *d, const json_t *alert);
/* As above, to sinks that mirror states (Alertmanager) only. */
int em_deliveries_mirror(struct em_deliveries *d, const json_t *alert);

/* A test alert goes to every sink, once; em_deliveries_json() then has "test" of this id. */
void em_deliveries_test(struct em_deliveries *d, const char *id);

/*
 * How they are: an array of {name, to, ok, error, queued, delivered, failed, dropped, last_ok,
 * test: {id, ok, error} or null}; a new reference. ok: null = nothing was tried yet.
 */
json_t *em_deliveries_json(struct em_deliveries *d);

/* A sink that began to fail since this was last asked: its name, and why. NULL: none. */
const char *em_deliveries_failing(struct em_deliveries *d, char *why, size_t len);

#endif
