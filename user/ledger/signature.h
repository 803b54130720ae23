/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Signed notes (c2sp.org/signed-note), checkpoints (c2sp.org/tlog-checkpoint) and cosignatures
 * (c2sp.org/tlog-cosignature), all with Ed25519. Keys are written as there:
 *	public	NAME+HASH+BASE64(type || key)
 *	private	PRIVATE+KEY+NAME+HASH+BASE64(type || seed)
 */
#ifndef EM_SIGNATURE_H
#define EM_SIGNATURE_H

#include "ledger/merkle.h"

#define EM_KEY_NAME_LEN 256
#define EM_KEY_TEXT_LEN 400   /* a key as text */
#define EM_NOTE_MAX 16384     /* a note with its signatures; longer ones are refused */
#define EM_SIGNATURES_MAX 100 /* on one note */

enum { EM_KEY_LOG = 0x01, EM_KEY_WITNESS = 0x04 };

/**
 * struct em_key - a name and an Ed25519 key
 * @id: first four bytes of SHA-256(name || "\n" || type || key)
 * @type: EM_KEY_LOG signs notes as they are, EM_KEY_WITNESS cosigns them with a time
 * @secret: seed || public key; only where @private
 */
struct em_key {
	char name[EM_KEY_NAME_LEN];
	uint8_t id[4], type, public[32], secret[64];
	bool private;
};

/* A new key. -EINVAL: no name for a key (empty, white space, '+', not printable ASCII). */
int em_key_make(struct em_key *k, const char *name, uint8_t type);
/* The same key under another name. */
int em_key_rename(struct em_key *k, const char *name);
int em_key_parse(struct em_key *k, const char *text); /* public or private; -EINVAL */
void em_key_text(const struct em_key *k, bool private, char out[EM_KEY_TEXT_LEN]);
/* A file whose first line is a key, or the key itself; *why is set on failure. */
int em_key_read(struct em_key *k, const char *file_or_text, const char **why);

/**
 * struct em_checkpoint - what a log says of itself
 * @text_len: how much of the note is signed, from its beginning
 */
struct em_checkpoint {
	char origin[EM_KEY_NAME_LEN];
	uint64_t size;
	struct em_hash root;
	size_t text_len;
};

/* The text to be signed; @out is EM_NOTE_MAX. Return: its length. */
size_t em_checkpoint_text(const struct em_checkpoint *c, char *out);
int em_checkpoint_parse(struct em_checkpoint *c, const char *note, size_t len); /* -EINVAL */

/*
 * Adds a signature to a note whose text is its first @text_len bytes; @note is EM_NOTE_MAX and
 * NUL-terminated. @time: seconds, of a cosignature. 0 or -ENOSPC.
 */
int em_note_sign(char *note, size_t text_len, const struct em_key *k, uint64_t time);

/*
 * Does @k's signature stand under it? Return: 0 with *time of a cosignature; -ENOENT: it did not
 * sign; -EBADMSG: it is wrong.
 */
int em_note_verify(const char *note, size_t len, size_t text_len, const struct em_key *k,
		   uint64_t *time);

/* An Ed25519 signature over bytes that are no note, as base64; @out is 89 bytes. */
void em_sign_bytes(const struct em_key *k, const void *bytes, size_t len, char out[89]);
bool em_verify_bytes(const struct em_key *k, const void *bytes, size_t len, const char *base64);

/* Base64 as in RFC 4648, section 4, of at most 95 bytes. Return: bytes written, or -EINVAL. */
long em_base64_decode(void *out, size_t max, const char *text, size_t len);
void em_base64(char *out, size_t max, const void *bytes, size_t n);

#endif
