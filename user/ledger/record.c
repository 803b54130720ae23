// SPDX-License-Identifier: GPL-2.0
/* Events, notes and states; see ledger.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "ledger/entry.h"
#include "ledger/store.h"

int em_ledger_events(struct em_ledger *l, int64_t since, int64_t until, unsigned int types,
		     uint64_t job, int (*each)(const struct em_event *, void *), void *arg)
{
	sqlite3_stmt *s;
	struct em_event event;
	char boot[33];
	int r;

	if (l->n_members)
		return em_many_events(l, since, until, types, job, each, arg);
	s = em_store_bind(l,
			  "SELECT e.raw, e.wall, l.boot_id, i.number FROM event e "
			  "JOIN interval i ON i.id=e.interval JOIN load l ON "
			  "l.id=i.load_id WHERE e.wall >= ? AND e.wall <= ? AND "
			  "(? >> e.type) & 1 AND ? IN (0, e.job) AND i.id <= ? "
			  "ORDER BY e.wall, e.interval, e.row",
			  "iiuii", since, until, types, (int64_t)job, l->horizon);

	while ((r = em_store_step(l, s)) > 0) {
		if (sqlite3_column_bytes(s, 0) != sizeof(event.e) ||
		    sqlite3_column_bytes(s, 2) != 16)
			continue;
		memcpy(&event.e, sqlite3_column_blob(s, 0), sizeof(event.e));
		event.e.comm[sizeof(event.e.comm) - 1] = '\0';
		event.e.project[sizeof(event.e.project) - 1] = '\0';
		event.e.ref[sizeof(event.e.ref) - 1] = '\0';
		event.e.text[sizeof(event.e.text) - 1] = '\0';
		event.wall = sqlite3_column_int64(s, 1);
		event.boot_id = em_hex(boot, sqlite3_column_blob(s, 2), 16);
		event.interval = (uint64_t)sqlite3_column_int64(s, 3);
		r = each(&event, arg);
		if (r) {
			sqlite3_reset(s);
			return r;
		}
	}
	return r;
}

int em_state_put(struct em_ledger *l, const char *key, const char *json)
{
	l->moved += !strcmp(key, "period"); /* what follows the last interval depends on it */
	return em_store_run(l,
			    "INSERT INTO state(key, json) VALUES(?,?) ON CONFLICT(key) DO UPDATE "
			    "SET json=excluded.json WHERE json!=excluded.json",
			    "tt", key, json);
}

int em_ledger_state_set(struct em_ledger *l, const char *key, const char *json)
{
	int r = em_store_begin(l);

	return r ? r : em_store_end(l, em_state_put(l, key, json));
}

int em_ledger_state_get(struct em_ledger *l, const char *key, char **json)
{
	sqlite3_stmt *s;
	int r;

	if (l->n_members)
		return em_ledger_state_get(l->members[0], key, json);
	s = em_store_bind(l, "SELECT json FROM state WHERE key=?", "t", key);
	r = em_store_step(l, s);

	if (r <= 0)
		return r ? r : -ENOENT;
	*json = strdup(em_store_text(s, 0) ?: "");
	sqlite3_reset(s);
	return *json ? 0 : em_store_fail(l, -ENOMEM, "out of memory");
}

int em_ledger_note_at(struct em_ledger *l, int64_t wall, const char *kind, const char *json)
{
	_cleanup_json_ json_t *data = json_loads(json, JSON_DECODE_ANY, NULL);
	json_t *part = data ? em_entry_note(wall, kind, data) : NULL;
	int r;

	if (!part)
		return em_store_fail(l, -EINVAL, "ledger %s: a note is no JSON in UTF-8", l->dir);
	r = em_store_begin(l);
	if (r) {
		json_decref(part);
		return r;
	}
	r = em_store_end(l, em_change_entry(l, part));
	return r ? r : em_ledger_batch_next(l);
}

int em_ledger_note(struct em_ledger *l, const char *kind, const char *json)
{
	return em_ledger_note_at(l, em_time_now(), kind, json);
}

int em_ledger_notes(struct em_ledger *l, int64_t since, int64_t until, const char *kind,
		    int (*each)(int64_t wall, const char *kind, const char *json, void *),
		    void *arg)
{
	/* of all time, a kind's own are found at once; of a short window, the window's */
	static const char of_kind[] = "SELECT wall, kind, json FROM note INDEXED BY note_kind "
				      "WHERE wall >= ? AND wall <= ? AND kind = ? ORDER BY id";
	static const char of_time[] = "SELECT wall, kind, json FROM note WHERE wall >= ? AND "
				      "wall <= ? AND (?3 IS NULL OR kind = ?3) ORDER BY id";
	sqlite3_stmt *s;
	int r;

	if (l->n_members)
		return em_many_notes(l, since, until, kind, each, arg);
	s = em_store_bind(l, kind && since <= 0 ? of_kind : of_time, "iit", since, until, kind);
	while ((r = em_store_step(l, s)) > 0) {
		r = each(sqlite3_column_int64(s, 0), em_store_text(s, 1), em_store_text(s, 2), arg);
		if (r) {
			sqlite3_reset(s);
			return r;
		}
	}
	return r;
}
