// SPDX-License-Identifier: GPL-2.0
/* One DRM client's counters, from look to look; see client.h. */
#include <stdlib.h>
#include <string.h>
#include "kernel/client.h"

static struct em_client_counter *counter(struct em_client *c, const char *name)
{
	for (unsigned int i = 0; i < c->n_counters; i++) {
		if (!strcmp(c->counters[i].name, name))
			return &c->counters[i];
	}
	if (c->n_counters == EM_FDINFO_ENGINES)
		return NULL;
	strcpy(c->counters[c->n_counters].name, name);
	return &c->counters[c->n_counters++];
}

static __u64 scale(__u64 n, __u64 by, __u64 of)
{
	unsigned __int128 product = (unsigned __int128)n * by / of;

	return product > ~0ull ? ~0ull : (__u64)product;
}

static struct em_client_rate *rate(struct em_client_rate *rates, __u32 gpu, const char *name)
{
	while (rates && (rates->gpu != gpu || strcmp(rates->name, name)))
		rates = rates->next;
	return rates;
}

/* The longer the time over which it was measured, the better it is known. */
static void rate_note(struct em_client_rate **rates, __u32 gpu, const char *name, __u64 ns,
		      __u64 cycles)
{
	struct em_client_rate *r = rate(*rates, gpu, name);

	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return; /* told later, then */
		r->gpu = gpu;
		strcpy(r->name, name);
		r->next = *rates;
		*rates = r;
	}
	if (ns > r->ns) {
		r->ns = ns;
		r->cycles = cycles;
	}
}

/* A GPU's clock that stands or was set back tells nothing: measured from here, then. */
static __u64 cycles_take(struct em_client *c, struct em_client_counter *k,
			 const struct em_fdinfo_engine *e, __u64 at, struct em_client_rate **rates)
{
	struct em_client_rate *known;
	__u64 more = e->cycles > k->cycles ? e->cycles - k->cycles : 0, ns = 0;

	if (k->at && at > k->at && e->total_cycles > k->total)
		rate_note(rates, c->gpu, k->name, at - k->at, e->total_cycles - k->total);
	known = rate(*rates, c->gpu, k->name);
	if (known && more) {
		ns = scale(more, known->ns, known->cycles);
		k->cycles = e->cycles;
		more = 0;
	}
	c->pending |= more > 0;
	if (!k->at || e->total_cycles < k->total) {
		k->total = e->total_cycles;
		k->at = at;
	}
	return ns;
}

static __u64 counter_take(struct em_client *c, const struct em_fdinfo_engine *e, __u64 at,
			  struct em_client_rate **rates)
{
	struct em_client_counter *k = counter(c, e->name);
	__u64 ns = 0;

	if (!k)
		return 0;
	if (!e->has_ns) {
		if (c->baseline && e->cycles > k->cycles)
			k->cycles = e->cycles;
		return cycles_take(c, k, e, at, rates);
	}
	if (e->ns > k->ns) {
		ns = e->ns - k->ns;
		k->ns = e->ns;
	}
	return c->baseline ? 0 : ns;
}

/* No more than all its engines can have done. */
static void charge(struct em_client *c, __u64 ns, __u64 at)
{
	__u64 most, span;

	if (__builtin_mul_overflow(c->capacity, at - c->since, &most))
		most = ~0ull;
	most = most > c->charged ? most - c->charged : 0;
	if (ns > most) {
		c->excess += ns - most;
		ns = most;
	}
	if (__builtin_mul_overflow(c->capacity, at - c->read, &span) || ns > span)
		c->from = c->quiet < c->from ? c->quiet : c->from;
	c->charged += ns;
	c->fresh += ns;
	if (!ns)
		c->quiet = at;
}

void em_client_read(struct em_client *c, const struct em_fdinfo *info, __u64 before, __u64 after,
		    struct em_client_rate **rates)
{
	__u64 capacity = em_fdinfo_capacity(info), ns = 0;

	if (capacity > c->capacity)
		c->capacity = capacity;
	c->pending = false;
	for (unsigned int i = 0; i < info->n; i++) {
		__u64 more =
			counter_take(c, &info->engines[i], before + (after - before) / 2, rates);

		if (__builtin_add_overflow(ns, more, &ns))
			ns = ~0ull;
	}
	c->worked |= em_fdinfo_worked(info);
	charge(c, ns, after);
	c->baseline = false;
	c->read = after;
	c->width = after - before;
}

void em_client_begin(struct em_client *c, __u64 round)
{
	if (c->round == round)
		return;
	c->round = round;
	c->from = c->read;
	c->width_before = c->width;
	c->fresh = c->excess = 0;
	c->n = 0;
	c->gone = false;
}

void em_client_used(struct em_client *c, __u64 job)
{
	for (unsigned int i = 0; i < c->n && i < EM_CLIENT_JOBS; i++) {
		if (c->jobs[i] == job)
			return;
	}
	if (c->n < EM_CLIENT_JOBS)
		c->jobs[c->n++] = job;
}

__u64 em_client_edge(const struct em_client *c)
{
	__u64 error;

	return __builtin_mul_overflow(c->capacity, c->width + c->width_before, &error) ? ~0ull
										       : error;
}

__u64 em_client_unread(const struct em_client *c, __u64 now)
{
	__u64 from = c->pending ? c->since : c->read, error;

	if (now <= from)
		return 0;
	return __builtin_mul_overflow(c->capacity, now - from, &error) ? ~0ull : error;
}
