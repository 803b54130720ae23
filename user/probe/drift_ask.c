// SPDX-License-Identifier: GPL-2.0
/* Drift, asked of a ledger: which baseline, the watch, and the dates of past changes. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "probe/ask.h"
#include "probe/kept.h"
#include "probe/drift.h"

#define LEAST_SEGMENT 7
#define SHIFT_DRAWS 1000

/* struct watch - all that the finding is made of; indices are days of @series, which is kept */
struct watch {
	struct em_series series;
	double *y, *tagged;
	size_t first, end; /* of the baseline */
	struct em_range base;
	struct em_drift d;
	struct em_cusum all, without_untagged;
	bool frozen;
};

/* Entries of a ledger hold integers only: billionths. */
#define NANO 1e9

static double billionths(const json_t *o, const char *key)
{
	return (double)json_integer_value(json_object_get(o, key)) / NANO;
}

/* The last frozen baseline wins; one that makes no sense is none. */
static int read_frozen(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *o = json_loads(json, 0, NULL);
	struct watch *w = arg;
	struct em_drift d = {
		.c = NANO * billionths(o, "c_ns"),
		.mu = billionths(o, "mu_nano"),
		.phi = billionths(o, "phi_nano"),
		.sigma = billionths(o, "sigma_nano"),
		.h = billionths(o, "h_nano"),
		.days = (unsigned int)json_integer_value(json_object_get(o, "days")),
	};
	int64_t since, until;

	(void)kind;
	if (em_time_parse(json_string_value(json_object_get(o, "since")) ?: "", wall, &since) ||
	    em_time_parse(json_string_value(json_object_get(o, "until")) ?: "", wall, &until) ||
	    !(d.c > 0) || !(d.sigma > 0) || !(d.h > 0) || !(fabs(d.phi) < 1) || since >= until)
		return 0;
	w->d = d;
	w->frozen = true;
	w->base = (struct em_range){ since, until };
	w->first = w->end = 0;
	for (size_t i = 0; i < w->series.n; i++) {
		w->first += w->series.list[i].at.start < since;
		w->end += w->series.list[i].at.start < until;
	}
	return 0;
}

static int freeze(struct em_ledger *l, const struct watch *w, const struct em_ask *a)
{
	char since[EM_TIME_LEN], until[EM_TIME_LEN], *text;
	_cleanup_json_ json_t *o =
		json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "since",
			  em_time_format(since, w->base.start, 0), "until",
			  em_time_format(until, w->base.end, 0), "days", (json_int_t)w->d.days,
			  "c_ns", (json_int_t)w->d.c, "mu_nano", (json_int_t)(NANO * w->d.mu),
			  "phi_nano", (json_int_t)(NANO * w->d.phi), "sigma_nano",
			  (json_int_t)(NANO * w->d.sigma), "h_nano", (json_int_t)(NANO * w->d.h));
	int ret;

	if (o && a->author)
		json_object_set_new(o, "author", em_json_text(a->author));
	if (o && a->reason)
		json_object_set_new(o, "reason", em_json_text(a->reason));
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	ret = text ? em_ledger_note(l, "drift-baseline", text) : -ENOMEM;
	free(text);
	return ret;
}

/* Said, or the first 90 days; of a short history three quarters, so that some is watched. */
static void choose_baseline(struct watch *w, const struct em_ask *a)
{
	size_t n = w->series.n;

	w->first = 0;
	w->end = n > EM_DRIFT_CALIBRATES + LEAST_SEGMENT ? EM_DRIFT_CALIBRATES : n * 3 / 4;
	if (a->baseline.start >= a->baseline.end)
		return;
	w->end = 0;
	for (size_t i = 0; i < n; i++) {
		w->first += w->series.list[i].at.start < a->baseline.start;
		w->end += w->series.list[i].at.end <= a->baseline.end;
	}
	w->end = w->end < w->first ? w->first : w->end;
}

static struct em_range days(const struct watch *w)
{
	if (w->first >= w->end)
		return (struct em_range){ 0 };
	return (struct em_range){ w->series.list[w->first].at.start,
				  w->series.list[w->end - 1].at.end };
}

/* Fits and watches @y; the second fit, without the untagged, only tells what the first means. */
static int watch_y(struct watch *w, const double *y, struct em_drift *d, bool fit, uint64_t seed,
		   struct em_cusum *out)
{
	gsl_rng *rng;
	int ret = 0;

	if (fit)
		ret = em_drift_fit(d, y + w->first, w->end - w->first);
	if (!ret && fit) {
		rng = em_rng(seed);
		ret = rng ? em_drift_calibrate(d, y + w->first, w->end - w->first, rng) : -ENOMEM;
		if (rng)
			gsl_rng_free(rng);
	}
	if (!ret)
		em_drift_watch(d, y + w->end, w->series.n - w->end, out);
	return ret;
}

static int make(struct watch *w, struct em_ledger *l, const struct em_ask *a)
{
	struct em_drift tagged = { 0 };
	int ret;

	choose_baseline(w, a);
	w->base = days(w);
	if (a->baseline.start >= a->baseline.end && !a->freeze) {
		ret = em_ledger_notes(l, 0, INT64_MAX, "drift-baseline", read_frozen, w);
		if (ret)
			return ret;
	}
	if (!w->frozen)
		w->d.c = em_drift_c(&w->series, w->first, w->end - w->first);
	ret = em_drift_y(&w->series, w->d.c, false, w->y);
	if (!ret)
		ret = em_drift_y(&w->series, w->d.c, true, w->tagged);
	if (!ret)
		ret = watch_y(w, w->y, &w->d, !w->frozen, a->seed, &w->all);
	if (!ret && watch_y(w, w->tagged, &tagged, true, a->seed, &w->without_untagged))
		w->without_untagged.alarm = -2; /* it cannot be told apart */
	return ret;
}

/* --- dates --------------------------------------------------------------------------------- */

static const struct em_field columns[] = {
	{ "at", "CHANGED ON", EM_VALUE_TIME },         { "before", "SHARE BEFORE", EM_VALUE_SHARE },
	{ "after", "AND AFTER", EM_VALUE_SHARE },      { "shift", "SHIFT OF Y", EM_VALUE_REAL },
	{ "low", "NEWEY-WEST FROM", EM_VALUE_REAL },   { "high", "TO", EM_VALUE_REAL },
	{ "block_low", "BLOCKS FROM", EM_VALUE_REAL }, { "block_high", "TO", EM_VALUE_REAL },
};

static json_t *share_of(const struct watch *w, const size_t *day, size_t from, size_t to)
{
	em_ns a = 0, t = 0;

	for (size_t i = from; i < to; i++) {
		a += w->series.list[day[i]].p.part[EM_PART_A];
		t += em_parts_used(&w->series.list[day[i]].p);
	}
	return em_ratio_json(a, t);
}

/* Of the days that were there: from, change, to. */
static void row(struct em_finding *f, const struct watch *w, const double *y, const size_t *day,
		const size_t at[3], gsl_rng *rng)
{
	struct em_estimate nw = { NAN, NAN, NAN }, blocks = { NAN, NAN, NAN };
	const double *a = y + at[0], *b = y + at[1];
	size_t n_a = at[1] - at[0], n_b = at[2] - at[1];

	em_shift(a, n_a, b, n_b, &nw);
	em_shift_blocks(a, n_a, b, n_b, 7, SHIFT_DRAWS, rng, &blocks);
	em_finding_row(f, json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "at",
				    em_time_json(w->series.list[day[at[1]]].at.start), "before",
				    share_of(w, day, at[0], at[1]), "after",
				    share_of(w, day, at[1], at[2]), "shift", em_real_json(nw.value),
				    "low", em_real_json(nw.low), "high", em_real_json(nw.high),
				    "block_low", em_real_json(blocks.low), "block_high",
				    em_real_json(blocks.high)));
}

static void rows(struct em_finding *f, const struct watch *w, const double *y, const size_t *day,
		 size_t n, const size_t *at, int changes, gsl_rng *rng)
{
	em_finding_rows(f, columns, ARRAY_SIZE(columns));
	for (int i = 0; i < changes; i++) {
		size_t span[3] = { i ? at[i - 1] : 0, at[i], i + 1 < changes ? at[i + 1] : n };

		row(f, w, y, day, span, rng);
	}
}

/* Level and slope before and after a declared date, with errors that allow for memory. */
static void declared(struct em_finding *f, const struct watch *w, const double *y,
		     const size_t *day, size_t n, int64_t date)
{
	_cleanup_free_ double *x = calloc(4 * n + 1, sizeof(*x));
	struct em_estimate beta[4];

	for (size_t i = 0; x && i < n; i++) {
		double t = (double)(w->series.list[day[i]].at.start - date) / (double)EM_DAY;

		x[4 * i] = 1;
		x[4 * i + 1] = t;
		x[4 * i + 2] = t >= 0;
		x[4 * i + 3] = t >= 0 ? t : 0;
	}
	if (!x || em_regress(x, y, n, 4, 0, beta)) {
		em_finding_text(f, "declared", "the declared date",
				"has too few days before or after it");
		return;
	}
	em_finding_real(f, "declared_level", "level of y moved at the declared date by",
			beta[2].value);
	em_finding_real(f, "declared_level_low", "95 % from", beta[2].low);
	em_finding_real(f, "declared_level_high", "to", beta[2].high);
	em_finding_real(f, "declared_slope", "its slope, a day, by", beta[3].value);
	em_finding_real(f, "declared_slope_low", "95 % from", beta[3].low);
	em_finding_real(f, "declared_slope_high", "to", beta[3].high);
}

static int dates(struct em_finding *f, const struct watch *w, const struct em_ask *a)
{
	_cleanup_free_ double *y = calloc(w->series.n + 1, sizeof(*y));
	_cleanup_free_ size_t *day = calloc(w->series.n + 1, sizeof(*day));
	_cleanup_free_ size_t *at = calloc(w->series.n + 1, sizeof(*at));
	double spread = w->d.sigma / (1 - w->d.phi);
	gsl_rng *rng = em_rng(a->seed);
	int changes = -ENOMEM;
	size_t n = 0;

	for (size_t i = 0; y && day && i < w->series.n; i++) {
		if (!isfinite(w->y[i]))
			continue;
		day[n] = i;
		y[n++] = w->y[i];
	}
	if (y && day && at && rng)
		changes =
			em_pelt(y, n, 3 * spread * spread * log((double)n + 1), LEAST_SEGMENT, at);
	if (changes >= 0)
		rows(f, w, y, day, n, at, changes, rng);
	if (changes >= 0 && a->at)
		declared(f, w, y, day, n, a->at);
	if (rng)
		gsl_rng_free(rng);
	return changes < 0 ? changes : 0;
}

/* --- words --------------------------------------------------------------------------------- */

static void values(struct em_finding *f, const struct watch *w)
{
	em_finding_time(f, "baseline_start", "baseline from", w->base.start);
	em_finding_time(f, "baseline_end", "to", w->base.end);
	em_finding_text(f, "baseline", "baseline", w->frozen ? EM_DRIFT_FROZEN : "chosen now");
	em_finding_count(f, "baseline_days", "its days", w->d.days);
	em_finding_count(f, "watched_days", "days watched since",
			 (long long)(w->series.n - w->end));
	em_finding_real(f, "mu", "mean of y", w->d.mu);
	em_finding_real(f, "phi", "its memory from day to day", w->d.phi);
	em_finding_real(f, "sigma", "standard deviation of its news", w->d.sigma);
	em_finding_real(f, "threshold", "threshold h", w->d.h);
	em_finding_real(f, "cusum", "CUSUM now", w->all.now);
	em_finding_gpu_time(f, "crossing_us", "in intervals across midnight, in no day",
			    (em_delta)w->series.crossing);
}

/* The CUSUM of each day that was there, as it stood then. */
static void path(struct em_finding *f, const struct watch *w)
{
	f->path = json_array();
	for (size_t i = w->end; i < w->series.n; i++) {
		struct em_cusum then;

		if (!isfinite(w->y[i]))
			continue;
		em_drift_watch(&w->d, w->y + w->end, i - w->end + 1, &then);
		json_array_append_new(f->path, json_pack("{s:o,s:o}", "at",
							 em_time_json(w->series.list[i].at.start),
							 "cusum", em_real_json(then.now)));
	}
}

static void say(struct em_finding *f, const struct watch *w)
{
	bool calibrated = w->d.days >= EM_DRIFT_CALIBRATES;
	bool tagging = w->all.alarm >= 0 && w->without_untagged.alarm == -1;
	char day[EM_TIME_LEN] = "";

	if (w->all.alarm >= 0) {
		em_time_format(day, w->series.list[w->end + (size_t)w->all.alarm].at.start, 0);
		day[10] = '\0';
		em_finding_time(f, "alarm", "alarm on",
				w->series.list[w->end + (size_t)w->all.alarm].at.start);
	}
	em_finding_estimate(f, "%s%s%s%s", calibrated ? "" : "uncalibrated: ",
			    w->all.alarm < 0 ? "no fall of alignment against the rest"
			    : tagging ? "alignment fell against the rest, but not against the rest "
					"that is tagged: untagged work grew; alarm on "
				      : "alignment's share has drifted down; alarm on ",
			    day, w->all.alarm < 0 ? " that the baseline would not show" : "");
	em_finding_interval(f,
			    calibrated ? "a false alarm takes %d days or more on average"
				       : "fewer than 90 days: no false alarm rate is claimed",
			    EM_DRIFT_ARL);
	f->outcome = w->all.alarm >= 0 && !tagging ? EM_OUTCOME_NOT_SO : EM_OUTCOME_FINE;
}

static int answer(struct em_finding *f, struct watch *w, struct em_ledger *l,
		  const struct em_ask *a)
{
	int ret = make(w, l, a);

	if (ret == -EINVAL)
		return em_finding_refuse(f,
					 "the baseline has %u days with work, or alignment's share "
					 "does not vary in it; %d days that do are needed",
					 w->d.days, EM_DRIFT_LEAST);
	if (!ret)
		ret = dates(f, w, a);
	if (ret)
		return ret;
	values(f, w);
	path(f, w);
	say(f, w);
	return a->freeze ? freeze(l, w, a) : 0;
}

int em_probe_drift(struct em_finding *f, struct em_ledger *l, const struct em_ask *a)
{
	struct watch w = { 0 };
	const struct em_series *days;
	int ret = em_kept_days(a->kept, &days, l, a->window);

	f->seed = a->seed;
	w.series = *days;
	if (!ret && w.series.n < EM_DRIFT_LEAST) {
		em_finding_refuse(f, "%zu whole days: fewer than %d say nothing of drift",
				  w.series.n, EM_DRIFT_LEAST);
	} else if (!ret) {
		w.y = calloc(w.series.n, sizeof(*w.y));
		w.tagged = calloc(w.series.n, sizeof(*w.tagged));
		ret = w.y && w.tagged ? answer(f, &w, l, a) : -ENOMEM;
	}
	free(w.y);
	free(w.tagged);
	return ret;
}
