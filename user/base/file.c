// SPDX-License-Identifier: GPL-2.0
/* Whole small files; see file.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"

/* Return: bytes read until the end or @len, or -errno. */
static long read_up_to(int fd, char *buf, size_t len)
{
	size_t at = 0;

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

static int open_read(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

/* Room as the file's size says, and more where it says nothing, as in /proc. */
long em_file_read(int dir, const char *path, size_t max, char **ret)
{
	_cleanup_close_ int fd = open_read(dir, path);
	_cleanup_free_ char *buf = NULL;
	size_t room = 4096, at = 0;
	struct stat st;

	if (fd < 0)
		return fd;
	if (!fstat(fd, &st) && (size_t)st.st_size >= room)
		room = (size_t)st.st_size + 1;
	for (;; room *= 2) {
		char *more;
		long n;

		room = room < max + 1 ? room : max + 1;
		more = realloc(buf, room + 1);
		if (!more)
			return -ENOMEM;
		buf = more;
		n = read_up_to(fd, buf + at, room - at);
		if (n < 0)
			return n;
		at += (size_t)n;
		if (at > max)
			return -EFBIG;
		if (at < room)
			break;
	}
	buf[at] = '\0';
	*ret = TAKE_PTR(buf);
	return (long)at;
}

int em_file_line(int dir, const char *path, char *out, size_t len)
{
	_cleanup_close_ int fd = open_read(dir, path);
	long n = fd < 0 ? fd : read_up_to(fd, out, len - 1);

	if (n < 0)
		return (int)n;
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return 0;
}

int em_boot_id(char hex[33])
{
	char line[64];
	int n = 0,
	    r = em_file_line(AT_FDCWD, "/proc/sys/kernel/random/boot_id", line, sizeof(line));

	for (const char *c = line; !r && *c && n < 32; c++) {
		if (*c != '-')
			hex[n++] = *c;
	}
	hex[n] = '\0';
	return r;
}
