// SPDX-License-Identifier: GPL-2.0
/* Silences; see silence.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alert/alert.h"
#include "alert/silence.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"

#define NOTE "silence"
#define NAME_MAX_LEN 200
#define REASON_MAX_LEN 500

static int bad(char *err, size_t len, const char *what)
{
	snprintf(err, len, "%s", what);
	return -EINVAL;
}

int em_silence_add(struct em_ledger *l, const char *name, int64_t length, const char *author,
		   const char *reason, int64_t now, char *err, size_t len)
{
	_cleanup_json_ json_t *note = NULL;
	_cleanup_free_ char *text = NULL;
	char until[EM_TIME_LEN], at[EM_TIME_LEN];
	int r;

	if (!name || !*name || !em_text_label(name, NAME_MAX_LEN))
		return bad(err, len, "a silence needs a name: KIND, SUBJECT or KIND/SUBJECT");
	if (!author || !*author || !em_text_label(author, NAME_MAX_LEN))
		return bad(err, len, "a silence needs an author");
	if (!reason || !*reason || !em_text_label(reason, REASON_MAX_LEN))
		return bad(err, len, "a silence needs a reason");
	if (length <= 0 || length > EM_SILENCE_MAX)
		return bad(err, len, "a silence lasts up to 90 days");
	note = json_pack("{s:s,s:s,s:s,s:s,s:s}", "name", name, "author", author, "reason", reason,
			 "at", em_time_format(at, now, 3), "until",
			 em_time_format(until, now + length, 3));
	text = note ? json_dumps(note, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	r = text ? em_ledger_note_at(l, now, NOTE, text) : -ENOMEM;
	if (r)
		snprintf(err, len, "%s", text ? em_ledger_error(l) : "out of memory");
	return r;
}

struct gathering {
	json_t *list;
	int64_t now;
};

static int gather(int64_t wall, const char *kind, const char *json, void *arg)
{
	struct gathering *g = arg;
	_cleanup_json_ json_t *note = json_loads(json, 0, NULL);
	const char *until = json_string_value(json_object_get(note, "until"));
	int64_t end;

	(void)wall;
	(void)kind;
	if (until && !em_time_parse(until, g->now, &end) && end > g->now)
		json_array_append(g->list, note);
	return 0;
}

json_t *em_silences(struct em_ledger *l, int64_t now)
{
	struct gathering g = { json_array(), now };

	/* what cannot be read silences nobody */
	if (g.list && em_ledger_notes(l, now - EM_SILENCE_MAX, INT64_MAX, NOTE, gather, &g))
		json_array_clear(g.list);
	return g.list;
}

json_t *em_silence_of(json_t *silences, const json_t *alert)
{
	const char *kind = json_string_value(json_object_get(alert, "kind")) ?: "";
	const char *subject = em_alert_subject(alert);
	char full[512];
	json_t *silence;
	size_t i;

	snprintf(full, sizeof(full), "%s/%s", kind, subject);
	json_array_foreach(silences, i, silence) {
		const char *name = json_string_value(json_object_get(silence, "name")) ?: "";

		if (!strcmp(name, kind) || !strcmp(name, subject) || !strcmp(name, full))
			return silence;
	}
	return NULL;
}
