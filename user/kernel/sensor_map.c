// SPDX-License-Identifier: GPL-2.0
/* Pinned maps as plain calls, so that the recorder needs no libbpf; see sensor_map.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "kernel/sensor.h"
#include "kernel/sensor_map.h"
#include "kernel/sensor_pin.h"

static int map_path(char *out, size_t len, const char *name)
{
	return em_pin_path(out, len, "", name);
}

int em_map_open(const char *name)
{
	char path[128];
	int r;

	r = map_path(path, sizeof(path), name);
	if (r)
		return r;
	r = bpf_obj_get(path);
	return r < 0 ? -errno : r;
}

void *em_map_mmap(int fd, size_t offset, size_t len, bool write)
{
	void *p = mmap(NULL, len, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd,
		       (off_t)offset);

	return p == MAP_FAILED ? NULL : p;
}

size_t em_map_size(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return 0;
	return (size_t)info.max_entries * (info.value_size ? info.value_size : 1);
}

__u32 em_map_id(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

int em_map_get(int fd, const void *key, void *value)
{
	return bpf_map_lookup_elem(fd, key, value) ? -errno : 0;
}

int em_map_set(int fd, const void *key, const void *value)
{
	return bpf_map_update_elem(fd, key, value, BPF_ANY) ? -errno : 0;
}

int em_map_delete(int fd, const void *key)
{
	return bpf_map_delete_elem(fd, key) ? -errno : 0;
}

int em_map_next(int fd, const void *key, void *next)
{
	return bpf_map_get_next_key(fd, key, next) ? -errno : 0;
}

int em_map_sum(int fd, __u32 key, __u64 *sum)
{
	int n = libbpf_num_possible_cpus(), i;
	_cleanup_free_ __u64 *v = NULL;

	if (n < 0)
		return n;
	v = calloc(n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &key, v))
		return -errno;
	for (*sum = 0, i = 0; i < n; i++)
		*sum += v[i];
	return 0;
}

int em_map_clear(int fd, size_t key_size)
{
	char key[64];

	if (key_size > sizeof(key))
		return -EINVAL;
	while (!bpf_map_get_next_key(fd, NULL, key)) {
		if (bpf_map_delete_elem(fd, key) && errno != ENOENT)
			return -errno;
	}
	return errno == ENOENT ? 0 : -errno;
}

int em_map_create_file(const char *name, size_t size)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	_cleanup_close_ int fd = -1;
	char path[128];
	int r;

	r = map_path(path, sizeof(path), name);
	if (r)
		return r;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, 4, 4096, (size + 4095) / 4096, &opts);
	if (fd < 0)
		return -errno;
	unlink(path);
	return bpf_obj_pin(fd, path) ? -errno : TAKE_FD(fd);
}

int em_map_rename(const char *from, const char *to)
{
	char a[128], b[128];
	int r;

	r = map_path(a, sizeof(a), from);
	if (!r)
		r = map_path(b, sizeof(b), to);
	return r ? r : rename(a, b) ? -errno : 0;
}

/*
 * The kernel waits for running programs when user space changes a map of maps: a promise
 * made for exactly this use. membarrier(2) would do, but not on processors with nohz_full.
 */
int em_map_synchronize(void)
{
	static int inner = -1, outer = -1;
	__u32 zero = 0;

	if (inner < 0)
		inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "earmark_fence", 4, 4, 1, NULL);
	if (inner < 0)
		return -errno;
	if (outer < 0) {
		LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = inner);

		outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "earmark_fences", 4, 4, 1,
				       &opts);
	}
	if (outer < 0)
		return -errno;
	return bpf_map_update_elem(outer, &zero, &inner, BPF_ANY) ? -errno : 0;
}
