// SPDX-License-Identifier: GPL-2.0
/* GPU time, and shares under their promises, over a window; see page.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "probe/series.h"
#include "report/page.h"

static const int64_t steps[] = { EM_HOUR / 6, EM_HOUR,     6 * EM_HOUR,  EM_DAY,
				 7 * EM_DAY,  28 * EM_DAY, 364 * EM_DAY, 3640 * EM_DAY };

/* struct bucket - @r: of it; no capacity where nothing lies whole inside */
struct bucket {
	struct em_range at;
	struct em_report r;
};

struct buckets {
	struct bucket *list;
	size_t n;
	int64_t step;
	em_ns crossing, capacity;
};

static size_t count(struct em_range w, int64_t step)
{
	return w.end > w.start ? (size_t)((w.end - 1) / step - w.start / step + 1) : 0;
}

static int fill(struct buckets *b, struct em_ledger *l, struct em_range w, int64_t step)
{
	struct em_report whole;
	em_ns total = 0;
	int ret = em_report_make(&whole, l, w.start, w.end);

	b->n = count(w, step);
	b->step = step;
	b->list = calloc(b->n + 1, sizeof(*b->list));
	if (!b->list)
		return -ENOMEM;
	for (size_t i = 0; !ret && i < b->n; i++) {
		int64_t start = (w.start / step + (int64_t)i) * step, end = start + step;

		b->list[i].at = (struct em_range){ start < w.start ? w.start : start,
						   end > w.end ? w.end : end };
		ret = em_report_make(&b->list[i].r, l, b->list[i].at.start, b->list[i].at.end);
		total += b->list[i].r.capacity;
	}
	b->capacity = whole.capacity;
	b->crossing = em_grown(total, b->capacity);
	return ret;
}

static int choose(struct buckets *b, struct em_ledger *l, struct em_range w)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(steps); i++) {
		if (count(w, steps[i]) > EM_PAGE_BUCKETS)
			continue;
		free(b->list);
		b->list = NULL;
		ret = fill(b, l, w, steps[i]);
		if (b->crossing <= b->capacity / 10)
			break;
	}
	return ret;
}

static em_ns purpose(const struct em_report *r, unsigned int p)
{
	return r->parts[p].gpu_time;
}

static em_ns worked(const struct em_report *r, unsigned int p)
{
	return r->parts[p].busy;
}

static em_ns other(const struct em_report *r, unsigned int which)
{
	const em_ns values[] = { r->unattributed, r->idle, r->unobserved, r->capacity };

	return values[which];
}

static void add_part(json_t *o, const char *name, const struct buckets *b,
		     em_ns (*of)(const struct em_report *, unsigned int), unsigned int which)
{
	json_t *list = json_array();

	for (size_t i = 0; i < b->n; i++) {
		const struct em_report *r = &b->list[i].r;

		json_array_append_new(list, r->capacity ? json_integer(em_us(of(r, which)))
							: json_null());
	}
	json_object_set_new(o, name, list);
}

static json_t *series_json(const struct buckets *b)
{
	static const char *const others[] = { "unattributed", "idle", "unobserved", "capacity" };
	json_t *at = json_array(), *seconds = json_array(), *busy = json_object();
	json_t *o = json_pack("{s:I,s:I}", "step_s", (json_int_t)(b->step / EM_NS_PER_S),
			      "crossing_us", em_us(b->crossing));

	for (size_t i = 0; i < b->n; i++) {
		struct em_range r = b->list[i].at;

		json_array_append_new(at, json_integer(r.start / EM_NS_PER_S));
		json_array_append_new(seconds, json_real((double)(r.end - r.start) / EM_NS_PER_S));
	}
	json_object_set_new(o, "at", at);
	json_object_set_new(o, "seconds", seconds);
	for (unsigned int p = 0; p < EARMARK_PURPOSE_COUNT; p++) {
		add_part(o, em_purpose_name(p), b, purpose, p);
		add_part(busy, em_purpose_name(p), b, worked, p);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++)
		add_part(o, others[i], b, other, i);
	json_object_set_new(o, "busy", busy);
	return o;
}

int em_page_clip(struct em_ledger *l, int64_t *since, int64_t *until)
{
	struct em_report tail;
	struct em_span span;
	int ret = em_ledger_span(l, *since, *until, &span);

	if (!ret && !span.intervals)
		*until = *since;
	if (ret || !span.intervals)
		return ret;
	ret = em_report_make(&tail, l, span.end, *until);
	*since = span.start;
	if (!ret && !tail.capacity)
		*until = span.end;
	return ret;
}

int em_page_series(json_t **ret, struct em_ledger *l, int64_t since, int64_t until)
{
	struct buckets b = { .step = steps[0] };
	int r = em_page_clip(l, &since, &until);

	if (!r)
		r = choose(&b, l, (struct em_range){ since, until });
	if (!r)
		*ret = series_json(&b);
	free(b.list);
	return r;
}
