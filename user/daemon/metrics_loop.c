// SPDX-License-Identifier: GPL-2.0
/* /metrics in the daemon's loop; see manager.h. */
#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "daemon/log.h"
#include "daemon/manager.h"

#define TIMER_ACCURACY_US 1000

static int on_metrics(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct em_manager *m = arg;
	uint64_t timeout;

	(void)s;
	(void)fd;
	(void)revents;
	em_metrics_run(m->metrics);
	timeout = em_metrics_timeout_us(m->metrics);
	sd_event_source_set_enabled(m->metrics_timer, SD_EVENT_OFF);
	if (timeout != UINT64_MAX) {
		sd_event_source_set_time_relative(m->metrics_timer, timeout);
		sd_event_source_set_enabled(m->metrics_timer, SD_EVENT_ONESHOT);
	}
	return 0;
}

static int on_metrics_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)usec;
	return on_metrics(s, -1, 0, arg);
}

/* Whoever has the port meanwhile is not a reason to stop accounting. */
void em_manager_metrics_open(struct em_manager *m)
{
	char err[256] = "out of memory";
	int r;

	if (!m->config->metrics)
		return;
	r = em_metrics_open(&m->metrics, m->ledger, m->config->metrics, err, sizeof(err));
	if (!r)
		em_metrics_watch(m->metrics, m->nvidia);
	if (!r && m->sampling)
		em_metrics_watch_sampling(m->metrics, em_sampling_counts(m));
	if (!r)
		r = sd_event_add_time_relative(m->event, &m->metrics_timer, CLOCK_MONOTONIC, 0,
					       TIMER_ACCURACY_US, on_metrics_timer, m);
	if (r >= 0)
		r = sd_event_add_io(m->event, &m->metrics_io, em_metrics_fd(m->metrics), EPOLLIN,
				    on_metrics, m);
	if (r < 0)
		em_log(LOG_ERR, "%s", m->metrics ? "metrics: no event loop" : err);
}

void em_manager_metrics_close(struct em_manager *m)
{
	sd_event_source_disable_unref(TAKE_PTR(m->metrics_io));
	sd_event_source_disable_unref(TAKE_PTR(m->metrics_timer));
	em_metrics_close(TAKE_PTR(m->metrics));
}
