// SPDX-License-Identifier: GPL-2.0
/* A directory of JSON files; see spool.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "alert/spool.h"
#include "base/cleanup.h"
#include "base/file.h"

#define ENTRY_MAX 65536
#define WAITING ".json"
#define DONE ".done"

typedef char spool_name[EM_SPOOL_NAME];

int em_spool_open(const char *dir, const char *name)
{
	_cleanup_close_ int top = -1;
	int fd;

	if (mkdir(dir, 0700) && errno != EEXIST)
		return -errno;
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 || (mkdirat(top, name, 0700) && errno != EEXIST))
		return -errno;
	fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int em_spool_lock(int spool)
{
	return flock(spool, LOCK_EX | LOCK_NB) ? -errno : 0;
}

static const char *file_of(spool_name out, const char *name, const char *ending)
{
	snprintf(out, EM_SPOOL_NAME, "%s%s", name, ending);
	return out;
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

int em_spool_replace(int spool, const char *name, const json_t *entry)
{
	_cleanup_free_ char *text = json_dumps(entry, JSON_COMPACT | JSON_SORT_KEYS);
	_cleanup_close_ int fd = -1;
	spool_name file, fresh;
	int r;

	if (!text)
		return -ENOMEM;
	if (strlen(name) + sizeof(WAITING) + 1 > sizeof(file) || strlen(text) > ENTRY_MAX)
		return -ENAMETOOLONG;
	file_of(fresh, name, ".new");
	fd = openat(spool, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text);
	if (!r && renameat(spool, fresh, spool, file_of(file, name, WAITING)))
		r = -errno;
	if (r)
		unlinkat(spool, fresh, 0);
	return r ?: fsync(spool) ? -errno : 0;
}

static bool exists(int spool, const char *name, const char *ending)
{
	spool_name file;

	return !faccessat(spool, file_of(file, name, ending), F_OK, 0);
}

static bool ends_in(const char *s, const char *ending)
{
	size_t a = strlen(s), b = strlen(ending);

	return a > b && a < EM_SPOOL_NAME && !strcmp(s + a - b, ending);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int list(int spool, const char *ending, spool_name **ret)
{
	_cleanup_free_ spool_name *names = NULL;
	int fd = openat(spool, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		spool_name *more;

		if (!ends_in(e->d_name, ending))
			continue;
		more = reallocarray(names, (size_t)n + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		names = more;
		strcpy(names[n], e->d_name);
		names[n++][strlen(e->d_name) - strlen(ending)] = '\0';
	}
	if (n)
		qsort(names, (size_t)n, sizeof(*names), by_name);
	*ret = TAKE_PTR(names);
	return n;
}

int em_spool_names(int spool, spool_name **names)
{
	return list(spool, WAITING, names);
}

int em_spool_put(int spool, const char *name, const json_t *entry)
{
	_cleanup_free_ spool_name *names = NULL;
	int n;

	if (exists(spool, name, WAITING) || exists(spool, name, DONE))
		return -EEXIST;
	n = list(spool, WAITING, &names);
	if (n < 0)
		return n;
	return n >= EM_SPOOL_MAX ? -ENOSPC : em_spool_replace(spool, name, entry);
}

json_t *em_spool_get(int spool, const char *name)
{
	_cleanup_free_ char *text = NULL;
	spool_name file;

	if (em_file_read(spool, file_of(file, name, WAITING), ENTRY_MAX, &text) < 0)
		return NULL;
	return json_loads(text, 0, NULL);
}

/* Names begin with their time: the oldest go first. */
static void forget_oldest(int spool)
{
	_cleanup_free_ spool_name *names = NULL;
	int n = list(spool, DONE, &names);
	spool_name file;

	for (int i = 0; i < n - EM_SPOOL_DONE; i++)
		unlinkat(spool, file_of(file, names[i], DONE), 0);
}

int em_spool_done(int spool, const char *name)
{
	spool_name from, to;

	if (renameat(spool, file_of(from, name, WAITING), spool, file_of(to, name, DONE)))
		return -errno;
	forget_oldest(spool);
	return fsync(spool) ? -errno : 0;
}

int em_spool_remove(int spool, const char *name)
{
	spool_name file;

	return unlinkat(spool, file_of(file, name, WAITING), 0) ? -errno : 0;
}
