// SPDX-License-Identifier: GPL-2.0
/* Lines from a plain or gzip file; see input.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "replay/input.h"

#define CHUNK (256 * 1024)
#define ROOM (EM_INPUT_LINE_MAX + CHUNK)

/* Sets the sentence: the file, then @words. Return: @ret. */
__attribute__((format(printf, 3, 4))) static int fail(struct em_input *in, int ret,
						      const char *words, ...)
{
	char safe[128];
	va_list args;
	int n = snprintf(in->err, sizeof(in->err), "%s",
			 em_text_safe(safe, sizeof(safe), in->path));

	va_start(args, words);
	if (n >= 0 && (size_t)n < sizeof(in->err))
		vsnprintf(in->err + n, sizeof(in->err) - (size_t)n, words, args);
	va_end(args);
	return ret;
}

int em_input_open(struct em_input *in, const char *path)
{
	struct stat st;
	int fd;

	memset(in, 0, sizeof(*in));
	in->path = path;
	in->next_line = 1;
	crypto_generichash_init(&in->hash, NULL, 0, 32);
	if (!strcmp(path, "-")) {
		fd = dup(STDIN_FILENO);
		in->gz = fd < 0 ? NULL : gzdopen(fd, "rb");
	} else {
		if (stat(path, &st))
			return fail(in, -errno, " cannot be read: %s", strerror(errno));
		if (S_ISDIR(st.st_mode))
			return fail(in, -EISDIR, " is a directory: name its files");
		in->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
		in->gz = gzopen(path, "rbe");
	}
	if (!in->gz)
		return fail(in, errno ? -errno : -ENOMEM, " cannot be read: %s", strerror(errno));
	gzbuffer(in->gz, CHUNK);
	in->buf = malloc(ROOM + 1);
	return in->buf ? 0 : fail(in, -ENOMEM, ": out of memory");
}

void em_input_close(struct em_input *in)
{
	if (in->gz)
		gzclose(in->gz);
	free(in->buf);
	in->gz = NULL;
	in->buf = NULL;
}

/* One more chunk at the buffer's end. */
static int fill(struct em_input *in)
{
	int n, code;

	if (in->at) {
		memmove(in->buf, in->buf + in->at, in->end - in->at);
		in->end -= in->at;
		in->at = 0;
	}
	n = gzread(in->gz, in->buf + in->end,
		   ROOM - in->end < CHUNK ? (unsigned int)(ROOM - in->end) : CHUNK);
	gzerror(in->gz, &code);
	if (n < 0 || (n == 0 && code != Z_OK && code != Z_STREAM_END))
		return fail(in, -EIO, " cannot be read to its end: %s",
			    code == Z_ERRNO       ? strerror(errno)
			    : code == Z_BUF_ERROR ? "the gzip data is cut off"
						  : "the gzip data is damaged");
	in->eof = n == 0;
	crypto_generichash_update(&in->hash, (unsigned char *)in->buf + in->end, (size_t)n);
	in->end += (size_t)n;
	return 0;
}

int em_input_peek(struct em_input *in, const char **bytes)
{
	int ret = in->at == in->end ? fill(in) : 0;

	*bytes = in->buf + in->at;
	return ret ? ret : (int)(in->end - in->at);
}

long em_input_bytes(struct em_input *in, const char **bytes)
{
	long n;
	int ret = in->at == in->end ? fill(in) : 0;

	if (ret)
		return ret;
	*bytes = in->buf + in->at;
	n = (long)(in->end - in->at);
	in->at = in->end;
	return n;
}

/*
 * The end of a line that may have quotes, which count where a field begins. Return: its
 * newline, or NULL; *@open: the text ends inside of quotes.
 */
static char *quoted_end(char *p, const char *end, char quote, char separator, bool *open)
{
	bool inside = false, begins = true;

	for (; p < end; p++) {
		if (inside) {
			if (*p != quote)
				continue;
			if (p + 1 < end && p[1] == quote)
				p++;
			else
				inside = false;
			continue;
		}
		if (*p == '\n')
			return p;
		inside = begins && *p == quote;
		begins = *p == separator;
	}
	*open = inside;
	return NULL;
}

static char *line_end(struct em_input *in, char quote, char separator, bool *open)
{
	char *start = in->buf + in->at, *end = memchr(start, '\n', in->end - in->at);
	size_t len = end ? (size_t)(end - start) : in->end - in->at;

	*open = false;
	if (!quote || !memchr(start, quote, len))
		return end;
	return quoted_end(start, in->buf + in->end, quote, separator, open);
}

/* Past the end of the line that the buffer begins with, however long it is. */
static int skip_line(struct em_input *in)
{
	char *end;
	int ret;

	while (!(end = memchr(in->buf + in->at, '\n', in->end - in->at))) {
		in->at = in->end;
		if (in->eof)
			return 0;
		ret = fill(in);
		if (ret)
			return ret;
	}
	in->at = (size_t)(end - in->buf) + 1;
	in->next_line++;
	return 0;
}

static int unusable(struct em_input *in, const char *reason, const char **why)
{
	int ret = skip_line(in);

	*why = reason;
	return ret ? ret : -EBADMSG;
}

static void count_lines(struct em_input *in, const char *line, size_t len)
{
	in->next_line++;
	while ((line = memchr(line, '\n', len))) {
		/* inside of quotes */
		in->next_line++;
		line++;
		len = (size_t)(in->buf + in->at - 1 - line);
	}
}

static int give(struct em_input *in, char *end, char **line, size_t *len, const char **why)
{
	*line = in->buf + in->at;
	*len = (size_t)(end - *line);
	in->at += *len + (end < in->buf + in->end);
	if (memchr(*line, '\n', *len))
		count_lines(in, *line, *len);
	else
		in->next_line++;
	if (*len && (*line)[*len - 1] == '\r')
		--*len;
	(*line)[*len] = '\0';
	if (memchr(*line, '\0', *len)) {
		*why = "it has a NUL byte in it";
		return -EBADMSG;
	}
	return 1;
}

int em_input_line(struct em_input *in, char quote, char separator, char **line, size_t *len,
		  const char **why)
{
	bool open;
	char *end;
	int ret;

	in->line = in->next_line;
	while (!(end = line_end(in, quote, separator, &open)) && !in->eof) {
		if (in->end - in->at > EM_INPUT_LINE_MAX)
			return unusable(in,
					open ? "a quote is not closed" : "it is longer than 1 MiB",
					why);
		ret = fill(in);
		if (ret)
			return ret;
	}
	if (!end && open)
		return unusable(in, "a quote is not closed", why);
	if (!end && in->at == in->end)
		return 0;
	return give(in, end ? end : in->buf + in->end, line, len, why);
}

void em_input_digest(struct em_input *in, uint8_t out[32])
{
	crypto_generichash_state copy = in->hash;

	crypto_generichash_final(&copy, out, 32);
}

uint64_t em_input_done(struct em_input *in)
{
	z_off_t at = gzoffset(in->gz);

	return at > 0 ? (uint64_t)at : 0;
}
