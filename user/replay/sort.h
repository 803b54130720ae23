/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records of a history, sorted with a bounded amount of memory: runs of them are sorted, put
 * into a temporary file that has no name, and merged.
 */
#ifndef EM_REPLAY_SORT_H
#define EM_REPLAY_SORT_H

#include <stdint.h>

enum em_record_kind {
	EM_RECORD_CAPACITY, /* from @start on, the pool has @gpus; sorts before what uses it */
	EM_RECORD_BLIND,    /* nothing is known of the pool's idle part */
	EM_RECORD_USE,      /* a job has @gpus */
	EM_RECORD_WAIT,     /* a request that was never granted; only @submit */
};

#define EM_RECORD_FIRST 1   /* the first record of its job */
#define EM_RECORD_RUNNING 2 /* no end was given */
#define EM_RECORD_EARLIER 4 /* it had started before: no request of it is granted here */

#define EM_NO_INSTANT INT64_MIN

/**
 * struct em_record - what a row says; fixed width, lives in temporary files only
 * @start, @end, @submit: wall ns
 * @gpus: in 1e-12
 * @key: a hash of what makes the job it belongs to; @job: its number, once they are known
 * @text: where its names lie; @seq: order of the rows
 * @rule: index of its rule + 1; 0 = untagged
 */
struct em_record {
	int64_t start, end, submit;
	uint64_t gpus, key[2], job, text, seq;
	uint32_t rule;
	uint16_t pool;
	uint8_t kind, flags;
};

struct em_sort;

typedef int (*em_record_order)(const void *a, const void *b);

int em_record_by_job(const void *a, const void *b);   /* key, then start, then seq */
int em_record_by_start(const void *a, const void *b); /* start, kind, seq */

struct em_sort *em_sort_new(em_record_order order); /* NULL: out of memory */
void em_sort_free(struct em_sort *s);

/* Functions return 0 or -errno (that of the temporary file: -ENOSPC). */
int em_sort_add(struct em_sort *s, const struct em_record *r);
int em_sort_finish(struct em_sort *s);                      /* all were added */
int em_sort_next(struct em_sort *s, struct em_record *ret); /* 1, 0 at the end, or -errno */

/* A temporary file without a name, in $TMPDIR or /var/tmp. Return: its descriptor or -errno. */
int em_temporary_file(void);

#endif
