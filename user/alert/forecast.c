// SPDX-License-Identifier: GPL-2.0
/* Windows of a commitment, summed from the ledger; see watch.h. */
#include "alert/rules.h"
#include "alert/watch.h"
#include "base/time.h"

#define HOUR (3600 * EM_NS_PER_S)
#define DAY (24 * HOUR)

/* The commitment's own counting over another window; *start: where it was clipped to. */
static int sum(struct em_burn_hour *h, const struct em_commitment *c, struct em_ledger *l,
	       int64_t window, int64_t now, int64_t *start)
{
	struct em_commitment other = *c;
	struct em_verdict v;
	int r;

	other.window = other.span.length = window;
	other.span.kind = EM_ROLLING;
	r = em_commitment_check(&other, l, now, &v);
	if (r)
		return r;
	*start = v.start;
	*h = (struct em_burn_hour){
		.a = em_limit_is_ceiling(c) ? v.possible.num : v.proven.num,
		.n = v.proven.den,
		.used = v.proven.den > v.unobserved ? v.proven.den - v.unobserved : 0,
	};
	return 0;
}

/* T_P: of the period before; in the first one, the mean so far. */
static int expect(struct em_burn *b, const struct em_commitment *c, struct em_ledger *l,
		  int64_t epoch, int64_t now)
{
	int64_t period = (int64_t)em_burn_hours(EM_BURN_PERIOD, b->period) * HOUR, start, ignored;
	struct em_burn_hour h;
	int r;

	if (epoch >= now)
		return 0;
	if (now - epoch < period) {
		unsigned int hours = (unsigned int)((now - epoch + HOUR - 1) / HOUR);

		b->expected = em_burn_expected(b->sum[EM_BURN_PERIOD].used, hours, b->period);
		return 0;
	}
	start = epoch + (now - epoch) / period * period;
	r = sum(&h, c, l, period, start, &ignored);
	if (!r)
		b->expected = h.used;
	return r;
}

/* When the commitment, and the inventory, were first there together. */
static int epoch_of(const struct em_commitment *c, struct em_ledger *l, int64_t now, int64_t *epoch)
{
	struct em_report r;
	int ret = em_report_make(&r, l, now - HOUR, now);

	*epoch = c->declared > r.inventory ? c->declared : r.inventory;
	if (!ret && !r.inventory)
		*epoch = now;
	return ret;
}

int em_burn_look(struct em_burn *b, const struct em_commitment *c, struct em_ledger *l, int64_t now)
{
	int64_t epoch, ignored;
	int r = epoch_of(c, l, now, &epoch);

	*b = (struct em_burn){ .share = c->share,
			       .ceiling = em_limit_is_ceiling(c),
			       .tolerance = c->tolerance,
			       .period = EM_BURN_PERIOD_HOURS };
	if (!em_limit_has_pace(c))
		return r;
	for (unsigned int w = 0; !r && w < EM_BURN_WINDOWS; w++)
		r = sum(&b->sum[w], c, l, (int64_t)em_burn_hours(w, b->period) * HOUR, now,
			&ignored);
	return r ?: expect(b, c, l, epoch, now);
}

/* q a >= p n, or for ceilings <=, with 1/100 of the limit to spare */
static bool holds(const struct em_commitment *c, em_ns a, em_ns n, bool spare)
{
	em_ns counted = c->share.den * a, limit = c->share.num * n;
	em_ns margin = spare ? limit / 100 : 0;

	return em_limit_is_ceiling(c) ? counted <= limit - margin : counted >= limit + margin;
}

int em_forecast_look(struct em_forecast *f, const struct em_commitment *c, struct em_ledger *l,
		     int64_t now)
{
	struct em_burn_hour pace, rest, oldest;
	int64_t start, began = now - c->window;
	int r;

	*f = (struct em_forecast){ 0 };
	if (c->window <= EM_FORECAST_DAYS * DAY || !em_limit_has_pace(c))
		return 0;
	r = sum(&rest, c, l, c->window, now, &start);
	if (r || start > began || !rest.n)
		return r;
	r = sum(&pace, c, l, EM_FORECAST_DAYS * DAY, now, &start);
	for (unsigned int d = 1; !r && d <= EM_FORECAST_DAYS; d++) {
		em_ns a, n;

		/* day by day, what ages out: not the whole window seven times more */
		r = sum(&oldest, c, l, DAY, began + d * DAY, &start);
		rest.a -= oldest.a < rest.a ? oldest.a : rest.a;
		rest.n -= oldest.n < rest.n ? oldest.n : rest.n;
		a = rest.a + pace.a * d / EM_FORECAST_DAYS;
		n = rest.n + pace.n * d / EM_FORECAST_DAYS;
		if (!f->days && !holds(c, a, n, false))
			f->days = d;
		if (!f->days_spare && !holds(c, a, n, true))
			f->days_spare = d;
	}
	f->known = !r;
	return r;
}
