/* SPDX-License-Identifier: GPL-2.0 */
/*
 * P6: how long who asks waits, by purpose and by how: for additional GPUs, or for others to stop
 * (measures, "Requests"). Kaplan-Meier over waits to the full grant; difference of restricted mean
 * waits at 7 days.
 */
#ifndef EM_REQUESTS_H
#define EM_REQUESTS_H

#include "probe/finding.h"
#include "probe/notes.h"

#define EM_REQUESTS_HORIZON (7 * EM_DAY)
#define EM_REQUESTS_LEAST 5 /* of each kind, for a difference */

/**
 * struct em_wait - one request
 * @wait: ns from open to full grant, or for so long it was watched
 * @granted: else censored. A refusal waits for good: never granted, however long one watches
 * @gpus: asked; @granted_at, @granted_gpus: 0 = not
 */
struct em_wait {
	char id[EM_NOTE_NAME];
	enum em_part_id part;
	enum em_how how;
	int64_t opened, wait, granted_at;
	bool granted, refused;
	double gpus, granted_gpus;
};

/*
 * Requests out of their notes, in time's order; what is open at @until is censored there. @out has
 * room for n->n. Return: 0 with *ret how many, or -ENOMEM.
 */
int em_waits_make(struct em_wait *out, const struct em_notes *n, int64_t until, size_t *ret);

/**
 * struct em_survival - of a group of waits
 * @success: granted within the horizon (1 - Kaplan-Meier)
 * @rmst: mean wait, at most the horizon, in ns; @var: its variance
 * @median: until half were granted, in ns; -1: not within the horizon
 * @short_record: not all ungranted ones were watched to the horizon, so that @rmst is cut there
 */
struct em_survival {
	size_t n, granted, refused;
	double success, rmst, var;
	int64_t median;
	bool short_record;
};

/* 0 or -ENOMEM. @w: those of the group; n = 0 gives zeros. */
int em_survival_make(struct em_survival *s, const struct em_wait *w, size_t n);

int em_probe_requests(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);

#endif
