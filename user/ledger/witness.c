// SPDX-License-Identifier: GPL-2.0
/* The witness's side; see witness.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "ledger/disk.h"
#include "ledger/witness.h"

#define TEXT_TYPE "text/plain; charset=utf-8"
#define SIZE_TYPE "text/x.tlog.size"

int em_witness_open(struct em_witness *w, const char *dir, const char *name, char *err, size_t len)
{
	char text[EM_KEY_TEXT_LEN + 1];
	int r;

	memset(w, 0, sizeof(*w));
	if (mkdir(dir, 0755) && errno != EEXIST) {
		snprintf(err, len, "%s cannot be made: %s", dir, strerror(errno));
		return -errno;
	}
	w->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = w->dir < 0 ? -errno : em_file_line(w->dir, "key", text, sizeof(text));
	if (!r) {
		r = em_key_parse(&w->key, text);
		if (!r && w->key.private && w->key.type == EM_KEY_WITNESS)
			return 0;
		snprintf(err, len, "%s/key is no private key of a witness", dir);
		return -EINVAL;
	}
	if (r == -ENOENT)
		r = em_key_make(&w->key, name, EM_KEY_WITNESS);
	if (r) {
		snprintf(err, len, "%s: %s", dir,
			 r == -EINVAL ? "a witness's name has no blanks and no \"+\""
				      : strerror(-r));
		return r;
	}
	em_key_text(&w->key, true, text);
	strcat(text, "\n");
	r = em_disk_put(w->dir, "key", text, strlen(text), 0600);
	em_key_text(&w->key, false, text);
	strcat(text, "\n");
	r = r ?: em_disk_put(w->dir, "key.pub", text, strlen(text), 0644);
	if (r)
		snprintf(err, len, "%s/key cannot be written: %s", dir, strerror(-r));
	return r;
}

void em_witness_close(struct em_witness *w)
{
	if (w->dir >= 0)
		close(w->dir);
	free(w->logs);
	sodium_memzero(&w->key, sizeof(w->key));
}

/* --- a request ---------------------------------------------------------------------------- */

/**
 * struct request - "old SIZE", a proof, a blank line, a checkpoint
 * @note: in the body
 */
struct request {
	uint64_t old;
	struct em_hash proof[EM_PROOF_MAX];
	size_t n;
	const char *note;
	size_t note_len;
	struct em_checkpoint c;
};

static int parse(struct request *q, const char *body, size_t len)
{
	const char *at = body, *end = body + len, *nl = memchr(body, '\n', len);

	memset(q, 0, sizeof(*q));
	if (!nl || nl - body < 5 || memcmp(body, "old ", 4) ||
	    em_decimal_parse(body + 4, (size_t)(nl - body) - 4, &q->old))
		return -EINVAL;
	for (at = nl + 1; (nl = memchr(at, '\n', (size_t)(end - at))); at = nl + 1) {
		if (nl == at)
			break;
		if (q->n == 63 || em_base64_decode(q->proof[q->n++].b, EM_HASH_LEN, at,
						   (size_t)(nl - at)) != EM_HASH_LEN)
			return -EINVAL;
	}
	if (!nl)
		return -EINVAL;
	q->note = nl + 1;
	q->note_len = (size_t)(end - q->note);
	return em_checkpoint_parse(&q->c, q->note, q->note_len);
}

static const struct em_key *log_key(const struct em_witness *w, const struct request *q,
				    bool *known)
{
	*known = false;
	for (unsigned int i = 0; i < w->n_logs; i++) {
		if (strcmp(w->logs[i].name, q->c.origin))
			continue;
		*known = true;
		if (!em_note_verify(q->note, q->note_len, q->c.text_len, &w->logs[i], NULL))
			return &w->logs[i];
	}
	return NULL;
}

/* Origins are names of others: the file's is their hash. */
static void file_of(const struct em_checkpoint *c, char path[80])
{
	uint8_t hash[32];
	char hex[65];

	crypto_hash_sha256(hash, (const uint8_t *)c->origin, strlen(c->origin));
	snprintf(path, 80, "logs/%s", em_hex(hex, hash, sizeof(hash)));
}

/* What was signed for this log last; size 0: nothing. */
static int last_signed(struct em_witness *w, const struct em_checkpoint *c,
		       struct em_checkpoint *last)
{
	_cleanup_free_ char *note = NULL;
	char path[80];
	long n;

	memset(last, 0, sizeof(*last));
	last->root = em_merkle_empty();
	file_of(c, path);
	n = em_file_read(w->dir, path, EM_NOTE_MAX - 1, &note);
	if (n == -ENOENT)
		return 0;
	return n < 0 ? (int)n : em_checkpoint_parse(last, note, (size_t)n);
}

/* Keeps the checkpoint, then signs for it. */
static int cosign(struct em_witness *w, const struct request *q, char *answer)
{
	char note[EM_NOTE_MAX], path[80];
	struct timespec now;
	int r;

	file_of(&q->c, path);
	r = em_disk_put(w->dir, path, q->note, q->note_len, 0644);
	if (r)
		return r;
	clock_gettime(CLOCK_REALTIME, &now);
	memcpy(note, q->note, q->c.text_len);
	note[q->c.text_len] = '\0';
	r = em_note_sign(note, q->c.text_len, &w->key, (uint64_t)now.tv_sec);
	/* the answer is the line alone, not the note */
	snprintf(answer, EM_NOTE_MAX, "%s", note + q->c.text_len + 1);
	return r;
}

unsigned int em_witness_add(struct em_witness *w, const char *body, size_t len, char *answer,
			    const char **type)
{
	struct em_checkpoint last;
	struct request q;
	bool known;

#define ANSWER(status, text) (snprintf(answer, EM_NOTE_MAX, "%s\n", text), status)
	*type = TEXT_TYPE;
	if (parse(&q, body, len))
		return ANSWER(400, "this is no request to add a checkpoint");
	if (!log_key(w, &q, &known))
		return known ? ANSWER(403, "the log's key did not sign it")
			     : ANSWER(404, "no log of this origin is known here");
	if (q.old > q.c.size)
		return ANSWER(400, "the old size is larger than the new one");
	if (last_signed(w, &q.c, &last))
		return ANSWER(500, "what was signed last cannot be read");
	if (q.old != last.size ||
	    (q.old == q.c.size && last.size && !em_hash_equal(&last.root, &q.c.root))) {
		*type = SIZE_TYPE;
		snprintf(answer, EM_NOTE_MAX, "%" PRIu64 "\n", last.size);
		return 409;
	}
	if (!em_check_consistency(q.old, q.c.size, q.proof, q.n, &last.root, &q.c.root))
		return ANSWER(422, "it does not continue what was signed last");
	if (cosign(w, &q, answer))
		return ANSWER(500, "it cannot be kept, and so is not signed");
	return 200;
#undef ANSWER
}
