/* SPDX-License-Identifier: GPL-2.0 */
/* Whole small files. */
#ifndef EM_FILE_H
#define EM_FILE_H

#include <stddef.h>

/*
 * em_file_read() - a whole file of at most @max bytes, NUL-terminated
 * @dir: for a relative @path; AT_FDCWD
 *
 * Return: its length, or -errno (-EFBIG: longer).
 */
long em_file_read(int dir, const char *path, size_t max, char **ret);

/* As em_file_read() of a one-line file of /sys or /proc, without the line's end, into @out. */
int em_file_line(int dir, const char *path, char *out, size_t len);

/* This boot's id as hex, without dashes; "" with -errno. */
int em_boot_id(char hex[33]);

#endif
