// SPDX-License-Identifier: GPL-2.0
/* What a probe found, in words and as JSON; see finding.h. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "probe/finding.h"

static const char *const outcomes[] = { "fine", "not-so", "no-answer" };

void em_finding_start(struct em_finding *f, const struct em_probe *p)
{
	memset(f, 0, sizeof(*f));
	f->probe = p;
}

void em_finding_clear(struct em_finding *f)
{
	for (unsigned int i = 0; i < f->n; i++)
		json_decref(f->values[i].value);
	json_decref(f->rows);
	json_decref(f->path);
	f->rows = f->path = NULL;
	f->n = 0;
}

void em_finding_estimate(struct em_finding *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->estimate, sizeof(f->estimate), format, args);
	va_end(args);
}

void em_finding_interval(struct em_finding *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->interval, sizeof(f->interval), format, args);
	va_end(args);
}

int em_finding_refuse(struct em_finding *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->estimate, sizeof(f->estimate), format, args);
	va_end(args);
	snprintf(f->interval, sizeof(f->interval), "none: not answered");
	f->outcome = EM_OUTCOME_NO_ANSWER;
	return 0;
}

static void add(struct em_finding *f, const char *key, const char *title, enum em_value_kind kind,
		json_t *value)
{
	if (f->n == EM_FINDING_VALUES) {
		json_decref(value);
		return;
	}
	f->values[f->n++] = (struct em_value){ { key, title, kind }, value };
}

json_t *em_real_json(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *em_delta_json(em_delta ns)
{
	return json_integer(em_delta_us(ns));
}

json_t *em_time_json(int64_t ns)
{
	char text[EM_TIME_LEN];

	return json_string(em_time_format(text, ns, 6));
}

json_t *em_ratio_json(em_ns num, em_ns den)
{
	return em_share_json(&(struct em_share){ num, den });
}

void em_finding_gpu_time(struct em_finding *f, const char *key, const char *title, em_delta ns)
{
	add(f, key, title, EM_VALUE_GPU_TIME, em_delta_json(ns));
}

void em_finding_share(struct em_finding *f, const char *key, const char *title, em_ns num,
		      em_ns den)
{
	add(f, key, title, EM_VALUE_SHARE, em_ratio_json(num, den));
}

void em_finding_fraction(struct em_finding *f, const char *key, const char *title, long long num,
			 long long den)
{
	add(f, key, title, EM_VALUE_SHARE,
	    den ? json_pack("{s:I,s:I}", "num", (json_int_t)num, "den", (json_int_t)den)
		: json_null());
}

void em_finding_real(struct em_finding *f, const char *key, const char *title, double value)
{
	add(f, key, title, EM_VALUE_REAL, em_real_json(value));
}

void em_finding_duration(struct em_finding *f, const char *key, const char *title, int64_t ns)
{
	add(f, key, title, EM_VALUE_DURATION, em_delta_json(ns));
}

void em_finding_time(struct em_finding *f, const char *key, const char *title, int64_t ns)
{
	add(f, key, title, EM_VALUE_TIME, em_time_json(ns));
}

void em_finding_count(struct em_finding *f, const char *key, const char *title, long long n)
{
	add(f, key, title, EM_VALUE_COUNT, json_integer(n));
}

void em_finding_text(struct em_finding *f, const char *key, const char *title, const char *text)
{
	add(f, key, title, EM_VALUE_TEXT, em_json_text(text));
}

void em_finding_rows(struct em_finding *f, const struct em_field *columns, size_t n)
{
	f->columns = columns;
	f->n_columns = n;
	f->rows = json_array();
}

void em_finding_row(struct em_finding *f, json_t *row)
{
	json_array_append_new(f->rows, row);
}

static json_t *period_json(const struct em_finding *f)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < f->windows; i++)
		json_array_append_new(list, json_pack("{s:o,s:o}", "start",
						      em_time_json(f->window[i].start), "end",
						      em_time_json(f->window[i].end)));
	return list;
}

static json_t *recorders_json(unsigned int mask)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < 32; i++) {
		if (mask & (1u << i))
			json_array_append_new(list, json_string(em_recorder_name(i)));
	}
	return list;
}

json_t *em_finding_value(const struct em_finding *f, const char *key)
{
	for (unsigned int i = 0; i < f->n; i++) {
		if (!strcmp(f->values[i].field.key, key))
			return f->values[i].value;
	}
	return NULL;
}

json_t *em_finding_json(const struct em_finding *f)
{
	json_t *values = json_object();
	json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o}", "probe", f->probe->id, "name",
			      f->probe->name, "outcome", outcomes[f->outcome], "claim",
			      f->probe->claim, "estimate", em_json_text(f->estimate), "interval",
			      em_json_text(f->interval), "period", period_json(f));

	for (unsigned int i = 0; i < f->n; i++)
		json_object_set(values, f->values[i].field.key, f->values[i].value);
	json_object_set_new(o, "values", values);
	if (f->rows)
		json_object_set(o, "rows", f->rows);
	if (f->path)
		json_object_set(o, "path", f->path);
	json_object_set_new(o, "recorded_by", recorders_json(f->recorders));
	if (f->seed)
		json_object_set_new(o, "seed", json_integer((json_int_t)f->seed));
	json_object_set_new(o, "changes", json_string(f->probe->changes));
	json_object_set_new(o, "cannot_tell", json_string(f->probe->cannot));
	return o;
}

const char *em_hours(char out[EM_HOURS_LEN], em_delta ns)
{
	snprintf(out, EM_HOURS_LEN, "%.*f GPU-h", ns < 100 * EM_HOUR && ns > -100 * EM_HOUR ? 2 : 0,
		 (double)ns / (double)EM_HOUR);
	return out;
}
