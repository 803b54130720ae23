// SPDX-License-Identifier: GPL-2.0
/* Catch-up shares and forecasts; see project.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "base/cleanup.h"
#include "commit/judge.h"
#include "commit/project.h"

enum { BLOCKS = 28, BLOCK = 7, REPLICATES = 100 };

/* --- windows with an end ------------------------------------------------------------------- */

/*
 * At the pace a/T so far kept until t + τ, what is left must hold ρN̂ − a − aτ/T within
 * c_max·R(1 − τ/L). Solved for τ; an estimate of a time, so in floating point.
 */
static int64_t last_safe(const struct em_commitment *c, const struct em_measure *m, em_ns a,
			 em_ns target, em_ns rest, int64_t due)
{
	long double elapsed = (long double)(m->until - m->since),
		    left = (long double)(due - m->until);
	long double most = c->catch_up_max.den ? (long double)c->catch_up_max.num /
							 (long double)c->catch_up_max.den
					       : 1;
	long double room = most * (long double)rest - ((long double)target - (long double)a);
	long double loss =
		most * (long double)rest / left - (elapsed > 0 ? (long double)a / elapsed : 0);

	if (room < 0 && target > a)
		return 0;
	if (loss <= 0 || room / loss >= left)
		return due;
	return m->until + (int64_t)(room / loss);
}

static int open_window(const struct em_commitment *c, struct em_ledger *l, struct em_period at,
		       struct em_projection *p)
{
	int64_t start = c->declared > at.start ? c->declared : at.start;
	struct em_measure m;
	struct em_bounds b;
	em_ns left, whole, target;
	int ret = em_measure(&m, c, l, start, at.until);

	if (ret || at.due <= at.until)
		return ret;
	b = em_bounds_of(c, &m, c->purpose, true, c->clock);
	left = (em_ns)(at.due - at.until);
	p->rest = m.rate * left;
	p->open = p->rest; /* without a GPU there is nothing to say */
	whole = b.n / b.scale + (b.capped ? p->rest : m.fleet_rate * left);
	target = (c->share.num * whole + c->share.den - 1) / c->share.den;
	p->needed =
		(struct em_share){ target > b.a / b.scale ? target - b.a / b.scale : 0, p->rest };
	p->pace = (struct em_share){ b.a / b.scale, m.r.capacity };
	p->last_safe = last_safe(c, &m, b.a / b.scale, target, p->rest, at.due);
	return 0;
}

/* --- rolling windows ----------------------------------------------------------------------- */

/* struct series - proven time and denominator by blocks of a 28th of the window, oldest first */
struct series {
	em_ns a[BLOCKS], n[BLOCKS];
	int64_t step;
};

static int series_make(const struct em_commitment *c, struct em_ledger *l, int64_t now,
		       struct series *s)
{
	s->step = c->window / BLOCKS;
	for (int i = 0; i < BLOCKS; i++) {
		int64_t from = now - s->step * (BLOCKS - i);
		struct em_measure m;
		struct em_bounds b;
		int ret;

		if (from + s->step <= c->declared) {
			s->a[i] = s->n[i] = 0;
			continue;
		}
		ret = em_measure(&m, c, l, from, from + s->step);
		if (ret)
			return ret;
		b = em_bounds_of(c, &m, c->purpose, true, c->clock);
		s->a[i] = b.a / b.scale;
		s->n[i] = c->of == EM_OF_FIXED ? c->fixed / BLOCKS : b.n / b.scale;
	}
	return 0;
}

/*
 * The first step at which the share is below the floor, when the oldest block leaves and block
 * @ahead[k] comes again as the k-th new one. -1: not within one window.
 */
static int64_t eta(const struct em_commitment *c, const struct series *s, const int ahead[BLOCKS])
{
	em_ns a = 0, n = 0;

	for (int i = 0; i < BLOCKS; i++) {
		a += s->a[i];
		n += s->n[i];
	}
	for (int k = 0; k < BLOCKS; k++) {
		a = a - s->a[k] + s->a[ahead[k]];
		n = n - s->n[k] + s->n[ahead[k]];
		if (n && em_compare(c->share.den, a, c->share.num, n) < 0)
			return (k + 1) * s->step;
	}
	return -1;
}

static int earlier(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	x = x < 0 ? INT64_MAX : x;
	y = y < 0 ? INT64_MAX : y;
	return x < y ? -1 : x > y;
}

/* A fixed seed: the same ledger forecasts the same. */
static void bootstrap(const struct em_commitment *c, const struct series *s,
		      struct em_projection *p)
{
	int64_t etas[REPLICATES];
	unsigned int seed = 20230705;
	int ahead[BLOCKS];

	for (int r = 0; r < REPLICATES; r++) {
		for (int k = 0; k < BLOCKS; k += BLOCK) {
			int from = rand_r(&seed) % BLOCKS;

			for (int i = 0; i < BLOCK && k + i < BLOCKS; i++)
				ahead[k + i] = (from + i) % BLOCKS;
		}
		etas[r] = eta(c, s, ahead);
	}
	qsort(etas, REPLICATES, sizeof(etas[0]), earlier);
	p->eta_early = etas[REPLICATES * 5 / 100];
	p->eta_late = etas[REPLICATES * 95 / 100];
}

static int rolling(const struct em_commitment *c, struct em_ledger *l, int64_t now,
		   struct em_projection *p)
{
	struct series s;
	int ahead[BLOCKS], ret = series_make(c, l, now, &s);

	if (ret)
		return ret;
	p->rolling = true;
	p->horizon = s.step * BLOCK;
	for (int i = 0; i < BLOCKS; i++) {
		p->ages_a += i < BLOCK ? s.a[i] : 0;
		p->ages_n += i < BLOCK ? s.n[i] : 0;
		ahead[i] = BLOCKS - BLOCK + i % BLOCK; /* the last quarter, again and again */
	}
	p->eta = eta(c, &s, ahead);
	bootstrap(c, &s, p);
	return 0;
}

int em_project(const struct em_commitment *c, struct em_ledger *l, int64_t now,
	       struct em_projection *p)
{
	struct em_window w = c->span;

	memset(p, 0, sizeof(*p));
	p->eta = p->eta_early = p->eta_late = -1;
	if (c->kind != EM_FLOOR || now <= c->declared)
		return 0;
	w.length = c->window;
	if (w.kind == EM_ROLLING)
		return c->window < BLOCKS ? 0 : rolling(c, l, now, p);
	if (w.kind == EM_CUMULATIVE && now <= w.from)
		return 0;
	return open_window(c, l, em_window_at(&w, now), p);
}

static json_t *ahead(int64_t ns)
{
	return ns < 0 ? json_null() : json_integer(em_us((em_ns)ns));
}

static json_t *instant(int64_t ns)
{
	char time[EM_TIME_LEN];

	return ns ? json_string(em_time_format(time, ns, 0)) : json_null();
}

json_t *em_projection_json(const struct em_projection *p)
{
	if (p->open)
		return json_pack("{s:I,s:o,s:o,s:o}", "rest_us", em_us(p->rest), "catch_up",
				 em_share_json(&p->needed), "pace", em_share_json(&p->pace),
				 "last_safe", instant(p->last_safe));
	if (!p->rolling)
		return json_null();
	return json_pack("{s:s,s:o,s:o,s:o,s:I,s:I,s:I}", "what", "forecast", "breach_us",
			 ahead(p->eta), "breach_early_us", ahead(p->eta_early), "breach_late_us",
			 ahead(p->eta_late), "horizon_us", em_us((em_ns)p->horizon), "ages_out_us",
			 em_us(p->ages_a), "ages_out_of_us", em_us(p->ages_n));
}
