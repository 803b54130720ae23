/* SPDX-License-Identifier: GPL-2.0 */
/* Which build of the module is loaded and which is installed, by the hash of its sources. */
#ifndef EM_CLI_MODULE_H
#define EM_CLI_MODULE_H

#include <stddef.h>

/* Each "" if it is not known. 0, or -ENOENT: none is loaded. */
int em_module_builds(char *loaded, char *installed, size_t len);

#endif
