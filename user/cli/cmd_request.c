// SPDX-License-Identifier: GPL-2.0
/* earmark request - who asked for GPUs, what for, and what became of it. */
#include <string.h>

#include "cli/note.h"
#include "report/report.h"

static int request(struct em_args *a)
{
	json_t *note;

	if (!em_opt(a, "purpose"))
		return em_fail(a, "--purpose is missing: what are the GPUs for?");
	if (em_opt(a, "add") && em_opt(a, "displace"))
		return em_fail(a, "--add and --displace exclude each other");
	note = em_note_begin(a);
	if (!note)
		return EM_NO_ANSWER;
	json_object_set_new(note, "id", em_json_text(a->argv[0]));
	json_object_set_new(note, "action", json_string(a->verb->name));
	em_note_string(a, note, "purpose", "purpose");
	em_note_string(a, note, "project", "project");
	em_note_string(a, note, "job", "job");
	json_object_set_new(note, "how",
			    em_opt(a, "add")        ? json_string("add")
			    : em_opt(a, "displace") ? json_string("displace")
						    : json_null());
	if (em_note_count(a, note, "gpus", "gpus")) {
		json_decref(note);
		return EM_NO_ANSWER;
	}
	return em_note_end(a, "request", note);
}

static const struct em_option options[] = {
	{ "purpose", "P", "what they are for",
	  "alignment capabilities mixed serving infrastructure" },
	{ "add", NULL, "asks for GPUs to be added", NULL },
	{ "displace", NULL, "asks others to stop", NULL },
	{ "gpus", "N", "how many", NULL },
	{ "project", "NAME", "for which project", NULL },
	{ "job", "ID", "for which job", NULL },
	EM_NOTE_OPTIONS,
	{},
};

static const struct em_verb verbs[] = {
	{ "open", "ID", "GPUs were asked for", 1, 1, false, request, options },
	{ "grant", "ID", "… and were given", 1, 1, false, request, options },
	{ "refuse", "ID", "… and were not", 1, 1, false, request, options },
	{},
};

const struct em_object em_request_object = { "request", "requests for GPUs, and their answers",
					     verbs };
