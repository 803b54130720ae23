// SPDX-License-Identifier: GPL-2.0
/* Scale and share effects; see scale.h. */
#include <string.h>

#include "base/cleanup.h"
#include "probe/ask.h"
#include "probe/financing.h"
#include "probe/model.h"
#include "probe/scale.h"

/*
 * T̄·Δs = (ΔA + A₁·T₀/T₁ - A₀·T₁/T₀) / 2. Products are divided at once, each to the nearest
 * nanosecond; scale is what is left, so that nothing is lost between the two.
 */
void em_scale_make(struct em_scale *s, em_ns a0, em_ns t0, em_ns a1, em_ns t1)
{
	em_delta change = (em_delta)a1 - (em_delta)a0, twice;

	*s = (struct em_scale){ .change = change, .scale = change };
	if (!t0 || !t1)
		return;
	twice = change + (em_delta)em_muldiv(a1, t0, t1) - (em_delta)em_muldiv(a0, t1, t0);
	s->share = twice / 2;
	s->scale = change - s->share;
}

static const struct em_field columns[] = {
	{ "by", "BY", EM_VALUE_TEXT },
	{ "name", "NAME", EM_VALUE_TEXT },
	{ "change_us", "ALIGNMENT CHANGED BY", EM_VALUE_GPU_TIME },
	{ "scale_us", "BY SCALE", EM_VALUE_GPU_TIME },
	{ "share_us", "BY SHARE", EM_VALUE_GPU_TIME },
};

/* Of a model by name, or of none: a model that one of the windows does not know. */
static const struct em_model *find(const struct em_models *m, const char *name)
{
	static const struct em_model none;

	for (size_t i = 0; i < m->n; i++) {
		if (!strcmp(m->list[i].name, name))
			return &m->list[i];
	}
	return &none;
}

/* struct division - into models or nodes; @within: Σ of their share effects */
struct division {
	const char *by;
	int (*make)(struct em_models *m, struct em_ledger *l, struct em_range window);
	em_delta within;
	size_t n;
};

static void add_row(struct em_finding *f, const struct em_ask *a, struct division *d,
		    const struct em_model *before, const struct em_model *after)
{
	em_ns length = (em_ns)(a->before.end - a->before.start);
	em_ns as = (em_ns)(a->after.end - a->after.start);
	struct em_scale s;

	em_scale_make(&s, em_muldiv(before->part[EM_PART_A].gpu_time, as, length),
		      em_muldiv(em_model_used(before), as, length), after->part[EM_PART_A].gpu_time,
		      em_model_used(after));
	d->within += s.share;
	d->n++;
	em_finding_row(f, json_pack("{s:s,s:o,s:o,s:o,s:o}", "by", d->by, "name",
				    em_json_text(*after->name ? after->name : before->name),
				    "change_us", em_delta_json(s.change), "scale_us",
				    em_delta_json(s.scale), "share_us", em_delta_json(s.share)));
}

static int rows(struct em_finding *f, struct em_ledger *l, const struct em_ask *a,
		struct division *d)
{
	struct em_models before, after = { 0 };
	int ret = d->make(&before, l, a->before);

	if (!ret)
		ret = d->make(&after, l, a->after);
	for (size_t i = 0; !ret && i < after.n; i++)
		add_row(f, a, d, find(&before, after.list[i].name), &after.list[i]);
	for (size_t i = 0; !ret && i < before.n; i++) {
		if (!*find(&after, before.list[i].name)->name)
			add_row(f, a, d, &before.list[i], find(&after, before.list[i].name));
	}
	em_models_clear(&before);
	em_models_clear(&after);
	return ret;
}

/* Of the share effect, what a purpose's share moved by inside them; the rest is between them. */
static int divide(struct em_finding *f, struct em_ledger *l, const struct em_ask *a, em_delta share)
{
	static const char *const keys[2][2] = { { "within_models_us", "between_models_us" },
						{ "within_nodes_us", "between_nodes_us" } };
	static const char *const titles[2][2] = {
		{ "of it within models of GPU", "and because other models were used more" },
		{ "of it within nodes", "and because other nodes were used more" },
	};
	struct division d[2] = { { "model", em_models_make, 0, 0 },
				 { "node", em_nodes_make, 0, 0 } };
	int ret = 0;

	em_finding_rows(f, columns, ARRAY_SIZE(columns));
	for (int i = 0; !ret && i < 2; i++) {
		ret = rows(f, l, a, &d[i]);
		if (ret || d[i].n < 2)
			continue;
		em_finding_gpu_time(f, keys[i][0], titles[i][0], d[i].within);
		em_finding_gpu_time(f, keys[i][1], titles[i][1], share - d[i].within);
	}
	return ret;
}

static const char *nobody_stopped(const struct em_parts *before, const struct em_parts *after)
{
	return after->part[EM_PART_C] >= before->part[EM_PART_C]
		       ? "capabilities did not shrink: a share effect is not yet reallocation"
		       : "capabilities shrank: financing says how much of this that can have paid";
}

static int answer(struct em_finding *f, struct em_ledger *l, const struct em_ask *a,
		  const struct em_parts *before, const struct em_parts *after)
{
	em_ns t0 = em_parts_used(before), t1 = em_parts_used(after);
	char change[EM_HOURS_LEN], scale[EM_HOURS_LEN], share[EM_HOURS_LEN];
	struct em_scale s;

	em_scale_make(&s, before->part[EM_PART_A], t0, after->part[EM_PART_A], t1);
	em_finding_gpu_time(f, "alignment_change_us", "alignment changed by", s.change);
	em_finding_gpu_time(f, "scale_us", "by scale", s.scale);
	em_finding_gpu_time(f, "share_us", "by share", s.share);
	em_finding_share(f, "share_before", "alignment's share before", before->part[EM_PART_A],
			 t0);
	em_finding_share(f, "share_after", "and after", after->part[EM_PART_A], t1);
	for (unsigned int i = EM_PART_C; i < EM_PARTS; i++) {
		static const char *const keys[EM_PARTS] = {
			[EM_PART_C] = "capabilities_change_us",
			[EM_PART_M] = "mixed_change_us",
			[EM_PART_S] = "serving_change_us",
			[EM_PART_F] = "infrastructure_change_us",
			[EM_PART_U] = "untagged_change_us",
			[EM_PART_I] = "idle_change_us",
			[EM_PART_X] = "unobserved_change_us",
		};

		em_finding_gpu_time(f, keys[i], em_part_name(i),
				    (em_delta)after->part[i] - (em_delta)before->part[i]);
	}
	em_finding_estimate(f, "alignment changed by %s: %s by scale, %s by share; %s",
			    em_hours(change, s.change), em_hours(scale, s.scale),
			    em_hours(share, s.share), nobody_stopped(before, after));
	em_finding_interval(f, "exact%s",
			    t0 && t1 ? "" : " (nothing ran on one side: all of it is scale)");
	return divide(f, l, a, s.share);
}

int em_probe_scale(struct em_finding *f, struct em_ledger *l, const struct em_ask *a)
{
	struct em_parts before, after;
	int ret = em_parts_pair(l, a, &before, &after);

	f->windows = 2;
	f->window[0] = a->before;
	f->window[1] = a->after;
	if (ret)
		return ret;
	if (!em_parts_used(&before) && !em_parts_used(&after))
		return em_finding_refuse(f, "nothing ran in either window");
	return answer(f, l, a, &before, &after);
}
