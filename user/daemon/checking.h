/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's side of the cross-check (kernel/crosscheck.h): every tenth look, fdinfo of the files
 * in use on GPUs whose work the tracepoints show.
 */
#ifndef EM_DAEMON_CHECKING_H
#define EM_DAEMON_CHECKING_H

#include <jansson.h>
#include "kernel/crosscheck.h"

struct em_checking;

struct em_checking *em_checking_new(void);
void em_checking_free(struct em_checking *c);

/* A look at @now; @every: ns between those of others. Return: 0 or -errno. */
int em_checking_look(struct em_checking *c, struct em_source *source, __u64 now, __u64 every);
void em_checking_see(struct em_checking *c, const struct em_interval *interval);
const struct em_crosscheck_counts *em_checking_counts(const struct em_checking *c);
json_t *em_checking_json(const struct em_checking *c); /* new reference */

#endif
