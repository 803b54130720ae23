// SPDX-License-Identifier: GPL-2.0
/* Entries of what was used, and events in them, there and back; see entry.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "ledger/entry.h"

#define BUDGET 60000 /* bytes of an entry, which may have 65,535: its frame is to fit too */

/**
 * struct parts - entries in the making
 * @list: finished and current ones; @used: bytes of the current one so far
 */
struct parts {
	json_t *list;
	size_t used;
};

/**
 * struct unit - what must stay together
 * @entry: arrays by key, whose elements go to the arrays of the entry; @items: its private part
 */
struct unit {
	json_t *entry, *items;
};

static json_t *entry_of(const struct parts *p)
{
	size_t n = json_array_size(p->list);

	return n ? json_object_get(json_array_get(p->list, n - 1), "entry") : NULL;
}

static json_t *hex_of(const void *bytes, size_t n)
{
	char text[2 * sizeof(struct earmark_interval) + 1];

	return json_string(em_hex(text, bytes, n));
}

static json_t *integer(__u64 n)
{
	return json_integer((json_int_t)n);
}

static void part_begin(struct parts *p, const struct em_fold *f)
{
	const struct earmark_interval *first = &f->list[0].i.header;
	const struct earmark_interval *last = &f->list[f->n - 1].i.header;
	json_t *e = json_object();
	__u64 flags = 0;
	bool hiding = false;

	for (unsigned int i = 0; i < f->n; i++) {
		flags |= f->list[i].i.header.flags;
		hiding |= f->list[i].hiding;
	}
	json_object_set_new(e, "v", json_integer(EM_ENTRY_VERSION));
	json_object_set_new(e, "type", json_string("usage"));
	json_object_set_new(e, "at", integer(last->wall_end));
	json_object_set_new(e, "boot", hex_of(last->boot_id, 16));
	json_object_set_new(e, "load", hex_of(last->load_id, 16));
	json_object_set_new(e, "recorder", json_string(em_recorder_name(last->recorder)));
	json_object_set_new(e, "first", integer(first->number));
	json_object_set_new(e, "last", integer(last->number));
	json_object_set_new(e, "start", integer(first->start));
	json_object_set_new(e, "end", integer(last->end));
	json_object_set_new(e, "wall_start", integer(first->wall_start));
	json_object_set_new(e, "wall_end", integer(last->wall_end));
	json_object_set_new(e, "flags", integer(flags));
	json_object_set_new(e, "hiding", json_boolean(hiding));
	json_array_append_new(p->list, json_pack("{s:o,s:[]}", "entry", e, "items"));
	p->used = 0;
}

static size_t size_of(const json_t *json)
{
	return json_dumpb(json, NULL, 0, JSON_COMPACT);
}

/* Into the current part, or, if it is full, a new one. Takes the unit over. */
static void unit_put(struct parts *p, const struct em_fold *f, struct unit *u)
{
	size_t size = size_of(u->entry);
	json_t *part, *items, *array;
	const char *key;

	if (!entry_of(p) || (p->used && p->used + size > BUDGET))
		part_begin(p, f);
	p->used += size;
	part = entry_of(p);
	items = json_object_get(json_array_get(p->list, json_array_size(p->list) - 1), "items");
	json_object_foreach(u->entry, key, array) {
		if (!json_object_get(part, key))
			json_object_set_new(part, key, json_array());
		json_array_extend(json_object_get(part, key), array);
	}
	json_array_extend(items, u->items);
	json_decref(u->entry);
	json_decref(u->items);
	*u = (struct unit){ json_object(), json_array() };
}

static void unit_add(struct unit *u, const char *key, json_t *element)
{
	if (!json_object_get(u->entry, key))
		json_object_set_new(u->entry, key, json_array());
	json_array_append_new(json_object_get(u->entry, key), element);
}

/* --- GPUs and jobs ------------------------------------------------------------------------ */

/* struct total - of a GPU, by what is not private */
struct total {
	__u64 gpu_time, held, busy, error, allocated;
	unsigned int class;
	bool any;
};

struct totals {
	struct total of[EARMARK_PURPOSE_COUNT][EARMARK_TAGGED_BY_COUNT];
};

/* What most rows have nothing to say of stands only where there is something. */
static json_t *with_extras(json_t *o, unsigned int class, __u64 error, __u64 allocated)
{
	if (class)
		json_object_set_new(o, "busy_class", json_string(em_class_name(class)));
	if (error)
		json_object_set_new(o, "busy_error", integer(error));
	if (allocated)
		json_object_set_new(o, "allocated", integer(allocated));
	return o;
}

static void row_usage(struct unit *u, struct totals *t, const struct em_row *row, em_tag_fn tag,
		      void *arg)
{
	const struct earmark_segment *s = &row->s;
	unsigned int purpose = 0, by = 0;
	struct total *total;
	json_t *item;

	if (s->id)
		tag(arg, s->id, &purpose, &by);
	total = &t->of[purpose < EARMARK_PURPOSE_COUNT ? purpose : 0]
		      [by < EARMARK_TAGGED_BY_COUNT ? by : 0];
	total->gpu_time += s->usage.gpu_time;
	total->held += s->usage.held;
	total->busy += s->usage.busy;
	total->error += s->usage.busy_error;
	total->allocated += row->extra;
	total->class = s->class > total->class ? s->class : total->class;
	total->any = true;
	item = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "gpu", (json_int_t)s->gpu, "job",
			 (json_int_t)s->job, "tag", (json_int_t)s->id, "gpu_time",
			 (json_int_t)s->usage.gpu_time, "held", (json_int_t)s->usage.held, "busy",
			 (json_int_t)s->usage.busy, "busy_start", (json_int_t)s->usage.busy_start);
	json_array_append_new(u->items,
			      with_extras(item, s->class, s->usage.busy_error, row->extra));
}

static void row_gpu(struct unit *u, const struct em_row *row)
{
	const struct earmark_segment *s = &row->s;

	unit_add(u, "gpus",
		 json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "gpu", (json_int_t)s->gpu, "blind",
			   (json_int_t)s->flags, "wall", (json_int_t)s->gpu_time.wall, "idle",
			   (json_int_t)s->gpu_time.idle, "unobserved",
			   (json_int_t)s->gpu_time.unobserved, "unattributed",
			   (json_int_t)s->gpu_time.unattributed, "unattributed_start",
			   (json_int_t)s->gpu_time.unattributed_start, "charged",
			   (json_int_t)row->extra));
}

static void row_engine(struct unit *u, const struct em_row *row)
{
	const struct earmark_segment *s = &row->s;

	unit_add(u, "engines",
		 json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "gpu", (json_int_t)s->gpu, "engine",
			   (json_int_t)s->id, "busy", (json_int_t)s->engine.busy, "busy_start",
			   (json_int_t)s->engine.busy_start, "busy_total",
			   (json_int_t)s->engine.busy_total, "first", (json_int_t)s->engine.first,
			   "done", (json_int_t)s->engine.done, "blind_busy",
			   (json_int_t)row->extra));
}

static void totals_put(struct unit *u, const struct totals *t, __u32 gpu)
{
	for (unsigned int p = 0; p < EARMARK_PURPOSE_COUNT; p++) {
		for (unsigned int by = 0; by < EARMARK_TAGGED_BY_COUNT; by++) {
			const struct total *total = &t->of[p][by];
			json_t *o;

			if (!total->any)
				continue;
			o = json_pack("{s:I,s:s,s:s,s:I,s:I,s:I}", "gpu", (json_int_t)gpu,
				      "purpose", em_purpose_name(p), "tagged_by",
				      em_tagged_by_name(by), "gpu_time",
				      (json_int_t)total->gpu_time, "held", (json_int_t)total->held,
				      "busy", (json_int_t)total->busy);
			unit_add(u, "totals",
				 with_extras(o, total->class, total->error, total->allocated));
		}
	}
}

static int put_gpus(struct parts *p, const struct em_fold *f, struct unit *u, em_tag_fn tag,
		    void *arg)
{
	unsigned int n;
	_cleanup_free_ struct em_row *rows = em_fold_rows(f, &n);

	if (!rows)
		return -ENOMEM;
	for (unsigned int i = 0; i < n;) {
		struct totals t = { 0 };
		__u32 gpu = rows[i].s.gpu;

		for (; i < n && rows[i].s.gpu == gpu; i++) {
			if (rows[i].s.kind == EARMARK_SEGMENT_USAGE)
				row_usage(u, &t, &rows[i], tag, arg);
			else if (rows[i].s.kind == EARMARK_SEGMENT_GPU)
				row_gpu(u, &rows[i]);
			else if (rows[i].s.kind == EARMARK_SEGMENT_ENGINE)
				row_engine(u, &rows[i]);
		}
		totals_put(u, &t, gpu);
		unit_put(p, f, u);
	}
	return 0;
}

/* --- events ------------------------------------------------------------------------------- */

/* Text from elsewhere may be anything; JSON holds UTF-8, so other bytes go as hex. */
static json_t *text_of(const char *bytes, size_t size)
{
	json_t *text = json_stringn(bytes, strnlen(bytes, size));

	return text ?: json_pack("{s:o}", "hex", hex_of(bytes, strnlen(bytes, size)));
}

static void texts_put(json_t *to, const struct earmark_event *e)
{
	json_object_set_new(to, "text", text_of(e->text, sizeof(e->text)));
	json_object_set_new(to, "project", text_of(e->project, sizeof(e->project)));
	json_object_set_new(to, "ref", text_of(e->ref, sizeof(e->ref)));
}

/* What concerns people is private; what concerns GPUs, sensors and the recorder is not. */
static bool is_private(const struct earmark_event *e)
{
	return e->type == EARMARK_EVENT_JOB || e->type == EARMARK_EVENT_JOB_END ||
	       e->type == EARMARK_EVENT_TAG || e->type == EARMARK_EVENT_MOVE;
}

static void event_put(struct unit *u, const struct earmark_event *e, unsigned int number)
{
	json_t *event = json_pack(
		"{s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "n", (json_int_t)number, "type",
		em_event_name(e->type), "when", (json_int_t)e->when, "gpu", (json_int_t)e->gpu,
		"job", (json_int_t)e->job, "other", (json_int_t)e->other, "tag", (json_int_t)e->tag,
		"purpose", (json_int_t)e->purpose, "tagged_by", (json_int_t)e->tagged_by, "value",
		(json_int_t)e->value);
	json_t *who = is_private(e) ? json_pack("{s:I}", "event", (json_int_t)number) : event;

	json_object_set_new(who, "uid", integer(e->uid));
	json_object_set_new(who, "gid", integer(e->gid));
	json_object_set_new(who, "pid", integer(e->pid));
	json_object_set_new(who, "comm", text_of(e->comm, sizeof(e->comm)));
	texts_put(who, e);
	if (who != event)
		json_array_append_new(u->items, who);
	unit_add(u, "events", event);
}

static void text_back(const json_t *o, const char *key, char *out, size_t size)
{
	const json_t *v = json_object_get(o, key);
	const char *hex = json_string_value(json_object_get(v, "hex"));
	size_t len;

	memset(out, 0, size);
	if (json_is_string(v)) {
		len = json_string_length(v);
		memcpy(out, json_string_value(v), len < size ? len : size);
	} else if (hex) {
		len = strlen(hex) / 2;
		em_unhex(out, len < size ? len : size, hex);
	}
}

static int type_of(const char *name)
{
	for (unsigned int t = 0; name && t < EARMARK_EVENT_COUNT; t++) {
		if (!strcmp(em_event_name(t), name))
			return (int)t;
	}
	return -EINVAL;
}

int em_entry_event(const json_t *event, const json_t *items, struct earmark_event *e)
{
	int type = type_of(json_string_value(json_object_get(event, "type")));
	const json_t *who = event, *item;
	size_t i;

	memset(e, 0, sizeof(*e));
	if (type < 0)
		return -EINVAL;
	e->type = (__u16)type;
	if (is_private(e)) {
		who = NULL;
		json_array_foreach((json_t *)items, i, item) {
			const json_t *n = json_object_get(item, "event");

			if (n && json_equal(n, json_object_get(event, "n")))
				who = item;
		}
	}
	e->when = em_json_integer(event, "when");
	e->gpu = (__u32)em_json_integer(event, "gpu");
	e->job = em_json_integer(event, "job");
	e->other = em_json_integer(event, "other");
	e->tag = (__u32)em_json_integer(event, "tag");
	e->purpose = (__u8)em_json_integer(event, "purpose");
	e->tagged_by = (__u8)em_json_integer(event, "tagged_by");
	e->value = em_json_integer(event, "value");
	e->uid = who ? (__u32)em_json_integer(who, "uid") : UINT32_MAX;
	e->gid = who ? (__u32)em_json_integer(who, "gid") : UINT32_MAX;
	e->pid = (__u32)em_json_integer(who, "pid");
	text_back(who, "comm", e->comm, sizeof(e->comm));
	text_back(who, "project", e->project, sizeof(e->project));
	text_back(who, "ref", e->ref, sizeof(e->ref));
	text_back(who, "text", e->text, sizeof(e->text));
	return 0;
}

/* --- the whole ---------------------------------------------------------------------------- */

static void put_headers(struct parts *p, const struct em_fold *f, struct unit *u)
{
	for (unsigned int i = 0; i < f->n; i++) {
		const struct em_fold_item *item = &f->list[i];

		unit_add(u, "headers", hex_of(&item->i.header, sizeof(item->i.header)));
		for (unsigned int c = 0; c < EARMARK_LOST_COUNT; c++) {
			if (item->lost[c])
				unit_add(u, "lost",
					 json_pack("{s:s,s:I}", "counter", em_lost_name(c),
						   "events", (json_int_t)item->lost[c]));
		}
		if (item->why)
			unit_add(u, "broken", json_string(item->why));
		unit_put(p, f, u);
	}
}

static void put_events(struct parts *p, const struct em_fold *f, struct unit *u)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < f->n; i++) {
		for (__u32 k = 0; k < f->list[i].i.header.nr_events; k++) {
			event_put(u, &f->list[i].i.events[k], n++);
			unit_put(p, f, u);
		}
	}
}

json_t *em_entry_usage(const struct em_fold *f, em_tag_fn tag, void *arg)
{
	struct parts p = { json_array(), 0 };
	struct unit u = { json_object(), json_array() };
	json_t *part;
	size_t k;
	int r;

	put_headers(&p, f, &u);
	put_events(&p, f, &u); /* they name what the rows refer to */
	r = put_gpus(&p, f, &u, tag, arg);
	json_decref(u.entry);
	json_decref(u.items);
	json_array_foreach(p.list, k, part) {
		json_t *entry = json_object_get(part, "entry");

		json_object_set_new(entry, "part", json_integer((json_int_t)k + 1));
		json_object_set_new(entry, "parts",
				    json_integer((json_int_t)json_array_size(p.list)));
	}
	if (!r)
		return p.list;
	json_decref(p.list);
	return NULL;
}

/* Notes of these kinds name jobs and people. */
static bool note_private(const char *kind)
{
	static const char *const kinds[] = { "learned", "job-profile",  "tagged",     "request",
					     "rules",   "rule-applied", "allocation", "memory" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!strcmp(kind, kinds[i]))
			return true;
	}
	return false;
}

json_t *em_entry_note(int64_t wall, const char *kind, json_t *data)
{
	json_t *entry = json_pack("{s:i,s:s,s:I,s:s}", "v", EM_ENTRY_VERSION, "type", "note", "at",
				  (json_int_t)wall, "kind", kind);

	if (!entry)
		return NULL;
	if (note_private(kind))
		return json_pack("{s:o,s:[{s:O}]}", "entry", entry, "items", "note", data);
	json_object_set(entry, "data", data);
	return json_pack("{s:o,s:[]}", "entry", entry, "items");
}
