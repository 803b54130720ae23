// SPDX-License-Identifier: GPL-2.0
/* The past through the rules; see calibrate.h. */
#include <errno.h>
#include <stdlib.h>

#include "alert/burn.h"
#include "alert/calibrate.h"
#include "alert/rules.h"
#include "base/cleanup.h"
#include "base/time.h"

#define HOUR (3600 * EM_NS_PER_S)
#define DAY_HOURS 24
#define MONTH_HOURS (30 * DAY_HOURS)
#define LEAST_HOURS (7 * DAY_HOURS)

/* struct past - an hour of a commitment: proven and possible, of @n */
struct past {
	em_ns proven, possible, n, used;
};

/**
 * struct replay - under way
 * @start: of the first hour; @reach: how far a window reaches back so that an interval which lies
 *	across its start is counted in it, and in no other
 */
struct replay {
	struct em_ledger *ledger;
	const struct em_alert_config *config;
	unsigned int period, hours;
	int64_t start, reach;
	json_t *rows;
};

static int64_t period_of(struct em_ledger *l)
{
	_cleanup_free_ char *text = NULL;
	int64_t period = 0;

	if (!em_ledger_state_get(l, "period", &text) && text)
		period = strtoll(text, NULL, 10);
	return period > 0 && period <= HOUR ? period : 10 * EM_NS_PER_S;
}

/* --- lives ---------------------------------------------------------------------------------- */

static unsigned int episodes(const struct replay *p, const enum em_alert_sight *sights,
			     int64_t for_ns)
{
	enum em_alert_state state = EM_ALERT_INACTIVE, to;
	unsigned int n = 0;
	int64_t since = 0;

	for (unsigned int i = 0; i < p->hours; i++) {
		to = em_alert_next(state, sights[i], i * HOUR - since, for_ns,
				   p->config->keep_firing_ns);
		if (to == state)
			continue;
		n += to == EM_ALERT_FIRING && state != EM_ALERT_RECOVERING;
		state = to;
		since = i * HOUR;
	}
	return n;
}

static bool too_often(const struct replay *p, unsigned int n, bool page)
{
	return (uint64_t)n * MONTH_HOURS >
	       (uint64_t)p->hours * (page ? EM_CALIBRATE_PAGES : EM_CALIBRATE_TICKETS);
}

static json_t *advice(const struct replay *p, const enum em_alert_sight *sights, unsigned int n,
		      bool page)
{
	static const unsigned int longer[] = { 2, 4, 8, 12, 24 };

	if (p->hours < LEAST_HOURS)
		return json_sprintf("only %u hours of history: ask again after a week", p->hours);
	if (!too_often(p, n, page))
		return json_string("keep it as it is");
	for (size_t i = 0; i < ARRAY_SIZE(longer); i++) {
		if (!too_often(p, episodes(p, sights, longer[i] * HOUR), page))
			return json_sprintf("too often to be read: set alert.for to %uh",
					    longer[i]);
	}
	return json_string("too often, and waiting does not help: change what runs, or what is "
			   "promised");
}

/* Of a few hours a month cannot be told. */
static json_t *per_month(const struct replay *p, unsigned int n)
{
	return p->hours < LEAST_HOURS ? json_null()
				      : json_sprintf("%.2f", (double)n * MONTH_HOURS / p->hours);
}

static void add(struct replay *p, enum em_alert_kind kind, const char *subject,
		const enum em_alert_sight *sights)
{
	const struct em_alert_rule *rule = em_alert_rule(kind);
	unsigned int n = episodes(p, sights, p->config->for_ns);

	json_array_append_new(p->rows,
			      json_pack("{s:s,s:s,s:s,s:I,s:o,s:o}", "kind", rule->name, "severity",
					em_alert_severity(kind),
					rule->promise ? "commitment" : "subject", subject,
					"firings", (json_int_t)n, "per_month", per_month(p, n),
					"advice", advice(p, sights, n, rule->page)));
}

/* --- a commitment --------------------------------------------------------------------------- */

static int hours_of(struct replay *p, const struct em_commitment *c, struct past *past)
{
	struct em_commitment hour = *c;
	int r = 0;

	hour.window = hour.span.length = p->reach;
	hour.span.kind = EM_ROLLING;
	hour.declared = 0;
	for (unsigned int i = 0; !r && i < p->hours; i++) {
		struct em_verdict v;

		r = em_commitment_check(&hour, p->ledger, p->start + (i + 1) * HOUR, &v);
		if (r)
			break;
		past[i] = (struct past){ v.proven.num, v.possible.num, v.proven.den,
					 v.proven.den > v.unobserved ? v.proven.den - v.unobserved
								     : 0 };
	}
	return r;
}

/* The verdict's bounds over the hours of its window; what demotes MET is not replayed. */
static void judge(struct em_verdict *v, const struct em_commitment *c, const struct past *sum)
{
	bool ceiling = em_limit_is_ceiling(c);
	em_ns p = c->share.num, q = c->share.den, limit = p * sum->n;

	*v = (struct em_verdict){ .status = EM_UNPROVEN,
				  .proven = { sum->proven, sum->n },
				  .possible = { sum->possible, sum->n } };
	if (!sum->n)
		v->status = EM_UNDEFINED;
	else if (ceiling ? q * sum->possible <= limit : q * sum->proven >= limit)
		v->status = EM_MET;
	else if (ceiling ? q * sum->proven > limit : q * sum->possible < limit)
		v->status = EM_BREACHED;
}

static void breaches(struct replay *p, const struct em_commitment *c, const struct past *past,
		     enum em_alert_sight *sights)
{
	unsigned int window = (unsigned int)((c->window + HOUR - 1) / HOUR);
	bool ceiling = em_limit_is_ceiling(c);
	struct past sum = { 0 };

	for (unsigned int i = 0; i < p->hours; i++) {
		struct em_verdict v;

		sum.proven += past[i].proven;
		sum.possible += past[i].possible;
		sum.n += past[i].n;
		if (i >= window) {
			sum.proven -= past[i - window].proven;
			sum.possible -= past[i - window].possible;
			sum.n -= past[i - window].n;
		}
		judge(&v, c, &sum);
		sights[i] = em_sight_of_breach(&c->share, ceiling, &v);
	}
	add(p, ceiling ? EM_ALERT_CEILING_BREACHED : EM_ALERT_FLOOR_BREACHED, c->name, sights);
}

static int burns(struct replay *p, const struct em_commitment *c, const struct past *past,
		 enum em_alert_sight *sights)
{
	_cleanup_free_ struct em_burn_hour *hours = calloc(p->hours, sizeof(*hours));
	bool ceiling = em_limit_is_ceiling(c);

	if (!hours)
		return -ENOMEM;
	for (unsigned int i = 0; i < p->hours; i++)
		hours[i] = (struct em_burn_hour){ ceiling ? past[i].possible : past[i].proven,
						  past[i].n, past[i].used };
	for (int page = 0; page < 2; page++) {
		for (unsigned int i = 0; i < p->hours; i++) {
			struct em_burn b = { .share = c->share,
					     .ceiling = ceiling,
					     .period = p->period };

			em_burn_at(&b, hours, i + 1);
			sights[i] = em_burn_sight(&b, page);
		}
		add(p, page ? EM_ALERT_SHORTFALL_BURN_PAGE : EM_ALERT_SHORTFALL_BURN, c->name,
		    sights);
	}
	return 0;
}

static int commitment(struct replay *p, const struct em_commitment *c)
{
	_cleanup_free_ struct past *past = calloc(p->hours, sizeof(*past));
	_cleanup_free_ enum em_alert_sight *sights = calloc(p->hours, sizeof(*sights));
	int r = past && sights ? hours_of(p, c, past) : -ENOMEM;

	if (r)
		return r;
	breaches(p, c, past, sights);
	return burns(p, c, past, sights);
}

/* --- the node ------------------------------------------------------------------------------- */

static int node(struct replay *p)
{
	_cleanup_free_ enum em_alert_sight *tags = calloc(p->hours, sizeof(*tags));
	_cleanup_free_ enum em_alert_sight *coverage = calloc(p->hours, sizeof(*coverage));

	if (!tags || !coverage)
		return -ENOMEM;
	for (unsigned int i = 0; i < p->hours; i++) {
		int64_t until = p->start + (i + 1) * HOUR;
		struct em_report day;
		int r = em_report_make(&day, p->ledger, until - DAY_HOURS * HOUR, until);

		if (r)
			return r;
		tags[i] = em_sight_of_untagged(&day);
		coverage[i] = em_sight_of_coverage(&day);
	}
	add(p, EM_ALERT_UNTAGGED_HIGH, "node", tags);
	add(p, EM_ALERT_COVERAGE_LOW, "node", coverage);
	return 0;
}

static void the_others(struct replay *p)
{
	static const unsigned int replayed =
		1U << EM_ALERT_FLOOR_BREACHED | 1U << EM_ALERT_CEILING_BREACHED |
		1U << EM_ALERT_SHORTFALL_BURN | 1U << EM_ALERT_SHORTFALL_BURN_PAGE |
		1U << EM_ALERT_UNTAGGED_HIGH | 1U << EM_ALERT_COVERAGE_LOW |
		1U << EM_ALERT_WATCHDOG;

	for (unsigned int k = 0; k < EM_ALERT_KINDS; k++) {
		const struct em_alert_rule *rule = em_alert_rule(k);

		if (!(replayed & 1U << k))
			json_array_append_new(
				p->rows,
				json_pack("{s:s,s:s,s:n,s:n,s:o}", "kind", rule->name, "severity",
					  em_alert_severity(k), "firings", "per_month", "advice",
					  json_sprintf("not replayed: it needs %s", rule->needs)));
	}
}

int em_calibrate(struct em_ledger *l, const struct em_commitments *c, unsigned int period_hours,
		 const struct em_alert_config *config, int64_t now, json_t **rows,
		 unsigned int *hours)
{
	_cleanup_json_ json_t *list = json_array();
	struct replay p = { .ledger = l, .config = config, .period = period_hours, .rows = list };
	struct em_span span;
	int r = em_ledger_span(l, 0, now, &span);

	if (r)
		return r;
	if (!span.intervals)
		return -ENODATA;
	/* whole hours of the clock: entries that were folded of shorter ones end with them */
	p.start = (span.start + HOUR - 1) / HOUR * HOUR;
	if (span.end - p.start < HOUR)
		return -ENODATA;
	p.hours = (unsigned int)((span.end - p.start) / HOUR);
	p.reach = HOUR + period_of(l) - 1;
	for (unsigned int i = 0; !r && i < c->n; i++)
		r = commitment(&p, &c->list[i]);
	r = r ?: node(&p);
	if (r)
		return r;
	the_others(&p);
	*hours = p.hours;
	*rows = TAKE_PTR(list);
	return 0;
}
