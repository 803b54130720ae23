/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cgroups as a peer sees them, resolved without walking the peer's file system: its mounts and
 * its cgroup namespace only say which part of the one hierarchy a path of its means. Opening
 * /proc/PID/root/… instead could be made to wait for ever by a peer that mounts FUSE there.
 */
#ifndef EM_DAEMON_CGROUP_H
#define EM_DAEMON_CGROUP_H

#include "api/api.h"

#define EM_CGROUP_NAME_MAX 64
#define EM_CGROUPS_PER_USER 256

/**
 * struct em_cgroup - an open cgroup
 * @fd: its directory
 * @path: from the root of the hierarchy, "/" first
 * @id: as in job ids
 */
struct em_cgroup {
	int fd;
	char *path;
	uint64_t id;
};

void em_cgroup_close(struct em_cgroup *c);

/* @name: "self", or a path in the peer's view. -EINVAL, -ENOENT, -EPERM with a sentence. */
int em_cgroup_open(struct em_cgroup *c, const struct em_peer *peer, const char *name, char *err,
		   size_t len);

/* May the peer tag it as itself? It can move processes there, and it is its own or below. */
int em_cgroup_may_tag(const struct em_cgroup *c, const struct em_peer *peer, char *err, size_t len);

/*
 * em_cgroup_make() - a child of the peer's own cgroup, the peer's, with the peer in it
 * @view: its path as the peer sees it, to be freed
 */
int em_cgroup_make(struct em_cgroup *c, const struct em_peer *peer, const char *name, char **view,
		   char *err, size_t len);

/* Removes those made by em_cgroup_make(), now or before a restart, that are empty by now. */
void em_cgroup_sweep(void);
void em_cgroup_adopt(void); /* at start: finds those of before */

#endif
