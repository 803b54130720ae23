// SPDX-License-Identifier: GPL-2.0
/* earmark order - that a purpose's share is to move, said before it does. */
#include <string.h>

#include "cli/note.h"
#include "report/report.h"

static int order(struct em_args *a)
{
	json_t *note;

	if (!em_opt(a, "purpose"))
		return em_fail(a, "--purpose is missing: whose share is to move?");
	if (em_opt(a, "add") && em_opt(a, "displace"))
		return em_fail(a, "--add and --displace exclude each other");
	note = em_note_begin(a);
	if (!note)
		return EM_NO_ANSWER;
	json_object_set_new(note, "name", em_json_text(a->argv[0]));
	em_note_string(a, note, "purpose", "purpose");
	if (em_note_fraction(a, note, "from", "from") || em_note_fraction(a, note, "to", "to")) {
		json_decref(note);
		return EM_NO_ANSWER;
	}
	if (em_opt(a, "add") || em_opt(a, "displace"))
		json_object_set_new(note, "arm",
				    json_string(em_opt(a, "add") ? "add" : "displace"));
	if (em_opt(a, "control"))
		json_object_set_new(note, "control", json_true());
	return em_note_end(a, "order", note);
}

static const struct em_option options[] = {
	{ "purpose", "P", "whose share", "alignment capabilities mixed serving infrastructure" },
	{ "from", "SHARE", "what it is, as 15%", NULL },
	{ "to", "SHARE", "what it is to be", NULL },
	{ "add", NULL, "by GPUs that are added", NULL },
	{ "displace", NULL, "by other work that makes room", NULL },
	{ "control", NULL, "a drill's control: nothing is to be done", NULL },
	EM_NOTE_OPTIONS,
	{},
};

static const struct em_verb verbs[] = {
	{ "", "NAME", "enters an order to move a purpose's share into the record", 1, 1, false,
	  order, options },
	{},
};

const struct em_object em_order_object = { "order", "an order to move a share", verbs };
