/* SPDX-License-Identifier: GPL-2.0 */
/* What metrics.c counts and metrics_serve.c serves. */
#ifndef EM_DAEMON_METRICS_STATE_H
#define EM_DAEMON_METRICS_STATE_H

#include "daemon/metrics.h"
#include "report/report.h"

/* Where each counter stands among the sums, in the order in which they are kept. */
enum {
	EM_SUM_GPU_TIME,
	EM_SUM_BUSY = EM_SUM_GPU_TIME + EARMARK_PURPOSE_COUNT,
	EM_SUM_CAPACITY = EM_SUM_BUSY + EARMARK_PURPOSE_COUNT,
	EM_SUM_IDLE,
	EM_SUM_UNOBSERVED,
	EM_SUM_UNATTRIBUTED,
	EM_SUM_BUSY_UNATTRIBUTED,
	EM_SUM_INTERVALS,
	EM_SUM_LOST,
	EM_METRICS_SUMS = EM_SUM_LOST + EARMARK_LOST_COUNT
};

/**
 * struct em_metrics
 * @upto: counted up to this instant, ns; 0 = not loaded yet
 * @saved: when the state was last stored
 */
struct em_metrics {
	struct em_ledger *ledger;
	struct em_nvidia *nvidia;
	const struct em_sampling_counts *sampling;
	struct MHD_Daemon *http;
	int fd;
	int64_t upto, saved;
	em_ns sums[EM_METRICS_SUMS];
};

void em_metrics_save(struct em_metrics *m);

#endif
