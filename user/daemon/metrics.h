/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /metrics for Prometheus: counters of what was stored, never a share (whoever asks computes it
 * over the window asked about), and no label that names a job. OpenMetrics for who accepts it,
 * else Prometheus' text format.
 *
 * Counters go on over restarts: they are kept in the ledger's state with the instant up to which
 * they count. They begin when metrics are first served, and count whole intervals only.
 */
#ifndef EM_DAEMON_METRICS_H
#define EM_DAEMON_METRICS_H

#include <stddef.h>
#include <stdint.h>
#include "kernel/nvidia.h"
#include "daemon/sampling.h"
#include "ledger/ledger.h"

struct em_metrics;

/*
 * Serves on "ADDRESS:PORT" (IPv4, or IPv6 in brackets). Nothing runs by itself: em_metrics_run()
 * when em_metrics_fd() is readable or em_metrics_timeout_us() is up. Return: 0 or -errno with a
 * sentence in @err.
 */
int em_metrics_open(struct em_metrics **m, struct em_ledger *l, const char *address, char *err,
		    size_t len);
void em_metrics_close(struct em_metrics *m);
int em_metrics_fd(const struct em_metrics *m);
uint64_t em_metrics_timeout_us(const struct em_metrics *m); /* UINT64_MAX: none */
void em_metrics_run(struct em_metrics *m);

/* Counts what @nvidia did not believe, too; those counters begin with the daemon. NULL: nothing. */
void em_metrics_watch(struct em_metrics *m, struct em_nvidia *nvidia);
/* Likewise of what is known from looks at fdinfo and KFD; @counts stays its owner's. */
void em_metrics_watch_sampling(struct em_metrics *m, const struct em_sampling_counts *counts);

/* The text itself, to be freed by the caller; NULL: out of memory or the ledger failed. */
char *em_metrics_text(struct em_metrics *m, bool openmetrics);

#endif
