// SPDX-License-Identifier: GPL-2.0
/* A file of names; see spool.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replay/sort.h"
#include "replay/spool.h"

#define SEEN 8192 /* a power of two */
#define BUFFER (64 * 1024)

/* struct em_spool - @end: of the file with the @n bytes that are not in it yet */
struct em_spool {
	int fd;
	uint64_t end;
	size_t n;
	struct {
		uint64_t key[2], where;
	} seen[SEEN];
	char buf[BUFFER];
};

int em_spool_new(struct em_spool **ret)
{
	struct em_spool *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->fd = em_temporary_file();
	if (s->fd < 0) {
		r = s->fd;
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void em_spool_free(struct em_spool *s)
{
	if (!s)
		return;
	close(s->fd);
	free(s);
}

static int flush(struct em_spool *s)
{
	size_t done = 0;

	while (done < s->n) {
		ssize_t w =
			pwrite(s->fd, s->buf + done, s->n - done, (off_t)(s->end - s->n + done));

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? -errno : -EIO;
		done += (size_t)w;
	}
	s->n = 0;
	return 0;
}

static void put(struct em_spool *s, const char *text, size_t max)
{
	size_t n = strnlen(text, max - 1);

	s->buf[s->n++] = (char)n;
	memcpy(s->buf + s->n, text, n);
	s->n += n;
	s->end += n + 1;
}

int em_spool_add(struct em_spool *s, const uint64_t key[2], const struct em_names *names,
		 uint64_t *where)
{
	size_t slot = key[0] & (SEEN - 1);
	int ret;

	if (s->end && s->seen[slot].key[0] == key[0] && s->seen[slot].key[1] == key[1]) {
		*where = s->seen[slot].where;
		return 0;
	}
	if (s->n + sizeof(*names) > sizeof(s->buf)) {
		ret = flush(s);
		if (ret)
			return ret;
	}
	*where = s->end;
	memcpy(s->seen[slot].key, key, sizeof(s->seen[slot].key));
	s->seen[slot].where = s->end;
	put(s, names->path, sizeof(names->path));
	put(s, names->user, sizeof(names->user));
	return 0;
}

static const char *take(const char *p, const char *end, char *out, size_t max)
{
	size_t n = p < end ? (unsigned char)*p++ : max;

	if (n >= max || n > (size_t)(end - p))
		return NULL;
	memcpy(out, p, n);
	out[n] = '\0';
	return p + n;
}

int em_spool_read(struct em_spool *s, uint64_t where, struct em_names *ret)
{
	char text[sizeof(*ret)];
	const char *p = text;
	ssize_t n;
	int r = s->n ? flush(s) : 0;

	if (r)
		return r;
	n = pread(s->fd, text, sizeof(text), (off_t)where);
	if (n < 0)
		return -errno;
	p = take(p, text + n, ret->path, sizeof(ret->path));
	p = p ? take(p, text + n, ret->user, sizeof(ret->user)) : NULL;
	return p ? 0 : -EIO;
}
