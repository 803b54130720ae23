/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Witnesses (c2sp.org/tlog-witness): who signs for a log's checkpoint only if it continues the last
 * one that it signed for. The witness's side answers add-checkpoint; the log's side asks for it.
 */
#ifndef EM_WITNESS_H
#define EM_WITNESS_H

#include "ledger/signature.h"
#include "ledger/tile.h"

#define EM_WITNESS_LOGS_MAX 1024
#define EM_WITNESS_BODY_MAX 65536

/**
 * struct em_witness - the witness's side
 * @dir: where its key and the last checkpoint of each log are kept
 * @logs: the keys of the logs that it signs for
 */
struct em_witness {
	int dir;
	struct em_key key;
	struct em_key *logs;
	unsigned int n_logs;
};

/* Opens @dir, with a new key of @name if it has none. 0, or -errno with a sentence. */
int em_witness_open(struct em_witness *w, const char *dir, const char *name, char *err, size_t len);
void em_witness_close(struct em_witness *w);

/**
 * em_witness_add() - answer add-checkpoint
 * @answer: EM_NOTE_MAX; @type: of the answer's content
 *
 * What is signed is on the disk before it is answered. Return: the HTTP status.
 */
unsigned int em_witness_add(struct em_witness *w, const char *body, size_t body_len, char *answer,
			    const char **type);

/**
 * struct em_witness_ask - the log's side, for one witness
 * @url: its base; @key: its public key
 * @size: the size that it signed for last, as far as is known; kept up to date
 */
struct em_witness_ask {
	const char *url;
	struct em_key key;
	uint64_t size;
};

/*
 * em_witness_ask() - have a checkpoint signed for
 * @note: the checkpoint; its cosignature is added; EM_NOTE_MAX
 *
 * Return: 0; -EEXIST: the witness has signed for another history of this log; -EAGAIN or another
 * -errno: no answer, with a sentence in @err.
 */
int em_witness_ask(struct em_witness_ask *w, struct em_place *log, char *note, char *err,
		   size_t len);

/* "KEY=URL", as on the command line and in the configuration; @url points into @text. */
int em_witness_parse(struct em_witness_ask *w, const char *text);

/*
 * em_cosign() - have the last checkpoint signed for by each, and keep it with their signatures
 * @dir: the ledger's, for the file "cosigned"
 *
 * Return: how many signed, with a sentence about who did not; -EEXIST: one has signed for another
 * history; or -errno.
 */
int em_cosign(int dir, struct em_place *log, struct em_witness_ask *asks, unsigned int n, char *err,
	      size_t len);

#endif
