// SPDX-License-Identifier: GPL-2.0
/* What the ledgers of a report have signed, as they say themselves; see paging.h. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/paging.h"
#include "ledger/signature.h"
#include "report/report.h"

/* The checkpoint of one ledger's directory. Return: whether there is one. */
static bool add_checkpoint(json_t *list, const char *dir)
{
	char path[PATH_MAX], root[65], origin[2 * EM_KEY_NAME_LEN];
	_cleanup_free_ char *note = NULL;
	struct em_checkpoint c;
	long len;

	if (snprintf(path, sizeof(path), "%s/checkpoint", dir) >= (int)sizeof(path))
		return false;
	len = em_file_read(AT_FDCWD, path, EM_NOTE_MAX, &note);
	if (len < 0 || em_checkpoint_parse(&c, note, (size_t)len))
		return false;
	json_array_append_new(
		list,
		json_pack("{s:o,s:I,s:s}", "origin",
			  em_json_text(em_text_safe(origin, sizeof(origin), c.origin)), "size",
			  (json_int_t)c.size, "root", em_hex(root, &c.root, sizeof(c.root))));
	return true;
}

/* A directory of ledgers has them one below. */
static void add_checkpoints(json_t *list, const char *dir)
{
	_cleanup_closedir_ DIR *d = NULL;
	char path[PATH_MAX];
	struct dirent *e;

	if (add_checkpoint(list, dir))
		return;
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		if (*e->d_name != '.' &&
		    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) < (int)sizeof(path))
			add_checkpoint(list, path);
	}
}

json_t *em_paging_checkpoints(const struct em_args *a)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < a->n_ledgers; i++)
		add_checkpoints(list, a->ledgers[i]);
	if (!a->n_ledgers)
		add_checkpoints(list, a->ledger);
	return list;
}
