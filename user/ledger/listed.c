// SPDX-License-Identifier: GPL-2.0
/* GPUs that an inventory lists; see listed.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "ledger/listed.h"
#include "ledger/store.h"

void em_listed_clear(struct em_ledger *l)
{
	for (unsigned int i = 0; i < l->n_listed; i++) {
		free(l->listed[i].origin);
		free(l->listed[i].gpu);
		free(l->listed[i].model);
	}
	free(l->listed);
	l->listed = NULL;
	l->n_listed = 0;
}

static const char *string(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

static int64_t instant(const json_t *o, const char *key)
{
	int64_t ns;

	return em_time_parse(string(o, key), 0, &ns) ? 0 : ns;
}

static struct em_listed *find(struct em_ledger *l, const char *origin, const char *gpu)
{
	for (unsigned int i = 0; i < l->n_listed; i++) {
		if (!strcmp(l->listed[i].origin, origin) && !strcmp(l->listed[i].gpu, gpu))
			return &l->listed[i];
	}
	return NULL;
}

/* Of a GPU that is listed already: its time may only grow, or end no sooner than this was said. */
static void again(struct em_listed *g, int64_t wall, int64_t since, int64_t until)
{
	g->since = since < g->since ? since : g->since;
	if (until && (!g->until || until < g->until))
		until = until > wall ? until : wall;
	g->until = until;
}

static int take_gpu(struct em_ledger *l, const char *origin, const json_t *gpu, int64_t wall)
{
	struct em_listed *g = find(l, origin, string(gpu, "name")), *more;
	const char *slash = strrchr(origin, '/');

	if (g) {
		again(g, wall, instant(gpu, "since"), instant(gpu, "until"));
		return 0;
	}
	more = reallocarray(l->listed, l->n_listed + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	l->listed = more;
	g = &more[l->n_listed++];
	*g = (struct em_listed){ .origin = strdup(origin),
				 .gpu = strdup(string(gpu, "name")),
				 .model = strdup(string(gpu, "model")),
				 .since = instant(gpu, "since"),
				 .until = instant(gpu, "until"),
				 .member = -1 };
	if (!g->origin || !g->gpu || !g->model)
		return -ENOMEM;
	g->node = g->origin + (slash && slash[1] ? slash + 1 - origin : 0);
	return 0;
}

static int take_note(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *note = json_loads(json, 0, NULL);
	const json_t *node, *gpu;
	size_t i, k;
	int r = 0;

	(void)kind;
	json_array_foreach(json_object_get(note, "nodes"), i, node) {
		json_array_foreach(json_object_get(node, "gpus"), k, gpu) {
			r = r ? r : take_gpu(arg, string(node, "origin"), gpu, wall);
		}
	}
	return r;
}

/* A log that was left goes on as ORIGIN.2, ORIGIN.3, …. */
static bool is_of(const char *origin, const char *node)
{
	size_t n = strlen(node);

	if (strncmp(origin, node, n))
		return false;
	if (!origin[n])
		return true;
	return origin[n] == '.' && origin[n + 1] &&
	       strspn(origin + n + 1, "0123456789") == strlen(origin + n + 1);
}

static int find_member(struct em_ledger *l, unsigned int member)
{
	_cleanup_free_ char *note = NULL;
	struct em_checkpoint c;
	size_t len;
	int r = em_place_read(l->members[member]->place, "checkpoint", EM_NOTE_MAX - 1, &note,
			      &len);

	r = r ? r : em_checkpoint_parse(&c, note, len);
	if (r)
		return r;
	for (unsigned int i = 0; i < l->n_listed; i++) {
		if (is_of(c.origin, l->listed[i].origin))
			l->listed[i].member = (int)member;
	}
	return 0;
}

int em_listed_read(struct em_ledger *l)
{
	int r = em_many_notes(l, 0, INT64_MAX, "inventory", take_note, l);

	for (unsigned int i = 0; !r && l->n_listed && i < l->n_members; i++)
		r = find_member(l, i);
	return r;
}

static uint64_t overlap(int64_t since, int64_t until, int64_t from, int64_t to)
{
	since = since > from ? since : from;
	until = until < to ? until : to;
	return until > since ? (uint64_t)(until - since) : 0;
}

/* What is not over is not missing yet. */
static int64_t end_of(const struct em_listed *g, int64_t until)
{
	int64_t now = em_time_now();

	until = until < now ? until : now;
	return g->until && g->until < until ? g->until : until;
}

void em_listed_meet(struct em_ledger *l, int member, int64_t since, int64_t until,
		    struct em_gpu_usage *gpu)
{
	for (unsigned int i = 0; i < l->n_listed; i++) {
		struct em_listed *g = &l->listed[i];

		if (g->member != member || strcmp(g->gpu, gpu->name))
			continue;
		g->met = true;
		if (gpu->since <= g->since)
			continue;
		gpu->missing = overlap(since, end_of(g, until), g->since, gpu->since);
		gpu->gap += gpu->missing;
		gpu->since = g->since;
	}
}

/* When the node's own ledger first knew it; INT64_MAX: never. */
static int known_from(struct em_ledger *l, const struct em_listed *g, int64_t *since)
{
	struct em_ledger *member = g->member < 0 ? NULL : l->members[g->member];
	sqlite3_stmt *s;
	int r;

	*since = INT64_MAX;
	if (!member)
		return 0;
	s = em_store_bind(member,
			  "SELECT coalesce(min(p.since), 9223372036854775807) FROM gpu g JOIN "
			  "presence p ON p.gpu=g.id WHERE g.name=?",
			  "t", g->gpu);
	r = em_store_step(member, s);
	if (r <= 0)
		return r;
	*since = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return 0;
}

static int rest(struct em_ledger *l, unsigned int i, int64_t since, int64_t until,
		int (*each)(const struct em_gpu_usage *, void *), void *arg)
{
	const struct em_listed *g = &l->listed[i];
	struct em_gpu_usage usage = { .id = em_many_id(l->n_members, i),
				      .model = *g->model ? g->model : NULL,
				      .since = g->since,
				      .retired = g->until };
	char name[512];
	int64_t known;
	int r = known_from(l, g, &known);

	if (r)
		return r;
	usage.missing = overlap(since, end_of(g, until), g->since, known);
	usage.gap = usage.missing;
	/* there at that instant is there, though no time passes in it */
	if (g->since > until || (g->until && g->until <= since) || known <= since)
		return 0;
	snprintf(name, sizeof(name), "%s:%s", g->node, g->gpu);
	usage.name = name;
	return each(&usage, arg);
}

int em_listed_rest(struct em_ledger *l, int64_t since, int64_t until,
		   int (*each)(const struct em_gpu_usage *, void *), void *arg)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < l->n_listed; i++) {
		if (!l->listed[i].met)
			r = rest(l, i, since, until, each, arg);
	}
	return r;
}

const char *em_ledger_missing(const struct em_ledger *l, unsigned int n)
{
	for (unsigned int i = 0; i < l->n_listed; i++) {
		bool first = l->listed[i].member < 0;

		for (unsigned int k = 0; first && k < i; k++)
			first = strcmp(l->listed[k].origin, l->listed[i].origin);
		if (first && !n--)
			return l->listed[i].origin;
	}
	return NULL;
}
