/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Approvals of large jobs: a statement, and signatures of k of n keys (Ed25519) over its
 * canonical JSON together with who signs. Kept as notes "approval"; those of one id and one
 * statement count together, so that people may sign on machines of their own.
 */
#ifndef EM_APPROVAL_H
#define EM_APPROVAL_H

#include "commit/commitment.h"

/**
 * em_approval_sign() - adds one signer to an approval
 * @note: the note's JSON: id, project, ref, gpus, gpu_hours, at, author, reason, signers
 * @key: a file with an Ed25519 key: PKCS#8 PEM, as "openssl genpkey -algorithm ed25519"
 *	makes it, or its 32 byte seed in hex
 * @external: the signer says to be from outside
 *
 * Return: 0 or -errno with @err one sentence.
 */
int em_approval_sign(json_t *note, const char *key, const char *name, bool external, char *err,
		     size_t len);

/* How many of the note's signatures are not what they say; 0 = every one holds. */
size_t em_approval_invalid(const json_t *note);

/**
 * em_approval_given() - when enough of those who may approve had done so
 * @notes: array of {wall (ns), note}, oldest first
 * @gpus, @gpu_ns: what is needed; an approval that names less does not cover it, one that names
 *	neither covers anything
 *
 * By ref, or by project where the approval names no ref. Return: the instant, or INT64_MAX.
 */
int64_t em_approval_given(const struct em_commitment *c, const json_t *notes, const char *ref,
			  const char *project, unsigned int gpus, em_ns gpu_ns);

#endif
