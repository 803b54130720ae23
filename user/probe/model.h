/* SPDX-License-Identifier: GPL-2.0 */
/* A window's time by model of GPU, or by node, and part: which chips a purpose was given. In ns. */
#ifndef EM_MODEL_H
#define EM_MODEL_H

#include "probe/series.h"

struct em_model {
	char name[EARMARK_PROJECT_LEN]; /* or the node's; "unknown" where the GPU does not say */
	struct em_part part[EM_PARTS];  /* the used ones; unattributed under untagged */
};

struct em_models {
	struct em_model *list;
	size_t n;
};

/* 0, or -errno; em_models_clear() in any case. */
int em_models_make(struct em_models *m, struct em_ledger *l, struct em_range window);
/* The same by node, where @l stands for several ledgers; none where it does not. */
int em_nodes_make(struct em_models *m, struct em_ledger *l, struct em_range window);
void em_models_clear(struct em_models *m);

em_ns em_model_used(const struct em_model *m);

#endif
