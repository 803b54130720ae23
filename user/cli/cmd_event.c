// SPDX-License-Identifier: GPL-2.0
/* earmark event - what happened, here or outside, by a name that promises may refer to. */
#include "base/cleanup.h"
#include "cli/note.h"
#include "report/report.h"

static int record(struct em_args *a)
{
	json_t *note = em_note_begin(a);

	if (note)
		json_object_set_new(note, "name", em_json_text(a->argv[0]));
	return em_note_end(a, "event", note);
}

static const struct em_column columns[] = {
	{ "at", "AT", EM_TIME },
	{ "name", "EVENT", EM_TEXT },
	{ "author", "BY", EM_TEXT },
	{ "reason", "WHY", EM_TEXT },
};

static int add(int64_t wall, const char *kind, const char *json, void *arg)
{
	json_t *note = json_loads(json, 0, NULL);

	(void)wall;
	(void)kind;
	if (note)
		json_array_append_new(arg, note);
	return 0;
}

EM_CLEANUP(struct em_ledger *, em_ledger_close);

static int list(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = em_open_ledger(a);
	_cleanup_json_ json_t *events = json_array();

	if (!l)
		return EM_NO_ANSWER;
	if (em_ledger_notes(l, 0, INT64_MAX, "event", add, events))
		return em_fail(a, "%s", em_ledger_error(l));
	if (a->json)
		return em_json_out(
			json_pack("{s:s,s:O}", "schema", "earmark-events-1", "events", events),
			EM_FINE);
	em_table(columns, ARRAY_SIZE(columns), events, "No event was recorded.");
	return EM_FINE;
}

static const struct em_option options[] = { EM_NOTE_OPTIONS, {} };

static const struct em_verb verbs[] = {
	{ "record", "NAME", "enters an event into the record; the first of a name counts", 1, 1,
	  false, record, options },
	{ "list", "", "the events of the record", 0, 0, false, list, NULL },
	{},
};

const struct em_object em_event_object = { "event", "what happened, by name", verbs };
