/* SPDX-License-Identifier: GPL-2.0 */
/* Names of jobs, in a temporary file: there can be more than fit into memory. */
#ifndef EM_REPLAY_SPOOL_H
#define EM_REPLAY_SPOOL_H

#include <stddef.h>
#include <stdint.h>
#include "earmark.h"

#define EM_USER_LEN 16 /* with the NUL, as an event's comm */

/* struct em_names - @path: "/group/user/job", its tail if longer */
struct em_names {
	char path[EARMARK_TEXT_LEN];
	char user[EM_USER_LEN];
};

struct em_spool;

int em_spool_new(struct em_spool **ret); /* 0 or -errno: of making the file */
void em_spool_free(struct em_spool *s);

/* Where @names lie; those of a job seen lately are not written again. Return: 0 or -errno. */
int em_spool_add(struct em_spool *s, const uint64_t key[2], const struct em_names *names,
		 uint64_t *where);
int em_spool_read(struct em_spool *s, uint64_t where, struct em_names *ret);

#endif
