// SPDX-License-Identifier: GPL-2.0
/* Intervals that become one entry; see fold.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ledger/fold.h"

static const struct earmark_interval *last_of(const struct em_fold *f)
{
	return &f->list[f->n - 1].i.header;
}

static __u64 span_of(__u64 wall, int64_t span)
{
	return span > 0 ? wall / (__u64)span : 0;
}

bool em_fold_joins(const struct em_fold *f, const struct em_interval *i, int64_t span)
{
	const struct earmark_interval *last = last_of(f), *h = &i->header;

	return span > 0 && !memcmp(last->load_id, h->load_id, sizeof(h->load_id)) &&
	       last->number + 1 == h->number && last->end == h->start &&
	       last->recorder == h->recorder &&
	       span_of(f->list[0].i.header.wall_start, span) == span_of(h->wall_start, span);
}

bool em_fold_whole(const struct em_fold *f, int64_t span)
{
	const struct earmark_interval *first = &f->list[0].i.header;

	return span <= 0 || span_of(first->wall_start, span) != span_of(last_of(f)->wall_end, span);
}

static void *copied(const void *from, size_t n, size_t size)
{
	void *to = malloc(n * size ?: 1);

	return to && n ? memcpy(to, from, n * size) : to;
}

static void item_clear(struct em_fold_item *item)
{
	em_interval_clear(&item->i);
	free((void *)item->allocated);
	item->allocated = NULL;
}

int em_fold_add(struct em_fold *f, const struct em_fold_item *item)
{
	struct em_fold_item *more = reallocarray(f->list, f->n + 1, sizeof(*more)), *new;
	const struct earmark_interval *h = &item->i.header;

	if (!more)
		return -ENOMEM;
	f->list = more;
	new = &more[f->n];
	*new = *item;
	new->allocated = copied(item->allocated, item->nr_allocated, sizeof(*item->allocated));
	new->i.segments = copied(item->i.segments, h->nr_segments, sizeof(*new->i.segments));
	new->i.events = copied(item->i.events, h->nr_events, sizeof(*new->i.events));
	if (!new->i.segments || !new->i.events || !new->allocated) {
		item_clear(new);
		return -ENOMEM;
	}
	f->n++;
	return 0;
}

void em_fold_clear(struct em_fold *f)
{
	for (unsigned int i = 0; i < f->n; i++)
		item_clear(&f->list[i]);
	free(f->list);
	memset(f, 0, sizeof(*f));
}

/* --- summing ------------------------------------------------------------------------------ */

static const struct earmark_segment *gpu_row(const struct em_interval *i, __u32 gpu)
{
	for (__u32 n = 0; n < i->header.nr_segments; n++) {
		if (i->segments[n].kind == EARMARK_SEGMENT_GPU && i->segments[n].gpu == gpu)
			return &i->segments[n];
	}
	return NULL;
}

static __u64 extra_of(const struct em_fold_item *item, const struct earmark_segment *s)
{
	const struct earmark_segment *gpu;

	if (s->kind == EARMARK_SEGMENT_GPU)
		return s->gpu_time.unattributed < s->gpu_time.idle ? s->gpu_time.unattributed
								   : s->gpu_time.idle;
	if (s->kind != EARMARK_SEGMENT_ENGINE)
		return 0;
	gpu = gpu_row(&item->i, s->gpu);
	if (!gpu || (!gpu->flags && !item->hiding) || gpu->gpu_time.wall < s->engine.busy)
		return 0;
	return gpu->gpu_time.wall - s->engine.busy;
}

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

/* Rows of the same thing beside each other, in the order of the intervals: the sort is stable. */
static int compare(const void *left, const void *right)
{
	const struct em_row *x = left, *y = right;
	const struct earmark_segment *a = &x->s, *b = &y->s;

	return ORDER(a->gpu, b->gpu)	     ?:
	       ORDER(a->kind, b->kind)	     ?:
	       ORDER(a->job, b->job)	     ?:
	       ORDER(a->id, b->id)	     ?:
					       ORDER(x->order, y->order);
}

static bool same(const struct earmark_segment *a, const struct earmark_segment *b)
{
	return a->gpu == b->gpu && a->kind == b->kind && a->job == b->job && a->id == b->id;
}

static __u64 earliest(__u64 a, __u64 b)
{
	return !a ? b : !b || a < b ? a : b;
}

static void add_row(struct em_row *to, const struct em_row *row)
{
	const struct earmark_segment *s = &row->s;

	to->extra += row->extra;
	to->s.flags |= s->flags;
	switch (s->kind) {
	case EARMARK_SEGMENT_USAGE:
		to->s.usage.gpu_time += s->usage.gpu_time;
		to->s.usage.held += s->usage.held;
		to->s.usage.busy += s->usage.busy;
		to->s.usage.busy_error += s->usage.busy_error;
		to->s.class = s->class > to->s.class ? s->class : to->s.class;
		to->s.usage.busy_start = earliest(to->s.usage.busy_start, s->usage.busy_start);
		break;
	case EARMARK_SEGMENT_GPU:
		to->s.gpu_time.wall += s->gpu_time.wall;
		to->s.gpu_time.idle += s->gpu_time.idle;
		to->s.gpu_time.unobserved += s->gpu_time.unobserved;
		to->s.gpu_time.unattributed += s->gpu_time.unattributed;
		to->s.gpu_time.unattributed_start =
			earliest(to->s.gpu_time.unattributed_start, s->gpu_time.unattributed_start);
		break;
	case EARMARK_SEGMENT_ENGINE:
		to->s.engine.busy += s->engine.busy;
		to->s.engine.busy_start = earliest(to->s.engine.busy_start, s->engine.busy_start);
		to->s.engine.busy_total = s->engine.busy_total;
		to->s.engine.first = s->engine.first;
		to->s.engine.done += s->engine.done;
		break;
	}
}

/* What was allocated is a row of its own, until it is summed with the job's others. */
static struct em_row *item_rows(const struct em_fold *f, unsigned int order, struct em_row *row)
{
	const struct em_fold_item *item = &f->list[order];

	for (__u32 k = 0; k < item->i.header.nr_segments; k++)
		*row++ = (struct em_row){ item->i.segments[k], extra_of(item, &item->i.segments[k]),
					  order };
	for (unsigned int k = 0; k < item->nr_allocated; k++) {
		const struct em_allocated *a = &item->allocated[k];

		*row = (struct em_row){ .extra = a->ns, .order = order };
		row->s.kind = EARMARK_SEGMENT_USAGE;
		row->s.gpu = a->gpu;
		row->s.job = a->job;
		row++->s.id = a->tag;
	}
	return row;
}

struct em_row *em_fold_rows(const struct em_fold *f, unsigned int *ret_n)
{
	struct em_row *rows, *end;
	unsigned int all = 0;

	for (unsigned int i = 0; i < f->n; i++)
		all += f->list[i].i.header.nr_segments + f->list[i].nr_allocated;
	rows = end = calloc(all ?: 1, sizeof(*rows));
	if (!rows)
		return NULL;
	for (unsigned int i = 0; i < f->n; i++)
		end = item_rows(f, i, end);
	qsort(rows, all, sizeof(*rows), compare);
	*ret_n = 0;
	for (unsigned int i = 0; i < all; i++) {
		if (*ret_n && same(&rows[*ret_n - 1].s, &rows[i].s))
			add_row(&rows[*ret_n - 1], &rows[i]);
		else
			rows[(*ret_n)++] = rows[i];
	}
	return rows;
}
