// SPDX-License-Identifier: GPL-2.0
/*
 * A window that moves on, minute by minute: what its whole hours hold is remembered, and only its
 * edges are read. The rows are those that em_usage_read() gives, in its order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/store.h"

/**
 * struct moving - two passes over the core: the first adds its rows to those of the edges that are
 *	of the same, the second passes on the others, each in its place
 * @edges: by what they are of; @order: in the order of the answer, @next of them to be passed on
 */
struct moving {
	struct em_memo_rows edges;
	struct em_usage **order;
	unsigned int next;
	em_memo_fn each;
	void *arg;
};

/* As SQLite orders text: by its bytes, none first. */
static int by_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : !!a - !!b;
}

#define BY_NUMBER(a, b) (((a) > (b)) - ((a) < (b)))

static int by_what(const struct em_usage *a, const struct em_usage *b)
{
	int r = strcmp(a->boot_id, b->boot_id);

	r = r ? r : BY_NUMBER((int64_t)a->job, (int64_t)b->job);
	r = r ? r : by_text(a->gpu, b->gpu);
	r = r ? r : BY_NUMBER(a->purpose, b->purpose);
	r = r ? r : BY_NUMBER(a->tagged_by, b->tagged_by);
	r = r ? r : by_text(a->project, b->project);
	return r ? r : by_text(a->ref, b->ref);
}

static int by_time(const struct em_usage *a, const struct em_usage *b)
{
	int r = BY_NUMBER(a->first, b->first);

	return r ? r : by_what(a, b);
}

static int rows_by_what(const void *a, const void *b)
{
	return by_what(*(struct em_usage *const *)a, *(struct em_usage *const *)b);
}

static int rows_by_time(const void *a, const void *b)
{
	return by_time(*(struct em_usage *const *)a, *(struct em_usage *const *)b);
}

static struct em_usage *same(const struct moving *m, const struct em_usage *u)
{
	void **found =
		m->edges.n ? bsearch(&u, m->edges.list, m->edges.n, sizeof(u), rows_by_what) : NULL;

	return found ? *found : NULL;
}

static int take_edge(const void *row, void *arg)
{
	struct moving *m = arg;

	return em_memo_keep(&m->edges, &em_usage_core, row);
}

static int join(const void *row, void *arg)
{
	const struct em_usage *u = row;
	struct em_usage *edge = same(arg, u);

	if (!edge)
		return 0;
	edge->gpu_time += u->gpu_time;
	edge->held += u->held;
	edge->busy += u->busy;
	edge->busy_error += u->busy_error;
	edge->allocated += u->allocated;
	edge->busy_class = u->busy_class > edge->busy_class ? u->busy_class : edge->busy_class;
	edge->first = u->first < edge->first ? u->first : edge->first;
	edge->last = u->last > edge->last ? u->last : edge->last;
	return 0;
}

/* Those of the edges that come before @u; NULL: all that are left. */
static int pass_edges(struct moving *m, const struct em_usage *u)
{
	int r = 0;

	while (!r && m->next < m->edges.n && (!u || by_time(m->order[m->next], u) < 0))
		r = m->each(m->order[m->next++], m->arg);
	return r;
}

static int pass(const void *row, void *arg)
{
	struct moving *m = arg;
	int r = same(m, row) ? 0 : pass_edges(m, row);

	return r || same(m, row) ? r : m->each(row, m->arg);
}

static int put_together(struct em_ledger *l, struct moving *m, const struct em_cover *c)
{
	int r;

	if (m->edges.n)
		qsort(m->edges.list, m->edges.n, sizeof(*m->edges.list), rows_by_what);
	r = em_memo_ask(l, &em_usage_core, c->hours, c->hours_end, join, m);
	m->order = calloc(m->edges.n + 1, sizeof(*m->order));
	if (!m->order)
		return -ENOMEM;
	for (unsigned int i = 0; i < m->edges.n; i++)
		m->order[i] = m->edges.list[i];
	qsort(m->order, m->edges.n, sizeof(*m->order), rows_by_time);
	r = r ? r : em_memo_ask(l, &em_usage_core, c->hours, c->hours_end, pass, m);
	return r ? r : pass_edges(m, NULL);
}

/*
 * Only the writer knows of each change whether it is in the hours. Too many rows at the edges, or
 * no memory for them, and all is read at once.
 */
int em_moving_read(struct em_ledger *l, int64_t since, int64_t until, em_memo_fn each, void *arg)
{
	struct moving m = { .each = each, .arg = arg };
	struct em_cover c;
	int r = em_cover_find(l, since, until, &c);
	bool whole;

	if (r)
		return r;
	if (l->horizon != INT64_MAX || c.hours >= c.hours_end || !sqlite3_get_autocommit(l->db))
		return em_usage_read(l, since, until, each, arg);
	r = em_usage_edges(l, &c, take_edge, &m);
	whole = r != -ENOBUFS && r != -ENOMEM;
	r = r ? r : put_together(l, &m, &c);
	em_memo_forget(&m.edges);
	free(m.order);
	return whole ? r : em_usage_read(l, since, until, each, arg);
}
