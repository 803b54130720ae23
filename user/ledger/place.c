// SPDX-License-Identifier: GPL-2.0
/* A log's files, in a folder or behind an address; see tile.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "ledger/tile.h"

#define FETCH_S 60L /* for one file; there may be many */

struct em_place {
	char *base;
	int dir; /* -1: an address */
	CURL *curl;
	char error[512];
};

EM_CLEANUP(struct em_place *, em_place_close);

void em_place_close(struct em_place *p)
{
	if (!p)
		return;
	if (p->dir >= 0)
		close(p->dir);
	if (p->curl)
		curl_easy_cleanup(p->curl);
	free(p->base);
	free(p);
}

const char *em_place_error(const struct em_place *p)
{
	return p->error;
}

static int fail(struct em_place *p, int r, const char *path, const char *why)
{
	snprintf(p->error, sizeof(p->error), "%s/%s: %s", p->base, path, why);
	return r;
}

/* struct fetched - a file on its way; @max: longer ones are not taken */
struct fetched {
	char *data;
	size_t len, max;
	bool too_long;
};

static size_t take(char *bytes, size_t size, size_t n, void *arg)
{
	struct fetched *f = arg;
	char *more;

	f->too_long = size * n > f->max - f->len;
	if (f->too_long)
		return 0;
	more = realloc(f->data, f->len + size * n + 1);
	if (!more)
		return 0;
	f->data = more;
	memcpy(f->data + f->len, bytes, size * n);
	f->len += size * n;
	f->data[f->len] = '\0';
	return size * n;
}

static int curl_setup(struct em_place *p)
{
	p->curl = curl_easy_init();
	if (!p->curl)
		return -ENOMEM;
	curl_easy_setopt(p->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(p->curl, CURLOPT_TIMEOUT, FETCH_S);
	curl_easy_setopt(p->curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(p->curl, CURLOPT_MAXREDIRS, 5L);
	curl_easy_setopt(p->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(p->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(p->curl, CURLOPT_USERAGENT, "earmark/" EARMARK_RELEASE);
	return 0;
}

int em_place_open(struct em_place **ret, const char *base, char *err, size_t len)
{
	_cleanup_(em_place_closep) struct em_place *p = calloc(1, sizeof(*p));
	int r = 0;

	if (!p || !(p->base = strdup(base))) {
		snprintf(err, len, "out of memory");
		return -ENOMEM;
	}
	p->dir = -1;
	if (!strncmp(base, "http://", 7) || !strncmp(base, "https://", 8)) {
		while (*p->base && p->base[strlen(p->base) - 1] == '/')
			p->base[strlen(p->base) - 1] = '\0';
		r = curl_setup(p);
	} else {
		p->dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = p->dir < 0 ? -errno : 0;
	}
	if (r) {
		snprintf(err, len, "%s: %s", base, strerror(-r));
		return r;
	}
	*ret = TAKE_PTR(p);
	return 0;
}

static int fetch(struct em_place *p, const char *path, size_t max, char **data, size_t *len)
{
	struct fetched f = { .max = max };
	char address[2048];
	long status = 0;
	CURLcode rc;

	snprintf(address, sizeof(address), "%s/%s", p->base, path);
	curl_easy_setopt(p->curl, CURLOPT_URL, address);
	curl_easy_setopt(p->curl, CURLOPT_WRITEDATA, &f);
	rc = curl_easy_perform(p->curl);
	curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
	if (rc == CURLE_OK && status == 200) {
		*data = f.data ?: strdup("");
		*len = f.len;
		return *data ? 0 : fail(p, -ENOMEM, path, "out of memory");
	}
	free(f.data);
	if (f.too_long)
		return fail(p, -EFBIG, path, "it is longer than such a file can be");
	if (rc != CURLE_OK)
		return fail(p, -EIO, path, curl_easy_strerror(rc));
	return fail(p, status == 404 || status == 410 ? -ENOENT : -EIO, path,
		    status == 404 || status == 410 ? "there is no such file"
						   : "the server gives no such file");
}

int em_place_read(struct em_place *p, const char *path, size_t max, char **data, size_t *len)
{
	long n;

	if (p->dir < 0)
		return fetch(p, path, max, data, len);
	n = em_file_read(p->dir, path, max, data);
	if (n < 0)
		return fail(p, (int)n, path,
			    n == -EFBIG ? "it is longer than such a file can be"
					: strerror((int)-n));
	*len = (size_t)n;
	return 0;
}
