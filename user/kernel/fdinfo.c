// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/cleanup.h"
#include "kernel/fdinfo.h"

int em_fdinfo_works(__u32 pid, __u32 fd)
{
	static const char key[] = "drm-engine-", capacity[] = "drm-engine-capacity-";
	_cleanup_fclose_ FILE *f = NULL;
	unsigned long long ns;
	int engines = 0;
	char line[256], path[64];

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%u", pid, fd);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, sizeof(key) - 1) ||
		    !strncmp(line, capacity, sizeof(capacity) - 1))
			continue;
		if (sscanf(line, "%*[^:]: %llu", &ns) != 1)
			continue;
		engines++;
		if (ns)
			return 1;
	}
	return engines ? 0 : -ENODATA;
}
