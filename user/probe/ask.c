// SPDX-License-Identifier: GPL-2.0
/* The probes, in words, and what is asked of them; see ask.h. */
#include <string.h>

#include "base/time.h"
#include "probe/ask.h"
#include "probe/kept.h"
#include "probe/balance.h"
#include "probe/bounds.h"
#include "probe/constraint.h"
#include "probe/coverage.h"
#include "probe/drift.h"
#include "probe/drill.h"
#include "probe/financing.h"
#include "probe/gate.h"
#include "probe/latency.h"
#include "probe/padding.h"
#include "probe/relabel.h"
#include "probe/requests.h"
#include "probe/scale.h"

#define REALLOCATE \
	"we can much more easily reallocate GPUs between alignment and capability research"

const struct em_probe em_probes[] = {
	{ "P1", "bounds", "how far alignment's share could be from what the tags say",
	  "The burden of proof is always on showing that a new system is sufficiently aligned",
	  "tagging the jobs, and watching the GPUs, that are listed first",
	  "whether tags are true: an audit of drawn jobs can", em_probe_bounds },
	{ "P2", "financing", "out of what alignment's growth came: did others stop?", REALLOCATE,
	  "more of the untagged work tagged; windows that start before work is retagged",
	  "who would have grown otherwise; gross moves that cancel out within the windows; whether "
	  "tags are true",
	  em_probe_financing },
	{ "P3", "scale", "alignment's growth by scale and by share",
	  "whenever our alignment techniques are inadequate, we can spend more compute on "
	  "improving them",
	  "other windows; untagged work that turns out to be alignment",
	  "whether others stopped (financing says); why the share moved", em_probe_scale },
	{ "P4", "balance", "whether growth perpetuates the balance",
	  "would this tool simply perpetuate the current balance between capabilities research "
	  "and alignment research?",
	  "more changes of capacity",
	  "cause: GPUs bought for alignment make the ratio rise with capacity, and the cause then "
	  "runs the other way",
	  em_probe_balance },
	{ "P5", "latency", "how long orders to move a share take, and what outside events did",
	  "At what point would OpenAI slow down capabilities research and shift the "
	  "capabilities-alignment balance?",
	  "a longer record after the order; orders larger than the hourly noise",
	  "whether the order was the reason; a share also rises when others merely idle, which "
	  "the curves of alignment and capabilities in the JSON show",
	  em_probe_latency },
	{ "P6", "requests", "how long who asks for GPUs waits, adding or displacing",
	  "Additional resources are much easier to request than requesting that other people stop "
	  "doing something they are excited about",
	  "more requests; all requests on record, refused ones too",
	  "requests that nobody dared to make; whether those to displace were larger",
	  em_probe_requests },
	{ "P7", "drill-analyse", "what drilled orders did, against controls", REALLOCATE,
	  "more orders; longer holds",
	  "what an order that is no drill would do; anything, if times or arms were chosen",
	  em_probe_drill_analyse },
	{ "P8", "relabel", "whether work was renamed rather than moved",
	  "the main question will not be how much compute do we have for alignment but rather how "
	  "much do we use these systems for capabilities progress vs. alignment progress",
	  "profiles of more jobs; fingerprints that survive recompiling",
	  "a first tag that was false; work recompiled and renamed at once, which is first seen; "
	  "an audit of drawn jobs can",
	  em_probe_relabel },
	{ "P9", "drift", "whether alignment's share has begun to fall",
	  "they don't describe how they will slow down capabilities research if necessary or how "
	  "they plan to shift the current capabilities-alignment balance",
	  "a longer baseline; a baseline frozen before what is suspected",
	  "cheating: it sees a change of process, for whatever reason", em_probe_drift },
	{ "P10", "coverage", "what the record covers, and what it lacks",
	  "The burden of proof is always on showing that a new system is sufficiently aligned",
	  "sensors on the GPUs that are listed", "GPUs that were never in the inventory",
	  em_probe_coverage },
	{ "P11", "gate", "whether large capabilities runs were approved before they began",
	  "OpenAI has policies in place that prevent people from scaling up before it's OK",
	  "another size; approvals that name the ref or the project; tags",
	  "runs tagged otherwise, and runs split over projects; whether who signed had looked",
	  em_probe_gate },
	{ "P13", "padding", "whether the time that purposes were given is worked",
	  "how much do we use these systems for capabilities progress vs. alignment progress",
	  "busy measured on more GPUs",
	  "whether busy work is useful: a GPU can be kept busy with nothing; energy is not in this "
	  "ledger",
	  em_probe_padding },
	{ "P14", "constraint", "whether alignment is constrained by compute at all",
	  "it doesn't seem clear to me that we'll get to a point where alignment is mostly "
	  "compute-constrained",
	  "all of alignment's requests on record; the number of researchers",
	  "requests that nobody made for want of hope, people or ideas", em_probe_constraint },
	{},
};

const struct em_probe em_drill_plan_probe = {
	"P7",
	"drill-plan",
	"orders at random times, to be registered before they are given",
	REALLOCATE,
	"another seed, number or window",
	"anything yet: it is a plan. Whoever knows it can prepare; publish the digest, not the plan",
	em_probe_drill_plan
};

const struct em_probe *em_probe_find(const char *name)
{
	for (const struct em_probe *p = em_probes; p->name; p++) {
		if (!strcmp(p->name, name))
			return p;
	}
	return NULL;
}

static bool empty(struct em_range r)
{
	return r.start >= r.end;
}

/* To what the ledger can know: what was before it began is neither idle nor unobserved. */
static void clip(struct em_range *r, const struct em_span *all)
{
	r->start = r->start < all->start ? all->start : r->start;
	r->end = r->end > all->end ? all->end : r->end;
	r->end = r->end < r->start ? r->start : r->end;
}

int em_ask_clip(struct em_ask *a, struct em_ledger *l)
{
	struct em_span all, span;
	int ret = em_ledger_span(l, 0, INT64_MAX, &all);
	int64_t middle;

	if (!ret)
		ret = em_ledger_span(l, a->window.start, a->window.end, &span);
	if (ret)
		return ret;
	if (!span.intervals) {
		a->window.start = a->window.end;
		return 0;
	}
	a->recorders = span.recorders;
	a->window = (struct em_range){ span.start, span.end };
	if (!empty(a->before) && !empty(a->after)) {
		clip(&a->before, &all);
		clip(&a->after, &all);
		return 0;
	}
	middle = a->window.start + (a->window.end - a->window.start) / 2;
	a->before = (struct em_range){ a->window.start, middle };
	a->after = (struct em_range){ middle, a->window.end };
	return 0;
}

int em_probe_ask(const struct em_probe *p, struct em_ledger *l, const struct em_ask *a,
		 struct em_finding *f)
{
	struct em_kept own = { 0 };
	struct em_ask with = *a;
	int ret;

	em_finding_start(f, p);
	if (empty(a->window))
		return em_finding_refuse(f,
					 "the ledger holds no intervals in the window asked for");
	f->recorders = a->recorders;
	f->windows = 1;
	f->window[0] = a->window;
	with.kept = a->kept ?: &own;
	ret = p->ask(f, l, &with);
	em_kept_clear(&own);
	return ret;
}
