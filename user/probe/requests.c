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
 * struct index - requests by id: a scheduler's year has hundreds of thousands. Both hold one more
 * than a place in @list; 0 = none. @head: by hash, the latest; @before: the one before it there
 */
struct index {
	struct em_wait *list;
	unsigned int *head, *before;
	size_t mask;
};

static int index_make(struct index *x, struct em_wait *list, size_t n)
{
	size_t room = 64;

	while (room < n)
		room *= 2;
	*x = (struct index){ list, calloc(room, sizeof(*x->head)),
			     calloc(n + 1, sizeof(*x->before)), room - 1 };
	return x->head && x->before ? 0 : -ENOMEM;
}

static void index_clear(struct index *x)
{
	free(x->head);
	free(x->before);
}

/* FNV-1a: ids are a site's own, and a bad draw of them costs time only. */
static unsigned int *slot(const struct index *x, const char *id)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 0x100000001b3ULL;
	return &x->head[(h ^ h >> 32) & x->mask];
}

/* An id that is used again means its latest request. */
static struct em_wait *find(const struct index *x, const char *id)
{
	for (unsigned int at = *slot(x, id); at; at = x->before[at - 1]) {
		if (!strcmp(x->list[at - 1].id, id))
			return &x->list[at - 1];
	}
	return NULL;
}

static void index_add(struct index *x, size_t at)
{
	unsigned int *head = slot(x, x->list[at].id);

	x->before[at] = *head;
	*head = (unsigned int)at + 1;
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

static void take(struct index *x, const struct em_request_note *r, size_t *count)
{
	struct em_wait *w = find(x, r->id);

	if (r->action != EM_ACTION_OPEN) {
		if (w)
			act(w, r);
		return;
	}
	if (w && !w->granted && !w->refused)
		return; /* asked again while it was open */
	w = &x->list[*count];
	memset(w, 0, sizeof(*w));
	strcpy(w->id, r->id);
	w->part = r->part;
	w->how = r->how;
	w->gpus = r->gpus;
	w->opened = r->at;
	index_add(x, (*count)++);
}

static void end(struct em_wait *w, int64_t until)
{
	if (w->refused)
		w->wait = INT64_MAX;
	else if (!w->granted)
		w->wait = until > w->opened ? until - w->opened : 0;
}

int em_waits_make(struct em_wait *out, const struct em_notes *n, int64_t until, size_t *ret)
{
	struct index x;
	size_t count = 0;
	int r = index_make(&x, out, n->n);

	for (size_t i = 0; !r && i < n->n; i++)
		take(&x, &n->requests[i], &count);
	for (size_t i = 0; i < count; i++)
		end(&out[i], until);
	index_clear(&x);
	*ret = count;
	return r;
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
