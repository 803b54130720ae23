/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's one loop: takes sealed intervals from the recorder, stores them, acknowledges
 * what is stored, judges, alerts, and answers the API. Single-threaded.
 */
#ifndef EM_DAEMON_MANAGER_H
#define EM_DAEMON_MANAGER_H

#include <systemd/sd-event.h>

#include "alert/alert.h"
#include "api/api.h"
#include "daemon/config.h"
#include "daemon/inventory.h"
#include "kernel/source.h"
#include "ledger/ledger.h"

/**
 * struct em_manager - all that the daemon holds
 * @source: NULL: nobody records here, and @why says what is missing
 * @load_id, @stored: the load being stored and its last durable interval
 * @ledger_error: why the last append failed; "" = it did not
 * @commitments, @commitments_error: as loaded; judged after each drain
 * @period_us: between ticks
 */
struct em_manager {
	struct em_config *config;
	int argc;
	char **argv;
	sd_event *event;
	sd_event_source *server_io, *server_timer, *tick_timer;
	struct em_ledger *ledger;
	struct em_source *source;
	struct em_inventory inventory;
	struct em_server *server;
	struct em_commitments commitments;
	struct em_alerts *alerts;
	char why[512], ledger_error[512], commitments_error[512];
	__u8 load_id[16];
	__u64 stored;
	uint64_t period_us;
	int uevents;
};

/* Opens everything in order; em_manager_close() undoes what was opened. 0 or -errno, logged. */
int em_manager_open(struct em_manager *m, struct em_config *config, int argc, char **argv);
int em_manager_run(struct em_manager *m);
void em_manager_close(struct em_manager *m);

/* Everything sealed is stored and acknowledged. 0 or -errno with m->ledger_error or why. */
int em_manager_drain(struct em_manager *m);
/* Seals first. *number = 0: there is no recorder. */
int em_manager_seal(struct em_manager *m, __u64 *number);

extern const struct em_route em_routes[]; /* routes.c: the API */

#endif
