// SPDX-License-Identifier: GPL-2.0
/* Statements and failures of the database; see store.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ledger/store.h"

int em_store_fail(struct em_ledger *l, int r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(l->error, sizeof(l->error), format, args);
	va_end(args);
	l->failed = r;
	return r;
}

int em_store_sqlite(struct em_ledger *l, int rc)
{
	static const struct {
		int rc, e;
		const char *what;
	} known[] = {
		{ SQLITE_FULL, ENOSPC, "no space left on the disk" },
		{ SQLITE_BUSY, EBUSY,
		  "somebody has been reading it for too long, or it is "
		  "being written; try again" },
		{ SQLITE_LOCKED, EBUSY, "it is being written; try again" },
		{ SQLITE_CORRUPT, EUCLEAN,
		  "the file is damaged; restore it from a copy, or move it "
		  "away and start a new one" },
		{ SQLITE_NOTADB, EUCLEAN, "the file is not a ledger, or is damaged" },
		{ SQLITE_NOMEM, ENOMEM, "out of memory" },
		{ SQLITE_PERM, EACCES, "permission denied" },
		{ SQLITE_READONLY, EROFS, "it cannot be written" },
		{ SQLITE_TOOBIG, EFBIG, "a row is too large" },
	};

	if (rc == SQLITE_READONLY_ROLLBACK || rc == SQLITE_READONLY_RECOVERY)
		return em_store_fail(l, -EUCLEAN,
				     "ledger %s: its daemon died while writing; start earmarkd "
				     "on it once so that it can recover",
				     l->dir);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].rc == (rc & 0xff))
			return em_store_fail(l, -known[i].e, "ledger %s: %s", l->dir,
					     known[i].what);
	}
	return em_store_fail(l, -EIO, "ledger %s: %s", l->dir,
			     l->db ? sqlite3_errmsg(l->db) : sqlite3_errstr(rc));
}

static sqlite3_stmt *prepared(struct em_ledger *l, const char *sql)
{
	size_t i = 0;
	int rc;

	for (; i < EM_STATEMENTS_MAX && l->statements[i].sql; i++) {
		if (l->statements[i].sql == sql) {
			sqlite3_reset(l->statements[i].statement);
			sqlite3_clear_bindings(l->statements[i].statement);
			return l->statements[i].statement;
		}
	}
	if (i == EM_STATEMENTS_MAX) {
		em_store_fail(l, -ENOBUFS, "ledger %s: too many statements", l->dir);
		return NULL;
	}
	rc = sqlite3_prepare_v3(l->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
				&l->statements[i].statement, NULL);
	if (rc != SQLITE_OK) {
		em_store_sqlite(l, rc);
		return NULL;
	}
	l->statements[i].sql = sql;
	return l->statements[i].statement;
}

sqlite3_stmt *em_store_bind(struct em_ledger *l, const char *sql, const char *types, ...)
{
	sqlite3_stmt *s = prepared(l, sql);
	va_list args;
	int rc = SQLITE_OK;

	if (!s)
		return NULL;
	va_start(args, types);
	for (int i = 0; rc == SQLITE_OK && types[i]; i++) {
		const void *p;

		switch (types[i]) {
		case 'i':
			rc = sqlite3_bind_int64(s, i + 1, va_arg(args, int64_t));
			break;
		case 'u':
			rc = sqlite3_bind_int64(s, i + 1, va_arg(args, unsigned int));
			break;
		case 't':
			p = va_arg(args, const char *);
			rc = sqlite3_bind_text(s, i + 1, p, -1, SQLITE_TRANSIENT);
			break;
		case 'b':
			p = va_arg(args, const void *);
			rc = sqlite3_bind_blob(s, i + 1, p, va_arg(args, int), SQLITE_TRANSIENT);
			break;
		}
	}
	va_end(args);
	if (rc == SQLITE_OK)
		return s;
	em_store_sqlite(l, rc);
	return NULL;
}

int em_store_step(struct em_ledger *l, sqlite3_stmt *s)
{
	int rc;

	if (!s)
		return l->failed;
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		return 1;
	/* the end, or a failure: either way no lock may outlive it */
	if (rc != SQLITE_DONE)
		rc = sqlite3_extended_errcode(l->db);
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? 0 : em_store_sqlite(l, rc);
}

const char *em_store_text(sqlite3_stmt *s, int column)
{
	return (const char *)sqlite3_column_text(s, column);
}
