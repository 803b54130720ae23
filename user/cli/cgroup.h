/* SPDX-License-Identifier: GPL-2.0 */
/* The caller's place in the cgroup v2 hierarchy, as its own mounts show it. */
#ifndef EM_CLI_CGROUP_H
#define EM_CLI_CGROUP_H

#include <stddef.h>

/* The directory of the cgroup of a process ("self" or a pid). 0 or -errno with @err. */
int em_cli_cgroup_of(const char *pid, char *dir, size_t size, char *err, size_t len);

/* Where the cgroup v2 hierarchy is mounted. 0 or -ENOENT. */
int em_cli_cgroup_mount(char *dir, size_t size);

#endif
