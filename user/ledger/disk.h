/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files that are whole or not there. Each step that a crash can fall between goes past
 * em_disk_hook, so that tests can make it fall there.
 */
#ifndef EM_DISK_H
#define EM_DISK_H

#include <stdbool.h>
#include <stddef.h>

enum em_disk_step { EM_DISK_WRITE, EM_DISK_FSYNC, EM_DISK_RENAME, EM_DISK_FSYNC_DIR };

/* Called before each step; what it returns other than 0 is the step's failure. NULL = none. */
extern int (*em_disk_hook)(enum em_disk_step step, const char *path, int fd, const void *bytes,
			   size_t len);

/*
 * em_disk_put() - write a file under its name once all of it is on the disk
 * @dir: what @path is relative to; missing folders are made
 *
 * Return: 0 or -errno; then the old file, if there was one, still stands.
 */
int em_disk_put(int dir, const char *path, const void *bytes, size_t len, unsigned int mode);

/* Adds to a file's end and syncs it; a new file's folder is synced too. */
int em_disk_add(int dir, const char *path, const void *bytes, size_t len, unsigned int mode);

#endif
