/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Has witnesses sign for the ledger's checkpoints, beside the loop: an answer that is slow or does
 * not come delays nothing.
 */
#ifndef EM_DAEMON_WITNESS_H
#define EM_DAEMON_WITNESS_H

#include <stddef.h>
#include <stdint.h>

struct em_witnesses;

/*
 * Before anything is signed in this life: is there a witness that has signed for more, or for
 * another history? Return: 1 with @why: yes; 0: no, or nobody answers (@why says so, "" = all did).
 */
int em_witnesses_ask_first(const char *ledger, char *const *list, unsigned int n, char *why,
			   size_t len);

/* Begins to ask them, every @period ns if there is something new. *ret NULL: there are none. */
int em_witnesses_open(struct em_witnesses **ret, const char *ledger, char *const *list,
		      unsigned int n, int64_t period);
void em_witnesses_close(struct em_witnesses *w);

/* Readable when there is an answer; -1 of none. */
int em_witnesses_fd(const struct em_witnesses *w);
/*
 * What became of the last round: how many signed, -EEXIST: another history, or -errno; and a
 * sentence about who did not sign, "" = all did.
 */
int em_witnesses_take(struct em_witnesses *w, char *why, size_t len);

#endif
