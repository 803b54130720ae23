// SPDX-License-Identifier: GPL-2.0
/*
 * What rows refer to: loads, GPUs, tags, jobs. A GPU is its name, over all loads; what was never
 * told is filled in when it is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "ledger/store.h"

#define UNKNOWN_GPU "unknown/"

/* The integer of a statement's first row. Return: 0, -ENOENT without a row, or -errno. */
static int number(struct em_ledger *l, sqlite3_stmt *s, int64_t *value)
{
	int r = em_store_step(l, s);

	if (r <= 0)
		return r ? r : -ENOENT;
	*value = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return 0;
}

int em_names_find_load(struct em_ledger *l, const __u8 load_id[16], int64_t *load)
{
	return number(l, em_store_bind(l, "SELECT id FROM load WHERE load_id=?", "b", load_id, 16),
		      load);
}

int em_names_load(struct em_ledger *l, const struct earmark_interval *h, int64_t *load)
{
	int r = em_store_run(l, "INSERT OR IGNORE INTO load(load_id, boot_id) VALUES(?,?)", "bb",
			     h->load_id, 16, h->boot_id, 16);

	return r ? r : em_names_find_load(l, h->load_id, load);
}

static int presence_open(struct em_ledger *l, int64_t gpu, int64_t wall)
{
	return em_store_run(l,
			    "INSERT OR IGNORE INTO presence(gpu, since, retired) SELECT ?1,?2,0 "
			    "WHERE NOT EXISTS (SELECT 1 FROM presence WHERE gpu=?1 AND retired=0)",
			    "ii", gpu, wall);
}

static int presence_close(struct em_ledger *l, int64_t gpu, int64_t wall)
{
	return em_store_run(l,
			    "UPDATE presence SET retired=max(?2, since+1) WHERE gpu=?1 AND "
			    "retired=0",
			    "ii", gpu, wall);
}

static int gpu_by_name(struct em_ledger *l, const char *name, int64_t *gpu)
{
	return number(l, em_store_bind(l, "SELECT id FROM gpu WHERE name=?", "t", name), gpu);
}

/* A stand-in for a GPU that was not named in time gives way to the GPU it was. */
static int stand_in_resolve(struct em_ledger *l, int64_t stand_in, int64_t gpu)
{
	int64_t since;
	int r = number(
		l, em_store_bind(l, "SELECT min(since) FROM presence WHERE gpu=?", "i", stand_in),
		&since);

	if (!r)
		r = em_store_run(l,
				 "UPDATE OR IGNORE presence SET since=min(since, ?2) WHERE gpu=?1 "
				 "AND retired=0",
				 "ii", gpu, since);
	if (!r)
		r = em_store_run(l, "DELETE FROM presence WHERE gpu=?", "i", stand_in);
	return r ? r : em_store_run(l, "DELETE FROM gpu WHERE id=?", "i", stand_in);
}

static int mapping_set(struct em_ledger *l, int64_t load, __u32 id, int64_t gpu)
{
	int64_t old = 0;
	int r = number(l,
		       em_store_bind(l,
				     "SELECT g.id FROM gpu_name n JOIN gpu g ON g.id=n.gpu "
				     "WHERE n.load=? AND n.id=? AND g.name LIKE '" UNKNOWN_GPU "%'",
				     "iu", load, id),
		       &old);

	if (r && r != -ENOENT)
		return r;
	l->named++;
	r = em_store_run(l, "INSERT OR REPLACE INTO gpu_name(load, id, gpu) VALUES(?,?,?)", "iui",
			 load, id, gpu);
	return r || !old || old == gpu ? r : stand_in_resolve(l, old, gpu);
}

static int gpu_add(struct em_ledger *l, const char *name, const char *model, const char *uuid,
		   int64_t weight, int64_t *gpu)
{
	int r = em_store_run(
		l,
		"INSERT INTO gpu(name, model, uuid, weight) "
		"VALUES(?,nullif(?,''),nullif(?,''),?) ON CONFLICT(name) DO UPDATE SET "
		"model=coalesce(excluded.model, model), "
		"uuid=coalesce(excluded.uuid, uuid), weight=excluded.weight",
		"ttti", name, model, uuid, weight);

	return r ? r : gpu_by_name(l, name, gpu);
}

static int gpu_event(struct em_ledger *l, int64_t load, const struct earmark_event *e, int64_t wall)
{
	int64_t gpu;
	int r = gpu_add(l, e->text, e->project, e->ref, (int64_t)e->value, &gpu);

	if (!r)
		r = presence_open(l, gpu, wall);
	return r ? r : mapping_set(l, load, e->gpu, gpu);
}

static int gpu_of_load(struct em_ledger *l, int64_t load, __u32 id, int64_t *gpu)
{
	return number(
		l,
		em_store_bind(l, "SELECT gpu FROM gpu_name WHERE load=? AND id=?", "iu", load, id),
		gpu);
}

static int retired_event(struct em_ledger *l, int64_t load, const struct earmark_event *e,
			 int64_t wall)
{
	int64_t gpu;
	int r = gpu_of_load(l, load, e->gpu, &gpu);

	return r == -ENOENT ? 0 : r ? r : presence_close(l, gpu, wall);
}

static int job_add(struct em_ledger *l, int64_t load, __u64 job, const char *path, __u32 uid)
{
	int r = em_store_run(l,
			     "INSERT OR IGNORE INTO job(boot_id, id, path, uid) SELECT "
			     "boot_id,?2,?3,?4 FROM load WHERE id=?1",
			     "iitu", load, (int64_t)job, path, uid);

	if (r)
		return r;
	l->told += sqlite3_changes(l->db) > 0;
	if (sqlite3_changes(l->db))
		return 0;
	r = em_store_run(l,
			 "UPDATE job SET path=coalesce(nullif(?3,''), path), uid=?4 WHERE id=?2 "
			 "AND boot_id=(SELECT boot_id FROM load WHERE id=?1) AND (uid IS NOT ?4 OR "
			 "path IS NOT coalesce(nullif(?3,''), path))",
			 "iitu", load, (int64_t)job, path, uid);
	l->named += !r && sqlite3_changes(l->db) > 0;
	return r;
}

static int tag_add(struct em_ledger *l, int64_t load, const struct earmark_event *e, int64_t wall)
{
	int r = em_store_run(
		l,
		"INSERT OR IGNORE INTO tag(load, id, job, purpose, tagged_by, project, "
		"ref, wall) VALUES(?,?,?,?,?,nullif(?,''),nullif(?,''),?)",
		"iuiuutti", load, e->tag, (int64_t)e->job, (unsigned int)e->purpose,
		(unsigned int)e->tagged_by, e->project, e->ref, wall);

	l->told += !r && sqlite3_changes(l->db) > 0;
	return r;
}

int em_names_event(struct em_ledger *l, int64_t load, const struct earmark_event *event,
		   int64_t wall)
{
	struct earmark_event e = *event;

	/* text from elsewhere ends somewhere */
	e.project[sizeof(e.project) - 1] = e.ref[sizeof(e.ref) - 1] = '\0';
	e.text[sizeof(e.text) - 1] = '\0';
	switch (e.type) {
	case EARMARK_EVENT_GPU:
		return gpu_event(l, load, &e, wall);
	case EARMARK_EVENT_GPU_RETIRED:
		return retired_event(l, load, &e, wall);
	case EARMARK_EVENT_JOB:
		return job_add(l, load, e.job, e.text, e.uid);
	case EARMARK_EVENT_TAG:
		return e.tag ? tag_add(l, load, &e, wall) : 0;
	default:
		return 0;
	}
}

int em_names_gpu(struct em_ledger *l, int64_t load, const __u8 load_id[16], __u32 id, int64_t wall)
{
	char name[EARMARK_NAME_LEN], hex[9];
	int64_t gpu;
	int r = gpu_of_load(l, load, id, &gpu);

	if (r != -ENOENT)
		return r;
	snprintf(name, sizeof(name), UNKNOWN_GPU "%s.%u", em_hex(hex, load_id, 4), id);
	r = gpu_add(l, name, NULL, NULL, 0, &gpu);
	if (!r)
		r = presence_open(l, gpu, wall);
	return r ? r : mapping_set(l, load, id, gpu);
}

bool em_ledger_unknown(struct em_ledger *l, const __u8 load_id[16])
{
	int64_t load, unknown = 0;

	if (em_names_find_load(l, load_id, &load))
		return false;
	if (number(l,
		   em_store_bind(l,
				 "SELECT EXISTS (SELECT 1 FROM gpu_name n JOIN gpu g ON g.id=n.gpu "
				 "WHERE n.load=?1 AND g.name LIKE '" UNKNOWN_GPU "%') OR EXISTS "
				 "(SELECT 1 FROM usage u JOIN load l ON l.id=?1 "
				 "LEFT JOIN tag t ON t.load=?1 AND t.id=u.tag "
				 "LEFT JOIN job j ON j.boot_id=l.boot_id AND j.id=u.job "
				 "WHERE u.interval=(SELECT id FROM interval WHERE load_id=?1 "
				 "ORDER BY number DESC LIMIT 1) AND "
				 "(j.path IS NULL OR (u.tag != 0 AND t.id IS NULL)))",
				 "i", load),
		   &unknown))
		return false;
	return unknown;
}

/* Wall time of an instant of this boot's monotonic clock. */
static int64_t wall_of(__u64 monotonic)
{
	return em_time_now() - (int64_t)(em_time_monotonic() - monotonic);
}

/*
 * What is learned afterwards moves figures: it is an entry, from which the names are taken as from
 * an event.
 */
static int learn(struct em_ledger *l, const __u8 load_id[16], const struct earmark_event *e,
		 int64_t wall)
{
	char load[33];
	_cleanup_json_ json_t *note = json_pack(
		"{s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:s, s:s, s:s}", "load_id",
		em_hex(load, load_id, 16), "event", em_event_name(e->type), "since",
		(json_int_t)wall, "job", (json_int_t)e->job, "gpu", (json_int_t)e->gpu, "tag",
		(json_int_t)e->tag, "purpose", em_purpose_name(e->purpose), "tagged_by",
		em_tagged_by_name(e->tagged_by), "value", (json_int_t)e->value, "uid",
		(json_int_t)e->uid, "text", e->text, "project", e->project, "ref", e->ref);
	_cleanup_free_ char *text = note ? json_dumps(note, JSON_COMPACT) : NULL;

	if (!text)
		return 0; /* a name that is not UTF-8: it stays unknown */
	return em_ledger_note(l, "learned", text);
}

static void text_of(const json_t *data, const char *key, char *out, size_t size)
{
	snprintf(out, size, "%s", json_string_value(json_object_get(data, key)) ?: "");
}

static int note_learned(struct em_ledger *l, const json_t *data)
{
	const char *type = json_string_value(json_object_get(data, "event")) ?: "";
	struct earmark_event e = {
		.job = (__u64)em_json_integer(data, "job"),
		.gpu = (__u32)em_json_integer(data, "gpu"),
		.tag = (__u32)em_json_integer(data, "tag"),
		.value = (__u64)em_json_integer(data, "value"),
		.uid = (__u32)em_json_integer(data, "uid"),
	};
	int purpose = em_purpose_parse(json_string_value(json_object_get(data, "purpose")) ?: "");
	int by = em_tagged_by_parse(json_string_value(json_object_get(data, "tagged_by")) ?: "");
	char hex[33];
	__u8 load_id[16];
	int64_t load;
	int r;

	e.purpose = purpose > 0 ? (__u8)purpose : EARMARK_PURPOSE_UNTAGGED;
	e.tagged_by = by > 0 ? (__u8)by : EARMARK_TAGGED_BY_NOBODY;
	text_of(data, "load_id", hex, sizeof(hex));
	text_of(data, "text", e.text, sizeof(e.text));
	text_of(data, "project", e.project, sizeof(e.project));
	text_of(data, "ref", e.ref, sizeof(e.ref));
	for (unsigned int t = 0; t < EARMARK_EVENT_COUNT; t++)
		e.type = strcmp(em_event_name(t), type) ? e.type : (__u16)t;
	if (em_unhex(load_id, sizeof(load_id), hex))
		return 0;
	r = em_names_find_load(l, load_id, &load);
	return r ? (r == -ENOENT ? 0 : r)
		 : em_names_event(l, load, &e, em_json_integer(data, "since"));
}

static int note_retired(struct em_ledger *l, const json_t *data, int64_t wall)
{
	int64_t gpu;
	int r = gpu_by_name(l, json_string_value(json_object_get(data, "gpu")) ?: "", &gpu);

	return r ? (r == -ENOENT ? 0 : r) : presence_close(l, gpu, wall);
}

int em_names_note(struct em_ledger *l, int64_t wall, const char *kind, const json_t *data)
{
	bool learned = !strcmp(kind, "learned"), retired = !strcmp(kind, "gpu-retired");
	char text[32];

	l->moved += learned || retired;
	if (learned)
		return note_learned(l, data);
	if (retired)
		return note_retired(l, data, wall);
	if (strcmp(kind, "period"))
		return 0;
	snprintf(text, sizeof(text), "%lld", (long long)em_json_integer(data, "ns"));
	return em_state_put(l, "period", text);
}

int em_ledger_learn_gpu(struct em_ledger *l, const __u8 load_id[16],
			const struct earmark_gpu_info *gpu)
{
	struct earmark_event e = { .type = EARMARK_EVENT_GPU,
				   .gpu = gpu->gpu,
				   .value = gpu->weight };
	int64_t load, known;
	int r = em_names_find_load(l, load_id, &load);

	if (!r)
		r = number(l,
			   em_store_bind(l,
					 "SELECT EXISTS (SELECT 1 FROM gpu_name n JOIN gpu g ON "
					 "g.id=n.gpu WHERE n.load=? AND n.id=? AND g.name=?)",
					 "iut", load, gpu->gpu, gpu->name),
			   &known);
	if (r || known)
		return r == -ENOENT ? 0 : r;
	snprintf(e.text, sizeof(e.text), "%s", gpu->name);
	snprintf(e.project, sizeof(e.project), "%s", gpu->model);
	snprintf(e.ref, sizeof(e.ref), "%s", gpu->uuid);
	return learn(l, load_id, &e, wall_of(gpu->since));
}

int em_ledger_learn_job(struct em_ledger *l, const __u8 load_id[16],
			const struct earmark_job_info *job)
{
	struct earmark_event path = { .type = EARMARK_EVENT_JOB, .job = job->job, .uid = job->uid };
	struct earmark_event tag = { .type = EARMARK_EVENT_TAG,
				     .job = job->tag_job,
				     .tag = job->tag,
				     .purpose = job->purpose,
				     .tagged_by = job->tagged_by };
	int64_t load, known = 0;
	int r = em_names_find_load(l, load_id, &load);

	if (!r)
		r = number(l,
			   em_store_bind(l,
					 "SELECT EXISTS (SELECT 1 FROM job j JOIN load l ON "
					 "j.boot_id=l.boot_id WHERE l.id=?1 AND j.id=?2 AND "
					 "j.path IS NOT NULL) + 2 * (?3=0 OR EXISTS (SELECT 1 FROM "
					 "tag WHERE load=?1 AND id=?3))",
					 "iiu", load, (int64_t)job->job, job->tag),
			   &known);
	snprintf(path.text, sizeof(path.text), "%s", job->path);
	snprintf(tag.project, sizeof(tag.project), "%s", job->project);
	snprintf(tag.ref, sizeof(tag.ref), "%s", job->ref);
	if (!r && !(known & 1))
		r = learn(l, load_id, &path, em_time_now());
	if (!r && !(known & 2))
		r = learn(l, load_id, &tag, wall_of(job->since));
	return r == -ENOENT ? 0 : r;
}

int em_ledger_retire(struct em_ledger *l, const char *name, const char *reason, __u32 uid)
{
	_cleanup_json_ json_t *note =
		json_pack("{s:s, s:s, s:I}", "gpu", name, "reason", reason, "uid", (json_int_t)uid);
	_cleanup_free_ char *text = note ? json_dumps(note, JSON_COMPACT) : NULL;
	int64_t gpu;
	int r;

	if (!text)
		return em_store_fail(l, -EINVAL, "the name or the reason is not UTF-8");
	r = gpu_by_name(l, name, &gpu);
	if (r == -ENOENT)
		return em_store_fail(l, r,
				     "no GPU of that name was ever seen; earmark gpu list "
				     "shows those that were");
	return r ? r : em_ledger_note(l, "gpu-retired", text);
}
