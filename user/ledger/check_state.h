/* SPDX-License-Identifier: GPL-2.0 */
/* Inside the checks only: what is known so far, shared by their parts. */
#ifndef EM_CHECK_STATE_H
#define EM_CHECK_STATE_H

#include "kernel/interval.h"
#include "base/json.h"
#include "ledger/check.h"

/* struct gpu - of a load; @row: the entry that last spoke of it; @retired: it may be silent */
struct gpu {
	__u32 id;
	uint64_t row;
	bool retired;
};

struct engine {
	__u32 gpu, id;
	__u64 total, first;
};

/**
 * struct load - what is known of a load so far
 * @row: its last usage entry, by the log's number of its first part
 */
struct load {
	char id[33];
	__u64 number, end;
	__u8 hash[EARMARK_HASH_LEN];
	uint64_t row;
	struct gpu *gpus;
	struct engine *engines;
	unsigned int n_gpus, n_engines;
};

struct tag {
	unsigned int load;
	__u32 id;
	unsigned int purpose, tagged_by;
};

/**
 * struct em_check - @tags: a tree of struct tag; @part, @parts: of the usage entry under way
 * @first: the log's number of its first part
 */
struct em_check {
	struct em_check_counts counts;
	struct load *loads;
	unsigned int n_loads;
	void *tags;
	json_int_t part, parts, last;
	uint64_t first;
	unsigned int load;
	char why[256];
};

/* Keeps the sentence's part. Return: it. */
const char *em_check_wrong(struct em_check *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* One more element at the end of *@list, zeroed; NULL: no memory. */
void *em_check_grown(void *list, unsigned int *n, size_t size);
struct gpu *em_check_gpu(struct load *l, __u32 id); /* added if it is new; NULL: no memory */
/* Of a tag of the load under way; 0 and 0: untagged. */
void em_check_tag(const struct em_check *c, __u32 id, unsigned int *purpose, unsigned int *by);

/* check_sums.c: each NULL, or what is wrong. */
const char *em_check_gpus(struct em_check *c, struct load *l, const json_t *e);
const char *em_check_engines(struct em_check *c, struct load *l, const json_t *e);
/* A GPU that was there in the last entry of its load is there in this one, or was retired. */
const char *em_check_inventory(struct em_check *c, struct load *l);
/* Rows that are shown add up to the totals, under the tags that were set before. */
const char *em_check_rows(struct em_check *c, const json_t *e, const json_t *items);

#endif
