// SPDX-License-Identifier: GPL-2.0
/* What the record covers; see coverage.h. */
#include <string.h>

#include "base/cleanup.h"
#include "probe/ask.h"
#include "probe/kept.h"
#include "probe/coverage.h"

/* struct inventory - the GPUs of the window; those with holes become rows */
struct inventory {
	struct em_finding *f;
	long long gpus, silent, holes;
};

static const struct em_field columns[] = {
	{ "gpu", "GPU", EM_VALUE_TEXT },
	{ "unobserved_us", "UNOBSERVED", EM_VALUE_GPU_TIME },
	{ "gap_us", "NO RECORD", EM_VALUE_GPU_TIME },
	{ "unattributed_us", "UNATTRIBUTED", EM_VALUE_GPU_TIME },
	{ "blind", "WHY", EM_VALUE_TEXT },
};

static int add_gpu(const struct em_gpu_usage *g, void *arg)
{
	struct inventory *i = arg;

	i->gpus++;
	i->silent += !g->wall;
	if (!g->unobserved && !g->gap && !g->charged)
		return 0;
	i->holes++;
	if (json_array_size(i->f->rows) < 50)
		em_finding_row(i->f,
			       json_pack("{s:o,s:o,s:o,s:o,s:o}", "gpu", em_json_text(g->name),
					 "unobserved_us", em_delta_json((em_delta)g->unobserved),
					 "gap_us", em_delta_json((em_delta)g->gap),
					 "unattributed_us", em_delta_json((em_delta)g->charged),
					 "blind", em_blind_json(g->blind)));
	return 0;
}

static long long lost(const struct em_span *s)
{
	long long n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(s->lost); i++)
		n += (long long)s->lost[i];
	return n;
}

static void values(struct em_finding *f, const struct em_report *r, const struct em_ask *a)
{
	em_finding_gpu_time(f, "capacity_us", "capacity", (em_delta)r->capacity);
	em_finding_share(f, "unobserved", "unobserved, of capacity", r->unobserved, r->capacity);
	em_finding_share(f, "gap", "of which no record at all", r->gap, r->capacity);
	em_finding_share(f, "unattributed", "unattributed, of used", r->unattributed, r->used);
	em_finding_count(f, "intervals", "intervals", (long long)r->span.intervals);
	em_finding_count(f, "stretched", "stretched ones", (long long)r->span.stretched);
	em_finding_count(f, "broken", "ones whose sums do not come out", (long long)r->span.broken);
	em_finding_count(f, "lost", "events counted as lost", lost(&r->span));
	em_finding_duration(f, "silence_us", "from the last record to the window's end",
			    a->until - a->window.end);
}

int em_probe_coverage(struct em_finding *f, struct em_ledger *l, const struct em_ask *a)
{
	struct inventory i = { .f = f };
	struct em_report r;
	int ret = em_kept_report(a->kept, &r, l, a->window);

	em_finding_rows(f, columns, ARRAY_SIZE(columns));
	if (!ret)
		ret = em_ledger_gpus(l, a->window.start, a->window.end, add_gpu, &i);
	if (ret)
		return ret;
	values(f, &r, a);
	em_finding_count(f, "gpus", "GPUs of the inventory", i.gpus);
	em_finding_count(f, "silent", "of them never reported", i.silent);
	if (!r.capacity)
		return em_finding_refuse(f, "the inventory has no GPUs in this window");
	em_finding_estimate(f,
			    "%.2f %% of the GPUs' time was observed; %lld of %lld GPUs have holes, "
			    "%lld never reported",
			    100 * (1 - em_ratio(r.unobserved, r.capacity)), i.holes, i.gpus,
			    i.silent);
	em_finding_interval(f, "exact, of the GPUs that the inventory knows");
	return 0;
}
