/* SPDX-License-Identifier: GPL-2.0 */
/* Which word was meant. */
#ifndef EM_NEAR_H
#define EM_NEAR_H

#include <stddef.h>

/* How many letters must be changed, added or left out; long words are as far as can be. */
size_t em_near_distance(const char *a, const char *b);

/* The nearest of @words, a list ended by NULL; NULL only if it is empty. */
const char *em_near(const char *const *words, const char *word);

#endif
