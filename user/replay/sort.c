// SPDX-License-Identifier: GPL-2.0
/* Sorting by runs and merging them; see sort.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "replay/sort.h"

#define RUN_RECORDS (12 * 1024 * 1024 / sizeof(struct em_record))
#define MERGE_BYTES (8 * 1024 * 1024)

/* struct run - a sorted stretch of the file; @buf holds its records @at to @n */
struct run {
	off_t offset, end;
	struct em_record *buf;
	size_t at, n;
};

/**
 * struct em_sort - the sorter
 * @chunk: what is not in the file yet; @at: next of it to give out, without runs
 * @heap: indices of runs, the one with the least record first
 * @room: records that each run's buffer holds
 */
struct em_sort {
	em_record_order order;
	struct em_record *chunk;
	size_t n, at, size;
	int fd;
	off_t end;
	struct run *runs;
	size_t nr_runs, *heap, heap_n, room;
};

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_start(const struct em_record *a, const struct em_record *b)
{
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->kind != b->kind ? a->kind - b->kind : compare(a->seq, b->seq);
}

int em_record_by_start(const void *a, const void *b)
{
	return compare_start(a, b);
}

int em_record_by_job(const void *va, const void *vb)
{
	const struct em_record *a = va, *b = vb;

	return compare(a->key[0], b->key[0]) ?: compare(a->key[1], b->key[1])
						       ?: compare_start(a, b);
}

int em_temporary_file(void)
{
	const char *dir = getenv("TMPDIR");
	char path[PATH_MAX];
	int fd;

	dir = dir && *dir ? dir : "/var/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd < 0 ? -errno : fd;
	snprintf(path, sizeof(path), "%s/earmark.XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

struct em_sort *em_sort_new(em_record_order order)
{
	struct em_sort *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fd = -1;
	s->order = order;
	return s;
}

void em_sort_free(struct em_sort *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nr_runs; i++)
		free(s->runs[i].buf);
	if (s->fd >= 0)
		close(s->fd);
	free(s->runs);
	free(s->heap);
	free(s->chunk);
	free(s);
}

static int write_all(int fd, const void *bytes, size_t n, off_t at)
{
	while (n) {
		ssize_t w = pwrite(fd, bytes, n, at);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? -errno : -EIO;
		bytes = (const char *)bytes + w;
		n -= (size_t)w;
		at += w;
	}
	return 0;
}

/* Sorts the chunk and puts it into the file as a run. */
static int flush(struct em_sort *s)
{
	struct run *more = reallocarray(s->runs, s->nr_runs + 1, sizeof(*more));
	size_t bytes = s->n * sizeof(*s->chunk);
	int ret;

	if (!more)
		return -ENOMEM;
	s->runs = more;
	if (s->fd < 0)
		s->fd = em_temporary_file();
	if (s->fd < 0)
		return s->fd;
	qsort(s->chunk, s->n, sizeof(*s->chunk), s->order);
	ret = write_all(s->fd, s->chunk, bytes, s->end);
	if (ret)
		return ret;
	s->runs[s->nr_runs++] = (struct run){ .offset = s->end, .end = s->end + (off_t)bytes };
	s->end += (off_t)bytes;
	s->n = 0;
	return 0;
}

static int grow(struct em_sort *s)
{
	size_t size = s->size ? s->size * 4 : 1024;
	struct em_record *more;

	if (size > RUN_RECORDS)
		size = RUN_RECORDS;
	more = reallocarray(s->chunk, size, sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->chunk = more;
	s->size = size;
	return 0;
}

int em_sort_add(struct em_sort *s, const struct em_record *r)
{
	int ret = 0;

	if (s->n == RUN_RECORDS)
		ret = flush(s);
	else if (s->n == s->size)
		ret = grow(s);
	if (ret)
		return ret;
	s->chunk[s->n++] = *r;
	return 0;
}

/* --- merging ----------------------------------------------------------------------------- */

/* The run's next records. Return: 1, 0 if it has none, or -errno. */
static int refill(struct em_sort *s, struct run *r)
{
	size_t want = s->room * sizeof(*r->buf), got = 0;

	if (want > (size_t)(r->end - r->offset))
		want = (size_t)(r->end - r->offset);
	while (got < want) {
		ssize_t n = pread(s->fd, (char *)r->buf + got, want - got, r->offset + (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		got += (size_t)n;
	}
	r->offset += (off_t)got;
	r->at = 0;
	r->n = got / sizeof(*r->buf);
	return r->n > 0;
}

static bool before(const struct em_sort *s, size_t a, size_t b)
{
	const struct run *ra = &s->runs[a], *rb = &s->runs[b];

	return s->order(&ra->buf[ra->at], &rb->buf[rb->at]) < 0;
}

static void sift_down(struct em_sort *s, size_t i)
{
	for (;;) {
		size_t least = i, child = 2 * i + 1;

		for (size_t c = child; c < child + 2 && c < s->heap_n; c++) {
			if (before(s, s->heap[c], s->heap[least]))
				least = c;
		}
		if (least == i)
			return;
		child = s->heap[i];
		s->heap[i] = s->heap[least];
		s->heap[least] = child;
		i = least;
	}
}

int em_sort_finish(struct em_sort *s)
{
	int ret;

	if (!s->nr_runs) {
		if (s->n)
			qsort(s->chunk, s->n, sizeof(*s->chunk), s->order);
		return 0;
	}
	ret = s->n ? flush(s) : 0;
	if (ret)
		return ret;
	free(TAKE_PTR(s->chunk));
	s->size = 0;
	s->room = MERGE_BYTES / s->nr_runs / sizeof(struct em_record) ?: 1;
	s->heap = calloc(s->nr_runs, sizeof(*s->heap));
	if (!s->heap)
		return -ENOMEM;
	for (size_t i = 0; i < s->nr_runs; i++) {
		s->runs[i].buf = calloc(s->room, sizeof(struct em_record));
		if (!s->runs[i].buf)
			return -ENOMEM;
		ret = refill(s, &s->runs[i]);
		if (ret < 0)
			return ret;
		s->heap[s->heap_n++] = i;
	}
	for (size_t i = s->heap_n; i-- > 0;)
		sift_down(s, i);
	return 0;
}

int em_sort_next(struct em_sort *s, struct em_record *ret_record)
{
	struct run *r;
	int ret;

	if (!s->nr_runs) {
		if (s->at == s->n)
			return 0;
		*ret_record = s->chunk[s->at++];
		return 1;
	}
	if (!s->heap_n)
		return 0;
	r = &s->runs[s->heap[0]];
	*ret_record = r->buf[r->at++];
	if (r->at == r->n) {
		ret = refill(s, r);
		if (ret < 0)
			return ret;
		if (!ret)
			s->heap[0] = s->heap[--s->heap_n];
	}
	sift_down(s, 0);
	return 1;
}
