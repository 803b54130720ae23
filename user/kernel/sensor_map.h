/* SPDX-License-Identifier: GPL-2.0 */
/* Pinned BPF maps, by name in EM_SENSOR_PIN_DIR. Everything returns 0 or -errno. */
#ifndef EM_SENSOR_MAP_H
#define EM_SENSOR_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include "earmark.h"

int em_map_open(const char *name);                                /* fd or -errno */
void *em_map_mmap(int fd, size_t offset, size_t len, bool write); /* NULL: errno says why */
size_t em_map_size(int fd); /* value size × entries of an array; entries of a ring; 0 = error */
__u32 em_map_id(int fd);    /* of this very map in this boot; 0 = error */

int em_map_get(int fd, const void *key, void *value);
int em_map_set(int fd, const void *key, const void *value);
int em_map_delete(int fd, const void *key);
int em_map_next(int fd, const void *key, void *next); /* key NULL = first; -ENOENT = end */
int em_map_sum(int fd, __u32 key, __u64 *sum);        /* of a per-processor u64 */
int em_map_clear(int fd, size_t key_size);            /* all keys */

/* A pinned array of @size bytes that can be mapped; fd or -errno. */
int em_map_create_file(const char *name, size_t size);
int em_map_rename(const char *from, const char *to); /* replaces @to in one step */

/* Returns when every BPF program that runs now has ended. */
int em_map_synchronize(void);

#endif
