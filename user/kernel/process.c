// SPDX-License-Identifier: GPL-2.0
/* Processes and their jobs; see process.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/time.h"
#include "kernel/cgroup.h"
#include "kernel/process.h"

#define CGROUPS_MAX 65536
#define STARTED_FIELD 22 /* of /proc/PID/stat, counted from 1: clock ticks since boot */

static const char *proc_of(const struct em_roots *roots)
{
	return roots && roots->proc ? roots->proc : "/proc";
}

/* Since boot, of a clock that goes on while the machine sleeps; ours does not. */
static __u64 monotonic_of(unsigned long long ticks)
{
	struct timespec boot, mono;
	__int128 slept;
	__u64 at = ticks * (EM_NS_PER_S / (unsigned long long)sysconf(_SC_CLK_TCK));

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	slept = (__int128)(boot.tv_sec - mono.tv_sec) * EM_NS_PER_S + boot.tv_nsec - mono.tv_nsec;
	return slept > 0 && (__int128)at > slept ? at - (__u64)slept : at;
}

/* A name may hold anything, brackets and spaces too: what follows the last bracket counts. */
static int read_stat(struct em_process *p, const char *text)
{
	const char *open = strchr(text, '('), *at = strrchr(text, ')');
	unsigned long long ticks;
	size_t n;

	if (!open || !at || at < open)
		return -EPROTO;
	n = (size_t)(at - open - 1);
	n = n < sizeof(p->comm) ? n : sizeof(p->comm) - 1;
	memcpy(p->comm, open + 1, n);
	p->comm[n] = '\0';
	for (int field = 2; at && field < STARTED_FIELD; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %llu", &ticks) != 1)
		return -EPROTO;
	p->started = monotonic_of(ticks);
	return 0;
}

int em_process_cgroup(const struct em_roots *roots, __u32 pid, char *out, size_t len)
{
	_cleanup_free_ char *text = NULL;
	char file[4096], *state = NULL, *line;
	long r;

	snprintf(file, sizeof(file), "%s/%u/cgroup", proc_of(roots), pid);
	r = em_file_read(AT_FDCWD, file, CGROUPS_MAX, &text);
	if (r < 0)
		return (int)r;
	for (line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		if (strncmp(line, "0::/", 4))
			continue;
		return (size_t)snprintf(out, len, "%s", line + 3) < len ? 0 : -ENAMETOOLONG;
	}
	return -ENODATA; /* no v2 hierarchy */
}

int em_process_read(struct em_process *p, const struct em_roots *roots, __u32 pid)
{
	const char *root = roots && roots->cgroup ? roots->cgroup : em_cgroup_root();
	_cleanup_free_ char *text = NULL;
	char file[8192], path[4096];
	struct stat st;
	long n;
	int r;

	*p = (struct em_process){ .pid = pid };
	snprintf(file, sizeof(file), "%s/%u/stat", proc_of(roots), pid);
	n = em_file_read(AT_FDCWD, file, 4096, &text);
	r = n < 0 ? (int)n : read_stat(p, text);
	if (r)
		return r;
	if (em_process_cgroup(roots, pid, path, sizeof(path)))
		return 0;
	snprintf(file, sizeof(file), "%s%s", root, path);
	if (!stat(file, &st))
		p->job = st.st_ino;
	return 0;
}

/* --- who has a device open ------------------------------------------------------------------- */

/*
 * Which of them the process has open, a bit each. Attributes are taken as they are known: a file
 * system in user space could keep us waiting for fresh ones.
 */
static __u64 opened(int fds, const __u32 *devnums, unsigned int n)
{
	int copy = dup(fds);
	_cleanup_closedir_ DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *e;
	struct statx st;
	__u64 mask = 0;

	if (!dir && copy >= 0)
		close(copy);
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.' ||
		    statx(fds, e->d_name, AT_STATX_DONT_SYNC, STATX_TYPE, &st) ||
		    !S_ISCHR(st.stx_mode))
			continue;
		for (unsigned int i = 0; i < n; i++) {
			if (devnums[i] == (st.stx_rdev_major << 20 | st.stx_rdev_minor))
				mask |= 1ULL << i;
		}
	}
	return mask;
}

static int each_opened(const struct em_roots *roots, const char *pid, __u64 mask,
		       const __u32 *devnums, em_process_opener *each, void *arg)
{
	struct em_process p;
	int r = 0;

	if (!mask || em_process_read(&p, roots, (__u32)strtoul(pid, NULL, 10)))
		return 0;
	for (unsigned int i = 0; !r && i < EM_PROCESS_DEVICES; i++) {
		if (mask & 1ULL << i)
			r = each(&p, devnums[i], arg);
	}
	return r;
}

int em_process_openers(const struct em_roots *roots, const __u32 *devnums, unsigned int n,
		       em_process_opener *each, void *arg)
{
	_cleanup_closedir_ DIR *proc = opendir(proc_of(roots));
	const struct dirent *e;
	char path[4096];
	int r = 0;

	if (!proc)
		return -errno;
	n = n < EM_PROCESS_DEVICES ? n : EM_PROCESS_DEVICES;
	while (!r && (e = readdir(proc))) {
		_cleanup_close_ int fds = -1;

		if (e->d_name[strspn(e->d_name, "0123456789")])
			continue;
		snprintf(path, sizeof(path), "%s/%s/fd", proc_of(roots), e->d_name);
		fds = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fds >= 0)
			r = each_opened(roots, e->d_name, opened(fds, devnums, n), devnums, each,
					arg);
	}
	return r;
}
