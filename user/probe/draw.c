// SPDX-License-Identifier: GPL-2.0
/* Drawing GPU time for people to look at; see draw.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <gsl/gsl_cdf.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "probe/draw.h"

#define MILLION 1000000

void em_draw_seed(struct em_draw *d, const void *checkpoint, size_t len, const char *nonce)
{
	crypto_hash_sha256_state s;

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, checkpoint, len);
	crypto_hash_sha256_update(&s, (const unsigned char *)nonce, strlen(nonce));
	crypto_hash_sha256_final(&s, d->seed);
}

em_ns em_draw_point(const struct em_draw *d, uint64_t k, em_ns total)
{
	uint8_t bytes[sizeof(d->seed) + 8], hash[32];
	em_ns n = 0;

	memcpy(bytes, d->seed, sizeof(d->seed));
	for (int i = 0; i < 8; i++)
		bytes[sizeof(d->seed) + i] = (uint8_t)(k >> (56 - 8 * i));
	crypto_hash_sha256(hash, bytes, sizeof(bytes));
	for (int i = 0; i < 16; i++)
		n = n << 8 | hash[i];
	return n % total;
}

/**
 * struct walk - over the rows
 * @points: sorted; @next of them are passed; @at: time passed so far
 */
struct walk {
	const struct em_draw *draw;
	em_ns *points;
	unsigned int next;
	em_ns at;
	json_t *rows;
};

static bool counts(const struct walk *w, const struct em_ledger_row *row)
{
	return w->draw->purpose == EARMARK_PURPOSE_COUNT || w->draw->purpose == row->purpose;
}

static int measure(const struct em_ledger_row *row, void *arg)
{
	struct walk *w = arg;

	w->at += counts(w, row) ? row->gpu_time : 0;
	return 0;
}

static int take(const struct em_ledger_row *row, void *arg)
{
	char start[EM_TIME_LEN], end[EM_TIME_LEN];
	struct walk *w = arg;

	if (!counts(w, row))
		return 0;
	w->at += row->gpu_time;
	for (; w->next < w->draw->n && w->points[w->next] < w->at; w->next++)
		json_array_append_new(
			w->rows,
			json_pack("{s:i,s:I,s:s,s:s,s:o,s:I,s:o,s:o,s:o,s:s,s:s}", "draw",
				  (int)w->next + 1, "entry", (json_int_t)row->entry, "start",
				  em_time_format(start, row->start, 0), "end",
				  em_time_format(end, row->end, 0), "gpu", em_json_text(row->gpu),
				  "job", (json_int_t)row->job, "path", em_json_text(row->path),
				  "project", em_json_text(row->project), "ref",
				  em_json_text(row->ref), "purpose", em_purpose_name(row->purpose),
				  "tagged_by", em_tagged_by_name(row->tagged_by)));
	return w->next == w->draw->n;
}

static int ascending(const void *left, const void *right)
{
	const em_ns *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

int em_draw_make(const struct em_draw *d, struct em_ledger *l, int64_t since, int64_t until,
		 em_ns *total, json_t **rows)
{
	_cleanup_free_ em_ns *points = calloc(d->n ?: 1, sizeof(*points));
	struct walk w = { .draw = d, .points = points };
	int r = points ? em_ledger_rows(l, since, until, measure, &w) : -ENOMEM;

	if (r)
		return r;
	*total = w.at;
	if (!w.at)
		return -ENODATA;
	for (unsigned int k = 0; k < d->n; k++)
		points[k] = em_draw_point(d, k, w.at);
	qsort(points, d->n, sizeof(*points), ascending);
	w.at = 0;
	w.rows = json_array();
	r = em_ledger_rows(l, since, until, take, &w);
	if (r < 0)
		json_decref(w.rows);
	else
		*rows = w.rows;
	return r < 0 ? r : 0;
}

unsigned int em_draw_at_most(unsigned int n, unsigned int misused, double confidence)
{
	if (!n || misused >= n)
		return MILLION;
	return (unsigned int)ceil(
		MILLION * gsl_cdf_beta_Pinv(confidence, misused + 1.0, (double)(n - misused)));
}

struct audits {
	unsigned int n, misused;
};

static int add_audit(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *note = json_loads(json, 0, NULL);
	json_int_t of = json_integer_value(json_object_get(note, "of"));
	json_int_t misused = json_integer_value(json_object_get(note, "misused"));
	struct audits *a = arg;

	(void)wall;
	(void)kind;
	if (of <= 0 || of > EM_DRAWS_MAX || misused < 0 || misused > of)
		return 0;
	a->n += (unsigned int)of;
	a->misused += (unsigned int)misused;
	return 0;
}

json_t *em_draw_audits(struct em_ledger *l, int64_t since, int64_t until)
{
	struct audits a = { 0 };

	if (em_ledger_notes(l, since, until, "audit", add_audit, &a) || !a.n)
		return json_null();
	return json_pack("{s:I,s:I,s:{s:I,s:I}}", "drawn", (json_int_t)a.n, "misused",
			 (json_int_t)a.misused, "at_most", "num",
			 (json_int_t)em_draw_at_most(a.n, a.misused, 0.95), "den",
			 (json_int_t)MILLION);
}
