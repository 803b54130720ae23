// SPDX-License-Identifier: GPL-2.0
/* Rounds over files in use, and what each job is told to have done; see sampler.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/sampler.h"

#define FORGET 60 /* rounds: a file on its way between processes is in nobody's table */

/* struct watch - a GPU; @since: the round before began then, 0: there was none */
struct watch {
	struct watch *next;
	__u32 gpu;
	__u64 since, round;
};

/**
 * struct tally - what a round found of a job on a GPU
 * @doubt: not all of its files were read; @worked: one that is closed by now had worked
 */
struct tally {
	struct tally *next;
	struct em_work work;
	bool doubt, worked;
};

struct em_sampler {
	__u64 last, now, round;
	struct watch *watches;
	struct em_client *clients;
	struct em_client_rate *rates;
	struct tally *tallies;
	struct em_sampler_counts counts;
};

struct em_sampler *em_sampler_new(__u64 last)
{
	struct em_sampler *s = calloc(1, sizeof(*s));

	if (s)
		s->last = last;
	return s;
}

#define FREE_ALL(list)                                    \
	do {                                              \
		while (list) {                            \
			__auto_type _next = (list)->next; \
			free(list);                       \
			(list) = _next;                   \
		}                                         \
	} while (0)

void em_sampler_free(struct em_sampler *s)
{
	if (!s)
		return;
	FREE_ALL(s->watches);
	FREE_ALL(s->clients);
	FREE_ALL(s->rates);
	FREE_ALL(s->tallies);
	free(s);
}

const struct em_sampler_counts *em_sampler_counts(const struct em_sampler *s)
{
	return &s->counts;
}

void em_sampler_begin(struct em_sampler *s, __u64 now)
{
	s->now = now;
	s->round++;
}

static struct watch *watched(struct em_sampler *s, __u32 gpu)
{
	struct watch *w = s->watches;

	while (w && w->gpu != gpu)
		w = w->next;
	return w;
}

void em_sampler_watch(struct em_sampler *s, __u32 gpu)
{
	struct watch *w = watched(s, gpu);

	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return; /* its clients are met as if it were new, in the next round */
		w->gpu = gpu;
		w->next = s->watches;
		s->watches = w;
	}
	w->round = s->round;
}

static struct tally *tally(struct em_sampler *s, __u32 gpu, __u64 job)
{
	struct tally *t = s->tallies;

	while (t && (t->work.gpu != gpu || t->work.job != job))
		t = t->next;
	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->work = (struct em_work){ .gpu = gpu, .job = job, .start = s->now, .end = s->now };
	t->next = s->tallies;
	s->tallies = t;
	return t;
}

static struct em_client *client(struct em_sampler *s, __u32 gpu, __u64 id)
{
	struct em_client *c = s->clients;

	while (c && (c->gpu != gpu || c->id != id))
		c = c->next;
	return c;
}

/* What began to be used after the round before has done nothing before that. */
static struct em_client *client_new(struct em_sampler *s, __u32 gpu, __u64 id, __u64 now)
{
	struct em_client *c = calloc(1, sizeof(*c));
	const struct watch *w = watched(s, gpu);

	if (!c)
		return NULL;
	c->gpu = gpu;
	c->id = id;
	c->baseline = !w || !w->since;
	c->since = c->read = c->quiet = c->baseline ? now : w->since;
	c->next = s->clients;
	s->clients = c;
	s->counts.clients++;
	return c;
}

/* What it did since a predecessor looked, and nobody read: at most what it ever did. */
static __u64 client_unseen(const struct em_sampler *s, const struct em_fdinfo *info, __u64 now)
{
	__u64 capacity = em_fdinfo_capacity(info), most, done = 0;

	if (!s->last || s->last >= now)
		return 0;
	if (__builtin_mul_overflow(capacity, now - s->last, &most))
		return ~0ull;
	for (unsigned int i = 0; i < info->n; i++) {
		if (!info->engines[i].has_ns)
			return most;
		if (__builtin_add_overflow(done, info->engines[i].ns, &done))
			return most;
	}
	return done < most ? done : most;
}

static void add(__u64 *to, __u64 n)
{
	if (__builtin_add_overflow(*to, n, to))
		*to = ~0ull;
}

void em_sampler_see(struct em_sampler *s, __u32 gpu, __u64 job, const struct em_fdinfo *info,
		    bool silent, __u64 before, __u64 after)
{
	struct tally *t = tally(s, gpu, job);
	struct em_client *c = NULL;

	s->counts.reads += info != NULL;
	s->counts.silent += !info && silent;
	s->counts.unread += !info && !silent;
	if (info && info->has_client) {
		c = client(s, gpu, info->client);
		if (!c) {
			c = client_new(s, gpu, info->client, before);
			if (c && c->baseline && t)
				add(&t->work.error, client_unseen(s, info, before));
		}
	}
	if (t)
		t->doubt |= !c;
	if (!c)
		return;
	em_client_begin(c, s->round);
	em_client_read(c, info, before, after, &s->rates);
	em_client_used(c, job);
}

/* One job's part of what a client did. */
static void tell_part(struct em_sampler *s, const struct em_client *c, __u64 job, __u64 part)
{
	struct tally *t = tally(s, c->gpu, job);
	struct em_work *w;

	if (!t) {
		s->counts.unplaced++;
		return;
	}
	w = &t->work;
	w->works |= c->worked;
	add(&w->busy, part);
	if (c->worked)
		add(&w->error, em_client_edge(c));
	add(&w->error, c->excess);
	if (c->from < w->start)
		w->start = c->from;
	if (c->read > w->end)
		w->end = c->read;
	if (c->n > 1) {
		add(&w->error, c->fresh - part);
		w->class = EARMARK_CLASS_ESTIMATE;
	}
}

static void client_tell(struct em_sampler *s, const struct em_client *c)
{
	__u64 left = c->fresh;

	s->counts.excess += c->excess;
	s->counts.shared += c->n > 1;
	for (unsigned int i = 0; i < c->n; i++) {
		__u64 part = left / (c->n - i);

		tell_part(s, c, c->jobs[i], part);
		left -= part;
	}
}

/* Its last figures stand; what is missing of them is its jobs' bound. */
static void client_close(struct em_sampler *s, struct em_client *c)
{
	c->gone = true;
	for (unsigned int i = 0; i < c->n; i++) {
		struct tally *t = tally(s, c->gpu, c->jobs[i]);

		if (!t) {
			s->counts.unplaced++;
			continue;
		}
		add(&t->work.error, em_client_unread(c, s->now));
		t->worked |= c->worked;
	}
}

static void clients_end(struct em_sampler *s)
{
	struct em_client **at = &s->clients;

	while (*at) {
		struct em_client *c = *at;

		if (c->round == s->round)
			client_tell(s, c);
		else if (!c->gone)
			client_close(s, c);
		if (s->round - c->round <= FORGET) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		free(c);
		s->counts.clients--;
	}
}

/*
 * A job that did not work was seen so when the round began: what it began since is not meant.
 * Where nobody knows of one of its files whether it works, that is not said; but a job that
 * worked on another holds the GPU as long as it has any.
 */
static int tally_tell(struct em_sampler *s, struct tally *t,
		      int (*tell)(const struct em_work *work, void *arg), void *arg)
{
	struct em_work *w = &t->work;
	int r;

	if (!w->class)
		w->class = EARMARK_CLASS_COUNTER;
	if (w->error > EARMARK_WORK_ERROR_MAX)
		w->error = EARMARK_WORK_ERROR_MAX;
	if (t->doubt && !w->works && !t->worked)
		return 0;
	w->works |= t->doubt;
	if (!w->works) {
		w->start = w->end = s->now;
		w->busy = 0;
	}
	r = tell(w, arg);
	s->counts.unplaced += r != 0;
	if (!r) {
		add(&s->counts.busy, w->busy);
		add(&s->counts.error, w->error);
	}
	return r == -ENOENT ? 0 : r;
}

int em_sampler_end(struct em_sampler *s, int (*tell)(const struct em_work *work, void *arg),
		   void *arg)
{
	int first = 0;

	clients_end(s);
	for (struct tally *t = s->tallies; t; t = t->next) {
		int r = tally_tell(s, t, tell, arg);

		first = first ?: r;
	}
	FREE_ALL(s->tallies);
	for (struct watch *w = s->watches; w; w = w->next)
		w->since = w->round == s->round ? s->now : 0;
	s->last = s->now;
	s->counts.rounds++;
	return first;
}
