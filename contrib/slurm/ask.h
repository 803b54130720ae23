/* SPDX-License-Identifier: GPL-2.0 */
/* Asking earmarkd from inside a daemon of Slurm: libc only, and never for longer than said. */
#ifndef EM_SLURM_ASK_H
#define EM_SLURM_ASK_H

#include <stddef.h>

/* A JSON object in the making; what does not fit leaves it unfinished, and it is not sent. */
struct em_slurm_body {
	char text[8192];
	size_t n;
};

void em_slurm_body_begin(struct em_slurm_body *b);
/* @value NULL or "": left out. @value is UTF-8 without control characters. */
void em_slurm_body_string(struct em_slurm_body *b, const char *key, const char *value);
void em_slurm_body_number(struct em_slurm_body *b, const char *key, unsigned long value);
/* @values: words between blanks, as a list of strings */
void em_slurm_body_words(struct em_slurm_body *b, const char *key, const char *values);
void em_slurm_body_end(struct em_slurm_body *b);

/*
 * em_slurm_ask() - POST to earmarkd
 * @ms: the longest that connecting, asking and waiting take together
 * @err: on failure one sentence, earmarkd's own where it answered; safe to log
 *
 * Return: 0, or -errno; -ENOENT also where earmarkd does not know the path.
 */
int em_slurm_ask(const char *socket, const char *path, const struct em_slurm_body *body, int ms,
		 char *err, size_t len);

#endif
