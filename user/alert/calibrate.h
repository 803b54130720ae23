/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rules would have told of a ledger's past: it is replayed hour by hour through the same
 * functions that the daemon uses, as if today's promises had stood all along.
 */
#ifndef EM_CALIBRATE_H
#define EM_CALIBRATE_H

#include "alert/alert.h"

/* Firings per 30 days above which people switch an alert off. */
#define EM_CALIBRATE_TICKETS 4
#define EM_CALIBRATE_PAGES 2

/**
 * em_calibrate() - replay
 * @period_hours: P of the shortfall budget; @config: for_ns and keep_firing_ns are used
 * @rows: an array, new reference: {kind, severity, commitment or subject, firings (null: this
 *	rule cannot be replayed), per_month (a decimal; null: neither, or too short), advice}
 * @hours: how many were replayed
 *
 * Return: 0; -ENODATA: the ledger holds no whole hour of the clock; -errno of the ledger's.
 */
int em_calibrate(struct em_ledger *l, const struct em_commitments *c, unsigned int period_hours,
		 const struct em_alert_config *config, int64_t now, json_t **rows,
		 unsigned int *hours);

#endif
