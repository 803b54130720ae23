// SPDX-License-Identifier: GPL-2.0
/* Given time against worked time; see padding.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "probe/ask.h"
#include "probe/kept.h"
#include "probe/model.h"
#include "probe/padding.h"
#include "report/energy.h"

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

/* The last two only where energy was metered. */
static const struct em_field columns[] = {
	{ "purpose", "PURPOSE", EM_VALUE_TEXT },
	{ "model", "GPU MODEL", EM_VALUE_TEXT },
	{ "gpu_time_us", "GPU-TIME", EM_VALUE_GPU_TIME },
	{ "held_us", "HELD", EM_VALUE_GPU_TIME },
	{ "busy_us", "BUSY", EM_VALUE_GPU_TIME },
	{ "busy_of_gpu_time", "BUSY OF GPU-TIME", EM_VALUE_SHARE },
	{ "of_purpose", "OF THE PURPOSE", EM_VALUE_SHARE },
	{ "energy_mj", "ENERGY (mJ)", EM_VALUE_COUNT },
	{ "watts", "WATTS OF GPU-TIME", EM_VALUE_REAL },
};

#define ENERGY_COLUMNS 2

/* --- energy, by model and part -------------------------------------------------------------- */

/* struct power - @mj: of each model's used parts; NULL: nobody metered it */
struct power {
	const struct em_models *models;
	const struct em_energy *e;
	em_ns (*mj)[EM_PART_USED];
};

static int add_energy(const struct em_gpu_usage *g, void *arg)
{
	const char *name = g->model && *g->model ? g->model : "unknown";
	const struct em_metered *metered;
	struct power *power = arg;

	metered = &power->e->energy;
	for (size_t i = 0; i < metered->n; i++) {
		const struct em_energy_part *part = &metered->list[i];
		size_t m = 0;

		if (strcmp(part->name, g->name))
			continue;
		while (m < power->models->n && strncmp(power->models->list[m].name, name,
						       sizeof(power->models->list[m].name) - 1))
			m++;
		for (unsigned int p = 0; m < power->models->n && p < EM_ENERGY_PARTS; p++)
			power->mj[m][em_part_of(p)] += part->part[p];
	}
	return 0;
}

static int read_power(struct power *power, struct em_ledger *l, const struct em_ask *a)
{
	if (!power->e->energy.notes)
		return 0;
	power->mj = calloc(power->models->n ?: 1, sizeof(*power->mj));
	return power->mj ? em_ledger_gpus(l, a->window.start, a->window.end, add_energy, power)
			 : -ENOMEM;
}

/* --- rows ----------------------------------------------------------------------------------- */

static json_t *row_json(unsigned int part, const struct em_model *m, em_ns purpose, bool measured)
{
	const struct em_part *p = &m->part[part];

	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "purpose", em_part_name(part), "model",
			 em_json_text(m->name), "gpu_time_us", em_delta_json((em_delta)p->gpu_time),
			 "held_us", em_delta_json((em_delta)p->held), "busy_us",
			 measured ? em_delta_json((em_delta)p->busy) : json_null(),
			 "busy_of_gpu_time",
			 measured && p->gpu_time ? json_pack("{s:I,s:I}", "num", em_us(p->busy),
							     "den", em_us(p->gpu_time))
						 : json_null(),
			 "of_purpose", em_ratio_json(p->gpu_time, purpose));
}

static void row(struct em_finding *f, unsigned int part, const struct em_model *m, em_ns purpose,
		bool measured, const em_ns *mj)
{
	const struct em_part *p = &m->part[part];
	json_t *o;

	if (!p->gpu_time && !p->held && !p->busy)
		return;
	o = row_json(part, m, purpose, measured);
	if (mj) {
		json_object_set_new(o, "energy_mj", json_integer((json_int_t)*mj));
		/* mJ / ns = MW */
		json_object_set_new(o, "watts",
				    p->gpu_time ? json_real(1e6 * em_ratio(*mj, p->gpu_time))
						: json_null());
	}
	em_finding_row(f, o);
}

static void rows_of(struct em_finding *f, const struct em_models *m, bool measured,
		    const struct power *power)
{
	em_finding_rows(f, columns, ARRAY_SIZE(columns) - (power->mj ? 0 : ENERGY_COLUMNS));
	for (unsigned int part = 0; part < EM_PART_USED; part++) {
		em_ns purpose = 0;

		for (size_t i = 0; i < m->n; i++)
			purpose += m->list[i].part[part].gpu_time;
		for (size_t i = 0; i < m->n; i++)
			row(f, part, &m->list[i], purpose, measured,
			    power->mj ? &power->mj[i][part] : NULL);
	}
}

static int rows(struct em_finding *f, struct em_ledger *l, const struct em_ask *a, bool measured,
		const struct em_energy *e)
{
	struct em_models m;
	struct power power = { &m, e, NULL };
	int ret = em_models_make(&m, l, a->window);

	ret = ret ? ret : read_power(&power, l, a);
	if (!ret)
		rows_of(f, &m, measured, &power);
	free(power.mj);
	em_models_clear(&m);
	return ret;
}

/* Of what purposes took: what was idle is nobody's. */
static void answer_energy(struct em_finding *f, const struct em_energy *e)
{
	const struct em_energy_part *whole = &e->energy.whole;

	if (e->energy.notes)
		em_finding_fraction(
			f, "energy_share",
			"alignment's share of the energy of busy GPUs (a model: by busy)",
			(long long)whole->part[EARMARK_PURPOSE_ALIGNMENT],
			(long long)(whole->sum - whole->idle));
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
	struct em_energy e;
	struct em_report r;
	int ret = em_kept_report(a->kept, &r, l, a->window);

	if (ret)
		return ret;
	if (!r.used)
		return em_finding_refuse(f, "nothing ran in this window");
	em_padding_make(&p, &r);
	ret = em_energy_make(&e, l, a->window.start, a->window.end);
	ret = ret ? ret : rows(f, l, a, em_report_measured(&r), &e);
	ret = ret ? ret : answer(f, &p);
	if (!ret)
		answer_energy(f, &e);
	em_energy_clear(&e);
	return ret;
}
