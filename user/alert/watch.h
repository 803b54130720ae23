/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is looked at once an hour, since it sums up weeks: shortfall burn and projected breach of
 * each commitment, coverage and untagged work of the node.
 */
#ifndef EM_WATCH_H
#define EM_WATCH_H

#include "alert/alert.h"
#include "alert/burn.h"

#define EM_FORECAST_DAYS 7

/**
 * struct em_forecast - where the share goes at the pace of the last week
 * @known: the window is longer than that, and was recorded whole
 * @days: until the limit is passed; 0 = not within EM_FORECAST_DAYS
 * @days_spare: … with 1 % of the limit to spare
 */
struct em_forecast {
	bool known;
	unsigned int days, days_spare;
};

/*
 * The rule's windows that end at @now, from the ledger: whatever the commitment counts. Periods
 * begin with the commitment's declaration or the inventory, whichever is later.
 */
int em_burn_look(struct em_burn *b, const struct em_commitment *c, struct em_ledger *l,
		 int64_t now);

/* What ages out is known; what comes in is taken to be as the last week: measures, "Alerts". */
int em_forecast_look(struct em_forecast *f, const struct em_commitment *c, struct em_ledger *l,
		     int64_t now);

struct em_watch;

/* In every round; sums anew once an hour. 0 or -errno of the ledger's. */
int em_alerts_watch(struct em_alerts *a, const struct em_commitments *c, int64_t now);

struct em_watch **em_alerts_watched(struct em_alerts *a); /* alert.c keeps it */
void em_watch_free(struct em_watch *w);

#endif
