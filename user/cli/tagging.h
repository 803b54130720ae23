/* SPDX-License-Identifier: GPL-2.0 */
/* Setting a tag, by whichever way there is: the module, else the daemon. */
#ifndef EM_TAGGING_H
#define EM_TAGGING_H

#include <stddef.h>
#include "cli/cli.h"

/* struct em_tagging - what to say of a cgroup; @id is filled in */
struct em_tagging {
	unsigned int purpose, tagged_by;
	const char *project, *ref;
	__u32 id;
};

/* Checks the words of people; on failure @err says what would be right. */
int em_tagging_parse(struct em_tagging *t, const char *purpose, const char *tagged_by, char *err,
		     size_t len);

/* Tags the cgroup whose directory is @dir. 0 or -errno with @err. */
int em_tagging_set(struct em_args *a, struct em_tagging *t, const char *dir, char *err, size_t len);

#endif
