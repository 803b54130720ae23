// SPDX-License-Identifier: GPL-2.0
/* What is asked once a day; see daily.h. */
#include <errno.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "daemon/daily.h"
#include "probe/ask.h"
#include "probe/drift.h"
#include "probe/kept.h"

#define STATE_KEY "daily"
#define NODE "node"
#define SEED 1 /* that whoever asks again finds the same */

/* Intervals that end after midnight have come by then. */
#define AFTER_MIDNIGHT (15 * 60 * EM_NS_PER_S)

/* Of renamed work: what ran in the last four weeks, and its first tags in the twelve before. */
#define RENAMED_DAYS 28
#define FIRST_TAGS_DAYS 84

/*
 * It is asked each day, so chance gets many tries: p must be rarer than the probe's own 5 %, and
 * what moved must be worth a ticket: a point of used time.
 */
#define RENAMED_P 0.01
#define RENAMED_SHARE 0.01

static const char *const sights[] = {
	[EM_SEE_CLEAR] = "clear",
	[EM_SEE_BETWEEN] = "between",
	[EM_SEE_BAD] = "bad",
	[EM_SEE_NOTHING] = "nothing",
};

static enum em_alert_sight sight_of(const json_t *found)
{
	const char *name = em_json_string(found, "sight");

	for (unsigned int i = 0; i < ARRAY_SIZE(sights); i++) {
		if (!strcmp(name, sights[i]))
			return i;
	}
	return EM_SEE_NOTHING;
}

static json_t *found(enum em_alert_sight sight, const char *format, const char *what)
{
	char text[800];

	snprintf(text, sizeof(text), format, what);
	return json_pack("{s:s,s:o}", "sight", sights[sight], "summary", em_json_text(text));
}

/* --- drift --------------------------------------------------------------------------------- */

static double real(const struct em_finding *f, const char *key)
{
	return json_real_value(em_finding_value(f, key));
}

/* An alarm stands while the statistic is above its threshold, and is over at half of it. */
static enum em_alert_sight sight_of_drift(const struct em_finding *f)
{
	double now = real(f, "cusum"), h = real(f, "threshold");

	if (f->outcome == EM_OUTCOME_NO_ANSWER ||
	    json_integer_value(em_finding_value(f, "baseline_days")) < EM_DRIFT_CALIBRATES)
		return EM_SEE_NOTHING;
	if (f->outcome == EM_OUTCOME_NOT_SO && now > h)
		return EM_SEE_BAD;
	return now <= h / 2 ? EM_SEE_CLEAR : EM_SEE_BETWEEN;
}

static bool wants_freezing(const struct em_finding *f)
{
	return f->outcome != EM_OUTCOME_NO_ANSWER &&
	       json_integer_value(em_finding_value(f, "baseline_days")) >= EM_DRIFT_CALIBRATES &&
	       strcmp(json_string_value(em_finding_value(f, "baseline")) ?: "", EM_DRIFT_FROZEN);
}

static int ask_drift(struct em_ledger *l, int64_t midnight, json_t **ret)
{
	const struct em_probe *p = em_probe_find("drift");
	struct em_kept kept = { 0 };
	struct em_ask ask = { .window = { 0, midnight },
			      .seed = SEED,
			      .kept = &kept,
			      .author = "earmarkd",
			      .reason =
				      "the first 90 days that alignment's share is held against" };
	struct em_finding f = { 0 };
	int r = em_ask_clip(&ask, l);

	r = r ?: em_probe_ask(p, l, &ask, &f);
	if (!r && wants_freezing(&f)) {
		em_finding_clear(&f);
		ask.freeze = true;
		r = em_probe_ask(p, l, &ask, &f);
	}
	if (!r) {
		*ret = found(sight_of_drift(&f), "%s", f.estimate);
		json_object_set(*ret, "baseline_start", em_finding_value(&f, "baseline_start"));
		json_object_set(*ret, "baseline_end", em_finding_value(&f, "baseline_end"));
	}
	em_finding_clear(&f);
	em_kept_clear(&kept);
	return r;
}

/* Does a fall of alignment against the rest bear on it? */
static bool bears_on(const struct em_commitment *c)
{
	return c->kind == EM_GROWTH || ((c->kind == EM_FLOOR || c->kind == EM_REALLOCATE) &&
					c->purpose == EARMARK_PURPOSE_ALIGNMENT);
}

/* --- renamed work ---------------------------------------------------------------------------- */

static enum em_alert_sight sight_of_relabel(const struct em_finding *f)
{
	const json_t *moved = em_finding_value(f, "c_to_a");
	double num = (double)em_json_integer(moved, "num");
	double den = (double)em_json_integer(moved, "den"), p = real(f, "p");

	if (f->outcome == EM_OUTCOME_NO_ANSWER || !(den > 0))
		return EM_SEE_NOTHING;
	if (p <= RENAMED_P && num >= RENAMED_SHARE * den)
		return EM_SEE_BAD;
	return f->outcome == EM_OUTCOME_FINE || num < RENAMED_SHARE / 2 * den ? EM_SEE_CLEAR
									      : EM_SEE_BETWEEN;
}

static int ask_relabel(struct em_ledger *l, int64_t midnight, json_t **ret)
{
	int64_t now = midnight - RENAMED_DAYS * EM_DAY, first = now - FIRST_TAGS_DAYS * EM_DAY;
	struct em_ask ask = { .window = { first, midnight },
			      .before = { first, now },
			      .after = { now, midnight },
			      .seed = SEED };
	struct em_finding f = { 0 };
	int r = em_ask_clip(&ask, l);

	r = r ?: em_probe_ask(em_probe_find("relabel"), l, &ask, &f);
	if (!r)
		*ret = found(sight_of_relabel(&f), "%s", f.estimate);
	em_finding_clear(&f);
	return r;
}

/* --- once a day ------------------------------------------------------------------------------ */

static json_t *last(struct em_ledger *l)
{
	_cleanup_free_ char *text = NULL;

	return em_ledger_state_get(l, STATE_KEY, &text) || !text ? NULL : json_loads(text, 0, NULL);
}

json_t *em_daily_json(struct em_ledger *l)
{
	return last(l) ?: json_null();
}

static int ask_both(struct em_ledger *l, int64_t midnight, json_t **ret)
{
	_cleanup_json_ json_t *drift = NULL, *relabel = NULL;
	_cleanup_free_ char *text = NULL;
	char day[EM_TIME_LEN];
	int r;

	sd_notify(0, "WATCHDOG=1");
	r = ask_drift(l, midnight, &drift);
	sd_notify(0, "WATCHDOG=1");
	r = r ?: ask_relabel(l, midnight, &relabel);
	if (r)
		return r;
	em_time_format(day, midnight, 0);
	*ret = json_pack("{s:s,s:O,s:O}", "day", day, "drift", drift, "relabel", relabel);
	text = *ret ? json_dumps(*ret, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	return text ? em_ledger_state_set(l, STATE_KEY, text) : -ENOMEM;
}

/* As it was found last, or anew if a day has ended since; a clock set back asks nothing anew. */
static int find_today(struct em_ledger *l, int64_t now, json_t **ret)
{
	static int64_t failed;
	int64_t midnight = now - now % EM_DAY, day;
	_cleanup_json_ json_t *before = last(l);
	int r;

	if ((!em_time_parse(em_json_string(before, "day"), now, &day) && day >= midnight) ||
	    now - midnight < AFTER_MIDNIGHT ||
	    (failed && now >= failed && now < failed + EM_HOUR)) {
		*ret = TAKE_PTR(before);
		return 0;
	}
	r = ask_both(l, midnight, ret);
	failed = r ? now : 0;
	return r;
}

int em_daily_step(struct em_ledger *l, struct em_alerts *a, const struct em_commitments *c,
		  int64_t now)
{
	_cleanup_json_ json_t *today = NULL;
	const json_t *drift, *relabel;
	int r = find_today(l, now, &today);

	if (r || !today)
		return r;
	drift = json_object_get(today, "drift");
	relabel = json_object_get(today, "relabel");
	for (unsigned int i = 0; i < c->n; i++) {
		if (bears_on(&c->list[i]))
			r = em_alerts_look(a, EM_ALERT_DRIFT_DETECTED, c->list[i].name,
					   sight_of(drift), drift, now)
				    ?: r;
	}
	return em_alerts_look(a, EM_ALERT_RELABEL_SUSPECTED, NODE, sight_of(relabel), relabel, now)
		       ?: r;
}
