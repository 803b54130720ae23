// SPDX-License-Identifier: GPL-2.0
/* The life of one alert; see life.h. */
#include <string.h>

#include "alert/life.h"
#include "base/cleanup.h"

static const char *const names[EM_ALERT_STATES] = {
	[EM_ALERT_INACTIVE] = "inactive", [EM_ALERT_PENDING] = "pending",
	[EM_ALERT_FIRING] = "firing",     [EM_ALERT_RECOVERING] = "recovering",
	[EM_ALERT_RESOLVED] = "resolved", [EM_ALERT_NO_DATA] = "no-data",
};

const char *em_alert_state_name(enum em_alert_state state)
{
	return names[state];
}

enum em_alert_state em_alert_state_parse(const char *name)
{
	for (unsigned int i = 0; i < EM_ALERT_STATES; i++) {
		if (!strcmp(names[i], name))
			return i;
	}
	return EM_ALERT_INACTIVE;
}

static enum em_alert_state without_data(enum em_alert_state state)
{
	return em_alert_active(state) ? state : EM_ALERT_NO_DATA;
}

enum em_alert_state em_alert_next(enum em_alert_state state, enum em_alert_sight sight, int64_t age,
				  int64_t for_ns, int64_t keep_ns)
{
	bool bad = sight == EM_SEE_BAD, clear = sight == EM_SEE_CLEAR;

	if (sight == EM_SEE_NOTHING)
		return without_data(state);
	switch (state) {
	case EM_ALERT_PENDING:
		if (!bad)
			return EM_ALERT_INACTIVE;
		return age >= for_ns ? EM_ALERT_FIRING : state;
	case EM_ALERT_FIRING:
		if (!clear)
			return state;
		return keep_ns > 0 ? EM_ALERT_RECOVERING : EM_ALERT_RESOLVED;
	case EM_ALERT_RECOVERING:
		if (!clear)
			return EM_ALERT_FIRING;
		return age >= keep_ns ? EM_ALERT_RESOLVED : state;
	default:
		if (bad)
			return for_ns > 0 ? EM_ALERT_PENDING : EM_ALERT_FIRING;
		return state == EM_ALERT_NO_DATA ? EM_ALERT_INACTIVE : state;
	}
}
