// SPDX-License-Identifier: GPL-2.0
/* The caller's place in the cgroup v2 hierarchy; see cgroup.h. */
#include <errno.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cgroup.h"

EM_CLEANUP(FILE *, endmntent);

int em_cli_cgroup_mount(char *dir, size_t size)
{
	_cleanup_(endmntentp) FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;

	while (mounts && (m = getmntent(mounts))) {
		if (!strcmp(m->mnt_type, "cgroup2")) {
			snprintf(dir, size, "%s", m->mnt_dir);
			return 0;
		}
	}
	return -ENOENT;
}

int em_cli_cgroup_of(const char *pid, char *dir, size_t size, char *err, size_t len)
{
	_cleanup_fclose_ FILE *f = NULL;
	char file[64], line[PATH_MAX], mount[PATH_MAX / 2];

	if (em_cli_cgroup_mount(mount, sizeof(mount))) {
		snprintf(err, len, "no cgroup v2 hierarchy is mounted here");
		return -ENOENT;
	}
	snprintf(file, sizeof(file), "/proc/%.20s/cgroup", pid);
	f = fopen(file, "re");
	if (!f) {
		snprintf(err, len, "no process %s: %s", pid, strerror(errno));
		return -ESRCH;
	}
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "0::", 3))
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(dir, size, "%s%s", mount, strcmp(line + 3, "/") ? line + 3 : "");
		return 0;
	}
	snprintf(err, len, "process %s is in no cgroup of the v2 hierarchy", pid);
	return -ENOENT;
}
