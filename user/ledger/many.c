// SPDX-License-Identifier: GPL-2.0
/* Many ledgers as one; see em_ledger_open_many(). */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ledger/store.h"

#define ID_SHIFT 20 /* of a GPU's id in its ledger: a million of them each */

EM_CLEANUP(struct em_ledger *, em_ledger_close);

static bool is_ledger(const char *dir)
{
	_cleanup_free_ char *path = NULL;

	return asprintf(&path, "%s/checkpoint", dir) > 0 && !access(path, F_OK);
}

static int add(struct em_ledger *l, const char *dir)
{
	struct em_ledger **more = reallocarray(l->members, l->n_members + 1, sizeof(*more));
	int r;

	if (!more)
		return -ENOMEM;
	l->members = more;
	r = em_ledger_open(&more[l->n_members], dir, EM_LEDGER_READ);
	l->n_members += !r;
	return r;
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* A directory of ledgers, in the order of their names. */
static int add_all(struct em_ledger *l, const char *dir)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, visible, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = NULL;

		if (!r && asprintf(&path, "%s/%s", dir, list[i]->d_name) < 0)
			r = -ENOMEM;
		if (!r && is_ledger(path))
			r = add(l, path);
		free(list[i]);
	}
	free(list);
	return r;
}

int em_ledger_open_many(struct em_ledger **ret, const char *const *dirs, unsigned int n)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	int r = 0;

	if (n == 1 && is_ledger(dirs[0]))
		return em_ledger_open(ret, dirs[0], EM_LEDGER_READ);
	l = calloc(1, sizeof(*l));
	if (!l || !(l->dir = strdup(dirs[0])))
		return -ENOMEM;
	l->lock = l->dir_fd = -1;
	l->horizon = INT64_MAX;
	for (unsigned int i = 0; !r && i < n; i++)
		r = is_ledger(dirs[i]) ? add(l, dirs[i]) : add_all(l, dirs[i]);
	if (r)
		return r;
	if (!l->n_members) /* it says what is wrong with it */
		return em_ledger_open(ret, dirs[0], EM_LEDGER_READ);
	r = em_listed_read(l);
	if (r)
		return r;
	for (unsigned int i = 0; i < l->n_members; i++) {
		if (*l->members[i]->trouble)
			snprintf(l->trouble, sizeof(l->trouble), "%s", l->members[i]->trouble);
	}
	*ret = TAKE_PTR(l);
	return 0;
}

/* Passes on what a member said of its failure. */
static int failed(struct em_ledger *l, const struct em_ledger *member, int r)
{
	if (r < 0)
		snprintf(l->error, sizeof(l->error), "%s", member->error);
	return r;
}

int em_many_span(struct em_ledger *l, int64_t since, int64_t until, struct em_span *span)
{
	struct em_span one;
	int r;

	memset(span, 0, sizeof(*span));
	for (unsigned int i = 0; i < l->n_members; i++) {
		r = em_ledger_span(l->members[i], since, until, &one);
		if (r)
			return failed(l, l->members[i], r);
		if (!one.intervals)
			continue;
		span->start = !span->intervals || one.start < span->start ? one.start : span->start;
		span->end = one.end > span->end ? one.end : span->end;
		span->intervals += one.intervals;
		span->stretched += one.stretched;
		span->sampled += one.sampled;
		span->broken += one.broken;
		span->recorders |= one.recorders;
		for (size_t c = 0; c < ARRAY_SIZE(span->lost); c++)
			span->lost[c] += one.lost[c];
	}
	return 0;
}

/**
 * struct member - one of them, while it is asked
 * @since, @until: the window asked for
 * @name: its directory's, before the names of its GPUs
 */
struct member {
	struct em_ledger *all;
	int64_t since, until;
	unsigned int number;
	const char *name;
	int (*usage)(const struct em_usage *, void *);
	int (*work)(const struct em_work_row *, void *);
	int (*gpu)(const struct em_gpu_usage *, void *);
	int (*row)(const struct em_ledger_row *, void *);
	void *arg;
};

const char *em_ledger_member(const struct em_ledger *l, unsigned int n)
{
	const char *slash = n < l->n_members ? strrchr(l->members[n]->dir, '/') : NULL;

	if (n >= l->n_members)
		return NULL;
	return slash && slash[1] ? slash + 1 : l->members[n]->dir;
}

static struct member member_of(struct em_ledger *l, unsigned int i)
{
	return (struct member){ .all = l, .number = i, .name = em_ledger_member(l, i) };
}

static int pass_usage(const struct em_usage *usage, void *arg)
{
	struct member *m = arg;
	struct em_usage u = *usage;
	char gpu[512];

	snprintf(gpu, sizeof(gpu), "%s:%s", m->name, u.gpu);
	u.gpu = gpu;
	return m->usage(&u, m->arg);
}

static int pass_row(const struct em_ledger_row *given, void *arg)
{
	struct member *m = arg;
	struct em_ledger_row row = *given;
	char gpu[512];

	snprintf(gpu, sizeof(gpu), "%s:%s", m->name, row.gpu ?: "?");
	row.gpu = gpu;
	return m->row(&row, m->arg);
}

uint32_t em_many_id(unsigned int member, uint32_t gpu)
{
	return gpu | member << ID_SHIFT;
}

static int pass_gpu(const struct em_gpu_usage *usage, void *arg)
{
	struct member *m = arg;
	struct em_gpu_usage g = *usage;
	char name[512];

	em_listed_meet(m->all, (int)m->number, m->since, m->until, &g);
	snprintf(name, sizeof(name), "%s:%s", m->name, g.name);
	g.name = name;
	g.id = em_many_id(m->number, g.id);
	return m->gpu(&g, m->arg);
}

int em_many_usage(struct em_ledger *l, int64_t since, int64_t until,
		  int (*each)(const struct em_usage *, void *), void *arg)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < l->n_members; i++) {
		struct member m = member_of(l, i);

		m.usage = each;
		m.arg = arg;
		r = failed(l, l->members[i],
			   em_ledger_usage(l->members[i], since, until, pass_usage, &m));
	}
	return r;
}

static int pass_work(const struct em_work_row *row, void *arg)
{
	struct member *m = arg;
	struct em_work_row w = *row;
	char gpu[512];

	snprintf(gpu, sizeof(gpu), "%s:%s", m->name, w.gpu);
	w.gpu = gpu;
	return m->work(&w, m->arg);
}

int em_many_work(struct em_ledger *l, int64_t since, int64_t until,
		 int (*each)(const struct em_work_row *, void *), void *arg)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < l->n_members; i++) {
		struct member m = member_of(l, i);

		m.work = each;
		m.arg = arg;
		r = failed(l, l->members[i],
			   em_ledger_work(l->members[i], since, until, pass_work, &m));
	}
	return r;
}

int em_many_totals(struct em_ledger *l, int64_t since, int64_t until,
		   int (*each)(const struct em_total *, void *), void *arg)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < l->n_members; i++)
		r = failed(l, l->members[i],
			   em_ledger_totals(l->members[i], since, until, each, arg));
	return r;
}

int em_many_rows(struct em_ledger *l, int64_t since, int64_t until,
		 int (*each)(const struct em_ledger_row *, void *), void *arg)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < l->n_members; i++) {
		struct member m = member_of(l, i);

		m.row = each;
		m.arg = arg;
		r = failed(l, l->members[i],
			   em_ledger_rows(l->members[i], since, until, pass_row, &m));
	}
	return r;
}

int em_many_gpus(struct em_ledger *l, int64_t since, int64_t until,
		 int (*each)(const struct em_gpu_usage *, void *), void *arg)
{
	int r = 0;

	for (unsigned int i = 0; i < l->n_listed; i++)
		l->listed[i].met = false;
	for (unsigned int i = 0; !r && i < l->n_members; i++) {
		struct member m = member_of(l, i);

		m.since = since;
		m.until = until;
		m.gpu = each;
		m.arg = arg;
		r = failed(l, l->members[i],
			   em_ledger_gpus(l->members[i], since, until, pass_gpu, &m));
	}
	return r ? r : em_listed_rest(l, since, until, each, arg);
}

int em_many_events(struct em_ledger *l, int64_t since, int64_t until, unsigned int types,
		   uint64_t job, int (*each)(const struct em_event *, void *), void *arg)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < l->n_members; i++)
		r = failed(l, l->members[i],
			   em_ledger_events(l->members[i], since, until, types, job, each, arg));
	return r;
}

int em_many_notes(struct em_ledger *l, int64_t since, int64_t until, const char *kind,
		  int (*each)(int64_t, const char *, const char *, void *), void *arg)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < l->n_members; i++)
		r = failed(l, l->members[i],
			   em_ledger_notes(l->members[i], since, until, kind, each, arg));
	return r;
}
