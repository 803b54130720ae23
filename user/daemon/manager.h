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
#include "daemon/cgroup.h"
#include "daemon/allocation.h"
#include "daemon/config.h"
#include "daemon/handover.h"
#include "daemon/inventory.h"
#include "daemon/profiler.h"
#include "daemon/witness.h"
#include "daemon/metrics.h"
#include "daemon/rules.h"
#include "kernel/source.h"
#include "ledger/ledger.h"

/**
 * struct em_manager - all that the daemon holds
 * @source: NULL: nobody records here, and @why says what is missing
 * @load_id, @taken: the load being stored, and its last interval that was taken from the recorder
 * @stored, @stored_hash: its last interval that is durable; those between wait to be one entry
 * @period: of sealing, ns; @next_seal: CLOCK_MONOTONIC, ns, as far as the recorder has said
 * @backlog: sealed and not stored yet, when last looked
 * @ledger_error: why the last append failed; "" = it did not
 * @recorder_error: why the recorder was last of no use, likewise
 * @witness_error: who did not sign for the ledger, "" = all did
 * @commitments, @commitments_error: as loaded
 * @site: the site's rules
 * @allocations: which GPUs schedulers have given to jobs
 * @step_at: CLOCK_MONOTONIC, ns: of the next look at everything
 * @scan_after, @judge_after: CLOCK_MONOTONIC, ns: what costs is not done more often than pays
 * @handover: what waits for another load of the module
 * @restart_for: what was configured anew and needs a restart; "" = nothing
 * @module_waits: the module was loaded while the daemon records alone
 */
struct em_manager {
	struct em_config *config;
	int argc;
	char **argv;
	sd_event *event;
	sd_event_source *server_io, *server_timer, *tick_timer, *source_io, *uevents_io,
		*witness_io, *metrics_io, *metrics_timer, *profiler_io, *nvidia_timer;
	struct em_ledger *ledger;
	struct em_source *source;
	struct em_inventory inventory;
	struct em_nvidia *nvidia; /* NULL: it is not asked */
	struct em_server *server;
	struct em_witnesses *witnesses;
	struct em_profiler *profiler; /* NULL: there is none */
	struct em_sampling *sampling; /* NULL: there is none */
	struct em_metrics *metrics;   /* NULL: nobody wants them */
	struct em_commitments commitments;
	struct em_alerts *alerts;
	struct em_site site;
	struct em_handover handover;
	struct em_allocations allocations;
	char why[512], ledger_error[512], recorder_error[512], commitments_error[512];
	char privilege_error[256], restart_for[256], witness_error[512];
	__u8 load_id[16];
	__u64 taken, stored, backlog;
	__u8 stored_hash[EARMARK_HASH_LEN];
	uint64_t period, next_seal, step_at, scan_after, judge_after;
	bool module_waits;
};

/* Opens everything in order; em_manager_close() undoes what was opened. 0 or -errno, logged. */
int em_manager_open(struct em_manager *m, struct em_config *config, int argc, char **argv);
int em_manager_run(struct em_manager *m);
void em_manager_close(struct em_manager *m);

/* The log is not the one that was signed last: it is left, and another begins. */
void em_manager_leave(struct em_manager *m, const char *why);

/* --- intake.c: the recorder, and what it has sealed -------------------------------------- */

/* Chooses the recorder. 0 also when there is none; -errno, logged: the one asked for is none. */
int em_intake_open(struct em_manager *m);
void em_intake_close(struct em_manager *m);
/* Before anything is written: does the recorder remember more than the ledger holds? */
void em_intake_look_back(struct em_manager *m);
/*
 * Has the recorder look around, stores what is sealed, acknowledges what is durable. Return: 0;
 * 1: there is more; -errno: @ledger_error or @recorder_error says why.
 */
int em_intake_step(struct em_manager *m);
/* Seals first; returns when all is durable. *number = 0: there is no recorder. */
int em_intake_seal(struct em_manager *m, __u64 *number, char *err, size_t len);
/*
 * Lets the module go, so that another build of it can be loaded: what it has sealed is durable
 * then, what stands is written down, and nothing of ours refers to it. -ENODEV: it does not record.
 */
int em_intake_release(struct em_manager *m, char *err, size_t len);
/* Takes whichever load is there. -ENODEV with @err: none is, or it cannot be taken. */
int em_intake_take(struct em_manager *m, char *err, size_t len);
/* Between the loop and the intake: the recorder's descriptor has changed. */
int em_manager_watch_source(struct em_manager *m);

/* --- site.c: rules that tag -------------------------------------------------------------- */

void em_site_read(struct em_manager *m);  /* from their file */
void em_site_apply(struct em_manager *m); /* to jobs that have come since */
/*
 * To one that a scheduler tells of: @facts. @ref: where the rule has none. *tag 0: no rule matches,
 * or the first that does says untagged. 0 or -errno
 */
int em_site_tell(struct em_manager *m, const struct em_cgroup *c, const struct em_facts *facts,
		 const char *ref, __u32 *tag);
json_t *
em_site_pods_json(const struct em_manager *m); /* who is asked for pods, or null; new reference */
/* --- profiles.c: what measured jobs run, as notes "job-profile" ----------------------------- */

void em_profiles_open(struct em_manager *m); /* without it accounting goes on; logged */
void em_profiles_close(struct em_manager *m);

/* --- routes_allocation.c: GPUs given to jobs, as notes "allocation" ------------------------- */

void em_allocations_open(struct em_manager *m);  /* those of before a restart */
void em_allocations_meet(struct em_manager *m);  /* another load: which tags are in force */
void em_allocations_look(struct em_manager *m);  /* at what the recorder calls its GPUs */
void em_allocations_sweep(struct em_manager *m); /* cgroups that are gone give back */
/* What of an interval was allocated; the caller frees. How many rows, or -errno. */
int em_allocations_of(struct em_manager *m, const struct em_interval *i,
		      struct em_allocated **rows);
/* --- sampling.c: work that no recorder sees and that is told instead ----------------------- */

void em_sampling_open(struct em_manager *m); /* without it accounting goes on; logged */
void em_sampling_close(struct em_manager *m);
void em_sampling_soon(struct em_manager *m); /* somebody may use a GPU that we have to look at */
void em_sampling_see(struct em_manager *m, const struct em_interval *i); /* for the cross-check */
const struct em_sampling_counts *
em_sampling_counts(const struct em_manager *m);       /* if it is there */
json_t *em_sampling_json(const struct em_manager *m); /* new reference */

/* --- metrics_loop.c -------------------------------------------------------------------------- */

void em_manager_metrics_open(struct em_manager *m); /* as configured, if anybody wants them */
void em_manager_metrics_close(struct em_manager *m);

/* --- teller.c: what NVIDIA's driver tells, for the recorder and the ledger ------------------- */

void em_teller_open(struct em_manager *m); /* as configured; without it accounting goes on */
void em_teller_close(struct em_manager *m);
void em_teller_step(struct em_manager *m); /* after a scan: is there somebody to ask each second? */
/* --- pace.c --- how long until the next look, after one that ended with @r (em_intake_step's) */
uint64_t em_pace_us(const struct em_manager *m, int r);

/* --- judge.c ------------------------------------------------------------------------------ */

void em_judge_load(struct em_manager *m); /* commitments, from their file */
void em_judge_step(struct em_manager *m); /* if it is time */

/* An entry of the record: @json, which is given up, under @kind. */
void em_manager_note(struct em_manager *m, const char *kind, json_t *json);

extern const struct em_route em_routes[]; /* routes.c: the API */

#endif
