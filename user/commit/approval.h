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
 * struct em_approval - what enough of those who may had signed, and when they were enough
 * @ref, @project: one of them; the other is NULL
 * @gpus, @gpu_ns: up to this; 0 = not limited by it
 * @at: when the note of the last signer that was needed entered the record, ns
 */
struct em_approval {
	char *ref, *project;
	unsigned int gpus;
	em_ns gpu_ns;
	int64_t at;
};

struct em_approvals {
	struct em_approval *list;
	size_t n;
};

/*
 * em_approvals_read() - the approvals of the record, as of @now, that count for a gate
 *
 * Every signature is verified. Return: 0 or -errno; em_approvals_clear() in either case.
 */
int em_approvals_read(struct em_approvals *a, const struct em_commitment *c, struct em_ledger *l,
		      int64_t now);
void em_approvals_clear(struct em_approvals *a);

/*
 * When work of that size was first approved, by its ref or by its project (either may be NULL or
 * ""); INT64_MAX: never.
 */
int64_t em_approval_given(const struct em_approvals *a, const char *ref, const char *project,
			  unsigned int gpus, em_ns gpu_ns);

#endif
