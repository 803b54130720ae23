// SPDX-License-Identifier: GPL-2.0
/* Waits for GPUs; see requests.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "probe/ask.h"
#include "probe/requests.h"

#define ENOUGH (1 - 1e-9) /* of the GPUs asked: thirds do not add up exactly */

/*
 * Open addressing, so that a year of requests is not searched anew for each of them. @slot holds
 * places in the list, from 1; 0 = free.
 */
struct ids {
	size_t *slot, mask;
};

static int ids_make(struct ids *ids, size_t n)
{
	ids->mask = 1;
	while (ids->mask < 2 * n + 1)
		ids->mask = 2 * ids->mask + 1;
	ids->slot = calloc(ids->mask + 1, sizeof(*ids->slot));
	return ids->slot ? 0 : -ENOMEM;
}

/* Where @id is, or would be. An id that is used again means its latest request. */
static size_t *ids_at(const struct ids *ids, const struct em_wait *list, const char *id)
{
	size_t hash = 5381;

	for (const char *c = id; *c; c++)
		hash = 33 * hash + (unsigned char)*c;
	for (;; hash++) {
		size_t *slot = &ids->slot[hash & ids->mask];

		if (!*slot || !strcmp(list[*slot - 1].id, id))
			return slot;
	}
}

static void act(struct em_wait *w, const struct em_request_note *r)
{
	if (w->granted || w->refused || r->at < w->opened)
		return;
	if (r->action == EM_ACTION_REFUSE) {
		w->refused = true;
		return;
	}
	/* a grant that names no number is all that was asked */
	w->granted_gpus += r->gpus > 0 ? r->gpus : w->gpus;
	w->granted_at = w->granted_at ? w->granted_at : r->at;
	if (w->granted_gpus < w->gpus * ENOUGH)
		return;
	w->granted = true;
	w->wait = r->at - w->opened;
}

static void take(struct em_wait *out, size_t *count, const struct ids *ids,
		 const struct em_request_note *r)
{
	size_t *slot = ids_at(ids, out, r->id);
	struct em_wait *w = *slot ? &out[*slot - 1] : NULL;

	if (r->action != EM_ACTION_OPEN) {
		if (w)
			act(w, r);
		return;
	}
	if (w && !w->granted && !w->refused)
		return; /* asked again while it was open */
	w = &out[*count];
	memset(w, 0, sizeof(*w));
	strcpy(w->id, r->id);
	w->part = r->part;
	w->how = r->how;
	w->gpus = r->gpus;
	w->opened = r->at;
	*slot = ++*count;
}

long em_waits_make(struct em_wait *out, const struct em_notes *n, int64_t until)
{
	_cleanup_free_ size_t *slots = NULL;
	struct ids ids;
	size_t count = 0;

	if (ids_make(&ids, n->n))
		return -ENOMEM;
	slots = ids.slot;
	for (size_t i = 0; i < n->n; i++)
		take(out, &count, &ids, &n->requests[i]);
	for (size_t i = 0; i < count; i++) {
		if (out[i].refused)
			out[i].wait = INT64_MAX;
		else if (!out[i].granted)
			out[i].wait = until > out[i].opened ? until - out[i].opened : 0;
	}
	return (long)count;
}

/* --- Kaplan-Meier -------------------------------------------------------------------------- */

static int by_wait(const void *a, const void *b)
{
	const struct em_wait *x = a, *y = b;

	if (x->wait != y->wait)
		return (x->wait > y->wait) - (x->wait < y->wait);
	return y->granted - x->granted; /* who is censored at t was at risk at t */
}

/* struct step - of the curve: it falls to @survive at @t, where @d of @risk were granted */
struct step {
	double t, survive, d, risk;
};

static size_t curve(const struct em_wait *w, size_t n, double horizon, struct step *steps)
{
	double survive = 1;
	size_t count = 0;

	for (size_t i = 0; i < n && (double)w[i].wait <= horizon;) {
		size_t k = i, d = 0;

		while (k < n && w[k].wait == w[i].wait)
			d += w[k++].granted;
		if (d) {
			survive *= 1 - (double)d / (double)(n - i);
			steps[count++] = (struct step){ (double)w[i].wait, survive, (double)d,
							(double)(n - i) };
		}
		i = k;
	}
	return count;
}

/* Area under the curve to @horizon, and the variance of it (Klein and Moeschberger 4.5). */
static void areas(struct em_survival *s, const struct step *steps, size_t n, double horizon)
{
	double right = 0, to = horizon;

	for (size_t i = n; i-- > 0;) {
		right += steps[i].survive * (to - steps[i].t);
		to = steps[i].t;
		if (steps[i].risk > steps[i].d)
			s->var += right * right * steps[i].d /
				  (steps[i].risk * (steps[i].risk - steps[i].d));
		if (steps[i].survive <= 0.5)
			s->median = (int64_t)steps[i].t;
	}
	s->rmst = right + to;
}

int em_survival_make(struct em_survival *s, const struct em_wait *w, size_t n)
{
	_cleanup_free_ struct em_wait *sorted = calloc(n + 1, sizeof(*sorted));
	_cleanup_free_ struct step *steps = calloc(n + 1, sizeof(*steps));
	double horizon = (double)EM_REQUESTS_HORIZON, longest;
	size_t count;

	*s = (struct em_survival){ .n = n, .median = -1 };
	if (!sorted || !steps)
		return -ENOMEM;
	if (!n)
		return 0;
	memcpy(sorted, w, n * sizeof(*w));
	qsort(sorted, n, sizeof(*sorted), by_wait);
	for (size_t i = 0; i < n; i++) {
		s->granted += w[i].granted;
		s->refused += w[i].refused;
	}
	longest = (double)sorted[n - 1].wait;
	if (longest < horizon && !sorted[n - 1].granted) {
		s->short_record = true;
		horizon = longest;
	}
	count = curve(sorted, n, horizon, steps);
	areas(s, steps, count, horizon);
	s->success = count ? 1 - steps[count - 1].survive : 0;
	return 0;
}
