/* SPDX-License-Identifier: GPL-2.0 */
/* What the verbs of "earmark ledger" share. */
#ifndef EM_CLI_LEDGER_H
#define EM_CLI_LEDGER_H

#include "cli/cli.h"
#include "ledger/verify.h"

/* The log that the line names, else that of --ledger; NULL: it has been said why. */
struct em_place *em_log_place(struct em_args *a, const char *operand);

/* --key and every --witness-key. @key->name "" where none was given. 0 or EM_NO_ANSWER. */
int em_log_keys(struct em_args *a, struct em_key *key, struct em_key *witnesses,
		unsigned int *n_witnesses);

/* A bar on the terminal, and an end when ^C was pressed; the @progress of long work. */
int em_progress(void *title, uint64_t done, uint64_t size);
void em_progress_begin(void); /* from here on ^C ends the work, not the program */
void em_progress_end(void);

int em_ledger_verify(struct em_args *a);
int em_ledger_show(struct em_args *a);
int em_ledger_tail(struct em_args *a);
int em_ledger_grep(struct em_args *a);
int em_ledger_prove(struct em_args *a);
int em_ledger_prove_continues(struct em_args *a);
int em_ledger_check_proof(struct em_args *a);
int em_ledger_export(struct em_args *a);
int em_ledger_inventory(struct em_args *a);
int em_ledger_witness(struct em_args *a);

#endif
