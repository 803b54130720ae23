/* SPDX-License-Identifier: GPL-2.0 */
/* Windows in a few microseconds, and promises about them. */
#ifndef FLEET_H
#define FLEET_H

#include "history.h"
#include "base/cleanup.h"
#include "commit/judge.h"

#define US 1000u /* everything here is in microseconds */

/* struct fleet - one window, in microseconds: strongly and weakly tagged */
struct fleet {
	unsigned int a, aw, c, cw, m, mw, u, lost, x, idle, fixed;
};

static inline struct em_part part(unsigned int us)
{
	return (struct em_part){ .gpu_time = us * US, .busy = us * US, .allocated = us * US };
}

static inline void tagged(struct em_report *r, unsigned int purpose, unsigned int strong,
			  unsigned int weak)
{
	r->parts[purpose] = part(strong + weak);
	for (int by = 0; by <= EARMARK_TAGGED_BY_SELF; by++)
		r->strong[purpose][by] = part(strong + weak);
	for (int by = EARMARK_TAGGED_BY_RULE; by <= EARMARK_TAGGED_BY_SCHEDULER; by++)
		r->strong[purpose][by] = part(strong);
}

/* No engines: padding has a test of its own. */
static inline struct em_measure measure_of(const struct fleet *f)
{
	struct em_measure m = { .fleet = f->fixed * US, .rate = 1, .fleet_rate = 1 };
	struct em_report *r = &m.r;

	tagged(r, EARMARK_PURPOSE_ALIGNMENT, f->a, f->aw);
	tagged(r, EARMARK_PURPOSE_CAPABILITIES, f->c, f->cw);
	tagged(r, EARMARK_PURPOSE_MIXED, f->m, f->mw);
	r->parts[0] = part(f->u);
	r->unattributed = r->busy_unattributed = f->lost * US;
	r->used = r->busy_total =
		(f->a + f->aw + f->c + f->cw + f->m + f->mw + f->u + f->lost) * US;
	r->unobserved = r->busy_unobserved = f->x * US;
	r->idle = f->idle * US;
	r->capacity = m.engine_wall = r->used + r->unobserved + r->idle;
	return m;
}

static inline struct em_commitment promise(enum em_commitment_kind kind, enum em_of of,
					   enum em_mixed mixed, unsigned int by, unsigned int p,
					   unsigned int q)
{
	return (struct em_commitment){
		.name = "p",
		.kind = kind,
		.of = of,
		.mixed = mixed,
		.mixed_part = { 1, 2 },
		.purpose = EARMARK_PURPOSE_ALIGNMENT,
		.share = { p, q },
		.min_coverage = { 0, 1 },
		.window = S,
		.prove_within = S,
		.require_tagged_by = by,
	};
}

#endif
