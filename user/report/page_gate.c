// SPDX-License-Identifier: GPL-2.0
/*
 * The largest job that a gate looks at, over time; see page.h. What each job had in a bucket is
 * read once: its size in a window is kept as a sum, to which a bucket adds and which it leaves.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "commit/judge.h"
#include "report/page.h"

/* struct part - of a job, in a bucket */
struct part {
	size_t job;
	em_ns sure, maybe;
};

/* struct bucket - @parts: of all jobs in it; @least, @most: GPUs that one of them had at once */
struct bucket {
	struct {
		int64_t start, end;
	} at;
	struct part *parts;
	size_t n, room;
	double least, most;
};

/* struct jobs - @sum: of each, over the buckets of the window; by @index */
struct jobs {
	json_t *index;
	struct part *sum;
	size_t n, room;
	struct bucket *now;
};

static int grow(struct part **list, size_t n, size_t *room)
{
	struct part *more;

	if (n < *room)
		return 0;
	more = reallocarray(*list, *room ? 2 * *room : 16, sizeof(*more));
	if (!more)
		return -ENOMEM;
	*list = more;
	*room = *room ? 2 * *room : 16;
	return 0;
}

/* Its place among the jobs, or -ENOMEM. */
static long place_of(struct jobs *j, const char *job)
{
	const json_t *at = json_object_get(j->index, job);

	if (at)
		return (long)json_integer_value(at);
	if (grow(&j->sum, j->n, &j->room) ||
	    json_object_set_new(j->index, job, json_integer((json_int_t)j->n)))
		return -ENOMEM;
	j->sum[j->n] = (struct part){ .job = j->n };
	return (long)j->n++;
}

static int add(const struct em_gate_size *size, void *arg)
{
	struct jobs *j = arg;
	struct bucket *b = j->now;
	double gpus = (double)size->sure / (double)(b->at.end - b->at.start);
	long job = place_of(j, size->job);

	if (job < 0 || grow(&b->parts, b->n, &b->room))
		return -ENOMEM;
	b->parts[b->n++] = (struct part){ (size_t)job, size->sure, size->maybe };
	b->least = gpus > b->least ? gpus : b->least;
	b->most = (double)size->gpus > b->most ? (double)size->gpus : b->most;
	return 0;
}

static void enter(struct jobs *j, const struct bucket *b)
{
	for (size_t i = 0; i < b->n; i++) {
		j->sum[b->parts[i].job].sure += b->parts[i].sure;
		j->sum[b->parts[i].job].maybe += b->parts[i].maybe;
	}
}

static void leave(struct jobs *j, const struct bucket *b)
{
	for (size_t i = 0; i < b->n; i++) {
		j->sum[b->parts[i].job].sure -= b->parts[i].sure;
		j->sum[b->parts[i].job].maybe -= b->parts[i].maybe;
	}
}

static struct part largest(const struct jobs *j)
{
	struct part most = { 0 };

	for (size_t i = 0; i < j->n; i++) {
		most.sure = j->sum[i].sure > most.sure ? j->sum[i].sure : most.sure;
		most.maybe = j->sum[i].maybe > most.maybe ? j->sum[i].maybe : most.maybe;
	}
	return most;
}

/* Where the window that ends at @end begins; nothing before the promise counts. */
static int64_t begins(const struct em_commitment *c, int64_t end)
{
	int64_t start = c->span.kind == EM_ROLLING ? end - c->window
						   : em_window_at(&c->span, end - 1).start;

	return start > c->declared ? start : c->declared;
}

/* struct curves - "gpu-time" and "gpus", of which a gate has either or both */
struct curves {
	json_t *at, *sure, *maybe, *least, *most;
};

static int follow(struct curves *out, struct jobs *j, struct bucket *list, size_t n,
		  const struct em_commitment *c, struct em_ledger *l)
{
	int ret = 0;

	for (size_t i = 0, first = 0; !ret && i < n; i++) {
		struct bucket *b = j->now = &list[i];
		struct part most;

		if (b->at.start >= c->declared)
			ret = em_gate_sizes(c, l, b->at.start, b->at.end, add, j);
		enter(j, b);
		for (; first <= i && list[first].at.start < begins(c, b->at.end); first++)
			leave(j, &list[first]);
		most = largest(j);
		json_array_append_new(out->at, json_integer(b->at.end / EM_NS_PER_S));
		json_array_append_new(out->sure, json_integer(em_us(most.sure)));
		json_array_append_new(out->maybe, json_integer(em_us(most.maybe)));
		json_array_append_new(out->least, json_real(b->least));
		json_array_append_new(out->most, json_real(b->most));
	}
	return ret;
}

static void append(json_t *list, const struct em_commitment *c, const struct curves *k, bool gpus)
{
	json_array_append_new(list, json_pack("{s:o,s:s,s:s,s:s,s:I,s:O,s:O,s:O,s:I}", "name",
					      em_json_text(c->name), "purpose",
					      em_purpose_name(c->purpose), "kind",
					      em_commitment_kind_name(c->kind), "unit",
					      gpus ? "gpus" : "gpu-time", "bound",
					      gpus ? (json_int_t)c->gpus : em_us(c->gpu_hours),
					      "at", k->at, "proven", gpus ? k->least : k->sure,
					      "possible", gpus ? k->most : k->maybe, "window_us",
					      (json_int_t)(c->window / EM_NS_PER_US)));
}

static struct bucket *buckets_of(int64_t start, int64_t end, int64_t step, size_t *n)
{
	struct bucket *list = calloc((size_t)((end - 1) / step - start / step + 1), sizeof(*list));

	*n = 0;
	for (int64_t from = start, to; list && from < end; from = to) {
		to = (from / step + 1) * step;
		to = to > end ? end : to;
		list[(*n)++].at = (typeof(list->at)){ from, to };
	}
	return list;
}

int em_page_gates(json_t *list, struct em_ledger *l, const struct em_commitment *c, int64_t start,
		  int64_t end, int64_t step)
{
	struct curves k = { json_array(), json_array(), json_array(), json_array(), json_array() };
	struct jobs j = { .index = json_object() };
	size_t n;
	struct bucket *buckets = buckets_of(start, end, step, &n);
	int ret = buckets && j.index ? follow(&k, &j, buckets, n, c, l) : -ENOMEM;

	if (!ret && c->gpu_hours)
		append(list, c, &k, false);
	if (!ret && c->gpus)
		append(list, c, &k, true);
	for (size_t i = 0; buckets && i < n; i++)
		free(buckets[i].parts);
	free(buckets);
	free(j.sum);
	json_decref(j.index);
	json_decref(k.at);
	json_decref(k.sure);
	json_decref(k.maybe);
	json_decref(k.least);
	json_decref(k.most);
	return ret;
}
