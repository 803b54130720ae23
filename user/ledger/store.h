/* SPDX-License-Identifier: GPL-2.0 */
/* Inside the ledger only: the open database, its statements, its words for failures. */
#ifndef EM_STORE_H
#define EM_STORE_H

#include <sqlite3.h>
#include <jansson.h>
#include "ledger/fold.h"
#include "ledger/ledger.h"
#include "ledger/listed.h"
#include "ledger/log.h"
#include "ledger/memo.h"
#include "ledger/tile.h"

#define EM_LEDGER_FILE "ledger.db"
#define EM_LEDGER_LOCK "lock"
#define EM_LEDGER_FORMAT 5
#define EM_STATEMENTS_MAX 128
#define EM_MEMOS 32  /* windows whose sums are remembered */
#define EM_BATCH 256 /* entries: a bundle is then written once, and full */

/**
 * struct em_ledger - an open ledger
 * @dir_fd: its folder; @place: the same, for reading the log
 * @lock: flock()ed by the writer, -1 for readers
 * @log: the writer's; NULL for readers
 * @horizon: the last interval that a reader sees, by id
 * @statements: prepared so far, by the address of their text
 * @depth: of transactions in each other; @batch: the outermost is em_ledger_batch()'s
 * @behind: a commit of the index failed after the log's; @generation: of the writer's log
 * @held: em_ledger_hold() has its lock
 * @fold: intervals that wait for others; @span: ns of wall time that are one entry, 0 = none
 * @log_only: read from the log alone, which may be behind an address
 * @members: the ledgers that this one stands for, which has nothing else then
 * @listed: GPUs that an inventory among them lists
 * @memos: see memo.h; @moved: how often a figure was changed through this ledger
 * @named: how often what rows refer to became another; @told: how often some of it was first told;
 *	@unnamed: in the rows of usage that were read last, some of it had not been
 * @trouble: what was wrong with the index as it was found; "" = nothing
 */
struct em_ledger {
	sqlite3 *db;
	int mode, lock, dir_fd;
	int64_t horizon;
	char *dir, *key_file;
	struct em_place *place;
	struct em_log *log;
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} statements[EM_STATEMENTS_MAX];
	unsigned int depth, adding;
	bool batch, behind, log_only, held;
	int64_t generation;
	struct em_fold fold;
	int64_t span;
	struct em_ledger **members;
	unsigned int n_members;
	struct em_listed *listed;
	unsigned int n_listed;
	struct em_memo memos[EM_MEMOS];
	uint64_t memo_clock, moved, named, told;
	bool unnamed;
	int failed; /* what @error is about */
	char error[512], open_error[512], trouble[256];
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

/*
 * A change of the ledger: the log first, then its index. They may stand in each other; the
 * outermost counts. em_store_end() with @r: nothing of it has happened.
 */
int em_store_begin(struct em_ledger *l);
/* The index says all that the log does, whatever failed before. */
int em_store_ready(struct em_ledger *l);
int em_store_end(struct em_ledger *l, int r); /* @r or -errno */

int em_state_put(struct em_ledger *l, const char *key, const char *json); /* in a change */

const char *em_store_text(sqlite3_stmt *s, int column); /* NULL as NULL */

/* names.c: what rows refer to. Ids are the ledger's own. */
int em_names_load(struct em_ledger *l, const struct earmark_interval *h, int64_t *load);
int em_names_find_load(struct em_ledger *l, const __u8 load_id[16], int64_t *load); /* -ENOENT */
int em_names_event(struct em_ledger *l, int64_t load, const struct earmark_event *e, int64_t wall);
int em_names_gpu(struct em_ledger *l, int64_t load, const __u8 load_id[16], __u32 gpu,
		 int64_t wall);
/* What a note says of them, if its kind is one that does. */
int em_names_note(struct em_ledger *l, int64_t wall, const char *kind, const json_t *data);

/* change.c: an entry, added to the log and applied to the index; takes @part over, which is
 * {"entry": …, "items": […]}. Inside em_store_begin() and em_store_end() only. */
int em_change_entry(struct em_ledger *l, json_t *part);

/* many.c: of all members. */
uint32_t em_many_id(unsigned int member, uint32_t gpu); /* of a GPU of one of them */
int em_many_span(struct em_ledger *l, int64_t since, int64_t until, struct em_span *span);
int em_many_usage(struct em_ledger *l, int64_t since, int64_t until,
		  int (*each)(const struct em_usage *, void *), void *arg);
int em_many_work(struct em_ledger *l, int64_t since, int64_t until,
		 int (*each)(const struct em_work_row *, void *), void *arg);
int em_many_totals(struct em_ledger *l, int64_t since, int64_t until,
		   int (*each)(const struct em_total *, void *), void *arg);
int em_many_rows(struct em_ledger *l, int64_t since, int64_t until,
		 int (*each)(const struct em_ledger_row *, void *), void *arg);
int em_many_gpus(struct em_ledger *l, int64_t since, int64_t until,
		 int (*each)(const struct em_gpu_usage *, void *), void *arg);
int em_many_events(struct em_ledger *l, int64_t since, int64_t until, unsigned int types,
		   uint64_t job, int (*each)(const struct em_event *, void *), void *arg);
int em_many_notes(struct em_ledger *l, int64_t since, int64_t until, const char *kind,
		  int (*each)(int64_t, const char *, const char *, void *), void *arg);

int em_ledger_batch_next(struct em_ledger *l); /* in a batch: commits what is enough for one */

/* apply.c: what the entry numbered @index says, into the tables; @items NULL: not known. */
int em_apply(struct em_ledger *l, uint64_t index, const json_t *entry, const json_t *items);

/* roll.c: the roll-ups of schema.h. Of an interval of that wall time; 0 = it reaches over the edge.
 */
int em_roll_open(struct em_ledger *l, int64_t load, int64_t wall_start, int64_t wall_end,
		 int64_t *hour, int64_t *day);
int em_roll_interval(struct em_ledger *l, int64_t interval); /* counts it */
int em_roll_lost(struct em_ledger *l, int64_t interval, unsigned int counter, int64_t events);
/* Adds what the interval's rows from @from up to @to say. */
int em_roll_rows(struct em_ledger *l, int64_t interval, unsigned int from, unsigned int to);

/**
 * struct em_cover - how a window is put together; see schema.h
 * @since, @until: it
 * @hours, @hours_end: roll-ups of hours are used from here up to there, but not
 * @days, @days_end: where those of days are; all multiples of their width, or nothing is between
 */
struct em_cover {
	int64_t since, until, hours, days, days_end, hours_end;
};

/* cover.c */
int em_cover_find(struct em_ledger *l, int64_t since, int64_t until, struct em_cover *c);

/*
 * Tables of a statement that sums over a cover: intervals as i, roll-ups as r; its parameters, for
 * em_cover_bind(). CROSS JOIN keeps SQLite to that order: else it walks all rows there ever were.
 */
#define EM_COVER_INTERVALS                                                                        \
	"(SELECT 0 AS whole, ?1 AS a, ?2 AS b UNION ALL VALUES(1,?1,?5-1),(1,?6,?2),(2,?1,?4-1)," \
	"(2,?7,?2)) w CROSS JOIN interval i ON i.whole=w.whole AND i.wall_start BETWEEN w.a AND " \
	"w.b AND i.wall_end BETWEEN ?1 AND ?2 AND i.id <= ?3 "
#define EM_COVER_ROLLS                                                                          \
	"(SELECT 3600000000000 AS width, ?4 AS a, ?5-1 AS b UNION ALL VALUES(3600000000000,?6," \
	"?7-1),(86400000000000,?5,?6-1)) w CROSS JOIN roll r ON r.width=w.width AND r.start "   \
	"BETWEEN w.a AND w.b "
/* The union of eight bits, as an aggregate: SQLite has none. */
#define EM_BITS(x)                                                                                \
	"(max(" x " & 1) + max(" x " & 2) + max(" x " & 4) + max(" x " & 8) + max(" x " & 16) + " \
	"max(" x " & 32) + max(" x " & 64) + max(" x " & 128))"
#define em_cover_bind(l, sql, c)                                                           \
	em_store_bind(l, sql, "iiiiiii", (c)->since, (c)->until, (l)->horizon, (c)->hours, \
		      (c)->days, (c)->days_end, (c)->hours_end)

/*
 * usage.c: usage of a window as the index has it now; moving.c: the same from what is remembered of
 * its whole hours and what is read of its edges.
 */
int em_usage_read(struct em_ledger *l, int64_t since, int64_t until, em_memo_fn each, void *arg);
/* Of the intervals in the cover's window that do not lie whole in its hours. */
int em_usage_edges(struct em_ledger *l, const struct em_cover *c, em_memo_fn each, void *arg);
int em_moving_read(struct em_ledger *l, int64_t since, int64_t until, em_memo_fn each, void *arg);
extern const struct em_memo_ask em_usage_core; /* whole hours */

/* index.c: the index as a whole. */
int em_index_create(struct em_ledger *l); /* empty tables; state is kept */
/* Applies what the log holds beyond what the index was made from; from the beginning: @anew. */
int em_index_follow(struct em_ledger *l, bool anew);
/*
 * Was the index made from this log, and by us alone? 0; 1 with l->trouble: no; 2: it is behind
 * the log; or -errno.
 */
int em_index_check(struct em_ledger *l);
int em_index_mark(struct em_ledger *l, int64_t generation, uint64_t size,
		  const struct em_hash *root);
int64_t em_index_generation(const struct em_ledger *l); /* how many logs came before */
int em_meta_number(struct em_ledger *l, const char *key, int64_t *value); /* 0 if it is not set */

#endif
