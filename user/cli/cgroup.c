// SPDX-License-Identifier: GPL-2.0
/* The caller's place in the cgroup v2 hierarchy; see cgroup.h. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cgroup.h"

/* A field of mountinfo: the kernel writes space, tab, newline and backslash in octal. */
static void unescape(char *s)
{
	char *to = s;
	unsigned int c;

	for (; *s; s++, to++) {
		if (*s == '\\' && sscanf(s + 1, "%3o", &c) == 1) {
			*to = (char)c;
			s += 3;
		} else {
			*to = *s;
		}
	}
	*to = '\0';
}

/* One line: "ID PARENT DEV ROOT POINT OPTIONS [TAGS] - TYPE …". Return: is it cgroup2's? */
static bool mount_parse(char *line, char **root, char **point)
{
	char *type = strstr(line, " - cgroup2 "), *at = line;

	if (!type)
		return false;
	for (int i = 0; i < 3; i++) {
		at = strchr(at, ' ');
		if (!at)
			return false;
		at++;
	}
	*root = strsep(&at, " ");
	*point = at ? strsep(&at, " ") : NULL;
	if (!*point)
		return false;
	unescape(*root);
	unescape(*point);
	return true;
}

/* Of a hybrid hierarchy too. @root: what part of the hierarchy is seen at @dir, NULL = any. */
static int mount_find(char *dir, size_t size, char *root, size_t root_size)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[2 * PATH_MAX], *r, *point;

	while (f && fgets(line, sizeof(line), f)) {
		if (!mount_parse(line, &r, &point))
			continue;
		if (root)
			snprintf(root, root_size, "%s", r);
		return snprintf(dir, size, "%s", point) < (int)size ? 0 : -ENAMETOOLONG;
	}
	return -ENOENT;
}

int em_cli_cgroup_mount(char *dir, size_t size)
{
	return mount_find(dir, size, NULL, 0);
}

static int path_of(const char *pid, char *path, size_t size, char *err, size_t len)
{
	_cleanup_fclose_ FILE *f = NULL;
	char file[64];

	snprintf(file, sizeof(file), "/proc/%.20s/cgroup", pid);
	f = fopen(file, "re");
	if (!f) {
		snprintf(err, len, "no process %s: %s", pid, strerror(errno));
		return -ESRCH;
	}
	while (fgets(path, (int)size, f)) {
		if (strncmp(path, "0::/", 4))
			continue;
		memmove(path, path + 3, strlen(path + 3) + 1);
		path[strcspn(path, "\n")] = '\0';
		return 0;
	}
	snprintf(err, len, "process %s is in no cgroup of the v2 hierarchy", pid);
	return -ENOENT;
}

int em_cli_cgroup_of(const char *pid, char *dir, size_t size, char *err, size_t len)
{
	char path[PATH_MAX], mount[PATH_MAX], root[PATH_MAX], *below = path;
	size_t n;
	int ret;

	if (mount_find(mount, sizeof(mount), root, sizeof(root))) {
		snprintf(err, len, "no cgroup v2 hierarchy is mounted here");
		return -ENOENT;
	}
	ret = path_of(pid, path, sizeof(path), err, len);
	if (ret)
		return ret;
	/* a container without a cgroup namespace sees only a part of the hierarchy */
	n = strcmp(root, "/") ? strlen(root) : 0;
	if (n && !strncmp(path, root, n) && (!path[n] || path[n] == '/'))
		below += n;
	if (!strncmp(below, "/..", 3)) {
		snprintf(err, len, "the cgroup of process %s is not below %s", pid, mount);
		return -EXDEV;
	}
	if (snprintf(dir, size, "%s%s", mount, strcmp(below, "/") ? below : "") >= (int)size)
		return -ENAMETOOLONG;
	return 0;
}
