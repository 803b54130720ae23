// SPDX-License-Identifier: GPL-2.0
/*
 * No job of a purpose above a size without an approval before it began (measures, P11). Sizes
 * are taken by ref (a cluster's job) over the window and by project in every 24 hours, so that a
 * run in pieces does not pass under the gate.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "commit/gate.h"

#define LEAST_GRACE (60 * EM_NS_PER_S) /* intervals may have been folded to minutes */
#define STEP (6 * 3600 * EM_NS_PER_S)
#define FEW 4 /* steps, of which each interval is looked at where they may hold too much */

/* struct groups - of one look at the ledger */
struct groups {
	const struct em_commitment *c;
	const struct em_approvals *approvals;
	bool by_project;
	struct em_gate_group *list;
	size_t n, room;
	json_t *index;
};

static void groups_clear(struct groups *g)
{
	for (size_t i = 0; i < g->n; i++)
		json_decref(g->list[i].gpus);
	free(g->list);
	json_decref(g->index);
}

static struct em_gate_group *group_of(struct groups *g, const char *key)
{
	json_t *at = json_object_get(g->index, key);
	struct em_gate_group *more;

	if (at)
		return &g->list[json_integer_value(at)];
	if (json_object_set_new(g->index, key, json_integer((json_int_t)g->n)))
		return NULL;
	if (g->n == g->room) {
		g->room = g->room ? 2 * g->room : 32;
		more = reallocarray(g->list, g->room, sizeof(*more));
		if (!more)
			return NULL;
		g->list = more;
	}
	more = &g->list[g->n++];
	*more = (struct em_gate_group){ .gpus = json_object(),
					.first = INT64_MAX,
					.sure_first = INT64_MAX };
	return more;
}

/* Under which name the usage counts; text of others goes through JSON, which takes only UTF-8. */
static char *key_of(const struct groups *g, const struct em_usage *u)
{
	const char *name = g->by_project ? u->project : u->ref;
	_cleanup_json_ json_t *label = em_json_text(name);
	char *key = NULL;

	if (name && *name && label)
		return strdup(json_string_value(label));
	if (g->by_project)
		return strdup(EM_GATE_NO_PROJECT);
	return asprintf(&key, "%" PRIu64 " of boot %.8s", u->job, u->boot_id) < 0 ? NULL : key;
}

static void widen(int64_t *first, int64_t *last, const struct em_usage *u)
{
	*first = u->first < *first ? u->first : *first;
	*last = u->last > *last ? u->last : *last;
}

static void label(struct em_gate_group *group, const struct em_usage *u, const char *key,
		  bool first)
{
	if (first)
		snprintf(group->project, sizeof(group->project), "%s", u->project ?: "");
	else if (strcmp(group->project, u->project ?: ""))
		group->project[0] = '\0'; /* approved under one name, run under another */
	em_text_safe(group->name, sizeof(group->name), key);
}

/* A job that was approved as such is not counted again under its project. */
static bool approved_job(const struct groups *g, const struct em_usage *u)
{
	return g->by_project && em_approval_given(g->approvals, u->ref, NULL, 0, 0) <= u->first;
}

bool em_gate_counts(const struct em_commitment *c, unsigned int purpose, unsigned int tagged_by)
{
	return purpose == c->purpose || !purpose || tagged_by < c->require_tagged_by;
}

static int each(const struct em_usage *u, void *arg)
{
	struct groups *g = arg;
	bool own = u->purpose == g->c->purpose,
	     named = !g->by_project || (u->project && *u->project);
	_cleanup_free_ char *key = NULL;
	struct em_gate_group *group;

	if (!em_gate_counts(g->c, u->purpose, u->tagged_by) || approved_job(g, u))
		return 0;
	key = key_of(g, u);
	group = key ? group_of(g, key) : NULL;
	if (!group)
		return -ENOMEM;
	label(group, u, key, group->first == INT64_MAX);
	if (!g->by_project)
		snprintf(group->ref, sizeof(group->ref), "%s", u->ref ?: "");
	group->maybe += u->gpu_time;
	widen(&group->first, &group->last, u);
	json_object_set_new(group->gpus, u->gpu, json_true());
	if (own && named) {
		group->sure += u->gpu_time;
		widen(&group->sure_first, &group->sure_last, u);
	}
	return 0;
}

/* --- one group ---------------------------------------------------------------------------- */

static bool surely_above(const struct em_commitment *c, const struct em_gate_group *g)
{
	if (c->gpu_hours && g->sure > c->gpu_hours)
		return true;
	return c->gpus && g->sure_last > g->sure_first &&
	       g->sure > (em_ns)c->gpus * (em_ns)(g->sure_last - g->sure_first);
}

static bool possibly_above(const struct em_commitment *c, const struct em_gate_group *g)
{
	return (c->gpu_hours && g->maybe > c->gpu_hours) ||
	       (c->gpus && json_object_size(g->gpus) > c->gpus);
}

/* How many GPUs it surely had at once, at some time. */
static unsigned int least_gpus(const struct em_gate_group *g)
{
	em_ns life = g->sure_last > g->sure_first ? (em_ns)(g->sure_last - g->sure_first) : 0;

	return life ? (unsigned int)((g->sure + life - 1) / life) : 0;
}

static void found(struct em_verdict *v, enum em_status status, const char *reason, const char *what,
		  const struct em_gate_group *g, em_ns time)
{
	char text[EM_DURATION_LEN];

	v->status = status;
	v->reason = reason;
	snprintf(v->detail, sizeof(v->detail), "%s %.60s: %s on %zu GPUs", what, g->name,
		 em_duration_format(text, (int64_t)time), json_object_size(g->gpus));
}

/*
 * A job's first instant is known to the length of an interval: an approval that came
 * within it may have been in time.
 */
void em_gate_judge(const struct em_gate *gate, const struct em_gate_group *one, bool by_project,
		   struct em_verdict *v)
{
	const char *what = by_project ? "in 24 hours, project" : "job";
	const struct em_approvals *approvals = &gate->approvals;
	int64_t at;

	if (!possibly_above(gate->c, one) || v->status == EM_BREACHED)
		return;
	if (surely_above(gate->c, one)) {
		at = em_approval_given(approvals, one->ref, one->project, least_gpus(one),
				       one->sure);
		if (at == INT64_MAX || at > one->sure_first + gate->grace) {
			found(v, EM_BREACHED, at == INT64_MAX ? "no approval" : "approved too late",
			      what, one, one->sure);
			return;
		}
	}
	at = em_approval_given(approvals, one->ref, one->project,
			       (unsigned int)json_object_size(one->gpus), one->maybe);
	if (at > one->first && v->status == EM_MET)
		found(v, EM_UNPROVEN, "size or purpose not shown", what, one, one->maybe);
}

/* --- the whole ---------------------------------------------------------------------------- */

static int gather(const struct em_gate *gate, int64_t since, int64_t until, bool by_project,
		  struct groups *g)
{
	*g = (struct groups){ .c = gate->c,
			      .approvals = &gate->approvals,
			      .by_project = by_project,
			      .index = json_object() };
	return g->index ? em_ledger_usage(gate->l, since, until, each, g) : -ENOMEM;
}

int em_gate_sizes(const struct em_commitment *c, struct em_ledger *l, int64_t since, int64_t until,
		  int (*each_job)(const struct em_gate_size *, void *), void *arg)
{
	struct em_gate gate = { .c = c, .l = l };
	struct groups g;
	int ret = gather(&gate, since, until, false, &g);
	const char *key;
	json_t *at;

	json_object_foreach(g.index, key, at) {
		const struct em_gate_group *one = &g.list[json_integer_value(at)];
		struct em_gate_size size = { key, one->sure, one->maybe,
					     json_object_size(one->gpus) };

		ret = ret ?: each_job(&size, arg);
	}
	groups_clear(&g);
	return ret;
}

/* Jobs, over all of the window. */
static int look_at_jobs(const struct em_gate *gate, int64_t since, int64_t until,
			struct em_verdict *v)
{
	struct groups g;
	int ret = gather(gate, since, until, false, &g);

	for (size_t i = 0; !ret && i < g.n; i++)
		em_gate_judge(gate, &g.list[i], false, v);
	groups_clear(&g);
	return ret;
}

/* What is not above the gate in a stretch of time is not in any part of it. */
static int any_above(const struct em_gate *gate, int64_t since, int64_t until, bool *above)
{
	struct groups g;
	int ret = gather(gate, since, until, true, &g);

	*above = false;
	for (size_t i = 0; !ret && i < g.n; i++)
		*above |= possibly_above(gate->c, &g.list[i]);
	groups_clear(&g);
	return ret;
}

/*
 * Every 24 hours that end within the last @steps steps before @until; halves that hold nothing are
 * left out, since a year has 1,460 of them.
 */
static int look_days(const struct em_gate *gate, int64_t since, int64_t until, int64_t steps,
		     struct em_verdict *v)
{
	int64_t from = until - steps * STEP - EM_GATE_DAY, half = steps / 2;
	bool above;
	int ret;

	from = from > since ? from : since;
	ret = any_above(gate, from, until, &above);
	if (ret || !above)
		return ret;
	if (steps <= FEW)
		return em_gate_days(gate, from, until, v);
	ret = look_days(gate, since, until, half, v);
	return ret ?: look_days(gate, since, until - half * STEP, steps - half, v);
}

/* struct dark - GPUs that were not seen for a time, and how long altogether */
struct dark {
	em_ns time;
	unsigned int gpus;
};

static int add_dark(const struct em_gpu_usage *g, void *arg)
{
	struct dark *d = arg;

	d->time += (em_ns)g->unobserved + g->gap + g->charged;
	d->gpus += g->unobserved || g->gap || g->charged;
	return 0;
}

/* Could a job above the gate have run where nobody looked? */
static int hidden(const struct em_commitment *c, struct em_ledger *l, int64_t since, int64_t until,
		  struct em_verdict *v)
{
	struct dark d = { 0 };
	int ret = em_ledger_gpus(l, since, until, add_dark, &d);

	v->unobserved = d.time;
	if (ret || v->status != EM_MET)
		return ret;
	if ((c->gpu_hours && d.time > c->gpu_hours) || (c->gpus && d.gpus > c->gpus)) {
		v->status = EM_UNPROVEN;
		v->reason = "unobserved";
	}
	return 0;
}

static int look_everywhere(const struct em_gate *gate, int64_t since, int64_t until,
			   struct em_verdict *v)
{
	int64_t steps = until > since ? (until - since - 1) / STEP + 1 : 0;
	int ret = look_at_jobs(gate, since, until, v);

	if (!ret && steps)
		ret = look_days(gate, since, until, steps, v);
	return ret ?: hidden(gate->c, gate->l, since, until, v);
}

static int64_t interval_of(struct em_ledger *l)
{
	_cleanup_free_ char *period = NULL;
	int64_t ns = 0;

	if (!em_ledger_state_get(l, "period", &period) && period)
		ns = strtoll(period, NULL, 10);
	return ns > LEAST_GRACE ? ns : LEAST_GRACE;
}

/* What the measure says whatever was found, and whether there is anything to look at. */
static bool begin(const struct em_measure *m, const struct em_period *p, struct em_verdict *v)
{
	*v = (struct em_verdict){ .status = EM_MET, .reason = "" };
	v->start = m->since;
	v->end = v->due = p->until;
	v->partial = m->since > p->start;
	v->replayed = m->r.span.recorders & 1U << EARMARK_RECORDER_REPLAY;
	if (m->r.capacity)
		return true;
	v->status = EM_UNDEFINED;
	v->reason = "no GPU was there";
	return false;
}

int em_gate_check(const struct em_commitment *c, struct em_ledger *l, int64_t now,
		  struct em_verdict *v)
{
	struct em_gate gate = { .c = c, .l = l, .grace = interval_of(l) };
	struct em_window w = c->span;
	struct em_measure m;
	struct em_period p;
	int ret;

	w.length = c->window;
	p = em_window_at(&w, now);
	ret = em_measure(&m, c, l, c->declared > p.start ? c->declared : p.start, p.until);
	ret = ret ?: em_approvals_read(&gate.approvals, c, l, now);
	if (!ret && begin(&m, &p, v))
		ret = look_everywhere(&gate, m.since, p.until, v);
	em_approvals_clear(&gate.approvals);
	if (!ret && v->status == EM_MET) {
		v->reason = em_judge_demotion(c, &m);
		v->status = *v->reason ? EM_UNPROVEN : EM_MET;
		if (v->status == EM_MET && v->replayed)
			v->reason = "as declared by the scheduler";
	}
	return ret;
}
