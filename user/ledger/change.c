// SPDX-License-Identifier: GPL-2.0
/* Changing a ledger: the log first, then the index; see store.h. */
#include <errno.h>
#include <string.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "ledger/entry.h"
#include "ledger/store.h"

/* A log that failed half-way is read anew before anything is added to it. */
static int log_again(struct em_ledger *l)
{
	struct em_log_left left;
	int r;

	if (!em_log_doubtful(l->log))
		return 0;
	em_log_close(TAKE_PTR(l->log));
	r = em_log_open(&l->log, l->dir_fd, "", l->key_file, 0, &left, l->error, sizeof(l->error));
	l->behind = true;
	if (!r && *left.why)
		r = -EUCLEAN; /* its own files gone under its feet: who opens it anew records that
			       */
	return r ? em_store_fail(l, r, "ledger %s: %s", l->dir, *left.why ? left.why : l->error)
		 : 0;
}

int em_store_ready(struct em_ledger *l)
{
	int r;

	if (l->depth || !l->log)
		return 0;
	r = log_again(l);
	if (!r && l->behind)
		r = em_index_follow(l, false);
	l->behind = l->behind && r;
	return r;
}

int em_store_begin(struct em_ledger *l)
{
	int r;

	if (l->depth)
		return l->depth++, 0;
	r = em_store_ready(l);
	l->adding = 0;
	r = r ? r : em_store_run(l, "BEGIN IMMEDIATE", "");
	l->depth += !r;
	return r;
}

static int commit(struct em_ledger *l)
{
	int r = 0;

	if (l->adding) {
		r = em_log_commit(l->log);
		if (r)
			return em_store_fail(l, r, "ledger %s: %s", l->dir, em_log_error(l->log));
		l->behind = true; /* until the index says the same */
	}
	if (l->log) {
		struct em_hash root = em_log_root(l->log);

		r = em_index_mark(l, l->generation, em_log_size(l->log), &root);
	}
	r = r ? r : em_store_run(l, "COMMIT", "");
	if (!r)
		l->behind = false;
	return r;
}

int em_store_end(struct em_ledger *l, int r)
{
	l->depth--;
	if (l->depth) {
		/* nothing of the outermost may remain either, and it says so at its end */
		l->failed = r ? r : l->failed;
		return r;
	}
	if (!r)
		r = commit(l);
	if (!r)
		return 0;
	if (l->log)
		em_log_forget(l->log);
	/* some failures have rolled back already */
	if (!sqlite3_get_autocommit(l->db))
		sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int em_change_entry(struct em_ledger *l, json_t *part)
{
	_cleanup_json_ json_t *owned = part;
	json_t *entry = json_object_get(part, "entry"), *items = json_object_get(part, "items");
	_cleanup_free_ char *text = NULL, *opening = NULL;
	uint64_t index;
	int r;

	text = em_entry_close(entry, items, &opening);
	if (!text)
		return em_store_fail(l, -EINVAL,
				     "ledger %s: an entry cannot be written as canonical JSON "
				     "(integers only)",
				     l->dir);
	if (!l->log)
		return em_store_fail(l, -EROFS, "ledger %s is open for reading only", l->dir);
	r = em_log_add(l->log, text, strlen(text), opening, &index);
	if (r)
		return em_store_fail(l, r, "ledger %s: %s", l->dir, em_log_error(l->log));
	l->adding++;
	return em_apply(l, index, entry, items);
}

/* --- batches ------------------------------------------------------------------------------ */

int em_ledger_batch(struct em_ledger *l)
{
	int r = em_store_begin(l);

	l->failed = 0;
	l->batch = !r;
	return r;
}

int em_ledger_batch_end(struct em_ledger *l)
{
	l->batch = false;
	return em_store_end(l, l->failed);
}

int em_ledger_batch_next(struct em_ledger *l)
{
	int r;

	if (!l->batch || l->depth != 1 || l->adding < EM_BATCH)
		return 0;
	r = em_ledger_batch_end(l);
	return r ? r : em_ledger_batch(l);
}

/* --- the whole ---------------------------------------------------------------------------- */

int em_ledger_reindex(struct em_ledger *l)
{
	return em_index_follow(l, true);
}

/* The entry without the signatures is what both keys sign. */
static json_t *turn_entry(const struct em_key *old, const struct em_key *next)
{
	char old_text[EM_KEY_TEXT_LEN], next_text[EM_KEY_TEXT_LEN], by_old[89], by_new[89];
	json_t *entry;
	_cleanup_free_ char *text = NULL;

	em_key_text(old, false, old_text);
	em_key_text(next, false, next_text);
	entry = json_pack("{s:i,s:s,s:I,s:s,s:s}", "v", EM_ENTRY_VERSION, "type", "key", "at",
			  (json_int_t)em_time_now(), "old", old_text, "new", next_text);
	text = em_canonical(entry);
	if (!text)
		return entry;
	em_sign_bytes(old, text, strlen(text), by_old);
	em_sign_bytes(next, text, strlen(text), by_new);
	json_object_set_new(entry, "by_old", json_string(by_old));
	json_object_set_new(entry, "by_new", json_string(by_new));
	return entry;
}

int em_ledger_turn_key(struct em_ledger *l)
{
	const struct em_key *old = em_log_key(l->log);
	struct em_key next;
	int r = em_key_make(&next, old->name, EM_KEY_LOG);

	if (!r && em_log_keep_next(l->log, &next))
		r = em_store_fail(l, -EIO, "ledger %s: %s", l->dir, em_log_error(l->log));
	r = r ? r : em_store_begin(l);
	if (r)
		return r;
	r = em_store_end(l, em_change_entry(l, json_pack("{s:o,s:[]}", "entry",
							 turn_entry(old, &next), "items")));
	if (!r && em_log_turn_key(l->log, &next))
		r = em_store_fail(l, -EIO, "ledger %s: %s", l->dir, em_log_error(l->log));
	sodium_memzero(&next, sizeof(next));
	return r;
}
