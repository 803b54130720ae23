// SPDX-License-Identifier: GPL-2.0
/* Since when a commitment has been UNPROVEN; see commitment.h. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "commit/commitment.h"

#define LOOKS_BACK 8

static void unproven_key(const struct em_commitment *c, char *key, size_t len)
{
	snprintf(key, len, "unproven/%s", c->name);
}

/* Return: the instant; 0: it is not UNPROVEN; -1: nobody kept it. */
static int64_t kept_since(const struct em_commitment *c, struct em_ledger *l)
{
	_cleanup_free_ char *text = NULL;
	char key[128];

	unproven_key(c, key, sizeof(key));
	if (em_ledger_state_get(l, key, &text) || !text)
		return -1;
	return strtoll(text, NULL, 10);
}

int64_t em_commitment_unproven_since(const struct em_commitment *c, struct em_ledger *l)
{
	int64_t since = kept_since(c, l);

	return since > 0 ? since : 0;
}

int em_commitment_unproven_note(const struct em_commitment *c, struct em_ledger *l,
				const struct em_verdict *v, int64_t now)
{
	int64_t since = kept_since(c, l);
	char key[128], text[24];

	if ((v->status == EM_UNPROVEN) == (since > 0) && since >= 0)
		return 0;
	unproven_key(c, key, sizeof(key));
	snprintf(text, sizeof(text), "%lld", v->status == EM_UNPROVEN ? (long long)now : 0LL);
	return em_ledger_state_set(l, key, text);
}

/*
 * For an auditor's own file, or a daemon that was told of the commitment only now. UNDEFINED in
 * between says nothing (a window may be too short to hold an interval), but the oldest answer
 * must reach back all the way, less one look.
 */
static bool unproven_all_along(const struct em_commitment *c, struct em_ledger *l, int64_t now)
{
	int oldest = 0;

	for (int i = 1; i <= LOOKS_BACK; i++) {
		int64_t at = now - c->prove_within / LOOKS_BACK * i;
		struct em_verdict v;

		if (at < c->declared || em_commitment_check(c, l, at, &v))
			return false;
		if (v.status == EM_UNPROVEN)
			oldest = i;
		else if (v.status != EM_UNDEFINED)
			return false;
	}
	return oldest >= LOOKS_BACK - 1;
}

bool em_commitment_long_unproven(const struct em_commitment *c, struct em_ledger *l,
				 const struct em_verdict *v, int64_t now)
{
	int64_t since;

	if (v->status != EM_UNPROVEN)
		return false;
	since = kept_since(c, l);
	return since > 0 ? now - since > c->prove_within : unproven_all_along(c, l, now);
}
