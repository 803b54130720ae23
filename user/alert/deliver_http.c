// SPDX-License-Identifier: GPL-2.0
/* Telling a webhook, and what is common to all HTTP; see deliver.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>
#include <sodium.h>

#include "alert/deliver.h"
#include "alert/sink.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#define ANSWER_MAX 65536
#define SECRET_MAX 4096
#define CONNECT_SECONDS 5L

EM_CLEANUP(CURL *, curl_easy_cleanup);
EM_CLEANUP(struct curl_slist *, curl_slist_free_all);

/* Nothing an answer says matters but its status; one without an end is no answer. */
static size_t discard(char *data, size_t size, size_t n, void *arg)
{
	size_t *seen = arg;

	(void)data;
	*seen += size * n;
	return *seen > ANSWER_MAX ? 0 : size * n;
}

static int interrupted(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct em_sink *s = arg;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return s->stop;
}

static void prepare(CURL *curl, struct em_sink *s, const char *url, const char *body, size_t *seen)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, EM_DELIVER_HTTP_SECONDS);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "earmarkd/" EARMARK_RELEASE);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, seen);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, interrupted);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, s);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
}

static int add_headers(struct curl_slist **to, const char *const *headers)
{
	for (; headers && *headers; headers++) {
		struct curl_slist *more = **headers ? curl_slist_append(*to, *headers) : *to;

		if (!more)
			return -ENOMEM;
		*to = more;
	}
	return *to ? 0 : -ENOMEM;
}

int em_sink_post(struct em_sink *s, const char *url, const char *body, const char *const *more,
		 char *err, size_t len)
{
	_cleanup_(curl_easy_cleanupp) CURL *curl = curl_easy_init();
	_cleanup_(curl_slist_free_allp) struct curl_slist *headers =
		curl_slist_append(NULL, "Content-Type: application/json");
	size_t seen = 0;
	CURLcode code;
	long status = 0;

	snprintf(err, len, "out of memory");
	if (!curl || !headers || add_headers(&headers, more))
		return -ENOMEM;
	prepare(curl, s, url, body, &seen);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(curl);
	if (code != CURLE_OK) {
		snprintf(err, len, "%s", curl_easy_strerror(code));
		return code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status < 300) {
		*err = '\0';
		return 0;
	}
	snprintf(err, len, "it answered with HTTP %ld", status);
	return -EPROTO;
}

/* The file is read each time, so that a key can be changed under a running daemon. */
static int sign(const char *file, const char *body, char *out, size_t out_len, char *err,
		size_t len)
{
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;
	_cleanup_free_ char *secret = NULL;
	char hex[2 * sizeof(mac) + 1];
	long n = em_file_read(AT_FDCWD, file, SECRET_MAX, &secret);

	while (n > 0 && (secret[n - 1] == '\n' || secret[n - 1] == '\r'))
		n--;
	if (n <= 0) {
		snprintf(err, len, "the key in %s cannot be read: %s", file,
			 n < 0 ? strerror((int)-n) : "it is empty");
		return n < 0 ? (int)n : -EINVAL;
	}
	crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, (size_t)n);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)body, strlen(body));
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_memzero(&state, sizeof(state));
	sodium_memzero(secret, strlen(secret));
	snprintf(out, out_len, "X-Earmark-Signature: sha256=%s", em_hex(hex, mac, sizeof(mac)));
	return 0;
}

static int tell(struct em_sink *s, const json_t *entry, char *err, size_t len)
{
	_cleanup_free_ char *body = json_dumps(entry, JSON_COMPACT | JSON_SORT_KEYS);
	char signature[128] = "", key[192];
	const char *const more[] = { key, signature, NULL };
	int r;

	snprintf(err, len, "out of memory");
	if (!body)
		return -ENOMEM;
	/* the same at each try: whoever remembers it is told once */
	snprintf(key, sizeof(key), "Idempotency-Key: \"%s\"", em_json_string(entry, "id"));
	r = s->secret ? sign(s->secret, body, signature, sizeof(signature), err, len) : 0;
	return r ?: em_sink_post(s, s->to, body, more, err, len);
}

const struct em_sink_ops em_sink_webhook = { "webhook", false, tell };
