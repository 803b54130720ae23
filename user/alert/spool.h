/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A directory of JSON files, each written whole or not at all. "NAME.json" waits; what was done
 * leaves "NAME.done", for a while, so that it is not put in again.
 */
#ifndef EM_SPOOL_H
#define EM_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

#define EM_SPOOL_MAX 1024
#define EM_SPOOL_DONE 512
#define EM_SPOOL_NAME 160

/* Makes @dir/@name, mode 0700. Return: a descriptor of it, or -errno. */
int em_spool_open(const char *dir, const char *name);
/* -EEXIST: it waits or is done already; -ENOSPC: EM_SPOOL_MAX wait. */
int em_spool_put(int spool, const char *name, const json_t *entry);
/* Whatever was there before. */
int em_spool_replace(int spool, const char *name, const json_t *entry);
/* What waits, in order of names, without ".json". Return: how many, or -errno. */
int em_spool_names(int spool, char (**names)[EM_SPOOL_NAME]);
json_t *em_spool_get(int spool, const char *name); /* new reference; NULL: unreadable */
int em_spool_done(int spool, const char *name);
int em_spool_remove(int spool, const char *name);
/* Holds the spool for the caller alone, until the descriptor is closed. -EAGAIN: another does. */
int em_spool_lock(int spool);

#endif
