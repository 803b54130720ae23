/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Silences: for a time, people are not told anew of an alert. They are entries of the record
 * (notes of kind "silence"), with author and reason, and hide nothing.
 */
#ifndef EM_SILENCE_H
#define EM_SILENCE_H

#include <jansson.h>
#include "ledger/ledger.h"

#define EM_SILENCE_MAX (90 * 24 * 3600 * 1000000000LL) /* who is silent longer has forgotten */

/*
 * @name: a kind, a subject, or KIND/SUBJECT. Return: 0; -EINVAL with a sentence in @err; -errno
 * of the ledger's.
 */
int em_silence_add(struct em_ledger *l, const char *name, int64_t length, const char *author,
		   const char *reason, int64_t now, char *err, size_t len);

/* Those in force at @now: an array of {name, until, author, reason}; a new reference. */
json_t *em_silences(struct em_ledger *l, int64_t now);

/* The one of @silences that an alert falls under, borrowed; NULL: none. */
json_t *em_silence_of(json_t *silences, const json_t *alert);

#endif
