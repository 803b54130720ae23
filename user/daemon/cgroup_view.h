/* SPDX-License-Identifier: GPL-2.0 */
/* Between cgroup.c and cgroup_make.c. */
#ifndef EM_DAEMON_CGROUP_VIEW_H
#define EM_DAEMON_CGROUP_VIEW_H

#include "daemon/cgroup.h"

/* struct em_cgroup_view - @root of the hierarchy is what the peer sees at @point */
struct em_cgroup_view {
	char *root, *point;
};

/* The mount of cgroup2 that @path of the peer's is in (NULL: any). -ENOENT: none; -ESRCH: the
 * peer is gone.
 */
int em_cgroup_view(struct em_cgroup_view *view, const struct em_peer *peer, const char *path);
void em_cgroup_view_clear(struct em_cgroup_view *view);

const char *em_cgroup_mount(void); /* where we see the hierarchy; NULL: nowhere */
bool em_cgroup_below(const char *path, const char *root); /* at or below */
int em_cgroup_self(const struct em_peer *peer, char **path, char *err, size_t len);
char *em_cgroup_seen(const struct em_peer *peer, const char *path); /* as the peer sees it */

#endif
