// SPDX-License-Identifier: GPL-2.0
/* How promises moved, by the record, and what is still judged for it; see revision.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "commit/revision.h"

/* struct walk - over the notes "commitments", which hold the text of each version */
struct walk {
	int64_t now;
	struct em_commitments before, *kept;
	json_t *history;
	int error;
};

/* Moves the commitment out of @from, which is cleared afterwards. */
static int keep(struct em_commitments *list, struct em_commitment *c, int64_t until)
{
	struct em_commitment *more = reallocarray(list->list, list->n + 1, sizeof(*more));
	char date[EM_TIME_LEN], *name;

	if (!more)
		return -ENOMEM;
	list->list = more;
	if (asprintf(&name, "%s (until %.10s)", c->name, em_time_format(date, until, 0)) < 0)
		return -ENOMEM;
	free(c->name);
	c->name = name;
	c->until = until;
	list->list[list->n++] = *c;
	*c = (struct em_commitment){ 0 };
	return 0;
}

/* What @after weakens of @w->before stays in force for its notice, beginning @wall. */
static int keep_weakened(struct walk *w, const json_t *changes, int64_t wall)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < w->before.n; i++) {
		struct em_commitment *c = &w->before.list[i];

		if (c->notice && c->notice > w->now - wall && em_revision_weakens(changes, c->name))
			ret = keep(w->kept, c, wall + c->notice);
	}
	return ret;
}

static int tell(struct walk *w, json_t *changes, int64_t wall)
{
	char time[EM_TIME_LEN];
	json_t *change;
	size_t i;

	json_array_foreach(changes, i, change) {
		json_object_set_new(change, "at", json_string(em_time_format(time, wall, 3)));
		if (json_array_append(w->history, change))
			return -ENOMEM;
	}
	return 0;
}

/* What was promised before a typing mistake is still promised. */
static int unreadable(struct walk *w, const char *why, int64_t wall)
{
	char time[EM_TIME_LEN];

	if (!w->history)
		return 0;
	return json_array_append_new(w->history,
				     json_pack("{s:s,s:s,s:s,s:s,s:o}", "commitment", "", "key",
					       "unreadable", "direction", "neutral", "at",
					       em_time_format(time, wall, 3), "why",
					       em_json_text(why)))
		       ? -ENOMEM
		       : 0;
}

static int version(struct walk *w, const char *text, int64_t wall)
{
	struct em_commitments after;
	_cleanup_json_ json_t *changes = NULL;
	char err[512];
	int ret = em_commitments_parse(&after, "commitments", text, err, sizeof(err));

	if (ret)
		return ret == -ENOMEM ? ret : unreadable(w, err, wall);
	ret = em_revision_compare(&w->before, &after, &changes);
	if (!ret && w->history)
		ret = tell(w, changes, wall);
	if (!ret && w->kept)
		ret = keep_weakened(w, changes, wall);
	em_commitments_clear(&w->before);
	w->before = after;
	return ret;
}

static int each(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *note = json_loads(json, 0, NULL);
	const char *text = json_string_value(json_object_get(note, "text"));
	struct walk *w = arg;

	(void)kind;
	return text ? version(w, text, wall) : 0;
}

int em_revision_notice(struct em_commitments *list, struct em_ledger *l, int64_t now)
{
	struct walk w = { .now = now, .kept = list };
	int ret = em_ledger_notes(l, 0, now, "commitments", each, &w);

	em_commitments_clear(&w.before);
	return ret;
}

int em_revision_history(struct em_ledger *l, int64_t now, json_t **history)
{
	struct walk w = { .now = now, .history = json_array() };
	int ret = w.history ? em_ledger_notes(l, 0, now, "commitments", each, &w) : -ENOMEM;

	em_commitments_clear(&w.before);
	if (ret)
		json_decref(w.history);
	*history = ret ? NULL : w.history;
	return ret;
}
