// SPDX-License-Identifier: GPL-2.0
/* What /metrics says; it is served by metrics_serve.c. See metrics.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/alert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "daemon/metrics_state.h"
#include "daemon/sampling.h"
#include "report/report.h"

#define STATE_KEY "metrics"
#define SAVE_EVERY (60 * EM_NS_PER_S)

/* --- counting ------------------------------------------------------------------------------- */

/* Sums are 128 bits: decimals, not JSON's integers. */
static json_t *big(em_ns n)
{
	char out[48], *at = out + sizeof(out) - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + (int)(n % 10));
		n /= 10;
	} while (n);
	return json_string(at);
}

static em_ns big_of(const json_t *o)
{
	const char *s = json_string_value(o) ?: "";
	em_ns n = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (em_ns)(*s - '0');
	return n;
}

static void load(struct em_metrics *m)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *o = NULL;
	json_t *sums;

	if (!em_ledger_state_get(m->ledger, STATE_KEY, &text) && text)
		o = json_loads(text, 0, NULL);
	m->upto = json_integer_value(json_object_get(o, "upto"));
	sums = json_object_get(o, "sums");
	for (unsigned int i = 0; i < EM_METRICS_SUMS; i++)
		m->sums[i] = big_of(json_array_get(sums, i));
	if (m->upto <= 0)
		m->upto = em_time_now();
}

void em_metrics_save(struct em_metrics *m)
{
	_cleanup_json_ json_t *sums = json_array(), *o = NULL;
	_cleanup_free_ char *text = NULL;

	for (unsigned int i = 0; i < EM_METRICS_SUMS; i++)
		json_array_append_new(sums, big(m->sums[i]));
	o = json_pack("{s:I,s:O}", "upto", (json_int_t)m->upto, "sums", sums);
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	if (text && !em_ledger_state_set(m->ledger, STATE_KEY, text))
		m->saved = em_time_now();
}

static void add(struct em_metrics *m, const struct em_report *r)
{
	for (unsigned int p = 0; p < EARMARK_PURPOSE_COUNT; p++) {
		m->sums[EM_SUM_GPU_TIME + p] += r->parts[p].gpu_time;
		m->sums[EM_SUM_BUSY + p] += r->parts[p].busy;
	}
	for (unsigned int i = 0; i < EARMARK_LOST_COUNT; i++)
		m->sums[EM_SUM_LOST + i] += r->span.lost[i];
	m->sums[EM_SUM_CAPACITY] += r->capacity;
	m->sums[EM_SUM_IDLE] += r->idle;
	m->sums[EM_SUM_UNOBSERVED] += r->unobserved;
	m->sums[EM_SUM_UNATTRIBUTED] += r->unattributed;
	m->sums[EM_SUM_BUSY_UNATTRIBUTED] += r->busy_unattributed;
	m->sums[EM_SUM_INTERVALS] += r->span.intervals;
}

/*
 * Up to the end of the last interval, not to now: what follows may be a gap, or sealed and not
 * stored yet, and a counter must not take back what it said.
 */
static int count(struct em_metrics *m)
{
	struct em_report r;
	struct em_span span;
	int ret;

	if (!m->upto)
		load(m);
	ret = em_ledger_span(m->ledger, m->upto, em_time_now(), &span);
	if (ret || !span.intervals)
		return ret;
	ret = em_report_make(&r, m->ledger, m->upto, span.end);
	if (ret)
		return ret;
	add(m, &r);
	m->upto = span.end;
	if (em_time_now() - m->saved > SAVE_EVERY)
		em_metrics_save(m);
	return 0;
}

/* --- writing -------------------------------------------------------------------------------- */

/**
 * struct family - of samples
 * @label: its key, NULL = none; @name_of: its values; @n: how many; @seconds: or a bare number
 */
static const struct family {
	const char *name, *unit, *help, *label;
	unsigned int sum, n;
	const char *(*name_of)(unsigned int);
} families[] = {
	{ "earmark_gpu_time_seconds", "seconds", "GPU time by research purpose.", "purpose",
	  EM_SUM_GPU_TIME, EARMARK_PURPOSE_COUNT, em_purpose_name },
	{ "earmark_busy_seconds", "seconds",
	  "Time in which engines ran jobs' work, by research purpose.", "purpose", EM_SUM_BUSY,
	  EARMARK_PURPOSE_COUNT, em_purpose_name },
	{ "earmark_capacity_seconds", "seconds",
	  "Wall time of all GPUs of the inventory: used, idle and unobserved.", NULL,
	  EM_SUM_CAPACITY, 1, NULL },
	{ "earmark_idle_seconds", "seconds", "GPU time that nobody held.", NULL, EM_SUM_IDLE, 1,
	  NULL },
	{ "earmark_unobserved_seconds", "seconds", "GPU time that no sensor watched.", NULL,
	  EM_SUM_UNOBSERVED, 1, NULL },
	{ "earmark_unattributed_seconds", "seconds",
	  "Used GPU time of work whose submission was never seen.", NULL, EM_SUM_UNATTRIBUTED, 1,
	  NULL },
	{ "earmark_busy_unattributed_seconds", "seconds",
	  "Busy time of work whose submission was never seen.", NULL, EM_SUM_BUSY_UNATTRIBUTED, 1,
	  NULL },
	{ "earmark_lost_events", NULL, "Events that a recorder could not keep, by what was lost.",
	  "counter", EM_SUM_LOST, EARMARK_LOST_COUNT, em_lost_name },
	{ "earmark_intervals", NULL, "Intervals stored in the ledger.", NULL, EM_SUM_INTERVALS, 1,
	  NULL },
};

/* A label's value, as the format wants it. */
static void quoted(FILE *f, const char *s)
{
	putc('"', f);
	for (; *s; s++) {
		if (*s == '\n')
			fputs("\\n", f);
		else if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else
			putc(*s, f);
	}
	putc('"', f);
}

/* In OpenMetrics a family has its name, in the older format that of its samples. */
static void head(FILE *f, const char *name, const char *type, const char *unit, const char *help,
		 bool openmetrics)
{
	const char *suffix = !openmetrics && !strcmp(type, "counter") ? "_total" : "";

	fprintf(f, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, type);
	if (openmetrics && unit)
		fprintf(f, "# UNIT %s %s\n", name, unit);
}

static void value(FILE *f, em_ns n, bool seconds)
{
	unsigned long long whole = (unsigned long long)(n / EM_NS_PER_S);

	if (seconds)
		fprintf(f, " %llu.%09llu\n", whole, (unsigned long long)(n % EM_NS_PER_S));
	else
		fprintf(f, " %llu\n", (unsigned long long)n);
}

static void counters(FILE *f, const struct em_metrics *m, bool openmetrics)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct family *c = &families[i];

		head(f, c->name, "counter", c->unit, c->help, openmetrics);
		for (unsigned int k = 0; k < c->n; k++) {
			fprintf(f, "%s_total", c->name);
			if (c->label) {
				fprintf(f, "{%s=", c->label);
				quoted(f, c->name_of(k));
				putc('}', f);
			}
			value(f, m->sums[c->sum + k], c->unit);
		}
	}
}

/* How many alerts of each kind are in each state; "no-data" beside, for those that fire blindly. */
static void alerts(FILE *f, struct em_metrics *m, bool openmetrics)
{
	unsigned int n[EM_ALERT_KINDS][EM_ALERT_STATES] = { 0 };
	_cleanup_json_ json_t *list = em_alerts_json(m->ledger);
	json_t *a;
	size_t i;

	json_array_foreach(list, i, a) {
		enum em_alert_kind kind = em_alert_kind_parse(
			json_string_value(json_object_get(a, "kind")) ?: "",
			json_string_value(json_object_get(a, "severity")) ?: "");
		enum em_alert_state state =
			em_alert_state_parse(json_string_value(json_object_get(a, "state")) ?: "");

		if (kind == EM_ALERT_KINDS)
			continue;
		n[kind][state]++;
		if (json_object_get(a, "no_data_since") && state != EM_ALERT_NO_DATA)
			n[kind][EM_ALERT_NO_DATA]++;
	}
	head(f, "earmark_alerts", "gauge", NULL, "Alerts by kind and state.", openmetrics);
	for (unsigned int k = 0; k < EM_ALERT_KINDS; k++) {
		for (unsigned int s = EM_ALERT_PENDING; s < EM_ALERT_STATES; s++) {
			if (s == EM_ALERT_RESOLVED)
				continue;
			fputs("earmark_alerts{kind=", f);
			quoted(f, em_alert_rule(k)->name);
			fputs(",severity=", f);
			quoted(f, em_alert_severity(k));
			fputs(",state=", f);
			quoted(f, em_alert_state_name(s));
			fprintf(f, "} %u\n", n[k][s]);
		}
	}
}

void em_metrics_watch(struct em_metrics *m, struct em_nvidia *nvidia)
{
	m->nvidia = nvidia;
}

static void one_counter(FILE *f, const char *name, const char *help, __u64 n, bool openmetrics)
{
	head(f, name, "counter", NULL, help, openmetrics);
	fprintf(f, "%s_total %llu\n", name, (unsigned long long)n);
}

static void nvidia(FILE *f, const struct em_metrics *m, bool openmetrics)
{
	static const char rejected[] = "earmark_nvml_samples_rejected";
	const struct em_nvidia_state *s = em_nvidia_state(m->nvidia);

	head(f, rejected, "counter", NULL, "Samples of NVIDIA's that cannot be true, by reason.",
	     openmetrics);
	for (unsigned int i = 0; i < EM_UTIL_REJECT_COUNT; i++) {
		fprintf(f, "%s_total{reason=", rejected);
		quoted(f, em_util_reject_names[i]);
		fprintf(f, "} %llu\n", (unsigned long long)s->rejected[i]);
	}
	one_counter(f, "earmark_nvml_windows", "Stretches of time whose samples were read.",
		    s->windows, openmetrics);
	one_counter(f, "earmark_nvml_windows_failed", "Of these, those that told nothing.",
		    s->failed, openmetrics);
	one_counter(f, "earmark_nvml_refused", "Tellings that the recorder did not take.",
		    s->refused, openmetrics);
}

void em_metrics_watch_sampling(struct em_metrics *m, const struct em_sampling_counts *counts)
{
	m->sampling = counts;
}

static void looks(FILE *f, const struct em_metrics *m, bool openmetrics)
{
	const struct em_sampling_counts *c = m->sampling;

	one_counter(f, "earmark_fdinfo_rounds", "Looks at fdinfo of the files in use.",
		    c->fdinfo.rounds, openmetrics);
	one_counter(f, "earmark_fdinfo_unread", "Files in use that could not be read.",
		    c->fdinfo.unread + c->fdinfo.silent, openmetrics);
	one_counter(f, "earmark_fdinfo_refused", "Tellings that the recorder did not take.",
		    c->fdinfo.unplaced, openmetrics);
	one_counter(f, "earmark_fdinfo_checked",
		    "Windows in which fdinfo was compared with the scheduler's tracepoints.",
		    c->check.windows, openmetrics);
	one_counter(f, "earmark_fdinfo_differs",
		    "Of these, those that their bounds do not explain.", c->check.differ,
		    openmetrics);
	one_counter(f, "earmark_kfd_bad", "Files of KFD's that are not understood.", c->kfd.bad,
		    openmetrics);
}

char *em_metrics_text(struct em_metrics *m, bool openmetrics)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	if (count(m))
		return NULL;
	f = open_memstream(&text, &len);
	if (!f)
		return NULL;
	counters(f, m, openmetrics);
	alerts(f, m, openmetrics);
	if (m->nvidia)
		nvidia(f, m, openmetrics);
	if (m->sampling)
		looks(f, m, openmetrics);
	if (openmetrics)
		fputs("# EOF\n", f);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
