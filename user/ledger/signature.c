// SPDX-License-Identifier: GPL-2.0
/* Keys, signed notes and checkpoints; see signature.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "ledger/signature.h"

#define DASH "\xe2\x80\x94" /* U+2014, begins a line of signature */
#define PRIVATE "PRIVATE+KEY+"
#define COSIGNED "cosignature/v1"

/* libsodium takes some bytes above 127 for letters: only what it would write itself is taken. */
long em_base64_decode(void *out, size_t max, const char *text, size_t len)
{
	const char *end;
	char again[128];
	size_t n;

	if (len >= sizeof(again) ||
	    sodium_base642bin(out, max, text, len, NULL, &n, &end,
			      sodium_base64_VARIANT_ORIGINAL) ||
	    end != text + len)
		return -EINVAL;
	em_base64(again, sizeof(again), out, n);
	return strlen(again) == len && !memcmp(again, text, len) ? (long)n : -EINVAL;
}

void em_base64(char *out, size_t max, const void *bytes, size_t n)
{
	sodium_bin2base64(out, max, bytes, n, sodium_base64_VARIANT_ORIGINAL);
}

/* --- keys --------------------------------------------------------------------------------- */

static bool name_good(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '+')
			return false;
	}
	return len && len < EM_KEY_NAME_LEN;
}

static void key_id(struct em_key *k)
{
	crypto_hash_sha256_state s;
	uint8_t hash[32];

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, (const uint8_t *)k->name, strlen(k->name));
	crypto_hash_sha256_update(&s, (const uint8_t *)"\n", 1);
	crypto_hash_sha256_update(&s, &k->type, 1);
	crypto_hash_sha256_update(&s, k->public, sizeof(k->public));
	crypto_hash_sha256_final(&s, hash);
	memcpy(k->id, hash, sizeof(k->id));
}

int em_key_rename(struct em_key *k, const char *name)
{
	if (!name_good(name))
		return -EINVAL;
	snprintf(k->name, sizeof(k->name), "%s", name);
	key_id(k);
	return 0;
}

int em_key_make(struct em_key *k, const char *name, uint8_t type)
{
	memset(k, 0, sizeof(*k));
	if (sodium_init() < 0)
		return -EIO;
	k->type = type;
	k->private = true;
	crypto_sign_keypair(k->public, k->secret);
	return em_key_rename(k, name);
}

/* "NAME+HASH+BASE64"; the name holds no '+'. */
int em_key_parse(struct em_key *k, const char *text)
{
	bool private = !strncmp(text, PRIVATE, strlen(PRIVATE));
	const char *name = private ? text + strlen(PRIVATE) : text;
	const char *hash = strchr(name, '+'), *key = hash ? strchr(hash + 1, '+') : NULL;
	char hex[9] = "";
	uint8_t bytes[33], id[4];

	memset(k, 0, sizeof(*k));
	if (!key || key - hash != 9 || hash - name >= EM_KEY_NAME_LEN || sodium_init() < 0)
		return -EINVAL;
	memcpy(k->name, name, (size_t)(hash - name));
	memcpy(hex, hash + 1, 8);
	if (!name_good(k->name) || em_unhex(id, 4, hex) ||
	    em_base64_decode(bytes, sizeof(bytes), key + 1, strlen(key + 1)) != sizeof(bytes) ||
	    (bytes[0] != EM_KEY_LOG && bytes[0] != EM_KEY_WITNESS))
		return -EINVAL;
	k->type = bytes[0];
	k->private = private;
	if (private)
		crypto_sign_seed_keypair(k->public, k->secret, bytes + 1);
	else
		memcpy(k->public, bytes + 1, 32);
	sodium_memzero(bytes, sizeof(bytes));
	key_id(k);
	return memcmp(k->id, id, sizeof(id)) ? -EINVAL : 0;
}

void em_key_text(const struct em_key *k, bool private, char out[EM_KEY_TEXT_LEN])
{
	char hex[9], base64[64];
	uint8_t bytes[33] = { k->type };

	memcpy(bytes + 1, private ? k->secret : k->public, 32);
	em_base64(base64, sizeof(base64), bytes, sizeof(bytes));
	snprintf(out, EM_KEY_TEXT_LEN, "%s%s+%s+%s", private ? PRIVATE : "", k->name,
		 em_hex(hex, k->id, 4), base64);
	sodium_memzero(bytes, sizeof(bytes));
	sodium_memzero(base64, sizeof(base64));
}

int em_key_read(struct em_key *k, const char *given, const char **why)
{
	char line[EM_KEY_TEXT_LEN];
	int r;

	if (!em_key_parse(k, given))
		return 0;
	r = em_file_line(AT_FDCWD, given, line, sizeof(line));
	if (r) {
		*why = strchr(given, '+') ? "it is no key: NAME+HASH+BASE64" : strerror(-r);
		return r;
	}
	r = em_key_parse(k, line);
	sodium_memzero(line, sizeof(line));
	if (r)
		*why = "its first line is no key: NAME+HASH+BASE64";
	return r;
}

/* --- checkpoints -------------------------------------------------------------------------- */

size_t em_checkpoint_text(const struct em_checkpoint *c, char *out)
{
	char root[45];

	em_base64(root, sizeof(root), c->root.b, EM_HASH_LEN);
	return (size_t)snprintf(out, EM_NOTE_MAX, "%s\n%" PRIu64 "\n%s\n", c->origin, c->size,
				root);
}

/* One line of [*at, end), without its newline; NULL if it does not end. */
static const char *line_take(const char **at, const char *end, size_t *len)
{
	const char *line = *at, *nl = memchr(line, '\n', (size_t)(end - line));

	if (!nl)
		return NULL;
	*len = (size_t)(nl - line);
	*at = nl + 1;
	return line;
}

int em_checkpoint_parse(struct em_checkpoint *c, const char *note, size_t len)
{
	const char *at = note, *end = note + len, *line, *text_end;
	size_t n;

	memset(c, 0, sizeof(*c));
	text_end = memmem(note, len, "\n\n", 2);
	if (!text_end || len > EM_NOTE_MAX - 1 || memchr(note, '\0', len))
		return -EINVAL;
	c->text_len = (size_t)(text_end + 1 - note);
	line = line_take(&at, end, &n);
	if (!line || !n || n >= EM_KEY_NAME_LEN)
		return -EINVAL;
	memcpy(c->origin, line, n);
	line = line_take(&at, end, &n);
	if (!line || em_decimal_parse(line, n, &c->size))
		return -EINVAL;
	line = line_take(&at, end, &n);
	if (!line || em_base64_decode(c->root.b, EM_HASH_LEN, line, n) != EM_HASH_LEN)
		return -EINVAL;
	return 0;
}

/* --- signatures --------------------------------------------------------------------------- */

/* What is signed: the text, or for a cosignature a head with the time and the text. */
static size_t signed_bytes(const struct em_key *k, const char *text, size_t len, uint64_t time,
			   char *out)
{
	int n = 0;

	if (k->type == EM_KEY_WITNESS)
		n = snprintf(out, 64, COSIGNED "\ntime %" PRIu64 "\n", time);
	memcpy(out + n, text, len);
	return (size_t)n + len;
}

static void put_time(uint8_t out[8], uint64_t time)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(time >> (56 - 8 * i));
}

static uint64_t get_time(const uint8_t in[8])
{
	uint64_t time = 0;

	for (int i = 0; i < 8; i++)
		time = time << 8 | in[i];
	return time;
}

int em_note_sign(char *note, size_t text_len, const struct em_key *k, uint64_t time)
{
	size_t stamp = k->type == EM_KEY_WITNESS ? 8 : 0, len = strlen(note);
	char message[EM_NOTE_MAX + 64], base64[128];
	uint8_t bytes[4 + 8 + 64];
	int n;

	memcpy(bytes, k->id, 4);
	put_time(bytes + 4, time);
	n = (int)signed_bytes(k, note, text_len, time, message);
	crypto_sign_detached(bytes + 4 + stamp, NULL, (const uint8_t *)message, (size_t)n,
			     k->secret);
	em_base64(base64, sizeof(base64), bytes, 4 + stamp + 64);
	n = snprintf(note + len, EM_NOTE_MAX - len, "%s" DASH " %s %s\n",
		     len == text_len ? "\n" : "", k->name, base64);
	if (n >= (int)(EM_NOTE_MAX - len)) {
		note[len] = '\0';
		return -ENOSPC;
	}
	return 0;
}

/* "— NAME BASE64" by @k? Return: 0 with @bytes, -ENOENT: another's, -EBADMSG: no such line. */
static int line_by(const char *line, size_t len, const struct em_key *k, size_t want,
		   uint8_t *bytes)
{
	size_t dash = strlen(DASH " "), name = strlen(k->name);

	if (len < dash || memcmp(line, DASH " ", dash))
		return -EBADMSG;
	line += dash;
	len -= dash;
	if (len < name + 2 || memcmp(line, k->name, name) || line[name] != ' ')
		return -ENOENT;
	if (em_base64_decode(bytes, want, line + name + 1, len - name - 1) != (long)want ||
	    memcmp(bytes, k->id, 4))
		return -ENOENT;
	return 0;
}

int em_note_verify(const char *note, size_t len, size_t text_len, const struct em_key *k,
		   uint64_t *time)
{
	const char *at = note + text_len + 1, *end = note + len, *line;
	size_t stamp = k->type == EM_KEY_WITNESS ? 8 : 0, n;
	char message[EM_NOTE_MAX + 64];
	uint8_t bytes[4 + 8 + 64];

	if (len >= EM_NOTE_MAX || text_len >= len || note[text_len] != '\n')
		return -EBADMSG;
	for (int i = 0; i < EM_SIGNATURES_MAX && at < end; i++) {
		uint64_t when;
		int r;

		line = line_take(&at, end, &n);
		r = line ? line_by(line, n, k, 4 + stamp + 64, bytes) : -EBADMSG;
		if (r == -ENOENT)
			continue;
		if (r)
			return r;
		when = stamp ? get_time(bytes + 4) : 0;
		n = signed_bytes(k, note, text_len, when, message);
		if (crypto_sign_verify_detached(bytes + 4 + stamp, (const uint8_t *)message, n,
						k->public))
			return -EBADMSG;
		if (time)
			*time = when;
		return 0;
	}
	return at < end ? -EBADMSG : -ENOENT;
}

void em_sign_bytes(const struct em_key *k, const void *bytes, size_t len, char out[89])
{
	uint8_t signature[64];

	crypto_sign_detached(signature, NULL, bytes, len, k->secret);
	em_base64(out, 89, signature, sizeof(signature));
}

bool em_verify_bytes(const struct em_key *k, const void *bytes, size_t len, const char *base64)
{
	uint8_t signature[64];

	return em_base64_decode(signature, sizeof(signature), base64, strlen(base64)) == 64 &&
	       !crypto_sign_verify_detached(signature, bytes, len, k->public);
}
