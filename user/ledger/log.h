/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The log of one ledger, for its one writer: entries appended, hashed, and signed for.
 *
 *	checkpoint	the signed size and root; signed: the same, kept before it is shown
 *	cosigned	the last checkpoint that witnesses have signed too
 *	tile/…		hashes and entries, as c2sp.org/tlog-tiles
 *	open/…		openings of private items, one line of JSON an entry; see entry.h
 *	key, key.pub	the log's key (0600) and what an auditor needs of it
 *	old/N/		logs that came before and were left, as they were found
 *
 * An entry is synced before a checkpoint over it is signed, and the checkpoint is on the disk
 * before anybody is told. What was written beyond the signed size is cut off when the log is
 * opened. A log that is shorter than what was signed, or another, is left as it is under old/
 * and a new one begins, under a new name: a size once signed is never signed again.
 */
#ifndef EM_LOG_H
#define EM_LOG_H

#include "ledger/signature.h"

struct em_log;

/**
 * struct em_log_left - a log that had to be left
 * @why: "" = none was
 * @size: entries that it signed for; @found: how many of them were still there
 */
struct em_log_left {
	char origin[EM_KEY_NAME_LEN], why[256];
	uint64_t size, found;
};

/**
 * em_log_open() - for appending
 * @origin: of a log that begins here; "" = "localhost/default/HOSTNAME"
 * @key_file: NULL = "key" in @dir; made if it is not there and no log is
 * @known: a size that is known to have been signed (an index remembers); 0 = none
 * @left: what was found and left
 *
 * Return: 0, or -errno with a sentence in @err; -ENOKEY: the log's key is gone.
 */
int em_log_open(struct em_log **l, int dir, const char *origin, const char *key_file,
		uint64_t known, struct em_log_left *left, char *err, size_t len);
void em_log_close(struct em_log *l);

/*
 * Adds an entry (at most EM_ENTRY_MAX bytes) and its opening ("" = none) to what em_log_commit()
 * will make durable. *index: its number if it does.
 */
int em_log_add(struct em_log *l, const char *entry, size_t len, const char *opening,
	       uint64_t *index);
/* All that was added, or nothing of it. Return: 0, or -errno with em_log_error(). */
int em_log_commit(struct em_log *l);
void em_log_forget(struct em_log *l); /* what was added */
/* Signing failed half-way: nothing more is written until the log is opened anew. */
bool em_log_doubtful(const struct em_log *l);

uint64_t em_log_size(const struct em_log *l); /* signed */
struct em_hash em_log_root(const struct em_log *l);
const char *em_log_origin(const struct em_log *l);
const struct em_key *em_log_key(const struct em_log *l);
const char *em_log_error(const struct em_log *l);

/*
 * em_log_turn_key() - sign with another key from here on
 * @next: with the log's name; the caller has kept it by em_log_keep_next(), and then put its entry
 *	into the log, which both keys signed. A crash in between is finished when the log is opened
 */
int em_log_keep_next(struct em_log *l, const struct em_key *next);
int em_log_turn_key(struct em_log *l, const struct em_key *next);

/* Leaves the log, however whole it is, and begins a new one (a restored image was found out). */
int em_log_leave(struct em_log *l, const char *why, struct em_log_left *left);

#endif
