// SPDX-License-Identifier: GPL-2.0
/*
 * Cgroups made for those who may not make one themselves; see cgroup.h. Each carries its owner in
 * an extended attribute, so that they are found again after a restart.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "daemon/cgroup_view.h"

#define OWNER_ATTRIBUTE "trusted.earmark"
#define MADE_MAX 4096

/* struct made - a cgroup that is ours to remove; @path with the mount */
struct made {
	char *path;
	uid_t uid;
	struct made *next;
};

static struct made *all;

static int remember(const char *path, uid_t uid)
{
	struct made *m = calloc(1, sizeof(*m));

	if (!m || !(m->path = strdup(path))) {
		free(m);
		return -ENOMEM;
	}
	m->uid = uid;
	m->next = all;
	all = m;
	return 0;
}

static bool name_valid(const char *name)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	return *name && strlen(name) <= EM_CGROUP_NAME_MAX && name[strspn(name, good)] == '\0';
}

static int check(const struct em_peer *peer, const char *name, char *err, size_t len)
{
	unsigned int own = 0, any = 0;

	if (!name_valid(name)) {
		snprintf(err, len, "name: 1 to %d letters, digits, \"-\" and \"_\"",
			 EM_CGROUP_NAME_MAX);
		return -EINVAL;
	}
	em_cgroup_sweep();
	for (const struct made *m = all; m; m = m->next) {
		any++;
		own += m->uid == peer->uid;
	}
	if ((peer->uid && own >= EM_CGROUPS_PER_USER) || any >= MADE_MAX) {
		snprintf(err, len, "too many cgroups are in use already (%u of %d)", own,
			 EM_CGROUPS_PER_USER);
		return -EDQUOT;
	}
	return 0;
}

/* The directory and what one needs to write to make jobs of one's own below it. */
static int give(int dir, const struct em_peer *peer)
{
	static const char *const files[] = { "cgroup.procs", "cgroup.threads",
					     "cgroup.subtree_control" };

	if (fchown(dir, peer->uid, peer->gid))
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (fchownat(dir, files[i], peer->uid, peer->gid, AT_SYMLINK_NOFOLLOW))
			return -errno;
	}
	return 0;
}

static int move_in(int dir, const struct em_peer *peer)
{
	_cleanup_close_ int fd = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (!em_peer_alive(peer))
		return -ESRCH;
	return dprintf(fd, "%d", peer->pid) < 0 ? -errno : 0;
}

static int fill(struct em_cgroup *c, int parent, const char *name, const struct em_peer *peer)
{
	char owner[16];
	struct stat st;
	int n = snprintf(owner, sizeof(owner), "%u", peer->uid), r;

	c->fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (c->fd < 0 || fstat(c->fd, &st))
		return -errno;
	c->id = st.st_ino;
	/* without attributes it is forgotten at a restart, no more */
	fsetxattr(c->fd, OWNER_ATTRIBUTE, owner, (size_t)n, 0);
	r = give(c->fd, peer);
	return r ? r : move_in(c->fd, peer);
}

int em_cgroup_make(struct em_cgroup *c, const struct em_peer *peer, const char *name, char **view,
		   char *err, size_t len)
{
	_cleanup_(em_cgroup_close) struct em_cgroup parent = { .fd = -1 };
	_cleanup_free_ char *full = NULL;
	int r = check(peer, name, err, len);

	*c = (struct em_cgroup){ .fd = -1 };
	if (!r)
		r = em_cgroup_open(&parent, peer, "self", err, len);
	if (r)
		return r;
	if (asprintf(&c->path, "%s/%s", parent.path[1] ? parent.path : "", name) < 0 ||
	    asprintf(&full, "%s%s", em_cgroup_mount(), c->path) < 0)
		return -ENOMEM;
	if (mkdirat(parent.fd, name, 0755)) {
		r = -errno;
		snprintf(err, len, "cgroup %s cannot be made: %s", c->path, strerror(errno));
		return r;
	}
	r = fill(c, parent.fd, name, peer);
	if (!r)
		r = remember(full, peer->uid);
	if (r) {
		snprintf(err, len, "cgroup %s cannot be given to you: %s", c->path, strerror(-r));
		unlinkat(parent.fd, name, AT_REMOVEDIR);
		return r;
	}
	*view = em_cgroup_seen(peer, c->path);
	return *view ? 0 : -ENOMEM;
}

void em_cgroup_sweep(void)
{
	for (struct made **at = &all; *at;) {
		struct made *m = *at;

		/* a cgroup with a process or a child in it is busy */
		if (rmdir(m->path) && errno != ENOENT) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		free(m->path);
		free(m);
	}
}

static int adopt_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	char owner[16] = "";

	(void)st;
	(void)where;
	if (type == FTW_D && getxattr(path, OWNER_ATTRIBUTE, owner, sizeof(owner) - 1) > 0)
		remember(path, (uid_t)strtoul(owner, NULL, 10));
	return 0;
}

void em_cgroup_adopt(void)
{
	const char *mount = em_cgroup_mount();

	if (mount)
		nftw(mount, adopt_one, 16, FTW_PHYS | FTW_MOUNT);
}
