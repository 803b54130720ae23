// SPDX-License-Identifier: GPL-2.0
/* Tags and open accounts from one load of the module to the next; see handover.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "daemon/handover.h"
#include "daemon/jobpath.h"
#include "daemon/log.h"

#define PART 48   /* jobs of a note: an entry of the log is 64 KiB at most */
#define ROUNDS 64 /* of setting: an interval takes a bounded number of tags by users */
#define SLACK (60 * EM_NS_PER_S)

/* struct counts - of jobs that waited, by what became of them */
struct counts {
	json_int_t tags, open, newer, gone, refused;
};

void em_handover_clear(struct em_handover *h)
{
	json_decref(h->jobs);
	json_decref(h->last);
	*h = (struct em_handover){ 0 };
}

static void settled(struct em_handover *h)
{
	json_decref(h->jobs);
	h->jobs = NULL;
	h->until = 0;
}

static int note(struct em_ledger *l, json_t *json)
{
	_cleanup_json_ json_t *owned = json;
	_cleanup_free_ char *text = owned ? json_dumps(owned, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	return text ? em_ledger_note(l, EM_HANDOVER_KIND, text) : -ENOMEM;
}

/* --- reading it back ---------------------------------------------------------------------- */

static int take_note(int64_t wall, const char *kind, const char *text, void *arg)
{
	_cleanup_json_ json_t *json = json_loads(text, 0, NULL);
	json_t *jobs = json_object_get(json, "jobs");
	struct em_handover *h = arg;

	(void)wall;
	(void)kind;
	if (strcmp(em_json_string(json, "state"), "released") || !em_json_integer(json, "part"))
		settled(h);
	if (!json_is_array(jobs) ||
	    em_unhex(h->boot_id, sizeof(h->boot_id), em_json_string(json, "boot_id")) ||
	    em_unhex(h->load_id, sizeof(h->load_id), em_json_string(json, "load_id")))
		return 0;
	if (!h->jobs)
		h->jobs = json_array();
	return json_array_extend(h->jobs, jobs) ? -ENOMEM : 0;
}

int em_handover_read(struct em_handover *h, struct em_ledger *l)
{
	/* what is of an earlier boot is of no use: its cgroups are gone */
	int64_t since = em_time_now() - (int64_t)em_time_monotonic() - SLACK;

	return em_ledger_notes(l, since, INT64_MAX, EM_HANDOVER_KIND, take_note, h);
}

/* --- writing it down ---------------------------------------------------------------------- */

/* struct standing - @tags: the last tag event of each cgroup, by its id; @jobs: being made */
struct standing {
	json_t *tags, *jobs;
};

static json_t *tag_json(const struct earmark_event *e)
{
	return json_pack("{s:I,s:s,s:s,s:o,s:o,s:I,s:I,s:I,s:o}", "tag", (json_int_t)e->tag,
			 "purpose", em_purpose_name(e->purpose), "tagged_by",
			 em_tagged_by_name(e->tagged_by), "project", em_json_safe(e->project),
			 "ref", em_json_safe(e->ref), "uid", (json_int_t)e->uid, "gid",
			 (json_int_t)e->gid, "pid", (json_int_t)e->pid, "comm",
			 em_json_safe(e->comm));
}

static int see_tag(const struct em_event *event, void *arg)
{
	struct standing *s = arg;
	char key[24];

	snprintf(key, sizeof(key), "%llu", (unsigned long long)event->e.job);
	return json_object_set_new(s->tags, key, tag_json(&event->e)) ? -ENOMEM : 0;
}

/* A ledger that was begun since does not know who set it: then it is set as earmarkd's. */
static json_t *unknown_tag(const struct earmark_job_info *j)
{
	struct earmark_event e = {
		.tag = j->own_tag,
		.purpose = j->own_purpose,
		.tagged_by = j->own_tagged_by,
		.uid = getuid(),
		.gid = getgid(),
		.pid = (__u32)getpid(),
		.comm = "earmarkd",
	};

	if (j->own_tag == j->tag) {
		memcpy(e.project, j->project, sizeof(e.project));
		memcpy(e.ref, j->ref, sizeof(e.ref));
	}
	return tag_json(&e);
}

static int see_job(const struct earmark_job_info *j, void *arg)
{
	struct standing *s = arg;
	json_t *o, *tag;
	char key[24];

	if (!j->own_tag && !j->gpus_held)
		return 0;
	snprintf(key, sizeof(key), "%llu", (unsigned long long)j->job);
	o = json_pack("{s:s,s:o,s:I}", "job", key, "path", em_json_safe(j->path), "gpus_held",
		      (json_int_t)j->gpus_held);
	if (j->own_tag) {
		tag = json_object_get(s->tags, key);
		tag = tag && em_json_integer(tag, "tag") == (json_int_t)j->own_tag
			      ? json_incref(tag)
			      : unknown_tag(j);
		json_object_update(o, tag);
		json_decref(tag);
	}
	return json_array_append_new(s->jobs, o) ? -ENOMEM : 0;
}

static int write_part(struct em_handover *h, struct em_ledger *l, size_t from)
{
	json_t *jobs = json_array();
	char boot[33], load[33];

	for (size_t i = from; i < json_array_size(h->jobs) && i < from + PART; i++)
		json_array_append(jobs, json_array_get(h->jobs, i));
	return note(l, json_pack("{s:s,s:s,s:s,s:I,s:o}", "state", "released", "boot_id",
				 em_hex(boot, h->boot_id, sizeof(h->boot_id)), "load_id",
				 em_hex(load, h->load_id, sizeof(h->load_id)), "part",
				 (json_int_t)(from / PART), "jobs", jobs));
}

/* All of it or none: what a note of an earlier part says is void without the later ones. */
static int write_parts(struct em_handover *h, struct em_ledger *l)
{
	size_t from = 0;
	int r = em_ledger_batch(l), end;

	if (r)
		return r;
	do {
		r = write_part(h, l, from);
		from += PART;
	} while (!r && from < json_array_size(h->jobs));
	end = em_ledger_batch_end(l);
	return r ? r : end;
}

int em_handover_write(struct em_handover *h, struct em_ledger *l, struct em_source *s)
{
	int64_t since = em_time_now() - (int64_t)em_time_monotonic() - SLACK;
	_cleanup_json_ json_t *tags = json_object(), *jobs = json_array();
	struct standing all = { tags, jobs };
	struct earmark_status status;
	int r = s->ops->status(s, &status);

	r = r ?: em_ledger_events(l, since, INT64_MAX, 1U << EARMARK_EVENT_TAG, 0, see_tag, &all);
	r = r ?: s->ops->jobs(s, see_job, &all);
	if (r)
		return r;
	settled(h);
	memcpy(h->boot_id, status.boot_id, sizeof(h->boot_id));
	memcpy(h->load_id, status.load_id, sizeof(h->load_id));
	h->jobs = json_incref(jobs);
	r = write_parts(h, l);
	if (r)
		settled(h);
	else
		h->until = em_time_monotonic() + EM_HANDOVER_WAITS;
	return r;
}

/* --- setting it again --------------------------------------------------------------------- */

static __u8 named(json_t *job, const char *key, int (*parse)(const char *))
{
	int n = parse(em_json_string(job, key));

	return n < 0 ? 0 : (__u8)n;
}

static struct earmark_event event_of(json_t *job)
{
	struct earmark_event e = {
		.type = EARMARK_EVENT_TAG,
		.purpose = named(job, "purpose", em_purpose_parse),
		.tagged_by = named(job, "tagged_by", em_tagged_by_parse),
		.uid = (__u32)em_json_integer(job, "uid"),
		.gid = (__u32)em_json_integer(job, "gid"),
		.pid = (__u32)em_json_integer(job, "pid"),
	};

	snprintf(e.project, sizeof(e.project), "%s", em_json_string(job, "project"));
	snprintf(e.ref, sizeof(e.ref), "%s", em_json_string(job, "ref"));
	snprintf(e.comm, sizeof(e.comm), "%s", em_json_string(job, "comm"));
	return e;
}

/* struct giving - @newer: jobs that have a tag in this load already: that is the later word */
struct giving {
	struct em_handover *h;
	struct em_source *source;
	json_t *newer;
	struct em_jobpaths paths;
	struct counts n;
};

static int see_newer(const struct earmark_job_info *j, void *arg)
{
	struct giving *g = arg;
	char key[24];

	if (!j->own_tag)
		return 0;
	snprintf(key, sizeof(key), "%llu", (unsigned long long)j->job);
	return json_object_set_new(g->newer, key, json_true()) ? -ENOMEM : 0;
}

static int find_paths(struct giving *g, const char *root)
{
	json_t *job;
	size_t i;
	int r = 0;

	json_array_foreach(g->h->jobs, i, job) {
		g->n.open += !!em_json_integer(job, "gpus_held");
		if (json_object_get(job, "tag"))
			r = r
				    ?: em_jobpaths_add(
					       &g->paths,
					       strtoull(em_json_string(job, "job"), NULL, 10), 0,
					       em_json_string(job, "path"));
	}
	return r ?: em_jobpaths_resolve(&g->paths, root);
}

static json_t *job_of(struct em_handover *h, __u64 id)
{
	json_t *job;
	size_t i;

	json_array_foreach(h->jobs, i, job) {
		if (strtoull(em_json_string(job, "job"), NULL, 10) == id)
			return job;
	}
	return NULL;
}

/* Return: 1 it is settled, 0 it waits for the next interval. */
static int set_one(struct giving *g, struct em_jobpath *path, const char *root)
{
	_cleanup_close_ int fd = em_jobpath_open(path, root);
	struct earmark_event e = event_of(job_of(g->h, path->job));
	char key[24];
	__u32 id;
	int r;

	snprintf(key, sizeof(key), "%llu", (unsigned long long)path->job);
	if (json_object_get(g->newer, key))
		return g->n.newer++, 1;
	if (fd < 0)
		return g->n.gone++, 1;
	r = g->source->ops->tag(g->source, fd, &e, &id);
	if (r == -EAGAIN || r == -ENOSPC)
		return 0;
	if (!r)
		return g->n.tags++, 1;
	em_log(LOG_ERR, "the tag of %s could not be set again after the module's upgrade: %s",
	       path->path, g->source->error);
	return g->n.refused++, 1;
}

/* An interval takes a bounded number of tags: what finds no room waits for the next. */
static void set_all(struct giving *g, const char *root)
{
	size_t left = g->paths.n, before;
	__u64 number;

	for (int round = 0; left && round < ROUNDS; round++) {
		before = left;
		for (size_t i = 0; i < g->paths.n; i++) {
			struct em_jobpath *path = &g->paths.list[i];

			if (!path->job || !set_one(g, path, root))
				continue;
			path->job = 0;
			left--;
		}
		if (left && (left == before || g->source->ops->seal(g->source, &number)))
			break;
	}
	if (left)
		em_log(LOG_ERR, "%zu tags could not be set again after the module's upgrade: %s",
		       left, g->source->error);
	g->n.refused += (json_int_t)left;
}

static int finish(struct em_handover *h, struct em_ledger *l, json_t *last)
{
	int r = note(l, json_incref(last));

	json_decref(h->last);
	h->last = last;
	settled(h);
	return r;
}

int em_handover_give(struct em_handover *h, struct em_ledger *l, struct em_source *s,
		     const struct earmark_status *status, const char *root)
{
	_cleanup_json_ json_t *newer = json_object();
	struct giving g = { .h = h, .source = s, .newer = newer };
	char boot[33], load[33], from[33];
	int r;

	if (!h->jobs || s->ops->recorder != EARMARK_RECORDER_KERNEL ||
	    memcmp(h->boot_id, status->boot_id, sizeof(h->boot_id)))
		return 0;
	em_hex(boot, status->boot_id, sizeof(status->boot_id));
	em_hex(load, status->load_id, sizeof(status->load_id));
	if (!memcmp(h->load_id, status->load_id, sizeof(h->load_id)))
		return finish(h, l,
			      json_pack("{s:s,s:s,s:s}", "state", "kept", "boot_id", boot,
					"load_id", load));
	r = s->ops->jobs(s, see_newer, &g);
	r = r ?: find_paths(&g, root);
	if (!r)
		set_all(&g, root);
	em_jobpaths_clear(&g.paths);
	if (r)
		return r;
	em_log(LOG_NOTICE,
	       "another load of the module: %lld tags are set again, %lld open accounts are found "
	       "by their files, %lld jobs are over",
	       g.n.tags, g.n.open, g.n.gone);
	return finish(h, l,
		      json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "state", "restored",
				"boot_id", boot, "load_id", load, "from",
				em_hex(from, h->load_id, sizeof(h->load_id)), "tags", g.n.tags,
				"open", g.n.open, "newer", g.n.newer, "gone", g.n.gone, "refused",
				g.n.refused));
}

bool em_handover_waits(const struct em_handover *h, const __u8 load_id[16], uint64_t now)
{
	return h->until > now && !memcmp(h->load_id, load_id, sizeof(h->load_id));
}
