// SPDX-License-Identifier: GPL-2.0
/* The daemon's loop; see manager.h. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "daemon/cgroup.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/privilege.h"

#define US_PER_S 1000000ULL

/* --- storing ----------------------------------------------------------------------------- */

/* Each interval: durable first, then acknowledged. */
static int store(struct em_interval *i, void *arg)
{
	struct em_manager *m = arg;
	int ret = em_ledger_append(m->ledger, i);

	if (ret) {
		snprintf(m->ledger_error, sizeof(m->ledger_error), "%s",
			 em_ledger_error(m->ledger));
		return ret;
	}
	m->ledger_error[0] = 0;
	m->stored = i->header.number;
	ret = m->source->ops->ack(m->source, i->header.number, i->hash);
	if (ret)
		em_log(LOG_WARNING, "interval %llu is stored but not acknowledged: %s",
		       (unsigned long long)i->header.number, m->source->error);
	if (!(i->header.number % 64)) { /* a long backlog: show that it moves */
		sd_notifyf(0, "STATUS=storing interval %llu", (unsigned long long)i->header.number);
		sd_notify(0, "WATCHDOG=1");
	}
	return 0;
}

static int learn_gpu(const struct earmark_gpu_info *gpu, void *arg)
{
	struct em_manager *m = arg;

	return em_ledger_learn_gpu(m->ledger, m->load_id, gpu);
}

static int learn_job(const struct earmark_job_info *job, void *arg)
{
	struct em_manager *m = arg;

	return em_ledger_learn_job(m->ledger, m->load_id, job);
}

/* What the recorder told an earlier ledger, or had no room to tell. */
static void learn(struct em_manager *m)
{
	if (!em_ledger_unknown(m->ledger, m->load_id))
		return;
	m->source->ops->gpus(m->source, learn_gpu, m);
	m->source->ops->jobs(m->source, learn_job, m);
}

/* Which load is it, and what of it is stored already? */
static int meet_load(struct em_manager *m)
{
	__u8 hash[EARMARK_HASH_LEN];
	struct earmark_status s;
	char text[32];
	int ret = m->source->ops->status(m->source, &s);

	if (ret || !memcmp(s.load_id, m->load_id, sizeof(m->load_id)))
		return ret;
	memcpy(m->load_id, s.load_id, sizeof(m->load_id));
	em_inventory_untold(&m->inventory);
	if (m->config->period || m->config->keep) {
		ret = m->source->ops->config(m->source, (__u64)m->config->period, m->config->keep);
		if (ret)
			em_log(LOG_WARNING, "the recorder keeps its period: %s", m->source->error);
		else if (m->config->period)
			s.interval = (__u64)m->config->period;
	}
	m->period_us = s.interval / 1000;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)s.interval);
	em_ledger_state_set(m->ledger, "period", text);
	return em_ledger_last(m->ledger, m->load_id, &m->stored, hash);
}

int em_manager_drain(struct em_manager *m)
{
	int ret;

	if (!m->source)
		return 0;
	ret = meet_load(m);
	if (!ret)
		ret = m->source->ops->intervals(m->source, m->stored + 1, store, m);
	if (!ret)
		learn(m);
	else if (!m->ledger_error[0])
		snprintf(m->why, sizeof(m->why), "%s", m->source->error);
	return ret;
}

int em_manager_seal(struct em_manager *m, __u64 *number)
{
	int ret;

	*number = 0;
	if (!m->source)
		return 0;
	ret = m->source->ops->tick(m->source);
	if (!ret)
		ret = em_inventory_tell(&m->inventory, m->source);
	if (!ret)
		ret = m->source->ops->seal(m->source, number);
	if (ret == -ENOSPC && !em_manager_drain(m)) /* the keep was full: it is not any more */
		ret = m->source->ops->seal(m->source, number);
	if (ret) {
		snprintf(m->why, sizeof(m->why), "%s", m->source->error);
		return ret;
	}
	return em_manager_drain(m);
}

/* --- judging ----------------------------------------------------------------------------- */

static void load_commitments(struct em_manager *m)
{
	em_commitments_clear(&m->commitments);
	m->commitments_error[0] = 0;
	if (!m->config->commitments)
		return;
	if (em_commitments_load(&m->commitments, m->config->commitments, m->commitments_error,
				sizeof(m->commitments_error)) == -ENOENT)
		m->commitments_error[0] = 0; /* nothing was promised */
	if (m->commitments_error[0])
		em_log(LOG_ERR, "%s", m->commitments_error);
}

static void judge(struct em_manager *m)
{
	int64_t now = em_time_now();
	struct em_verdict v;

	for (unsigned int i = 0; i < m->commitments.n; i++) {
		const struct em_commitment *c = &m->commitments.list[i];

		if (em_commitment_check(c, m->ledger, now, &v) ||
		    em_alerts_update(m->alerts, c, &v, now))
			em_log(LOG_ERR, "cannot judge \"%s\": %s", c->name,
			       em_ledger_error(m->ledger));
	}
}

/* --- the loop ---------------------------------------------------------------------------- */

static void inventory(struct em_manager *m)
{
	if (em_inventory_scan(&m->inventory, m->config) < 0)
		em_log(LOG_WARNING, "cannot look for GPUs in /sys/class/drm");
	if (m->source && em_inventory_tell(&m->inventory, m->source))
		em_log(LOG_WARNING, "the recorder does not take a GPU: %s", m->source->error);
}

static void step(struct em_manager *m)
{
	static bool failing;
	int ret = 0;

	if (m->source) {
		ret = meet_load(m);
		inventory(m);
		if (!ret)
			ret = m->source->ops->tick(m->source);
		if (!ret)
			ret = em_manager_drain(m);
		if (ret && !failing)
			em_log(LOG_ERR, "%s",
			       m->ledger_error[0] ? m->ledger_error : m->source->error);
		failing = ret;
	}
	judge(m);
	sd_notifyf(0, "WATCHDOG=1\nSTATUS=%s",
		   ret          ? m->ledger_error[0] ? m->ledger_error : m->source->error
		   : !m->source ? m->why
				: "recording");
}

/* At most a second, so that alerts and sensors keep up with short periods. */
static int on_tick(sd_event_source *s, uint64_t usec, void *arg)
{
	struct em_manager *m = arg;
	uint64_t next = m->period_us && m->period_us < 10 * US_PER_S ? m->period_us : 10 * US_PER_S;

	step(m);
	(void)usec;
	sd_event_source_set_time_relative(s, next > US_PER_S ? US_PER_S * (next / US_PER_S) : next);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int on_source(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct em_manager *m = arg;

	(void)s;
	(void)fd;
	(void)revents;
	m->source->ops->tick(m->source);
	return 0;
}

static int on_uevent(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct em_manager *m = arg;

	(void)s;
	(void)revents;
	if (em_inventory_event(fd) > 0)
		step(m);
	return 0;
}

/* libmicrohttpd says when it wants to be called next only after it was called. */
static void rearm_server(struct em_manager *m)
{
	uint64_t timeout = em_server_timeout_us(m->server);

	if (timeout == UINT64_MAX) {
		sd_event_source_set_enabled(m->server_timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time_relative(m->server_timer, timeout);
	sd_event_source_set_enabled(m->server_timer, SD_EVENT_ONESHOT);
}

static int on_server(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct em_manager *m = arg;

	(void)s;
	(void)fd;
	(void)revents;
	em_server_run(m->server);
	rearm_server(m);
	return 0;
}

static int on_server_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)usec;
	return on_server(s, -1, 0, arg);
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct em_manager *m = arg;
	char err[512];

	(void)s;
	(void)si;
	sd_notify(0, "RELOADING=1");
	if (em_config_load(m->config, m->argc, m->argv, err, sizeof(err)))
		em_log(LOG_ERR, "the configuration in force stays: %s", err);
	load_commitments(m);
	em_log(LOG_NOTICE, "configuration and commitments are read anew");
	sd_notify(0, "READY=1");
	return 0;
}

static int on_stop(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	(void)si;
	(void)arg;
	return sd_event_exit(sd_event_source_get_event(s), 0);
}

/* --- coming and going -------------------------------------------------------------------- */

static int open_source(struct em_manager *m)
{
	const struct em_config *c = m->config;
	int ret = -ENOENT;

	if (c->recorder != EM_CHOICE_DAEMON)
		ret = em_source_open_module(&m->source);
	if (ret && c->recorder == EM_CHOICE_KERNEL) {
		em_log(LOG_ERR,
		       "recorder \"kernel\" was asked for, but the module earmark cannot be "
		       "used (%s): modprobe earmark",
		       strerror(-ret));
		return ret;
	}
	if (ret && c->recorder != EM_CHOICE_KERNEL)
		ret = em_source_open_recorder(&m->source);
	if (ret) {
		m->source = NULL;
		snprintf(
			m->why, sizeof(m->why),
			"neither the module nor BPF can record here (%s); earmark doctor says what "
			"is missing",
			strerror(-ret));
		em_log(LOG_WARNING, "%s", m->why);
	}
	return 0;
}

static int open_loop(struct em_manager *m)
{
	int ret = sd_event_default(&m->event), fd;

	if (ret < 0)
		return ret;
	sd_event_set_watchdog(m->event, 1);
	ret = sd_event_add_signal(m->event, NULL, SIGTERM, on_stop, m);
	if (ret >= 0)
		ret = sd_event_add_signal(m->event, NULL, SIGINT, on_stop, m);
	if (ret >= 0)
		ret = sd_event_add_signal(m->event, NULL, SIGHUP, on_hangup, m);
	if (ret >= 0)
		ret = sd_event_add_io(m->event, &m->server_io, em_server_fd(m->server), EPOLLIN,
				      on_server, m);
	if (ret >= 0)
		ret = sd_event_add_time_relative(m->event, &m->server_timer, CLOCK_MONOTONIC, 0, 0,
						 on_server_timer, m);
	if (ret >= 0)
		ret = sd_event_add_time_relative(m->event, &m->tick_timer, CLOCK_MONOTONIC, 0, 0,
						 on_tick, m);
	if (ret >= 0 && m->uevents >= 0)
		ret = sd_event_add_io(m->event, NULL, m->uevents, EPOLLIN, on_uevent, m);
	fd = m->source && m->source->ops->fd ? m->source->ops->fd(m->source) : -1;
	if (ret >= 0 && fd >= 0)
		ret = sd_event_add_io(m->event, NULL, fd, EPOLLIN, on_source, m);
	return ret < 0 ? ret : 0;
}

static void note(struct em_manager *m, const char *kind)
{
	_cleanup_json_ json_t *what = em_config_json(m->config);
	_cleanup_free_ char *text = json_dumps(what, JSON_COMPACT | JSON_SORT_KEYS);

	if (text)
		em_ledger_note(m->ledger, kind, text);
}

int em_manager_open(struct em_manager *m, struct em_config *config, int argc, char **argv)
{
	sigset_t mask;
	char err[512];
	int ret;

	*m = (struct em_manager){ .config = config, .argc = argc, .argv = argv, .uevents = -1 };
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	ret = em_ledger_open(&m->ledger, config->ledger, EM_LEDGER_WRITE);
	if (ret) {
		em_log(LOG_ERR, "%s", em_ledger_error(NULL) ?: strerror(-ret));
		return ret;
	}
	ret = open_source(m);
	if (ret)
		return ret;
	m->uevents = em_inventory_events_open();
	em_cgroup_adopt();
	load_commitments(m);
	ret = em_alerts_open(&m->alerts, m->ledger, &config->alert);
	if (!ret)
		ret = em_server_open(&m->server, config->socket, em_routes, m);
	if (ret) {
		em_log(LOG_ERR, "cannot serve on %s: %s", config->socket, strerror(-ret));
		return ret;
	}
	ret = open_loop(m);
	if (ret)
		return ret;
	if (em_privilege_drop(err, sizeof(err)))
		em_log(LOG_WARNING, "%s", err);
	note(m, "daemon-start");
	return 0;
}

int em_manager_run(struct em_manager *m)
{
	int ret;

	step(m);
	sd_notify(0, "READY=1");
	ret = sd_event_loop(m->event);
	sd_notify(0, "STOPPING=1");
	em_manager_drain(m);
	note(m, "daemon-stop");
	return ret < 0 ? ret : 0;
}

void em_manager_close(struct em_manager *m)
{
	sd_event_source_unref(m->server_io);
	sd_event_source_unref(m->server_timer);
	sd_event_source_unref(m->tick_timer);
	em_server_close(m->server);
	sd_event_unref(m->event);
	em_alerts_close(m->alerts);
	em_commitments_clear(&m->commitments);
	em_inventory_clear(&m->inventory);
	if (m->source)
		m->source->ops->close(m->source);
	if (m->uevents >= 0)
		close(m->uevents);
	em_ledger_close(m->ledger);
}
