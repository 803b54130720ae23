/* SPDX-License-Identifier: GPL-2.0 */
/* Inside the ledger only: the open database, its statements, its words for failures. */
#ifndef EM_STORE_H
#define EM_STORE_H

#include <sqlite3.h>
#include "ledger/ledger.h"

#define EM_LEDGER_FILE "ledger.db"
#define EM_LEDGER_LOCK "lock"
#define EM_LEDGER_FORMAT 1
#define EM_STATEMENTS_MAX 64

/**
 * struct em_ledger - an open ledger
 * @lock: flock()ed by the writer, -1 for readers
 * @horizon: the last interval that a reader sees, by id
 * @statements: prepared so far, by the address of their text
 */
struct em_ledger {
	sqlite3 *db;
	int mode, lock;
	int64_t horizon;
	char *dir;
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} statements[EM_STATEMENTS_MAX];
	int failed; /* what @error is about */
	char error[512];
};

/* Keeps a sentence. Return: @r. */
int em_store_fail(struct em_ledger *l, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* What SQLite says, as an errno with a sentence. */
int em_store_sqlite(struct em_ledger *l, int rc);

/*
 * em_store_bind() - a statement, ready to be stepped
 * @sql: a literal: its address names the prepared statement
 * @types: one letter a parameter: i int64_t, u int (both as integers), t text or NULL, b blob
 *	(pointer, int length)
 *
 * Return: NULL with a sentence kept; then em_store_step() says the errno.
 */
sqlite3_stmt *em_store_bind(struct em_ledger *l, const char *sql, const char *types, ...);
int em_store_step(struct em_ledger *l, sqlite3_stmt *s); /* 1 a row, 0 the end, or -errno */

/* em_store_bind() and a step that gives no row. Return: 0 or -errno. */
#define em_store_run(l, sql, ...)                                                \
	({                                                                       \
		int _run = em_store_step(l, em_store_bind(l, sql, __VA_ARGS__)); \
		_run > 0 ? 0 : _run;                                             \
	})

int em_store_begin(struct em_ledger *l);
int em_store_end(struct em_ledger *l,
		 int r); /* commits if @r is 0, else rolls back; @r or -errno */

const char *em_store_text(sqlite3_stmt *s, int column); /* NULL as NULL */

/* names.c: what rows refer to. Ids are the ledger's own. */
int em_names_load(struct em_ledger *l, const struct earmark_interval *h, int64_t *load);
int em_names_find_load(struct em_ledger *l, const __u8 load_id[16], int64_t *load); /* -ENOENT */
int em_names_event(struct em_ledger *l, int64_t load, const struct earmark_event *e, int64_t wall);
int em_names_gpu(struct em_ledger *l, int64_t load, const __u8 load_id[16], __u32 gpu,
		 int64_t wall);

#endif
