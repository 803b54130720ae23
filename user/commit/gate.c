// SPDX-License-Identifier: GPL-2.0
/*
 * No job of a purpose above a size without an approval before it began (measures, P11). Sizes
 * are taken by ref (a cluster's job) over the window and by project in every 24 hours, so that a
 * run in pieces does not pass under the gate.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "commit/approval.h"
#include "commit/judge.h"

#define DAY (86400 * EM_NS_PER_S)
#define STEP (6 * 3600 * EM_NS_PER_S) /* so far apart are the 24 hours that are looked at */

/*
 * struct group - one job or project: @sure: tagged as the purpose, whoever by; @maybe: with
 * untagged and other work whose tag is too weak. How many GPUs at once: more than held / lifetime
 * for certain, more than there were never.
 */
struct group {
	em_ns sure, maybe, sure_held;
	int64_t first, last, sure_first, sure_last;
	json_t *gpus;
	char ref[EARMARK_REF_LEN], project[EARMARK_PROJECT_LEN], name[160];
};

struct groups {
	const struct em_commitment *c;
	bool by_project;
	struct group *list;
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

static struct group *group_of(struct groups *g, const char *key)
{
	json_t *at = json_object_get(g->index, key);
	struct group *more;

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
	*more = (struct group){ .gpus = json_object(),
				.first = INT64_MAX,
				.sure_first = INT64_MAX };
	return more;
}

/* Under which name the usage counts; text of others goes through JSON, which takes only UTF-8. */
static char *key_of(const struct groups *g, const struct em_usage *u)
{
	bool named = g->by_project ? u->project && *u->project : u->ref && *u->ref;
	_cleanup_json_ json_t *label = em_json_text(g->by_project ? u->project : u->ref);
	char *key = NULL;

	if (named && label)
		return strdup(json_string_value(label));
	if (g->by_project || asprintf(&key, "job %" PRIu64 " of %.8s", u->job, u->boot_id) < 0)
		return NULL;
	return key;
}

static void widen(int64_t *first, int64_t *last, const struct em_usage *u)
{
	*first = u->first < *first ? u->first : *first;
	*last = u->last > *last ? u->last : *last;
}

static int each(const struct em_usage *u, void *arg)
{
	struct groups *g = arg;
	bool sure = u->purpose == g->c->purpose;
	bool maybe = sure || !u->purpose || u->tagged_by < g->c->require_tagged_by;
	_cleanup_free_ char *key = maybe ? key_of(g, u) : NULL;
	struct group *group;

	if (!key) /* of another purpose; or no project, which by_ref has looked at */
		return 0;
	group = group_of(g, key);
	if (!group)
		return -ENOMEM;
	group->maybe += u->gpu_time;
	widen(&group->first, &group->last, u);
	json_object_set_new(group->gpus, u->gpu, json_true());
	snprintf(group->project, sizeof(group->project), "%s", u->project ?: "");
	if (!g->by_project)
		snprintf(group->ref, sizeof(group->ref), "%s", u->ref ?: "");
	em_text_safe(group->name, sizeof(group->name), key);
	if (sure) {
		group->sure += u->gpu_time;
		group->sure_held += u->held;
		widen(&group->sure_first, &group->sure_last, u);
	}
	return 0;
}

/* --- one group ---------------------------------------------------------------------------- */

static bool surely_above(const struct em_commitment *c, const struct group *g)
{
	if (c->gpu_hours && g->sure > c->gpu_hours)
		return true;
	return c->gpus && g->sure_last > g->sure_first &&
	       g->sure_held > (em_ns)c->gpus * (em_ns)(g->sure_last - g->sure_first);
}

static bool possibly_above(const struct em_commitment *c, const struct group *g)
{
	return (c->gpu_hours && g->maybe > c->gpu_hours) ||
	       (c->gpus && json_object_size(g->gpus) > c->gpus);
}

/* How many GPUs an approval must name: those that were surely held at once. */
static unsigned int needed_gpus(const struct group *g)
{
	em_ns life = g->sure_last > g->sure_first ? (em_ns)(g->sure_last - g->sure_first) : 0;

	return life ? (unsigned int)((g->sure_held + life - 1) / life) : 0;
}

static void judge_group(const struct em_commitment *c, const struct group *g, const json_t *notes,
			const char *what, struct em_verdict *v)
{
	char time[EM_DURATION_LEN];
	bool sure = surely_above(c, g);
	int64_t at;

	if (!possibly_above(c, g) || v->status == EM_BREACHED)
		return;
	at = em_approval_given(c, notes, g->ref, g->project, needed_gpus(g),
			       sure ? g->sure : g->maybe);
	if (at <= (sure ? g->sure_first : g->first))
		return;
	if (v->status != EM_MET && !sure)
		return;
	v->status = sure ? EM_BREACHED : EM_UNPROVEN;
	v->reason = sure ? at == INT64_MAX ? "no approval" : "approved too late"
			 : "size or purpose not shown";
	v->deficit = 0;
	snprintf(v->detail, sizeof(v->detail), "%s %.60s: %s on %zu GPUs", what, g->name,
		 em_duration_format(time, (int64_t)(sure ? g->sure : g->maybe)),
		 json_object_size(g->gpus));
}

static int look(const struct em_commitment *c, struct em_ledger *l, int64_t since, int64_t until,
		bool by_project, const json_t *notes, struct em_verdict *v)
{
	struct groups g = { .c = c, .by_project = by_project, .index = json_object() };
	int ret = g.index ? em_ledger_usage(l, since, until, each, &g) : -ENOMEM;

	for (size_t i = 0; !ret && i < g.n; i++)
		judge_group(c, &g.list[i], notes, by_project ? "in 24 hours, project" : "job", v);
	groups_clear(&g);
	return ret;
}

/* --- the whole ---------------------------------------------------------------------------- */

static int collect(int64_t wall, const char *kind, const char *json, void *arg)
{
	json_t *note = json_loads(json, 0, NULL);

	(void)kind;
	if (note)
		json_array_append_new(
			arg, json_pack("{s:I,s:o}", "wall", (json_int_t)wall, "note", note));
	return 0;
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

static int look_everywhere(const struct em_commitment *c, struct em_ledger *l, int64_t since,
			   int64_t until, const json_t *notes, struct em_verdict *v)
{
	int ret = look(c, l, since, until, false, notes, v);

	for (int64_t at = until; !ret && at > since; at -= STEP)
		ret = look(c, l, at - DAY, at, true, notes, v);
	return ret ?: hidden(c, l, since, until, v);
}

int em_gate_check(const struct em_commitment *c, struct em_ledger *l, int64_t now,
		  struct em_verdict *v)
{
	_cleanup_json_ json_t *notes = json_array();
	struct em_window w = c->span;
	struct em_measure m;
	struct em_period p;
	int64_t since;
	int ret;

	w.length = c->window;
	p = em_window_at(&w, now);
	since = c->declared > p.start ? c->declared : p.start;
	ret = em_measure(&m, c, l, since, p.until);
	ret = ret ?: em_ledger_notes(l, 0, now, "approval", collect, notes);
	if (ret)
		return ret;
	*v = (struct em_verdict){ .status = EM_MET, .reason = "" };
	v->start = m.since;
	v->end = v->due = p.until;
	v->partial = m.since > p.start;
	v->replayed = m.r.span.recorders & 1U << EARMARK_RECORDER_REPLAY;
	if (!m.r.capacity) {
		v->status = EM_UNDEFINED;
		v->reason = "no GPU was there";
		return 0;
	}
	ret = look_everywhere(c, l, m.since, p.until, notes, v);
	if (!ret && v->status == EM_MET) {
		v->reason = em_judge_demotion(c, &m);
		v->status = *v->reason ? EM_UNPROVEN : EM_MET;
		if (v->status == EM_MET && v->replayed)
			v->reason = "as declared by the scheduler";
	}
	return ret;
}
