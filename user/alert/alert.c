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
 * @list: as stored and as em_alerts_json() gives it; the one truth
 * @running: commands on their way
 */
struct em_alerts {
	struct em_ledger *ledger;
	struct em_alert_config config;
	json_t *list;
	struct em_delivery *running;
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
	if (!a->list || (c->command && !a->config.command)) {
		em_alerts_close(a);
		return -ENOMEM;
	}
	*ret = a;
	return 0;
}

void em_alerts_close(struct em_alerts *a)
{
	if (!a)
		return;
	em_deliver_clear(&a->running);
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

static const char *field(const json_t *alert, const char *key)
{
	return json_string_value(json_object_get(alert, key)) ?: "";
}

static json_t *find(const struct em_alerts *a, const char *commitment, const char *kind)
{
	json_t *alert;
	size_t i;

	json_array_foreach(a->list, i, alert) {
		if (!strcmp(field(alert, "commitment"), commitment) &&
		    !strcmp(field(alert, "kind"), kind))
			return alert;
	}
	return NULL;
}

static enum em_alert_state state_of(const json_t *alert)
{
	const char *name = field(alert, "state");

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
 * Between the two what fires goes on firing.
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
		if (!clear)
			return EM_ALERT_FIRING;
		if (age >= c->keep_firing_ns)
			return EM_ALERT_RESOLVED;
		break;
	}
	return state;
}

static double percent(const struct em_share *s)
{
	return s->den ? 100.0 * (double)s->num / (double)s->den : 0;
}

static json_t *summary(const struct em_commitment *c, const struct em_verdict *v)
{
	return json_sprintf("%s has %.2f %% of used GPU time proven, %.2f %% possible; the floor "
			    "is %.2f %%",
			    em_purpose_name(c->purpose), percent(&v->proven), percent(&v->possible),
			    percent(&c->share));
}

static void describe(json_t *alert, const struct em_commitment *c, const struct em_verdict *v,
		     enum em_alert_state state, int64_t now)
{
	char time[EM_TIME_LEN];

	json_object_set_new(alert, "state", json_string(state_names[state]));
	json_object_set_new(alert, "since_ns", json_integer(now));
	json_object_set_new(alert, "since", json_string(em_time_format(time, now, 3)));
	json_object_set_new(alert, "purpose", json_string(em_purpose_name(c->purpose)));
	json_object_set_new(alert, "status", json_string(em_status_name(v->status)));
	json_object_set_new(alert, "proven", em_share_json(&v->proven));
	json_object_set_new(alert, "possible", em_share_json(&v->possible));
	json_object_set_new(alert, "floor",
			    json_pack("{s:I,s:I}", "num", (json_int_t)c->share.num, "den",
				      (json_int_t)c->share.den));
	json_object_set_new(alert, "summary", summary(c, v));
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

static int note_failure(struct em_alerts *a, const char *why)
{
	_cleanup_json_ json_t *what =
		json_pack("{s:s,s:s}", "command", a->config.command, "error", why);

	return note(a, "delivery-failed", what);
}

static int reap(struct em_alerts *a)
{
	char why[128];
	int r = 0;

	while (!r && em_deliver_ended(&a->running, why, sizeof(why)))
		r = *why ? note_failure(a, why) : 0;
	return r;
}

/*
 * Tells of firing and of resolved, each once in an episode. "told" is kept beside the state:
 * who dies between the record and the telling tells after the restart.
 */
static int tell(struct em_alerts *a, json_t *alert)
{
	enum em_alert_state state = state_of(alert);
	int r;

	if ((state != EM_ALERT_FIRING && state != EM_ALERT_RESOLVED) ||
	    !strcmp(field(alert, "told"), state_names[state]))
		return 0;
	em_deliver_journal(alert);
	r = a->config.command ? em_deliver_command(alert, a->config.command, &a->running) : 0;
	if (r)
		r = note_failure(a, strerror(-r));
	json_object_set_new(alert, "told", json_string(state_names[state]));
	return r ?: store(a);
}

/* The record first, then people: what was told can always be looked up. */
static int record(struct em_alerts *a, const json_t *alert)
{
	return store(a) ?: note(a, "alert", alert);
}

static int update(struct em_alerts *a, const struct em_commitment *c, const struct em_verdict *v,
		  const char *kind, bool bad, bool clear, int64_t now)
{
	json_t *alert = find(a, c->name, kind);
	enum em_alert_state from, to;
	bool back;
	int r = 0;

	if (!alert) {
		if (!bad)
			return 0;
		alert = json_pack("{s:s,s:s,s:s}", "commitment", c->name, "kind", kind, "state",
				  state_names[EM_ALERT_INACTIVE]);
		if (!alert || json_array_append_new(a->list, alert))
			return -ENOMEM;
	}
	from = state_of(alert);
	to = next_state(&a->config, alert, bad, clear, now);
	back = !json_object_del(alert, "no_data_since"); /* there is data again */
	if (to != from)
		describe(alert, c, v, to, now);
	if (to != from || back)
		r = record(a, alert);
	return r ?: tell(a, alert);
}

/* Without data nothing moves; that it is missing is a state of its own beside the alert's. */
static int no_data(struct em_alerts *a, const struct em_commitment *c, int64_t now)
{
	char time[EM_TIME_LEN];
	json_t *alert;
	size_t i;
	int r = 0;

	em_time_format(time, now, 3);
	json_array_foreach(a->list, i, alert) {
		if (r || strcmp(field(alert, "commitment"), c->name) ||
		    state_of(alert) == EM_ALERT_INACTIVE || json_object_get(alert, "no_data_since"))
			continue;
		json_object_set_new(alert, "no_data_since", json_string(time));
		r = record(a, alert);
	}
	return r;
}

/* One percent above the floor, in integers: q·100·a >= p·101·N; at most all of it. */
static bool clearly_above(const struct em_commitment *c, const struct em_verdict *v)
{
	em_ns needed = c->share.num * 101, whole = c->share.den * 100;

	return whole * v->proven.num >= (needed < whole ? needed : whole) * v->proven.den;
}

/**
 * em_alerts_update() - feed a verdict judged at @now
 *
 * FloorBreached: even the possible share fails; gone only when MET again by more than a hair,
 * so that switching a sensor off does not end it. StillUnproven: UNPROVEN for longer than
 * prove_within.
 */
int em_alerts_update(struct em_alerts *a, const struct em_commitment *c, const struct em_verdict *v,
		     int64_t now)
{
	bool met = v->status == EM_MET && clearly_above(c, v), unproven;
	int r = reap(a), other;

	if (v->status == EM_UNDEFINED)
		return r ?: no_data(a, c, now);
	r = r ?: em_commitment_unproven_note(c, a->ledger, v, now);
	if (r)
		return r;
	unproven = em_commitment_long_unproven(c, a->ledger, v, now);
	r = update(a, c, v, "FloorBreached", v->status == EM_BREACHED, met, now);
	other = update(a, c, v, "StillUnproven", unproven, v->status != EM_UNPROVEN, now);
	return r ?: other;
}
