// SPDX-License-Identifier: GPL-2.0
/* Runs over the gate's size, and their approvals; see gate.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "probe/ask.h"
#include "probe/gate.h"

static int same_key(const struct em_piece *x, const struct em_piece *y)
{
	return x->by_ref != y->by_ref ? x->by_ref - y->by_ref : strcmp(x->key, y->key);
}

static int in_order(const void *a, const void *b)
{
	const struct em_piece *x = a, *y = b;
	int order = same_key(x, y);

	return order ? order : (x->start > y->start) - (x->start < y->start);
}

/* All of a ref's pieces. */
static bool measure_ref(struct em_run *r, const struct em_piece *p, size_t n, em_ns size)
{
	r->began = p->start;
	for (size_t i = 0; i < n; i++)
		r->time += p[i].time;
	return r->time >= size;
}

/* Of a stretch longer than 24 hours, its average in so many. */
static em_ns within(const struct em_piece *p)
{
	em_ns length = (em_ns)(p->end - p->start);

	return length > EM_GATE_WINDOW ? em_muldiv(p->time, EM_GATE_WINDOW, length) : p->time;
}

/* The most of a project in 24 hours, and when the first such stretch over the size began. */
static bool measure_project(struct em_run *r, const struct em_piece *p, size_t n, em_ns size)
{
	em_ns sum = 0;
	bool over = false;

	for (size_t i = 0, first = 0; i < n; i++) {
		sum += within(&p[i]);
		while (first < i && p[first].start < p[i].end - EM_GATE_WINDOW)
			sum -= within(&p[first++]);
		if (sum >= size && !over) {
			over = true;
			r->began = p[first].start;
		}
		r->time = sum > r->time ? sum : r->time;
	}
	return over;
}

static bool covers(const struct em_approval *a, const struct em_run *r)
{
	const char *key = r->what.by_ref ? a->ref : a->project;

	return *key && !strcmp(key, r->what.key) && (!a->gpu_hours || a->gpu_hours >= r->time);
}

static void find_approval(struct em_run *r, const struct em_notes *approvals)
{
	r->approval = -1;
	for (size_t i = 0; i < approvals->n && r->approval < 0; i++) {
		if (!covers(&approvals->approvals[i], r))
			continue;
		if (approvals->approvals[i].at <= r->began)
			r->approval = (long)i;
		else
			r->late = true;
	}
}

int em_gate_make(struct em_run **runs, struct em_piece *pieces, size_t n,
		 const struct em_notes *approvals, em_ns size)
{
	struct em_run *list = calloc(n + 1, sizeof(*list));
	int count = 0;

	*runs = list;
	if (!list)
		return -ENOMEM;
	if (n)
		qsort(pieces, n, sizeof(*pieces), in_order);
	for (size_t i = 0, k; i < n; i = k) {
		struct em_run *r = &list[count];

		for (k = i + 1; k < n && !same_key(&pieces[i], &pieces[k]);)
			k++;
		*r = (struct em_run){ .what = pieces[i] };
		if (!(r->what.by_ref ? measure_ref : measure_project)(r, pieces + i, k - i, size))
			continue;
		find_approval(r, approvals);
		count++;
	}
	return count;
}

/* --- asked of a ledger --------------------------------------------------------------------- */

/* struct reading - pieces, and the stretch that is being read */
struct reading {
	struct em_piece *list;
	size_t n, room;
	struct em_range at;
};

static int add_piece(struct reading *r, bool by_ref, const char *key, em_ns time)
{
	struct em_piece *p;

	if (r->n == r->room) {
		size_t room = r->room ? 2 * r->room : 256;

		p = reallocarray(r->list, room, sizeof(*p));
		if (!p)
			return -ENOMEM;
		r->list = p;
		r->room = room;
	}
	p = &r->list[r->n++];
	*p = (struct em_piece){
		.by_ref = by_ref, .start = r->at.start, .end = r->at.end, .time = time
	};
	strncpy(p->key, key, sizeof(p->key) - 1);
	return 0;
}

static int add(const struct em_usage *u, void *arg)
{
	int ret = 0;

	if (em_part_of(u->purpose) != EM_PART_C || !u->gpu_time)
		return 0;
	if (u->ref && *u->ref)
		ret = add_piece(arg, true, u->ref, u->gpu_time);
	return ret ? ret : add_piece(arg, false, u->project ?: "", u->gpu_time);
}

/*
 * Hour by hour; each reading starts where the last interval read ended, so that intervals across
 * the hour are read once and not lost.
 */
static int read_pieces(struct reading *r, struct em_ledger *l, struct em_range window)
{
	int64_t edge = window.start;
	struct em_span span;
	int ret = 0;

	for (int64_t hour = window.start; !ret && hour < window.end; hour += EM_HOUR) {
		int64_t end = hour + EM_HOUR < window.end ? hour + EM_HOUR : window.end;

		ret = em_ledger_span(l, edge, end, &span);
		r->at = (struct em_range){ span.start, span.end };
		if (!ret && span.intervals)
			ret = em_ledger_usage(l, edge, end, add, r);
		if (!ret && span.intervals)
			edge = span.end;
	}
	return ret;
}

static const struct em_field columns[] = {
	{ "by", "BY", EM_VALUE_TEXT },
	{ "name", "RUN", EM_VALUE_TEXT },
	{ "began", "BEGAN", EM_VALUE_TIME },
	{ "time_us", "CAPABILITIES TIME", EM_VALUE_GPU_TIME },
	{ "approval", "APPROVAL", EM_VALUE_TEXT },
	{ "signers", "SIGNERS", EM_VALUE_COUNT },
	{ "external", "EXTERNAL", EM_VALUE_COUNT },
	{ "says", "", EM_VALUE_TEXT },
};

static void row(struct em_finding *f, const struct em_run *r, const struct em_notes *approvals)
{
	const struct em_approval *a = r->approval < 0 ? NULL : &approvals->approvals[r->approval];

	em_finding_row(f, json_pack("{s:s,s:o,s:o,s:o,s:o,s:I,s:I,s:s}", "by",
				    r->what.by_ref ? "ref" : "project in 24 h", "name",
				    em_json_text(*r->what.key ? r->what.key : "(no project)"),
				    "began", em_time_json(r->began), "time_us",
				    em_delta_json((em_delta)r->time), "approval",
				    em_json_text(a ? a->id : NULL), "signers",
				    (json_int_t)(a ? a->signers : 0), "external",
				    (json_int_t)(a ? a->external : 0), "says",
				    a         ? "approved before"
				    : r->late ? "approved only after it had begun"
					      : "no approval covers it"));
}

static int answer(struct em_finding *f, const struct em_run *runs, int n,
		  const struct em_notes *approvals, em_ns size)
{
	long long without = 0;
	char hours[EM_HOURS_LEN];

	em_finding_rows(f, columns, ARRAY_SIZE(columns));
	for (int i = 0; i < n; i++) {
		row(f, &runs[i], approvals);
		without += runs[i].approval < 0;
	}
	em_finding_gpu_time(f, "size_us", "declared size", (em_delta)size);
	em_finding_count(f, "over", "refs and projects over it", n);
	em_finding_count(f, "unapproved", "of them without an earlier approval", without);
	em_finding_count(f, "approvals", "approvals on record", (long long)approvals->n);
	em_finding_count(f, "bad_notes", "notes that cannot be understood", approvals->bad);
	em_finding_estimate(f,
			    "%lld of %d capabilities runs of %s or more began without an earlier "
			    "approval",
			    without, n, em_hours(hours, (em_delta)size));
	em_finding_interval(f, "exact, of work tagged capabilities");
	f->outcome = without ? EM_OUTCOME_NOT_SO : EM_OUTCOME_FINE;
	return 0;
}

int em_probe_gate(struct em_finding *f, struct em_ledger *l, const struct em_ask *a)
{
	struct em_range always = { 0, INT64_MAX };
	struct reading r = { 0 };
	struct em_run *runs = NULL;
	struct em_notes approvals;
	int ret;

	if (!a->size)
		return em_finding_refuse(f, "no size is declared from which an approval is needed: "
					    "give --size GPU-HOURS");
	ret = em_notes_approvals(&approvals, l, always);
	if (!ret)
		ret = read_pieces(&r, l, a->window);
	if (!ret)
		ret = em_gate_make(&runs, r.list, r.n, &approvals, a->size);
	if (ret >= 0)
		ret = answer(f, runs, ret, &approvals, a->size);
	free(runs);
	free(r.list);
	em_notes_clear(&approvals);
	return ret;
}
