// SPDX-License-Identifier: GPL-2.0
/* Names, bundles and nodes of a log's files; see tile.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ledger/signature.h"
#include "ledger/tile.h"

/* Groups of three digits, all but the last after an "x": 1234067 is x001/x234/067. */
void em_tile_number(char out[EM_TILE_PATH_LEN], const char *prefix, uint64_t index)
{
	uint64_t groups[8];
	int n = 0, len = snprintf(out, EM_TILE_PATH_LEN, "%s", prefix);

	do {
		groups[n++] = index % 1000;
		index /= 1000;
	} while (index);
	while (n--)
		len += snprintf(out + len, EM_TILE_PATH_LEN - (size_t)len, "/%s%03" PRIu64,
				n ? "x" : "", groups[n]);
}

void em_tile_path(char out[EM_TILE_PATH_LEN], int level, uint64_t index, unsigned int width)
{
	char prefix[32] = "tile/entries";
	size_t len;

	if (level != EM_TILE_ENTRIES)
		snprintf(prefix, sizeof(prefix), "tile/%d", level);
	em_tile_number(out, prefix, index);
	len = strlen(out);
	if (width != EM_TILE_WIDTH)
		snprintf(out + len, EM_TILE_PATH_LEN - len, ".p/%u", width);
}

unsigned int em_tile_width(int level, uint64_t index, uint64_t size)
{
	unsigned int shift = level == EM_TILE_ENTRIES ? 0 : 8 * (unsigned int)level;
	uint64_t all = shift < 64 ? size >> shift : 0, before = index * EM_TILE_WIDTH;

	if (all <= before)
		return 0;
	return all - before < EM_TILE_WIDTH ? (unsigned int)(all - before) : EM_TILE_WIDTH;
}

/* Return: how wide the tile is by now, as the log's present checkpoint says; 0: nobody knows. */
static unsigned int width_now(struct em_place *p, int level, uint64_t index)
{
	_cleanup_free_ char *note = NULL;
	struct em_checkpoint now;
	size_t len;

	if (em_place_read(p, "checkpoint", EM_NOTE_MAX, &note, &len) ||
	    em_checkpoint_parse(&now, note, len))
		return 0;
	return em_tile_width(level, index, now.size);
}

/*
 * A log in use takes a partial file away once there are wider ones: those are read instead. That
 * such a width is believed costs nothing: whoever asked checks hashes.
 */
static int tile_read(struct em_place *p, int level, uint64_t index, unsigned int *width,
		     char **data, size_t *len)
{
	size_t max = level == EM_TILE_ENTRIES ? EM_BUNDLE_MAX : EM_TILE_WIDTH * EM_HASH_LEN;
	char path[EM_TILE_PATH_LEN];
	unsigned int now;
	int r;

	for (;;) {
		em_tile_path(path, level, index, *width);
		r = em_place_read(p, path, max, data, len);
		if (r != -ENOENT || *width == EM_TILE_WIDTH)
			return r;
		now = width_now(p, level, index);
		*width = now > *width ? now : EM_TILE_WIDTH;
	}
}

int em_place_tile(struct em_place *p, int level, uint64_t index, unsigned int width, char **data,
		  size_t *len)
{
	unsigned int got = width;
	int r = tile_read(p, level, index, &got, data, len);

	if (r)
		return r;
	if (*len != got * EM_HASH_LEN) {
		free(TAKE_PTR(*data));
		return -EBADMSG;
	}
	*len = width * EM_HASH_LEN;
	return 0;
}

void em_bundle_clear(struct em_bundle *b)
{
	free(b->data);
	b->data = NULL;
	b->n = 0;
}

int em_bundle_read(struct em_place *p, uint64_t index, unsigned int width, struct em_bundle *b)
{
	size_t len, at = 0;
	unsigned int n = 0, got = width;
	int r;

	memset(b, 0, sizeof(*b));
	r = tile_read(p, EM_TILE_ENTRIES, index, &got, &b->data, &len);
	if (r)
		return r;
	/* to the end, though later ones may be there: bytes of no entry are none of a log's */
	while (at + 2 <= len && n < EM_TILE_WIDTH) {
		const uint8_t *head = (const uint8_t *)b->data + at;

		if (n < width) {
			b->len[n] = (uint16_t)(head[0] << 8 | head[1]);
			b->entry[n] = b->data + at + 2;
		}
		at += 2 + (size_t)(head[0] << 8 | head[1]);
		n++;
	}
	b->n = width;
	if (at == len && n == got)
		return 0;
	em_bundle_clear(b);
	return -EBADMSG;
}

/*
 * Tiles hold every eighth level; between them a node is the root over the 2^k hashes of the tile
 * below it.
 */
int em_nodes_get(void *arg, unsigned int level, uint64_t index, struct em_hash *ret)
{
	struct em_nodes *n = arg;
	unsigned int count = 1U << level % 8;
	uint64_t first = index << level % 8, tile = first / EM_TILE_WIDTH;
	unsigned int at = (unsigned int)(first % EM_TILE_WIDTH);
	unsigned int width = em_tile_width((int)level / 8, tile, n->size);
	_cleanup_free_ char *data = NULL;
	size_t len;
	int r;

	if (at + count > width)
		return -ERANGE;
	r = em_place_tile(n->place, (int)level / 8, tile, width, &data, &len);
	if (!r)
		*ret = em_merkle_root((const struct em_hash *)data + at, count);
	return r;
}
