/* SPDX-License-Identifier: GPL-2.0 */
/* What a DRM driver says of an open file's work in /proc/PID/fdinfo/FD. */
#ifndef EM_FDINFO_H
#define EM_FDINFO_H

#include "earmark.h"

/* Return: 1 its engines have worked for it, 0 none has, -ENODATA nothing is said, -errno. */
int em_fdinfo_works(__u32 pid, __u32 fd);

#endif
