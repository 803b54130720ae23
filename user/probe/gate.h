/* SPDX-License-Identifier: GPL-2.0 */
/*
 * P11: did capabilities work over a declared size begin before it was approved? By ref in all, and
 * by project over every 24 hours, so that splitting a run does not pass under it (measures).
 */
#ifndef EM_GATE_H
#define EM_GATE_H

#include "probe/finding.h"
#include "probe/notes.h"

#define EM_GATE_WINDOW EM_DAY

/* struct em_piece - capabilities time of a ref or project in a stretch of time, not of its use */
struct em_piece {
	bool by_ref;
	char key[EARMARK_REF_LEN > EM_NOTE_NAME ? EARMARK_REF_LEN : EM_NOTE_NAME];
	int64_t start, end;
	em_ns time;
};

/**
 * struct em_run - a ref or project that was over the size
 * @began: of a ref its first time; of a project the start of the first 24 h over the size
 * @time: of a ref in all; of a project the most in 24 h
 * @approval: index of the earliest one before @began that covers @time, or -1
 * @late: an approval exists, but none in time
 */
struct em_run {
	struct em_piece what; /* its key */
	int64_t began;
	em_ns time;
	long approval;
	bool late;
};

/*
 * em_gate_make() - @pieces are sorted in place; approvals in time's order
 *
 * Return: how many runs, 0 or -ENOMEM, into *runs, which the caller frees.
 */
int em_gate_make(struct em_run **runs, struct em_piece *pieces, size_t n,
		 const struct em_notes *approvals, em_ns size);

int em_probe_gate(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);

#endif
