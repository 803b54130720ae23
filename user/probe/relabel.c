// SPDX-License-Identifier: GPL-2.0
/* Renamed work; see relabel.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>

#include "base/cleanup.h"
#include "probe/relabel.h"

#define GOES_BACK 20 /* a twentieth of the time */
#define DRAWS 999
#define BEHAVIOUR_DRAWS 199
#define BEHAVIOUR_LEAST 3 /* jobs on either side */
#define DISCOVERY 0.1
#define LATE 0.1

static int in_order(const void *a, const void *b)
{
	const struct em_use *x = a, *y = b;

	if (x->fingerprint != y->fingerprint)
		return (x->fingerprint > y->fingerprint) - (x->fingerprint < y->fingerprint);
	return (x->first > y->first) - (x->first < y->first);
}

/* struct history - of one fingerprint's tags; @change: the first use under another one, or n */
struct history {
	enum em_part_id first;
	size_t change;
	bool mixed;
};

/* Untagged spells say nothing: neither a first tag, if there is another, nor a change. */
static struct history read_history(const struct em_use *u, const enum em_part_id *part, size_t n)
{
	struct history h = { EM_PART_U, n, false };
	em_ns back = 0, all = 0;

	for (size_t i = 0; i < n; i++) {
		if (part[i] == EM_PART_U)
			continue;
		if (h.first == EM_PART_U)
			h.first = part[i];
		else if (h.change == n && part[i] != h.first)
			h.change = i;
		if (i < h.change)
			continue;
		all += u[i].time;
		back += part[i] == h.first ? u[i].time : 0;
	}
	h.mixed = h.change < n && back * GOES_BACK > all;
	return h;
}

/* The time now that one fingerprint's tags moved from C to A. */
static em_ns moved_to_a(const struct em_use *u, const enum em_part_id *part, size_t n)
{
	struct history h = read_history(u, part, n);
	em_ns time = 0;

	if (h.mixed || h.first != EM_PART_C)
		return 0;
	for (size_t i = 0; i < n; i++)
		time += u[i].now && part[i] == EM_PART_A ? u[i].time : 0;
	return time;
}

/* struct group - one fingerprint's uses */
struct group {
	struct em_use *u;
	enum em_part_id *part;
	size_t n;
};

struct groups {
	struct group *list;
	size_t n;
};

static void count(struct em_relabel *r, const struct group *g, struct em_range before,
		  struct em_range now)
{
	struct history h = read_history(g->u, g->part, g->n);
	bool taken_up = g->part[0] == EM_PART_U;
	int64_t half = before.start + (before.end - before.start) / 2;
	int64_t tenth = now.end - (int64_t)((double)(now.end - now.start) * LATE);

	for (size_t i = 0; i < g->n; i++) {
		const struct em_use *u = &g->u[i];

		if (!u->now) {
			r->before += u->first >= half ? u->time : 0;
			r->first_seen_before += g->u[0].first >= half ? u->time : 0;
			continue;
		}
		r->now += u->time;
		r->first_seen += g->u[0].now ? u->time : 0;
		if (h.mixed)
			r->mixed += u->time;
		else
			r->moved[taken_up && u->part == h.first ? EM_PART_U : h.first][u->part] +=
				u->time;
	}
	if (h.mixed || h.change == g->n || !g->u[h.change].now)
		return;
	r->switches++;
	r->late += g->u[h.change].first >= tenth;
	r->switched += h.first == EM_PART_C && g->part[h.change] == EM_PART_A;
}

/* --- is the order of tags arbitrary? ------------------------------------------------------- */

/* Without both names in it, no order makes a move from C to A. */
static bool contested(const struct group *g)
{
	bool seen[EM_PARTS] = { false };

	for (size_t i = 0; i < g->n; i++)
		seen[g->part[i]] = true;
	return seen[EM_PART_A] && seen[EM_PART_C];
}

static int permute(struct em_relabel *r, const struct groups *groups, gsl_rng *rng)
{
	em_ns seen = r->moved[EM_PART_C][EM_PART_A];
	unsigned int as_much = 0;
	em_ns total = 0;

	r->p = 1;
	if (!seen)
		return 0;
	for (int draw = 0; draw < DRAWS; draw++) {
		em_ns moved = 0;

		for (size_t i = 0; i < groups->n; i++) {
			const struct group *g = &groups->list[i];

			if (!contested(g))
				continue;
			gsl_ran_shuffle(rng, g->part, g->n, sizeof(*g->part));
			moved += moved_to_a(g->u, g->part, g->n);
		}
		as_much += moved >= seen;
		total += moved;
	}
	r->chance = total / DRAWS;
	r->p = (1 + (double)as_much) / (1 + DRAWS);
	return 0;
}

/* --- behaviour before and after ------------------------------------------------------------ */

static double distance(const double *x, size_t n, const double *y, size_t m)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < m; k++)
			sum += fabs(x[i] - y[k]);
	}
	return sum / (double)(n * m);
}

/* Energy distance of the first @n of @x to the other @m. */
static double energy(const double *x, size_t n, size_t m)
{
	return 2 * distance(x, n, x + n, m) - distance(x, n, x, n) - distance(x + n, m, x + n, m);
}

static double behaviour_p(double *x, size_t n, size_t m, gsl_rng *rng)
{
	double seen = energy(x, n, m) - 1e-12;
	unsigned int as_far = 0;

	for (int i = 0; i < BEHAVIOUR_DRAWS; i++) {
		gsl_ran_shuffle(rng, x, n + m, sizeof(*x));
		as_far += energy(x, n, m) >= seen;
	}
	return (1 + (double)as_far) / (1 + BEHAVIOUR_DRAWS);
}

/* Benjamini-Hochberg: how many of these are discoveries. */
static unsigned int discoveries(double *p, size_t n)
{
	unsigned int found = 0;

	if (n)
		em_median(p, n); /* sorts */
	for (size_t i = 0; i < n; i++) {
		if (p[i] <= DISCOVERY * (double)(i + 1) / (double)n)
			found = (unsigned int)i + 1;
	}
	return found;
}

static size_t behaviour(const struct group *g, size_t from, size_t to, double *x)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++) {
		if (isfinite(g->u[i].busy))
			x[n++] = g->u[i].busy;
	}
	return n;
}

static int compare(struct em_relabel *r, const struct groups *groups, size_t uses, gsl_rng *rng)
{
	_cleanup_free_ double *x = calloc(uses + 1, sizeof(*x));
	_cleanup_free_ double *p = calloc(groups->n + 1, sizeof(*p));

	if (!x || !p)
		return -ENOMEM;
	for (size_t i = 0; i < groups->n; i++) {
		const struct group *g = &groups->list[i];
		struct history h = read_history(g->u, g->part, g->n);
		size_t n, m;

		if (h.mixed || h.first != EM_PART_C || h.change == g->n ||
		    g->part[h.change] != EM_PART_A)
			continue;
		n = behaviour(g, 0, h.change, x);
		m = behaviour(g, h.change, g->n, x + n);
		if (n >= BEHAVIOUR_LEAST && m >= BEHAVIOUR_LEAST)
			p[r->tested++] = behaviour_p(x, n, m, rng);
	}
	r->differ = discoveries(p, r->tested);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

static void split(struct groups *groups, struct em_use *uses, enum em_part_id *part, size_t n)
{
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i; k < n && uses[k].fingerprint == uses[i].fingerprint; k++)
			part[k] = uses[k].part;
		groups->list[groups->n++] = (struct group){ uses + i, part + i, k - i };
	}
}

int em_relabel_make(struct em_relabel *r, struct em_use *uses, size_t n, struct em_range before,
		    struct em_range now, gsl_rng *rng)
{
	_cleanup_free_ enum em_part_id *part = calloc(n + 1, sizeof(*part));
	_cleanup_free_ struct group *list = calloc(n + 1, sizeof(*list));
	struct groups groups = { list, 0 };
	int ret;

	*r = (struct em_relabel){ .p = 1, .late_p = 1 };
	if (!part || !list)
		return -ENOMEM;
	if (n)
		qsort(uses, n, sizeof(*uses), in_order);
	split(&groups, uses, part, n);
	for (size_t i = 0; i < groups.n; i++)
		count(r, &list[i], before, now);
	if (r->late)
		r->late_p = gsl_cdf_binomial_Q(r->late - 1, LATE, r->switches);
	ret = compare(r, &groups, n, rng);
	return ret ? ret : permute(r, &groups, rng);
}
