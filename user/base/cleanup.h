/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scoped cleanup: a variable that owns something gives it back when it leaves its scope.
 * TAKE_PTR() and TAKE_FD() hand ownership on.
 */
#ifndef EM_CLEANUP_H
#define EM_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <jansson.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define TAKE(var, none)                    \
	({                                 \
		__auto_type _take = (var); \
		(var) = (none);            \
		_take;                     \
	})
#define TAKE_PTR(ptr) TAKE(ptr, NULL)
#define TAKE_FD(fd) TAKE(fd, -1)

/* EM_CLEANUP(type, func) - func##p for _cleanup_(func##p), on a variable of that type */
#define EM_CLEANUP(type, func)              \
	static inline void func##p(type *p) \
	{                                   \
		if (*p)                     \
			func(*p);           \
	}                                   \
	extern int em_cleanup_eats_semicolon_

static inline void em_freep(void *p)
{
	free(*(void **)p);
}

static inline void em_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

EM_CLEANUP(FILE *, fclose);
EM_CLEANUP(DIR *, closedir);

#define _cleanup_free_ _cleanup_(em_freep)
#define _cleanup_close_ _cleanup_(em_closep)
#define _cleanup_fclose_ _cleanup_(fclosep)
#define _cleanup_closedir_ _cleanup_(closedirp)
#define _cleanup_json_ _cleanup_(json_decrefp) /* jansson's own */

#endif
