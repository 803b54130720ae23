// SPDX-License-Identifier: GPL-2.0
/* The log's side of witnessing; see witness.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>

#include "base/cleanup.h"
#include "ledger/disk.h"
#include "ledger/witness.h"

#define WAITS_S 5L

EM_CLEANUP(CURL *, curl_easy_cleanup);
EM_CLEANUP(struct curl_slist *, curl_slist_free_all);

/* struct answer - cut at what an answer can be */
struct answer {
	char text[EM_NOTE_MAX];
	size_t len;
	long status;
};

static size_t take(char *bytes, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;

	if (size * n > sizeof(a->text) - 1 - a->len)
		return 0;
	memcpy(a->text + a->len, bytes, size * n);
	a->len += size * n;
	a->text[a->len] = '\0';
	return size * n;
}

static int post(const char *url, const char *body, struct answer *a, char *err, size_t len)
{
	_cleanup_(curl_easy_cleanupp) CURL *curl = curl_easy_init();
	char address[2048];
	CURLcode rc;

	memset(a, 0, sizeof(*a));
	if (!curl) {
		snprintf(err, len, "out of memory");
		return -ENOMEM;
	}
	snprintf(address, sizeof(address), "%s%sadd-checkpoint", url,
		 *url && url[strlen(url) - 1] == '/' ? "" : "/");
	curl_easy_setopt(curl, CURLOPT_URL, address);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, WAITS_S);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "earmark/" EARMARK_RELEASE);
	rc = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a->status);
	if (rc == CURLE_OK)
		return 0;
	snprintf(err, len, "%s: %s", url, curl_easy_strerror(rc));
	return -EAGAIN;
}

static int body_make(const struct em_witness_ask *w, struct em_place *log, const char *note,
		     const struct em_checkpoint *c, char **body)
{
	struct em_nodes nodes = { log, c->size };
	struct em_hash proof[EM_PROOF_MAX];
	int n = em_prove_consistency(em_nodes_get, &nodes, w->size, c->size, proof);
	size_t len;
	FILE *f;

	if (n < 0)
		return n;
	f = open_memstream(body, &len);
	if (!f)
		return -ENOMEM;
	fprintf(f, "old %" PRIu64 "\n", w->size);
	for (int i = 0; i < n; i++) {
		char text[64];

		em_base64(text, sizeof(text), proof[i].b, EM_HASH_LEN);
		fprintf(f, "%s\n", text);
	}
	fprintf(f, "\n%s", note);
	return fclose(f) ? -ENOMEM : 0;
}

/* Adds the answered lines, if one of them is the witness's. */
static int take_cosignature(const struct em_witness_ask *w, const struct answer *a, char *note,
			    size_t text_len)
{
	size_t len = strlen(note);

	if (len + a->len >= EM_NOTE_MAX)
		return -ENOSPC;
	memcpy(note + len, a->text, a->len + 1);
	if (!em_note_verify(note, len + a->len, text_len, &w->key, NULL))
		return 0;
	note[len] = '\0';
	return -EBADMSG;
}

int em_witness_ask(struct em_witness_ask *w, struct em_place *log, char *note, char *err,
		   size_t len)
{
	_cleanup_free_ struct answer *a = malloc(sizeof(*a));
	struct em_checkpoint c;
	int r = a ? 0 : -ENOMEM;

#define SAY(r, ...) (snprintf(err, len, __VA_ARGS__), r)
	if (em_checkpoint_parse(&c, note, strlen(note)))
		return SAY(-EINVAL, "the checkpoint is none");
	/* twice: the first answer may say how much it has signed for */
	for (int try = 0; !r && try < 2; try++) {
		_cleanup_free_ char *body = NULL;

		r = body_make(w, log, note, &c, &body);
		r = r ? SAY(r, "no proof of consistency: %s", strerror(-r))
		      : post(w->url, body, a, err, len);
		if (r)
			return r;
		if (a->status == 409) {
			uint64_t size = strtoull(a->text, NULL, 10);

			if (size > c.size || (size == w->size && size == c.size))
				return SAY(-EEXIST,
					   "witness %s has signed for %" PRIu64
					   " entries of this log, and they are not those of the "
					   "%" PRIu64 " that are there",
					   w->key.name, size, c.size);
			w->size = size;
			continue;
		}
		if (a->status == 422)
			return SAY(-EEXIST, "witness %s has signed for another history of this log",
				   w->key.name);
		if (a->status != 200)
			return SAY(-EAGAIN, "witness %s answers %ld: %.100s", w->key.name,
				   a->status, a->text);
		if (take_cosignature(w, a, note, c.text_len))
			return SAY(-EAGAIN, "what witness %s answers is not its signature",
				   w->key.name);
		w->size = c.size;
		return 0;
	}
	return r ? r : SAY(-EAGAIN, "witness %s keeps changing its mind", w->key.name);
#undef SAY
}

int em_witness_parse(struct em_witness_ask *w, const char *text)
{
	const char *equals = strstr(text, "=http");
	char key[EM_KEY_TEXT_LEN];

	memset(w, 0, sizeof(*w));
	if (!equals || (size_t)(equals - text) >= sizeof(key))
		return -EINVAL;
	snprintf(key, sizeof(key), "%.*s", (int)(equals - text), text);
	w->url = equals + 1;
	return em_key_parse(&w->key, key) || w->key.type != EM_KEY_WITNESS ? -EINVAL : 0;
}

int em_cosign(int dir, struct em_place *log, struct em_witness_ask *asks, unsigned int n, char *err,
	      size_t len)
{
	_cleanup_free_ char *read = NULL;
	char note[EM_NOTE_MAX];
	size_t read_len;
	int r = em_place_read(log, "checkpoint", EM_NOTE_MAX - 1, &read, &read_len), signed_ = 0;

	*err = '\0';
	if (r) {
		snprintf(err, len, "%s", em_place_error(log));
		return r;
	}
	memcpy(note, read, read_len + 1);
	for (unsigned int i = 0; i < n; i++) {
		r = em_witness_ask(&asks[i], log, note, err, len);
		if (r == -EEXIST)
			return r;
		signed_ += !r;
	}
	if (!signed_)
		return 0;
	r = em_disk_put(dir, "cosigned", note, strlen(note), 0644);
	if (r)
		snprintf(err, len, "cosigned cannot be written: %s", strerror(-r));
	return r ?: signed_;
}
