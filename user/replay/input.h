/* SPDX-License-Identifier: GPL-2.0 */
/* A file of lines, plain or gzip, and the hash of what was read. */
#ifndef EM_REPLAY_INPUT_H
#define EM_REPLAY_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sodium.h>
#include <zlib.h>

#define EM_INPUT_LINE_MAX (1 << 20)

/**
 * struct em_input - a file being read
 * @path: the caller's; "-" is standard input
 * @line: number of the line that was given out last, from 1; @next_line: of the next
 * @size: of the file as it lies there; 0 = unknown
 */
struct em_input {
	const char *path;
	uint64_t line, next_line, size;
	gzFile gz;
	crypto_generichash_state hash;
	char *buf;
	size_t at, end;
	bool eof;
	char err[256];
};

/* Return: 0 or -errno with @in->err set. */
int em_input_open(struct em_input *in, const char *path);
void em_input_close(struct em_input *in);

/*
 * em_input_line() - the next line, NUL-terminated, without its end
 *
 * Where @quote is given, a line's end inside of quotes is a part of the line. The text lives
 * until the next call.
 *
 * Return: 1; 0 at the end; -EBADMSG: this line cannot be used, @why says why, the next can;
 * another -errno with @in->err set.
 */
int em_input_line(struct em_input *in, char quote, char separator, char **line, size_t *len,
		  const char **why);

/* What the file begins with, without taking it. Return: how many bytes, or -errno. */
int em_input_peek(struct em_input *in, const char **bytes);

/* Bytes as they come, for parsers of their own. Return: how many, 0 at the end, or -errno. */
long em_input_bytes(struct em_input *in, const char **bytes);

/* BLAKE2b of all that was read. */
void em_input_digest(struct em_input *in, uint8_t out[32]);

/* How much of @size was read. */
uint64_t em_input_done(struct em_input *in);

#endif
