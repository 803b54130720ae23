// SPDX-License-Identifier: GPL-2.0
/* Opening a log for appending: is it the one that was signed? See log.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "ledger/disk.h"
#include "ledger/entry.h"
#include "ledger/log_state.h"

#define OLD_MAX 1000

EM_CLEANUP(struct em_log *, em_log_close);
EM_CLEANUP(struct em_place *, em_place_close);

/* --- the key ------------------------------------------------------------------------------ */

int em_key_publish(struct em_log *l)
{
	char text[EM_KEY_TEXT_LEN + 1];
	int r;

	em_key_text(&l->key, false, text);
	strcat(text, "\n");
	r = em_disk_put(l->dir, "key.pub", text, strlen(text), 0644);
	return r ? em_log_fail(l, r, "key.pub") : 0;
}

static int key_write(struct em_log *l)
{
	int r = em_key_put(l, l->key_file, &l->key);

	return r ? r : em_key_publish(l);
}

static int key_make(struct em_log *l, const char *origin)
{
	char name[EM_KEY_NAME_LEN], host[65] = "node";

	gethostname(host, sizeof(host) - 1);
	snprintf(name, sizeof(name), "localhost/default/%s", host);
	if (em_key_make(&l->key, *origin ? origin : name, EM_KEY_LOG)) {
		snprintf(l->error, sizeof(l->error),
			 "\"%s\" cannot be a ledger's origin: write ORG/CLUSTER/NODE, without "
			 "blanks or \"+\"",
			 *origin ? origin : name);
		return -EINVAL;
	}
	return key_write(l);
}

static int key_load(struct em_log *l, const char *origin, bool fresh)
{
	char line[EM_KEY_TEXT_LEN];
	int r = em_file_line(l->key_dir, l->key_file, line, sizeof(line));

	if (r == -ENOENT && fresh)
		return key_make(l, origin);
	if (r) {
		snprintf(l->error, sizeof(l->error), "the ledger's key %.200s cannot be read: %s%s",
			 l->key_file, strerror(-r),
			 r == -ENOENT ? ". Put it back from where it was kept, or move the ledger "
					"away and begin a new one"
				      : "");
		return r == -ENOENT ? -ENOKEY : r;
	}
	r = em_key_parse(&l->key, line);
	sodium_memzero(line, sizeof(line));
	if (!r && l->key.private && l->key.type == EM_KEY_LOG)
		return faccessat(l->dir, "key.pub", F_OK, 0) ? em_key_publish(l) : 0;
	snprintf(l->error, sizeof(l->error), "%.400s is no private key of a ledger", l->key_file);
	return -EINVAL;
}

/* --- what lies there ---------------------------------------------------------------------- */

/* The hashes of each level's last tile, from the files. */
static int edge_tiles(struct em_edge *e, struct em_place *p, uint64_t size)
{
	for (unsigned int level = 0; level < EM_LEVELS; level++) {
		_cleanup_free_ char *data = NULL;
		uint64_t count = level * 8 < 64 ? size >> (level * 8) : 0;
		unsigned int width = (unsigned int)(count % EM_TILE_WIDTH);
		size_t len;
		int r;

		e->count[level] = count;
		if (!width)
			continue;
		r = em_place_tile(p, (int)level, count / EM_TILE_WIDTH, width, &data, &len);
		if (r)
			return r;
		memcpy(e->tile[level], data, len);
	}
	return 0;
}

/* The complete subtrees of the tree, left to right: of each level's last tile, top level first. */
static void edge_range(struct em_edge *e)
{
	for (unsigned int level = EM_LEVELS; level--;) {
		unsigned int width = (unsigned int)(e->count[level] % EM_TILE_WIDTH);

		for (unsigned int i = 0; i < width; i++)
			em_range_add_subtree(&e->range, &e->tile[level][i], level * 8);
	}
}

static int edge_bundle(struct em_edge *e, struct em_place *p, uint64_t size)
{
	unsigned int width = (unsigned int)(size % EM_TILE_WIDTH);
	struct em_bundle b;
	int r;

	if (!width)
		return 0;
	r = em_bundle_read(p, size / EM_TILE_WIDTH, width, &b);
	if (r)
		return r;
	e->used = (size_t)(b.entry[width - 1] + b.len[width - 1] - b.data);
	e->room = e->used;
	for (unsigned int i = 0; !r && i < width; i++) {
		struct em_hash leaf = em_merkle_leaf(b.entry[i], b.len[i]);

		r = em_hash_equal(&leaf, &e->tile[0][i]) ? 0 : -EBADMSG;
	}
	e->bundle = TAKE_PTR(b.data);
	return r;
}

/* How many entries are still there, for the record of a log that is left. */
static uint64_t entries_found(struct em_place *p, uint64_t size)
{
	for (uint64_t n = 0; n < size; n += EM_TILE_WIDTH) {
		unsigned int width = em_tile_width(EM_TILE_ENTRIES, n / EM_TILE_WIDTH, size);
		struct em_bundle b;

		if (em_bundle_read(p, n / EM_TILE_WIDTH, width, &b))
			return n;
		em_bundle_clear(&b);
	}
	return size;
}

/* A checkpoint in a file. Return: 0, -ENOENT, -EBADMSG: the log's key did not sign it. */
static int checkpoint_read(struct em_log *l, struct em_place *p, const char *file,
			   struct em_checkpoint *c)
{
	_cleanup_free_ char *note = NULL;
	size_t len;
	int r = em_place_read(p, file, EM_NOTE_MAX - 1, &note, &len);

	if (r)
		return r == -EFBIG ? -EBADMSG : r;
	if (em_checkpoint_parse(c, note, len) || strcmp(c->origin, l->key.name) ||
	    em_note_verify(note, len, c->text_len, &l->key, NULL))
		return -EBADMSG;
	return 0;
}

/* What was signed last: it may not have been shown yet, and what was shown was signed. */
static int last_signed(struct em_log *l, struct em_place *p, struct em_checkpoint *c)
{
	struct em_checkpoint shown = { 0 };
	int r = checkpoint_read(l, p, "signed", c);
	int other = checkpoint_read(l, p, "checkpoint", &shown);

	if (r == -ENOENT || (!r && !other && shown.size > c->size)) {
		*c = shown;
		return other;
	}
	return r;
}

/* Reads what is there up to what was signed. Return: 0, -EBADMSG with left->why, or -errno. */
static int edge_read(struct em_log *l, struct em_place *p, uint64_t known, struct em_log_left *left)
{
	struct em_checkpoint c;
	struct em_hash root;
	int r = last_signed(l, p, &c);

#define LEAVE(text) (snprintf(left->why, sizeof(left->why), "%s", text), -EBADMSG)
	snprintf(left->origin, sizeof(left->origin), "%s", l->key.name);
	left->size = known;
	if (r == -ENOENT)
		return LEAVE("its checkpoint is gone");
	if (r == -EBADMSG)
		return LEAVE("its checkpoint is not one that its key has signed");
	if (r)
		return r;
	left->size = c.size > known ? c.size : known;
	left->found = c.size;
	if (c.size < known)
		return LEAVE("its checkpoint is older than what was signed: it was restored from "
			     "a copy");
	r = edge_tiles(&l->edge, p, c.size);
	if (!r)
		edge_range(&l->edge);
	root = em_range_root(&l->edge.range);
	r = r ?: edge_bundle(&l->edge, p, c.size);
	if (r == -ENOENT || r == -EBADMSG || (!r && !em_hash_equal(&root, &c.root))) {
		left->found = entries_found(p, c.size);
		return LEAVE("it is shorter or another than what was signed");
	}
#undef LEAVE
	l->before = c.size;
	return r;
}

/* --- leaving a log, and beginning another ------------------------------------------------- */

/* "ORIGIN.2" after "ORIGIN", "ORIGIN.3" after that. */
static int origin_next(struct em_key *k, unsigned int generation)
{
	char name[EM_KEY_NAME_LEN], *dot = strrchr(k->name, '.');
	size_t len = strlen(k->name);

	if (dot && dot[1] && !dot[1 + strspn(dot + 1, "0123456789")] && generation > 2)
		len = (size_t)(dot - k->name);
	snprintf(name, sizeof(name), "%.*s.%u", (int)len, k->name, generation);
	return em_key_rename(k, name);
}

static int move_away(struct em_log *l, unsigned int *generation)
{
	static const char *const parts[] = { "tile",    "open",       "cosigned",
					     "key.pub", "checkpoint", "signed" };
	char old[32], to[64];

	mkdirat(l->dir, "old", 0755);
	for (*generation = 1; *generation < OLD_MAX; ++*generation) {
		snprintf(old, sizeof(old), "old/%u", *generation);
		if (!mkdirat(l->dir, old, 0755))
			break;
		if (errno != EEXIST)
			return em_log_fail(l, -errno, old);
		/* a crash in the middle of this: go on with it */
		snprintf(to, sizeof(to), "%s/done", old);
		if (faccessat(l->dir, to, F_OK, 0))
			break;
	}
	/* the checkpoint goes last: until then the log is seen to be damaged */
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		snprintf(to, sizeof(to), "%s/%s", old, parts[i]);
		if (renameat(l->dir, parts[i], l->dir, to) && errno != ENOENT)
			return em_log_fail(l, -errno, to);
	}
	snprintf(to, sizeof(to), "%s/done", old);
	return em_disk_put(l->dir, to, "", 0, 0644);
}

static int begin(struct em_log *l)
{
	em_edge_clear(&l->edge);
	l->before = 0;
	return em_log_sign(l, &l->edge, NULL);
}

int em_log_leave(struct em_log *l, const char *why, struct em_log_left *left)
{
	unsigned int generation;
	int r;

	if (why) { /* em_log_open() has said it already */
		snprintf(left->why, sizeof(left->why), "%s", why);
		snprintf(left->origin, sizeof(left->origin), "%s", l->key.name);
		left->size = left->found = l->edge.range.size;
	}
	r = move_away(l, &generation);
	if (r)
		return r;
	/* the key is kept under its new name before anything is signed under it */
	r = origin_next(&l->key, generation + 1);
	r = r ? em_log_fail(l, r, "a new origin") : key_write(l);
	return r ?: begin(l);
}

int em_openings_cut(struct em_log *l)
{
	_cleanup_close_ int fd = -1;
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	char path[EM_TILE_PATH_LEN];
	uint64_t size = l->edge.range.size;
	size_t room = 0;
	off_t end = 0;
	ssize_t n;

	/* those of a bundle that nothing signed speaks of go whole */
	em_tile_number(path, "open", size / EM_TILE_WIDTH + 1);
	unlinkat(l->dir, path, 0);
	em_tile_number(path, "open", size / EM_TILE_WIDTH);
	fd = openat(l->dir, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : em_log_fail(l, -errno, path);
	f = fdopen(dup(fd), "r");
	while (f && (n = getline(&line, &room, f)) > 0 && line[n - 1] == '\n' &&
	       strtoull(line, NULL, 10) < size)
		end += n;
	return f && !ftruncate(fd, end) && !fsync(fd) ? 0 : em_log_fail(l, -errno, path);
}

/* Is the log's last entry the one that turns to this key? */
static bool turned_to(struct em_log *l, struct em_place *p, const struct em_key *next)
{
	uint64_t last = l->edge.range.size - 1, bundle = last / EM_TILE_WIDTH;
	char text[EM_KEY_TEXT_LEN];
	struct em_bundle b;
	const char *why;
	json_t *entry;
	bool is;

	if (!l->edge.range.size ||
	    em_bundle_read(p, bundle, em_tile_width(EM_TILE_ENTRIES, bundle, l->edge.range.size),
			   &b))
		return false;
	entry = em_entry_parse(b.entry[last % EM_TILE_WIDTH], b.len[last % EM_TILE_WIDTH], &why);
	em_key_text(next, false, text);
	is = !strcmp(em_json_string(entry, "type"), "key") &&
	     !strcmp(em_json_string(entry, "new"), text);
	json_decref(entry);
	em_bundle_clear(&b);
	return is;
}

/* A turn of the key that was cut off is finished, or, if nothing says so yet, forgotten. */
static int turn_finish(struct em_log *l, struct em_place *p)
{
	char path[EM_KEY_FILE_LEN], line[EM_KEY_TEXT_LEN];
	struct em_key next;
	int r = em_file_line(l->key_dir, em_log_next_key(l, path), line, sizeof(line));

	if (r)
		return r == -ENOENT ? 0 : em_log_fail(l, r, path);
	r = em_key_parse(&next, line);
	sodium_memzero(line, sizeof(line));
	if (!r && turned_to(l, p, &next))
		r = em_log_turn_key(l, &next);
	else
		r = unlinkat(l->key_dir, path, 0) ? em_log_fail(l, -errno, path) : 0;
	sodium_memzero(&next, sizeof(next));
	return r;
}

static int open_into(struct em_log *l, const char *origin, uint64_t known, struct em_log_left *left)
{
	_cleanup_(em_place_closep) struct em_place *p = NULL;
	char path[64];
	bool there;
	int r;

	there = !faccessat(l->dir, "checkpoint", F_OK, 0) ||
		!faccessat(l->dir, "signed", F_OK, 0) || !faccessat(l->dir, "tile", F_OK, 0) ||
		known;
	r = key_load(l, origin, !there);
	if (r)
		return r;
	if (!there)
		return begin(l);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", l->dir);
	r = em_place_open(&p, path, l->error, sizeof(l->error));
	r = r ?: edge_read(l, p, known, left);
	if (r == -EBADMSG)
		return em_log_leave(l, NULL, left);
	left->why[0] = '\0';
	if (r)
		return em_log_fail(l, r, "the log");
	r = turn_finish(l, p);
	r = r ?: em_log_sign(l, &l->edge, NULL); /* it may not have been shown; Ed25519 repeats */
	return r ?: em_openings_cut(l);
}

int em_log_open(struct em_log **ret, int dir, const char *origin, const char *key_file,
		uint64_t known, struct em_log_left *left, char *err, size_t len)
{
	_cleanup_(em_log_closep) struct em_log *l = calloc(1, sizeof(*l));
	int r;

	memset(left, 0, sizeof(*left));
	if (!l || sodium_init() < 0) {
		snprintf(err, len, "out of memory");
		return -ENOMEM;
	}
	l->dir = dir;
	l->key_dir = key_file ? AT_FDCWD : dir;
	snprintf(l->key_file, sizeof(l->key_file), "%s", key_file ?: "key");
	r = open_into(l, origin, known, left);
	if (r) {
		snprintf(err, len, "%s", l->error);
		return r;
	}
	*ret = TAKE_PTR(l);
	return 0;
}
