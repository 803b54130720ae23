// SPDX-License-Identifier: GPL-2.0
/* What would settle an UNPROVEN, and the same promise seen every way; see project.h. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "commit/judge.h"
#include "commit/project.h"

#define LARGEST 5
#define DAY (86400 * EM_NS_PER_S)

static bool is(const json_t *row, const char *key, const char *value)
{
	return !strcmp(json_string_value(json_object_get(row, key)) ?: "", value);
}

static bool too_weak(const struct em_commitment *c, const json_t *row)
{
	const char *by = json_string_value(json_object_get(row, "tagged_by"));
	bool own = is(row, "purpose", em_purpose_name(c->purpose));

	if (!by || is(row, "purpose", "untagged") ||
	    em_tagged_by_parse(by) >= (int)c->require_tagged_by)
		return false;
	return em_commitment_claims(c) ? own : !own;
}

/* @rows come largest first. */
static void take_jobs(const struct em_commitment *c, json_t *rows, json_t *jobs, json_t *weak)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		json_t *to = is(row, "purpose", "untagged") ? jobs : too_weak(c, row) ? weak : NULL;

		if (to && json_array_size(to) < LARGEST)
			json_array_append(to, row);
	}
}

struct gaps {
	json_t *list;
};

static json_int_t unobserved_of(const json_t *gap)
{
	return json_integer_value(json_object_get(gap, "unobserved_us"));
}

/* Keeps the longest few, in order. */
static int add_gap(const struct em_gpu_usage *g, void *arg)
{
	struct gaps *gaps = arg;
	em_ns time = (em_ns)g->unobserved + g->gap;
	size_t at = 0;
	json_t *o;

	if (!time)
		return 0;
	o = json_pack("{s:o,s:I,s:I,s:o}", "gpu", em_json_text(g->name), "unobserved_us",
		      em_us(time), "no_interval_us", em_us(g->gap), "blind",
		      em_blind_json(g->blind));
	while (at < json_array_size(gaps->list) &&
	       unobserved_of(json_array_get(gaps->list, at)) >= unobserved_of(o))
		at++;
	if (!o || json_array_insert_new(gaps->list, at, o))
		return -ENOMEM;
	if (json_array_size(gaps->list) > LARGEST)
		json_array_remove(gaps->list, LARGEST);
	return 0;
}

int em_settle_json(const struct em_commitment *c, struct em_ledger *l, const struct em_verdict *v,
		   json_t **ret)
{
	_cleanup_json_ json_t *rows = NULL;
	struct gaps gaps = { json_array() };
	json_t *jobs = json_array(), *weak = json_array();
	int r = em_report_rows(l, v->start, v->end, "job", &rows);

	r = r ?: em_ledger_gpus(l, v->start, v->end, add_gap, &gaps);
	if (!r)
		take_jobs(c, rows, jobs, weak);
	*ret = json_pack("{s:o,s:o,s:o}", "jobs", jobs, "weak", weak, "gaps", gaps.list);
	if (!r && *ret)
		return 0;
	json_decref(*ret);
	*ret = NULL;
	return r ?: -ENOMEM;
}

/* --- the table ------------------------------------------------------------------------------ */

static json_t *row(const struct em_commitment *c, const struct em_measure *m, int days,
		   const char *weights)
{
	struct em_verdict v;
	json_t *o, *whole;

	em_judge_measure(c, m, &v);
	whole = em_verdict_json(c, &v);
	o = json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:O,s:O}", "days", days, "clock",
		      em_clock_name(c->clock), "mixed", em_mixed_name(c->mixed), "weights", weights,
		      "status", em_status_name(v.status), "reason", v.reason, "proven",
		      json_object_get(whole, "proven"), "possible",
		      json_object_get(whole, "possible"));
	json_decref(whole);
	return o;
}

static int rows_of(const struct em_commitment *c, struct em_ledger *l, int64_t now, int days,
		   const char *weights, json_t *table)
{
	static const enum em_clock clocks[] = { EM_CLOCK_GPU_TIME, EM_CLOCK_BUSY };
	static const enum em_mixed mixed[] = { EM_MIXED_EXCLUDE, EM_MIXED_INCLUDE };
	int64_t start = now - days * DAY;
	struct em_commitment as = *c;
	struct em_measure m;
	int ret;

	ret = em_measure(&m, c, l, c->declared > start ? c->declared : start, now);
	for (size_t i = 0; !ret && i < ARRAY_SIZE(clocks); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(mixed); k++) {
			as.clock = clocks[i];
			as.mixed = mixed[k];
			if (json_array_append_new(table, row(&as, &m, days, weights)))
				ret = -ENOMEM;
		}
	}
	return ret;
}

static int both_weights(const struct em_commitment *c, struct em_ledger *l, int64_t now,
			const struct em_weights *weights, json_t *table)
{
	static const int days[] = { 7, 28, 90 };
	struct em_commitment raw = *c, weighted = *c;
	int ret = 0;

	raw.weights = (struct em_weights){ 0 };
	weighted.weights = *weights;
	/* these windows are rolling, whatever the promise's own is */
	raw.span.kind = weighted.span.kind = EM_ROLLING;
	for (size_t i = 0; !ret && i < ARRAY_SIZE(days); i++) {
		ret = rows_of(&raw, l, now, days[i], "raw", table);
		ret = ret
			      ?: rows_of(&weighted, l, now, days[i],
					 c->weights.n ? "weighted" : "flops", table);
	}
	return ret;
}

int em_commitment_table(const struct em_commitment *c, struct em_ledger *l, int64_t now,
			json_t **ret)
{
	struct em_weights flops = { 0 };
	int r = 0;

	*ret = json_array();
	if (!*ret)
		return -ENOMEM;
	if ((c->kind != EM_FLOOR && c->kind != EM_CEILING) || c->of == EM_OF_FIXED)
		return 0;
	if (!c->weights.n)
		r = em_weights_flops(&flops);
	r = r ?: both_weights(c, l, now, c->weights.n ? &c->weights : &flops, *ret);
	em_weights_clear(&flops);
	return r;
}
