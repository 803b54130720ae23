// SPDX-License-Identifier: GPL-2.0
/* Buckets of time out of a ledger; see series.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/series.h"

static const char *const names[EM_PARTS] = {
	[EM_PART_A] = "alignment", [EM_PART_C] = "capabilities",   [EM_PART_M] = "mixed",
	[EM_PART_S] = "serving",   [EM_PART_F] = "infrastructure", [EM_PART_U] = "untagged",
	[EM_PART_I] = "idle",      [EM_PART_X] = "unobserved",
};

static const enum em_part_id of_purpose[EARMARK_PURPOSE_COUNT] = {
	[EARMARK_PURPOSE_UNTAGGED] = EM_PART_U,     [EARMARK_PURPOSE_ALIGNMENT] = EM_PART_A,
	[EARMARK_PURPOSE_CAPABILITIES] = EM_PART_C, [EARMARK_PURPOSE_MIXED] = EM_PART_M,
	[EARMARK_PURPOSE_SERVING] = EM_PART_S,      [EARMARK_PURPOSE_INFRASTRUCTURE] = EM_PART_F,
};

const char *em_part_name(unsigned int part)
{
	return part < EM_PARTS ? names[part] : "?";
}

enum em_part_id em_part_of(unsigned int purpose)
{
	return purpose < EARMARK_PURPOSE_COUNT ? of_purpose[purpose] : EM_PART_U;
}

static em_ns sum(const struct em_parts *p, unsigned int n)
{
	em_ns total = 0;

	for (unsigned int i = 0; i < n; i++)
		total += p->part[i];
	return total;
}

em_ns em_parts_capacity(const struct em_parts *p)
{
	return sum(p, EM_PARTS);
}

em_ns em_parts_used(const struct em_parts *p)
{
	return sum(p, EM_PART_USED);
}

void em_parts_of_report(struct em_parts *p, const struct em_report *r)
{
	memset(p, 0, sizeof(*p));
	for (unsigned int i = 0; i < EARMARK_PURPOSE_COUNT; i++)
		p->part[em_part_of(i)] += r->parts[i].gpu_time;
	p->part[EM_PART_U] += r->unattributed;
	p->part[EM_PART_I] = r->idle;
	p->part[EM_PART_X] = r->unobserved;
}

void em_parts_scale(struct em_parts *p, em_ns length, em_ns as)
{
	for (unsigned int i = 0; length && i < EM_PARTS; i++)
		p->part[i] = em_muldiv(p->part[i], as, length);
}

static int fill(struct em_series *s, struct em_ledger *l)
{
	for (size_t i = 0; i < s->n; i++) {
		struct em_bucket *b = &s->list[i];
		struct em_report r;
		int ret = em_report_make(&r, l, b->at.start, b->at.end);

		if (ret)
			return ret;
		em_parts_of_report(&b->p, &r);
		b->intervals = r.span.intervals;
	}
	return 0;
}

static int add_capacity(const struct em_gpu_usage *g, void *arg)
{
	*(em_ns *)arg += (em_ns)g->wall + g->gap;
	return 0;
}

/* What the whole of the buckets' time holds, less what they hold one by one. */
static int find_crossing(struct em_series *s, struct em_ledger *l)
{
	em_ns total = 0, whole = 0;
	int ret;

	if (!s->n)
		return 0;
	ret = em_ledger_gpus(l, s->list[0].at.start, s->list[s->n - 1].at.end, add_capacity,
			     &whole);
	for (size_t i = 0; i < s->n; i++)
		total += em_parts_capacity(&s->list[i].p);
	s->crossing = ret ? 0 : em_grown(total, whole);
	return ret;
}

int em_series_make(struct em_series *s, struct em_ledger *l, struct em_range window, int64_t step)
{
	int64_t first = (window.start + step - 1) / step, last = window.end / step;
	int ret;

	*s = (struct em_series){ .step = step };
	if (last <= first)
		return 0;
	if (last - first > EM_BUCKETS_MAX)
		return -E2BIG;
	s->list = calloc((size_t)(last - first), sizeof(*s->list));
	if (!s->list)
		return -ENOMEM;
	s->n = (size_t)(last - first);
	for (size_t i = 0; i < s->n; i++)
		s->list[i].at = (struct em_range){ (first + (int64_t)i) * step,
						   (first + (int64_t)i + 1) * step };
	ret = fill(s, l);
	return ret ? ret : find_crossing(s, l);
}

void em_series_clear(struct em_series *s)
{
	free(s->list);
	*s = (struct em_series){ 0 };
}
