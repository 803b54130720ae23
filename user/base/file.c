// SPDX-License-Identifier: GPL-2.0
/* Whole small files; see file.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

/* Return: bytes read until the end or @len, or -errno. */
static long read_up_to(int dir, const char *path, char *buf, size_t len)
{
	_cleanup_close_ int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t at = 0;

	if (fd < 0)
		return -errno;
	while (at < len) {
		ssize_t n = read(fd, buf + at, len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		at += (size_t)n;
	}
	return (long)at;
}

long em_file_read(int dir, const char *path, size_t max, char **ret)
{
	_cleanup_free_ char *buf = malloc(max + 1);
	long n;

	if (!buf)
		return -ENOMEM;
	n = read_up_to(dir, path, buf, max + 1);
	if (n < 0)
		return n;
	if ((size_t)n > max)
		return -EFBIG;
	buf[n] = '\0';
	*ret = TAKE_PTR(buf);
	return n;
}

int em_file_line(int dir, const char *path, char *out, size_t len)
{
	long n = read_up_to(dir, path, out, len - 1);

	if (n < 0)
		return (int)n;
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return 0;
}
