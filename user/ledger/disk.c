// SPDX-License-Identifier: GPL-2.0
/* Files that are whole or not there; see disk.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "ledger/disk.h"

int (*em_disk_hook)(enum em_disk_step, const char *, int, const void *, size_t);

static int hook(enum em_disk_step step, const char *path, int fd, const void *bytes, size_t len)
{
	return em_disk_hook ? em_disk_hook(step, path, fd, bytes, len) : 0;
}

static int write_all(int fd, const char *path, const char *bytes, size_t len)
{
	int r = hook(EM_DISK_WRITE, path, fd, bytes, len);

	while (!r && len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		bytes += n;
		len -= (size_t)n;
	}
	return r;
}

static int sync_fd(int fd, const char *path, enum em_disk_step step)
{
	int r = hook(step, path, fd, NULL, 0);

	return r ? r : fsync(fd) ? -errno : 0;
}

/* The folder of @path, synced. */
static int sync_folder(int dir, const char *path)
{
	char folder[PATH_MAX];
	_cleanup_close_ int fd = -1;
	char *slash;

	snprintf(folder, sizeof(folder), "./%s", path);
	slash = strrchr(folder, '/');
	*slash = '\0';
	fd = openat(dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : sync_fd(fd, folder, EM_DISK_FSYNC_DIR);
}

/* Makes what is missing on the way to @path; each new folder's name is synced too. */
static int folders_make(int dir, const char *path)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = mkdirat(dir, part, 0755) ? -errno : sync_folder(dir, part);
		if (r && r != -EEXIST)
			return r;
		*slash = '/';
	}
	return 0;
}

static int open_making(int dir, const char *path, int flags, unsigned int mode)
{
	int fd = openat(dir, path, flags | O_CLOEXEC | O_NOFOLLOW, mode), r;

	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	r = folders_make(dir, path);
	if (r)
		return r;
	fd = openat(dir, path, flags | O_CLOEXEC | O_NOFOLLOW, mode);
	return fd < 0 ? -errno : fd;
}

int em_disk_put(int dir, const char *path, const void *bytes, size_t len, unsigned int mode)
{
	_cleanup_close_ int fd = -1;
	char temporary[PATH_MAX];
	int r;

	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	fd = open_making(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC, mode);
	if (fd < 0)
		return fd;
	r = write_all(fd, temporary, bytes, len);
	r = r ?: sync_fd(fd, temporary, EM_DISK_FSYNC);
	r = r ?: hook(EM_DISK_RENAME, path, fd, NULL, 0);
	if (!r && renameat(dir, temporary, dir, path))
		r = -errno;
	r = r ?: sync_folder(dir, path);
	if (r)
		unlinkat(dir, temporary, 0);
	return r;
}

int em_disk_add(int dir, const char *path, const void *bytes, size_t len, unsigned int mode)
{
	bool there = !faccessat(dir, path, F_OK, 0);
	_cleanup_close_ int fd = open_making(dir, path, O_WRONLY | O_CREAT | O_APPEND, mode);
	int r;

	if (fd < 0)
		return fd;
	r = write_all(fd, path, bytes, len);
	r = r ?: sync_fd(fd, path, EM_DISK_FSYNC);
	return r ?: there ? 0 : sync_folder(dir, path);
}
