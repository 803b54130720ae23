// SPDX-License-Identifier: GPL-2.0
/* Sums of a window by purpose, and the shares that follow; see report.h. */
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "report/report.h"

static int add_usage(const struct em_usage *u, void *arg)
{
	struct em_report *r = arg;
	unsigned int p = u->purpose < EARMARK_PURPOSE_COUNT ? u->purpose : 0;
	unsigned int weakest = u->tagged_by < EARMARK_TAGGED_BY_COUNT ? u->tagged_by : 0;

	r->parts[p].gpu_time += u->gpu_time;
	r->parts[p].held += u->held;
	r->parts[p].busy += u->busy;
	for (unsigned int by = 0; by <= weakest; by++) {
		r->strong[p][by].gpu_time += u->gpu_time;
		r->strong[p][by].held += u->held;
		r->strong[p][by].busy += u->busy;
	}
	r->used += u->gpu_time;
	r->busy_total += u->busy;
	return 0;
}

static int add_gpu(const struct em_gpu_usage *g, void *arg)
{
	struct em_report *r = arg;

	r->capacity += (em_ns)g->wall + g->gap;
	r->idle += g->idle - g->charged;
	r->used += g->charged;
	r->unattributed += g->charged;
	r->unobserved += (em_ns)g->unobserved + g->gap;
	r->gap += g->gap;
	r->missing += g->missing;
	r->busy_unattributed += g->unattributed;
	r->busy_total += g->unattributed;
	r->busy_unobserved += g->blind_busy;
	r->blind |= g->blind;
	r->engines += g->engines;
	if (g->since && (!r->inventory || g->since < r->inventory))
		r->inventory = g->since;
	return 0;
}

static struct em_share share(em_ns num, em_ns den)
{
	return (struct em_share){ den && num > den ? den : num, den };
}

/* measures: N = T + x; S is contested, so it stands on the other side when proving A : C. */
static void shares(struct em_report *r)
{
	em_ns a = r->parts[EARMARK_PURPOSE_ALIGNMENT].gpu_time;
	em_ns c = r->parts[EARMARK_PURPOSE_CAPABILITIES].gpu_time;
	em_ns s = r->parts[EARMARK_PURPOSE_SERVING].gpu_time;
	em_ns m = r->parts[EARMARK_PURPOSE_UNTAGGED].gpu_time + r->unattributed;
	em_ns x = r->unobserved;

	r->proven = share(a, r->used + x);
	r->possible = share(a + m + x, r->used + x);
	r->ratio_proven = (struct em_share){ a, c + m + x + s };
	r->ratio_possible = (struct em_share){ a + m + x, c };
}

/**
 * em_report_make() - what the ledger says of the window
 *
 * Whole intervals only: span.start and span.end say what was covered.
 */
int em_report_make(struct em_report *r, struct em_ledger *l, int64_t since, int64_t until)
{
	int ret;

	memset(r, 0, sizeof(*r));
	r->since = since;
	r->until = until;
	ret = em_ledger_span(l, since, until, &r->span);
	if (!ret)
		ret = em_ledger_usage(l, since, until, add_usage, r);
	if (!ret)
		ret = em_ledger_gpus(l, since, until, add_gpu, r);
	if (!ret)
		shares(r);
	return ret;
}

json_int_t em_us(em_ns ns)
{
	return (json_int_t)((ns + EM_NS_PER_US / 2) / EM_NS_PER_US);
}

/*
 * Largest remainder: @out is @ns in whole microseconds, summing up to @total. Remainders are
 * below a microsecond each, so at most @n units are missing.
 */
static void round_parts(const em_ns *ns, json_int_t *out, size_t n, json_int_t total)
{
	bool given[16] = {};
	json_int_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += out[i] = (json_int_t)(ns[i] / EM_NS_PER_US);
	for (; sum < total; sum++) {
		size_t best = n;

		for (size_t i = 0; i < n; i++) {
			if (!given[i] &&
			    (best == n || ns[i] % EM_NS_PER_US > ns[best] % EM_NS_PER_US))
				best = i;
		}
		if (best == n)
			return;
		given[best] = true;
		out[best]++;
	}
}

json_t *em_share_json(const struct em_share *s)
{
	if (!s->den)
		return json_null();
	return json_pack("{s:I,s:I}", "num", em_us(s->num), "den", em_us(s->den));
}

static json_t *recorders_json(unsigned int mask)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < 32; i++) {
		if (mask & (1u << i))
			json_array_append_new(a, json_string(em_recorder_name(i)));
	}
	return a;
}

static json_t *lost_json(const uint64_t lost[16])
{
	json_t *o = json_object();

	for (unsigned int i = 0; i < EARMARK_LOST_COUNT; i++)
		json_object_set_new(o, em_lost_name(i), json_integer((json_int_t)lost[i]));
	return o;
}

json_t *em_blind_json(unsigned int mask)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < EARMARK_BLIND_BIT_COUNT; i++) {
		if (mask & (1u << i))
			json_array_append_new(a, json_string(em_blind_name(i)));
	}
	return a;
}

static void window_json(json_t *o, const struct em_report *r)
{
	char start[EM_TIME_LEN], end[EM_TIME_LEN];

	if (r->span.intervals)
		json_object_set_new(o, "window",
				    json_pack("{s:s,s:s}", "start",
					      em_time_format(start, r->span.start, 6), "end",
					      em_time_format(end, r->span.end, 6)));
	else
		json_object_set_new(o, "window", json_pack("{s:n,s:n}", "start", "end"));
}

/* Capacity, and parts of it that add up to the printed whole. */
static void sums_json(json_t *o, const struct em_report *r)
{
	const em_ns whole[] = { r->used, r->idle, r->unobserved };
	em_ns parts[EARMARK_PURPOSE_COUNT + 1];
	json_int_t whole_us[3], parts_us[EARMARK_PURPOSE_COUNT + 1];
	json_t *purposes = json_object();

	round_parts(whole, whole_us, 3, em_us(r->used + r->idle + r->unobserved));
	for (unsigned int p = 0; p < EARMARK_PURPOSE_COUNT; p++)
		parts[p] = r->parts[p].gpu_time;
	parts[EARMARK_PURPOSE_COUNT] = r->unattributed;
	round_parts(parts, parts_us, EARMARK_PURPOSE_COUNT + 1, whole_us[0]);
	json_object_set_new(o, "capacity_us", json_integer(em_us(r->capacity)));
	json_object_set_new(o, "used_us", json_integer(whole_us[0]));
	json_object_set_new(o, "idle_us", json_integer(whole_us[1]));
	json_object_set_new(o, "unobserved_us", json_integer(whole_us[2]));
	json_object_set_new(o, "unattributed_us", json_integer(parts_us[EARMARK_PURPOSE_COUNT]));
	for (unsigned int p = 0; p < EARMARK_PURPOSE_COUNT; p++)
		json_object_set_new(purposes, em_purpose_name(p),
				    json_pack("{s:I,s:I,s:I}", "gpu_time_us", parts_us[p],
					      "held_us", em_us(r->parts[p].held), "busy_us",
					      em_us(r->parts[p].busy)));
	json_object_set_new(o, "purposes", purposes);
}

json_t *em_report_missing(const struct em_ledger *l)
{
	json_t *list = json_array();
	const char *origin;

	for (unsigned int i = 0; (origin = em_ledger_missing(l, i)); i++)
		json_array_append_new(list, em_json_text(origin));
	return list;
}

json_t *em_report_json(const struct em_report *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "schema", json_string("earmark-report-1"));
	json_object_set_new(o, "recorded_by", recorders_json(r->span.recorders));
	window_json(o, r);
	sums_json(o, r);
	json_object_set_new(o, "busy_us", json_integer(em_us(r->busy_total)));
	json_object_set_new(o, "busy_unattributed_us", json_integer(em_us(r->busy_unattributed)));
	json_object_set_new(o, "gap_us", json_integer(em_us(r->gap)));
	json_object_set_new(o, "missing_us", json_integer(em_us(r->missing)));
	json_object_set_new(o, "lost", lost_json(r->span.lost));
	json_object_set_new(o, "intervals", json_integer((json_int_t)r->span.intervals));
	json_object_set_new(o, "stretched", json_integer((json_int_t)r->span.stretched));
	json_object_set_new(o, "sampled", json_integer((json_int_t)r->span.sampled));
	json_object_set_new(o, "broken", json_integer((json_int_t)r->span.broken));
	json_object_set_new(o, "blind", em_blind_json(r->blind));
	json_object_set_new(o, "alignment_share",
			    json_pack("{s:o,s:o}", "proven", em_share_json(&r->proven), "possible",
				      em_share_json(&r->possible)));
	json_object_set_new(o, "ratio",
			    json_pack("{s:I,s:I,s:o,s:o}", "alignment_us",
				      em_us(r->parts[EARMARK_PURPOSE_ALIGNMENT].gpu_time),
				      "capabilities_us",
				      em_us(r->parts[EARMARK_PURPOSE_CAPABILITIES].gpu_time),
				      "proven", em_share_json(&r->ratio_proven), "possible",
				      em_share_json(&r->ratio_possible)));
	return o;
}
