// SPDX-License-Identifier: GPL-2.0
/* What measured jobs run, into the record; see manager.h. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "daemon/cgroup_view.h"
#include "daemon/log.h"
#include "daemon/manager.h"

#define AT_ONCE 32 /* before others are served */

/*
 * The cluster's name, where one is configured (ORG/CLUSTER/NODE), so that the same user has the
 * same hash on all its nodes; else one of this ledger's own.
 */
static int salt_make(struct em_manager *m, char out[96])
{
	_cleanup_json_ json_t *kept = NULL;
	_cleanup_free_ char *text = NULL;
	const char *origin = m->config->origin ?: "", *node = strrchr(origin, '/');
	unsigned char bytes[16];
	char hex[33], json[40];

	if (node && strchr(origin, '/') != node) {
		snprintf(out, 96, "%.*s", (int)(node - origin), origin);
		return 0;
	}
	if (!em_ledger_state_get(m->ledger, "profile-salt", &text))
		kept = json_loads(text, JSON_DECODE_ANY, NULL);
	if (json_string_length(kept) == 32) {
		snprintf(out, 96, "%s", json_string_value(kept));
		return 0;
	}
	randombytes_buf(bytes, sizeof(bytes));
	snprintf(out, 96, "%s", em_hex(hex, bytes, sizeof(bytes)));
	snprintf(json, sizeof(json), "\"%s\"", hex);
	return em_ledger_state_set(m->ledger, "profile-salt", json);
}

/* A full queue is told once each time that it was full. */
static void tell_missed(const struct em_manager *m)
{
	static uint64_t told;
	uint64_t missed = em_profiler_missed(m->profiler);

	if (missed != told)
		em_log(LOG_WARNING,
		       "%llu looks at jobs were put off: too many wait to be looked at",
		       (unsigned long long)(missed - told));
	told = missed;
}

static int on_found(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct em_manager *m = arg;
	struct em_job_profile found;

	(void)s;
	(void)fd;
	(void)revents;
	for (int i = 0; i < AT_ONCE && em_profiler_take(m->profiler, &found); i++)
		em_manager_note(m, "job-profile", em_profile_json(&found));
	tell_missed(m);
	return 0;
}

void em_profiles_open(struct em_manager *m)
{
	char salt[96];
	int r = salt_make(m, salt);

	if (!r)
		r = em_profiler_open(&m->profiler, em_cgroup_mount(), salt);
	if (!r)
		r = sd_event_add_io(m->event, &m->profiler_io, em_profiler_fd(m->profiler), EPOLLIN,
				    on_found, m);
	if (r < 0)
		em_log(LOG_WARNING, "what jobs run is not recorded: %s", strerror(-r));
}

void em_profiles_close(struct em_manager *m)
{
	sd_event_source_disable_unref(TAKE_PTR(m->profiler_io));
	em_profiler_close(TAKE_PTR(m->profiler));
}
