// SPDX-License-Identifier: GPL-2.0
/* What is looked at once an hour; see watch.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "alert/rules.h"
#include "alert/watch.h"
#include "base/cleanup.h"
#include "base/time.h"

#define HOUR (3600 * EM_NS_PER_S)
#define DAY (24 * HOUR)
#define NODE "node"

/* struct sums - of a commitment, as of the last full look */
struct sums {
	char *name;
	struct em_burn burn;
	struct em_forecast forecast;
	struct sums *next;
};

/**
 * struct em_watch - what was summed up last
 * @at: when; 0 = never; @day: the node's last 24 hours
 */
struct em_watch {
	int64_t at;
	struct em_report day;
	struct sums *sums;
};

static void forget(struct em_watch *w)
{
	while (w->sums) {
		struct sums *gone = w->sums;

		w->sums = gone->next;
		free(gone->name);
		free(gone);
	}
	w->at = 0;
}

void em_watch_free(struct em_watch *w)
{
	if (w)
		forget(w);
	free(w);
}

static int sum_up(struct em_watch *w, const struct em_commitment *c, struct em_ledger *l,
		  int64_t now)
{
	struct sums *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->next = w->sums;
	w->sums = s;
	s->name = strdup(c->name);
	if (!s->name)
		return -ENOMEM;
	r = em_burn_look(&s->burn, c, l, now);
	return r ?: em_forecast_look(&s->forecast, c, l, now);
}

/* As many as are promised, by the same names, in reverse. */
static bool same(const struct em_watch *w, const struct em_commitments *c)
{
	const struct sums *s = w->sums;
	unsigned int i = c->n;

	for (; s && i && !strcmp(s->name, c->list[i - 1].name); s = s->next)
		i--;
	return !s && !i;
}

static int refresh(struct em_watch *w, const struct em_commitments *c, struct em_ledger *l,
		   int64_t now)
{
	int r;

	if (w->at && now >= w->at && now - w->at < HOUR && same(w, c))
		return 0;
	forget(w);
	r = em_report_make(&w->day, l, now - DAY, now);
	for (unsigned int i = 0; !r && i < c->n; i++) {
		sd_notify(0, "WATCHDOG=1");
		r = sum_up(w, &c->list[i], l, now);
	}
	if (r)
		forget(w);
	else
		w->at = now;
	return r;
}

static json_t *burn_facts(const struct sums *s, bool page)
{
	enum em_burn_window longest = page ? EM_BURN_PAGE_LONG : EM_BURN_TICKET_LONG;
	double fast, whole;

	if (!em_burn_rate(&s->burn, longest, &fast) ||
	    !em_burn_rate(&s->burn, EM_BURN_PERIOD, &whole))
		return json_pack("{s:s}", "summary", "nothing was used, so there is no budget");
	return json_pack("{s:o,s:o}", "burn", json_sprintf("%.2f", fast), "summary",
			 json_sprintf("over %u days the tolerance is used up %.1f times as fast as "
				      "it may be, over the period %.1f times",
				      page ? 7U : 3U, fast, whole));
}

static json_t *forecast_facts(const struct sums *s)
{
	return json_pack("{s:I,s:o}", "days", (json_int_t)s->forecast.days, "summary",
			 json_sprintf("at the pace of the last week the share passes its limit in "
				      "about %u days (a forecast)",
				      s->forecast.days));
}

static enum em_alert_sight forecast_sight(const struct em_forecast *f)
{
	if (!f->known)
		return EM_SEE_NOTHING;
	return f->days ? EM_SEE_BAD : f->days_spare ? EM_SEE_BETWEEN : EM_SEE_CLEAR;
}

static int look(struct em_alerts *a, const struct sums *s, int64_t now)
{
	_cleanup_json_ json_t *ticket = burn_facts(s, false), *page = burn_facts(s, true);
	_cleanup_json_ json_t *forecast = forecast_facts(s);
	int r;

	r = em_alerts_look(a, EM_ALERT_SHORTFALL_BURN, s->name, em_burn_sight(&s->burn, false),
			   ticket, now);
	r = em_alerts_look(a, EM_ALERT_SHORTFALL_BURN_PAGE, s->name, em_burn_sight(&s->burn, true),
			   page, now)
		    ?: r;
	return em_alerts_look(a, EM_ALERT_PROJECTED_BREACH, s->name, forecast_sight(&s->forecast),
			      forecast, now)
		       ?: r;
}

static double percent(em_ns part, em_ns whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static int look_at_node(struct em_alerts *a, const struct em_report *d, int64_t now)
{
	em_ns untagged = d->parts[EARMARK_PURPOSE_UNTAGGED].gpu_time + d->unattributed;
	_cleanup_json_ json_t *tags = json_pack(
		"{s:o}", "summary",
		json_sprintf("%.1f %% of the last day's used GPU time is untagged or unattributed",
			     percent(untagged, d->used)));
	_cleanup_json_ json_t *coverage = json_pack(
		"{s:o}", "summary",
		json_sprintf("%.1f %% of the last day's capacity went unobserved; earmark doctor "
			     "says why",
			     percent(d->unobserved, d->capacity)));
	int r = em_alerts_look(a, EM_ALERT_UNTAGGED_HIGH, NODE, em_sight_of_untagged(d), tags, now);

	return em_alerts_look(a, EM_ALERT_COVERAGE_LOW, NODE, em_sight_of_coverage(d), coverage,
			      now)
		       ?: r;
}

int em_alerts_watch(struct em_alerts *a, const struct em_commitments *c, int64_t now)
{
	struct em_watch **w = em_alerts_watched(a);
	int r;

	if (!*w)
		*w = calloc(1, sizeof(**w));
	if (!*w)
		return -ENOMEM;
	r = refresh(*w, c, em_alerts_ledger(a), now);
	if (r)
		return r;
	for (const struct sums *s = (*w)->sums; s; s = s->next)
		r = look(a, s, now) ?: r;
	return look_at_node(a, &(*w)->day, now) ?: r;
}
