// SPDX-License-Identifier: GPL-2.0
/* Given time against worked time; see padding.h. */
#include "base/cleanup.h"
#include "probe/ask.h"
#include "probe/kept.h"
#include "probe/model.h"
#include "probe/padding.h"

/* Below this, alignment's time was worked so much less that padding is worth a look. */
#define SUSPECT 0.5

void em_padding_make(struct em_padding *p, const struct em_report *r)
{
	const struct em_part *a = &r->parts[EARMARK_PURPOSE_ALIGNMENT];
	em_ns rest_time = r->used - a->gpu_time, rest_busy = r->busy_total - a->busy;

	*p = (struct em_padding){ a->gpu_time, r->used, a->busy, r->busy_total, -1 };
	if (a->gpu_time && rest_time && rest_busy)
		p->worked = em_ratio(a->busy, a->gpu_time) / em_ratio(rest_busy, rest_time);
}

static const struct em_field columns[] = {
	{ "purpose", "PURPOSE", EM_VALUE_TEXT },
	{ "model", "GPU MODEL", EM_VALUE_TEXT },
	{ "gpu_time_us", "GPU-TIME", EM_VALUE_GPU_TIME },
	{ "held_us", "HELD", EM_VALUE_GPU_TIME },
	{ "busy_us", "BUSY", EM_VALUE_GPU_TIME },
	{ "busy_of_gpu_time", "BUSY OF GPU-TIME", EM_VALUE_SHARE },
	{ "of_purpose", "OF THE PURPOSE", EM_VALUE_SHARE },
};

static void row(struct em_finding *f, unsigned int part, const struct em_model *m, em_ns purpose,
		bool measured)
{
	const struct em_part *p = &m->part[part];

	if (!p->gpu_time && !p->held && !p->busy)
		return;
	em_finding_row(f, json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "purpose", em_part_name(part),
				    "model", em_json_text(m->name), "gpu_time_us",
				    em_delta_json((em_delta)p->gpu_time), "held_us",
				    em_delta_json((em_delta)p->held), "busy_us",
				    measured ? em_delta_json((em_delta)p->busy) : json_null(),
				    "busy_of_gpu_time",
				    measured && p->gpu_time
					    ? json_pack("{s:I,s:I}", "num", em_us(p->busy), "den",
							em_us(p->gpu_time))
					    : json_null(),
				    "of_purpose", em_ratio_json(p->gpu_time, purpose)));
}

static int rows(struct em_finding *f, struct em_ledger *l, const struct em_ask *a, bool measured)
{
	struct em_models m;
	int ret = em_models_make(&m, l, a->window);

	em_finding_rows(f, columns, ARRAY_SIZE(columns));
	for (unsigned int part = 0; !ret && part < EM_PART_USED; part++) {
		em_ns purpose = 0;

		for (size_t i = 0; i < m.n; i++)
			purpose += m.list[i].part[part].gpu_time;
		for (size_t i = 0; i < m.n; i++)
			row(f, part, &m.list[i], purpose, measured);
	}
	em_models_clear(&m);
	return ret;
}

static int answer(struct em_finding *f, const struct em_padding *p)
{
	em_finding_share(f, "gpu_time_share", "alignment's share of used GPU time", p->time,
			 p->all_time);
	em_finding_share(f, "busy_share", "alignment's share of busy time", p->busy, p->all_busy);
	if (!p->all_busy)
		return em_finding_refuse(f, "busy is not measured here, or no GPU was busy: what "
					    "was held cannot be told from what was worked");
	if (p->worked < 0)
		return em_finding_refuse(f, "alignment or everything else had no GPU time: there "
					    "is nothing to compare");
	em_finding_real(f, "worked", "alignment's GPU time is worked, times the others'",
			p->worked);
	em_finding_estimate(f,
			    "alignment had %.2f %% of used GPU time and %.2f %% of busy time: its "
			    "time was worked %.2f times as much as the others'%s",
			    100 * em_ratio(p->time, p->all_time),
			    100 * em_ratio(p->busy, p->all_busy), p->worked,
			    p->worked < SUSPECT ? ": as padding would look" : "");
	em_finding_interval(f, "exact, of the clocks");
	f->outcome = p->worked < SUSPECT ? EM_OUTCOME_NOT_SO : EM_OUTCOME_FINE;
	return 0;
}

int em_probe_padding(struct em_finding *f, struct em_ledger *l, const struct em_ask *a)
{
	struct em_padding p;
	struct em_report r;
	int ret = em_kept_report(a->kept, &r, l, a->window);

	if (ret)
		return ret;
	if (!r.used)
		return em_finding_refuse(f, "nothing ran in this window");
	em_padding_make(&p, &r);
	ret = rows(f, l, a, r.engines);
	return ret ? ret : answer(f, &p);
}
