// SPDX-License-Identifier: GPL-2.0
/* What projects hold in 24 hours, wherever these begin; see gate.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "commit/gate.h"

/**
 * struct piece - a row of an interval
 * @project, @gpu, @ref: numbers of names
 * @sure: tagged as the purpose, of a named project; @live: in the 24 hours; @gone: never again
 */
struct piece {
	int64_t start, end;
	em_ns time;
	unsigned int project, gpu, ref;
	bool sure, live, gone;
};

/* struct names - as they were met; @first: start of the first piece of each */
struct names {
	json_t *index;
	char **list;
	int64_t *first;
	unsigned int n, room;
};

struct days {
	const struct em_gate *gate;
	int64_t since, until;
	struct names projects, gpus, refs;
	struct piece *list;
	size_t n, room;
};

static void names_clear(struct names *n)
{
	for (unsigned int i = 0; i < n->n; i++)
		free(n->list[i]);
	free(n->list);
	free(n->first);
	json_decref(n->index);
}

static int names_grow(struct names *n)
{
	unsigned int room = n->room ? 2 * n->room : 64;
	char **list = reallocarray(n->list, room, sizeof(*list));
	int64_t *first;

	n->list = list ?: n->list;
	first = list ? reallocarray(n->first, room, sizeof(*first)) : NULL;
	if (!first)
		return -ENOMEM;
	n->first = first;
	n->room = room;
	return 0;
}

/* The number of @name, met at @start; text of others goes through JSON, which takes only UTF-8. */
static int number(struct names *n, const char *name, int64_t start, unsigned int *ret)
{
	_cleanup_json_ json_t *label = em_json_text(name ?: "");
	const char *key = json_string_value(label) ?: "";
	const json_t *known;

	n->index = n->index ?: json_object();
	known = json_object_get(n->index, key);
	*ret = known ? (unsigned int)json_integer_value(known) : n->n;
	if (known) {
		n->first[*ret] = start < n->first[*ret] ? start : n->first[*ret];
		return 0;
	}
	if ((n->n == n->room && names_grow(n)) ||
	    json_object_set_new(n->index, key, json_integer(n->n)))
		return -ENOMEM;
	n->first[n->n] = start;
	n->list[n->n] = strdup(key);
	return n->list[n->n++] ? 0 : -ENOMEM;
}

static int add(const struct em_ledger_row *row, void *arg)
{
	struct days *d = arg;
	struct piece *p;
	int r;

	if (!em_gate_counts(d->gate->c, row->purpose, row->tagged_by) || row->end < d->since ||
	    row->start > d->until || row->end - row->start > EM_GATE_DAY)
		return 0;
	if (d->n == d->room) {
		size_t room = d->room ? 2 * d->room : 1024;

		p = reallocarray(d->list, room, sizeof(*p));
		if (!p)
			return -ENOMEM;
		d->list = p;
		d->room = room;
	}
	p = &d->list[d->n++];
	*p = (struct piece){ .start = row->start,
			     .end = row->end,
			     .time = row->gpu_time,
			     .sure = row->purpose == d->gate->c->purpose && row->project &&
				     *row->project };
	r = number(&d->projects, row->project, row->start, &p->project);
	r = r ?: number(&d->gpus, row->gpu, row->start, &p->gpu);
	return r ?: number(&d->refs, row->ref, row->start, &p->ref);
}

/* A job that was approved as such before it began is not counted again under its project. */
static void leave_out_approved(struct days *d)
{
	for (unsigned int i = 0; i < d->refs.n; i++) {
		bool approved = em_approval_given(&d->gate->approvals, d->refs.list[i], NULL, 0,
						  0) <= d->refs.first[i];

		for (size_t k = 0; approved && k < d->n; k++)
			d->list[k].gone |= d->list[k].ref == i;
	}
}

#define BY(a, b) (((a) > (b)) - ((a) < (b)))

static int by_project_and_end(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->project != y->project ? BY(x->project, y->project) : BY(x->end, y->end);
}

static int by_start(const void *a, const void *b)
{
	struct piece *const *x = a, *const *y = b;

	return BY((*x)->start, (*y)->start);
}

/**
 * struct sliding - 24 hours on their way over a project's pieces
 * @old: by their start, those before @next have left or never come
 * @on: how many live pieces each GPU has
 */
struct sliding {
	struct days *d;
	struct piece **old;
	size_t n, next;
	unsigned int *on;
	struct em_gate_group g;
};

static void count(struct sliding *s, const struct piece *p, int sign)
{
	s->g.maybe += (em_ns)sign * p->time;
	s->g.sure += p->sure ? (em_ns)sign * p->time : 0;
	s->on[p->gpu] += (unsigned int)sign;
	if (s->on[p->gpu] == (sign > 0))
		sign > 0 ? json_object_set_new(s->g.gpus, s->d->gpus.list[p->gpu], json_true())
			 : json_object_del(s->g.gpus, s->d->gpus.list[p->gpu]);
}

static void leave(struct sliding *s, int64_t before)
{
	for (; s->next < s->n && s->old[s->next]->start < before; s->next++) {
		struct piece *p = s->old[s->next];

		if (p->live)
			count(s, p, -1);
		p->live = false;
		p->gone = true;
	}
}

static void bounds(struct sliding *s)
{
	struct em_gate_group *g = &s->g;

	g->first = g->sure_first = INT64_MAX;
	for (size_t i = s->next; i < s->n && g->sure_first == INT64_MAX; i++) {
		const struct piece *p = s->old[i];

		if (!p->live)
			continue;
		g->first = g->first < p->start ? g->first : p->start;
		g->sure_first = p->sure ? p->start : INT64_MAX;
		if (!g->sure)
			break;
	}
}

/* Those of one project, in the order of their ends. */
static int slide(struct sliding *s, struct piece *p, size_t n, struct em_verdict *v)
{
	s->n = n;
	for (size_t i = 0; i < n; i++)
		s->old[i] = &p[i];
	qsort(s->old, n, sizeof(*s->old), by_start);
	for (size_t i = 0; i < n; i++) {
		leave(s, p[i].end - EM_GATE_DAY);
		if (!p[i].gone) {
			p[i].live = true;
			count(s, &p[i], 1);
			s->g.last = p[i].end;
			s->g.sure_last = p[i].sure ? p[i].end : s->g.sure_last;
		}
		if (!s->g.maybe || (i + 1 < n && p[i + 1].end == p[i].end))
			continue;
		bounds(s);
		em_gate_judge(s->d->gate, &s->g, true, v);
	}
	return 0;
}

static int slide_all(struct days *d, struct em_verdict *v)
{
	_cleanup_free_ struct piece **old = calloc(d->n + 1, sizeof(struct piece *));
	int r = old ? 0 : -ENOMEM;

	for (size_t i = 0, k; !r && i < d->n; i = k) {
		_cleanup_free_ unsigned int *on = calloc(d->gpus.n + 1, sizeof(*on));
		const char *name = d->projects.list[d->list[i].project];
		struct sliding s = { .d = d, .old = old, .on = on, .g.gpus = json_object() };

		for (k = i; k < d->n && d->list[k].project == d->list[i].project;)
			k++;
		snprintf(s.g.project, sizeof(s.g.project), "%s", name);
		em_text_safe(s.g.name, sizeof(s.g.name), *name ? name : EM_GATE_NO_PROJECT);
		r = on && s.g.gpus ? slide(&s, d->list + i, k - i, v) : -ENOMEM;
		json_decref(s.g.gpus);
	}
	return r;
}

int em_gate_days(const struct em_gate *gate, int64_t since, int64_t until, struct em_verdict *v)
{
	struct days d = { .gate = gate, .since = since, .until = until };
	int r = em_ledger_rows(gate->l, since, until, add, &d);

	if (!r && d.n) {
		leave_out_approved(&d);
		qsort(d.list, d.n, sizeof(*d.list), by_project_and_end);
		r = slide_all(&d, v);
	}
	names_clear(&d.projects);
	names_clear(&d.gpus);
	names_clear(&d.refs);
	free(d.list);
	return r;
}
