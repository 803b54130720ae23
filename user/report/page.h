/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One document that says all of a window: the report, its verdicts, a series over time, how each
 * share moved under its promise, what every probe found, the largest jobs and the blindest GPUs.
 * The page, the terminal's sparklines, CSV and --json --full are four ways to write it down.
 */
#ifndef EM_PAGE_H
#define EM_PAGE_H

#include <jansson.h>
#include <stdio.h>

struct em_ask;
struct em_commitment;
struct em_commitments;
struct em_ledger;

#define EM_PAGE_BUCKETS 400 /* of a series, at most: as many as a chart can show */
#define EM_PAGE_ROWS 25     /* largest jobs, blindest GPUs */

/**
 * struct em_page_order - what the document is made of
 * @ask: the window (not clipped yet), and what probes need besides
 * @promised: whose shares are tracked over the window
 */
struct em_page_order {
	const struct em_ask *ask;
	const struct em_commitments *promised;
};

/*
 * em_page_add() - adds to a report's JSON what the page shows besides it
 *
 * Keys: "made_at", "series", "tracks", "findings", "jobs", "gpus". Return: 0 or -errno of the
 * ledger.
 */
int em_page_add(json_t *o, struct em_ledger *l, const struct em_page_order *order);

/*
 * em_page_clip() - a window as the ledger can speak of it
 *
 * From the first interval to the last, or to *until where GPUs were there that nobody watched any
 * more; empty where there is no interval. 0 or -errno.
 */
int em_page_clip(struct em_ledger *l, int64_t *since, int64_t *until);

/*
 * em_page_series() - GPU time over the clipped window, in at most EM_PAGE_BUCKETS buckets
 *
 * {step_s, crossing_us, at: [Unix seconds], seconds: [length], busy: {…}, and one array a part, in
 * GPU-us, null where nothing lies whole in the bucket}. Buckets lie on multiples of the step since
 * 1970, the first and the last cut to the window. The step is the shortest of a fixed list in which
 * intervals that cross an edge, and so lie in no bucket, hold at most a tenth of the capacity.
 * Return: 0 with a new reference, or -errno.
 */
int em_page_series(json_t **ret, struct em_ledger *l, int64_t since, int64_t until);

/*
 * em_page_tracks() - each promise, over windows that end with each bucket
 * @start, @end: clipped; @step: ns, of the series
 *
 * [{name, purpose, kind, unit, bound, at: [], proven: [], possible: [], status: []}]; a window is
 * made of the buckets that lie whole in it, and judged as if it were over. Units: "share" of the
 * whole; "amount": part of the amount promised, "amount_us"; "ratio": of growth, to that of "than";
 * "gpu-time" and "gpus": of the largest job that a gate looks at, which has no status. Where the
 * promise is one of "from", or has a "side" (floor, ceiling), these say so. Return: as above.
 */
int em_page_tracks(json_t **ret, struct em_ledger *l, const struct em_commitments *c, int64_t start,
		   int64_t end, int64_t step);

/* Appends a gate's curves, one for each of its sizes. 0 or -errno. */
int em_page_gates(json_t *list, struct em_ledger *l, const struct em_commitment *c, int64_t start,
		  int64_t end, int64_t step);

/* A row a bucket, in GPU-us; "" is not known. 0 or -EIO. */
int em_page_csv_series(const json_t *series, FILE *out);
/* Rows by one description of theirs: @keys, ended by NULL. Text cannot become a formula. */
int em_page_csv_rows(const json_t *rows, const char *const *keys, FILE *out);

/* em_page_spark() - @n values as one line of bars over [0, top]; NaN is a gap. Return: @out. */
const char *em_page_spark(char *out, size_t len, const double *values, size_t n, double top);

/* The self-contained page of a document. 0 or -errno. */
int em_page_html(const json_t *o, FILE *out);

#endif
