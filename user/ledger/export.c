// SPDX-License-Identifier: GPL-2.0
/* Copies of logs; see export.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "ledger/disk.h"
#include "ledger/entry.h"
#include "ledger/export.h"
#include "ledger/openings.h"
#include "ledger/signature.h"

struct export
{
	struct em_place *from;
	int to;
	enum em_privacy privacy;
	char *err;
	size_t len;
};

static const char *const privacies[] = { "full", "hashed", "totals" };

int em_privacy_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(privacies); i++) {
		if (!strcmp(name, privacies[i]))
			return (int)i;
	}
	return -EINVAL;
}

static int fail(struct export *x, int r, const char *path)
{
	snprintf(x->err, x->len, "%s: %s", path, strerror(-r));
	return r;
}

static int put(struct export *x, const char *path, const char *bytes, size_t len)
{
	int r = em_disk_put(x->to, path, bytes, len, 0644);

	return r ? fail(x, r, path) : 0;
}

static int copy_tile(struct export *x, int level, uint64_t index, unsigned int width)
{
	_cleanup_free_ char *data = NULL;
	char path[EM_TILE_PATH_LEN];
	size_t len;
	int r;

	em_tile_path(path, level, index, width);
	if (level == EM_TILE_ENTRIES) {
		struct em_bundle b;

		/* cut to what the checkpoint covers */
		r = em_bundle_read(x->from, index, width, &b);
		if (!r)
			r = put(x, path, b.data,
				(size_t)(b.entry[width - 1] + b.len[width - 1] - b.data));
		else
			fail(x, r, path);
		em_bundle_clear(&b);
		return r;
	}
	r = em_place_tile(x->from, level, index, width, &data, &len);
	return r ? fail(x, r, path) : put(x, path, data, len);
}

static bool is_row(const json_t *item)
{
	return json_object_get(item, "gpu_time");
}

/* An opening of which some is hidden already has only rows to be hidden names of. */
static char *redacted(const char *line)
{
	_cleanup_json_ json_t *opening = json_loads(line, 0, NULL), *less = NULL;

	if (json_object_get(opening, "leaves"))
		return strdup(line);
	less = opening ? em_opening_redact(opening, is_row) : NULL;
	return less ? em_canonical(less) : NULL;
}

static int copy_openings(struct export *x, uint64_t bundle, unsigned int width)
{
	_cleanup_free_ char *text = NULL;
	struct em_openings o;
	char path[EM_TILE_PATH_LEN];
	size_t len = 0;
	FILE *f;
	int r = em_openings_read(x->from, bundle, &o);

	em_tile_number(path, "open", bundle);
	if (r)
		return fail(x, r, path);
	f = open_memstream(&text, &len);
	for (unsigned int i = 0; f && i < width; i++) {
		_cleanup_free_ char *less = NULL;

		if (!o.line[i])
			continue;
		if (x->privacy == EM_PRIVACY_HASHED)
			less = redacted(o.line[i]);
		if (less || x->privacy == EM_PRIVACY_FULL)
			fprintf(f, "%llu %s\n", (unsigned long long)(bundle * EM_TILE_WIDTH + i),
				less ?: o.line[i]);
	}
	em_openings_clear(&o);
	if (!f || fclose(f))
		return fail(x, -ENOMEM, path);
	return len ? put(x, path, text, len) : 0;
}

/* A note, under its name, or nothing if there is none. */
static int copy_note(struct export *x, const char *name)
{
	_cleanup_free_ char *note = NULL;
	size_t len;
	int r = em_place_read(x->from, name, EM_NOTE_MAX - 1, &note, &len);

	if (r == -ENOENT)
		return 0;
	return r ? fail(x, r, name) : put(x, name, note, len);
}

static int folder_open(struct export *x, const char *to)
{
	DIR *d;
	int n = 0;

	if (mkdir(to, 0755) && errno != EEXIST)
		return fail(x, -errno, to);
	d = opendir(to);
	while (d && n < 3 && readdir(d))
		n++;
	if (d)
		closedir(d);
	if (!d || n > 2)
		return fail(x, d ? -ENOTEMPTY : -errno, to);
	x->to = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return x->to < 0 ? fail(x, -errno, to) : 0;
}

/* Hashes of every level that has any, beside the entries of the first. */
static int copy_bundle(struct export *x, uint64_t index, uint64_t size)
{
	unsigned int width = em_tile_width(EM_TILE_ENTRIES, index, size);
	int r = copy_tile(x, EM_TILE_ENTRIES, index, width);

	if (!r && x->privacy != EM_PRIVACY_TOTALS)
		r = copy_openings(x, index, width);
	for (int level = 0; !r && level < 8; level++) {
		width = em_tile_width(level, index, size);
		if (width)
			r = copy_tile(x, level, index, width);
	}
	return r;
}

int em_export(struct em_place *from, const char *to, enum em_privacy privacy,
	      int (*progress)(void *arg, uint64_t done, uint64_t size), void *arg, char *err,
	      size_t len)
{
	struct export x = { from, -1, privacy, err, len };
	struct em_checkpoint c = { 0 };
	_cleanup_free_ char *note = NULL;
	size_t note_len;
	int r = folder_open(&x, to);

	r = r ?: copy_note(&x, "cosigned");
	if (r)
		return r;
	/* what the checkpoint covers now: more may follow while we copy */
	r = em_place_read(from, "checkpoint", EM_NOTE_MAX - 1, &note, &note_len);
	if (r && x.to >= 0)
		fail(&x, r, "checkpoint");
	if (!r && em_checkpoint_parse(&c, note, note_len))
		r = fail(&x, -EBADMSG, "checkpoint");
	for (uint64_t n = 0; !r && n < c.size; n += EM_TILE_WIDTH) {
		if (progress && progress(arg, n, c.size))
			r = fail(&x, -EINTR, to);
		r = r ?: copy_bundle(&x, n / EM_TILE_WIDTH, c.size);
	}
	r = r ?: copy_note(&x, "key.pub");
	r = r ?: put(&x, "checkpoint", note, note_len);
	if (x.to >= 0)
		close(x.to);
	return r;
}
