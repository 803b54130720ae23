// SPDX-License-Identifier: GPL-2.0
/* Openings, from their files; see openings.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ledger/entry.h"
#include "ledger/openings.h"

void em_openings_clear(struct em_openings *o)
{
	free(o->data);
	memset(o, 0, sizeof(*o));
}

int em_openings_read(struct em_place *p, uint64_t bundle, struct em_openings *o)
{
	char path[EM_TILE_PATH_LEN], *line, *rest;
	size_t len;
	int r;

	memset(o, 0, sizeof(*o));
	em_tile_number(path, "open", bundle);
	r = em_place_read(p, path, EM_OPENINGS_MAX, &o->data, &len);
	if (r)
		return r == -ENOENT || r == -EACCES ? 0 : r;
	rest = o->data;
	while ((line = strsep(&rest, "\n"))) {
		char *json;
		uint64_t index = strtoull(line, &json, 10);

		if (json != line && *json == ' ' && index / EM_TILE_WIDTH == bundle)
			o->line[index % EM_TILE_WIDTH] = json + 1;
	}
	return 0;
}

json_t *em_openings_items(const struct em_openings *o, uint64_t index, const json_t *entry,
			  const char **why)
{
	const char *line = o->line[index % EM_TILE_WIDTH];
	_cleanup_json_ json_t *opening = NULL;

	*why = NULL;
	if (!line)
		return NULL;
	opening = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	if (!opening) {
		*why = "its opening is no JSON";
		return NULL;
	}
	return em_opening_items(entry, opening, why);
}
