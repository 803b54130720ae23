// SPDX-License-Identifier: GPL-2.0
/* Constrained by compute? See constraint.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "probe/ask.h"
#include "probe/kept.h"
#include "probe/constraint.h"

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* A refused request is pending until the window's end: the need was not met. */
static int64_t answered(const struct em_wait *w, int64_t end)
{
	return w->granted ? w->opened + w->wait : end;
}

void em_constraint_make(struct em_constraint *c, const struct em_wait *w, size_t n,
			struct em_range window)
{
	int64_t covered = window.start;

	*c = (struct em_constraint){ .window = window.end - window.start };
	for (size_t i = 0; i < n; i++) {
		int64_t from = later(w[i].opened, covered);
		int64_t to = earlier(answered(&w[i], window.end), window.end);

		if (w[i].part != EM_PART_A || w[i].opened >= window.end)
			continue;
		c->requests++;
		if (to > from) {
			c->pending += to - from;
			covered = to;
		}
		if (!w[i].granted_at || w[i].granted_at >= window.end)
			continue;
		c->first_grant =
			c->first_grant ? earlier(c->first_grant, w[i].granted_at) : w[i].granted_at;
		c->granted += (em_ns)(w[i].granted_gpus *
				      (double)(window.end - later(w[i].granted_at, window.start)));
	}
}

static int per_head(struct em_finding *f, const struct em_report *r, const struct em_ask *a)
{
	em_ns alignment = r->parts[EARMARK_PURPOSE_ALIGNMENT].gpu_time;
	em_ns capabilities = r->parts[EARMARK_PURPOSE_CAPABILITIES].gpu_time;
	unsigned int n_a = a->researchers[0], n_c = a->researchers[1];

	em_finding_text(f, "researchers", "researchers",
			a->researchers_given ? "as given"
					     : "the essay's: 30 on alignment, 100 on "
					       "capabilities");
	em_finding_gpu_time(f, "alignment_per_researcher_us", "alignment, per researcher",
			    (em_delta)(n_a ? alignment / n_a : 0));
	em_finding_gpu_time(f, "capabilities_per_researcher_us", "capabilities, per researcher",
			    (em_delta)(n_c ? capabilities / n_c : 0));
	return 0;
}

static int used_since(struct em_ledger *l, const struct em_constraint *c, const struct em_ask *a,
		      em_ns *used)
{
	struct em_range since = { later(c->first_grant, a->window.start), a->window.end };
	struct em_report r;
	int ret;

	*used = 0;
	if (!c->first_grant)
		return 0;
	ret = em_kept_report(a->kept, &r, l, since);
	if (!ret)
		*used = r.parts[EARMARK_PURPOSE_ALIGNMENT].gpu_time;
	return ret;
}

static int answer(struct em_finding *f, const struct em_constraint *c, em_ns used)
{
	double share = 100 * em_ratio((em_ns)c->pending, (em_ns)c->window);

	em_finding_count(f, "requests", "alignment's requests", (long long)c->requests);
	em_finding_share(f, "pending", "of the time one of them was open", (em_ns)c->pending,
			 (em_ns)c->window);
	em_finding_gpu_time(f, "granted_us", "granted since", (em_delta)c->granted);
	em_finding_gpu_time(f, "used_us", "alignment's use since the first grant", (em_delta)used);
	if (!c->requests)
		return em_finding_refuse(f, "alignment made no request on record: whether compute "
					    "constrains it cannot be told; hours per researcher "
					    "alone do not say");
	em_finding_estimate(f, "alignment had an unmet request %.1f %% of the time%s%s", share,
			    c->granted && used < c->granted / 2
				    ? ", and used less than half of what it was granted"
				    : "",
			    share < 5 ? ": it was seldom constrained by compute" : "");
	em_finding_interval(f, "exact, of requests on record");
	return 0;
}

/* Alignment's waits, and of any time before the window too: they may still be open in it. */
static int make(struct em_constraint *c, struct em_ledger *l, const struct em_ask *a)
{
	int ret = em_kept_waits(a->kept, l, a->window);

	if (!ret)
		em_constraint_make(c, a->kept->waits, a->kept->n_waits, a->window);
	return ret;
}

int em_probe_constraint(struct em_finding *f, struct em_ledger *l, const struct em_ask *a)
{
	struct em_constraint c;
	struct em_report r;
	em_ns used = 0;
	int ret = em_kept_report(a->kept, &r, l, a->window);

	if (!ret)
		ret = make(&c, l, a);
	if (!ret)
		ret = used_since(l, &c, a, &used);
	if (ret)
		return ret;
	per_head(f, &r, a);
	return answer(f, &c, used);
}
