/* SPDX-License-Identifier: GPL-2.0 */
/* Rows of all formats become records. */
#ifndef EM_REPLAY_GATHER_H
#define EM_REPLAY_GATHER_H

#include "replay/input.h"
#include "replay/replay.h"
#include "replay/sort.h"
#include "replay/spool.h"
#include "rule/rule.h"

/* What a row of a table of jobs may tell: what rules ask for, and what is counted. */
#define EM_FIELDS(X)            \
	EM_RULE_KEYS(X)         \
	X(SUBMIT, "submit")     \
	X(START, "start")       \
	X(END, "end")           \
	X(DURATION, "duration") \
	X(GPUS, "gpus")

#define EM_FIELD_ENUM(id, name) EM_FIELD_##id,
enum em_field { EM_FIELDS(EM_FIELD_ENUM) EM_FIELD_COUNT };

/* struct em_row - the text of each field, NULL where there is none; begins as a rule's subject */
struct em_row {
	const char *f[EM_FIELD_COUNT];
};

/* struct em_order - a declared change of a purpose's share, as the text of a note */
struct em_order {
	int64_t at;
	char *json;
};

#define EM_DIGEST_LEN 32
#define EM_POOLS_MAX 65535

/**
 * struct em_gather - what is known so far
 * @in: the file being read, @row: number of its row where it has no lines
 * @sort: of the records, by job; @spool: their names
 * @pools: names, by index; @orders: in order of the file
 * @digests: one a file that was read
 * @first, @last: wall ns of what is used or known, as far as it has an end
 */
struct em_gather {
	const struct em_replay_options *options;
	struct em_replay_result *result;
	struct em_rules rules;
	struct em_input *in;
	uint64_t row, seq;
	struct em_sort *sort;
	struct em_spool *spool;
	char **pools;
	size_t nr_pools;
	struct em_order *orders;
	size_t nr_orders;
	uint8_t (*digests)[EM_DIGEST_LEN];
	size_t nr_digests;
	int64_t first, last;
	char *err;
	size_t err_len;
};

/* Sets the sentence. Return: @ret. */
int em_gather_fail(struct em_gather *g, int ret, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The present row cannot be used: counts it and says why. Return: 0 */
int em_gather_bad(struct em_gather *g, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Does the table have what the map has rules on? @index: of each key's column, by enum
 * em_rule_key; negative = there is none. Return: 0 or -EINVAL.
 */
int em_gather_check_keys(struct em_gather *g, const int index[EM_RULE_KEY_COUNT]);

/* Between rows: counts one, tells how far it is. Return: 0 or -EINTR. */
int em_gather_tick(struct em_gather *g);

/* A row of a table of jobs. Return: 0, also for rows that cannot be used, or -errno. */
int em_gather_row(struct em_gather *g, const struct em_row *row);

/* Cuts @r to the time asked for and adds it to the job that @row names. */
int em_gather_record(struct em_gather *g, struct em_record *r, const struct em_row *row);

/* The index of a pool, which is made if need be. Return: 0 or -errno. */
int em_gather_pool(struct em_gather *g, const char *name, uint16_t *pool);

/* --- formats: each reads g->in to its end ------------------------------------------------- */

int em_table_read(struct em_gather *g); /* CSV, with names by --columns */
int em_sacct_read(struct em_gather *g); /* sacct -P, or --json by the first character */
int em_sacct_json_read(struct em_gather *g);
int em_helios_read(struct em_gather *g);

/* GPUs of a TRES list "billing=8,gres/gpu=4"; as text in @out, "0" if it names none. */
const char *em_sacct_gpus(const char *tres, char *out, size_t len);

/* Is it what sacct and others write where they know no instant? */
bool em_unknown(const char *s);

#endif
