/* SPDX-License-Identifier: GPL-2.0 */
/* Between gate.c and day.c: what a gate looks at, and its judgement of one job or project. */
#ifndef EM_COMMIT_GATE_H
#define EM_COMMIT_GATE_H

#include "commit/approval.h"
#include "commit/judge.h"

#define EM_GATE_DAY (86400 * 1000000000LL)

/* struct em_gate - what every look needs; @grace: the length of an interval, ns */
struct em_gate {
	const struct em_commitment *c;
	struct em_ledger *l;
	struct em_approvals approvals;
	int64_t grace;
};

/*
 * struct em_gate_group - one job or project
 * @sure: GPU time tagged as the purpose, whoever by; @maybe: with what may be of it too: untagged
 *	and weakly tagged work, and work of which no project is named
 * @gpus: all that it was ever on, as keys. Surely @sure / its lifetime of them at once, since GPU
 *	time is shared out among who holds a GPU; never more than these
 * @ref, @project: what approvals may name; "" = nothing, or several
 */
struct em_gate_group {
	em_ns sure, maybe;
	int64_t first, last, sure_first, sure_last;
	json_t *gpus;
	char ref[EARMARK_REF_LEN], project[EARMARK_PROJECT_LEN], name[160];
};

#define EM_GATE_NO_PROJECT "(none named)"

/* Is work tagged so of the purpose, or perhaps? Else it is surely of another. */
bool em_gate_counts(const struct em_commitment *c, unsigned int purpose, unsigned int tagged_by);

void em_gate_judge(const struct em_gate *gate, const struct em_gate_group *one, bool by_project,
		   struct em_verdict *v);

/*
 * em_gate_days() - every project in every 24 hours inside [@since, @until]
 *
 * Exact: what a stretch of 24 hours holds changes where an interval begins or ends, and there is
 * none that holds more than those which end as an interval does. Return: 0 or -errno.
 */
int em_gate_days(const struct em_gate *gate, int64_t since, int64_t until, struct em_verdict *v);

#endif
