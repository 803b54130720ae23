/* SPDX-License-Identifier: GPL-2.0 */
/* Cgroups (v2) by id, path and directory. */
#ifndef EM_CGROUP_H
#define EM_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include "earmark.h"

const char *em_cgroup_root(void); /* where the v2 hierarchy is mounted */

__u64 em_cgroup_root_id(void);

/* Return: the id of the cgroup whose directory @fd is open on; 0: it is none's. */
__u64 em_cgroup_id(int fd);

/* The path below the root ("/a/b"), by the id or by an open directory. 0 or -errno. */
int em_cgroup_path(__u64 id, char *out, size_t len);
int em_cgroup_fd_path(int fd, char *out, size_t len);

/*
 * em_cgroup_above() - the ids on the way to @path, from the root's child down to itself
 *
 * Return: how many, at most @max, or -errno.
 */
int em_cgroup_above(const char *path, __u64 *ids, int max);

/*
 * em_cgroup_runs() - does a process run in the cgroup, or below it where @apart does not say no?
 * @apart: leaves out a cgroup and what is below it
 *
 * Return: 1, 0, or -errno: it could not be found out (-ESTALE, -ENOENT: it is gone).
 */
int em_cgroup_runs(__u64 id, bool (*apart)(__u64 id, void *arg), void *arg);

/* @path: where it was, "" = not known; asked first, since that is cheap. */
bool em_cgroup_exists(__u64 id, const char *path);

#endif
