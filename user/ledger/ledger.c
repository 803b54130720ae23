// SPDX-License-Identifier: GPL-2.0
/* Opening and closing a ledger; see ledger.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/time.h"
#include "ledger/entry.h"
#include "ledger/schema.h"
#include "ledger/store.h"

#define WRITER_WAITS_MS 2000 /* for readers; an append that fails is tried again */
#define READER_WAITS_MS 10000

static char open_error[512];

EM_CLEANUP(struct em_ledger *, em_ledger_close);

static void database_close(struct em_ledger *l);

void em_ledger_close(struct em_ledger *l)
{
	if (!l)
		return;
	for (unsigned int i = 0; i < l->n_members; i++)
		em_ledger_close(l->members[i]);
	em_listed_clear(l);
	free(l->members);
	if (l->mode == EM_LEDGER_WRITE && l->log)
		em_ledger_flush(l);
	em_fold_clear(&l->fold);
	for (unsigned int i = 0; i < EM_MEMOS; i++)
		em_memo_clear(&l->memos[i]);
	em_log_close(l->log);
	em_place_close(l->place);
	database_close(l);
	if (l->dir_fd >= 0)
		close(l->dir_fd);
	if (l->lock >= 0)
		close(l->lock);
	free(l->key_file);
	free(l->dir);
	free(l);
}

const char *em_ledger_trouble(const struct em_ledger *l)
{
	return l->trouble;
}

const char *em_ledger_error(const struct em_ledger *l)
{
	return l ? l->error : open_error;
}

/* The lock is root's alone to open: who could read it could hold it. */
static int lock_take(struct em_ledger *l)
{
	_cleanup_free_ char *path = NULL;
	char pid[16] = "";

	if (mkdir(l->dir, 0755) && errno != EEXIST)
		return em_store_fail(l, -errno, "ledger %s cannot be made: %s", l->dir,
				     strerror(errno));
	if (asprintf(&path, "%s/%s", l->dir, EM_LEDGER_LOCK) < 0)
		return em_store_fail(l, -ENOMEM, "out of memory");
	l->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->lock < 0)
		return em_store_fail(l, -errno, "ledger %s cannot be written: %s", l->dir,
				     strerror(errno));
	if (flock(l->lock, LOCK_EX | LOCK_NB)) {
		em_file_line(AT_FDCWD, path, pid, sizeof(pid));
		return em_store_fail(l, -EBUSY, "ledger %s is written by another earmarkd (pid %s)",
				     l->dir, *pid ? pid : "?");
	}
	if (ftruncate(l->lock, 0) || dprintf(l->lock, "%d\n", getpid()) < 0)
		return em_store_fail(l, -errno, "ledger %s cannot be written: %s", l->dir,
				     strerror(errno));
	return 0;
}

static int pragma_number(struct em_ledger *l, const char *sql, int64_t *value)
{
	sqlite3_stmt *s = em_store_bind(l, sql, "");
	int r = em_store_step(l, s);

	if (r < 0)
		return r;
	*value = r ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_reset(s);
	return 0;
}

/* 0: it has our tables; 1: it has none, or is of another format than this one. */
static int schema_check(struct em_ledger *l)
{
	int64_t application, format, tables;
	int r = pragma_number(l, "PRAGMA application_id", &application);

	if (!r)
		r = pragma_number(l, "PRAGMA user_version", &format);
	if (!r)
		r = pragma_number(l, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r)
		return r;
	if (tables && application != EM_SCHEMA_APPLICATION)
		return em_store_fail(l, -EUCLEAN, "%s/%s is not an earmark ledger's", l->dir,
				     EM_LEDGER_FILE);
	if (tables && format > EM_LEDGER_FORMAT)
		return em_store_fail(l, -EPROTO,
				     "ledger %s is of format %lld, this earmark knows format %d: "
				     "use the earmark that wrote it, or a newer one",
				     l->dir, (long long)format, EM_LEDGER_FORMAT);
	return !tables || format < EM_LEDGER_FORMAT;
}

static int database_setup(struct em_ledger *l, const char *more)
{
	static const char setup[] = "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;";

	sqlite3_extended_result_codes(l->db, 1);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_busy_timeout(l->db, l->mode == EM_LEDGER_WRITE ? WRITER_WAITS_MS : READER_WAITS_MS);
	if (sqlite3_exec(l->db, setup, NULL, NULL, NULL) ||
	    sqlite3_exec(l->db, more, NULL, NULL, NULL))
		return em_store_sqlite(l, sqlite3_extended_errcode(l->db));
	return 0;
}

/*
 * Rollback journal and not WAL: readers then need no right to write. Not synced at its end: the
 * log is, and the index is made anew if it does not fit it.
 */
static int database_open(struct em_ledger *l)
{
	int flags = l->mode == EM_LEDGER_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
					       : SQLITE_OPEN_READONLY;
	_cleanup_free_ char *path = NULL;
	int rc;

	if (asprintf(&path, "%s/%s", l->dir, EM_LEDGER_FILE) < 0)
		return em_store_fail(l, -ENOMEM, "out of memory");
	rc = sqlite3_open_v2(path, &l->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return em_store_sqlite(l, rc);
	return database_setup(l,
			      l->mode == EM_LEDGER_WRITE
				      ? "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=NORMAL;"
				      : "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32768;");
}

static void database_close(struct em_ledger *l)
{
	for (size_t i = 0; i < EM_STATEMENTS_MAX; i++)
		sqlite3_finalize(l->statements[i].statement);
	memset(l->statements, 0, sizeof(l->statements));
	sqlite3_close(TAKE_PTR(l->db));
}

/* --- reading ------------------------------------------------------------------------------ */

/* An index of our own, for as long as we are here; SQLite keeps it in a nameless file. */
static int index_private(struct em_ledger *l)
{
	int rc, r;

	database_close(l);
	rc = sqlite3_open_v2("", &l->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	if (rc != SQLITE_OK)
		return em_store_sqlite(l, rc);
	r = database_setup(l, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;");
	return r ? r : em_index_follow(l, true);
}

/* The index beside the log, if it is to be trusted; its writer may be about to catch up. */
static int index_shared(struct em_ledger *l)
{
	int r = database_open(l);

	r = r ? r : schema_check(l);
	if (!r)
		r = em_index_check(l);
	for (int i = 0; r == 2 && i < 50; i++) {
		usleep(20000);
		r = em_index_check(l);
	}
	if (r == 2)
		snprintf(l->trouble, sizeof(l->trouble), "it says less than the log beside it");
	return r;
}

static int horizon_set(struct em_ledger *l)
{
	return pragma_number(l, "SELECT max(id) FROM interval", &l->horizon);
}

static int open_read(struct em_ledger *l)
{
	bool shared = !faccessat(l->dir_fd, EM_LEDGER_FILE, R_OK, 0);
	int r;

	if (faccessat(l->dir_fd, "checkpoint", R_OK, 0))
		return em_store_fail(l, -errno, "no ledger can be read in %s: its checkpoint: %s",
				     l->dir, strerror(errno));
	r = shared ? index_shared(l) : 1;
	if (r == -EBUSY || r == -ENOMEM || r == -EPROTO)
		return r;
	if (r && !*l->trouble && shared)
		snprintf(l->trouble, sizeof(l->trouble), "%.250s",
			 r < 0 ? l->error : "it is of an earlier format");
	r = r ? index_private(l) : 0;
	return r ? r : horizon_set(l);
}

/* --- writing ------------------------------------------------------------------------------ */

/* An index that is damaged, or not ours, is put aside; there is the log. */
static int index_aside(struct em_ledger *l)
{
	database_close(l);
	if (renameat(l->dir_fd, EM_LEDGER_FILE, l->dir_fd, EM_LEDGER_FILE ".damaged"))
		return em_store_fail(l, -errno, "ledger %s: its index cannot be put aside: %s",
				     l->dir, strerror(errno));
	return database_open(l);
}

/* The first entry of a log: where it comes from. */
static int log_begins(struct em_ledger *l, const struct em_log_left *left)
{
	json_t *entry = json_pack("{s:i,s:s,s:I,s:s}", "v", EM_ENTRY_VERSION, "type", "log", "at",
				  (json_int_t)em_time_now(), "origin", em_log_origin(l->log));
	int r;

	if (entry && *left->why)
		json_object_set_new(entry, "old",
				    json_pack("{s:s,s:I,s:I,s:s}", "origin", left->origin, "signed",
					      (json_int_t)left->size, "found",
					      (json_int_t)left->found, "why", left->why));
	r = em_store_begin(l);
	if (r) {
		json_decref(entry);
		return r;
	}
	return em_store_end(l,
			    em_change_entry(l, json_pack("{s:o,s:[]}", "entry", entry, "items")));
}

int em_ledger_leave(struct em_ledger *l, const char *why)
{
	struct em_log_left left = { 0 };
	int r = em_log_leave(l->log, why, &left);

	if (r)
		return em_store_fail(l, r, "ledger %s: %s", l->dir, em_log_error(l->log));
	l->generation++;
	return log_begins(l, &left);
}

/* How much the index knows to have been signed of the log that is there now. */
static int known_size(struct em_ledger *l, uint64_t *known)
{
	int64_t size = 0, generation = 0;
	int r = schema_check(l);

	*known = 0;
	if (r)
		return r < 0 ? r : 0;
	r = em_meta_number(l, "size", &size);
	r = r ? r : em_meta_number(l, "generation", &generation);
	if (!r && generation == em_index_generation(l))
		*known = (uint64_t)size;
	return r;
}

static int index_ready(struct em_ledger *l)
{
	int r = schema_check(l);

	if (!r)
		r = em_index_check(l);
	if (r == 1)
		return em_index_follow(l, true);
	return r == 2 ? em_index_follow(l, false) : r;
}

static int open_write(struct em_ledger *l, const char *origin)
{
	struct em_log_left left;
	uint64_t known = 0;
	int r = database_open(l);

	r = r ? r : known_size(l, &known);
	if (r == -EUCLEAN)
		r = index_aside(l);
	if (!r)
		r = em_log_open(&l->log, l->dir_fd, origin, l->key_file, known, &left,
				l->open_error, sizeof(l->open_error));
	if (r)
		return *l->open_error ? em_store_fail(l, r, "ledger %s: %s", l->dir, l->open_error)
				      : r;
	l->generation = em_index_generation(l);
	r = index_ready(l);
	if (!r && !em_log_size(l->log))
		r = log_begins(l, &left);
	return r;
}

/* --- both --------------------------------------------------------------------------------- */

static int open_into(struct em_ledger *l, const char *origin)
{
	int r;

	if (l->log_only) {
		r = em_place_open(&l->place, l->dir, l->error, sizeof(l->error));
		l->dir_fd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = r ? r : index_private(l);
		return r ? r : horizon_set(l);
	}
	r = l->mode == EM_LEDGER_WRITE ? lock_take(l) : 0;

	if (r)
		return r;
	l->dir_fd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir_fd < 0)
		return em_store_fail(l, -errno, "no ledger can be read in %s: %s", l->dir,
				     strerror(errno));
	r = em_place_open(&l->place, l->dir, l->error, sizeof(l->error));
	l->horizon = INT64_MAX;
	if (r)
		return r;
	return l->mode == EM_LEDGER_WRITE ? open_write(l, origin) : open_read(l);
}

static int ledger_open(struct em_ledger **ret, const char *dir, int mode, bool log_only,
		       const char *origin, const char *key_file)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = calloc(1, sizeof(*l));
	int r;

	if (!l) {
		snprintf(open_error, sizeof(open_error), "out of memory");
		return -ENOMEM;
	}
	l->lock = l->dir_fd = -1;
	l->mode = mode;
	l->log_only = log_only;
	l->dir = strdup(dir);
	l->key_file = key_file ? strdup(key_file) : NULL;
	r = l->dir && (l->key_file || !key_file) ? open_into(l, origin)
						 : em_store_fail(l, -ENOMEM, "out of memory");
	if (r) {
		snprintf(open_error, sizeof(open_error), "%s", l->error);
		return r;
	}
	*ret = TAKE_PTR(l);
	return 0;
}

int em_ledger_open(struct em_ledger **ret, const char *dir, int mode)
{
	return ledger_open(ret, dir, mode, false, "", NULL);
}

int em_ledger_open_as(struct em_ledger **ret, const char *dir, const char *origin,
		      const char *key_file)
{
	return ledger_open(ret, dir, EM_LEDGER_WRITE, false, origin, key_file);
}

int em_ledger_open_log(struct em_ledger **ret, const char *dir_or_url)
{
	return ledger_open(ret, dir_or_url, EM_LEDGER_READ, true, "", NULL);
}
