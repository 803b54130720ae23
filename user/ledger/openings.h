/* SPDX-License-Identifier: GPL-2.0 */
/* The openings of a bundle's entries, as they lie under open/. */
#ifndef EM_OPENINGS_H
#define EM_OPENINGS_H

#include <jansson.h>
#include "ledger/tile.h"

/* struct em_openings - @data owned; @line: an entry's JSON, NULL = it has none */
struct em_openings {
	char *data;
	const char *line[EM_TILE_WIDTH];
};

#define EM_OPENINGS_MAX (1UL << 30)

/* 0 also when there is no such file: openings need not be published. */
int em_openings_read(struct em_place *p, uint64_t bundle, struct em_openings *o);
void em_openings_clear(struct em_openings *o);
/* The items of entry @index; NULL with *why, which is NULL where there is no opening. */
json_t *em_openings_items(const struct em_openings *o, uint64_t index, const json_t *entry,
			  const char **why);

#endif
