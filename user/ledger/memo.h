/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside the ledger only: what was answered last, for as long as nothing is changed. Many promises
 * are about the same few windows, and each is judged from the same sums. A window's core, its
 * whole hours, is remembered for longer: until something of its own time or of its names changes.
 */
#ifndef EM_MEMO_H
#define EM_MEMO_H

#include "ledger/ledger.h"

enum em_memo_kind {
	EM_MEMO_USAGE,
	EM_MEMO_GPU,
	EM_MEMO_SPAN,
	EM_MEMO_TOTALS,
	EM_MEMO_CORE,
	EM_MEMO_KINDS
};

/* struct em_memo_rows - one answer; @whole: all of it, @room for so many */
struct em_memo_rows {
	void **list;
	unsigned int n, room;
	bool whole;
};

/**
 * struct em_memo - of a window
 * @version, @moved: of the index when it was asked: what others committed, what we changed
 * @core: of whole hours, asked for as EM_MEMO_CORE alone: @moved does not matter, but @named and
 *	@told; @unnamed: some of its rows lack a name; @touched: of its time there is more now
 * @busy: somebody is reading it; @used: when last
 */
struct em_memo {
	int64_t since, until, version;
	uint64_t moved, named, told;
	bool core, unnamed, touched;
	struct em_memo_rows rows[EM_MEMO_KINDS];
	unsigned int busy;
	uint64_t used;
};

typedef int (*em_memo_fn)(const void *row, void *arg);

/**
 * struct em_memo_ask - a question, and what its rows are
 * @read: asks the index
 * @size: of a row; @texts: offsets of its strings, @n_texts of them
 */
struct em_memo_ask {
	enum em_memo_kind kind;
	int (*read)(struct em_ledger *l, int64_t since, int64_t until, em_memo_fn each, void *arg);
	size_t size;
	const size_t *texts;
	unsigned int n_texts;
};

/* Each row of the answer, remembered or read. 0, -errno, or what @each ended it with. */
int em_memo_ask(struct em_ledger *l, const struct em_memo_ask *ask, int64_t since, int64_t until,
		em_memo_fn each, void *arg);
void em_memo_clear(struct em_memo *m);
/* An interval that begins at @wall has more to say: cores of that time are out of date. */
void em_memo_touch(struct em_ledger *l, int64_t wall);

/* A copy of @row, strings and all, after the others; -ENOBUFS: there are too many. */
int em_memo_keep(struct em_memo_rows *rows, const struct em_memo_ask *ask, const void *row);
void em_memo_forget(struct em_memo_rows *rows);

#endif
