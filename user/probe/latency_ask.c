// SPDX-License-Identifier: GPL-2.0
/* Latency, asked of a ledger: its orders one by one, and the share around outside events. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "probe/ask.h"
#include "probe/latency.h"
#include "probe/notes.h"
#include "probe/stats.h"

#define AROUND (7 * EM_DAY)   /* before an order; of an event, on either side */
#define WATCHED (28 * EM_DAY) /* an order, at most where no later one follows */

static const struct em_field columns[] = {
	{ "name", "ORDER OR EVENT", EM_VALUE_TEXT },
	{ "at", "AT", EM_VALUE_TIME },
	{ "purpose", "PURPOSE", EM_VALUE_TEXT },
	{ "from", "SHARE BEFORE", EM_VALUE_REAL },
	{ "to", "TO", EM_VALUE_REAL },
	{ "t50_us", "HALFWAY AFTER", EM_VALUE_DURATION },
	{ "t90_us", "90 % AFTER", EM_VALUE_DURATION },
	{ "shift_low", "SHIFT FROM", EM_VALUE_REAL },
	{ "shift_high", "TO", EM_VALUE_REAL },
	{ "says", "", EM_VALUE_TEXT },
};

/* struct tally - latencies by direction: toward alignment, away from it */
struct tally {
	double *toward, *away;
	size_t n_toward, n_away;
	unsigned int orders, events, refused, censored;
};

static json_t *curve_json(const struct em_latency *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < EM_LATENCY_CURVE; i++) {
		const struct em_moment *m = &d->curve[i];

		json_array_append_new(
			list, json_pack("{s:o,s:o,s:o,s:o}", "after_us", em_delta_json(m->after),
					"progress", em_real_json(m->f), "alignment_times_before",
					em_real_json(m->a), "capabilities_times_before",
					em_real_json(m->c)));
	}
	return list;
}

static const char *verdict(const struct em_latency *d)
{
	static const char *const refusals[] = {
		[EM_LATENCY_NO_BEFORE] = "less than a day of work in the 7 days before",
		[EM_LATENCY_NO_AFTER] = "less than a day of record since",
		[EM_LATENCY_SMALL] = "the move is below 2 sd of the hourly share: refused",
	};

	if (d->refusal)
		return refusals[d->refusal];
	return d->censored50   ? "not halfway within the record"
	       : d->censored90 ? "not 90 % within the record"
			       : "carried out";
}

static void order_row(struct em_finding *f, const struct em_order *o, const struct em_latency *d)
{
	json_t *row = json_pack(
		"{s:o,s:o,s:s,s:o,s:o,s:o,s:o,s:s}", "name", em_json_text(o->name), "at",
		em_time_json(o->at), "purpose", em_part_name(o->part), "from",
		d->refusal == EM_LATENCY_NO_BEFORE ? json_null() : em_real_json(d->s0), "to",
		em_real_json(o->to), "t50_us",
		d->refusal || d->censored50 ? json_null() : em_delta_json(d->t50), "t90_us",
		d->refusal || d->censored90 ? json_null() : em_delta_json(d->t90), "says",
		verdict(d));

	if (row && !d->refusal) {
		json_object_set_new(row, "watched_us", em_delta_json(d->censored90 ? d->t90 : 0));
		json_object_set_new(row, "curve", curve_json(d));
	}
	em_finding_row(f, row);
}

static int take_order(struct em_finding *f, const struct em_series *s, const struct em_order *o,
		      struct tally *t)
{
	struct em_latency d;
	bool toward;
	int ret = em_latency_make(&d, s, o->part, o->to, o->at);

	if (ret)
		return ret;
	order_row(f, o, &d);
	t->orders++;
	t->refused += d.refusal != 0;
	t->censored += !d.refusal && d.censored50;
	if (d.refusal || d.censored50)
		return 0;
	toward = (d.s1 > d.s0) == (o->part == EM_PART_A);
	if (toward)
		t->toward[t->n_toward++] = (double)d.t50;
	else
		t->away[t->n_away++] = (double)d.t50;
	return 0;
}

static size_t shares(const struct em_series *s, int64_t start, int64_t end, double *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct em_bucket *b = &s->list[i];
		em_ns used = em_parts_used(&b->p);

		if (b->at.start >= start && b->at.end <= end && used)
			out[n++] = em_ratio(b->p.part[EM_PART_A], used);
	}
	return n;
}

/* Alignment's share in the week after an event less that of the week before. */
static int take_event(struct em_finding *f, const struct em_series *s, const struct em_order *o,
		      struct tally *t)
{
	_cleanup_free_ double *a = calloc(s->n + 1, sizeof(*a));
	_cleanup_free_ double *b = calloc(s->n + 1, sizeof(*b));
	struct em_estimate e = { NAN, NAN, NAN };
	size_t n_a, n_b;
	bool few;

	if (!a || !b)
		return -ENOMEM;
	n_a = shares(s, o->at - AROUND, o->at, a);
	n_b = shares(s, o->at, o->at + AROUND, b);
	few = n_a < 24 || n_b < 24 || em_shift(a, n_a, b, n_b, &e);
	t->events++;
	em_finding_row(f, json_pack("{s:o,s:o,s:s,s:o,s:o,s:n,s:n,s:o,s:o,s:s}", "name",
				    em_json_text(o->name), "at", em_time_json(o->at), "purpose",
				    em_part_name(EM_PART_A), "from",
				    n_a ? em_real_json(em_mean(a, n_a)) : json_null(), "to",
				    n_b ? em_real_json(em_mean(b, n_b)) : json_null(), "t50_us",
				    "t90_us", "shift_low", em_real_json(e.low), "shift_high",
				    em_real_json(e.high), "says",
				    few          ? "an event with less than a day of work around it"
				    : e.low > 0  ? "an event: the share rose in the week after"
				    : e.high < 0 ? "an event: the share fell in the week after"
						 : "an event: no shift that noise would not make"));
	return 0;
}

static void median(struct em_finding *f, const char *key, const char *title, double *t, size_t n)
{
	if (n)
		em_finding_duration(f, key, title, (int64_t)em_median(t, n));
}

static int answer(struct em_finding *f, struct tally *t, unsigned int bad)
{
	em_finding_count(f, "orders", "orders", t->orders);
	em_finding_count(f, "refused", "of them refused (see the list)", t->refused);
	em_finding_count(f, "censored", "of them not halfway within the record", t->censored);
	em_finding_count(f, "events", "events", t->events);
	em_finding_count(f, "bad_notes", "notes that cannot be understood", bad);
	median(f, "toward_t50_us", "halfway toward alignment, median", t->toward, t->n_toward);
	median(f, "away_t50_us", "halfway away from it, median", t->away, t->n_away);
	if (!t->orders && !t->events)
		return em_finding_refuse(f,
					 "no order and no event is recorded in this window: what "
					 "was never ordered has no latency");
	if (t->orders == t->refused && !t->events)
		return em_finding_refuse(f, "none of the %u orders can be judged: see the list",
					 t->orders);
	em_finding_estimate(f,
			    "of %u orders that can be judged %zu were halfway carried out, %u not "
			    "within the record; %u outside events",
			    t->orders - t->refused, t->n_toward + t->n_away, t->censored,
			    t->events);
	em_finding_interval(f, "of an order: one hour, the bucket; of an event: 95 %%, Newey-West");
	return 0;
}

/* What the orders need of the record: hours are many, and each is a reading. */
static struct em_range around(const struct em_notes *n, struct em_range window)
{
	int64_t first = n->orders[0].at - AROUND, last = n->orders[n->n - 1].at + WATCHED;

	return (struct em_range){ first > window.start ? first : window.start,
				  last < window.end ? last : window.end };
}

int em_probe_latency(struct em_finding *f, struct em_ledger *l, const struct em_ask *a)
{
	struct em_series s = { 0 };
	struct em_notes n;
	struct tally t = { 0 };
	int ret = em_notes_orders(&n, l, a->window);

	em_finding_rows(f, columns, ARRAY_SIZE(columns));
	if (!ret && n.n)
		ret = em_series_make(&s, l, around(&n, a->window), EM_HOUR);
	t.toward = calloc(n.n + 1, sizeof(*t.toward));
	t.away = calloc(n.n + 1, sizeof(*t.away));
	if (!t.toward || !t.away)
		ret = -ENOMEM;
	for (size_t i = 0; !ret && i < n.n; i++) {
		const struct em_order *o = &n.orders[i];

		if (o->control) /* of a drill: nothing was ordered */
			continue;
		ret = (o->event ? take_event : take_order)(f, &s, o, &t);
	}
	ret = ret ? ret : answer(f, &t, n.bad);
	free(t.toward);
	free(t.away);
	em_series_clear(&s);
	em_notes_clear(&n);
	return ret;
}
