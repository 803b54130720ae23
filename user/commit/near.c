// SPDX-License-Identifier: GPL-2.0
/* Levenshtein's distance, of short words; see near.h. */
#include <stdint.h>
#include <string.h>

#include "commit/near.h"

#define WORD_MAX 64

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

size_t em_near_distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], la = strlen(a), lb = strlen(b);

	if (la > WORD_MAX || lb > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1]));
			corner = above;
		}
	}
	return row[lb];
}

const char *em_near(const char *const *words, const char *word)
{
	const char *best = *words;

	for (; *words; words++) {
		if (em_near_distance(word, *words) < em_near_distance(word, best))
			best = *words;
	}
	return best;
}
