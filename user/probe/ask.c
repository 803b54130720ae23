// SPDX-License-Identifier: GPL-2.0
/* The probes, in words, and what is asked of them; see ask.h. */
#include <string.h>

#include "base/time.h"
#include "probe/ask.h"
#include "probe/financing.h"
#include "probe/scale.h"

const struct em_probe em_probes[] = {
	{ "P2", "financing", "out of what alignment's growth came: did others stop?",
	  "we can much more easily reallocate GPUs between alignment and capability research",
	  "more of the untagged work tagged; windows that start before work is retagged",
	  "who would have grown otherwise; gross moves that cancel out within the windows; whether "
	  "tags are true",
	  em_probe_financing },
	{ "P3", "scale", "alignment's growth by scale and by share",
	  "whenever our alignment techniques are inadequate, we can spend more compute on "
	  "improving them",
	  "other windows; untagged work that turns out to be alignment",
	  "whether others stopped (financing says); why the share moved", em_probe_scale },
	{},
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

int em_ask_clip(struct em_ask *a, struct em_ledger *l)
{
	struct em_span span;
	int ret = em_ledger_span(l, a->window.start, a->window.end, &span);
	int64_t middle;

	if (ret)
		return ret;
	if (!span.intervals) {
		a->window.start = a->window.end;
		return 0;
	}
	a->window = (struct em_range){ span.start, span.end };
	if (!empty(a->before) && !empty(a->after))
		return 0;
	middle = a->window.start + (a->window.end - a->window.start) / 2;
	a->before = (struct em_range){ a->window.start, middle };
	a->after = (struct em_range){ middle, a->window.end };
	return 0;
}

int em_probe_ask(const struct em_probe *p, struct em_ledger *l, const struct em_ask *a,
		 struct em_finding *f)
{
	em_finding_start(f, p);
	if (empty(a->window))
		return em_finding_refuse(f,
					 "the ledger holds no intervals in the window asked for");
	f->windows = 1;
	f->window[0] = a->window;
	return p->ask(f, l, a);
}
