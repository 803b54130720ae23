// SPDX-License-Identifier: GPL-2.0
/* Cgroups as a peer sees them; see cgroup.h. */
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "daemon/cgroup_view.h"
#include "kernel/process.h"

#define MOUNTINFO_MAX (4u << 20)

void em_cgroup_close(struct em_cgroup *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->path);
	*c = (struct em_cgroup){ .fd = -1 };
}

static bool is_cgroup2(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC;
}

const char *em_cgroup_mount(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (is_cgroup2(places[i]))
			return places[i];
	}
	return NULL;
}

bool em_cgroup_below(const char *path, const char *root)
{
	size_t n = strlen(root);

	if (!strcmp(root, "/"))
		return true;
	return !strncmp(path, root, n) && (path[n] == '\0' || path[n] == '/');
}

int em_cgroup_self(const struct em_peer *peer, char **path, char *err, size_t len)
{
	char at[PATH_MAX];
	int r = peer->pid > 0 ? em_process_cgroup(NULL, (__u32)peer->pid, at, sizeof(at)) : -ESRCH;

	/* asked afterwards: what was read was this process's */
	if ((r && r != -ENODATA) || !em_peer_alive(peer)) {
		snprintf(err, len, "the calling process is gone");
		return -ESRCH;
	}
	if (r) {
		snprintf(err, len, "the calling process is in no cgroup of version 2");
		return -EOPNOTSUPP;
	}
	*path = strdup(at);
	return *path ? 0 : -ENOMEM;
}

/* One field of mountinfo, its \ooo undone, in place. */
static char *unescape(char *field)
{
	char *to = field;

	for (char *from = field; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
	return field;
}

/* Is @line a mount of cgroup2? Then its root in the hierarchy and where the peer sees it. */
static bool mount_parse(char *line, char **root, char **point)
{
	char *type = strstr(line, " - "), *save, *field = NULL;

	if (!type || strncmp(type + 3, "cgroup2 ", 8))
		return false;
	field = strtok_r(line, " ", &save);
	for (int i = 0; field && i < 3; i++)
		field = strtok_r(NULL, " ", &save);
	*root = field;
	*point = field ? strtok_r(NULL, " ", &save) : NULL;
	if (!*point)
		return false;
	unescape(*root);
	unescape(*point);
	return true;
}

static int view_take(struct em_cgroup_view *view, const char *root, const char *point)
{
	_cleanup_free_ char *r = strdup(root), *p = strdup(point);

	if (!r || !p)
		return -ENOMEM;
	em_cgroup_view_clear(view);
	view->root = TAKE_PTR(r);
	view->point = TAKE_PTR(p);
	return 0;
}

int em_cgroup_view(struct em_cgroup_view *view, const struct em_peer *peer, const char *path)
{
	_cleanup_free_ char *text = NULL;
	char file[64], *save, *root, *point;
	size_t best = 0;
	long n;
	int r = 0;

	*view = (struct em_cgroup_view){ 0 };
	snprintf(file, sizeof(file), "/proc/%d/mountinfo", peer->pid);
	n = em_file_read(AT_FDCWD, file, MOUNTINFO_MAX, &text);
	if (n < 0 || !em_peer_alive(peer))
		return -ESRCH;
	for (char *line = strtok_r(text, "\n", &save); line && !r;
	     line = strtok_r(NULL, "\n", &save)) {
		/* the longest mount point wins, of equal ones the last: it covers the others */
		if (!mount_parse(line, &root, &point) || strlen(point) < best ||
		    (path && !em_cgroup_below(path, point)))
			continue;
		best = strlen(point);
		r = view_take(view, root, point);
	}
	if (!r && !view->point)
		r = -ENOENT;
	return r;
}

void em_cgroup_view_clear(struct em_cgroup_view *view)
{
	free(view->root);
	free(view->point);
	*view = (struct em_cgroup_view){ 0 };
}

/* @prefix and @rest, with one slash between them and none at the end. */
static char *join(const char *prefix, const char *rest)
{
	size_t n = strlen(prefix);
	char *path;

	while (n && prefix[n - 1] == '/')
		n--;
	rest += strspn(rest, "/");
	if (asprintf(&path, "%.*s/%s", (int)n, prefix, rest) < 0)
		return NULL;
	for (n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	return path;
}

char *em_cgroup_seen(const struct em_peer *peer, const char *path)
{
	struct em_cgroup_view view;
	char *seen = NULL;

	if (!em_cgroup_view(&view, peer, NULL) && em_cgroup_below(path, view.root))
		seen = join(view.point, strcmp(view.root, "/") ? path + strlen(view.root) : path);
	em_cgroup_view_clear(&view);
	return seen ?: join("/sys/fs/cgroup", path);
}

/* "." and ".." would make paths that compare as what they are not. */
static bool has_dots(const char *path)
{
	for (const char *part = path; (part = strstr(part, "/.")); part += 2) {
		if (part[2] == '\0' || part[2] == '/' ||
		    (part[2] == '.' && (part[3] == '\0' || part[3] == '/')))
			return true;
	}
	return false;
}

/*
 * Step by step, following nothing: a sandbox in which no set-user-ID file can be made (systemd's
 * RestrictSUIDSGID=) has no openat2(), whose arguments its filter cannot see.
 */
static int open_below(int root, const char *path)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_close_ int at = openat(root, ".", flags);
	_cleanup_free_ char *names = strdup(path);
	struct stat st, top;
	char *rest = names;

	if (!names)
		return -ENOMEM;
	for (char *name; at >= 0 && (name = strsep(&rest, "/"));) {
		int below = *name ? openat(at, name, flags) : TAKE_FD(at);
		int e = errno;

		if (at >= 0)
			close(at);
		errno = e;
		at = below;
	}
	if (at < 0 || fstat(at, &st) || fstat(root, &top))
		return errno == ELOOP || errno == ENOTDIR ? -ENOENT : -errno;
	return st.st_dev == top.st_dev ? TAKE_FD(at) : -ENOENT;
}

/* Opens a path of the hierarchy, owned from here on, never leaving it. */
static int open_path(struct em_cgroup *c, char *path, char *err, size_t len)
{
	const char *mount = em_cgroup_mount();
	_cleanup_close_ int root = -1, fd = -1;
	_cleanup_free_ char *owned = path;
	struct stat st;

	if (!mount) {
		snprintf(err, len, "no hierarchy of cgroup version 2 is mounted on /sys/fs/cgroup");
		return -EOPNOTSUPP;
	}
	root = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || !path)
		return path ? -errno : -ENOMEM;
	if (has_dots(path)) {
		snprintf(err, len, "cgroup: a path without \".\" and \"..\" is needed");
		return -EINVAL;
	}
	fd = open_below(root, path);
	if (fd < 0 || fstat(fd, &st)) {
		int e = fd < 0 ? -fd : errno;

		snprintf(err, len, "cgroup %s: %s", path, strerror(e));
		return -e;
	}
	*c = (struct em_cgroup){ TAKE_FD(fd), TAKE_PTR(owned), st.st_ino };
	return 0;
}

/* A path of the peer's, as one of the hierarchy; relative to where it sees that. */
static int translate(const struct em_peer *peer, const char *name, char **real, char *err,
		     size_t len)
{
	struct em_cgroup_view view;
	bool relative = *name != '/';
	int r = em_cgroup_view(&view, peer, relative ? NULL : name);

	if (!r) {
		size_t skip = relative || !strcmp(view.point, "/") ? 0 : strlen(view.point);

		*real = join(view.root, name + skip);
	}
	em_cgroup_view_clear(&view);
	if (r == -ENOENT) {
		snprintf(err, len, "%s is not in a hierarchy of cgroup version 2", name);
		return -EINVAL;
	}
	if (r)
		snprintf(err, len, "the calling process is gone");
	return r;
}

int em_cgroup_open(struct em_cgroup *c, const struct em_peer *peer, const char *name, char *err,
		   size_t len)
{
	char *path = NULL;
	int r;

	*c = (struct em_cgroup){ .fd = -1 };
	r = strcmp(name, "self") ? translate(peer, name, &path, err, len)
				 : em_cgroup_self(peer, &path, err, len);
	return r ? r : open_path(c, path, err, len);
}

static bool may_write(const struct stat *st, const struct em_peer *peer)
{
	if (st->st_uid == peer->uid)
		return st->st_mode & S_IWUSR;
	if (em_peer_in_group(peer, st->st_gid))
		return st->st_mode & S_IWGRP;
	return st->st_mode & S_IWOTH;
}

int em_cgroup_may_tag(const struct em_cgroup *c, const struct em_peer *peer, char *err, size_t len)
{
	_cleanup_free_ char *own = NULL;
	struct stat st;
	int r;

	if (peer->uid == 0)
		return 0;
	if (fstatat(c->fd, "cgroup.procs", &st, AT_SYMLINK_NOFOLLOW) || !may_write(&st, peer)) {
		snprintf(err, len,
			 "you may not move processes into cgroup %s, so you may not tag it",
			 c->path);
		return -EPERM;
	}
	r = em_cgroup_self(peer, &own, err, len);
	if (r)
		return r;
	if (em_cgroup_below(c->path, own))
		return 0;
	snprintf(err, len, "cgroup %s is not your own (%s) nor below it", c->path, own);
	return -EPERM;
}
