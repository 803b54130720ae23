// SPDX-License-Identifier: GPL-2.0
/* Signatures, tree and entries of a log; see verify.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "ledger/crew.h"
#include "ledger/verify.h"

#define LEVELS 8

EM_CLEANUP(struct em_check *, em_check_free);
EM_CLEANUP(struct em_crew *, em_crew_free);

/**
 * struct mark - a size at which the tree must have had a root
 * @where: what says so
 */
struct mark {
	uint64_t size;
	struct em_hash root;
	const char *where;
	bool seen;
};

/**
 * struct run - a verification under way
 * @range, @tile, @count: the tree so far, and what its tiles must hold
 * @key: as turned so far; @turned: it was; @met: the key that was asked for is among them
 * @from_signed: one that was turned since signed the old checkpoint
 * @marks: the old checkpoint and the cosigned one; @from: the old one's text
 */
struct run {
	struct em_place *p;
	const struct em_verify_order *order;
	struct em_verified *v;
	struct em_check *check;
	struct em_crew *crew;
	struct em_range range;
	struct em_hash tile[LEVELS][EM_TILE_WIDTH];
	uint64_t count[LEVELS];
	struct em_key key;
	bool turned, met, from_signed;
	struct mark marks[2];
	unsigned int n_marks;
	char *from;
	size_t from_len, from_text;
};

static void problem(struct run *r, int64_t entry, const char *where, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void problem(struct run *r, int64_t entry, const char *where, const char *format, ...)
{
	struct em_problem *p;
	va_list args;

	if (r->v->n_problems++ >= EM_PROBLEMS_MAX)
		return;
	p = &r->v->problems[r->v->n_problems - 1];
	p->entry = entry;
	snprintf(p->where, sizeof(p->where), "%s", where);
	va_start(args, format);
	vsnprintf(p->what, sizeof(p->what), format, args);
	va_end(args);
}

/* --- checkpoints -------------------------------------------------------------------------- */

static int read_note(struct run *r, const char *path, char **note, size_t *len,
		     struct em_checkpoint *c)
{
	int ret = em_place_read(r->p, path, EM_NOTE_MAX - 1, note, len);

	return ret ? ret : em_checkpoint_parse(c, *note, *len) ? -EBADMSG : 0;
}

static void mark_add(struct run *r, const struct em_checkpoint *c, const char *where)
{
	r->marks[r->n_marks++] = (struct mark){ c->size, c->root, where, false };
	if (c->size > r->v->checkpoint.size)
		problem(r, -1, where,
			"the log has shrunk: %" PRIu64 " entries were signed, %" PRIu64
			" are there",
			c->size, r->v->checkpoint.size);
	if (!c->size)
		r->marks[r->n_marks - 1].seen = true;
}

static int from_read(struct run *r, char *err, size_t len)
{
	_cleanup_free_ char *note = NULL;
	struct em_checkpoint c;
	long n;

	if (!r->order->from)
		return 0;
	n = em_file_read(AT_FDCWD, r->order->from, EM_NOTE_MAX - 1, &note);
	if (n < 0 || em_checkpoint_parse(&c, note, (size_t)n)) {
		snprintf(err, len, "--from %s: %s", r->order->from,
			 n < 0 ? strerror((int)-n) : "it is no checkpoint");
		return n < 0 ? (int)n : -EINVAL;
	}
	r->v->from_size = c.size;
	if (strcmp(c.origin, r->v->checkpoint.origin)) {
		problem(r, -1, r->order->from,
			"it is of another log (%s): this one has to be enrolled anew", c.origin);
		return 0;
	}
	mark_add(r, &c, r->order->from);
	r->from = TAKE_PTR(note);
	r->from_len = (size_t)n;
	r->from_text = c.text_len;
	return 0;
}

static void cosigned_read(struct run *r)
{
	_cleanup_free_ char *note = NULL;
	struct em_checkpoint c;
	size_t len;
	int ret;

	if (!r->order->n_witnesses)
		return;
	ret = read_note(r, "cosigned", &note, &len, &c);
	if (ret) {
		problem(r, -1, "cosigned", "%s",
			ret == -ENOENT ? "no witness has signed for this log"
				       : "it is no checkpoint");
		return;
	}
	if (strcmp(c.origin, r->v->checkpoint.origin)) {
		problem(r, -1, "cosigned", "it is of another log");
		return;
	}
	for (unsigned int i = 0; i < r->order->n_witnesses; i++) {
		if (em_note_verify(note, len, c.text_len, &r->order->witnesses[i], NULL))
			problem(r, -1, "cosigned", "witness %s did not sign it",
				r->order->witnesses[i].name);
		else
			r->v->cosigned++;
	}
	r->v->witnessed = c.size;
	mark_add(r, &c, "cosigned");
}

static int checkpoint_read(struct run *r, char **note, size_t *len, char *err, size_t err_len)
{
	int ret = read_note(r, "checkpoint", note, len, &r->v->checkpoint);

	if (ret == -EBADMSG) {
		problem(r, -1, "checkpoint", "it is no checkpoint");
		return ret;
	}
	if (ret)
		snprintf(err, err_len, "%s", em_place_error(r->p));
	return ret;
}

/* At the end, when the key's turns are known. */
static void checkpoint_check(struct run *r, const char *note, size_t len)
{
	const struct em_checkpoint *c = &r->v->checkpoint;

	if (!r->order->key)
		return;
	if (strcmp(c->origin, r->order->key->name))
		problem(r, -1, "checkpoint", "it is of the log %s, and the key is of %s", c->origin,
			r->order->key->name);
	else if ((r->turned && !r->met) || em_note_verify(note, len, c->text_len, &r->key, NULL))
		problem(r, -1, "checkpoint", "the log's key did not sign it");
	else
		r->v->signed_ = true;
	/* the old one by the key as it was then, which may have been turned since */
	if (r->from && !r->from_signed &&
	    em_note_verify(r->from, r->from_len, r->from_text, &r->key, NULL))
		problem(r, -1, r->order->from, "the log's key did not sign it");
}

/* --- the tree ----------------------------------------------------------------------------- */

static void check_tile(struct run *r, unsigned int level, unsigned int width)
{
	uint64_t index = (r->count[level] - 1) / EM_TILE_WIDTH;
	_cleanup_free_ char *data = NULL;
	char path[EM_TILE_PATH_LEN];
	size_t len;
	int ret = em_place_tile(r->p, (int)level, index, width, &data, &len);

	em_tile_path(path, (int)level, index, width);
	if (ret)
		problem(r, -1, path, "%s",
			ret == -EBADMSG ? "it has a wrong length" : strerror(-ret));
	else if (memcmp(data, r->tile[level], len))
		problem(r, -1, path, "its hashes are not those of the entries");
}

static void tree_hash(struct run *r, unsigned int level, const struct em_hash *hash)
{
	struct em_hash root;

	r->tile[level][r->count[level]++ % EM_TILE_WIDTH] = *hash;
	if (r->count[level] % EM_TILE_WIDTH)
		return;
	check_tile(r, level, EM_TILE_WIDTH);
	root = em_merkle_root(r->tile[level], EM_TILE_WIDTH);
	if (level + 1 < LEVELS)
		tree_hash(r, level + 1, &root);
}

static void tree_entry(struct run *r, const struct em_hash *leaf)
{
	struct em_hash root;

	em_range_add(&r->range, leaf);
	tree_hash(r, 0, leaf);
	for (unsigned int i = 0; i < r->n_marks; i++) {
		if (r->marks[i].size != r->range.size)
			continue;
		root = em_range_root(&r->range);
		r->marks[i].seen = true;
		if (!em_hash_equal(&root, &r->marks[i].root))
			problem(r, -1, r->marks[i].where,
				"it was signed for another history of the first %" PRIu64
				" entries",
				r->range.size);
		else if (r->marks[i].where == r->order->from)
			r->v->continued = true;
	}
}

static void tree_end(struct run *r)
{
	struct em_hash root = em_range_root(&r->range);

	for (unsigned int level = 0; level < LEVELS; level++) {
		if (r->count[level] % EM_TILE_WIDTH)
			check_tile(r, level, (unsigned int)(r->count[level] % EM_TILE_WIDTH));
	}
	if (r->range.size == r->v->checkpoint.size && !em_hash_equal(&root, &r->v->checkpoint.root))
		problem(r, -1, "checkpoint", "the entries are not those that were signed");
}

/* --- entries ------------------------------------------------------------------------------ */

static bool same_key(const struct em_key *a, const struct em_key *b)
{
	return b && !memcmp(a->public, b->public, sizeof(a->public));
}

/*
 * Each turn is signed by both keys, so that whoever trusts one of those that the log has had can
 * trust the last, which signs for all entries: it need not be the first.
 */
static void take_turn(struct run *r, uint64_t index, const json_t *entry)
{
	struct em_key old, next;

	if (em_check_turn(entry, &old, &next) || strcmp(next.name, r->v->checkpoint.origin)) {
		problem(r, (int64_t)index, "", "it turns the key, and both keys did not sign it");
		return;
	}
	if (r->turned && !same_key(&old, &r->key)) {
		problem(r, (int64_t)index, "", "it turns a key that was not the log's then");
		return;
	}
	r->met |= same_key(&old, r->order->key) || same_key(&next, r->order->key);
	r->from_signed |=
		r->from && !em_note_verify(r->from, r->from_len, r->from_text, &old, NULL);
	r->key = next;
	r->turned = true;
	r->v->turns++;
}

static void check_entry(struct run *r, uint64_t index, const struct em_read *read)
{
	const char *why, *type;

	if (!read->entry) {
		problem(r, (int64_t)index, "", "%s", read->why);
		return;
	}
	why = em_check_entry(r->check, index, read->entry, read->items, read->trouble);
	if (why)
		problem(r, (int64_t)index, "", "%s", why);
	type = json_string_value(json_object_get(read->entry, "type"));
	if (!strcmp(type, "key"))
		take_turn(r, index, read->entry);
	if (index || strcmp(type, "log"))
		return;
	r->v->old = json_incref(json_object_get(read->entry, "old"));
	type = json_string_value(json_object_get(read->entry, "origin"));
	if (!type || strcmp(type, r->v->checkpoint.origin))
		problem(r, 0, "", "it begins another log than the checkpoint's");
}

static bool bundle(struct run *r, uint64_t index)
{
	unsigned int width = em_tile_width(EM_TILE_ENTRIES, index, r->v->checkpoint.size);
	struct em_openings o = { 0 };
	const struct em_read *read;
	struct em_bundle b;
	int ret = em_bundle_read(r->p, index, width, &b);

	if (ret) {
		char path[EM_TILE_PATH_LEN];

		em_tile_path(path, EM_TILE_ENTRIES, index, width);
		problem(r, (int64_t)(index * EM_TILE_WIDTH), path, "%s",
			ret == -EBADMSG ? "it does not hold the entries that it should"
					: strerror(-ret));
		return false;
	}
	if (em_openings_read(r->p, index, &o))
		problem(r, (int64_t)(index * EM_TILE_WIDTH), "open/", "%s", em_place_error(r->p));
	em_crew_start(r->crew, &b, &o, index * EM_TILE_WIDTH, 0);
	while ((read = em_crew_next(r->crew))) {
		tree_entry(r, &read->leaf);
		check_entry(r, r->range.size - 1, read);
	}
	em_openings_clear(&o);
	em_bundle_clear(&b);
	return true;
}

static int entries(struct run *r)
{
	uint64_t size = r->v->checkpoint.size;
	const char *why;

	for (uint64_t n = 0; n < size; n += EM_TILE_WIDTH) {
		if (r->order->progress && r->order->progress(r->order->arg, n, size))
			return -EINTR;
		if (!bundle(r, n / EM_TILE_WIDTH))
			return 0; /* what follows cannot be told from anything */
	}
	why = em_check_end(r->check);
	if (why)
		problem(r, (int64_t)size - 1, "", "%s", why);
	tree_end(r);
	return 0;
}

int em_verify(struct em_place *p, const struct em_verify_order *order, struct em_verified *v,
	      char *err, size_t len)
{
	_cleanup_(em_check_freep) struct em_check *check = em_check_new();
	_cleanup_(em_crew_freep) struct em_crew *crew = em_crew_new();
	_cleanup_free_ struct run *r = calloc(1, sizeof(*r));
	_cleanup_free_ char *note = NULL;
	size_t note_len;
	int ret;

	memset(v, 0, sizeof(*v));
	if (!r || !check || !crew) {
		snprintf(err, len, "out of memory");
		return -ENOMEM;
	}
	*r = (struct run){ .p = p, .order = order, .v = v, .check = check, .crew = crew };
	if (order->key)
		r->key = *order->key;
	ret = checkpoint_read(r, &note, &note_len, err, len);
	if (ret)
		return ret == -EBADMSG ? 0 : ret;
	ret = from_read(r, err, len);
	if (ret)
		return ret;
	cosigned_read(r);
	ret = entries(r);
	if (ret)
		snprintf(err, len, "interrupted");
	else
		checkpoint_check(r, note, note_len);
	v->counts = *em_check_counts(check);
	free(r->from);
	return ret;
}

void em_verified_clear(struct em_verified *v)
{
	json_decref(v->old);
	memset(v, 0, sizeof(*v));
}
