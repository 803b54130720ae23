/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The files of a log as c2sp.org/tlog-tiles lays them out, wherever they are: a folder or an
 * http(s) address. Names and bundles of entries; and the tree's nodes, read from tiles.
 */
#ifndef EM_TILE_H
#define EM_TILE_H

#include "ledger/merkle.h"

#define EM_TILE_WIDTH 256  /* hashes in a full tile, entries in a full bundle */
#define EM_ENTRY_MAX 65535 /* bytes: its length is 16 bits */
#define EM_TILE_PATH_LEN 128
#define EM_TILE_ENTRIES (-1) /* as a level: the entries themselves */
#define EM_BUNDLE_MAX (EM_TILE_WIDTH * (EM_ENTRY_MAX + 2))

/* "tile/0/x001/234.p/5"; @width EM_TILE_WIDTH = the full one. */
void em_tile_path(char out[EM_TILE_PATH_LEN], int level, uint64_t index, unsigned int width);
/* A path of @prefix and the number, without width: "open/x001/234". */
void em_tile_number(char out[EM_TILE_PATH_LEN], const char *prefix, uint64_t index);

/* How many hashes (entries) of tile @index at @level a tree of @size fills; 0 = no such tile. */
unsigned int em_tile_width(int level, uint64_t index, uint64_t size);

/**
 * struct em_place - where the files are
 * @error: one sentence about the last failure
 */
struct em_place;

int em_place_open(struct em_place **p, const char *dir_or_url, char *err, size_t len);
void em_place_close(struct em_place *p);
const char *em_place_error(const struct em_place *p);
/* A whole file of at most @max bytes; NUL-terminated. 0, -ENOENT, -EFBIG or -errno. */
int em_place_read(struct em_place *p, const char *path, size_t max, char **data, size_t *len);
/* A tile, a wider one where the partial one is gone; cut to @width. -EBADMSG: a wrong length. */
int em_place_tile(struct em_place *p, int level, uint64_t index, unsigned int width, char **data,
		  size_t *len);

/**
 * struct em_bundle - entries of one bundle
 * @data: owned; @entry, @len: where each is
 */
struct em_bundle {
	char *data;
	unsigned int n;
	const char *entry[EM_TILE_WIDTH];
	uint16_t len[EM_TILE_WIDTH];
};

/* Reads the bundle's first @width entries. -EBADMSG: it is cut short, or there is more. */
int em_bundle_read(struct em_place *p, uint64_t index, unsigned int width, struct em_bundle *b);
void em_bundle_clear(struct em_bundle *b);

/* struct em_nodes - an em_node_fn over tiles of a tree of @size: em_nodes_get(), arg = this */
struct em_nodes {
	struct em_place *place;
	uint64_t size;
};

int em_nodes_get(void *nodes, unsigned int level, uint64_t index, struct em_hash *ret);

#endif
