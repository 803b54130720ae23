// SPDX-License-Identifier: GPL-2.0
/* earmark gpu - the inventory. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "cli/cli.h"
#include "report/report.h"

EM_CLEANUP(struct em_ledger *, em_ledger_close);

static const struct em_column columns[] = {
	{ "name", "GPU", EM_TEXT },         { "model", "MODEL", EM_TEXT },
	{ "uuid", "UUID", EM_TEXT },        { "weight", "WEIGHT", EM_TEXT },
	{ "meter", "METER", EM_TEXT },      { "holders", "JOBS", EM_TEXT },
	{ "blind", "UNOBSERVED", EM_TEXT }, { "since", "SINCE", EM_TIME },
};

static int each_gpu(const struct em_gpu_usage *g, void *rows)
{
	char since[EM_TIME_LEN], retired[EM_TIME_LEN];

	return json_array_append_new(
		rows, json_pack("{s:s,s:s?,s:s?,s:I,s:s,s:s?}", "name", g->name, "model", g->model,
				"uuid", g->uuid, "weight", (json_int_t)g->weight, "since",
				em_time_format(since, g->since, 0), "retired",
				g->retired ? em_time_format(retired, g->retired, 0) : NULL));
}

/* The daemon's, with what is blind now; else the ledger's. */
static json_t *gpus(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	char err[256];
	json_t *answer = a->ledger_given && !a->socket_given
				 ? NULL
				 : em_ask(a, "GET", "/v1/gpus", NULL, err, sizeof(err));
	json_t *rows;

	if (answer) {
		rows = json_incref(json_object_get(answer, "gpus"));
		json_decref(answer);
		return rows;
	}
	l = em_open_ledger(a);
	if (!l)
		return NULL;
	rows = json_array();
	if (em_ledger_gpus(l, 0, em_time_now(), each_gpu, rows)) {
		em_fail(a, "%s", em_ledger_error(l));
		json_decref(rows);
		return NULL;
	}
	return rows;
}

static int list(struct em_args *a)
{
	json_t *rows = gpus(a);

	if (!rows)
		return EM_NO_ANSWER;
	if (a->json)
		return em_json_out(json_pack("{s:s,s:o}", "schema", "earmark-gpus-1", "gpus", rows),
				   EM_FINE);
	em_table(columns, ARRAY_SIZE(columns), rows,
		 "No GPU is known here. earmark doctor says what it looked for.");
	json_decref(rows);
	return EM_FINE;
}

static int add(struct em_args *a)
{
	char err[512];
	_cleanup_json_ json_t *body = NULL, *answer = NULL;
	json_t *devices = json_array();

	for (int i = 0; em_opt_nth(a, "device", i); i++)
		json_array_append_new(devices, json_string(em_opt_nth(a, "device", i)));
	body = json_pack("{s:s,s:s,s:o,s:s*,s:s*}", "name", a->argv[0], "meter",
			 em_opt(a, "meter") ?: "", "devices", devices, "model", em_opt(a, "model"),
			 "uuid", em_opt(a, "uuid"));
	answer = em_ask(a, "POST", "/v1/gpu/add", body, err, sizeof(err));
	if (!answer)
		return em_fail(a, "%s", err);
	if (a->json)
		return em_json_out(json_incref(answer), EM_FINE);
	printf("%s is in the inventory: its time counts towards capacity from now on.\n",
	       a->argv[0]);
	return EM_FINE;
}

static int retire(struct em_args *a)
{
	char err[512];
	_cleanup_json_ json_t *body = NULL, *answer = NULL;

	if (!em_opt(a, "reason"))
		return em_fail(a, "--reason is missing: why does %s leave the inventory?",
			       a->argv[0]);
	body = json_pack("{s:s,s:s}", "name", a->argv[0], "reason", em_opt(a, "reason"));
	answer = em_ask(a, "POST", "/v1/gpu/retire", body, err, sizeof(err));
	if (!answer)
		return em_fail(a, "%s", err);
	if (a->json)
		return em_json_out(json_incref(answer), EM_FINE);
	printf("%s is retired: its time no longer counts towards capacity.\n", a->argv[0]);
	return EM_FINE;
}

static const struct em_option add_options[] = {
	{ "meter", "METER", "how it is metered: channel (NVIDIA), told, drm, none",
	  "channel told drm none" },
	{ "device", "MAJOR:MINOR", "a device file of its; may be given several times", NULL },
	{ "model", "TEXT", "its model", NULL },
	{ "uuid", "TEXT", "its UUID", NULL },
	{},
};

static const struct em_option retire_options[] = {
	{ "reason", "TEXT", "why; it enters the record with your name", NULL },
	{},
};

static const struct em_verb verbs[] = {
	{ "list", "", "the inventory: it does not forget", 0, 0, false, list, NULL },
	{ "add", "GPU", "adds one that earmarkd does not find by itself, or amends it", 1, 1, false,
	  add, add_options },
	{ "retire", "GPU", "takes a GPU out of the inventory, with a reason", 1, 1, false, retire,
	  retire_options },
	{},
};

const struct em_object em_gpu = { "gpu", "the inventory of GPUs", verbs };
