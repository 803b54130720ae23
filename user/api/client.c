// SPDX-License-Identifier: GPL-2.0
/* Asking the daemon; see api.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>

#include "api/api.h"
#include "base/cleanup.h"
#include "base/text.h"

#define ANSWER_MAX (64u << 20)
#define ANSWER_TIMEOUT_S 60L /* a seal waits for the disk */
#define CONNECT_TIMEOUT_S 5L

struct buffer {
	char *data;
	size_t len;
};

EM_CLEANUP(CURL *, curl_easy_cleanup);
EM_CLEANUP(struct curl_slist *, curl_slist_free_all);

static size_t collect(char *data, size_t size, size_t n, void *arg)
{
	struct buffer *b = arg;
	size_t len = size * n;
	char *more;

	if (len > ANSWER_MAX - b->len)
		return 0;
	more = realloc(b->data, b->len + len + 1);
	if (!more)
		return 0;
	b->data = more;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return len;
}

static int errno_by_name(const char *name)
{
	for (int e = 1; e < 134; e++) {
		if (!strcmp(em_errno_name(e), name))
			return -e;
	}
	return -EIO;
}

static int transport_error(CURL *curl, CURLcode code, const char *socket, char *err, size_t len)
{
	long e = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &e);
	if (code == CURLE_COULDNT_CONNECT) {
		snprintf(
			err, len,
			"earmarkd does not answer on %s (%s); start it with: systemctl start earmarkd",
			socket, strerror(e ? (int)e : ECONNREFUSED));
		return e ? -(int)e : -ECONNREFUSED;
	}
	snprintf(err, len, "asking earmarkd on %s failed: %s", socket, curl_easy_strerror(code));
	return code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
}

static int take_answer(const struct buffer *b, long status, json_t **answer, char *err, size_t len)
{
	_cleanup_json_ json_t *root = json_loadb(b->data ?: "", b->len, 0, NULL);
	const char *error, *code;

	if (!json_is_object(root)) {
		snprintf(err, len, "earmarkd's answer (HTTP %ld) is not JSON", status);
		return -EPROTO;
	}
	if (status < 300) {
		*answer = TAKE_PTR(root);
		return 0;
	}
	error = json_string_value(json_object_get(root, "error"));
	code = json_string_value(json_object_get(root, "code"));
	if (error)
		em_text_safe(err, len, error);
	else
		snprintf(err, len, "earmarkd answered with HTTP %ld", status);
	return code ? errno_by_name(code) : -EIO;
}

int em_api_call(const char *socket, const char *method, const char *path, json_t *body,
		json_t **answer, char *err, size_t len)
{
	_cleanup_(curl_easy_cleanupp) CURL *curl = curl_easy_init();
	_cleanup_(curl_slist_free_allp) struct curl_slist *headers = NULL;
	_cleanup_free_ char *text = NULL;
	struct buffer b = { 0 };
	char url[256];
	CURLcode code;
	long status = 0;
	int r;

	snprintf(err, len, "out of memory");
	headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (!curl || !headers)
		return -ENOMEM;
	snprintf(url, sizeof(url), "http://localhost%s", path);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, ANSWER_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &b);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (!strcmp(method, "POST")) {
		text = body ? json_dumps(body, JSON_COMPACT) : strdup("{}");
		if (!text)
			return -ENOMEM;
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
	}
	code = curl_easy_perform(curl);
	if (code == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		r = take_answer(&b, status, answer, err, len);
	} else {
		r = transport_error(curl, code, socket, err, len);
	}
	free(b.data);
	return r;
}
