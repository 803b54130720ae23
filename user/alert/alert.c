// SPDX-License-Identifier: GPL-2.0
/* The alerts of one node: kept in the ledger, told to people; see alert.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "alert/alert.h"
#include "alert/deliver.h"
#include "alert/silence.h"
#include "alert/watch.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time.h"

#define STATE_KEY "alerts"
#define SILENCES_FRESH (60 * EM_NS_PER_S)

/**
 * struct em_alerts - the alerts of one node
 * @list: as stored; the one truth
 * @silences: in force, as of @silences_at
 */
struct em_alerts {
	struct em_ledger *ledger;
	struct em_alert_config config;
	json_t *list, *silences;
	int64_t silences_at;
	struct em_deliveries *deliveries;
	struct em_watch *watch;
};

EM_CLEANUP(struct em_alerts *, em_alerts_close);

/* --- configuration ------------------------------------------------------------------------ */

static int copy(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

int em_alert_config_copy(struct em_alert_config *to, const struct em_alert_config *from)
{
	int r;

	*to = (struct em_alert_config){ .for_ns = from->for_ns,
					.keep_firing_ns = from->keep_firing_ns };
	r = copy(&to->spool, from->spool);
	r = r ?: copy(&to->command, from->command);
	r = r ?: copy(&to->webhook, from->webhook);
	r = r ?: copy(&to->webhook_secret, from->webhook_secret);
	r = r ?: copy(&to->alertmanager, from->alertmanager);
	if (r)
		em_alert_config_clear(to);
	return r;
}

void em_alert_config_clear(struct em_alert_config *c)
{
	free(c->spool);
	free(c->command);
	free(c->webhook);
	free(c->webhook_secret);
	free(c->alertmanager);
	memset(c, 0, sizeof(*c));
}

/* --- what is stored ----------------------------------------------------------------------- */

const char *em_alert_subject(const json_t *alert)
{
	const char *commitment = em_json_string(alert, "commitment");

	return *commitment ? commitment : em_json_string(alert, "subject");
}

static enum em_alert_kind kind_of(const json_t *alert)
{
	return em_alert_kind_parse(em_json_string(alert, "kind"),
				   em_json_string(alert, "severity"));
}

static enum em_alert_state state_of(const json_t *alert)
{
	return em_alert_state_parse(em_json_string(alert, "state"));
}

/* Strange entries, of another version or of nobody, are left out. */
static json_t *load(struct em_ledger *l)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *stored = NULL;
	json_t *list = json_array(), *alert;
	size_t i;

	if (!em_ledger_state_get(l, STATE_KEY, &text) && text)
		stored = json_loads(text, 0, NULL);
	json_array_foreach(json_is_array(stored) ? stored : NULL, i, alert) {
		if (kind_of(alert) != EM_ALERT_KINDS &&
		    (*em_json_string(alert, "episode") || !em_alert_active(state_of(alert))))
			json_array_append(list, alert);
	}
	return list;
}

static int store(struct em_alerts *a)
{
	_cleanup_free_ char *text = json_dumps(a->list, JSON_COMPACT | JSON_SORT_KEYS);

	return text ? em_ledger_state_set(a->ledger, STATE_KEY, text) : -ENOMEM;
}

static int note(struct em_alerts *a, const char *kind, const json_t *what)
{
	_cleanup_free_ char *text = json_dumps(what, JSON_COMPACT | JSON_SORT_KEYS);

	return text ? em_ledger_note(a->ledger, kind, text) : -ENOMEM;
}

/* The record first, then people: what was told can always be looked up. */
static int record(struct em_alerts *a, const json_t *alert)
{
	return store(a) ?: note(a, "alert", alert);
}

int em_alerts_open(struct em_alerts **ret, struct em_ledger *l, const struct em_alert_config *c)
{
	_cleanup_(em_alerts_closep) struct em_alerts *a = calloc(1, sizeof(*a));
	json_t *alert;
	size_t i;
	int r;

	if (!a)
		return -ENOMEM;
	a->ledger = l;
	a->list = load(l);
	r = a->list ? em_alert_config_copy(&a->config, c) : -ENOMEM;
	r = r ?: em_deliveries_open(&a->deliveries, &a->config);
	if (r)
		return r;
	/* a receiver of states may be new, or may have lost its own */
	json_array_foreach(a->list, i, alert) {
		if (em_alert_active(state_of(alert)) &&
		    !strcmp(em_json_string(alert, "told"), "firing"))
			em_deliveries_mirror(a->deliveries, alert);
	}
	*ret = TAKE_PTR(a);
	return 0;
}

void em_alerts_close(struct em_alerts *a)
{
	if (!a)
		return;
	em_deliveries_close(a->deliveries);
	em_watch_free(a->watch);
	json_decref(a->list);
	json_decref(a->silences);
	em_alert_config_clear(&a->config);
	free(a);
}

struct em_deliveries *em_alerts_deliveries(struct em_alerts *a)
{
	return a->deliveries;
}

struct em_watch **em_alerts_watched(struct em_alerts *a)
{
	return &a->watch;
}

struct em_ledger *em_alerts_ledger(const struct em_alerts *a)
{
	return a->ledger;
}

static json_t *find(json_t *list, enum em_alert_kind kind, const char *subject)
{
	json_t *alert;
	size_t i;

	json_array_foreach(list, i, alert) {
		if (kind_of(alert) == kind && !strcmp(em_alert_subject(alert), subject))
			return alert;
	}
	return NULL;
}

/* The kind that says louder what this alert says, and is active; NULL: none. */
static const char *inhibitor(json_t *list, const json_t *alert)
{
	unsigned int by = em_alert_rule(kind_of(alert))->inhibited_by;

	for (unsigned int k = 0; k < EM_ALERT_KINDS; k++) {
		const json_t *other = by & 1U << k ? find(list, k, em_alert_subject(alert)) : NULL;

		if (other && em_alert_active(state_of(other)))
			return em_alert_rule(k)->name;
	}
	return NULL;
}

static json_t *sorted(json_t *list)
{
	json_t *out = json_array(), *alert;
	size_t i;

	for (unsigned int k = 0; k < EM_ALERT_KINDS; k++) {
		json_array_foreach(list, i, alert) {
			if (kind_of(alert) == k)
				json_array_append(out, alert);
		}
	}
	return out;
}

json_t *em_alerts_json(struct em_ledger *l)
{
	_cleanup_json_ json_t *list = load(l), *silences = em_silences(l, em_time_now());
	json_t *alert, *silence;
	const char *by;
	size_t i;

	json_array_foreach(list, i, alert) {
		by = inhibitor(list, alert);
		if (by)
			json_object_set_new(alert, "inhibited_by", json_string(by));
		silence = em_silence_of(silences, alert);
		if (silence)
			json_object_set(alert, "silenced", silence);
	}
	return sorted(list);
}

/* --- telling ------------------------------------------------------------------------------ */

int em_alerts_silences(struct em_alerts *a, int64_t now)
{
	json_decref(a->silences);
	a->silences = em_silences(a->ledger, now);
	a->silences_at = now;
	return a->silences ? 0 : -ENOMEM;
}

static bool silenced(struct em_alerts *a, const json_t *alert, int64_t now)
{
	if (!a->silences || now < a->silences_at || now - a->silences_at > SILENCES_FRESH)
		em_alerts_silences(a, now);
	return em_silence_of(a->silences, alert);
}

/*
 * Tells of firing and of resolved, each once in an episode; of the end only who was told of the
 * beginning. "told" is kept beside the state: who dies between the record and the telling tells
 * after the restart, and the spool knows what it was given before.
 */
static int tell(struct em_alerts *a, json_t *alert, int64_t now)
{
	enum em_alert_state state = state_of(alert);
	bool told = !strcmp(em_json_string(alert, "told"), "firing");

	if (state == EM_ALERT_FIRING && !told) {
		if (inhibitor(a->list, alert) || silenced(a, alert, now))
			return 0;
	} else if (state != EM_ALERT_RESOLVED || !told) {
		return 0;
	}
	/* what a full disk keeps from the spool is tried again at the next look */
	if (kind_of(alert) == EM_ALERT_WATCHDOG ? em_deliveries_mirror(a->deliveries, alert)
						: em_deliveries_send(a->deliveries, alert))
		return 0;
	json_object_set_new(alert, "told", json_string(em_alert_state_name(state)));
	return store(a);
}

/* --- looking ------------------------------------------------------------------------------ */

/* A kind's own time, where it has one, is never longer than the site's. */
static int64_t time_of(int64_t own, int64_t site)
{
	return own == EM_ALERT_AS_SITE || own > site ? site : own;
}

static void begin_episode(json_t *alert, int64_t now)
{
	unsigned char hash[8];
	char text[512], hex[17];

	snprintf(text, sizeof(text), "%s/%s/%s/%lld", em_json_string(alert, "kind"),
		 em_json_string(alert, "severity"), em_alert_subject(alert), (long long)now);
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, strlen(text), NULL, 0);
	json_object_set_new(alert, "episode", json_string(em_hex(hex, hash, sizeof(hash))));
	/* an end that could not be told must not pass for this beginning */
	if (!strcmp(em_json_string(alert, "told"), "firing"))
		json_object_set_new(alert, "told", json_string(""));
}

static void move(json_t *alert, enum em_alert_state to, const json_t *facts, int64_t now)
{
	enum em_alert_state from = state_of(alert);
	char time[EM_TIME_LEN];

	if (!em_alert_active(from) && from != EM_ALERT_PENDING &&
	    (to == EM_ALERT_PENDING || to == EM_ALERT_FIRING))
		begin_episode(alert, now);
	em_time_format(time, now, 3);
	if (to == EM_ALERT_FIRING && from != EM_ALERT_RECOVERING)
		json_object_set_new(alert, "fired", json_string(time));
	json_object_set_new(alert, "state", json_string(em_alert_state_name(to)));
	json_object_set_new(alert, "since_ns", json_integer(now));
	json_object_set_new(alert, "since", json_string(time));
	if (facts)
		json_object_update(alert, (json_t *)facts);
}

static json_t *fresh(struct em_alerts *a, enum em_alert_kind kind, const char *subject)
{
	const struct em_alert_rule *rule = em_alert_rule(kind);
	json_t *alert =
		json_pack("{s:s,s:s,s:s,s:s}", "kind", rule->name, "severity",
			  em_alert_severity(kind), "state", em_alert_state_name(EM_ALERT_INACTIVE),
			  rule->promise ? "commitment" : "subject", subject);

	return alert && !json_array_append_new(a->list, alert) ? alert : NULL;
}

/* Return: whether that there is no data, or that there is again, is news. */
static bool mark_data(json_t *alert, enum em_alert_sight sight, int64_t now)
{
	char time[EM_TIME_LEN];

	if (sight != EM_SEE_NOTHING)
		return !json_object_del(alert, "no_data_since");
	if (json_object_get(alert, "no_data_since"))
		return false;
	json_object_set_new(alert, "no_data_since", json_string(em_time_format(time, now, 3)));
	return true;
}

int em_alerts_look(struct em_alerts *a, enum em_alert_kind kind, const char *subject,
		   enum em_alert_sight sight, const json_t *facts, int64_t now)
{
	const struct em_alert_rule *rule = em_alert_rule(kind);
	json_t *alert = find(a->list, kind, subject);
	enum em_alert_state from, to;
	int64_t since;
	bool news;
	int r = 0;

	if (!alert && sight != EM_SEE_BAD)
		return 0;
	alert = alert ?: fresh(a, kind, subject);
	if (!alert)
		return -ENOMEM;
	from = state_of(alert);
	since = json_integer_value(json_object_get(alert, "since_ns"));
	to = em_alert_next(from, sight, now - since, time_of(rule->for_ns, a->config.for_ns),
			   time_of(rule->keep_ns, a->config.keep_firing_ns));
	news = mark_data(alert, sight, now);
	if (to != from)
		move(alert, to, facts, now);
	if (to != from || news)
		r = record(a, alert);
	return r ?: tell(a, alert, now);
}

int em_alerts_condition(struct em_alerts *a, enum em_alert_kind kind, const char *subject, bool bad,
			const char *summary, int64_t now)
{
	_cleanup_json_ json_t *facts = json_pack("{s:s}", "summary", summary);

	return em_alerts_look(a, kind, subject, bad ? EM_SEE_BAD : EM_SEE_CLEAR, facts, now);
}

static bool promised(const struct em_commitments *c, const char *name)
{
	for (unsigned int i = 0; i < c->n; i++) {
		if (!strcmp(c->list[i].name, name))
			return true;
	}
	return false;
}

int em_alerts_keep_only(struct em_alerts *a, const struct em_commitments *c, int64_t now)
{
	_cleanup_json_ json_t *facts =
		json_pack("{s:s}", "summary", "the commitment is not declared any more");
	json_t *alert;
	size_t i;
	int r = 0;

	json_array_foreach(a->list, i, alert) {
		enum em_alert_kind kind = kind_of(alert);
		enum em_alert_state state = state_of(alert);

		/* that a promise was taken back is what CommitmentWeakened is about */
		if (!em_alert_rule(kind)->promise || kind == EM_ALERT_COMMITMENT_WEAKENED ||
		    state == EM_ALERT_INACTIVE || promised(c, em_alert_subject(alert)))
			continue;
		if (state != EM_ALERT_RESOLVED) {
			move(alert, em_alert_active(state) ? EM_ALERT_RESOLVED : EM_ALERT_INACTIVE,
			     facts, now);
			r = record(a, alert) ?: r;
		}
		r = tell(a, alert, now) ?: r;
	}
	return r;
}

/* --- each round --------------------------------------------------------------------------- */

static int note_failures(struct em_alerts *a)
{
	const char *name;
	char why[256];
	int r = 0;

	while (!r && (name = em_deliveries_failing(a->deliveries, why, sizeof(why)))) {
		_cleanup_json_ json_t *what =
			json_pack("{s:s,s:s}", "delivery", name, "error", why);

		r = what ? note(a, "delivery-failed", what) : -ENOMEM;
	}
	return r;
}

int em_alerts_step(struct em_alerts *a, int64_t now)
{
	_cleanup_json_ json_t *facts = json_pack("{s:s}", "summary", "earmarkd is at work");
	int r = em_deliveries_start(a->deliveries);

	r = note_failures(a) ?: r;
	return em_alerts_look(a, EM_ALERT_WATCHDOG, "node", EM_SEE_BAD, facts, now) ?: r;
}
