// SPDX-License-Identifier: GPL-2.0
/* The daemon's loop; see manager.h. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "daemon/cgroup.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/privilege.h"

#define SITE_TICK (200 * EM_NS_PER_MS)
#define RESCAN (10 * EM_NS_PER_S) /* devices, though the kernel says when they change */
#define TIMER_ACCURACY_US 1000

void em_manager_note(struct em_manager *m, const char *kind, json_t *json)
{
	_cleanup_json_ json_t *owned = json;
	_cleanup_free_ char *text = owned ? json_dumps(owned, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	if (!text || em_ledger_note(m->ledger, kind, text))
		em_log(LOG_ERR, "an entry (%s) could not be stored: %s", kind,
		       text ? em_ledger_error(m->ledger) : "out of memory");
}

/* --- the loop ---------------------------------------------------------------------------- */

static const char *status_text(const struct em_manager *m, char *out, size_t len)
{
	if (m->ledger_error[0])
		snprintf(out, len, "NOT STORING: %s", m->ledger_error);
	else if (!m->source)
		snprintf(out, len, "recording nothing: %s", m->why);
	else if (m->backlog > 1)
		snprintf(out, len, "storing what was sealed meanwhile: %llu intervals to go",
			 (unsigned long long)m->backlog);
	else if (m->recorder_error[0])
		snprintf(out, len, "recorder: %s", m->recorder_error);
	else
		snprintf(out, len, "recorded by the %s, stored up to interval %llu",
			 em_recorder_name(m->source->ops->recorder), (unsigned long long)m->stored);
	return out;
}

/* One line when something begins to fail, one when it works again. */
static void log_change(struct em_manager *m)
{
	static char last[512];
	const char *now = m->ledger_error[0] ? m->ledger_error : m->recorder_error;

	if (!strcmp(last, now))
		return;
	if (*now)
		em_log(LOG_ERR, "%s", now);
	else
		em_log(LOG_NOTICE, "works again: %s", last);
	snprintf(last, sizeof(last), "%s", now);
}

static void scan(struct em_manager *m)
{
	static bool failing;
	uint64_t now = em_time_monotonic();
	int r;

	if (now < m->scan_after)
		return;
	m->scan_after = now + RESCAN;
	r = em_inventory_scan(&m->inventory, m->config);
	if (r < 0 && !failing)
		em_log(LOG_WARNING, "cannot look for GPUs in /sys/class/drm: %s", strerror(-r));
	failing = r < 0;
	em_teller_step(m);
}

/* Return: as em_intake_step(). */
static int step(struct em_manager *m)
{
	char text[600];
	int r;

	scan(m);
	r = em_intake_step(m);
	em_site_apply(m);
	em_allocations_sweep(m);
	log_change(m);
	if (r <= 0) /* a backlog is stored before it is judged */
		em_judge_step(m);
	em_cgroup_sweep();
	sd_notifyf(0, "STATUS=%s", status_text(m, text, sizeof(text)));
	return r;
}

static int on_tick(sd_event_source *s, uint64_t usec, void *arg)
{
	struct em_manager *m = arg;
	uint64_t now, wait;

	(void)usec;
	if (em_time_monotonic() >= m->step_at) {
		wait = em_pace_us(m, step(m));
		m->step_at = em_time_monotonic() + wait * EM_NS_PER_US;
	} else {
		em_site_apply(m);
	}
	now = em_time_monotonic();
	wait = m->step_at > now ? m->step_at - now : 0;
	/* a job may be short: who is to be tagged by rule is looked for more often */
	if (m->site.rules.n && wait > SITE_TICK)
		wait = SITE_TICK;
	sd_event_source_set_time_relative(s, wait / EM_NS_PER_US);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int on_source(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct em_manager *m = arg;

	(void)fd;
	/* a descriptor that only fails would wake us for ever; ticks go on without it */
	if (revents & EPOLLHUP)
		sd_event_source_set_enabled(s, SD_EVENT_OFF);
	if (m->source)
		m->source->ops->tick(m->source);
	em_sampling_soon(m);
	return 0;
}

static int on_uevent(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct em_manager *m = arg;

	(void)s;
	(void)revents;
	if (em_inventory_event(fd) > 0) {
		m->scan_after = 0;
		m->step_at = 0;
		sd_event_source_set_time_relative(m->tick_timer, 0);
	}
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

/* --- reloading --------------------------------------------------------------------------- */

/* @old stays in force until the daemon is started anew; @fresh is given the other one. */
static void keep_text(struct em_manager *m, const char *key, char **old, char **fresh)
{
	size_t at = strlen(m->restart_for);
	char *other = *fresh;

	if (strcmp(*old ?: "", *fresh ?: ""))
		snprintf(m->restart_for + at, sizeof(m->restart_for) - at, "%s%s", at ? ", " : "",
			 key);
	*fresh = *old;
	*old = other;
}

static void take_config(struct em_manager *m, struct em_config *fresh)
{
	struct em_config *c = m->config;
	struct em_alerts *alerts;

	m->restart_for[0] = '\0';
	if (c->recorder != fresh->recorder)
		snprintf(m->restart_for, sizeof(m->restart_for), "recorder");
	keep_text(m, "ledger", &c->ledger, &fresh->ledger);
	keep_text(m, "socket", &c->socket, &fresh->socket);
	keep_text(m, "pin-dir", &c->pin_dir, &fresh->pin_dir);
	fresh->recorder = c->recorder;
	free(fresh->alert.spool); /* it goes with the ledger */
	fresh->alert.spool = TAKE_PTR(c->alert.spool);
	em_config_clear(c);
	*c = *fresh;
	if (!em_alerts_open(&alerts, m->ledger, &c->alert)) {
		em_alerts_close(m->alerts);
		m->alerts = alerts;
	}
	memset(m->load_id, 0, sizeof(m->load_id)); /* met anew, it is told the new period */
	m->scan_after = 0;
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct em_manager *m = arg;
	struct em_config fresh;
	char err[512];

	(void)s;
	(void)si;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)(em_time_monotonic() / 1000));
	if (em_config_load(&fresh, m->argc, m->argv, err, sizeof(err))) {
		em_log(LOG_ERR, "the configuration in force stays: %s", err);
	} else {
		em_manager_metrics_close(m);
		em_teller_close(m);
		take_config(m, &fresh);
		em_teller_open(m);
		em_manager_metrics_open(m);
		em_manager_note(m, "configuration", em_config_json(m->config));
	}
	em_site_read(m);
	em_judge_load(m);
	em_log(LOG_NOTICE, "configuration, rules and commitments were read anew%s%s",
	       m->restart_for[0] ? "; a restart is needed for: " : "", m->restart_for);
	m->step_at = 0;
	sd_event_source_set_time_relative(m->tick_timer, 0);
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

int em_manager_watch_source(struct em_manager *m)
{
	int fd = m->source->ops->fd ? m->source->ops->fd(m->source) : -1;

	/* without it the ticks do */
	return fd < 0 ? 0 : sd_event_add_io(m->event, &m->source_io, fd, EPOLLIN, on_source, m);
}

/* Signals wait for the loop; those that would end us for a full disk or a closed socket, for
 * ever: the call's error says it.
 */
static int open_loop(struct em_manager *m)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	sigset_t mask;
	int r = sd_event_default(&m->event);

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&mask);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&mask, signals[i]);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(signals); i++)
		r = sd_event_add_signal(m->event, NULL, signals[i],
					signals[i] == SIGHUP ? on_hangup : on_stop, m);
	if (r >= 0)
		r = sd_event_set_watchdog(m->event, 1);
	if (r >= 0)
		r = sd_event_add_time_relative(m->event, &m->tick_timer, CLOCK_MONOTONIC, 0,
					       TIMER_ACCURACY_US, on_tick, m);
	if (r < 0)
		em_log(LOG_ERR, "no event loop: %s", strerror(-r));
	return r < 0 ? r : 0;
}

static int open_server(struct em_manager *m)
{
	int r = em_server_open(&m->server, m->config->socket, em_routes, m);

	if (!r)
		r = sd_event_add_io(m->event, &m->server_io, em_server_fd(m->server), EPOLLIN,
				    on_server, m);
	if (r >= 0)
		r = sd_event_add_time_relative(m->event, &m->server_timer, CLOCK_MONOTONIC, 0,
					       TIMER_ACCURACY_US, on_server_timer, m);
	if (r < 0)
		em_log(LOG_ERR, "cannot serve on %s: %s", m->config->socket,
		       r == -EADDRINUSE ? "another earmarkd does" : strerror(-r));
	return r < 0 ? r : 0;
}

static void watch_devices(struct em_manager *m)
{
	int fd = em_inventory_events_open();

	if (fd < 0 || sd_event_add_io(m->event, &m->uevents_io, fd, EPOLLIN, on_uevent, m) < 0) {
		em_log(LOG_NOTICE, "devices are looked for every ten seconds only: %s",
		       strerror(-fd));
		return;
	}
	sd_event_source_set_io_fd_own(m->uevents_io, 1);
}

/* A size once signed is never signed again: what was signed elsewhere is left as it is. */
void em_manager_leave(struct em_manager *m, const char *why)
{
	em_log(LOG_CRIT, "the ledger is left as it is, and another begins: %s", why);
	if (em_ledger_leave(m->ledger, why))
		snprintf(m->ledger_error, sizeof(m->ledger_error), "%s",
			 em_ledger_error(m->ledger));
	em_manager_note(m, "integrity", json_pack("{s:s}", "problem", why));
}

static int on_witness(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct em_manager *m = arg;
	int r = em_witnesses_take(m->witnesses, m->witness_error, sizeof(m->witness_error));

	(void)s;
	(void)fd;
	(void)events;
	if (r == -EEXIST)
		em_manager_leave(m, m->witness_error);
	else if (*m->witness_error)
		em_log(LOG_WARNING, "not every witness signed: %s", m->witness_error);
	return 0;
}

static int open_witnesses(struct em_manager *m)
{
	const struct em_config *c = m->config;
	int r = em_witnesses_open(&m->witnesses, c->ledger, c->witnesses, c->n_witnesses,
				  c->witness_every);

	if (!r && m->witnesses)
		r = sd_event_add_io(m->event, &m->witness_io, em_witnesses_fd(m->witnesses),
				    EPOLLIN, on_witness, m);
	if (r < 0)
		em_log(LOG_ERR, "witnesses cannot be asked: %s", strerror(-r));
	return r < 0 ? r : 0;
}

/* Who remembers what was signed is asked before anything new is. */
static void look_back(struct em_manager *m)
{
	const struct em_config *c = m->config;

	if (em_witnesses_ask_first(c->ledger, c->witnesses, c->n_witnesses, m->witness_error,
				   sizeof(m->witness_error)))
		em_manager_leave(m, m->witness_error);
	else if (*m->witness_error)
		em_log(LOG_WARNING, "not every witness signed: %s", m->witness_error);
	em_intake_look_back(m);
}

static int open_ledger(struct em_manager *m)
{
	int r = em_ledger_open_as(&m->ledger, m->config->ledger, m->config->origin ?: "",
				  m->config->key);

	if (r) {
		em_log(LOG_ERR, "%s", em_ledger_error(NULL));
		return r;
	}
	if (*em_ledger_trouble(m->ledger))
		em_log(LOG_WARNING, "the ledger's index was made anew from its log: %s",
		       em_ledger_trouble(m->ledger));
	r = em_alerts_open(&m->alerts, m->ledger, &m->config->alert);
	if (r)
		em_log(LOG_ERR, "alerts cannot be kept in the ledger or spooled beside it: %s",
		       strerror(-r));
	return r;
}

int em_manager_open(struct em_manager *m, struct em_config *config, int argc, char **argv)
{
	int r;

	*m = (struct em_manager){ .config = config, .argc = argc, .argv = argv };
	r = open_loop(m);
	if (!r)
		r = open_ledger(m);
	if (!r)
		r = em_intake_open(m);
	if (!r)
		r = open_server(m);
	if (r)
		return r;
	look_back(m);
	r = em_handover_read(&m->handover, m->ledger);
	if (r)
		em_log(LOG_ERR, "what was let go before cannot be read: %s",
		       em_ledger_error(m->ledger));
	em_teller_open(m);
	em_manager_metrics_open(m);
	watch_devices(m);
	em_cgroup_adopt();
	if (em_privilege_drop(m->privilege_error, sizeof(m->privilege_error)))
		em_log(LOG_WARNING, "%s", m->privilege_error);
	em_manager_note(m, "daemon-start", json_pack("{s:s}", "version", EARMARK_RELEASE));
	em_manager_note(m, "configuration", em_config_json(config));
	em_site_read(m);
	em_judge_load(m);
	em_profiles_open(m);
	em_allocations_open(m);
	em_sampling_open(m);
	return open_witnesses(m);
}

int em_manager_run(struct em_manager *m)
{
	char text[600];
	int r = step(m);

	sd_notifyf(0, "READY=1\nSTATUS=%s", status_text(m, text, sizeof(text)));
	r = sd_event_loop(m->event);
	sd_notify(0, "STOPPING=1");
	em_manager_note(m, "daemon-stop", json_pack("{s:s}", "version", EARMARK_RELEASE));
	return r < 0 ? r : 0;
}

void em_manager_close(struct em_manager *m)
{
	sd_event_source_disable_unref(m->witness_io);
	em_witnesses_close(m->witnesses);
	em_profiles_close(m);
	em_sampling_close(m);
	em_teller_close(m);
	em_intake_close(m);
	sd_event_source_disable_unref(m->server_io);
	sd_event_source_disable_unref(m->server_timer);
	em_server_close(m->server);
	em_manager_metrics_close(m);
	sd_event_source_disable_unref(m->uevents_io);
	sd_event_source_disable_unref(m->tick_timer);
	em_alerts_close(m->alerts);
	em_commitments_clear(&m->commitments);
	em_pods_close(m->site.pods);
	em_site_clear(&m->site);
	em_handover_clear(&m->handover);
	em_allocation_clear(&m->allocations);
	em_inventory_clear(&m->inventory);
	em_ledger_close(m->ledger);
	sd_event_unref(m->event);
}
