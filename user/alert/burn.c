// SPDX-License-Identifier: GPL-2.0
/* How fast a shortfall budget is used up; see burn.h. */
#include "alert/burn.h"
#include "base/cleanup.h"

typedef __int128 signed_ns;

/* e, unless it was declared: a shortfall of a tenth of what was promised is the budget. */
static const struct em_share tenth = { 1, 10 };
/* Clear once the limit is kept with 1 % to spare. */
#define CLEAR_DEN 100

/* struct part - of the budget, num/den, within the window; @as_fast: within this one likewise */
static const struct part {
	enum em_burn_window within, as_fast;
	unsigned int num, den;
} parts[2][2] = {
	{ { EM_BURN_TICKET_LONG, EM_BURN_TICKET_SHORT, 1, 4 },
	  { EM_BURN_PERIOD, EM_BURN_PERIOD, 1, 1 } },
	{ { EM_BURN_PAGE_LONG, EM_BURN_PAGE_SHORT, 1, 2 },
	  { EM_BURN_PERIOD, EM_BURN_PERIOD, 1, 1 } },
};

unsigned int em_burn_hours(enum em_burn_window w, unsigned int period_hours)
{
	static const unsigned int hours[EM_BURN_WINDOWS] = {
		[EM_BURN_TICKET_LONG] = 3 * 24,
		[EM_BURN_TICKET_SHORT] = 6,
		[EM_BURN_PAGE_LONG] = 7 * 24,
		[EM_BURN_PAGE_SHORT] = 14,
	};

	return hours[w] ?: period_hours ?: EM_BURN_PERIOD_HOURS;
}

em_ns em_burn_expected(em_ns used, unsigned int hours, unsigned int period_hours)
{
	period_hours = period_hours ?: EM_BURN_PERIOD_HOURS;
	return hours ? used * period_hours / hours : 0;
}

/* q times the shortfall of a window, with the limit moved to its safe side by 1/100 for @spare */
static signed_ns shortfall(const struct em_burn *b, enum em_burn_window w, bool spare)
{
	signed_ns promised = (signed_ns)(b->share.num * b->sum[w].n);
	signed_ns counted = (signed_ns)(b->share.den * b->sum[w].a);
	signed_ns margin = spare ? promised / CLEAR_DEN : 0;

	return b->ceiling ? counted - (promised - margin) : promised + margin - counted;
}

/*
 * Within the window @w, as much of the budget as the part says for its own: p N - a is at least
 * num/den e p T, times the length of @w over that of the part's window.
 */
static bool reaches(const struct em_burn *b, const struct part *part, enum em_burn_window w,
		    bool spare)
{
	const struct em_share *e = b->tolerance.den ? &b->tolerance : &tenth;
	signed_ns num = (signed_ns)e->num * part->num * em_burn_hours(w, b->period);
	signed_ns den = (signed_ns)e->den * part->den * em_burn_hours(part->within, b->period);

	return shortfall(b, w, spare) >= (signed_ns)(b->share.num * b->expected) * num / den;
}

enum em_alert_sight em_burn_sight(const struct em_burn *b, bool page)
{
	bool clear = true;

	if (!b->expected || !b->share.num)
		return EM_SEE_NOTHING;
	/* a page implies a ticket: the ticket looks at the page's parts too */
	for (int level = page ? 1 : 0; level < 2; level++) {
		for (size_t i = 0; i < ARRAY_SIZE(parts[level]); i++) {
			const struct part *p = &parts[level][i];

			if (reaches(b, p, p->within, false) && reaches(b, p, p->as_fast, false))
				return EM_SEE_BAD;
			clear = clear && !reaches(b, p, p->within, true);
		}
	}
	return clear ? EM_SEE_CLEAR : EM_SEE_BETWEEN;
}

bool em_burn_rate(const struct em_burn *b, enum em_burn_window w, double *ret)
{
	const struct em_share *e = b->tolerance.den ? &b->tolerance : &tenth;
	double budget =
		(double)b->share.num * (double)b->expected * (double)e->num / (double)e->den;
	double period = em_burn_hours(EM_BURN_PERIOD, b->period);

	if (budget <= 0)
		return false;
	*ret = (double)shortfall(b, w, false) / budget * period / em_burn_hours(w, b->period);
	return true;
}

static void add(struct em_burn_hour *sum, const struct em_burn_hour *hours, unsigned int from,
		unsigned int to)
{
	for (; from < to; from++) {
		sum->a += hours[from].a;
		sum->n += hours[from].n;
		sum->used += hours[from].used;
	}
}

void em_burn_at(struct em_burn *b, const struct em_burn_hour *hours, unsigned int n)
{
	unsigned int period = em_burn_hours(EM_BURN_PERIOD, b->period);
	unsigned int start = n ? (n - 1) / period * period : 0;
	struct em_burn_hour before = { 0 };

	for (unsigned int w = 0; w < EM_BURN_WINDOWS; w++) {
		unsigned int length = em_burn_hours(w, b->period);

		b->sum[w] = (struct em_burn_hour){ 0 };
		add(&b->sum[w], hours, n > length ? n - length : 0, n);
	}
	add(&before, hours, start ? start - period : 0, start ?: n);
	b->expected = em_burn_expected(before.used, start ? period : n, period);
}
