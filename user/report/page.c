// SPDX-License-Identifier: GPL-2.0
/* All that is said of a window, as one document; see page.h. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "probe/ask.h"
#include "probe/kept.h"
#include "report/page.h"

/* What a reader needs to show a field: how it is called, and how it is read. */
static json_t *field_json(const struct em_field *f)
{
	static const char *const kinds[] = {
		[EM_VALUE_GPU_TIME] = "gpu-time", [EM_VALUE_SHARE] = "share",
		[EM_VALUE_REAL] = "real",         [EM_VALUE_DURATION] = "duration",
		[EM_VALUE_TIME] = "time",         [EM_VALUE_COUNT] = "count",
		[EM_VALUE_TEXT] = "text",
	};

	return json_pack("{s:s,s:s,s:s}", "key", f->key, "title", f->title, "kind", kinds[f->kind]);
}

static json_t *finding_json(const struct em_finding *f)
{
	json_t *o = em_finding_json(f), *fields = json_array(), *columns = json_array();

	for (unsigned int i = 0; i < f->n; i++)
		json_array_append_new(fields, field_json(&f->values[i].field));
	for (size_t i = 0; i < f->n_columns; i++)
		json_array_append_new(columns, field_json(&f->columns[i]));
	json_object_set_new(o, "help", json_string(f->probe->help));
	json_object_set_new(o, "fields", fields);
	json_object_set_new(o, "columns", columns);
	return o;
}

static int add_findings(json_t *list, struct em_ledger *l, const struct em_ask *ask)
{
	int ret = 0;

	for (const struct em_probe *p = em_probes; !ret && p->name; p++) {
		struct em_finding f;

		ret = em_probe_ask(p, l, ask, &f);
		if (!ret)
			json_array_append_new(list, finding_json(&f));
		em_finding_clear(&f);
	}
	return ret;
}

/* The rows come largest first. */
static int add_jobs(json_t *o, struct em_ledger *l, const struct em_ask *ask)
{
	json_t *rows = NULL, *first = json_array(), *row;
	int ret = em_report_rows(l, ask->window.start, ask->window.end, "job", &rows);
	size_t i;

	json_array_foreach(rows, i, row) {
		if (i < EM_PAGE_ROWS)
			json_array_append(first, row);
	}
	json_object_set_new(o, "jobs", first);
	json_decref(rows);
	return ret;
}

static json_int_t blindness(const json_t *row)
{
	return json_integer_value(json_object_get(row, "unobserved_us"));
}

/* struct gpus - the blindest first, and how many there are in all */
struct gpus {
	json_t *blindest;
	json_int_t n;
};

static int add_gpu(const struct em_gpu_usage *g, void *arg)
{
	json_int_t us = em_us((em_ns)g->unobserved + g->gap);
	struct gpus *gpus = arg;
	size_t k = json_array_size(gpus->blindest);

	gpus->n++;
	while (k && blindness(json_array_get(gpus->blindest, k - 1)) < us)
		k--;
	if (!us || k == EM_PAGE_ROWS)
		return 0;
	json_array_insert_new(gpus->blindest, k,
			      json_pack("{s:o,s:I,s:o}", "gpu", em_json_text(g->name),
					"unobserved_us", us, "blind", em_blind_json(g->blind)));
	json_array_remove(gpus->blindest, EM_PAGE_ROWS);
	return 0;
}

static int add_gpus(json_t *o, struct em_ledger *l, const struct em_ask *ask)
{
	struct gpus gpus = { json_array(), 0 };
	int ret = em_ledger_gpus(l, ask->window.start, ask->window.end, add_gpu, &gpus);

	json_object_set_new(o, "gpu_count", json_integer(gpus.n));
	json_object_set_new(o, "gpus", gpus.blindest);
	return ret;
}

static int add_time(json_t *o, struct em_ledger *l, const struct em_page_order *order)
{
	int64_t since = order->ask->window.start, until = order->ask->until;
	json_t *series = NULL, *tracks = NULL;
	int ret = em_page_series(&series, l, since, until);
	int64_t step = json_integer_value(json_object_get(series, "step_s")) * EM_NS_PER_S;

	if (!ret)
		ret = em_page_clip(l, &since, &until);
	if (!ret)
		ret = em_page_tracks(&tracks, l, order->promised, since, until, step);
	json_object_set_new(o, "series", series);
	json_object_set_new(o, "tracks", tracks);
	return ret;
}

int em_page_add(json_t *o, struct em_ledger *l, const struct em_page_order *order)
{
	json_t *findings = json_array();
	struct em_ask ask = *order->ask;
	struct em_kept kept = { 0 };
	char now[EM_TIME_LEN];
	int ret = em_ask_clip(&ask, l);

	json_object_set_new(o, "made_at", json_string(em_time_format(now, em_time_now(), 0)));
	json_object_set_new(o, "findings", findings);
	if (!ret)
		ret = add_time(o, l, order);
	ask.kept = &kept;
	if (!ret)
		ret = add_findings(findings, l, &ask);
	em_kept_clear(&kept);
	if (!ret)
		ret = add_jobs(o, l, &ask);
	return ret ? ret : add_gpus(o, l, &ask);
}
