// SPDX-License-Identifier: GPL-2.0
/*
 * The self-contained page. Its template names what goes where as {{name}}. The document is data in
 * a script element that no browser runs, and nothing in it can end that element: '<' is written
 * \u003c. The policy allows exactly the scripts and styles that are in the file, by their hash, and
 * no connection at all.
 */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ledger/signature.h"
#include "report/html.h"
#include "report/page.h"

struct writer {
	FILE *out;
	const json_t *document;
};

/* JSON that may stand inside a script element of HTML. */
static int put_json(const char *text, size_t n, void *arg)
{
	FILE *out = arg;

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '<' || text[i] == '>' || text[i] == '&')
			fprintf(out, "\\u%04x", (unsigned int)text[i]);
		else
			putc(text[i], out);
	}
	return 0;
}

/* 'sha256-…' as a Content-Security-Policy names what it allows */
static void put_hash(FILE *out, const char *text)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char base64[64];

	crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
	em_base64(base64, sizeof(base64), hash, sizeof(hash));
	fprintf(out, "'sha256-%s'", base64);
}

static int put_data(struct writer *w)
{
	/* six digits are more than a chart can show; exact figures are integers */
	return json_dump_callback(w->document, put_json, w->out,
				  JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(6));
}

static int put_policy(struct writer *w)
{
	fputs("default-src 'none'; script-src ", w->out);
	put_hash(w->out, em_asset_chart_script);
	putc(' ', w->out);
	put_hash(w->out, em_asset_script);
	fputs("; style-src ", w->out);
	put_hash(w->out, em_asset_chart_style);
	putc(' ', w->out);
	put_hash(w->out, em_asset_style);
	fputs("; img-src data:; base-uri 'none'; form-action 'none'", w->out);
	return 0;
}

/* {{name}}, of which @name begins @at. Return: 0, or -EINVAL: no such part. */
static int put_part(struct writer *w, const char *at, size_t len)
{
	static const struct {
		const char *name, *text;
		int (*put)(struct writer *w);
	} parts[] = {
		{ "style", em_asset_style },
		{ "script", em_asset_script },
		{ "chart-style", em_asset_chart_style },
		{ "chart-script", em_asset_chart_script },
		{ "policy", NULL, put_policy },
		{ "data", NULL, put_data },
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (strlen(parts[i].name) != len || strncmp(parts[i].name, at, len))
			continue;
		if (parts[i].put)
			return parts[i].put(w) ? -EIO : 0;
		fputs(parts[i].text, w->out);
		return 0;
	}
	return -EINVAL;
}

int em_page_html(const json_t *o, FILE *out)
{
	struct writer w = { out, o };
	const char *rest = em_asset_page;
	const char *open;

	while ((open = strstr(rest, "{{"))) {
		const char *name = open + 2, *end = strstr(name, "}}");
		int ret = -EINVAL;

		fwrite(rest, 1, (size_t)(open - rest), out);
		if (end)
			ret = put_part(&w, name, (size_t)(end - name));
		if (ret)
			return ret;
		rest = end + 2;
	}
	fputs(rest, out);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
