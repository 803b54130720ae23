// SPDX-License-Identifier: GPL-2.0
/* Moving through time from one start or end to the next; see run.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "replay/sweep.h"
#include "replay/value.h"

#define TELL_MAX 32768 /* events or notes after which an interval is cut */
#define AT_ONCE_MAX (1000000000ULL * (em_ns)EM_PICO)

void *em_sweep_room(void **array, size_t n, size_t *size, size_t width)
{
	void *more;

	if (n == *size) {
		more = reallocarray(*array, *size ? *size * 2 : 64, width);
		if (!more)
			return NULL;
		*array = more;
		*size = *size ? *size * 2 : 64;
	}
	return (char *)*array + n * width;
}

/* --- what ends next ------------------------------------------------------------------------ */

static void swap(struct em_ending *a, struct em_ending *b)
{
	struct em_ending t = *a;

	*a = *b;
	*b = t;
}

static int ending_add(struct em_sweep *s, const struct em_ending *e)
{
	size_t i = s->nr_endings;

	if (!em_sweep_room((void **)&s->endings, i, &s->endings_size, sizeof(*s->endings)))
		return -ENOMEM;
	s->endings[s->nr_endings++] = *e;
	for (; i && s->endings[i].end < s->endings[(i - 1) / 2].end; i = (i - 1) / 2)
		swap(&s->endings[i], &s->endings[(i - 1) / 2]);
	return 0;
}

static struct em_ending ending_take(struct em_sweep *s)
{
	struct em_ending first = s->endings[0];
	size_t i = 0;

	s->endings[0] = s->endings[--s->nr_endings];
	for (;;) {
		size_t least = i;

		for (size_t c = 2 * i + 1; c < 2 * i + 3 && c < s->nr_endings; c++) {
			if (s->endings[c].end < s->endings[least].end)
				least = c;
		}
		if (least == i)
			return first;
		swap(&s->endings[i], &s->endings[least]);
		i = least;
	}
}

/* --- time ----------------------------------------------------------------------------------- */

static void pool_move(struct em_sweep *s, struct em_pool *p, em_ns dt)
{
	bool outage = !s->used && s->run->g->rules.outage_unobserved;

	if (p->used > p->capacity) {
		p->over |= s->run->g->result->capacity;
		s->over_time += (p->used - p->capacity) * dt;
		p->wall += (__int128)(p->used * dt);
		return;
	}
	p->wall += (__int128)(p->capacity * dt);
	if (p->blind || outage)
		p->unobserved += (p->capacity - p->used) * dt;
}

static void set_boundary(struct em_sweep *s)
{
	int64_t interval = s->run->g->options->interval;
	int64_t next = s->now - s->now % interval;

	/* on the hour, not on that of the first job */
	s->boundary = next > s->end - interval ? s->end : next + interval;
}

static int seal(struct em_sweep *s)
{
	const struct em_replay_options *o = s->run->g->options;
	int ret = em_sweep_seal(s);

	if (ret)
		return ret;
	s->start = s->now;
	set_boundary(s);
	if (o->progress)
		o->progress("writing", (uint64_t)(s->now - s->run->g->result->start) / EM_NS_PER_S,
			    (uint64_t)(s->end - s->run->g->result->start) / EM_NS_PER_S, o->arg);
	return o->stop && *o->stop && s->now < s->end ? -EINTR : 0;
}

/* To an instant, over what boundaries there are; the last interval is left open. */
static int advance(struct em_sweep *s, int64_t to)
{
	int ret = 0;

	to = to > s->end ? s->end : to;
	while (!ret && s->now < to) {
		int64_t stop = to < s->boundary ? to : s->boundary;

		for (size_t i = 0; i < s->run->g->nr_pools; i++)
			pool_move(s, &s->pools[i], (em_ns)(stop - s->now));
		s->now = stop;
		if (s->now == s->boundary && s->now < s->end)
			ret = seal(s);
	}
	return ret;
}

/* --- records -------------------------------------------------------------------------------- */

static void job_settle(struct em_active *job, int64_t now)
{
	job->held += job->rate * (em_ns)(now - job->since);
	job->since = now;
}

static int use_begin(struct em_sweep *s, const struct em_record *r)
{
	struct em_pool *p = &s->pools[r->pool];
	struct em_active *job;

	if (r->end <= s->now)
		return 0; /* it ended when it began */
	job = em_jobs_of(&s->jobs, r, s->now);
	if (!job)
		return -ENOMEM;
	job_settle(job, s->now);
	job->rate += r->gpus;
	job->rows++;
	p->used += r->gpus;
	s->used += r->gpus;
	if (p->used > AT_ONCE_MAX)
		return em_gather_fail(
			s->run->g, -ERANGE,
			"more than a thousand million GPUs were used at once: that is "
			"no history of a cluster");
	return ending_add(s, &(struct em_ending){ r->end, r->gpus, job, r->pool });
}

static int blind_begin(struct em_sweep *s, const struct em_record *r)
{
	if (r->end <= s->now)
		return 0;
	s->pools[r->pool].blind++;
	return ending_add(s, &(struct em_ending){ r->end, 0, NULL, r->pool });
}

static void end_one(struct em_sweep *s)
{
	struct em_ending e = ending_take(s);

	if (!e.job) {
		s->pools[e.pool].blind--;
		return;
	}
	job_settle(e.job, s->now);
	e.job->rate -= e.gpus;
	e.job->rows--;
	s->pools[e.pool].used -= e.gpus;
	s->used -= e.gpus;
}

static int begin_one(struct em_sweep *s, struct em_record *r)
{
	int ret;

	if (r->flags & EM_RECORD_RUNNING)
		r->end = s->end;
	if (r->kind == EM_RECORD_CAPACITY) {
		s->pools[r->pool].capacity = r->gpus;
		return 0;
	}
	if (r->kind == EM_RECORD_BLIND)
		return blind_begin(s, r);
	ret = em_sweep_tell(s, r);
	if (!ret && r->kind == EM_RECORD_USE)
		ret = use_begin(s, r);
	if (!ret && s->now > s->start && s->now < s->end &&
	    (s->interval.header.nr_events > TELL_MAX || s->nr_notes > TELL_MAX))
		ret = seal(s); /* what an interval says must fit into memory */
	return ret;
}

/* All records, and the ends between them, in order of time. */
static int sweep_all(struct em_sweep *s, struct em_sort *records)
{
	struct em_record r;
	int got = em_sort_next(records, &r), ret = got < 0 ? got : 0;

	while (!ret && (got > 0 || s->nr_endings)) {
		bool ends = s->nr_endings && (got <= 0 || s->endings[0].end <= r.start);

		ret = advance(s, ends ? s->endings[0].end : r.start);
		if (ret)
			return ret;
		if (ends) {
			end_one(s);
			continue;
		}
		ret = begin_one(s, &r);
		got = ret ? 0 : em_sort_next(records, &r);
		ret = got < 0 ? got : ret;
	}
	return ret ? ret : advance(s, s->end);
}

static int sweep_init(struct em_sweep *s, struct em_run *run)
{
	struct em_gather *g = run->g;

	s->run = run;
	s->start = s->now = g->result->start;
	s->end = g->result->end;
	s->pools = calloc(g->nr_pools ?: 1, sizeof(*s->pools));
	s->rests = calloc(g->rules.n + 1, sizeof(*s->rests));
	if (!s->pools || !s->rests)
		return -ENOMEM;
	for (size_t i = 0; i < g->nr_pools; i++) {
		s->pools[i].capacity = g->options->capacity;
		s->pools[i].generation = run->pools[i].generation;
		s->pools[i].recorded = run->pools[i].wall;
	}
	set_boundary(s);
	return em_sweep_orders(s);
}

static void sweep_clear(struct em_sweep *s)
{
	em_jobs_clear(&s->jobs);
	em_sweep_clear_notes(s);
	free(s->notes);
	free(s->pools);
	free(s->rests);
	free(s->endings);
	em_interval_clear(&s->interval);
}

/* Many intervals are made durable together; also those before it was stopped. */
static int sweep_batch(struct em_sweep *s, struct em_sort *records)
{
	struct em_ledger *l = s->run->l;
	int ret = em_ledger_batch(l), end;

	if (ret)
		return em_run_failed(s->run, ret);
	ret = sweep_all(s, records);
	if (!ret)
		ret = seal(s);
	end = em_ledger_batch_end(l);
	return (!ret || ret == -EINTR) && end ? em_run_failed(s->run, end) : ret;
}

int em_sweep(struct em_run *run, struct em_sort *records)
{
	struct em_sweep s = { 0 };
	int ret = sweep_init(&s, run);

	if (!ret)
		ret = sweep_batch(&s, records);
	if (run->g->result->capacity)
		run->g->result->over_time = s.over_time / EM_PICO;
	sweep_clear(&s);
	return ret == -ENOMEM ? em_gather_fail(run->g, ret, "out of memory") : ret;
}
