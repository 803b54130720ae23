/* SPDX-License-Identifier: GPL-2.0 */
/* A line's fields, and which of them is what. */
#ifndef EM_REPLAY_FIELDS_H
#define EM_REPLAY_FIELDS_H

#include <stddef.h>

#define EM_COLUMNS_MAX 1024

/* struct em_fields - pointers into the line */
struct em_fields {
	char *f[EM_COLUMNS_MAX];
	size_t n;
};

/*
 * Splits @line in place; by RFC 4180 where @quote is given. Return: NULL or why it cannot.
 */
const char *em_fields_split(struct em_fields *fields, char *line, char separator, char quote);

/* The field of that name, without regard to case. Return: its index, -1 none, -2 several. */
int em_fields_find(const struct em_fields *fields, const char *name);

/* All of them, as they may be shown: "a, b, c". */
const char *em_fields_list(const struct em_fields *fields, char *out, size_t len);

#endif
