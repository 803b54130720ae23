// SPDX-License-Identifier: GPL-2.0
/* From files to a ledger, step by step; see replay.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "replay/files.h"
#include "replay/gather.h"
#include "replay/run.h"
#include "replay/value.h"

#define INTERVALS_MAX (1 << 20)
#define JOBS_MAX UINT32_MAX /* a tag's number has 32 bits, and each job has its tag */

EM_CLEANUP(struct em_sort *, em_sort_free);

static int temporary_failed(struct em_gather *g, int ret)
{
	return ret == -ENOMEM ? em_gather_fail(g, ret, "out of memory")
			      : em_gather_fail(g, ret,
					       "the temporary file cannot be used: %s; TMPDIR says "
					       "where there is room for it",
					       strerror(-ret));
}

/* --- reading ------------------------------------------------------------------------------- */

static int keep_digest(struct em_gather *g)
{
	uint8_t(*more)[EM_DIGEST_LEN] =
		reallocarray(g->digests, g->nr_digests + 1, sizeof(*g->digests));

	if (!more)
		return -ENOMEM;
	g->digests = more;
	em_input_digest(g->in, g->digests[g->nr_digests]);
	for (size_t i = 0; i < g->nr_digests; i++) {
		char path[256];

		if (!memcmp(g->digests[i], g->digests[g->nr_digests], EM_DIGEST_LEN))
			return em_gather_fail(g, -EEXIST,
					      "%s is the same as another of the files: it would "
					      "count twice",
					      em_text_safe(path, sizeof(path), g->in->path));
	}
	g->nr_digests++;
	return 0;
}

static int read_file(struct em_gather *g, const char *path)
{
	static int (*const readers[])(struct em_gather * g) = {
		[EM_REPLAY_CSV] = em_table_read,
		[EM_REPLAY_SACCT] = em_sacct_read,
		[EM_REPLAY_HELIOS] = em_helios_read,
	};
	struct em_input in;
	int ret = em_input_open(&in, path);

	g->in = &in;
	g->row = 0;
	ret = ret ? em_gather_fail(g, ret, "%s", in.err) : readers[g->options->format](g);
	if (!ret)
		ret = keep_digest(g);
	em_input_close(&in);
	g->in = NULL;
	return ret;
}

static int read_files(struct em_gather *g)
{
	_cleanup_(em_files_clear) struct em_files files = { 0 };
	bool directories = g->options->format == EM_REPLAY_HELIOS;
	int ret = em_files_find(&files, g->options->paths, g->options->nr_paths, directories,
				g->err, g->err_len);

	for (size_t i = 0; !ret && i < files.n; i++)
		ret = read_file(g, files.list[i]);
	return ret;
}

/* --- what was read --------------------------------------------------------------------------- */

/* Is there a history, and of how long? */
static int find_span(struct em_gather *g)
{
	const struct em_replay_options *o = g->options;
	struct em_replay_result *r = g->result;
	char start[EM_TIME_LEN], end[EM_TIME_LEN];

	if (g->first == INT64_MAX)
		return em_gather_fail(
			g, -ENODATA,
			"no row says that a GPU was used%s: there is nothing to replay",
			r->bad       ? " (and some cannot be read)"
			: r->outside ? " in the time asked for"
				     : "");
	r->start = o->since != EM_NO_INSTANT ? o->since : g->first;
	r->end = o->until != EM_NO_INSTANT ? o->until : g->last;
	if (o->until == EM_NO_INSTANT && r->running && r->latest > r->end)
		r->end = r->latest;
	if (r->end <= r->start)
		return em_gather_fail(g, -ENODATA,
				      "every job ended when it began: there is nothing to replay");
	if ((r->end - r->start) / o->interval >= INTERVALS_MAX)
		return em_gather_fail(g, -ERANGE,
				      "from %s to %s there are more than a million intervals: give "
				      "--since and --until, or a longer --interval",
				      em_time_format(start, r->start, 0),
				      em_time_format(end, r->end, 0));
	return 0;
}

/* Calls @each with every record of @from, in order, and puts it into @to; frees @from. */
static int pass_on(struct em_sort **from, struct em_sort *to,
		   void (*each)(struct em_record *r, void *arg), void *arg)
{
	struct em_record r;
	int ret = em_sort_finish(*from);

	while (!ret && (ret = em_sort_next(*from, &r)) > 0) {
		if (r.kind == EM_RECORD_USE || r.kind == EM_RECORD_WAIT)
			each(&r, arg);
		ret = em_sort_add(to, &r);
	}
	em_sort_free(TAKE_PTR(*from));
	return ret;
}

/* struct numbering - of the records of one job after the other */
struct numbering {
	uint64_t key[2], start, seq, jobs;
};

static bool new_job(struct numbering *n, const struct em_record *r)
{
	if (n->jobs && !memcmp(n->key, r->key, sizeof(n->key)))
		return false;
	memcpy(n->key, r->key, sizeof(n->key));
	n->jobs++;
	return true;
}

/* A job's key becomes its first record's place in time, which no other has. */
static void place(struct em_record *r, void *arg)
{
	struct numbering *n = arg;

	if (new_job(n, r)) {
		n->start = (uint64_t)r->start;
		n->seq = r->seq;
	}
	r->key[0] = n->start;
	r->key[1] = n->seq;
}

static void number(struct em_record *r, void *arg)
{
	struct numbering *n = arg;

	if (new_job(n, r))
		r->flags |= EM_RECORD_FIRST;
	r->job = n->jobs;
}

/*
 * Numbers the jobs in order of their start: a ledger takes in numbers that grow far faster than
 * such as come in any order.
 */
static int number_jobs(struct em_gather *g, struct em_sort *by_start)
{
	_cleanup_(em_sort_freep) struct em_sort *by_job = em_sort_new(em_record_by_job);
	struct numbering placing = { 0 }, numbering = { 0 };
	int ret = by_job ? pass_on(&g->sort, by_job, place, &placing) : -ENOMEM;

	if (!ret)
		ret = pass_on(&by_job, by_start, number, &numbering);
	if (!ret)
		ret = em_sort_finish(by_start);
	if (ret)
		return temporary_failed(g, ret);
	if (numbering.jobs > JOBS_MAX)
		return em_gather_fail(g, -E2BIG, "there are more than 4,294,967,295 jobs");
	return 0;
}

static int write_ledger(struct em_run *run)
{
	_cleanup_(em_sort_freep) struct em_sort *by_start = em_sort_new(em_record_by_start);
	struct em_gather *g = run->g;
	int ret;

	if (!by_start)
		return temporary_failed(g, -ENOMEM);
	ret = find_span(g);
	if (!ret)
		ret = number_jobs(g, by_start);
	if (!ret)
		ret = em_run_begin(run);
	if (!ret)
		ret = em_sweep(run, by_start);
	return ret ? ret : em_run_end(run);
}

/* --- all of it ------------------------------------------------------------------------------- */

static int prepare(struct em_gather *g)
{
	const struct em_replay_options *o = g->options;
	char safe[64];
	int ret = em_rules_load(&g->rules, o->map, g->err, g->err_len);

	if (ret)
		return ret;
	if (em_zone_set(o->zone ?: "UTC"))
		return em_gather_fail(g, -ENOENT,
				      "--zone %s: no such zone; write one as Europe/Berlin "
				      "(tzdata must be installed)",
				      em_text_safe(safe, sizeof(safe), o->zone));
	g->sort = em_sort_new(em_record_by_job);
	ret = g->sort ? em_spool_new(&g->spool) : -ENOMEM;
	return ret ? temporary_failed(g, ret) : 0;
}

static void gather_clear(struct em_gather *g)
{
	for (size_t i = 0; i < g->nr_pools; i++)
		free(g->pools[i]);
	for (size_t i = 0; i < g->nr_orders; i++)
		free(g->orders[i].json);
	free(g->pools);
	free(g->orders);
	free(g->digests);
	em_sort_free(g->sort);
	em_spool_free(g->spool);
	em_rules_clear(&g->rules);
}

int em_replay(struct em_ledger *l, const struct em_replay_options *o, struct em_replay_result *r,
	      char *err, size_t len)
{
	struct em_gather g = { .options = o,
			       .result = r,
			       .err = err,
			       .err_len = len,
			       .first = INT64_MAX,
			       .last = INT64_MIN };
	struct em_run run = { .l = l, .g = &g };
	int ret;

	memset(r, 0, sizeof(*r));
	snprintf(err, len, "out of memory");
	r->capacity = o->capacity || o->format == EM_REPLAY_HELIOS;
	ret = prepare(&g);
	if (!ret)
		ret = em_run_check(&run);
	if (!ret)
		ret = read_files(&g);
	if (!ret)
		ret = write_ledger(&run);
	em_run_clear(&run);
	gather_clear(&g);
	return ret;
}
