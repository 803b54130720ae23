/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the test double of NVML share; see double.c. */
#ifndef DOUBLE_H
#define DOUBLE_H

typedef int nvmlReturn_t;
enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7 };

#define MOST 512

typedef struct nvmlDevice_st {
	int gpu, place; /* -1: the whole */
} * nvmlDevice_t;

/* Calls @each for the words of each line that begins with @key, and is of @d unless that is NULL.
 */
int lines(const char *key, nvmlDevice_t d, int (*each)(char words[6][128], void *), void *arg);
int line_of(const char *key, nvmlDevice_t d, char words[6][128]); /* the last; 0: there is none */
nvmlReturn_t state_of(nvmlDevice_t d, const char *what); /* what calls of that kind return */

#endif
