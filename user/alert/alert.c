// SPDX-License-Identifier: GPL-2.0
/* The life of alerts; see alert.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert/alert.h"
#include "alert/deliver.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"

#define STATE_KEY "alerts"

static const char *const state_names[] = {
	[EM_ALERT_INACTIVE] = "inactive", [EM_ALERT_PENDING] = "pending",
	[EM_ALERT_FIRING] = "firing",     [EM_ALERT_RECOVERING] = "recovering",
	[EM_ALERT_RESOLVED] = "resolved",
};

/**
 * struct em_alerts - the alerts of one node
 * @list: JSON array, as stored: {commitment, kind, state, since_ns, …}; the one truth
 */
struct em_alerts {
	struct em_ledger *ledger;
	struct em_alert_config config;
	json_t *list;
};

int em_alerts_open(struct em_alerts **ret, struct em_ledger *l, const struct em_alert_config *c)
{
	struct em_alerts *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->ledger = l;
	a->config = *c;
	a->config.command = c->command ? strdup(c->command) : NULL;
	a->list = em_alerts_json(l);
	*ret = a;
	return 0;
}

void em_alerts_close(struct em_alerts *a)
{
	if (!a)
		return;
	json_decref(a->list);
	free(a->config.command);
	free(a);
}

json_t *em_alerts_json(struct em_ledger *l)
{
	_cleanup_free_ char *text = NULL;
	json_t *list = NULL;

	if (!em_ledger_state_get(l, STATE_KEY, &text) && text)
		list = json_loads(text, 0, NULL);
	if (list && !json_is_array(list)) {
		json_decref(list);
		list = NULL;
	}
	return list ?: json_array();
}

static json_t *alert_of(struct em_alerts *a, const char *commitment, const char *kind)
{
	json_t *alert;
	size_t i;

	json_array_foreach(a->list, i, alert) {
		if (!strcmp(json_string_value(json_object_get(alert, "commitment")) ?: "",
			    commitment) &&
		    !strcmp(json_string_value(json_object_get(alert, "kind")) ?: "", kind))
			return alert;
	}
	alert = json_pack("{s:s,s:s,s:s,s:I}", "commitment", commitment, "kind", kind, "state",
			  state_names[EM_ALERT_INACTIVE], "since_ns", (json_int_t)0);
	json_array_append_new(a->list, alert);
	return alert;
}

static enum em_alert_state state_of(const json_t *alert)
{
	const char *name = json_string_value(json_object_get(alert, "state")) ?: "";

	for (size_t i = 0; i < ARRAY_SIZE(state_names); i++) {
		if (!strcmp(state_names[i], name))
			return (enum em_alert_state)i;
	}
	return EM_ALERT_INACTIVE;
}

static int64_t since_of(const json_t *alert)
{
	return json_integer_value(json_object_get(alert, "since_ns"));
}

/*
 * @bad: the condition holds; @clear: it is gone by more than a hair (floors: 1 % above).
 * Between the two nothing moves.
 */
static enum em_alert_state next_state(const struct em_alert_config *c, const json_t *alert,
				      bool bad, bool clear, int64_t now)
{
	enum em_alert_state state = state_of(alert);
	int64_t age = now - since_of(alert);

	switch (state) {
	case EM_ALERT_INACTIVE:
	case EM_ALERT_RESOLVED:
		if (bad)
			return c->for_ns ? EM_ALERT_PENDING : EM_ALERT_FIRING;
		break;
	case EM_ALERT_PENDING:
		if (!bad)
			return EM_ALERT_INACTIVE;
		if (age >= c->for_ns)
			return EM_ALERT_FIRING;
		break;
	case EM_ALERT_FIRING:
		if (clear)
			return c->keep_firing_ns ? EM_ALERT_RECOVERING : EM_ALERT_RESOLVED;
		break;
	case EM_ALERT_RECOVERING:
		if (bad)
			return EM_ALERT_FIRING;
		if (clear && age >= c->keep_firing_ns)
			return EM_ALERT_RESOLVED;
		break;
	}
	return state;
}

static void describe(json_t *alert, const struct em_commitment *c, const struct em_verdict *v,
		     enum em_alert_state state, int64_t now)
{
	char time[EM_TIME_LEN];

	json_object_set_new(alert, "state", json_string(state_names[state]));
	json_object_set_new(alert, "since_ns", json_integer(now));
	json_object_set_new(alert, "since", json_string(em_time_format(time, now, 3)));
	json_object_set_new(alert, "status", json_string(em_status_name(v->status)));
	json_object_set_new(alert, "proven", em_share_json(&v->proven));
	json_object_set_new(alert, "possible", em_share_json(&v->possible));
	json_object_set_new(alert, "floor",
			    json_pack("{s:I,s:I}", "num", (json_int_t)c->share.num, "den",
				      (json_int_t)c->share.den));
}

static int note(struct em_alerts *a, const char *kind, const json_t *what)
{
	_cleanup_free_ char *text = json_dumps(what, JSON_COMPACT | JSON_SORT_KEYS);

	return text ? em_ledger_note(a->ledger, kind, text) : -ENOMEM;
}

static int store(struct em_alerts *a)
{
	_cleanup_free_ char *text = json_dumps(a->list, JSON_COMPACT | JSON_SORT_KEYS);

	return text ? em_ledger_state_set(a->ledger, STATE_KEY, text) : -ENOMEM;
}

/* The record first, then people: what was told can always be looked up. */
static int transition(struct em_alerts *a, json_t *alert, enum em_alert_state from,
		      enum em_alert_state to)
{
	bool tell = to == EM_ALERT_FIRING || to == EM_ALERT_RESOLVED;
	int ret = store(a), failed;

	if (!ret)
		ret = note(a, "alert", alert);
	if (ret || !tell || (from == EM_ALERT_RECOVERING && to == EM_ALERT_FIRING))
		return ret;
	failed = em_deliver(alert, a->config.command);
	if (failed) {
		_cleanup_json_ json_t *why = json_pack("{s:s,s:s}", "command", a->config.command,
						       "error", strerror(-failed));

		return note(a, "delivery-failed", why);
	}
	return 0;
}

static int update(struct em_alerts *a, const struct em_commitment *c, const struct em_verdict *v,
		  const char *kind, bool bad, bool clear, int64_t now)
{
	json_t *alert = alert_of(a, c->name, kind);
	enum em_alert_state from = state_of(alert), to;

	to = next_state(&a->config, alert, bad, clear, now);
	if (to == from)
		return 0;
	describe(alert, c, v, to, now);
	return transition(a, alert, from, to);
}

/* One percent above the floor, in integers: q·100·share >= p·101·N; at most all of it. */
static bool clearly_above(const struct em_commitment *c, const struct em_verdict *v)
{
	em_ns needed = c->share.num * 101, whole = c->share.den * 100;

	return whole * v->possible.num >= (needed < whole ? needed : whole) * v->possible.den;
}

/**
 * em_alerts_update() - feed a verdict judged at @now
 *
 * FloorBreached: even the possible share fails. StillUnproven: UNPROVEN for longer than
 * prove_within. Without data (UNDEFINED) nothing moves.
 */
int em_alerts_update(struct em_alerts *a, const struct em_commitment *c, const struct em_verdict *v,
		     int64_t now)
{
	bool breached = v->status == EM_BREACHED, unproven;
	int ret, other;

	if (v->status == EM_UNDEFINED)
		return 0;
	ret = em_commitment_unproven_note(c, a->ledger, v, now);
	if (ret)
		return ret;
	unproven = em_commitment_long_unproven(c, a->ledger, v, now);
	ret = update(a, c, v, "FloorBreached", breached, !breached && clearly_above(c, v), now);
	other = update(a, c, v, "StillUnproven", unproven, v->status != EM_UNPROVEN, now);
	return ret ?: other;
}
