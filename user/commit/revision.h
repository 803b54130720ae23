/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a new version of the promises changes. Each key has a partial order of strictness: what
 * is not known to be at least as strict is a weakening, and what cannot be compared is one.
 */
#ifndef EM_REVISION_H
#define EM_REVISION_H

#include "commit/commitment.h"

/**
 * em_revision_compare() - the changes between two versions
 * @changes: array of {commitment, key, direction: "weaker"|"stronger"|"neutral", from, to, why};
 *	a new reference. A commitment that is gone has the key "dropped", a new one "added"
 *
 * Return: 0 or -ENOMEM.
 */
int em_revision_compare(const struct em_commitments *before, const struct em_commitments *after,
			json_t **changes);

/* Is any of the changes (of this commitment; NULL: of any) a weakening? */
bool em_revision_weakens(const json_t *changes, const char *commitment);

/**
 * em_revision_notice() - versions that are still judged, because a later one weakened them
 *
 * From the notes "commitments" of the record: a commitment that was weakened stays beside its new
 * version for the "notice" of the version that was weakened. Appended to @list under the name
 * "NAME (until DATE)"; texts that cannot be read promise nothing new.
 *
 * Return: 0 or -errno.
 */
int em_revision_notice(struct em_commitments *list, struct em_ledger *l, int64_t now);

/**
 * em_revision_history() - how the promises moved
 * @history: array of changes as of em_revision_compare(), each with "at"; a new reference. What
 *	could not be read has the key "unreadable" and why
 */
int em_revision_history(struct em_ledger *l, int64_t now, json_t **history);

#endif
