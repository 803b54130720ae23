// SPDX-License-Identifier: GPL-2.0
/* Financing, asked of a ledger: two reports, and the jobs that both windows know. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "probe/ask.h"
#include "probe/kept.h"
#include "probe/financing.h"

static em_ns length(struct em_range r)
{
	return (em_ns)(r.end - r.start);
}

int em_parts_pair(struct em_ledger *l, const struct em_ask *a, struct em_parts *before,
		  struct em_parts *after)
{
	struct em_report r;
	int ret = em_kept_report(a->kept, &r, l, a->before);

	if (ret)
		return ret;
	em_parts_of_report(before, &r);
	em_parts_scale(before, length(a->before), length(a->after));
	ret = em_kept_report(a->kept, &r, l, a->after);
	if (!ret)
		em_parts_of_report(after, &r);
	return ret;
}

/* struct job_time - one job's time under one name in one window */
struct job_time {
	char boot[33];
	uint64_t job;
	bool after;
	unsigned int part;
	em_ns time;
};

struct job_times {
	struct job_time *list;
	size_t n, room;
	bool after;
};

static int add_time(const struct em_usage *u, void *arg)
{
	struct job_times *t = arg;
	struct job_time *j;

	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 256;

		j = reallocarray(t->list, room, sizeof(*j));
		if (!j)
			return -ENOMEM;
		t->list = j;
		t->room = room;
	}
	j = &t->list[t->n++];
	*j = (struct job_time){ .job = u->job,
				.after = t->after,
				.part = em_part_of(u->purpose),
				.time = u->gpu_time };
	strncpy(j->boot, u->boot_id, sizeof(j->boot) - 1);
	return 0;
}

static int by_job(const void *a, const void *b)
{
	const struct job_time *x = a, *y = b;
	int order = strcmp(x->boot, y->boot);

	return order ? order : (x->job > y->job) - (x->job < y->job);
}

static void match(struct em_retagged *r, const struct job_time *t, size_t n, em_ns as, em_ns length)
{
	struct em_parts parts[2] = { 0 };

	for (size_t i = 0; i < n; i++)
		parts[t[i].after].part[t[i].part] += t[i].time;
	em_parts_scale(&parts[0], length, as);
	if (em_parts_used(&parts[0]) && em_parts_used(&parts[1]))
		em_retagged_add(r, &parts[0], &parts[1]);
}

static int find_retagged(struct em_ledger *l, const struct em_ask *a, struct em_retagged *r)
{
	_cleanup_free_ struct job_time *list = NULL;
	struct job_times t = { 0 };
	int ret = em_ledger_usage(l, a->before.start, a->before.end, add_time, &t);

	t.after = true;
	if (!ret)
		ret = em_ledger_usage(l, a->after.start, a->after.end, add_time, &t);
	list = t.list;
	if (ret)
		return ret;
	if (t.n)
		qsort(list, t.n, sizeof(*list), by_job);
	for (size_t i = 0, k; i < t.n; i = k) {
		for (k = i + 1; k < t.n && !by_job(&list[i], &list[k]);)
			k++;
		match(r, &list[i], k - i, length(a->after), length(a->before));
	}
	return 0;
}

static const struct em_field columns[] = {
	{ "source", "SOURCE", EM_VALUE_TEXT },
	{ "gave_us", "SHRANK (OR NEW) BY", EM_VALUE_GPU_TIME },
	{ "low", "OF THE GROWTH AT LEAST", EM_VALUE_SHARE },
	{ "middle", "IN PROPORTION", EM_VALUE_SHARE },
	{ "high", "AT MOST", EM_VALUE_SHARE },
	{ "retagged_us", "RETAGGED INTO ALIGNMENT", EM_VALUE_GPU_TIME },
};

static void rows(struct em_finding *out, const struct em_financing *f)
{
	em_ns growth = f->growth > 0 ? (em_ns)f->growth : 0;

	em_finding_rows(out, columns, ARRAY_SIZE(columns));
	for (unsigned int i = 0; i < EM_SOURCES; i++) {
		em_delta retagged = i < EM_PARTS ? f->retagged[i] : 0;

		if (!f->source[i] && !retagged)
			continue;
		em_finding_row(out,
			       json_pack("{s:s,s:o,s:o,s:o,s:o,s:o}", "source", em_source_name(i),
					 "gave_us", em_delta_json((em_delta)f->source[i]), "low",
					 em_ratio_json(f->low[i], growth), "middle",
					 em_ratio_json(f->middle[i], growth), "high",
					 em_ratio_json(f->high[i], growth), "retagged_us",
					 em_delta_json(retagged)));
	}
}

static int undefined(struct em_finding *out, const struct em_financing *f)
{
	char raw[EM_HOURS_LEN], net[EM_HOURS_LEN];

	if (f->raw > 0)
		return em_finding_refuse(out,
					 "undefined: alignment grew by %s only because work was "
					 "retagged; without that it changed by %s",
					 em_hours(raw, f->raw), em_hours(net, f->growth));
	return em_finding_refuse(out, "undefined: alignment did not grow (%s)",
				 em_hours(raw, f->raw));
}

static void say(struct em_finding *out, const struct em_financing *f)
{
	em_ns growth = (em_ns)f->growth;
	char hours[EM_HOURS_LEN];

	em_finding_estimate(out,
			    "of alignment's growth (%s) between %.1f %% and %.1f %% came out of "
			    "capabilities: %s",
			    em_hours(hours, f->growth), 100 * em_ratio(f->low[EM_PART_C], growth),
			    100 * em_ratio(f->high[EM_PART_C], growth),
			    !f->source[EM_PART_C]    ? "capabilities did not shrink: nobody stopped"
			    : f->low[EM_PART_C] == 0 ? "others shrank enough to pay for all of it"
						     : "some of it was moved");
	em_finding_interval(out, "exact: bounds of the transport from what shrank to what grew");
}

int em_probe_financing(struct em_finding *out, struct em_ledger *l, const struct em_ask *a)
{
	struct em_parts before, after;
	struct em_retagged r = { 0 };
	struct em_financing f;
	int ret = em_parts_pair(l, a, &before, &after);

	out->windows = 2;
	out->window[0] = a->before;
	out->window[1] = a->after;
	if (!ret)
		ret = find_retagged(l, a, &r);
	if (ret)
		return ret;
	if (!em_parts_capacity(&before) || !em_parts_capacity(&after))
		return em_finding_refuse(out, "the ledger knows no GPUs in one of the windows");
	em_financing_make(&f, &before, &after, &r);
	em_finding_gpu_time(out, "alignment_change_us", "alignment changed by", f.raw);
	em_finding_gpu_time(out, "retagged_us", "of that retagged or first tagged",
			    f.raw - f.growth);
	em_finding_gpu_time(out, "growth_us", "left to be paid for", f.growth);
	em_finding_gpu_time(out, "sources_us", "all sources together", (em_delta)f.total);
	em_finding_count(out, "jobs_in_both", "jobs that ran in both windows", (long long)r.jobs);
	em_finding_text(out, "retagging", "retagging",
			!r.jobs ? "no job ran in both windows: retagged time cannot be seen here"
			: !r.changed ? "no job that ran in both windows changed its purpose"
				     : "taken out, by the purpose it had before");
	rows(out, &f);
	if (f.growth <= 0)
		return undefined(out, &f);
	say(out, &f);
	return 0;
}
