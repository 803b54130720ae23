/* SPDX-License-Identifier: GPL-2.0 */
/* The files behind the paths that were given. */
#ifndef EM_REPLAY_FILES_H
#define EM_REPLAY_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct em_files {
	char **list;
	size_t n;
};

/*
 * em_files_find() - @directories: of a directory, its files *.csv and *.csv.gz by name
 *
 * Return: 0 or -errno with a sentence in @err.
 */
int em_files_find(struct em_files *files, char *const *paths, size_t n, bool directories, char *err,
		  size_t len);
void em_files_clear(struct em_files *files);

#endif
