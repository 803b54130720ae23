// SPDX-License-Identifier: GPL-2.0
/* Weights of GPU models; see weights.h. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "commit/weights.h"

/*
 * Dense 16-bit tensor TFLOP/s from the makers' data sheets; the narrower name stands first, and a
 * short one has to be the whole word (an RTX A4000 is no A40).
 * The simulated GPU of the tests is no model of anybody's and has no place here.
 */
static const struct em_weight flops[] = {
	{ "*B200*", 2250 },   { "*GH200*", 989 },     { "*H200*NVL*", 836 },
	{ "*H200*", 989 },    { "*H100*PCIe*", 756 }, { "*H100*NVL*", 836 },
	{ "*H100*", 989 },    { "*H800*PCIe*", 756 }, { "*H800*", 989 },
	{ "*H20", 148 },      { "*H20-*", 148 },      { "*A100*", 312 },
	{ "*A800*", 312 },    { "*A30", 165 },        { "*A30-*", 165 },
	{ "*A40", 150 },      { "*A40-*", 150 },      { "*A10G*", 70 },
	{ "*A10", 125 },      { "*A10-*", 125 },      { "*L40S*", 362 },
	{ "*L40*", 181 },     { "*L4", 121 },         { "*V100*", 125 },
	{ "*Tesla T4", 65 },  { "*Tesla P100*", 19 }, { "*MI355X*", 2517 },
	{ "*MI350X*", 2307 }, { "*MI325X*", 1307 },   { "*MI300X*", 1307 },
	{ "*MI300A*", 981 },  { "*MI250X*", 383 },    { "*MI250*", 362 },
	{ "*MI210*", 181 },   { "*MI100*", 185 },
};

uint32_t em_weight_of(const struct em_weights *w, const char *model)
{
	if (!w->n)
		return 1;
	for (size_t i = 0; i < w->n; i++) {
		if (!fnmatch(w->list[i].glob, model ?: "", FNM_CASEFOLD))
			return w->list[i].weight;
	}
	return 0;
}

uint32_t em_weight_largest(const struct em_weights *w)
{
	uint32_t most = 1;

	for (size_t i = 0; i < w->n; i++)
		most = w->list[i].weight > most ? w->list[i].weight : most;
	return most;
}

int em_weights_add(struct em_weights *w, const char *glob, uint32_t weight)
{
	struct em_weight *more = reallocarray(w->list, w->n + 1, sizeof(*more));
	char *copy = strdup(glob);

	if (more)
		w->list = more;
	if (!more || !copy) {
		free(copy);
		return -ENOMEM;
	}
	w->list[w->n++] = (struct em_weight){ copy, weight };
	return 0;
}

int em_weights_flops(struct em_weights *w)
{
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(flops); i++)
		r = em_weights_add(w, flops[i].glob, flops[i].weight);
	return r;
}

void em_weights_clear(struct em_weights *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->list[i].glob);
	free(w->list);
	*w = (struct em_weights){ 0 };
}
