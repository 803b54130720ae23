// SPDX-License-Identifier: GPL-2.0
/* earmark ledger inventory: which nodes and GPUs there are, into the record. */
#include "base/cleanup.h"
#include "cli/ledger.h"
#include "cli/note.h"
#include "commit/inventory.h"

int em_ledger_inventory(struct em_args *a)
{
	json_t *note, *nodes;
	char err[512];

	if (em_inventory_load(&nodes, a->argv[0], err, sizeof(err)))
		return em_fail(a, "%s", err);
	note = em_note_begin(a);
	if (note)
		json_object_set(note, "nodes", nodes);
	json_decref(nodes);
	return em_note_end(a, "inventory", note);
}
