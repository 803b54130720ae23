// SPDX-License-Identifier: GPL-2.0
/* Sums of a window by purpose, and the shares that follow; see report.h. */
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "commit/commitment.h"
#include "report/report.h"

void em_part_add(struct em_part *part, const struct em_total *u, em_ns weight)
{
	part->gpu_time += u->gpu_time * weight;
	part->held += u->held * weight;
	part->busy += u->busy * weight;
	part->busy_error += u->busy_error * weight;
	part->allocated += u->allocated * weight;
	part->class = u->busy_class > part->class ? u->busy_class : part->class;
}

void em_part_sum(struct em_part *to, const struct em_part *part)
{
	to->gpu_time += part->gpu_time;
	to->held += part->held;
	to->busy += part->busy;
	to->busy_error += part->busy_error;
	to->allocated += part->allocated;
	to->class = part->class > to->class ? part->class : to->class;
}

void em_report_add(struct em_report *r, const struct em_total *u, em_ns weight)
{
	r->used += u->gpu_time * weight;
	r->busy_total += u->busy * weight;
	r->busy_error += u->busy_error * weight;
	r->allocated += u->allocated * weight;
	r->class = u->busy_class > r->class ? u->busy_class : r->class;
}

bool em_report_replayed(const struct em_report *r)
{
	return r->span.recorders == 1U << EARMARK_RECORDER_REPLAY;
}

bool em_report_measured(const struct em_report *r)
{
	return r->engines || r->class != EARMARK_CLASS_EXACT;
}

static int add_total(const struct em_total *u, void *arg)
{
	struct em_report *r = arg;
	unsigned int p = u->purpose < EARMARK_PURPOSE_COUNT ? u->purpose : 0;
	unsigned int weakest = u->tagged_by < EARMARK_TAGGED_BY_COUNT ? u->tagged_by : 0;

	em_part_add(&r->parts[p], u, 1);
	for (unsigned int by = 0; by <= weakest; by++)
		em_part_add(&r->strong[p][by], u, 1);
	em_report_add(r, u, 1);
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

/* struct figure - of a part on a clock: it, and what it may be off by */
struct figure {
	em_ns sum, error;
};

static struct figure figure(const struct em_part *p, enum em_clock clock)
{
	switch (clock) {
	case EM_CLOCK_BUSY:
		return (struct figure){ p->busy, p->busy_error };
	case EM_CLOCK_ALLOCATED:
		return (struct figure){ p->allocated, 0 };
	default:
		return (struct figure){ p->gpu_time, 0 };
	}
}

static em_ns least(struct figure f)
{
	return f.sum > f.error ? f.sum - f.error : 0;
}

static em_ns most(struct figure f)
{
	return f.sum + f.error;
}

/* What has no purpose, and what nobody saw. */
static em_ns unknown_of(const struct em_report *r, enum em_clock clock)
{
	em_ns untagged = most(figure(&r->parts[EARMARK_PURPOSE_UNTAGGED], clock));

	switch (clock) {
	case EM_CLOCK_BUSY:
		return untagged + r->busy_unattributed + r->busy_unobserved;
	case EM_CLOCK_ALLOCATED:
		return untagged + (em_report_replayed(r) ? r->unobserved : r->gap);
	default:
		return untagged + r->unattributed + r->unobserved;
	}
}

/* measures: N = T + x; S is contested, so it stands on the other side when proving A : C. */
void em_report_clock(struct em_report *r, enum em_clock clock)
{
	struct figure a = figure(&r->parts[EARMARK_PURPOSE_ALIGNMENT], clock);
	struct figure c = figure(&r->parts[EARMARK_PURPOSE_CAPABILITIES], clock);
	struct figure s = figure(&r->parts[EARMARK_PURPOSE_SERVING], clock);
	em_ns unknown = unknown_of(r, clock), low = 0, high = 0;

	for (unsigned int p = EARMARK_PURPOSE_ALIGNMENT + 1; p < EARMARK_PURPOSE_COUNT; p++) {
		low += least(figure(&r->parts[p], clock));
		high += most(figure(&r->parts[p], clock));
	}
	r->clock = clock;
	r->proven = share(least(a), least(a) + high + unknown);
	r->possible = share(most(a) + unknown, most(a) + low + unknown);
	r->ratio_proven = (struct em_share){ least(a), most(c) + unknown + most(s) };
	r->ratio_possible = (struct em_share){ most(a) + unknown, least(c) };
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
	em_ledger_hold(l);
	ret = em_ledger_span(l, since, until, &r->span);
	if (!ret)
		ret = em_ledger_totals(l, since, until, add_total, r);
	if (!ret)
		ret = em_ledger_gpus(l, since, until, add_gpu, r);
	em_ledger_release(l);
	if (!ret)
		em_report_clock(r, EM_CLOCK_GPU_TIME);
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

void em_part_measured_json(json_t *o, const struct em_part *p)
{
	json_object_set_new(o, "busy_class", json_string(em_class_name(p->class)));
	json_object_set_new(o, "busy_error_us", json_integer(em_us(p->busy_error)));
	json_object_set_new(o, "allocated_us", json_integer(em_us(p->allocated)));
}

static json_t *part_json(const struct em_part *p, json_int_t gpu_time_us)
{
	json_t *o = json_pack("{s:I,s:I,s:I}", "gpu_time_us", gpu_time_us, "held_us",
			      em_us(p->held), "busy_us", em_us(p->busy));

	em_part_measured_json(o, p);
	return o;
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
				    part_json(&r->parts[p], parts_us[p]));
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
	json_object_set_new(o, "busy_class", json_string(em_class_name(r->class)));
	json_object_set_new(o, "busy_error_us", json_integer(em_us(r->busy_error)));
	json_object_set_new(o, "allocated_us", json_integer(em_us(r->allocated)));
	json_object_set_new(o, "clock", json_string(em_clock_name(r->clock)));
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
