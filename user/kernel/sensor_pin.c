// SPDX-License-Identifier: GPL-2.0
/* The pins that let sensors and accounts survive the daemon; see sensor_pin.h. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "kernel/sensor.h"
#include "kernel/sensor_pin.h"

const char *em_pin_root(void)
{
	const char *dir = getenv("EARMARK_PIN_DIR");

	return dir && *dir ? dir : EM_SENSOR_PIN_DIR;
}

int em_pin_path(char *out, size_t len, const char *prefix, const char *name)
{
	return snprintf(out, len, "%s/%s%s", em_pin_root(), prefix, name) < (int)len
		       ? 0
		       : -ENAMETOOLONG;
}

bool em_pin_exists(const char *prefix, const char *name)
{
	char path[128];
	struct stat st;

	/* access() would ask for the user, without the capabilities, and bpffs is root's */
	return !em_pin_path(path, sizeof(path), prefix, name) && !stat(path, &st);
}

void em_pin_remove(const char *prefix, const char *name)
{
	char path[128];

	if (!em_pin_path(path, sizeof(path), prefix, name))
		unlink(path);
}

int em_pin_dir(char *why, size_t len)
{
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs) || fs.f_type != BPF_FS_MAGIC) {
		snprintf(why, len,
			 "/sys/fs/bpf is not a BPF file system: mount -t bpf bpf /sys/fs/bpf");
		return -ENODEV;
	}
	if (mkdir(em_pin_root(), 0700) && errno != EEXIST) {
		int r = -errno;

		snprintf(why, len, "cannot make %s: %s", em_pin_root(), strerror(-r));
		return r;
	}
	return chmod(em_pin_root(), 0700) ? -errno : 0;
}

int em_pin_remove_all(bool (*which)(const char *name))
{
	_cleanup_closedir_ DIR *dir = opendir(em_pin_root());
	struct dirent *e;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.' || !which(e->d_name))
			continue;
		if (unlinkat(dirfd(dir), e->d_name, 0))
			r = -errno;
	}
	return r;
}

static bool is_link(const char *name)
{
	return !strncmp(name, "link_", 5);
}

static bool is_not_state(const char *name)
{
	return strcmp(name, "state") != 0;
}

static int build_write(const struct em_pin_build *build)
{
	_cleanup_close_ int fd = -1;
	char path[128];
	__u32 zero = 0;

	em_pin_path(path, sizeof(path), "", "build");
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "build", 4, sizeof(*build), 1, NULL);
	if (fd < 0 || bpf_map_update_elem(fd, &zero, build, BPF_ANY))
		return -errno;
	unlink(path);
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

int em_pin_claim(const struct em_pin_build *build)
{
	struct em_pin_build old = {};
	_cleanup_close_ int fd = -1;
	struct bpf_map_info info = {};
	__u32 zero = 0, len = sizeof(info);
	char path[128];
	bool kept;
	int r;

	em_pin_path(path, sizeof(path), "", "build");
	fd = bpf_obj_get(path);
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.value_size == sizeof(old))
		bpf_map_lookup_elem(fd, &zero, &old);
	if (!memcmp(&old, build, sizeof(old)))
		return 0;
	kept = old.layout == build->layout && old.mode == build->mode;
	r = em_pin_remove_all(kept ? is_link : is_not_state);
	if (!r)
		r = build_write(build);
	return r ? r : fd >= 0 && old.mode == build->mode && !kept;
}

int em_sensor_unpin(void)
{
	return em_pin_remove_all(is_link);
}
