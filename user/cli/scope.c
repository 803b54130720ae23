// SPDX-License-Identifier: GPL-2.0
/* A transient scope over the bus; see scope.h. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "cli/scope.h"

/* struct waiting - for the scope's start job to be over; @result: 0 while it is not */
struct waiting {
	const char *unit;
	int result;
};

static int on_removed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *job, *unit, *result;
	struct waiting *w = arg;
	uint32_t id;

	(void)error;
	if (sd_bus_message_read(m, "uoss", &id, &job, &unit, &result) >= 0 &&
	    !strcmp(unit, w->unit))
		w->result = strcmp(result, "done") ? -EIO : 1;
	return 0;
}

static int call(sd_bus *bus, const char *unit)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

	return sd_bus_call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
				  "org.freedesktop.systemd1.Manager", "StartTransientUnit", NULL,
				  &reply, "ssa(sv)a(sa(sv))", unit, "fail", 4, "PIDs", "au", 1,
				  (uint32_t)getpid(), "Delegate", "b", 1, "CollectMode", "s",
				  "inactive-or-failed", "Description", "s",
				  "a command tagged by earmark", 0);
}

int em_scope_enter(const char *name)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	struct waiting w = { 0 };
	char unit[128];
	int ret;

	if (sd_booted() <= 0)
		return -EOPNOTSUPP;
	ret = geteuid() ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus);
	if (ret < 0)
		return ret;
	snprintf(unit, sizeof(unit), "%s.scope", name);
	w.unit = unit;
	ret = sd_bus_match_signal(bus, NULL, "org.freedesktop.systemd1", NULL,
				  "org.freedesktop.systemd1.Manager", "JobRemoved", on_removed, &w);
	if (ret < 0)
		return ret;
	ret = call(bus, unit);
	/* the process is in the scope once its start job is over */
	for (int i = 0; ret >= 0 && !w.result && i < 50; i++) {
		ret = sd_bus_process(bus, NULL);
		if (!ret)
			ret = sd_bus_wait(bus, 100000);
	}
	if (ret < 0 || w.result < 0)
		return ret < 0 ? ret : w.result;
	return w.result ? 0 : -ETIMEDOUT;
}
