/* SPDX-License-Identifier: GPL-2.0 */
/* A transient scope of systemd's, for who may not make a cgroup. */
#ifndef EM_SCOPE_H
#define EM_SCOPE_H

/* Moves this process to a scope NAME.scope of its own. 0, or -errno: no systemd would. */
int em_scope_enter(const char *name);

#endif
