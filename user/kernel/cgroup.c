// SPDX-License-Identifier: GPL-2.0
/*
 * A cgroup's id is its kernfs node's, which is also the handle to open it by; that needs
 * CAP_DAC_READ_SEARCH. Without it the hierarchy is walked.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "kernel/cgroup.h"

#define FILEID_KERNFS 0xfe /* include/linux/exportfs.h */
#define DEPTH_MAX 64

const char *em_cgroup_root(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	static const char *found;
	struct statfs fs;
	size_t i;

	if (found)
		return found;
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		if (!statfs(places[i], &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
			return found = places[i];
	}
	return places[0];
}

__u64 em_cgroup_root_id(void)
{
	static __u64 id;
	struct stat st;

	if (!id && !stat(em_cgroup_root(), &st))
		id = st.st_ino;
	return id;
}

__u64 em_cgroup_id(int fd)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC || fstat(fd, &st) ||
	    !S_ISDIR(st.st_mode))
		return 0;
	return st.st_ino;
}

int em_cgroup_fd_path(int fd, char *out, size_t len)
{
	const char *root = em_cgroup_root();
	char name[64], path[4096];
	size_t skip = strlen(root);
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, path, sizeof(path) - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	if (strncmp(path, root, skip) || (path[skip] && path[skip] != '/'))
		return -EXDEV;
	if (strlen(path + skip) >= len)
		return -ENAMETOOLONG;
	strcpy(out, path[skip] ? path + skip : "/");
	return 0;
}

static int open_by_id(__u64 id)
{
	struct {
		struct file_handle handle;
		__u64 id;
	} h = { .handle = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	static int root = -1;
	int fd;

	if (root < 0)
		root = open(em_cgroup_root(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	memcpy(h.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(root, &h.handle, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Return: 1 found (@path extended to it), 0 not below here. */
static int walk(char *path, size_t len, __u64 id, int depth)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	size_t end = strlen(path);
	struct dirent *e;
	struct stat st;

	while (dir && depth && (e = readdir(dir))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		if (end + 1 + strlen(e->d_name) >= len)
			continue;
		path[end] = '/';
		strcpy(path + end + 1, e->d_name);
		if (!stat(path, &st) && st.st_ino == id)
			return 1;
		if (walk(path, len, id, depth - 1))
			return 1;
		path[end] = '\0';
	}
	return 0;
}

static int find(__u64 id, char *out, size_t len)
{
	const char *root = em_cgroup_root();
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s", root);
	if (!stat(path, &st) && st.st_ino == id)
		return snprintf(out, len, "/") < (int)len ? 0 : -ENAMETOOLONG;
	if (!walk(path, sizeof(path), id, DEPTH_MAX))
		return -ENOENT;
	if (strlen(path + strlen(root)) >= len)
		return -ENAMETOOLONG;
	strcpy(out, path + strlen(root));
	return 0;
}

int em_cgroup_path(__u64 id, char *out, size_t len)
{
	_cleanup_close_ int fd = open_by_id(id);

	if (fd == -EPERM || fd == -EOPNOTSUPP)
		return find(id, out, len);
	return fd < 0 ? fd : em_cgroup_fd_path(fd, out, len);
}

int em_cgroup_above(const char *path, __u64 *ids, int max)
{
	const char *root = em_cgroup_root();
	char at[4096];
	struct stat st;
	size_t end;
	int n = 0;

	if (snprintf(at, sizeof(at), "%s%s/", root, path) >= (int)sizeof(at))
		return -ENAMETOOLONG;
	for (end = strlen(root) + 1; n < max && at[end]; end++) {
		char *slash = strchr(at + end, '/');

		if (!slash)
			break;
		if (slash == at + end)
			continue;
		*slash = '\0';
		if (stat(at, &st))
			return -errno;
		ids[n++] = st.st_ino;
		*slash = '/';
		end = slash - at;
	}
	return n;
}

bool em_cgroup_exists(__u64 id, const char *path)
{
	_cleanup_close_ int fd = -1;
	char at[4096];
	struct stat st;

	if (path[0] == '/' && snprintf(at, sizeof(at), "%s%s", em_cgroup_root(), path) > 0 &&
	    !stat(at, &st) && st.st_ino == id)
		return true;
	fd = open_by_id(id);
	if (fd == -EPERM || fd == -EOPNOTSUPP)
		return !find(id, at, sizeof(at));
	return fd >= 0;
}

/* Return: has the directory's cgroup a process of its own? One byte of the list tells. */
static int runs_here(int dir)
{
	_cleanup_close_ int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char byte;
	ssize_t n = fd < 0 ? -1 : read(fd, &byte, 1);

	if (n < 0 && errno == EOPNOTSUPP) { /* a threaded one: its processes are listed above it */
		close(fd);
		fd = openat(dir, "cgroup.threads", O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, &byte, 1);
	}
	return n < 0 ? -errno : n > 0;
}

/* Takes @fd over. A cgroup that goes away meanwhile had nobody in it. */
static int runs_below(int fd, bool (*apart)(__u64, void *), void *arg, int depth)
{
	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	struct dirent *e;
	int r, below;

	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	r = runs_here(fd);
	while (!r && (e = readdir(dir))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.' || apart(e->d_ino, arg))
			continue;
		if (!depth)
			return -ELOOP;
		below = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = below < 0 ? -errno : runs_below(below, apart, arg, depth - 1);
		if (r == -ENOENT || r == -ENODEV)
			r = 0;
	}
	return r;
}

int em_cgroup_runs(__u64 id, bool (*apart)(__u64 id, void *arg), void *arg)
{
	char path[4096], at[4096 + 64];
	int fd = open_by_id(id);

	if (fd == -EPERM || fd == -EOPNOTSUPP) {
		if (find(id, path, sizeof(path)))
			return -ENOENT;
		snprintf(at, sizeof(at), "%s%s", em_cgroup_root(), path);
		fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? fd : runs_below(fd, apart, arg, DEPTH_MAX);
}
