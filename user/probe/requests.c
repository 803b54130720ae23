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

static struct em_wait *find(struct em_wait *list, size_t n, const char *id)
{
	for (size_t i = n; i-- > 0;) { /* an id that is used again means its latest request */
		if (!strcmp(list[i].id, id))
			return &list[i];
	}
	return NULL;
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

size_t em_waits_make(struct em_wait *out, const struct em_notes *n, int64_t until)
{
	size_t count = 0;

	for (size_t i = 0; i < n->n; i++) {
		const struct em_request_note *r = &n->requests[i];
		struct em_wait *w = find(out, count, r->id);

		if (r->action != EM_ACTION_OPEN) {
			if (w)
				act(w, r);
			continue;
		}
		if (w && !w->granted && !w->refused)
			continue; /* asked again while it was open */
		w = &out[count++];
		memset(w, 0, sizeof(*w));
		strcpy(w->id, r->id);
		w->part = r->part;
		w->how = r->how;
		w->gpus = r->gpus;
		w->opened = r->at;
	}
	for (size_t i = 0; i < count; i++) {
		if (out[i].refused)
			out[i].wait = INT64_MAX;
		else if (!out[i].granted)
			out[i].wait = until > out[i].opened ? until - out[i].opened : 0;
	}
	return count;
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
