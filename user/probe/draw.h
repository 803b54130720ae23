/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The audit draw (P15): GPU time sampled in proportion to time, so that a person can look whether
 * it was what its tag says. The seed is SHA-256(signed checkpoint || nonce): whoever keeps the
 * ledger cannot know the nonce before the checkpoint is signed, and whoever chooses the nonce
 * cannot choose the checkpoint.
 */
#ifndef EM_DRAW_H
#define EM_DRAW_H

#include "ledger/ledger.h"
#include "report/report.h"

#define EM_DRAWS_MAX 100000

/**
 * struct em_draw - an order for draws
 * @seed: of all of them
 * @purpose: of whose time; EARMARK_PURPOSE_COUNT = all
 */
struct em_draw {
	uint8_t seed[32];
	unsigned int purpose, n;
};

void em_draw_seed(struct em_draw *d, const void *checkpoint, size_t len, const char *nonce);

/*
 * The k-th point of [0, total): the first 16 bytes of SHA-256(seed || k in 8 bytes), as a number
 * modulo @total; the bias is below 2^-50 for all that a ledger can hold.
 */
em_ns em_draw_point(const struct em_draw *d, uint64_t k, em_ns total);

/*
 * em_draw_make() - the draws as JSON rows, in the order of the log; *total: the time drawn from
 *
 * Return: 0, -ENODATA: there is no such time; or -errno. *rows is a new reference.
 */
int em_draw_make(const struct em_draw *d, struct em_ledger *l, int64_t since, int64_t until,
		 em_ns *total, json_t **rows);

/*
 * Clopper and Pearson (1934): with @misused of @n found misused, the misused part of all is at most
 * this, at @confidence (0.95). In millionths, upwards.
 */
unsigned int em_draw_at_most(unsigned int n, unsigned int misused, double confidence);

/* The audits of a window together: {"drawn", "misused", "at_most": {num, den}}, or null. */
json_t *em_draw_audits(struct em_ledger *l, int64_t since, int64_t until);

#endif
