// SPDX-License-Identifier: GPL-2.0
/* Asked once; see kept.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/kept.h"

void em_kept_clear(struct em_kept *k)
{
	em_series_clear(&k->days);
	free(k->waits);
	memset(k, 0, sizeof(*k));
}

int em_kept_report(struct em_kept *k, struct em_report *r, struct em_ledger *l,
		   struct em_range window)
{
	int ret;

	for (unsigned int i = 0; i < k->n_reports; i++) {
		*r = k->reports[i];
		if (r->since == window.start && r->until == window.end)
			return 0;
	}
	ret = em_report_make(r, l, window.start, window.end);
	if (!ret && k->n_reports < EM_KEPT_REPORTS)
		k->reports[k->n_reports++] = *r;
	return ret;
}

/* All probes are asked of one window; another one forgets what was kept of it. */
static void turn_to(struct em_kept *k, struct em_range window)
{
	if (k->window.start == window.start && k->window.end == window.end)
		return;
	em_series_clear(&k->days);
	free(k->waits);
	k->waits = NULL;
	k->has_days = k->has_waits = false;
	k->window = window;
}

int em_kept_days(struct em_kept *k, const struct em_series **ret, struct em_ledger *l,
		 struct em_range window)
{
	int r = 0;

	turn_to(k, window);
	if (!k->has_days) {
		em_series_clear(&k->days);
		r = em_series_make(&k->days, l, window, EM_DAY);
	}
	k->has_days = !r;
	*ret = &k->days;
	return r;
}

int em_kept_waits(struct em_kept *k, struct em_ledger *l, struct em_range window)
{
	struct em_notes n;
	int r;

	turn_to(k, window);
	if (k->has_waits)
		return 0;
	r = em_notes_requests(&n, l, (struct em_range){ 0, window.end });
	free(k->waits);
	k->waits = calloc(n.n + 1, sizeof(*k->waits));
	if (!k->waits)
		r = -ENOMEM;
	if (!r)
		r = em_waits_make(k->waits, &n, window.end, &k->n_waits);
	k->bad_requests = n.bad;
	k->has_waits = !r;
	em_notes_clear(&n);
	return r;
}
