/* SPDX-License-Identifier: GPL-2.0 */
/*
 * P4: does growth perpetuate the balance? Over changes of capacity alone,
 * Δln(A/C) = α + γ·Δln K (measures): γ = 0 perpetuates it, γ < 0 favours capabilities.
 */
#ifndef EM_BALANCE_H
#define EM_BALANCE_H

#include "probe/finding.h"

#define EM_BALANCE_LEAST 8

enum em_balance_refusal {
	EM_BALANCE_ANSWERED,
	EM_BALANCE_FEW,  /* fewer than EM_BALANCE_LEAST usable changes */
	EM_BALANCE_SAME, /* all of one size: no slope */
};

/**
 * struct em_balance - the fit
 * @changes: of capacity; @usable: with some alignment and capabilities work on both sides
 * @gamma_low, @gamma_high: 95 %, t with n - 2 degrees
 * @first, @last: K and A a day, in the first and last stretch of constant capacity
 */
struct em_balance {
	enum em_balance_refusal refusal;
	unsigned int changes, usable;
	double alpha, gamma, gamma_low, gamma_high;
	struct {
		em_ns capacity, alignment;
	} first, last;
};

/*
 * em_balance_make() - from daily buckets
 *
 * Days of the same K (within 1 %) make a stretch; single days between two stretches, in which the
 * change took place, belong to neither. Return: 0 or -ENOMEM.
 */
int em_balance_make(struct em_balance *b, const struct em_series *daily);

int em_probe_balance(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);

#endif
