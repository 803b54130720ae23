/* SPDX-License-Identifier: GPL-2.0 */
/* Adding to the record: what event, order, request and approve share. */
#ifndef EM_CLI_NOTE_H
#define EM_CLI_NOTE_H

#include "api/api.h"
#include "cli/cli.h"

/* What every note has; to stand at the end of the options of its verb. */
#define EM_NOTE_OPTIONS                                                               \
	{ "author", "NAME", "who says so", NULL }, { "reason", "TEXT", "why", NULL }, \
	{                                                                             \
		"at", "TIME", "when it was so, or will be (now)", NULL                \
	}

/* A note with author, reason and at; NULL: refused, and said why. */
json_t *em_note_begin(struct em_args *a);

/* A fraction of --@option into note[@key]; 0 or EM_NO_ANSWER. */
int em_note_fraction(struct em_args *a, json_t *note, const char *key, const char *option);
/* A whole number above 0, where the option is given. */
int em_note_count(struct em_args *a, json_t *note, const char *key, const char *option);
/* A string, where the option is given. */
void em_note_string(struct em_args *a, json_t *note, const char *key, const char *option);

/*
 * em_note_end() - writes the note, which is given up: through the daemon where it runs, else
 *	straight into the ledger
 *
 * Return: the CLI's status.
 */
int em_note_end(struct em_args *a, const char *kind, json_t *note);

#endif
