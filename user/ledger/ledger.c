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
#include "ledger/schema.h"
#include "ledger/store.h"

#define WRITER_WAITS_MS 2000 /* for readers; an append that fails is tried again */
#define READER_WAITS_MS 10000

static char open_error[512];

EM_CLEANUP(struct em_ledger *, em_ledger_close);

void em_ledger_close(struct em_ledger *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < EM_STATEMENTS_MAX; i++)
		sqlite3_finalize(l->statements[i].statement);
	sqlite3_close(l->db);
	if (l->lock >= 0)
		close(l->lock);
	free(l->dir);
	free(l);
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

/* Makes the tables of a new file, refuses files that are not ours or of another format. */
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
	if (!tables && l->mode == EM_LEDGER_WRITE) {
		char begin[128];

		snprintf(begin, sizeof(begin), "PRAGMA application_id=%d; PRAGMA user_version=%d;",
			 EM_SCHEMA_APPLICATION, EM_LEDGER_FORMAT);
		r = em_store_begin(l);
		if (!r && (sqlite3_exec(l->db, begin, NULL, NULL, NULL) ||
			   sqlite3_exec(l->db, EM_SCHEMA, NULL, NULL, NULL)))
			r = em_store_sqlite(l, sqlite3_extended_errcode(l->db));
		return em_store_end(l, r);
	}
	if (application != EM_SCHEMA_APPLICATION)
		return em_store_fail(l, -EUCLEAN, "%s/%s is not an earmark ledger", l->dir,
				     EM_LEDGER_FILE);
	if (format != EM_LEDGER_FORMAT)
		return em_store_fail(l, -EPROTO,
				     "ledger %s is of format %lld, this earmark knows format %d: "
				     "use the earmark that wrote it, or a newer one",
				     l->dir, (long long)format, EM_LEDGER_FORMAT);
	return 0;
}

/*
 * Rollback journal and not WAL: readers then need no right to write. TRUNCATE and not DELETE:
 * its end is synced too, so that a commit cannot be undone by losing power after it.
 */
static int database_open(struct em_ledger *l)
{
	static const char write_setup[] = "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL;";
	static const char setup[] = "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;";
	int flags = l->mode == EM_LEDGER_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
					       : SQLITE_OPEN_READONLY;
	_cleanup_free_ char *path = NULL;
	int rc;

	if (asprintf(&path, "%s/%s", l->dir, EM_LEDGER_FILE) < 0)
		return em_store_fail(l, -ENOMEM, "out of memory");
	if (l->mode == EM_LEDGER_READ && access(path, R_OK))
		return em_store_fail(l, -errno, "no ledger can be read in %s: %s", l->dir,
				     strerror(errno));
	rc = sqlite3_open_v2(path, &l->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return em_store_sqlite(l, rc);
	sqlite3_extended_result_codes(l->db, 1);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_busy_timeout(l->db, l->mode == EM_LEDGER_WRITE ? WRITER_WAITS_MS : READER_WAITS_MS);
	rc = sqlite3_exec(l->db, setup, NULL, NULL, NULL);
	if (rc == SQLITE_OK && l->mode == EM_LEDGER_WRITE)
		rc = sqlite3_exec(l->db, write_setup, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : em_store_sqlite(l, sqlite3_extended_errcode(l->db));
}

static int open_into(struct em_ledger *l)
{
	int r = l->mode == EM_LEDGER_WRITE ? lock_take(l) : 0;

	if (!r)
		r = database_open(l);
	if (!r)
		r = schema_check(l);
	l->horizon = INT64_MAX;
	if (!r && l->mode == EM_LEDGER_READ)
		r = pragma_number(l, "SELECT max(id) FROM interval", &l->horizon);
	return r;
}

int em_ledger_open(struct em_ledger **ret, const char *dir, int mode)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = calloc(1, sizeof(*l));
	int r;

	if (!l) {
		snprintf(open_error, sizeof(open_error), "out of memory");
		return -ENOMEM;
	}
	l->lock = -1;
	l->mode = mode;
	l->dir = strdup(dir);
	r = l->dir ? open_into(l) : em_store_fail(l, -ENOMEM, "out of memory");
	if (r) {
		snprintf(open_error, sizeof(open_error), "%s", l->error);
		return r;
	}
	*ret = TAKE_PTR(l);
	return 0;
}
