// SPDX-License-Identifier: GPL-2.0
/* Events by name, from the notes of the record; see judge.h. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "commit/judge.h"

/* struct search - @found: only the first one counts, so that nobody can move it later */
struct search {
	const char *name;
	bool found;
	int64_t at;
};

static int each(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *note = json_loads(json, 0, NULL);
	struct search *s = arg;
	const char *name = json_string_value(json_object_get(note, "name"));
	const char *at = json_string_value(json_object_get(note, "at"));

	(void)kind;
	if (s->found || !name || strcmp(name, s->name))
		return 0;
	s->found = true;
	if (!at || em_time_parse(at, 0, &s->at))
		s->at = wall;
	return 0;
}

int em_event_find(struct em_ledger *l, const char *name, int64_t known, int64_t *at)
{
	struct search s = { .name = name };
	int ret = em_ledger_notes(l, 0, known, "event", each, &s);

	*at = s.at;
	return ret ? ret : s.found ? 0 : -ENOENT;
}
