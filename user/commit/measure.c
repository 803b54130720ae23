// SPDX-License-Identifier: GPL-2.0
/* Sums of a window within a commitment's scope, by its weights; see measure.h. */
#include <errno.h>
#include <fnmatch.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "commit/measure.h"

enum inside { OUTSIDE, INSIDE, CANNOT_TELL };

/**
 * struct work - a measure under way
 * @gpus: name -> weight, 0 = no weight, -1 = outside
 * @bare: those without engines: name -> {unobserved, wall}
 */
struct work {
	struct em_measure *m;
	const struct em_commitment *c;
	json_t *nodes; /* the names that the ledger's own node has had */
	json_t *gpus, *users, *bare;
	em_ns *rate;
};

static bool matches(const char *globs, const char *name)
{
	_cleanup_free_ char *copy = strdup(globs);
	char *rest = copy, *glob;

	while (rest && (glob = strsep(&rest, "\n"))) {
		if (!fnmatch(glob, name, 0))
			return true;
	}
	return false;
}

/* One criterion; @trusted: a name that leads outside may be believed. */
static enum inside inside_one(const char *globs, const char *name, bool trusted)
{
	if (!globs)
		return INSIDE;
	if (!name || !*name)
		return CANNOT_TELL;
	if (matches(globs, name))
		return INSIDE;
	return trusted ? OUTSIDE : CANNOT_TELL;
}

/* By every name that the ledger's own node has had: who renames it is not out of it. */
static enum inside own_inside(const struct work *w, const char *globs)
{
	enum inside sum = CANNOT_TELL;
	json_t *name;
	size_t i;

	json_array_foreach(w->nodes, i, name) {
		enum inside one = inside_one(globs, json_string_value(name), true);

		if (i && one != sum)
			return CANNOT_TELL;
		sum = one;
	}
	return sum;
}

/* Of "NODE:BUS/DEVICE" the node, where many ledgers are one; "BUS/DEVICE" is the ledger's own. */
static enum inside gpu_inside(const struct work *w, const char *gpu)
{
	const char *globs = w->c->scope[EM_SCOPE_NODE];
	_cleanup_free_ char *node = NULL;
	size_t n;

	if (!globs)
		return INSIDE;
	n = strcspn(gpu, ":/");
	if (gpu[n] != ':')
		return own_inside(w, globs);
	node = strndup(gpu, n);
	return inside_one(globs, node, true);
}

/* The login name, else the number; remembered, since there are many rows and few users. */
static const char *user_of(struct work *w, uint32_t uid)
{
	char key[16];
	const struct passwd *pw;

	if (uid == UINT32_MAX)
		return NULL;
	snprintf(key, sizeof(key), "%u", uid);
	if (!json_object_get(w->users, key)) {
		pw = getpwuid(uid);
		json_object_set_new(w->users, key, json_string(pw ? pw->pw_name : key));
	}
	return json_string_value(json_object_get(w->users, key));
}

/*
 * A label that leads out of the scope is in the claimant's interest: it must have been set by
 * who is required. What names nothing could be of any.
 */
static enum inside usage_inside(struct work *w, const struct em_usage *u)
{
	bool trusted = u->tagged_by >= w->c->require_tagged_by && u->tagged_by;
	const char *slash = w->c->scope[EM_SCOPE_CLUSTER] && u->ref ? strchr(u->ref, '/') : NULL;
	_cleanup_free_ char *cluster = slash ? strndup(u->ref, (size_t)(slash - u->ref)) : NULL;
	char *const *scope = w->c->scope;
	const enum inside all[] = {
		gpu_inside(w, u->gpu),
		inside_one(scope[EM_SCOPE_CLUSTER], cluster, trusted),
		inside_one(scope[EM_SCOPE_PROJECT], u->project, trusted),
		scope[EM_SCOPE_USER] ? inside_one(scope[EM_SCOPE_USER], user_of(w, u->uid), true)
				     : INSIDE,
	};
	enum inside sum = INSIDE;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (all[i] == OUTSIDE)
			return OUTSIDE;
		sum = all[i] == CANNOT_TELL ? CANNOT_TELL : sum;
	}
	return sum;
}

/*
 * Busy that was told and not counted on engines: what hid from the sensor can be as long as the
 * GPU was unobserved, and its capacity is its wall time. Once a GPU, before the first that says so.
 */
static void take_bare(struct work *w, const struct em_usage *u, em_ns weight)
{
	const json_t *bare = json_object_get(w->bare, u->gpu);

	if (!bare || u->busy_class == EARMARK_CLASS_EXACT)
		return;
	w->m->r.busy_unobserved += (em_ns)em_json_integer(bare, "unobserved") * weight;
	w->m->engine_wall += (em_ns)em_json_integer(bare, "wall") * weight;
	json_object_del(w->bare, u->gpu);
}

static int add_usage(const struct em_usage *u, void *arg)
{
	struct work *w = arg;
	struct em_report *r = &w->m->r;
	struct em_total total = em_usage_total(u);
	const json_t *known = json_object_get(w->gpus, u->gpu);
	json_int_t weight = known ? json_integer_value(known) : 1;
	enum inside in = usage_inside(w, u);
	unsigned int p = u->purpose < EARMARK_PURPOSE_COUNT && in == INSIDE ? u->purpose : 0;
	unsigned int weakest = u->tagged_by < EARMARK_TAGGED_BY_COUNT && p ? u->tagged_by : 0;

	/* a GPU without a weight is unobserved, with all that ran on it */
	if (in == OUTSIDE || weight <= 0)
		return 0;
	em_part_add(&r->parts[p], &total, (em_ns)weight);
	for (unsigned int by = 0; by <= weakest; by++)
		em_part_add(&r->strong[p][by], &total, (em_ns)weight);
	em_report_add(r, &total, (em_ns)weight);
	take_bare(w, u, (em_ns)weight);
	return 0;
}

/* A gap is lost on every engine that the GPU has, and at least on one. */
static void add_busy(struct work *w, const struct em_gpu_usage *g, em_ns weight)
{
	struct em_report *r = &w->m->r;
	em_ns gap = (em_ns)g->gap * (g->engines ?: 1) * weight;

	r->busy_unattributed += g->unattributed * weight;
	r->busy_total += g->unattributed * weight;
	r->busy_unobserved += g->blind_busy * weight + gap;
	r->engines += g->engines;
	w->m->engine_wall += g->engine_wall * weight + gap;
}

/*
 * A dated window has one answer: an interval that reaches over its edge, which is in no window as a
 * whole, must not be time that nobody answers for. Of a GPU's time in the window, what neither
 * intervals nor gaps account for, as far as the edges are bare. A rolling window moves on and takes
 * it in.
 */
static uint64_t bare_edges(const struct work *w, const struct em_gpu_usage *g)
{
	const struct em_report *r = &w->m->r;
	bool dated = w->c->span.kind != EM_ROLLING || w->c->due || w->c->within_of;
	int64_t from = g->since > r->since ? g->since : r->since;
	int64_t to = g->retired && g->retired < r->until ? g->retired : r->until;
	int64_t edges = r->span.intervals ? (r->span.start - r->since) + (r->until - r->span.end)
					  : r->until - r->since;
	int64_t there = to - from, known = (int64_t)(g->wall + g->gap);

	if (!dated || there <= known || edges <= 0)
		return 0;
	return (uint64_t)(there - known < edges ? there - known : edges);
}

static int add_gpu(const struct em_gpu_usage *given, void *arg)
{
	struct em_gpu_usage seen = *given, *g = &seen;
	struct work *w = arg;
	struct em_report *r = &w->m->r;
	enum inside in = gpu_inside(w, g->name);
	em_ns weight = em_weight_of(&w->c->weights, g->model), whole;
	json_int_t known = in == OUTSIDE ? -1 : (json_int_t)weight;

	g->gap += bare_edges(w, given);
	whole = (em_ns)g->wall + g->gap;
	if (json_object_set_new(w->gpus, g->name, json_integer(known)))
		return -ENOMEM;
	w->m->whole += whole * (weight ?: em_weight_largest(&w->c->weights));
	if (in == OUTSIDE)
		return 0;
	r->missing += given->missing;
	if (g->since && (!r->inventory || g->since < r->inventory))
		r->inventory = g->since;
	r->blind |= g->blind;
	if (!weight || in == CANNOT_TELL) {
		weight = weight ?: em_weight_largest(&w->c->weights);
		json_object_set_new(w->gpus, g->name, json_integer(0));
		r->capacity += whole * weight;
		r->unobserved += whole * weight;
		r->busy_unobserved += (g->engine_wall ?: whole) * weight;
		w->m->engine_wall += (g->engine_wall ?: whole) * weight;
		return 0;
	}
	r->capacity += whole * weight;
	r->idle += (g->idle - g->charged) * weight;
	r->used += g->charged * weight;
	r->unattributed += g->charged * weight;
	r->unobserved += ((em_ns)g->unobserved + g->gap) * weight;
	r->gap += g->gap * weight;
	add_busy(w, g, weight);
	return g->engines ? 0
	       : json_object_set_new(w->bare, g->name,
				     json_pack("{s:I,s:I}", "unobserved", (json_int_t)g->unobserved,
					       "wall", (json_int_t)g->wall))
		       ? -ENOMEM
		       : 0;
}

static int add_rate(const struct em_gpu_usage *g, void *arg)
{
	struct work *w = arg;

	if (gpu_inside(w, g->name) != OUTSIDE)
		*w->rate +=
			em_weight_of(&w->c->weights, g->model) ?: em_weight_largest(&w->c->weights);
	return 0;
}

/* How much GPU time passes in a nanosecond with the GPUs that were there at @at. */
static int rate_at(struct work *w, struct em_ledger *l, int64_t at, em_ns *rate)
{
	w->rate = rate;
	return em_ledger_gpus(l, at - 1, at, add_rate, w);
}

static int add_node(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *note = json_loads(json, 0, NULL);
	json_t *name = json_object_get(note, "name");

	(void)wall;
	(void)kind;
	return name && json_array_append(arg, name) ? -ENOMEM : 0;
}

/* A : C, with what is contested (S) and unknown on either side. */
static void ratio(struct em_report *r)
{
	em_ns a = r->parts[EARMARK_PURPOSE_ALIGNMENT].gpu_time;
	em_ns c = r->parts[EARMARK_PURPOSE_CAPABILITIES].gpu_time;
	em_ns s = r->parts[EARMARK_PURPOSE_SERVING].gpu_time;
	em_ns unknown =
		r->parts[EARMARK_PURPOSE_UNTAGGED].gpu_time + r->unattributed + r->unobserved;

	r->ratio_proven = (struct em_share){ a, c + unknown + s };
	r->ratio_possible = (struct em_share){ a + unknown, c };
}

static int measure(struct work *w, struct em_ledger *l, int64_t since, int64_t until)
{
	struct em_report *r = &w->m->r;
	int ret = em_ledger_span(l, since, until, &r->span);

	if (!ret && w->c->scope[EM_SCOPE_NODE])
		ret = em_ledger_notes(l, 0, INT64_MAX, "node", add_node, w->nodes);
	ret = ret ?: em_ledger_gpus(l, since, until, add_gpu, w);
	ret = ret ?: em_ledger_usage(l, since, until, add_usage, w);
	if (!ret && w->c->span.kind != EM_ROLLING) /* only what is not over needs it */
		ret = rate_at(w, l, until, &w->m->rate);
	if (!ret && w->c->of == EM_OF_INSTALLED)
		ret = rate_at(w, l, w->c->installed_at, &w->m->fleet_rate);
	return ret;
}

int em_measure(struct em_measure *m, const struct em_commitment *c, struct em_ledger *l,
	       int64_t since, int64_t until)
{
	struct work w = { .m = m,
			  .c = c,
			  .nodes = json_array(),
			  .gpus = json_object(),
			  .users = json_object(),
			  .bare = json_object() };
	int ret;

	*m = (struct em_measure){ .since = since, .until = until };
	m->r.since = since;
	m->r.until = until;
	ret = w.gpus && w.users && w.nodes && w.bare ? measure(&w, l, since, until) : -ENOMEM;
	/* a GPU counts from when it entered: there is nothing to sum anew */
	if (m->r.inventory > since)
		m->since = m->r.inventory;
	if (until > m->since)
		m->fleet = m->fleet_rate * (em_ns)(until - m->since);
	json_decref(w.gpus);
	json_decref(w.users);
	json_decref(w.nodes);
	json_decref(w.bare);
	ratio(&m->r);
	return ret;
}
