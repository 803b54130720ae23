// SPDX-License-Identifier: GPL-2.0
/* Weights of GPU models; see weights.h. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "commit/weights.h"

/*
 * Dense 16-bit tensor TFLOP/s (FP32 accumulation where it differs) from the makers' data sheets
 * and architecture white papers, as NVML names the models; the narrower name stands first, and a
 * short one has to be the whole word (an RTX A4000 is no A40). What can be cut by MIG has its
 * number of compute slices.
 * Sources: data sheets of HGX B200/B300, GB200/GB300, H100, H200, GH200, A100, A800, A30, A40, A10,
 * A16, A2, L4, L20, L40, L40S, V100 (112 PCIe, 125 SXM2, 130 V100S), T4, P100 and Quadro RTX; white
 * papers of GA102, AD102 and Blackwell for RTX; CDNA data sheets for Instinct.
 * The simulated GPU of the tests is no model of anybody's and has no place here.
 */
static const struct em_weight flops[] = {
	{ "*GB300*", 2500, 7 },
	{ "*GB200*", 2500, 7 },
	{ "*B300*", 2250, 7 },
	{ "*B200*", 2250, 7 },
	{ "*GH200*", 989, 7 },
	{ "*H200*NVL*", 836, 7 },
	{ "*H200*", 989, 7 },
	{ "*H100*PCIe*", 756, 7 },
	{ "*H100*NVL*", 836, 7 },
	{ "*H100*", 989, 7 },
	{ "*H800*PCIe*", 756, 7 },
	{ "*H800*", 989, 7 },
	{ "*H20", 148, 7 },
	{ "*H20[- ]*", 148, 7 },
	{ "*A100*", 312, 7 },
	{ "*A800*", 312, 7 },
	{ "*A30", 165, 4 },
	{ "*A30[- ]*", 165, 4 },
	{ "*RTX A6000*", 155 },
	{ "*RTX A5000*", 111 },
	{ "*RTX A4500*", 95 },
	{ "*RTX A4000*", 77 },
	{ "*A40", 150 },
	{ "*A40-*", 150 },
	{ "*A10G*", 70 },
	{ "*A10", 125 },
	{ "*A10-*", 125 },
	{ "*A16", 18 },
	{ "*A2", 18 },
	{ "*L40S*", 362 },
	{ "*L40*", 181 },
	{ "*L20", 120 },
	{ "*L4", 121 },
	{ "*V100S*", 130 },
	{ "*V100-PCIE*", 112 },
	{ "*V100*", 125 },
	{ "*Tesla T4", 65 },
	{ "*Tesla P100-SXM2*", 21 },
	{ "*Tesla P100*", 19 },
	{ "*Quadro RTX 8000*", 131 },
	{ "*Quadro RTX 6000*", 131 },
	{ "*TITAN RTX", 131 },
	{ "*RTX PRO 6000 Blackwell*", 504, 4 },
	{ "*RTX 6000 Ada*", 364 },
	{ "*RTX 5000 Ada*", 261 },
	{ "*RTX 5090", 210 },
	{ "*RTX 4090", 165 },
	{ "*RTX 3090", 71 },
	{ "*MI355X*", 2517 },
	{ "*MI350X*", 2307 },
	{ "*MI325X*", 1307 },
	{ "*MI300X*", 1307 },
	{ "*MI300A*", 981 },
	{ "*MI250X*", 383 },
	{ "*MI250*", 362 },
	{ "*MI210*", 181 },
	{ "*MI100*", 185 },
};

/*
 * The slices of "… MIG 2g.10gb", or those of "… MIG 1c.2g.10gb": a compute instance in it.
 * Return: 0: it is none.
 */
static uint32_t slices_of(const char *model)
{
	const char *at = strstr(model, " MIG ");
	char *end;
	unsigned long n = at ? strtoul(at + 5, &end, 10) : 0;

	return n && n <= 64 && (*end == 'g' || *end == 'c') ? (uint32_t)n : 0;
}

static uint32_t weight_by(const struct em_weight *w, const char *model)
{
	uint32_t slices = w->slices ? slices_of(model) : 0;

	if (!slices || slices >= w->slices)
		return w->weight;
	return (w->weight * slices + w->slices / 2) / w->slices ?: 1;
}

static uint32_t first_of(const struct em_weight *list, size_t n, const char *model)
{
	for (size_t i = 0; i < n; i++) {
		if (!fnmatch(list[i].glob, model, FNM_CASEFOLD))
			return weight_by(&list[i], model);
	}
	return 0;
}

uint32_t em_weight_flops(const char *model)
{
	return first_of(flops, ARRAY_SIZE(flops), model);
}

uint32_t em_weight_of(const struct em_weights *w, const char *model)
{
	if (!w->n)
		return 1;
	return first_of(w->list, w->n, model ?: "");
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
	w->list[w->n++] = (struct em_weight){ copy, weight, 0 };
	return 0;
}

int em_weights_flops(struct em_weights *w)
{
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(flops); i++) {
		r = em_weights_add(w, flops[i].glob, flops[i].weight);
		if (!r)
			w->list[w->n - 1].slices = flops[i].slices;
	}
	return r;
}

void em_weights_clear(struct em_weights *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->list[i].glob);
	free(w->list);
	*w = (struct em_weights){ 0 };
}
