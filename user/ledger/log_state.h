/* SPDX-License-Identifier: GPL-2.0 */
/* Inside the log only: what its writer remembers. */
#ifndef EM_LOG_STATE_H
#define EM_LOG_STATE_H

#include "ledger/log.h"
#include "ledger/tile.h"

#define EM_KEY_FILE_LEN 4101 /* of a path, and ".next" */
#define EM_LEVELS 8          /* of tiles: a tree of 2^64 has no more */

/**
 * struct em_edge - the right edge of the log: all that appending needs of it
 * @tile: of each level the hashes of its last tile, @count: how many the level has in all
 * @bundle: the entries of the last bundle, @used of @room bytes
 */
struct em_edge {
	struct em_range range;
	struct em_hash tile[EM_LEVELS][EM_TILE_WIDTH];
	uint64_t count[EM_LEVELS];
	char *bundle;
	size_t used, room;
};

struct em_added {
	char *entry, *opening;
	size_t len;
};

/**
 * struct em_log - the open log
 * @dir: of the ledger, not owned; @key_dir: what @key_file is relative to
 * @edge: as signed last; @before: the size signed before that
 * @added: @n entries that are not written yet
 * @doubt: signing failed half-way
 */
struct em_log {
	int dir, key_dir;
	char key_file[EM_KEY_FILE_LEN - 5];
	struct em_key key;
	struct em_edge edge;
	uint64_t before;
	struct em_added *added;
	size_t n;
	bool doubt;
	char error[512];
};

void em_edge_clear(struct em_edge *e);
int em_log_fail(struct em_log *l, int r, const char *what); /* keeps a sentence; returns @r */
int em_log_sign(struct em_log *l, const struct em_edge *e, const struct em_key *second);
int em_key_put(struct em_log *l, const char *file, const struct em_key *k); /* private */
int em_key_publish(struct em_log *l);                                       /* key.pub */
/* Where a key waits until the entry that turns to it is in the log. */
const char *em_log_next_key(const struct em_log *l, char path[EM_KEY_FILE_LEN]);
int em_openings_cut(struct em_log *l); /* lines of entries that are not in the log */

#endif
