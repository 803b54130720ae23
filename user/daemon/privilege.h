/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Giving up what the daemon does not need. Called once everything is open. The unit starts it as
 * the user earmark with these capabilities and no others; started by hand as root it gives up the
 * rest.
 *
 * What stays, and why: CAP_SYS_ADMIN (the module's commands, bpffs), CAP_BPF and CAP_PERFMON
 * (sensors attach to what loads later), CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (fdinfo of
 * others' processes), CAP_DAC_OVERRIDE and CAP_CHOWN (a cgroup made for a user inside a cgroup of
 * that user, given to that user; what root keeps to itself and the configuration names, such as a
 * webhook's secret). CAP_SYS_ADMIN is close to being root: the system-call filter
 * and the unit's sandbox are what bounds a daemon that was taken over.
 *
 * Programs that the daemon runs (the alert command) keep the user and get no capability at all.
 *
 * The filter lives here and not only in the unit: it holds without systemd too.
 */
#ifndef EM_DAEMON_PRIVILEGE_H
#define EM_DAEMON_PRIVILEGE_H

#include <stddef.h>

/* Return: 0 or -errno with a sentence in @err. */
int em_privilege_drop(char *err, size_t len);

#endif
