// SPDX-License-Identifier: GPL-2.0
/* What entries say, into the tables of the index; a function of the entry alone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "ledger/entry.h"
#include "ledger/schema.h"
#include "ledger/store.h"

#define PART_ROWS 1000000 /* numbers of a part's rows begin at so many times its number */

/**
 * struct usage - a usage entry on its way
 * @load, @id: of its load and its interval
 * @row: of the next row; @replayed: by a replay
 */
struct usage {
	const json_t *entry, *items;
	struct earmark_interval h;
	int64_t load, id, index;
	unsigned int row;
	bool replayed;
};

static int id_of(struct em_ledger *l, struct usage *u)
{
	sqlite3_stmt *s = em_store_bind(l, "SELECT id FROM interval WHERE load_id=? AND number=?",
					"ii", u->load, (int64_t)u->h.number);
	int r = em_store_step(l, s);

	if (r <= 0)
		return r ? r : -ENOENT;
	u->id = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return 0;
}

/* Wall time between the interval stored last and this one, if nothing says that they touch. */
static int gap_before(struct em_ledger *l, const struct usage *u, int64_t *gap)
{
	sqlite3_stmt *s = em_store_bind(
		l, "SELECT load_id, number, wall_end FROM interval ORDER BY id DESC LIMIT 1", "");
	int r = em_store_step(l, s);
	bool touches;

	*gap = 0;
	if (r <= 0)
		return r;
	touches = sqlite3_column_int64(s, 0) == u->load &&
		  sqlite3_column_int64(s, 1) + 1 == em_json_integer(u->entry, "first");
	if (!touches && (int64_t)u->h.wall_start > sqlite3_column_int64(s, 2))
		*gap = (int64_t)u->h.wall_start - sqlite3_column_int64(s, 2);
	sqlite3_reset(s);
	return 0;
}

static unsigned int recorder_of(const char *name)
{
	for (unsigned int i = 0; i <= EARMARK_RECORDER_REPLAY; i++) {
		if (!strcmp(em_recorder_name(i), name))
			return i;
	}
	return EARMARK_RECORDER_REPLAY; /* the least that can be claimed */
}

static int add_interval(struct em_ledger *l, struct usage *u)
{
	const json_t *e = u->entry;
	unsigned int broken = json_array_size(json_object_get(e, "broken")) > 0 ||
			      em_json_integer(e, "flags") & EARMARK_INTERVAL_BROKEN;
	unsigned int hiding = json_is_true(json_object_get(e, "hiding"));
	int64_t gap, hour = 0, day = 0;
	int r = gap_before(l, u, &gap);

	if (!r)
		r = em_roll_open(l, u->load, (int64_t)u->h.wall_start,
				 em_json_integer(e, "wall_end"), &hour, &day);
	if (!r)
		r = em_store_run(l,
				 "INSERT INTO interval(load_id, first, number, recorder, flags, "
				 "start, end, wall_start, wall_end, broken, hiding, gap, entry, "
				 "whole, hour, day) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
				 "iiiuuiiiiuuiiuii", u->load, em_json_integer(e, "first"),
				 (int64_t)u->h.number, recorder_of(em_json_string(e, "recorder")),
				 (unsigned int)em_json_integer(e, "flags"),
				 em_json_integer(e, "start"), em_json_integer(e, "end"),
				 (int64_t)u->h.wall_start, em_json_integer(e, "wall_end"), broken,
				 hiding, gap, u->index, !!hour + !!day, hour, day);
	u->id = sqlite3_last_insert_rowid(l->db);
	return r ? r : em_roll_interval(l, u->id);
}

static int add_header(struct em_ledger *l, struct usage *u, const json_t *hex)
{
	const char *text = json_string_value(hex) ?: "";
	struct earmark_interval h;
	struct em_interval i = { 0 };
	uint8_t hash[EARMARK_HASH_LEN];

	if (em_unhex(&h, sizeof(h), text))
		return 0; /* verification says so; there is nothing to apply */
	i.header = h;
	em_interval_hash(&i, hash);
	return em_store_run(l, "INSERT OR IGNORE INTO header VALUES(?,?,?,?)", "iibb", u->load,
			    (int64_t)h.number, &h, (int)sizeof(h), hash, EARMARK_HASH_LEN);
}

static int add_lost(struct em_ledger *l, struct usage *u, const json_t *lost)
{
	unsigned int c = 0;
	int r;

	while (c < EARMARK_LOST_COUNT && strcmp(em_lost_name(c), em_json_string(lost, "counter")))
		c++;
	if (c == EARMARK_LOST_COUNT)
		return 0;
	r = em_store_run(l,
			 "INSERT INTO lost VALUES(?,?,?) ON CONFLICT DO UPDATE SET "
			 "events=events+excluded.events",
			 "iui", u->id, c, em_json_integer(lost, "events"));
	return r ? r : em_roll_lost(l, u->id, c, em_json_integer(lost, "events"));
}

static int add_event(struct em_ledger *l, struct usage *u, const json_t *event)
{
	struct earmark_event e;
	int64_t wall;
	int r = em_entry_event(event, u->items, &e);

	if (r)
		return 0;
	wall = em_json_integer(u->entry, "wall_end") -
	       (em_json_integer(u->entry, "end") - (int64_t)e.when);
	r = em_store_run(l, "INSERT OR IGNORE INTO event VALUES(?,?,?,?,?,?)", "iuuiib", u->id,
			 (unsigned int)em_json_integer(event, "n"), (unsigned int)e.type,
			 (int64_t)e.job, wall, &e, (int)sizeof(e));
	return r ? r : em_names_event(l, u->load, &e, wall);
}

static int add_gpu(struct em_ledger *l, struct usage *u, const json_t *g)
{
	__u32 gpu = (__u32)em_json_integer(g, "gpu");
	int r = em_names_gpu(l, u->load, u->h.load_id, gpu, (int64_t)u->h.wall_start);

	return r ? r
		 : em_store_run(
			   l, "INSERT INTO gpu_usage VALUES(?,?,?,?,?,?,?,?,?,?)", "iuuuiiiiii",
			   u->id, u->row++, gpu, (unsigned int)em_json_integer(g, "blind"),
			   em_json_integer(g, "wall"), em_json_integer(g, "idle"),
			   em_json_integer(g, "unobserved"), em_json_integer(g, "unattributed"),
			   em_json_integer(g, "unattributed_start"), em_json_integer(g, "charged"));
}

static int add_engine(struct em_ledger *l, struct usage *u, const json_t *e)
{
	return em_store_run(l, "INSERT INTO engine_usage VALUES(?,?,?,?,?,?,?,?,?,?)", "iuuuiiiiii",
			    u->id, u->row++, (unsigned int)em_json_integer(e, "gpu"),
			    (unsigned int)em_json_integer(e, "engine"), em_json_integer(e, "busy"),
			    em_json_integer(e, "busy_start"), em_json_integer(e, "busy_total"),
			    em_json_integer(e, "first"), em_json_integer(e, "done"),
			    em_json_integer(e, "blind_busy"));
}

static unsigned int class_of(const json_t *row)
{
	const json_t *name = json_object_get(row, "busy_class");
	int class = em_class_parse(json_string_value(name) ?: "exact");

	/* the least that can be claimed */
	return class < 0 ? EARMARK_CLASS_ESTIMATE : (unsigned int)class;
}

static int put_usage(struct em_ledger *l, struct usage *u, const json_t *row, __u32 tag)
{
	/* what a scheduler's history says of its jobs is what it gave them */
	const char *given = u->replayed ? "gpu_time" : "allocated";

	return em_store_run(l, "INSERT INTO usage VALUES(?,?,?,?,?,?,?,?,?,?,?,?)", "iuuiuiiiiuii",
			    u->id, u->row++, (unsigned int)em_json_integer(row, "gpu"),
			    em_json_integer(row, "job"), tag, em_json_integer(row, "gpu_time"),
			    em_json_integer(row, "held"), em_json_integer(row, "busy"),
			    em_json_integer(row, "busy_start"), class_of(row),
			    em_json_integer(row, "busy_error"), em_json_integer(row, given));
}

static int add_total(struct em_ledger *l, struct usage *u, const json_t *total)
{
	int purpose = em_purpose_parse(em_json_string(total, "purpose"));
	int by = em_tagged_by_parse(em_json_string(total, "tagged_by"));
	__u32 tag;
	int r;

	purpose = purpose < 0 ? 0 : purpose;
	by = by < 0 ? 0 : by;
	tag = EM_TAG_TOTAL | (__u32)purpose << 8 | (__u32)by;
	r = em_store_run(l,
			 "INSERT OR IGNORE INTO tag(load, id, job, purpose, tagged_by, wall) "
			 "VALUES(?,?,0,?,?,?)",
			 "iuuui", u->load, tag, (unsigned int)purpose, (unsigned int)by,
			 (int64_t)u->h.wall_start);
	l->told += !r && sqlite3_changes(l->db) > 0;
	return r ? r : put_usage(l, u, total, tag);
}

static bool is_row(const json_t *item)
{
	return json_object_get(item, "gpu_time");
}

static int64_t said_by(const json_t *row)
{
	return em_json_integer(row, "gpu_time") + em_json_integer(row, "busy") +
	       em_json_integer(row, "held") + em_json_integer(row, "busy_error") +
	       em_json_integer(row, "allocated");
}

/* Are all rows shown, so that they say as much as the totals? */
static bool rows_whole(const struct usage *u)
{
	int64_t left = 0;
	const json_t *o;
	size_t k;

	json_array_foreach(json_object_get(u->entry, "totals"), k, o)
		left += said_by(o);
	json_array_foreach((json_t *)u->items, k, o)
		left -= is_row(o) ? said_by(o) : 0;
	return !left;
}

static int each(struct em_ledger *l, struct usage *u, const json_t *array,
		int (*add)(struct em_ledger *, struct usage *, const json_t *))
{
	const json_t *o;
	size_t k;
	int r = 0;

	json_array_foreach((json_t *)array, k, o) {
		r = r ? r : add(l, u, o);
	}
	return r;
}

static int add_row(struct em_ledger *l, struct usage *u, const json_t *item)
{
	return is_row(item) ? put_usage(l, u, item, (__u32)em_json_integer(item, "tag")) : 0;
}

/* What it says of its interval; the first part makes that. Return: 1: it says nothing more. */
static int usage_interval(struct em_ledger *l, struct usage *u)
{
	int r = em_names_load(l, &u->h, &u->load);

	r = r ? r : id_of(l, u);
	if (em_json_integer(u->entry, "part") > 1)
		return r == -ENOENT ? 1 : r;
	if (!r)
		return 1; /* each interval once */
	return r == -ENOENT ? add_interval(l, u) : r;
}

static int usage_rows(struct em_ledger *l, struct usage *u)
{
	const json_t *e = u->entry;
	unsigned int from = u->row;
	int r = each(l, u, json_object_get(e, "headers"), add_header);

	r = r ? r : each(l, u, json_object_get(e, "lost"), add_lost);
	/* events name what the rows refer to */
	r = r ? r : each(l, u, json_object_get(e, "events"), add_event);
	r = r ? r : each(l, u, json_object_get(e, "gpus"), add_gpu);
	r = r ? r : each(l, u, json_object_get(e, "engines"), add_engine);
	if (!r)
		r = rows_whole(u) ? each(l, u, u->items, add_row)
				  : each(l, u, json_object_get(e, "totals"), add_total);
	return r ? r : em_roll_rows(l, u->id, from, u->row);
}

static int apply_usage(struct em_ledger *l, struct usage *u)
{
	const json_t *e = u->entry;
	int r;

	if (em_unhex(u->h.load_id, 16, em_json_string(e, "load")) ||
	    em_unhex(u->h.boot_id, 16, em_json_string(e, "boot")))
		return 0;
	u->h.number = (__u64)em_json_integer(e, "last");
	u->h.wall_start = (__u64)em_json_integer(e, "wall_start");
	u->row = (unsigned int)em_json_integer(e, "part") * PART_ROWS;
	u->replayed = recorder_of(em_json_string(e, "recorder")) == EARMARK_RECORDER_REPLAY;
	l->moved++;
	em_memo_touch(l, (int64_t)u->h.wall_start);
	r = usage_interval(l, u);
	return r ? (r < 0 ? r : 0) : usage_rows(l, u);
}

static int apply_note(struct em_ledger *l, uint64_t index, const json_t *entry, const char *kind,
		      const json_t *data)
{
	_cleanup_free_ char *text = em_canonical(data);
	int r;

	if (!data || !text)
		return 0; /* what is not shown says nothing here */
	r = em_store_run(l, "INSERT INTO note(wall, kind, json, entry) VALUES(?,?,?,?)", "itti",
			 em_json_integer(entry, "at"), kind, text, (int64_t)index);
	return r ? r : em_names_note(l, em_json_integer(entry, "at"), kind, data);
}

int em_apply(struct em_ledger *l, uint64_t index, const json_t *entry, const json_t *items)
{
	const char *type = em_json_string(entry, "type");
	struct usage u = { .entry = entry, .items = items, .index = (int64_t)index };
	const json_t *data = json_object_get(entry, "data");

	if (!strcmp(type, "usage"))
		return apply_usage(l, &u);
	if (strcmp(type, "note"))
		return apply_note(l, index, entry, type, entry);
	if (!data)
		data = json_object_get(json_array_get(items, 0), "note");
	return apply_note(l, index, entry, em_json_string(entry, "kind"), data);
}
