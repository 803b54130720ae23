// SPDX-License-Identifier: GPL-2.0
/* The index as a whole: made from the log, and checked against it; see store.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "ledger/crew.h"
#include "ledger/schema.h"
#include "ledger/store.h"

#define COUNTER_AT 24 /* in the header of an SQLite file: the change counter, big-endian */

EM_CLEANUP(struct em_crew *, em_crew_free);
EM_CLEANUP(struct em_place *, em_place_close);

int em_meta_number(struct em_ledger *l, const char *key, int64_t *value)
{
	sqlite3_stmt *s = em_store_bind(l, "SELECT value FROM meta WHERE key=?", "t", key);
	int r = em_store_step(l, s);

	*value = 0;
	if (r <= 0)
		return r;
	*value = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return 0;
}

static int meta_set(struct em_ledger *l, const char *key, int64_t value)
{
	return em_store_run(l, "INSERT OR REPLACE INTO meta VALUES(?,?)", "ti", key, value);
}

/* How many logs came before: folders of old/ that are whole. */
int64_t em_index_generation(const struct em_ledger *l)
{
	char path[64];
	int64_t n = 0;

	do {
		snprintf(path, sizeof(path), "old/%lld/done", (long long)(n + 1));
	} while (!faccessat(l->dir_fd, path, F_OK, 0) && ++n);
	return n;
}

/* The file's change counter, read through SQLite: another descriptor would drop its locks. */
static int64_t counter_of(struct em_ledger *l)
{
	sqlite3_file *file = NULL;
	uint8_t b[4] = { 0 };

	if (sqlite3_file_control(l->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) || !file ||
	    !file->pMethods)
		return 0;
	file->pMethods->xRead(file, b, sizeof(b), COUNTER_AT);
	return (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
}

static int root_set(struct em_ledger *l, const struct em_hash *root)
{
	char hex[2 * EM_HASH_LEN + 1];

	return em_store_run(l, "INSERT OR REPLACE INTO meta VALUES('root',?)", "t",
			    em_hex(hex, root->b, EM_HASH_LEN));
}

int em_index_mark(struct em_ledger *l, int64_t generation, uint64_t size,
		  const struct em_hash *root)
{
	int r = meta_set(l, "size", (int64_t)size);

	if (!r)
		r = meta_set(l, "generation", generation);
	if (!r)
		r = root_set(l, root);
	/* what it will be when this is committed; whoever else commits moves it on */
	return r ? r : meta_set(l, "counter", counter_of(l) + 1);
}

int em_index_create(struct em_ledger *l)
{
	static const char *const tables[] = {
		"meta",     "interval",    "header",      "usage",    "gpu_usage", "engine_usage",
		"lost",     "event",       "gpu",         "gpu_name", "presence",  "tag",
		"job",      "note",        "load",        "roll",     "roll_lost", "roll_usage",
		"roll_gpu", "roll_engine", "roll_spoken", "spoken",   "spoken_gpu"
	};
	char sql[128];

	l->moved++;
	l->named++;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		snprintf(sql, sizeof(sql), "DROP TABLE IF EXISTS %s", tables[i]);
		if (sqlite3_exec(l->db, sql, NULL, NULL, NULL))
			return em_store_sqlite(l, sqlite3_extended_errcode(l->db));
	}
	snprintf(sql, sizeof(sql), "PRAGMA application_id=%d; PRAGMA user_version=%d;",
		 EM_SCHEMA_APPLICATION, EM_LEDGER_FORMAT);
	if (sqlite3_exec(l->db, sql, NULL, NULL, NULL) ||
	    sqlite3_exec(l->db, EM_SCHEMA, NULL, NULL, NULL))
		return em_store_sqlite(l, sqlite3_extended_errcode(l->db));
	return 0;
}

/* --- following the log -------------------------------------------------------------------- */

static int apply_bundle(struct em_ledger *l, struct em_crew *crew, const struct em_bundle *b,
			const struct em_openings *o, uint64_t first, unsigned int from)
{
	const struct em_read *read;
	int r = 0;

	em_crew_start(crew, b, o, first, from);
	for (uint64_t i = first + from; (read = em_crew_next(crew)); i++) {
		/* what is no entry says nothing that could be applied: ledger verify tells */
		if (!r && read->entry)
			r = em_apply(l, i, read->entry, read->items);
	}
	return r;
}

/* One bundle, in one transaction. */
static int follow_bundle(struct em_ledger *l, struct em_place *p, struct em_crew *crew,
			 int64_t generation, uint64_t from, const struct em_checkpoint *c)
{
	uint64_t bundle = from / EM_TILE_WIDTH, first = bundle * EM_TILE_WIDTH;
	unsigned int width = em_tile_width(EM_TILE_ENTRIES, bundle, c->size);
	struct em_openings o = { 0 };
	struct em_bundle b;
	int r = em_bundle_read(p, bundle, width, &b);

	/* what is gone from a log that was left is a gap; from this one it is a failure */
	if (r && !(generation < em_index_generation(l) && (r == -ENOENT || r == -EBADMSG)))
		return em_store_fail(l, r, "ledger %s: entries %llu and on cannot be read: %s",
				     l->dir, (unsigned long long)from, strerror(-r));
	if (!r)
		r = em_openings_read(p, bundle, &o);
	else
		b.n = 0;
	if (!r || !b.n)
		r = em_store_run(l, "BEGIN IMMEDIATE", "");
	if (!r)
		r = apply_bundle(l, crew, &b, &o, first, (unsigned int)(from - first));
	if (!r)
		r = em_index_mark(l, generation, first + width, &c->root);
	if (!r)
		r = em_store_run(l, "COMMIT", "");
	if (!sqlite3_get_autocommit(l->db))
		sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	em_openings_clear(&o);
	em_bundle_clear(&b);
	return r;
}

static int checkpoint_of(struct em_place *p, struct em_checkpoint *c)
{
	_cleanup_free_ char *note = NULL;
	size_t len;
	int r = em_place_read(p, "checkpoint", EM_NOTE_MAX - 1, &note, &len);

	return r ? r : em_checkpoint_parse(c, note, len);
}

static int follow_log(struct em_ledger *l, int64_t generation, uint64_t from)
{
	_cleanup_(em_crew_freep) struct em_crew *crew = em_crew_new();
	_cleanup_(em_place_closep) struct em_place *p = NULL;
	struct em_checkpoint c;
	char path[4200];
	int r;

	if (!crew)
		return em_store_fail(l, -ENOMEM, "out of memory");
	snprintf(path, sizeof(path), "%s/old/%lld", l->dir, (long long)generation + 1);
	if (generation == em_index_generation(l))
		snprintf(path, sizeof(path), "%s", l->dir);
	r = em_place_open(&p, path, l->error, sizeof(l->error));
	r = r ? r : checkpoint_of(p, &c);
	if (r && generation < em_index_generation(l))
		return 0; /* left without a checkpoint: nothing of it can be told from a guess */
	if (r)
		return em_store_fail(l, r, "ledger %s: its checkpoint cannot be read: %s", l->dir,
				     strerror(-r));
	for (; !r && from < c.size; from = (from / EM_TILE_WIDTH + 1) * EM_TILE_WIDTH)
		r = follow_bundle(l, p, crew, generation, from, &c);
	return r;
}

int em_index_follow(struct em_ledger *l, bool anew)
{
	int64_t generation = 0, size = 0;
	int r;

	if (anew) {
		r = em_index_create(l);
	} else {
		r = em_meta_number(l, "generation", &generation);
		r = r ? r : em_meta_number(l, "size", &size);
	}
	for (; !r && generation <= em_index_generation(l); generation++, size = 0)
		r = follow_log(l, generation, (uint64_t)size);
	return r;
}

/* --- checking it -------------------------------------------------------------------------- */

static int compare(struct em_ledger *l, const struct em_checkpoint *c)
{
	int64_t size, generation, counter;
	char hex[2 * EM_HASH_LEN + 1];
	sqlite3_stmt *s;
	bool same;
	int r = em_meta_number(l, "size", &size);

	r = r ? r : em_meta_number(l, "generation", &generation);
	r = r ? r : em_meta_number(l, "counter", &counter);
	if (r)
		return r;
#define TROUBLE(text) (snprintf(l->trouble, sizeof(l->trouble), "%s", text), 1)
	if (counter && counter != counter_of(l))
		return TROUBLE("it was changed by somebody else than earmark");
	if (generation != em_index_generation(l))
		return TROUBLE("it is of another log than the one beside it");
	if (size > (int64_t)c->size)
		return TROUBLE("it says more than the log beside it");
	if (size < (int64_t)c->size)
		return 2;
	s = em_store_bind(l, "SELECT value FROM meta WHERE key='root'", "");
	r = em_store_step(l, s);
	if (r < 0)
		return r;
	same = r && em_store_text(s, 0) &&
	       !strcmp(em_store_text(s, 0), em_hex(hex, c->root.b, EM_HASH_LEN));
	sqlite3_reset(s);
	return same || !c->size ? 0 : TROUBLE("it is of another log than the one beside it");
#undef TROUBLE
}

int em_index_check(struct em_ledger *l)
{
	struct em_checkpoint c = { 0 };
	int r = checkpoint_of(l->place, &c), end;

	if (r)
		return em_store_fail(l, r, "no ledger can be read in %s: its checkpoint: %s",
				     l->dir, strerror(-r));
	r = em_store_run(l, "BEGIN", "");
	r = r ? r : compare(l, &c);
	end = em_store_run(l, "COMMIT", "");
	return r < 0 ? r : end < 0 ? end : r;
}
