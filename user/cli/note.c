// SPDX-License-Identifier: GPL-2.0
/* Adding to the record; see note.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/note.h"
#include "commit/loader.h"
#include "commit/note.h"

EM_CLEANUP(struct em_ledger *, em_ledger_close);

json_t *em_note_begin(struct em_args *a)
{
	const char *author = em_opt(a, "author"), *reason = em_opt(a, "reason");
	const char *at = em_opt(a, "at");
	int64_t now = em_time_now();
	char time[EM_TIME_LEN];

	if (!author || !reason) {
		em_fail(a, "--%s is missing: %s", author ? "reason" : "author",
			author ? "why is it so?" : "who says so?");
		return NULL;
	}
	if (at && em_time_parse(at, now, &now)) {
		em_fail(a,
			"--at %s: not a time; write 2026-11-24, an RFC 3339 instant, or \"2h ago\"",
			at);
		return NULL;
	}
	return json_pack("{s:o,s:o,s:s}", "author", em_json_text(author), "reason",
			 em_json_text(reason), "at", em_time_format(time, now, 6));
}

int em_note_fraction(struct em_args *a, json_t *note, const char *key, const char *option)
{
	const char *s = em_opt(a, option);
	struct em_share f;

	if (!s)
		return em_fail(a, "--%s is missing: a share such as 15%%", option);
	if (em_value_fraction(s, &f) || f.den >> 62)
		return em_fail(a, "--%s %s: from 0 to 1, as 20%%, 1/5 or 0.2", option, s);
	json_object_set_new(
		note, key,
		json_pack("{s:I,s:I}", "num", (json_int_t)f.num, "den", (json_int_t)f.den));
	return 0;
}

int em_note_count(struct em_args *a, json_t *note, const char *key, const char *option)
{
	const char *s = em_opt(a, option);
	unsigned int n;

	if (!s)
		return 0;
	if (em_value_whole(s, 1000000000, &n))
		return em_fail(a, "--%s %s: a whole number above 0", option, s);
	json_object_set_new(note, key, json_integer(n));
	return 0;
}

void em_note_string(struct em_args *a, json_t *note, const char *key, const char *option)
{
	const char *s = em_opt(a, option);

	if (s)
		json_object_set_new(note, key, em_json_text(s));
}

/* Does the daemon's ledger happen to be the one that is meant? */
static bool meant(struct em_args *a)
{
	_cleanup_json_ json_t *status = NULL;
	_cleanup_free_ char *own = NULL, *asked = NULL;
	char err[256];
	const char *dir;

	if (!a->ledger_given || a->socket_given)
		return true;
	status = em_ask(a, "GET", "/v1/status", NULL, err, sizeof(err));
	dir = json_string_value(json_object_get(json_object_get(status, "ledger"), "dir"));
	own = dir ? realpath(dir, NULL) : NULL;
	asked = realpath(a->ledger, NULL);
	return own && asked && !strcmp(own, asked);
}

static bool nobody_there(int ret)
{
	return ret == -ENOENT || ret == -ECONNREFUSED;
}

static int straight(struct em_args *a, const char *kind, json_t *note)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	int ret;

	if (access(a->ledger, F_OK)) /* a typing mistake must not make a ledger */
		return em_fail(a, "no ledger is in %s: %s", a->ledger, strerror(errno));
	ret = em_ledger_open(&l, a->ledger, EM_LEDGER_WRITE);
	if (ret)
		return em_fail(a, "%s", em_ledger_error(NULL) ?: strerror(-ret));
	if (em_note_write(l, kind, note, getuid()))
		return em_fail(a, "%s", em_ledger_error(l));
	return EM_FINE;
}

static int write_note(struct em_args *a, const char *kind, json_t *note)
{
	_cleanup_json_ json_t *body = json_pack("{s:s,s:O}", "kind", kind, "note", note);
	_cleanup_json_ json_t *answer = NULL;
	char err[512] = "";
	int ret = -ENOENT;

	if (meant(a))
		ret = em_api_call(a->socket, "POST", "/v1/notes", body, &answer, err, sizeof(err));
	if (ret && !nobody_there(ret))
		return em_fail(a, "%s", err);
	return ret ? straight(a, kind, note) : EM_FINE;
}

int em_note_end(struct em_args *a, const char *kind, json_t *note)
{
	_cleanup_json_ json_t *own = note;
	char err[512] = "", safe[64];
	int ret;

	if (!note)
		return EM_NO_ANSWER;
	if (em_note_check(kind, note, err, sizeof(err)))
		return em_fail(a, "%s", err);
	ret = write_note(a, kind, note);
	if (ret)
		return ret;
	if (a->json)
		return em_json_out(json_pack("{s:s,s:s,s:O}", "schema", "earmark-note-1", "kind",
					     kind, "note", note),
				   EM_FINE);
	if (!json_object_get(note, "name") && !json_object_get(note, "id")) {
		printf("The %s is in the record.\n", kind);
		return EM_FINE;
	}
	printf("The %s \"%s\" is in the record.\n", kind,
	       em_text_safe(safe, sizeof(safe),
			    json_string_value(json_object_get(note, "name"))
				    ?: json_string_value(json_object_get(note, "id"))
				    ?: json_string_value(json_object_get(note, "purpose"))
				    ?: "?"));
	return EM_FINE;
}
