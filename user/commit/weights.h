/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an hour of a GPU is worth beside another's: integers by the model's name. A model that
 * no pattern names has no weight, and its time counts as unobserved at the largest one.
 */
#ifndef EM_WEIGHTS_H
#define EM_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#define EM_WEIGHT_MAX 1000000

struct em_weight {
	char *glob; /* of the model, as fnmatch(3), letters of either case */
	uint32_t weight;
	uint32_t slices; /* of a whole one, where an instance ("… MIG 2g.10gb") counts in
			    proportion; 0: whatever the glob fits has @weight */
};

/* struct em_weights - the first glob that fits decides; none at all: every GPU counts 1 */
struct em_weights {
	struct em_weight *list;
	size_t n;
};

/* 0: no pattern names this model (or it is not known: NULL). */
uint32_t em_weight_of(const struct em_weights *w, const char *model);
uint32_t em_weight_largest(const struct em_weights *w);

int em_weights_add(struct em_weights *w, const char *glob, uint32_t weight); /* 0 or -ENOMEM */
void em_weights_clear(struct em_weights *w);

/*
 * "weights: flops": dense 16-bit tensor TFLOP/s (BF16, or FP16 where there is none), without
 * sparsity, as the makers' data sheets state them; rounded to whole ones. 0 or -ENOMEM.
 */
int em_weights_flops(struct em_weights *w);
uint32_t em_weight_flops(const char *model); /* by the same table; 0: it does not name it */

#endif
