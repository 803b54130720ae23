/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a probe found: one shape for all, described once, from which both the text and the JSON
 * come. A finding always says the sentence it bears on, an estimate, an interval or "exact", its
 * period, what would change it and what it cannot tell. No number in it is ever NaN or infinite:
 * what has no value is null, and the estimate says why.
 */
#ifndef EM_FINDING_H
#define EM_FINDING_H

#include "probe/series.h"

#define EM_FINDING_VALUES 40

enum em_value_kind {
	EM_VALUE_GPU_TIME, /* microseconds of one GPU */
	EM_VALUE_SHARE,    /* {num, den}, microseconds where they are times */
	EM_VALUE_REAL,
	EM_VALUE_DURATION, /* microseconds */
	EM_VALUE_TIME,     /* RFC 3339 */
	EM_VALUE_COUNT,
	EM_VALUE_TEXT, /* may be what others wrote */
};

/* struct em_field - a JSON key, what people read beside it, and how it is shown */
struct em_field {
	const char *key, *title;
	enum em_value_kind kind;
};

enum em_outcome {
	EM_OUTCOME_FINE,
	EM_OUTCOME_NOT_SO,    /* what the probe looks for is there */
	EM_OUTCOME_NO_ANSWER, /* refused or undefined; the estimate says why */
};

struct em_finding;
struct em_ask;

/**
 * struct em_probe - a probe, in words
 * @id: as in measures, "P2"; @claim: quoted from the essay
 * @ask: fills the finding. Return: 0, or -errno of the ledger
 */
struct em_probe {
	const char *id, *name, *help, *claim, *changes, *cannot;
	int (*ask)(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);
};

/**
 * struct em_finding - see above
 * @windows: the period; one, or before and after; 0 = not of a period
 * @recorders: who kept the accounts, bit mask of 1 << enum earmark_recorder; 0 = no ledger
 * @seed: of what was drawn by chance; 0 = nothing was
 * @rows: an array or NULL, described by @columns (n_columns)
 * @path: what a chart of it shows over time, [{at, …}], or NULL
 */
struct em_finding {
	const struct em_probe *probe;
	enum em_outcome outcome;
	char estimate[640], interval[320];
	struct em_range window[2];
	unsigned int windows, recorders;
	uint64_t seed;
	struct em_value {
		struct em_field field;
		json_t *value;
	} values[EM_FINDING_VALUES];
	unsigned int n;
	json_t *rows, *path;
	const struct em_field *columns;
	size_t n_columns;
};

void em_finding_start(struct em_finding *f, const struct em_probe *p);
void em_finding_clear(struct em_finding *f);

void em_finding_estimate(struct em_finding *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void em_finding_interval(struct em_finding *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* No answer, and why: 0, so that it can be returned. */
int em_finding_refuse(struct em_finding *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Values; @key and @title stay the caller's. What is not finite becomes null. */
void em_finding_gpu_time(struct em_finding *f, const char *key, const char *title, em_delta ns);
void em_finding_share(struct em_finding *f, const char *key, const char *title, em_ns num,
		      em_ns den);
/* A share of a count. */
void em_finding_fraction(struct em_finding *f, const char *key, const char *title, long long num,
			 long long den);
void em_finding_real(struct em_finding *f, const char *key, const char *title, double value);
void em_finding_duration(struct em_finding *f, const char *key, const char *title, int64_t ns);
void em_finding_time(struct em_finding *f, const char *key, const char *title, int64_t ns);
void em_finding_count(struct em_finding *f, const char *key, const char *title, long long n);
void em_finding_text(struct em_finding *f, const char *key, const char *title, const char *text);

/* Starts the rows, once; em_finding_row() appends one (taken over). */
void em_finding_rows(struct em_finding *f, const struct em_field *columns, size_t n);
void em_finding_row(struct em_finding *f, json_t *row);

/* The value under @key; borrowed, NULL: there is none. */
json_t *em_finding_value(const struct em_finding *f, const char *key);

/* The whole finding; a new reference. */
json_t *em_finding_json(const struct em_finding *f);

json_t *em_real_json(double value); /* null unless finite */
json_t *em_delta_json(em_delta ns); /* in microseconds */
json_t *em_time_json(int64_t ns);
json_t *em_ratio_json(em_ns n, em_ns d); /* {num, den} of times; null where d is 0 */

/* "7954.3 GPU-h", as sentences say it; @out of EM_HOURS_LEN. Return: @out. */
#define EM_HOURS_LEN 64
const char *em_hours(char out[EM_HOURS_LEN], em_delta ns);

#endif
