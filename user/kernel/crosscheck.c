// SPDX-License-Identifier: GPL-2.0
/* fdinfo against the tracepoints; see crosscheck.h. */
#include <stdlib.h>
#include "kernel/crosscheck.h"

/**
 * struct window - of a GPU
 * @began, @lead: when the first of its rounds ended, 0 = none has; how far @until was from that
 * @until: end of the last interval that is in @exact
 * @mixed: work of another class is in the recorder's sum: it cannot be compared
 */
struct window {
	struct window *next;
	__u32 gpu;
	__u64 began, lead, until;
	__u64 fdinfo, error, exact;
	bool mixed;
};

struct em_crosscheck {
	struct window *windows;
	struct em_crosscheck_counts counts;
};

struct em_crosscheck *em_crosscheck_new(void)
{
	return calloc(1, sizeof(struct em_crosscheck));
}

void em_crosscheck_free(struct em_crosscheck *c)
{
	while (c && c->windows) {
		struct window *next = c->windows->next;

		free(c->windows);
		c->windows = next;
	}
	free(c);
}

const struct em_crosscheck_counts *em_crosscheck_counts(const struct em_crosscheck *c)
{
	return &c->counts;
}

static struct window *window_find(const struct em_crosscheck *c, __u32 gpu)
{
	struct window *w = c->windows;

	while (w && w->gpu != gpu)
		w = w->next;
	return w;
}

static void add(__u64 *to, __u64 n)
{
	if (__builtin_add_overflow(*to, n, to))
		*to = ~0ull;
}

static __u64 apart(__u64 a, __u64 b)
{
	return a > b ? a - b : b - a;
}

void em_crosscheck_fdinfo(struct em_crosscheck *c, const struct em_work *work)
{
	struct window *w = window_find(c, work->gpu);

	if (!w || !w->began)
		return;
	add(&w->fdinfo, work->busy);
	add(&w->error, work->error);
}

void em_crosscheck_interval(struct em_crosscheck *c, const struct em_interval *interval)
{
	for (__u32 i = 0; i < interval->header.nr_segments; i++) {
		const struct earmark_segment *s = &interval->segments[i];
		struct window *w = window_find(c, s->gpu);

		if (!w)
			continue;
		if (s->kind == EARMARK_SEGMENT_USAGE) {
			add(&w->exact, s->usage.busy);
			w->mixed |= s->class != EARMARK_CLASS_EXACT;
		} else if (s->kind == EARMARK_SEGMENT_GPU) {
			add(&w->exact, s->gpu_time.unattributed);
		}
	}
	for (struct window *w = c->windows; w; w = w->next)
		w->until = interval->header.end;
}

/* Another begins, at a round's end. What the recorder says from its last interval on is in it. */
static void begin(struct window *w, __u64 at)
{
	w->began = at;
	w->lead = apart(at, w->until);
	w->fdinfo = w->error = w->exact = 0;
	w->mixed = false;
}

static void compare(struct em_crosscheck *c, const struct window *w, __u32 engines, __u64 at,
		    __u64 every)
{
	__u64 bound = w->error, edges;

	if (__builtin_mul_overflow(w->lead + apart(at, w->until) + 2 * every, engines, &edges))
		edges = ~0ull;
	add(&bound, edges);
	c->counts.windows++;
	if (apart(w->fdinfo, w->exact) <= bound)
		return;
	c->counts.differ++;
	c->counts.gpu = w->gpu;
	c->counts.fdinfo = w->fdinfo;
	c->counts.exact = w->exact;
	c->counts.bound = bound;
}

void em_crosscheck_round(struct em_crosscheck *c, __u32 gpu, __u32 engines, __u64 at, __u64 every)
{
	struct window *w = window_find(c, gpu);

	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return; /* not compared, then */
		w->gpu = gpu;
		w->next = c->windows;
		c->windows = w;
	}
	if (!w->until)
		return; /* no interval was sealed yet: where the sum begins is not known */
	if (!w->began)
		begin(w, at);
	if (at - w->began < EM_CROSSCHECK_WINDOW)
		return;
	if (!w->mixed)
		compare(c, w, engines, at, every);
	begin(w, at);
}
