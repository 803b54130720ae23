// SPDX-License-Identifier: GPL-2.0
/* earmark alert - what drifted, who was told, and whether anybody can be. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alert/alert.h"
#include "alert/calibrate.h"
#include "alert/burn.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"

EM_CLEANUP(struct em_ledger *, em_ledger_close);

#define HOUR (3600 * EM_NS_PER_S)
#define TEST_LOOKS 200 /* of 200 ms: a command may take half a minute */
#define TEST_LOOK_US 200000

static const struct em_column alert_columns[] = {
	{ "kind", "ALERT", EM_TEXT },  { "severity", "FOR", EM_TEXT },
	{ "of", "OF", EM_TEXT },       { "state", "STATE", EM_STATE },
	{ "since", "SINCE", EM_TIME }, { "proven", "PROVEN", EM_TEXT },
	{ "floor", "LIMIT", EM_TEXT }, { "beside", "BESIDE", EM_TEXT },
};

/* What stands beside the state and hides nothing of it. */
static json_t *beside(const json_t *alert)
{
	json_t *all = json_array(), *silence = json_object_get(alert, "silenced");

	if (silence)
		json_array_append_new(all, json_sprintf("silenced until %s by %s",
							em_json_string(silence, "until"),
							em_json_string(silence, "author")));
	if (*em_json_string(alert, "inhibited_by"))
		json_array_append_new(
			all, json_sprintf("%s says it", em_json_string(alert, "inhibited_by")));
	if (json_object_get(alert, "no_data_since"))
		json_array_append_new(all, json_string("no data"));
	return all;
}

/* Most alerts have none: that is no share, not an undefined one. */
static void show_share(json_t *row, const char *key)
{
	json_t *share = json_object_get(row, key);
	char out[48];

	if (share)
		json_object_set_new(row, key,
				    json_string(em_show(out, sizeof(out), share, EM_SHARE)));
}

void em_alert_table(json_t *alerts, bool all, const char *none)
{
	_cleanup_json_ json_t *rows = json_array();
	json_t *alert;
	size_t i;

	json_array_foreach(alerts, i, alert) {
		_cleanup_json_ json_t *row = json_copy(alert);

		if (!all && (!strcmp(em_json_string(alert, "state"), "inactive") ||
			     !strcmp(em_json_string(alert, "kind"), "Watchdog")))
			continue;
		json_object_set_new(row, "of", json_string(em_alert_subject(alert)));
		json_object_set_new(row, "beside", beside(alert));
		show_share(row, "proven");
		show_share(row, "floor");
		json_array_append(rows, row);
	}
	em_table(alert_columns, ARRAY_SIZE(alert_columns), rows, none);
}

static int list(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = em_open_ledger(a);
	_cleanup_json_ json_t *alerts = NULL;

	if (!l)
		return EM_NO_ANSWER;
	alerts = em_alerts_json(l);
	if (a->json)
		return em_json_out(
			json_pack("{s:s,s:O}", "schema", "earmark-alerts-1", "alerts", alerts),
			EM_FINE);
	em_alert_table(alerts, true,
		       "No alert, ever. Alerts follow commitments: earmark commitment list.");
	return EM_FINE;
}

/* --- one ------------------------------------------------------------------------------------ */

static bool named(const json_t *alert, const char *name)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", em_json_string(alert, "kind"),
		 em_alert_subject(alert));
	return !strcmp(name, full) || !strcmp(name, em_json_string(alert, "kind")) ||
	       !strcmp(name, em_alert_subject(alert));
}

struct history {
	const char *name;
	json_t *rows;
};

static int remember(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *note = json_loads(json, 0, NULL);
	struct history *h = arg;

	(void)wall;
	(void)kind;
	if (!note || !named(note, h->name))
		return 0;
	json_object_set_new(note, "of", json_string(em_alert_subject(note)));
	return json_array_append(h->rows, note);
}

static const struct em_column history_columns[] = {
	{ "since", "WHEN", EM_TIME },
	{ "kind", "ALERT", EM_TEXT },
	{ "of", "OF", EM_TEXT },
	{ "state", "STATE", EM_STATE },
	{ "summary", "WHAT WAS SEEN", EM_TEXT },
};

static void show_one(const json_t *alert)
{
	const struct em_alert_rule *rule = em_alert_rule(em_alert_kind_parse(
		em_json_string(alert, "kind"), em_json_string(alert, "severity")));
	_cleanup_json_ json_t *notes = beside(alert);
	char safe[512], since[64];

	printf("%s of %s is %s since %s\n", rule->name,
	       em_text_safe(safe, sizeof(safe), em_alert_subject(alert)),
	       em_json_string(alert, "state"),
	       em_show(since, sizeof(since), json_object_get(alert, "since"), EM_TIME));
	printf("  seen      %s\n",
	       em_text_safe(safe, sizeof(safe), em_json_string(alert, "summary")));
	printf("  it means  %s\n", rule->help);
	printf("  it needs  %s; calls for a %s\n", rule->needs, em_json_string(alert, "severity"));
	printf("  told      %s\n",
	       *em_json_string(alert, "told") ? em_json_string(alert, "told") : "nobody yet");
	if (json_array_size(notes))
		printf("  beside    %s\n", em_show(safe, sizeof(safe), notes, EM_TEXT));
	if (*em_json_string(json_object_get(alert, "silenced"), "reason"))
		printf("  silenced  %s\n",
		       em_text_safe(safe, sizeof(safe),
				    em_json_string(json_object_get(alert, "silenced"), "reason")));
	puts("");
}

static int show(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = em_open_ledger(a);
	_cleanup_json_ json_t *alerts = NULL, *mine = json_array(), *past = json_array();
	struct history h = { a->argv[0], past };
	json_t *alert;
	size_t i;

	if (!l)
		return EM_NO_ANSWER;
	alerts = em_alerts_json(l);
	json_array_foreach(alerts, i, alert) {
		if (named(alert, a->argv[0]))
			json_array_append(mine, alert);
	}
	if (em_ledger_notes(l, 0, INT64_MAX, "alert", remember, &h))
		return em_fail(a, "%s", em_ledger_error(l));
	if (a->json)
		return em_json_out(json_pack("{s:s,s:O,s:O}", "schema", "earmark-alert-show-1",
					     "alerts", mine, "history", past),
				   json_array_size(mine) ? EM_FINE : EM_NOT_SO);
	json_array_foreach(mine, i, alert)
		show_one(alert);
	em_table(history_columns, ARRAY_SIZE(history_columns), past,
		 "No alert of this kind or subject, ever.");
	return json_array_size(mine) ? EM_FINE : EM_NOT_SO;
}

/* --- silence, test ---------------------------------------------------------------------------- */

static int silence(struct em_args *a)
{
	const char *length = em_opt(a, "for"), *author = em_opt(a, "author");
	const char *reason = em_opt(a, "reason");
	_cleanup_json_ json_t *body = NULL, *answer = NULL;
	char err[512], safe[512];

	if (!length || !author || !reason)
		return em_fail(a,
			       "a silence needs --for DURATION, --author NAME and --reason TEXT");
	body = json_pack("{s:s,s:s,s:s,s:s}", "name", a->argv[0], "for", length, "author", author,
			 "reason", reason);
	if (!body)
		return em_fail(a, "what is written there is not UTF-8");
	answer = em_ask(a, "POST", "/v1/alert/silence", body, err, sizeof(err));
	if (!answer)
		return em_fail(a, "%s", err);
	if (a->json)
		return em_json_out(json_incref(answer), EM_FINE);
	printf("%s: nobody is told anew until %s. It is still shown, and stands in the record.\n",
	       em_text_safe(safe, sizeof(safe), a->argv[0]), em_json_string(answer, "until"));
	return EM_FINE;
}

static const struct em_column delivery_columns[] = {
	{ "name", "DELIVERY", EM_TEXT },
	{ "to", "TO", EM_TEXT },
	{ "result", "RESULT", EM_STATE },
	{ "error", "WHY", EM_TEXT },
};

/* What became of the test; *@open: how many have not said yet. */
static json_t *results(json_t *deliveries, const char *id, unsigned int *open, int *status)
{
	json_t *rows = json_array(), *d;
	size_t i;

	*open = 0;
	*status = EM_FINE;
	json_array_foreach(deliveries, i, d) {
		json_t *test = json_object_get(d, "test");
		bool mine = !strcmp(em_json_string(test, "id"), id);
		json_t *ok = mine ? json_object_get(test, "ok") : NULL;
		bool said = json_is_boolean(ok);

		*open += !said;
		if (!json_is_true(ok))
			*status = EM_NOT_SO;
		json_array_append_new(
			rows,
			json_pack("{s:s,s:s,s:s,s:s}", "name", em_json_string(d, "name"), "to",
				  em_json_string(d, "to"), "result",
				  json_is_true(ok) ? "ok"
				  : said           ? "failed"
						   : "unknown",
				  "error", said ? em_json_string(test, "error") : "no answer yet"));
	}
	return rows;
}

static int test(struct em_args *a)
{
	_cleanup_json_ json_t *asked = NULL, *rows = NULL;
	unsigned int open = 1;
	int status = EM_FINE;
	char err[512];

	asked = em_ask(a, "POST", "/v1/alert/test", NULL, err, sizeof(err));
	if (!asked)
		return em_fail(a, "%s", err);
	for (int i = 0; open && i < TEST_LOOKS; i++) {
		_cleanup_json_ json_t *now = NULL;

		usleep(TEST_LOOK_US);
		now = em_ask(a, "GET", "/v1/deliveries", NULL, err, sizeof(err));
		if (!now)
			return em_fail(a, "%s", err);
		json_decref(rows);
		rows = results(json_object_get(now, "deliveries"), em_json_string(asked, "id"),
			       &open, &status);
	}
	if (a->json)
		return em_json_out(json_pack("{s:s,s:O,s:O}", "schema", "earmark-alert-test-1",
					     "id", json_object_get(asked, "id"), "deliveries",
					     rows),
				   status);
	em_table(delivery_columns, ARRAY_SIZE(delivery_columns), rows,
		 "No delivery is configured.");
	return status;
}

/* --- calibrate -------------------------------------------------------------------------------- */

static const struct em_column calibrate_columns[] = {
	{ "kind", "ALERT", EM_TEXT },
	{ "severity", "FOR", EM_TEXT },
	{ "of", "OF", EM_TEXT },
	{ "firings", "FIRED", EM_TEXT },
	{ "per_month", "A MONTH", EM_TEXT },
	{ "advice", "ADVICE", EM_TEXT },
};

static int calibrate(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	struct em_alert_config config = { .for_ns = HOUR, .keep_firing_ns = 6 * HOUR };
	const char *given = em_opt(a, "period");
	int64_t period = EM_BURN_PERIOD_HOURS * HOUR;
	_cleanup_json_ json_t *rows = NULL;
	struct em_commitments c = { 0 };
	unsigned int hours = 0;
	json_t *row;
	size_t i;
	int r;

	if (given && (em_duration_parse(given, &period) || period < 7 * 24 * HOUR ||
		      period > 366 * 24 * HOUR))
		return em_fail(a, "--period %s: not a duration between 7d and 366d", given);
	l = em_open_ledger(a);
	if (!l || em_commitments_known(a, l, &c))
		return EM_NO_ANSWER;
	r = em_calibrate(l, &c, (unsigned int)(period / HOUR), &config, em_time_now(), &rows,
			 &hours);
	em_commitments_clear(&c);
	if (r)
		return em_fail(
			a, "%s",
			r == -ENODATA ? "the ledger holds no whole hour: there is nothing to replay"
				      : em_ledger_error(l));
	if (a->json)
		return em_json_out(json_pack("{s:s,s:I,s:I,s:O}", "schema", "earmark-calibration-1",
					     "hours", (json_int_t)hours, "period_us",
					     (json_int_t)(period / EM_NS_PER_US), "rules", rows),
				   EM_FINE);
	json_array_foreach(rows, i, row) {
		if (*em_alert_subject(row))
			json_object_set_new(row, "of", json_string(em_alert_subject(row)));
	}
	printf("%u hours replayed, with for: 1h and keep_firing_for: 6h\n", hours);
	em_table(calibrate_columns, ARRAY_SIZE(calibrate_columns), rows, "");
	return EM_FINE;
}

static const struct em_option silence_options[] = {
	{ "for", "DURATION", "how long, up to 90d", NULL },
	{ "author", "NAME", "who silences it", NULL },
	{ "reason", "TEXT", "why", NULL },
	{},
};

static const struct em_option calibrate_options[] = {
	{ "period", "DURATION", "of the shortfall budget (28d)", NULL },
	{ "file", "FILE", "judge by this commitments file", NULL },
	{},
};

static const struct em_verb verbs[] = {
	{ "list", "", "alerts and their state", 0, 0, false, list, NULL },
	{ "show", "NAME",
	  "one alert, or all of a kind or subject, with its history; status 1: none", 1, 1, false,
	  show, NULL },
	{ "silence", "NAME", "for a time nobody is told anew; NAME: KIND, SUBJECT or KIND/SUBJECT",
	  1, 1, false, silence, silence_options },
	{ "test", "", "sends a test alert through every delivery; status 1 if one failed", 0, 0,
	  false, test, NULL },
	{ "calibrate", "", "how often each rule would have fired, and what to do about it", 0, 0,
	  false, calibrate, calibrate_options },
	{},
};

const struct em_object em_alert_object = { "alert", "what drifted, and who is told", verbs };
