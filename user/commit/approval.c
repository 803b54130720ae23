// SPDX-License-Identifier: GPL-2.0
/* Signed approvals; see approval.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sodium.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "commit/approval.h"

#define KEY_FILE_MAX 4096
#define CONTEXT "earmark approval 1\n"
#define HOUR (3600 * (em_ns)EM_NS_PER_S)

/* PKCS#8 of an Ed25519 key (RFC 8410): this, and the seed. */
static const unsigned char pkcs8[] = { 0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
				       0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20 };

/* What is signed: the statement and the signer, without "at" and who wrote the note. */
static char *signed_text(const json_t *note, const json_t *signer)
{
	static const char *const keys[] = { "id", "project", "ref", "gpus", "gpu_hours" };
	_cleanup_json_ json_t *o = json_object();
	_cleanup_free_ char *text = NULL;
	char *all = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_t *value = json_object_get(note, keys[i]);

		json_object_set_new(o, keys[i], value ? json_incref(value) : json_null());
	}
	json_object_set(o, "key", json_object_get(signer, "key"));
	json_object_set(o, "name", json_object_get(signer, "name"));
	json_object_set_new(o, "external",
			    json_boolean(json_is_true(json_object_get(signer, "external"))));
	text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	if (!text || asprintf(&all, CONTEXT "%s", text) < 0)
		return NULL;
	return all;
}

static int seed_from_pem(const char *text, unsigned char seed[32])
{
	static const char begin[] = "-----BEGIN PRIVATE KEY-----";
	unsigned char der[sizeof(pkcs8) + 32];
	const char *at = strstr(text, begin);
	size_t n;

	if (!at || sodium_base642bin(der, sizeof(der), at + sizeof(begin) - 1,
				     strcspn(at + sizeof(begin) - 1, "-"), "\r\n \t", &n, NULL,
				     sodium_base64_VARIANT_ORIGINAL))
		return -EINVAL;
	if (n != sizeof(der) || memcmp(der, pkcs8, sizeof(pkcs8)))
		return -EINVAL;
	memcpy(seed, der + sizeof(pkcs8), 32);
	sodium_memzero(der, sizeof(der));
	return 0;
}

static int seed_read(const char *key, unsigned char seed[32], char *err, size_t len)
{
	_cleanup_free_ char *text = NULL;
	long n = em_file_read(AT_FDCWD, key, KEY_FILE_MAX, &text);
	int ret;

	if (n < 0) {
		snprintf(err, len, "%s: %s", key, strerror((int)-n));
		return (int)n;
	}
	text[strcspn(text, "\r\n")] = strstr(text, "PRIVATE KEY") ? '\n' : '\0';
	ret = strstr(text, "PRIVATE KEY") ? seed_from_pem(text, seed) : em_unhex(seed, 32, text);
	sodium_memzero(text, (size_t)n);
	if (ret)
		snprintf(err, len,
			 "%s: not an Ed25519 key; make one with: openssl genpkey -algorithm "
			 "ed25519 -out FILE",
			 key);
	return ret;
}

int em_approval_sign(json_t *note, const char *key, const char *name, bool external, char *err,
		     size_t len)
{
	unsigned char seed[32], public[32], secret[64], signature[64];
	char hex[65], sig[129];
	_cleanup_free_ char *text = NULL;
	json_t *signer;
	int ret = sodium_init() < 0 ? -EIO : seed_read(key, seed, err, len);

	if (ret)
		return ret;
	crypto_sign_seed_keypair(public, secret, seed);
	signer = json_pack("{s:s,s:s,s:b}", "name", name, "key", em_hex(hex, public, 32),
			   "external", external);
	text = signer ? signed_text(note, signer) : NULL;
	if (text) {
		crypto_sign_detached(signature, NULL, (unsigned char *)text, strlen(text), secret);
		json_object_set_new(signer, "signature", json_string(em_hex(sig, signature, 64)));
	}
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(secret, sizeof(secret));
	if (!text || json_array_append_new(json_object_get(note, "signers"), signer)) {
		snprintf(err, len, "%s: cannot sign: the name is no text, or memory ran out", key);
		return -EINVAL;
	}
	return 0;
}

static bool valid(const json_t *note, const json_t *signer)
{
	const char *key = json_string_value(json_object_get(signer, "key"));
	const char *sig = json_string_value(json_object_get(signer, "signature"));
	_cleanup_free_ char *text = signed_text(note, signer);
	unsigned char public[32], signature[64];

	return text && key && sig && sodium_init() >= 0 && !em_unhex(public, 32, key) &&
	       !em_unhex(signature, 64, sig) &&
	       !crypto_sign_verify_detached(signature, (unsigned char *)text, strlen(text), public);
}

size_t em_approval_invalid(const json_t *note)
{
	json_t *signers = json_object_get(note, "signers"), *s;
	size_t i, bad = 0;

	json_array_foreach(signers, i, s)
		bad += !valid(note, s);
	return bad;
}

/* --- who has approved, and when ------------------------------------------------------------- */

static bool may_approve(const struct em_commitment *c, const char *key)
{
	return key && (!c->approvers || strstr(c->approvers, key));
}

/* Counts the note's valid signers who may approve and were not counted before. */
static void count(const struct em_commitment *c, const json_t *note, json_t *keys,
		  unsigned int *all, unsigned int *external)
{
	json_t *signers = json_object_get(note, "signers"), *s;
	size_t i;

	json_array_foreach(signers, i, s) {
		const char *key = json_string_value(json_object_get(s, "key"));

		if (!may_approve(c, key) || !valid(note, s) || json_object_get(keys, key))
			continue;
		json_object_set_new(keys, key, json_true());
		++*all;
		*external += json_is_true(json_object_get(s, "external"));
	}
}

/* The statement of one note, without its signers: equal ones are signed together. */
static bool same_statement(const json_t *a, const json_t *b)
{
	_cleanup_free_ char *x = signed_text(a, NULL), *y = signed_text(b, NULL);

	return x && y && !strcmp(x, y);
}

/* When the statement of note @first had enough signers; INT64_MAX: not yet. */
static int64_t given(const struct em_commitment *c, const json_t *notes, size_t first)
{
	const json_t *statement = json_object_get(json_array_get(notes, first), "note");
	_cleanup_json_ json_t *keys = json_object();
	unsigned int all = 0, external = 0;

	for (size_t i = first; i < json_array_size(notes); i++) {
		const json_t *entry = json_array_get(notes, i);
		const json_t *note = json_object_get(entry, "note");

		if (!same_statement(note, statement))
			continue;
		count(c, note, keys, &all, &external);
		if (all >= (c->approvals ?: 1) && external >= c->external)
			return json_integer_value(json_object_get(entry, "wall"));
	}
	return INT64_MAX;
}

static char *copy(const json_t *note, const char *key)
{
	const char *s = json_string_value(json_object_get(note, key));

	return s && *s ? strdup(s) : NULL;
}

static em_ns number(const json_t *note, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(note, key));

	return n > 0 ? (em_ns)n : 0;
}

static int add(struct em_approvals *a, const json_t *note, int64_t at)
{
	struct em_approval *more = reallocarray(a->list, a->n + 1, sizeof(*more));
	em_ns gpus = number(note, "gpus");

	if (!more)
		return -ENOMEM;
	a->list = more;
	a->list[a->n++] = (struct em_approval){
		.ref = copy(note, "ref"),
		.project = copy(note, "project"),
		.gpus = gpus < UINT32_MAX ? (unsigned int)gpus : UINT32_MAX,
		.gpu_ns = number(note, "gpu_hours") * HOUR,
		.at = at,
	};
	return 0;
}

static int collect(int64_t wall, const char *kind, const char *json, void *arg)
{
	json_t *note = json_loads(json, 0, NULL);

	(void)kind;
	if (!json_is_object(note)) {
		json_decref(note);
		return 0;
	}
	return json_array_append_new(
		arg, json_pack("{s:I,s:o}", "wall", (json_int_t)wall, "note", note));
}

/* An approval that does not say for how much is none; nor is one of nothing, or of two things. */
static bool complete(const json_t *note)
{
	bool ref = json_is_string(json_object_get(note, "ref"));
	bool project = json_is_string(json_object_get(note, "project"));

	return ref != project && (number(note, "gpus") || number(note, "gpu_hours"));
}

int em_approvals_read(struct em_approvals *a, const struct em_commitment *c, struct em_ledger *l,
		      int64_t now)
{
	_cleanup_json_ json_t *notes = json_array();
	int ret = notes ? em_ledger_notes(l, 0, now, "approval", collect, notes) : -ENOMEM;

	*a = (struct em_approvals){ 0 };
	for (size_t i = 0; !ret && i < json_array_size(notes); i++) {
		const json_t *note = json_object_get(json_array_get(notes, i), "note");
		int64_t at = complete(note) ? given(c, notes, i) : INT64_MAX;

		if (at != INT64_MAX)
			ret = add(a, note, at);
	}
	return ret;
}

void em_approvals_clear(struct em_approvals *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->list[i].ref);
		free(a->list[i].project);
	}
	free(a->list);
	*a = (struct em_approvals){ 0 };
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

int64_t em_approval_given(const struct em_approvals *a, const char *ref, const char *project,
			  unsigned int gpus, em_ns gpu_ns)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < a->n; i++) {
		const struct em_approval *one = &a->list[i];

		if ((!same(one->ref, ref) && !same(one->project, project)) ||
		    (one->gpus && one->gpus < gpus) || (one->gpu_ns && one->gpu_ns < gpu_ns))
			continue;
		first = one->at < first ? one->at : first;
	}
	return first;
}
