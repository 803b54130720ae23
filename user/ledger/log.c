// SPDX-License-Identifier: GPL-2.0
/* Appending to a log; see log.h. Opening one is in log_open.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "ledger/disk.h"
#include "ledger/log_state.h"

#define OPENING_MODE 0640 /* private: not for everybody who reads the log */

void em_edge_clear(struct em_edge *e)
{
	free(e->bundle);
	memset(e, 0, sizeof(*e));
}

static int edge_copy(struct em_edge *to, const struct em_edge *from)
{
	*to = *from;
	to->bundle = malloc(from->room ?: 1);
	if (!to->bundle)
		return -ENOMEM;
	if (from->used)
		memcpy(to->bundle, from->bundle, from->used);
	return 0;
}

int em_log_fail(struct em_log *l, int r, const char *what)
{
	snprintf(l->error, sizeof(l->error), "ledger: %s cannot be written: %s", what,
		 strerror(-r));
	return r;
}

static int put(struct em_log *l, const char *path, const void *bytes, size_t len)
{
	int r = em_disk_put(l->dir, path, bytes, len, 0644);

	return r ? em_log_fail(l, r, path) : 0;
}

static int put_tile(struct em_log *l, int level, uint64_t index, unsigned int width,
		    const void *bytes, size_t len)
{
	char path[EM_TILE_PATH_LEN];

	em_tile_path(path, level, index, width);
	return put(l, path, bytes, len);
}

/* A hash at a level's right edge; a tile that is full is written, and is one hash above it. */
static int edge_hash(struct em_log *l, struct em_edge *e, unsigned int level,
		     const struct em_hash *hash)
{
	struct em_hash *tile = e->tile[level];
	unsigned int at = (unsigned int)(e->count[level]++ % EM_TILE_WIDTH);
	struct em_hash root;
	int r;

	tile[at] = *hash;
	if (at + 1 < EM_TILE_WIDTH)
		return 0;
	r = put_tile(l, (int)level, (e->count[level] - 1) / EM_TILE_WIDTH, EM_TILE_WIDTH, tile,
		     EM_TILE_WIDTH * EM_HASH_LEN);
	root = em_merkle_root(tile, EM_TILE_WIDTH);
	return r ? r : edge_hash(l, e, level + 1, &root);
}

static int bundle_grow(struct em_edge *e, size_t more)
{
	size_t room = e->room ?: 4096;
	char *bundle;

	while (room < e->used + more)
		room *= 2;
	bundle = realloc(e->bundle, room);
	if (!bundle)
		return -ENOMEM;
	e->bundle = bundle;
	e->room = room;
	return 0;
}

static int edge_entry(struct em_log *l, struct em_edge *e, const struct em_added *a)
{
	struct em_hash leaf = em_merkle_leaf(a->entry, a->len);
	uint64_t index = e->range.size;
	int r = bundle_grow(e, a->len + 2);

	if (r)
		return em_log_fail(l, r, "an entry");
	e->bundle[e->used] = (char)(a->len >> 8);
	e->bundle[e->used + 1] = (char)a->len;
	memcpy(e->bundle + e->used + 2, a->entry, a->len);
	e->used += a->len + 2;
	em_range_add(&e->range, &leaf);
	if (e->range.size % EM_TILE_WIDTH == 0) {
		r = put_tile(l, EM_TILE_ENTRIES, index / EM_TILE_WIDTH, EM_TILE_WIDTH, e->bundle,
			     e->used);
		e->used = 0;
	}
	return r ? r : edge_hash(l, e, 0, &leaf);
}

static int put_partial(struct em_log *l, const struct em_edge *e)
{
	uint64_t size = e->range.size;
	unsigned int width = (unsigned int)(size % EM_TILE_WIDTH);
	int r = 0;

	if (width)
		r = put_tile(l, EM_TILE_ENTRIES, size / EM_TILE_WIDTH, width, e->bundle, e->used);
	for (unsigned int level = 0; !r && level < EM_LEVELS; level++) {
		width = (unsigned int)(e->count[level] % EM_TILE_WIDTH);
		/* a level that did not grow is there already */
		if (width && e->count[level] != l->edge.count[level])
			r = put_tile(l, (int)level, e->count[level] / EM_TILE_WIDTH, width,
				     e->tile[level], width * EM_HASH_LEN);
	}
	return r;
}

/* The openings of what was added, each bundle's in a file of its own. */
static int put_openings(struct em_log *l)
{
	uint64_t index = l->edge.range.size;
	int r = 0;

	for (size_t i = 0; !r && i < l->n;) {
		_cleanup_free_ char *lines = NULL;
		char path[EM_TILE_PATH_LEN];
		uint64_t bundle = index / EM_TILE_WIDTH;
		size_t len = 0;
		FILE *f = open_memstream(&lines, &len);

		if (!f)
			return em_log_fail(l, -ENOMEM, "an opening");
		for (; i < l->n && index / EM_TILE_WIDTH == bundle; i++, index++)
			if (*l->added[i].opening)
				fprintf(f, "%llu %s\n", (unsigned long long)index,
					l->added[i].opening);
		fclose(f);
		em_tile_number(path, "open", bundle);
		r = len ? em_disk_add(l->dir, path, lines, len, OPENING_MODE) : 0;
		if (r)
			em_log_fail(l, r, path);
	}
	return r;
}

int em_log_sign(struct em_log *l, const struct em_edge *e, const struct em_key *second)
{
	struct em_checkpoint c = { .size = e->range.size, .root = em_range_root(&e->range) };
	char note[EM_NOTE_MAX];
	size_t text;
	int r;

	snprintf(c.origin, sizeof(c.origin), "%s", l->key.name);
	text = em_checkpoint_text(&c, note);
	r = em_note_sign(note, text, &l->key, 0);
	if (!r && second)
		r = em_note_sign(note, text, second, 0);
	if (r)
		return em_log_fail(l, r, "checkpoint");
	/*
	 * A name can be seen before it is on the disk, so what is signed is kept first under a name
	 * that nobody reads, and shown then. If that fails nobody knows which one would be there
	 * after a crash: then the log is read anew before anything else is signed.
	 */
	l->doubt = true;
	r = put(l, "signed", note, strlen(note));
	r = r ?: put(l, "checkpoint", note, strlen(note));
	l->doubt = r;
	return r;
}

/*
 * Partial files of a size that was signed before the last: who reads the last one needs them no
 * more. Kept for one checkpoint, for who is reading just now.
 */
static void prune(struct em_log *l, uint64_t size)
{
	char path[EM_TILE_PATH_LEN];

	for (int level = EM_TILE_ENTRIES; level < 2; level++) {
		uint64_t n = level > 0 ? size / EM_TILE_WIDTH : size;
		uint64_t now = level > 0 ? l->edge.count[1] : l->edge.range.size;

		if (n % EM_TILE_WIDTH == 0 || n == now ||
		    (level > 0 && n == l->before / EM_TILE_WIDTH))
			continue;
		em_tile_path(path, level, n / EM_TILE_WIDTH, (unsigned int)(n % EM_TILE_WIDTH));
		unlinkat(l->dir, path, 0);
	}
}

int em_log_add(struct em_log *l, const char *entry, size_t len, const char *opening,
	       uint64_t *index)
{
	struct em_added *more = reallocarray(l->added, l->n + 1, sizeof(*more));

	if (!more)
		return em_log_fail(l, -ENOMEM, "an entry");
	l->added = more;
	if (len > EM_ENTRY_MAX)
		return em_log_fail(l, -EFBIG, "an entry");
	more[l->n] = (struct em_added){ strndup(entry, len), strdup(opening), len };
	if (!more[l->n].entry || !more[l->n].opening) {
		free(more[l->n].entry);
		free(more[l->n].opening);
		return em_log_fail(l, -ENOMEM, "an entry");
	}
	*index = l->edge.range.size + l->n++;
	return 0;
}

void em_log_forget(struct em_log *l)
{
	while (l->n) {
		l->n--;
		free(l->added[l->n].entry);
		free(l->added[l->n].opening);
	}
}

/*
 * Openings, then entries and hashes, each synced, then the checkpoint. A failure on the way leaves
 * files beyond the signed size, which nobody reads and the next commit writes over; openings
 * are cut back.
 */
int em_log_commit(struct em_log *l)
{
	struct em_edge e = { 0 };
	uint64_t before = l->before;
	int r;

	if (!l->n || l->doubt)
		return l->doubt ? -ESTALE : 0;
	r = edge_copy(&e, &l->edge);
	r = r ? em_log_fail(l, r, "an entry") : put_openings(l);
	for (size_t i = 0; !r && i < l->n; i++)
		r = edge_entry(l, &e, &l->added[i]);
	r = r ?: put_partial(l, &e);
	r = r ?: em_log_sign(l, &e, NULL);
	em_log_forget(l);
	if (r) {
		em_edge_clear(&e);
		if (!l->doubt)
			em_openings_cut(l);
		return r;
	}
	l->before = l->edge.range.size;
	em_edge_clear(&l->edge);
	l->edge = e;
	prune(l, before);
	return 0;
}

int em_key_put(struct em_log *l, const char *file, const struct em_key *k)
{
	char text[EM_KEY_TEXT_LEN + 1];
	int r;

	em_key_text(k, true, text);
	strcat(text, "\n");
	r = em_disk_put(l->key_dir, file, text, strlen(text), 0600);
	sodium_memzero(text, sizeof(text));
	return r ? em_log_fail(l, r, "the key") : 0;
}

const char *em_log_next_key(const struct em_log *l, char path[EM_KEY_FILE_LEN])
{
	snprintf(path, EM_KEY_FILE_LEN, "%s.next", l->key_file);
	return path;
}

int em_log_keep_next(struct em_log *l, const struct em_key *next)
{
	char path[EM_KEY_FILE_LEN];

	return em_key_put(l, em_log_next_key(l, path), next);
}

/* Signed by both first: whichever of them is in the file after a crash has signed it. */
int em_log_turn_key(struct em_log *l, const struct em_key *next)
{
	struct em_key old = l->key;
	char path[EM_KEY_FILE_LEN];
	int r;

	l->key = *next;
	r = em_log_sign(l, &l->edge, &old);
	r = r ? r : em_key_put(l, l->key_file, next);
	r = r ? r : em_key_publish(l);
	if (!r)
		unlinkat(l->key_dir, em_log_next_key(l, path), 0);
	sodium_memzero(&old, sizeof(old));
	return r;
}

bool em_log_doubtful(const struct em_log *l)
{
	return l->doubt;
}

uint64_t em_log_size(const struct em_log *l)
{
	return l->edge.range.size;
}

struct em_hash em_log_root(const struct em_log *l)
{
	return em_range_root(&l->edge.range);
}

const char *em_log_origin(const struct em_log *l)
{
	return l->key.name;
}

const struct em_key *em_log_key(const struct em_log *l)
{
	return &l->key;
}

const char *em_log_error(const struct em_log *l)
{
	return l->error;
}

void em_log_close(struct em_log *l)
{
	if (!l)
		return;
	em_log_forget(l);
	free(l->added);
	em_edge_clear(&l->edge);
	sodium_memzero(&l->key, sizeof(l->key));
	free(l);
}
