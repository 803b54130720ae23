// SPDX-License-Identifier: GPL-2.0
/* Which devices are GPUs, and which of their files are open now; see sensor.h. */
#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "kernel/sensor.h"
#include "kernel/sensor_map.h"
#include "kernel/sensor_pin.h"

static bool listed(const __u32 *devnums, unsigned int n, __u32 devnum)
{
	while (n--) {
		if (devnums[n] == devnum)
			return true;
	}
	return false;
}

/* With the module the map is not there: its kfuncs know the devices. */
int em_sensor_devnums(struct em_sensor *s, const __u32 *devnums, unsigned int n)
{
	_cleanup_close_ int fd = em_map_open("devnums");
	__u32 key, next, one = 1;
	unsigned int i;
	int r, end;

	(void)s;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	for (i = 0; i < n; i++) {
		r = em_map_set(fd, &devnums[i], &one);
		if (r)
			return r;
	}
	for (end = em_map_next(fd, NULL, &next); !end;) {
		key = next;
		end = em_map_next(fd, &key, &next);
		if (!listed(devnums, n, key))
			em_map_delete(fd, &key);
	}
	return 0;
}

int em_sensor_seed(struct em_sensor *s, int (*each)(const struct earmark_ring *, void *), void *arg)
{
	_cleanup_close_ int link = -1, iter = -1;
	struct earmark_ring r;
	char path[128];
	ssize_t n;
	int rc;

	(void)s;
	em_pin_path(path, sizeof(path), "link_", "hold_seed");
	link = bpf_obj_get(path);
	if (link < 0)
		return -errno;
	iter = bpf_iter_create(link);
	if (iter < 0)
		return -errno;
	for (;;) {
		n = read(iter, &r, sizeof(r));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if (n != sizeof(r))
			return -EIO;
		rc = each ? each(&r, arg) : 0;
		if (rc)
			return rc;
	}
}
