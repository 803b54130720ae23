// SPDX-License-Identifier: GPL-2.0
/* earmark sensor, and the node at a glance. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alert/alert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "cli/cli.h"
#include "kernel/sensor.h"

EM_CLEANUP(struct em_ledger *, em_ledger_close);

static const struct em_column sensor_columns[] = {
	{ "name", "SENSOR", EM_TEXT },       { "attached", "ATTACHED", EM_TEXT },
	{ "runs", "RUNS", EM_TEXT },         { "missed", "MISSED", EM_TEXT },
	{ "recursion", "SKIPPED", EM_TEXT }, { "why", "WHY NOT", EM_TEXT },
};

static int sensor_list(struct em_args *a)
{
	char err[512];
	json_t *answer = em_ask(a, "GET", "/v1/sensors", NULL, err, sizeof(err));

	if (!answer)
		return em_fail(a, "%s", err);
	if (a->json)
		return em_json_out(answer, EM_FINE);
	em_table(sensor_columns, ARRAY_SIZE(sensor_columns), json_object_get(answer, "sensors"),
		 "No sensor: earmark doctor says why.");
	json_decref(answer);
	return EM_FINE;
}

static int sensor_unpin(struct em_args *a)
{
	int ret = em_sensor_unpin();

	if (ret)
		return em_fail(a, "cannot remove the pinned sensors: %s%s", strerror(-ret),
			       ret == -EPERM || ret == -EACCES ? "; try as root" : "");
	if (a->json)
		return em_json_out(json_object(), EM_FINE);
	puts("The sensors are detached once earmarkd is stopped too; GPU drivers can be upgraded.");
	return EM_FINE;
}

static const struct em_verb sensor_verbs[] = {
	{ "list", "", "what is attached, and what it missed", 0, 0, false, sensor_list, NULL },
	{ "unpin", "", "detaches what survives the daemon, so that drivers can be upgraded", 0, 0,
	  false, sensor_unpin, NULL },
	{},
};

const struct em_object em_sensor_object = { "sensor", "what watches", sensor_verbs };

/* --- bare earmark ------------------------------------------------------------------------ */

static void show_daemon(const json_t *status)
{
	const char *by = json_string_value(json_object_get(status, "recorded_by"));
	const char *why = json_string_value(json_object_get(status, "why"));
	json_t *notice;
	char text[512];
	size_t i;

	if (!by)
		printf("earmarkd runs, but nothing can be recorded here: %s\n",
		       em_show(text, sizeof(text), json_object_get(status, "why"), EM_TEXT));
	else
		printf("recorded by the %s; %lld live jobs, %zu GPUs\n", by,
		       json_integer_value(json_object_get(status, "jobs")),
		       json_array_size(json_object_get(status, "gpus")));
	if (by && why)
		printf("%s\n",
		       em_show(text, sizeof(text), json_object_get(status, "why"), EM_TEXT));
	json_array_foreach(json_object_get(status, "notices"), i, notice)
		printf("note: %s\n", em_show(text, sizeof(text), notice, EM_TEXT));
}

static const struct em_column verdict_columns[] = {
	{ "name", "COMMITMENT", EM_TEXT },    { "status", "VERDICT", EM_STATE },
	{ "reason", "WHY", EM_TEXT },         { "proven", "PROVEN", EM_SHARE },
	{ "possible", "POSSIBLE", EM_SHARE },
};

int em_status_show(struct em_args *a)
{
	static const struct em_verb none = {};
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	char err[512];
	json_t *status = em_ask(a, "GET", "/v1/status", NULL, err, sizeof(err));
	json_t *verdicts = NULL, *alerts;
	int code;

	a->verb = &none;
	l = em_open_ledger(a);
	if (!l || em_judge_all(a, l, em_time_now(), &verdicts, &code)) {
		json_decref(status);
		json_decref(verdicts);
		return EM_NO_ANSWER;
	}
	alerts = em_alerts_json(l);
	if (a->json)
		return em_json_out(json_pack("{s:s,s:o?,s:s?,s:o,s:o}", "schema",
					     "earmark-glance-1", "daemon", status, "error",
					     status ? NULL : err, "commitments", verdicts, "alerts",
					     alerts),
				   EM_FINE);
	if (status)
		show_daemon(status);
	else
		printf("earmarkd does not answer: %s\n", err);
	em_table(verdict_columns, ARRAY_SIZE(verdict_columns), verdicts,
		 "Nothing is promised here. To promise something: man 5 earmark-commitments.");
	em_alert_table(alerts, false, "No alert.");
	puts("More: earmark report, earmark job list, earmark doctor.");
	json_decref(status);
	json_decref(verdicts);
	json_decref(alerts);
	return EM_FINE;
}
