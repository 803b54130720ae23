/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the cgroups of jobs are. A recorder gives the id, and of a long path the tail only; the
 * others are looked for in one walk of the hierarchy, however many they are.
 */
#ifndef EM_DAEMON_JOBPATH_H
#define EM_DAEMON_JOBPATH_H

#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>

/* struct em_jobpath - @uid: the job's first submitter; @path: from the root, NULL = not found */
struct em_jobpath {
	__u64 job;
	uid_t uid;
	char *path;
};

struct em_jobpaths {
	struct em_jobpath *list;
	size_t n, room;
};

int em_jobpaths_add(struct em_jobpaths *p, __u64 job, uid_t uid, const char *path);
void em_jobpaths_clear(struct em_jobpaths *p);

/*
 * Makes the paths whole, and leaves the list in the order of users, then of ids. @root: where the
 * hierarchy is mounted. 0 or -ENOMEM.
 */
int em_jobpaths_resolve(struct em_jobpaths *p, const char *root);

/* Opens its directory, if it is still that job's. Return: a descriptor or -errno. */
int em_jobpath_open(const struct em_jobpath *job, const char *root);

#endif
