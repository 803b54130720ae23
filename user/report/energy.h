/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Energy and memory of a window, from the notes "energy" and "memory", divided among purposes. A
 * counter says how much a GPU took, and nobody says for whom: the division is a model. Energy goes
 * by busy time in the note's time, and where nothing was busy, or no entry speaks of it, to nobody
 * ("idle"). Memory is a job's own; it is divided by the GPU time of the tags it had. Parts add up
 * to the notes' amounts exactly.
 */
#ifndef EM_ENERGY_H
#define EM_ENERGY_H

#include "report/report.h"

#define EM_ENERGY_MODEL "by busy"
#define EM_ENERGY_PARTS (EARMARK_PURPOSE_COUNT + 1) /* the last: busy of no known job */

/* struct em_energy_part - mJ, or of memory byte-seconds; @name: GPU, or a job's path */
struct em_energy_part {
	char *name;
	char boot_id[33];
	uint64_t job;
	em_ns sum, idle, part[EM_ENERGY_PARTS];
};

/* struct em_metered - of one kind: its notes, the whole, and each GPU or job, by name */
struct em_metered {
	uint64_t notes, bad;
	struct em_energy_part whole, *list;
	size_t n;
	unsigned int class; /* the worst of the notes */
};

struct em_energy {
	struct em_metered energy, memory;
};

/*
 * em_energy_make() - what the notes that lie whole inside the window say
 *
 * em_energy_clear() in any case. Return: 0 or -errno.
 */
int em_energy_make(struct em_energy *e, struct em_ledger *l, int64_t since, int64_t until);
void em_energy_clear(struct em_energy *e);

/* Adds "energy" and "memory" to a report's JSON; null where there are no notes. */
void em_energy_json(json_t *o, const struct em_energy *e);

#endif
