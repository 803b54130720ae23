/* SPDX-License-Identifier: GPL-2.0 */
/* A report as a page, as sparklines, as CSV. */
#ifndef EM_PAGING_H
#define EM_PAGING_H

#include "cli/cli.h"

/*
 * The document of page.h over --since, --until or --window, judged by what em_judge_all() judges
 * by. *status as there. NULL: it has been said why.
 */
json_t *em_paging_document(struct em_args *a, struct em_ledger *l, int *status);

/* Adds the energy and memory of the window to a report's JSON. 0 or EM_NO_ANSWER. */
int em_paging_energy(struct em_args *a, struct em_ledger *l, json_t *o, int64_t since,
		     int64_t until);

/* Writes the page to @file, whole or not at all; "-" is standard output. 0 or EM_NO_ANSWER. */
int em_paging_html(struct em_args *a, const json_t *document, const char *file);

/* The page of the ledger that the line names. Return: an exit status. */
int em_paging_file(struct em_args *a, const char *file);

/* [{origin, size, root}] of the ledgers that the line names; not verified. A new reference. */
json_t *em_paging_checkpoints(const struct em_args *a);

void em_paging_text(const json_t *document);

#endif
