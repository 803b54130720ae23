/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an executable is, whatever it is called: its SHA-256. A large one is not read: its build id
 * stands for it, or, where it has none, device, inode and size, which is said.
 */
#ifndef EM_DAEMON_EXECUTABLE_H
#define EM_DAEMON_EXECUTABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define EM_EXECUTABLE_LARGEST (2LL << 30) /* that is read, in bytes */
#define EM_EXECUTABLES_KNOWN 256
#define EM_EXECUTABLE_LEN 80

/* struct em_executables - those read before, the oldest forgotten first; @read: how many were */
struct em_executables {
	struct em_executable_known {
		struct stat st;
		char id[EM_EXECUTABLE_LEN];
	} known[EM_EXECUTABLES_KNOWN];
	unsigned int next, read;
};

/*
 * em_executable_open() - the program that a process runs
 *
 * Nothing of a FUSE file system is opened: whoever serves it could keep us waiting for ever.
 * Return: a descriptor, or -errno with a sentence in @why.
 */
int em_executable_open(unsigned int pid, char *why, size_t len);

/**
 * em_executable_identify() - "sha256:…", "build-id:…" or "size-inode:…"
 * @largest: bytes that are read at most
 * @stop: ends the reading early (-EINTR)
 *
 * One that is known by (device, inode, mtime, ctime, size) is not read again.
 * Return: 0 or -errno with a sentence in @why.
 */
int em_executable_identify(struct em_executables *known, int fd, off_t largest,
			   const atomic_bool *stop, char id[EM_EXECUTABLE_LEN], char *why,
			   size_t len);

#endif
