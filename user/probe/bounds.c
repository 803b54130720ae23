// SPDX-License-Identifier: GPL-2.0
/* Bounds of alignment's share, and what they are made of; see bounds.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "probe/ask.h"
#include "probe/kept.h"
#include "probe/bounds.h"

int em_doubts_add(struct em_doubts *d, const char *what, const char *name, em_ns time)
{
	struct em_doubt *one;

	if (!time)
		return 0;
	if (d->n == d->room) {
		size_t room = d->room ? 2 * d->room : 64;

		one = reallocarray(d->list, room, sizeof(*one));
		if (!one)
			return -ENOMEM;
		d->list = one;
		d->room = room;
	}
	one = &d->list[d->n++];
	memset(one, 0, sizeof(*one));
	strncpy(one->what, what, sizeof(one->what) - 1);
	strncpy(one->name, name, sizeof(one->name) - 1);
	one->time = time;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct em_doubt *x = a, *y = b;
	int order = strcmp(x->what, y->what);

	return order ? order : strcmp(x->name, y->name);
}

static int largest_first(const void *a, const void *b)
{
	const struct em_doubt *x = a, *y = b;

	return x->time == y->time ? by_name(a, b) : (x->time < y->time) - (x->time > y->time);
}

void em_doubts_sort(struct em_doubts *d)
{
	size_t n = 0;

	if (!d->n)
		return;
	qsort(d->list, d->n, sizeof(*d->list), by_name);
	for (size_t i = 1; i < d->n; i++) {
		if (by_name(&d->list[n], &d->list[i]))
			d->list[++n] = d->list[i];
		else
			d->list[n].time += d->list[i].time;
	}
	d->n = n + 1;
	qsort(d->list, d->n, sizeof(*d->list), largest_first);
}

static int add_usage(const struct em_usage *u, void *arg)
{
	if (em_part_of(u->purpose) != EM_PART_U)
		return 0;
	return em_doubts_add(arg, "untagged job", u->path ?: "unknown path", u->gpu_time);
}

static int add_gpu(const struct em_gpu_usage *g, void *arg)
{
	int ret = em_doubts_add(arg, "unattributed work", g->name, g->charged);

	if (!ret)
		ret = em_doubts_add(arg, "unobserved GPU", g->name, g->unobserved);
	return ret ? ret : em_doubts_add(arg, "gap of records", g->name, g->gap);
}

static const struct em_field columns[] = {
	{ "what", "WHAT", EM_VALUE_TEXT },
	{ "name", "WHICH", EM_VALUE_TEXT },
	{ "time_us", "TIME", EM_VALUE_GPU_TIME },
	{ "narrows", "NARROWS THE BOUNDS BY", EM_VALUE_SHARE },
};

static int rows(struct em_finding *f, struct em_ledger *l, const struct em_ask *a, em_ns whole)
{
	struct em_doubts d = { 0 };
	int ret = em_ledger_usage(l, a->window.start, a->window.end, add_usage, &d);

	if (!ret)
		ret = em_ledger_gpus(l, a->window.start, a->window.end, add_gpu, &d);
	em_doubts_sort(&d);
	em_finding_rows(f, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; !ret && i < d.n && i < EM_BOUND_ROWS; i++)
		em_finding_row(f, json_pack("{s:s,s:o,s:o,s:o}", "what", d.list[i].what, "name",
					    em_json_text(d.list[i].name), "time_us",
					    em_delta_json((em_delta)d.list[i].time), "narrows",
					    em_ratio_json(d.list[i].time, whole)));
	em_finding_count(f, "doubts", "jobs and GPUs that widen the bounds", (long long)d.n);
	free(d.list);
	return ret;
}

int em_probe_bounds(struct em_finding *f, struct em_ledger *l, const struct em_ask *a)
{
	struct em_report r;
	struct em_parts p;
	int ret = em_kept_report(a->kept, &r, l, a->window);

	if (ret)
		return ret;
	if (!r.proven.den)
		return em_finding_refuse(f, "nothing ran and nothing was unobserved: alignment's "
					    "share is undefined");
	em_parts_of_report(&p, &r);
	em_finding_share(f, "tagged", "share as tagged, of used", p.part[EM_PART_A],
			 em_parts_used(&p));
	em_finding_share(f, "proven", "proven share", r.proven.num, r.proven.den);
	em_finding_share(f, "possible", "possible share", r.possible.num, r.possible.den);
	em_finding_share(f, "untagged", "untagged and unattributed", p.part[EM_PART_U],
			 r.proven.den);
	em_finding_share(f, "unobserved", "unobserved", p.part[EM_PART_X], r.proven.den);
	em_finding_share(f, "mixed", "mixed (outside both bounds)", p.part[EM_PART_M],
			 r.proven.den);
	em_finding_estimate(f,
			    "alignment's share of used GPU time is at least %.2f %% and at most "
			    "%.2f %%",
			    100 * em_ratio(r.proven.num, r.proven.den),
			    100 * em_ratio(r.possible.num, r.possible.den));
	em_finding_interval(f, "exact: a census; bounds of what is untagged or unobserved");
	return rows(f, l, a, r.proven.den);
}
