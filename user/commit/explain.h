/* SPDX-License-Identifier: GPL-2.0 */
/* What a promise says in plain words, and what it leaves open. */
#ifndef EM_EXPLAIN_H
#define EM_EXPLAIN_H

#include "commit/commitment.h"

/* {name, promises: [sentence], open: [sentence]}, text safe to show; a new reference, or NULL. */
json_t *em_commitment_explain(const struct em_commitment *c);

#endif
