// SPDX-License-Identifier: GPL-2.0
/* Directories of tables; see files.h. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "replay/files.h"

void em_files_clear(struct em_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->list[i]);
	free(files->list);
	memset(files, 0, sizeof(*files));
}

/* Takes @path over. */
static int add(struct em_files *files, char *path)
{
	char **more = path ? reallocarray(files->list, files->n + 1, sizeof(*more)) : NULL;

	if (!more) {
		free(path);
		return -ENOMEM;
	}
	files->list = more;
	files->list[files->n++] = path;
	return 0;
}

static int is_table(const struct dirent *e)
{
	return !fnmatch("*.csv", e->d_name, FNM_PERIOD) ||
	       !fnmatch("*.csv.gz", e->d_name, FNM_PERIOD);
}

static int add_directory(struct em_files *files, const char *path, char *err, size_t len)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_table, alphasort), ret = 0;
	char safe[256];

	em_text_safe(safe, sizeof(safe), path);
	if (n < 0) {
		ret = -errno;
		snprintf(err, len, "%s cannot be read: %s", safe, strerror(errno));
		return ret;
	}
	for (int i = 0; i < n; i++) {
		char *file = NULL;

		if (!ret && asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
			ret = -ENOMEM;
		if (!ret)
			ret = add(files, file);
		free(entries[i]);
	}
	free(entries);
	if (!n) {
		snprintf(err, len, "%s has no *.csv and no *.csv.gz in it", safe);
		return -ENOENT;
	}
	return ret;
}

int em_files_find(struct em_files *files, char *const *paths, size_t n, bool directories, char *err,
		  size_t len)
{
	struct stat st;
	int ret = 0;

	for (size_t i = 0; !ret && i < n; i++) {
		if (directories && !stat(paths[i], &st) && S_ISDIR(st.st_mode))
			ret = add_directory(files, paths[i], err, len);
		else
			ret = add(files, strdup(paths[i]));
	}
	return ret;
}
