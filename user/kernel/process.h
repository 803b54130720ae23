/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which job a process id means. Ids are used again: one that a driver remembers may be another's
 * by now, which the time that its process started tells.
 */
#ifndef EM_PROCESS_H
#define EM_PROCESS_H

#include <linux/types.h>

/* struct em_roots - where /proc and the v2 hierarchy are; NULL: where they are. For tests. */
struct em_roots {
	const char *proc, *cgroup;
};

/**
 * struct em_process - a process
 * @started: CLOCK_MONOTONIC, ns, to a hundredth of a second
 * @job: its cgroup's id, 0 = that is gone or cannot be told
 */
struct em_process {
	__u32 pid;
	__u64 started;
	__u64 job;
	char comm[16];
};

/* Return: 0, or -errno: -ENOENT, -ESRCH: there is none. */
int em_process_read(struct em_process *p, const struct em_roots *roots, __u32 pid);

/* The path of its cgroup below the root. 0, -ENODATA: it is in none of version 2, or -errno. */
int em_process_cgroup(const struct em_roots *roots, __u32 pid, char *out, size_t len);

#define EM_PROCESS_DEVICES 64

typedef int em_process_opener(const struct em_process *p, __u32 devnum, void *arg);

/*
 * em_process_openers() - who has these device files open
 * @devnums: (major << 20) | minor, at most EM_PROCESS_DEVICES
 * @each: is called for each process and device; other than 0 ends the walk and is returned
 *
 * Walks over /proc/PID/fd, which needs CAP_SYS_PTRACE to see those of others.
 */
int em_process_openers(const struct em_roots *roots, const __u32 *devnums, unsigned int n,
		       em_process_opener *each, void *arg);

#endif
