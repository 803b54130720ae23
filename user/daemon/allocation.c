// SPDX-License-Identifier: GPL-2.0
/* What was given to whom, and how much of it lies in an interval; see allocation.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "daemon/allocation.h"

/* So long is kept what was given back and which tag was in force: intervals may be taken again. */
#define KEPT (3600 * EM_NS_PER_S)

void em_allocation_clear(struct em_allocations *a)
{
	for (unsigned int i = 0; i < a->n; i++)
		free(a->list[i].path);
	free(a->list);
	free(a->tags);
	free(a->gpus);
	memset(a, 0, sizeof(*a));
}

/* --- giving and taking -------------------------------------------------------------------- */

/* Does the job have it at @from? *@free_from is moved to when it had given it back. */
static bool has(const struct em_allocations *a, uint64_t job, const char *gpu, uint64_t *free_from)
{
	for (unsigned int i = 0; i < a->n; i++) {
		const struct em_given *g = &a->list[i];

		if (g->job != job || strcmp(g->gpu, gpu))
			continue;
		if (!g->to)
			return true;
		if (g->to > *free_from)
			*free_from = g->to;
	}
	return false;
}

static int give_one(struct em_allocations *a, const struct em_given *given, const char *gpu,
		    uint64_t from)
{
	struct em_given *more;
	char *path;

	if (has(a, given->job, gpu, &from))
		return 0;
	if (a->n == EM_ALLOCATIONS_MAX)
		return -ENOSPC;
	path = strdup(given->path ?: "");
	more = path ? reallocarray(a->list, a->n + 1, sizeof(*more)) : NULL;
	if (!more) {
		free(path);
		return -ENOMEM;
	}
	a->list = more;
	more = &a->list[a->n++];
	*more = *given;
	more->path = path;
	more->from = from;
	more->to = 0;
	more->untold = false;
	snprintf(more->gpu, sizeof(more->gpu), "%s", gpu);
	return 1;
}

int em_allocation_give(struct em_allocations *a, const struct em_given *given,
		       const char *const *gpus, unsigned int n, uint64_t from)
{
	int all = 0, r = 0;

	for (unsigned int i = 0; r >= 0 && i < n; i++) {
		r = give_one(a, given, gpus[i], from);
		all += r > 0;
	}
	return r < 0 ? r : all;
}

unsigned int em_allocation_take(struct em_allocations *a, uint64_t job, const char *gpu,
				uint64_t to)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < a->n; i++) {
		struct em_given *g = &a->list[i];

		/* who is told twice believes the earlier: a cgroup that is gone needs no GPU */
		if (g->job != job || (gpu && strcmp(g->gpu, gpu)) || (g->to && g->to <= to))
			continue;
		n += !g->to;
		g->to = to > g->from ? to : g->from;
	}
	return n;
}

/* --- tags --------------------------------------------------------------------------------- */

static bool in_chain(const struct em_given *g, uint64_t job)
{
	for (unsigned int i = 0; i < g->n_chain; i++) {
		if (g->chain[i] == job)
			return true;
	}
	return false;
}

/* Nodes have many more tagged cgroups than such that a scheduler gave GPUs to. */
static bool matters(const struct em_allocations *a, uint64_t job)
{
	for (unsigned int i = 0; i < a->n; i++) {
		if (in_chain(&a->list[i], job))
			return true;
	}
	return false;
}

int em_allocation_tag(struct em_allocations *a, const struct em_own_tag *tag)
{
	struct em_own_tag *more;

	if (!matters(a, tag->job))
		return 0;
	for (unsigned int i = 0; i < a->n_tags; i++) {
		if (a->tags[i].job == tag->job && a->tags[i].when == tag->when &&
		    a->tags[i].tag == tag->tag)
			return 0;
	}
	more = reallocarray(a->tags, a->n_tags + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	a->tags = more;
	a->tags[a->n_tags++] = *tag;
	return 0;
}

int em_allocation_stands(struct em_allocations *a, const struct em_own_tag *tag)
{
	for (unsigned int i = 0; i < a->n_tags; i++) {
		if (a->tags[i].job == tag->job)
			return 0;
	}
	return em_allocation_tag(a, tag);
}

void em_allocation_forget_tags(struct em_allocations *a)
{
	free(a->tags);
	a->tags = NULL;
	a->n_tags = 0;
}

/* On this very cgroup at @t; NULL: none. Of those of one instant the last. */
static const struct em_own_tag *own_tag(const struct em_allocations *a, uint64_t job, uint64_t t)
{
	const struct em_own_tag *best = NULL;

	for (unsigned int i = 0; i < a->n_tags; i++) {
		const struct em_own_tag *tag = &a->tags[i];

		if (tag->job == job && tag->when <= t && (!best || tag->when >= best->when))
			best = tag;
	}
	return best && best->purpose != EARMARK_PURPOSE_UNTAGGED ? best : NULL;
}

/* The strongest, then the nearest (uapi: "The effective tag of a job"). */
static __u32 tag_in_force(const struct em_allocations *a, const struct em_given *g, uint64_t t)
{
	const struct em_own_tag *best = NULL;

	for (unsigned int i = 0; i < g->n_chain; i++) {
		const struct em_own_tag *own = own_tag(a, g->chain[i], t);

		if (own && (!best || own->tagged_by > best->tagged_by))
			best = own;
	}
	return best ? best->tag : 0;
}

/* The next instant after @t, before @end, at which a tag of the job's cgroups changes. */
static uint64_t next_change(const struct em_allocations *a, const struct em_given *g, uint64_t t,
			    uint64_t end)
{
	for (unsigned int i = 0; i < a->n_tags; i++) {
		const struct em_own_tag *tag = &a->tags[i];

		if (tag->when > t && tag->when < end && in_chain(g, tag->job))
			end = tag->when;
	}
	return end;
}

/* Was it replaced before anybody could still ask, or does nobody ask any more? */
static bool is_over(const struct em_allocations *a, unsigned int i, uint64_t before)
{
	const struct em_own_tag *tag = &a->tags[i];

	for (unsigned int k = 0; k < a->n_tags; k++) {
		if (a->tags[k].job == tag->job && a->tags[k].when > tag->when &&
		    a->tags[k].when < before)
			return true;
	}
	return !matters(a, tag->job);
}

static void trim_tags(struct em_allocations *a, uint64_t before)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < a->n_tags; i++)
		a->tags[i].over = is_over(a, i, before);
	for (unsigned int i = 0; i < a->n_tags; i++) {
		if (!a->tags[i].over)
			a->tags[n++] = a->tags[i];
	}
	a->n_tags = n;
}

static void trim(struct em_allocations *a, uint64_t now)
{
	uint64_t before = now > KEPT ? now - KEPT : 0;
	unsigned int n = 0;

	for (unsigned int i = 0; i < a->n; i++) {
		if (a->list[i].to && a->list[i].to < before)
			free(a->list[i].path);
		else
			a->list[n++] = a->list[i];
	}
	a->n = n;
	trim_tags(a, before);
}

/* --- intervals ---------------------------------------------------------------------------- */

static void end_job(struct em_allocations *a, uint64_t job, uint64_t when)
{
	for (unsigned int i = 0; i < a->n; i++)
		a->list[i].untold |= a->list[i].job == job && !a->list[i].to;
	em_allocation_take(a, job, NULL, when);
}

static int take_events(struct em_allocations *a, const struct em_interval *i)
{
	int r = 0;

	for (__u32 k = 0; !r && k < i->header.nr_events; k++) {
		const struct earmark_event *e = &i->events[k];

		if (e->type == EARMARK_EVENT_JOB_END)
			end_job(a, e->job, e->when);
		if (e->type == EARMARK_EVENT_TAG)
			r = em_allocation_tag(a, &(struct em_own_tag){ .job = e->job,
								       .when = e->when,
								       .tag = e->tag,
								       .purpose = e->purpose,
								       .tagged_by = e->tagged_by });
	}
	return r;
}

/* What the recorder calls it in this interval; 0: the interval does not speak of it. */
static __u32 id_of(const struct em_allocations *a, const struct em_interval *i, const char *name)
{
	__u32 id = 0;

	for (unsigned int k = 0; k < a->n_gpus; k++)
		id = strcmp(a->gpus[k].name, name) ? id : a->gpus[k].gpu;
	for (__u32 k = 0; id && k < i->header.nr_segments; k++) {
		if (i->segments[k].kind == EARMARK_SEGMENT_GPU && i->segments[k].gpu == id)
			return id;
	}
	return 0;
}

/* struct rows - that grow */
struct rows {
	struct em_allocated *list;
	unsigned int n;
};

static int add_row(struct rows *rows, const struct em_allocated *row)
{
	struct em_allocated *more;

	for (unsigned int i = 0; i < rows->n; i++) {
		struct em_allocated *known = &rows->list[i];

		if (known->job == row->job && known->gpu == row->gpu && known->tag == row->tag) {
			known->ns += row->ns;
			return 0;
		}
	}
	more = reallocarray(rows->list, rows->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	rows->list = more;
	rows->list[rows->n++] = *row;
	return 0;
}

static int add_given(struct rows *rows, const struct em_allocations *a, const struct em_given *g,
		     const struct em_interval *i, __u32 gpu)
{
	uint64_t t = g->from > i->header.start ? g->from : i->header.start;
	uint64_t end = g->to && g->to < i->header.end ? g->to : i->header.end;
	int r = 0;

	while (!r && t < end) {
		uint64_t next = next_change(a, g, t, end);

		r = add_row(rows,
			    &(struct em_allocated){ g->job, gpu, tag_in_force(a, g, t), next - t });
		t = next;
	}
	return r;
}

int em_allocation_of(struct em_allocations *a, const struct em_interval *i,
		     struct em_allocated **ret_rows)
{
	struct rows rows = { 0 };
	int r = take_events(a, i);

	trim(a, i->header.end);
	for (unsigned int k = 0; !r && k < a->n; k++) {
		__u32 gpu = id_of(a, i, a->list[k].gpu);

		if (gpu)
			r = add_given(&rows, a, &a->list[k], i, gpu);
	}
	if (r) {
		free(rows.list);
		return r;
	}
	*ret_rows = rows.list;
	return (int)rows.n;
}

/* --- names and notes ---------------------------------------------------------------------- */

int em_allocation_add_gpu(struct em_allocations *a, const struct earmark_gpu_info *gpu)
{
	struct earmark_gpu_info *more = reallocarray(a->gpus, a->n_gpus + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	a->gpus = more;
	a->gpus[a->n_gpus++] = *gpu;
	return 0;
}

void em_allocation_forget_gpus(struct em_allocations *a)
{
	free(a->gpus);
	a->gpus = NULL;
	a->n_gpus = 0;
}

const char *em_allocation_gpu(const struct em_allocations *a, const char *name)
{
	const struct earmark_gpu_info *gpus = a->gpus;
	unsigned int major, minor;
	char rest;
	bool number = sscanf(name, "%u:%u%c", &major, &minor, &rest) == 2;

	for (unsigned int i = 0; i < a->n_gpus; i++) {
		if (!strcmp(gpus[i].name, name))
			return gpus[i].name;
		for (__u32 k = 0; number && k < gpus[i].nr_devnums; k++) {
			if (gpus[i].devnums[k] == (major << 20 | minor))
				return gpus[i].name;
		}
	}
	return NULL;
}

json_t *em_allocation_note(const char *boot_id, const struct em_given *given, const char *action,
			   const char *const *gpus, unsigned int n, uint64_t when)
{
	json_t *names = json_array(), *chain = json_array();
	int64_t wall = em_time_now() - (int64_t)(em_time_monotonic() - when);
	char at[EM_TIME_LEN];

	for (unsigned int i = 0; i < n; i++)
		json_array_append_new(names, json_string(gpus[i]));
	for (unsigned int i = 0; i < given->n_chain; i++)
		json_array_append_new(chain, json_integer((json_int_t)given->chain[i]));
	return json_pack("{s:s,s:s,s:I,s:s,s:s,s:o,s:o,s:s,s:I}", "boot_id", boot_id, "action",
			 action, "job", (json_int_t)given->job, "path", given->path ?: "", "ref",
			 given->ref, "cgroups", chain, "gpus", names, "at",
			 em_time_format(at, wall, 6), "when", (json_int_t)when);
}

int em_allocation_read(struct em_allocations *a, const char *boot_id, const json_t *note)
{
	const json_t *names = json_object_get(note, "gpus"), *name, *cgroup;
	struct em_given given = { .job = (uint64_t)em_json_integer(note, "job"),
				  .path = (char *)em_json_string(note, "path") };
	uint64_t when = (uint64_t)em_json_integer(note, "when");
	bool give = !strcmp(em_json_string(note, "action"), "give");
	size_t i;
	int r = 0;

	if (strcmp(em_json_string(note, "boot_id"), boot_id))
		return 0;
	snprintf(given.ref, sizeof(given.ref), "%s", em_json_string(note, "ref"));
	json_array_foreach(json_object_get(note, "cgroups"), i, cgroup) {
		if (i < EM_ALLOCATION_DEPTH)
			given.chain[given.n_chain++] = (uint64_t)json_integer_value(cgroup);
	}
	json_array_foreach((json_t *)names, i, name) {
		const char *gpu = json_string_value(name) ?: "";

		if (give && r >= 0)
			r = em_allocation_give(a, &given, &gpu, 1, when);
		else if (!give)
			em_allocation_take(a, given.job, gpu, when);
	}
	return r < 0 ? r : 0;
}
