/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The life of one alert, as a pure function of time and of what is seen:
 *
 *	inactive -> pending (for) -> firing -> recovering (keep) -> resolved
 *
 * Without data nothing begins and nothing ends: what was pending becomes no-data, what fires
 * goes on firing.
 */
#ifndef EM_ALERT_LIFE_H
#define EM_ALERT_LIFE_H

#include <stdbool.h>
#include <stdint.h>

enum em_alert_state {
	EM_ALERT_INACTIVE,
	EM_ALERT_PENDING,
	EM_ALERT_FIRING,
	EM_ALERT_RECOVERING,
	EM_ALERT_RESOLVED,
	EM_ALERT_NO_DATA,
	EM_ALERT_STATES
};

/* What is seen: BETWEEN is neither bad nor gone by more than a hair. */
enum em_alert_sight { EM_SEE_CLEAR, EM_SEE_BETWEEN, EM_SEE_BAD, EM_SEE_NOTHING };

const char *em_alert_state_name(enum em_alert_state state);
enum em_alert_state em_alert_state_parse(const char *name); /* INACTIVE if there is none */

static inline bool em_alert_active(enum em_alert_state state) /* people were, or may be, told */
{
	return state == EM_ALERT_FIRING || state == EM_ALERT_RECOVERING;
}

/**
 * em_alert_next() - the state after one look
 * @age: how long it has been in @state, ns; @for_ns, @keep_ns: of its kind
 *
 * Of "for" and "keep" 0 means that the state between is left out.
 */
enum em_alert_state em_alert_next(enum em_alert_state state, enum em_alert_sight sight, int64_t age,
				  int64_t for_ns, int64_t keep_ns);

#endif
