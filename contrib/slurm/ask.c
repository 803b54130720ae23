// SPDX-License-Identifier: GPL-2.0
/* HTTP over a unix socket, with a deadline; see ask.h. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "ask.h"
#include "base/cleanup.h"
#include "base/text.h"

#define ANSWER_MAX 4096

/* --- the body ---------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void add(struct em_slurm_body *b, const char *format,
						      ...)
{
	size_t room = sizeof(b->text) - b->n;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(b->text + b->n, room, format, args);
	va_end(args);
	/* full: it stays full, and is not sent */
	b->n = n < 0 || (size_t)n >= room ? sizeof(b->text) - 1 : b->n + (size_t)n;
}

static void add_quoted(struct em_slurm_body *b, const char *s, size_t n)
{
	add(b, "\"");
	for (; n; n--, s++)
		add(b, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	add(b, "\"");
}

static void add_key(struct em_slurm_body *b, const char *key)
{
	add(b, "%s\"%s\":", b->n > 1 ? "," : "", key);
}

void em_slurm_body_begin(struct em_slurm_body *b)
{
	b->n = 0;
	add(b, "{");
}

void em_slurm_body_string(struct em_slurm_body *b, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	add_key(b, key);
	add_quoted(b, value, strlen(value));
}

void em_slurm_body_number(struct em_slurm_body *b, const char *key, unsigned long value)
{
	add_key(b, key);
	add(b, "%lu", value);
}

void em_slurm_body_words(struct em_slurm_body *b, const char *key, const char *values)
{
	bool first = true;

	add_key(b, key);
	add(b, "[");
	for (values += strspn(values, " "); *values; values += strspn(values, " ")) {
		size_t n = strcspn(values, " ");

		if (!first)
			add(b, ",");
		first = false;
		add_quoted(b, values, n);
		values += n;
	}
	add(b, "]");
}

void em_slurm_body_end(struct em_slurm_body *b)
{
	add(b, "}");
}

/* --- asking ------------------------------------------------------------------------------ */

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until the socket is ready for @events, or it is @until. */
static int wait_for(int fd, short events, long until)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		long left = until - now_ms();
		int r = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* A full backlog answers EAGAIN at once, and would be there again a moment later. */
static int connect_to(int fd, const char *path, long until)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	while (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		if (errno == EISCONN)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (now_ms() >= until)
			return -ETIMEDOUT;
		poll(NULL, 0, 20);
	}
	return 0;
}

static int send_all(int fd, const char *data, size_t n, long until)
{
	while (n) {
		ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);

		if (sent > 0) {
			data += sent;
			n -= (size_t)sent;
			continue;
		}
		if (errno == EAGAIN) {
			int r = wait_for(fd, POLLOUT, until);

			if (r)
				return r;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* Until earmarkd closes, which it was asked to; what does not fit is read and forgotten. */
static int receive(int fd, char *out, size_t size, long until)
{
	size_t have = 0;

	for (;;) {
		char scratch[512];
		bool fits = have < size - 1;
		ssize_t n = recv(fd, fits ? out + have : scratch,
				 fits ? size - 1 - have : sizeof(scratch), 0);

		if (n > 0 && fits)
			have += (size_t)n;
		if (n == 0)
			break;
		if (n < 0 && errno == EAGAIN) {
			int r = wait_for(fd, POLLIN, until);

			if (r)
				return r;
		} else if (n < 0 && errno != EINTR) {
			return -errno;
		}
	}
	out[have] = '\0';
	return 0;
}

static int converse(const char *socket_path, const char *path, const struct em_slurm_body *body,
		    char answer[ANSWER_MAX], long until)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char head[256];
	int n = snprintf(head, sizeof(head),
			 "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
			 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
			 path, body->n);
	int r = fd < 0 ? -errno : connect_to(fd, socket_path, until);

	r = r ?: send_all(fd, head, (size_t)n, until);
	r = r ?: send_all(fd, body->text, body->n, until);
	return r ?: receive(fd, answer, ANSWER_MAX, until);
}

/* What stands in "error": an object of our own daemon's, whose strings escape " and \ alone. */
static void say_error(const char *answer, int status, char *err, size_t len)
{
	static const char key[] = "\"error\"";
	const char *s = strstr(answer, key);
	char text[512];
	size_t n = 0;

	s = s ? strchr(s + strlen(key), '"') : NULL;
	for (s = s ? s + 1 : ""; *s && *s != '"' && n < sizeof(text) - 1; s++) {
		s += *s == '\\' && s[1];
		text[n++] = *s;
	}
	text[n] = '\0';
	if (n)
		em_text_safe(err, len, text);
	else
		snprintf(err, len, "earmarkd answered with HTTP %d", status);
}

int em_slurm_ask(const char *socket, const char *path, const struct em_slurm_body *body, int ms,
		 char *err, size_t len)
{
	char answer[ANSWER_MAX];
	int status = 0, r;

	if (body->n >= sizeof(body->text) - 1) {
		snprintf(err, len, "the request for earmarkd is too long");
		return -EMSGSIZE;
	}
	r = converse(socket, path, body, answer, now_ms() + ms);
	if (r) {
		snprintf(err, len, "earmarkd does not answer on %s: %s", socket, strerror(-r));
		return r == -ENOENT ? -ECONNREFUSED : r;
	}
	if (sscanf(answer, "HTTP/1.%*d %d", &status) == 1 && status >= 200 && status < 300)
		return 0;
	say_error(answer, status, err, len);
	return status == 404 ? -ENOENT : -EPROTO;
}
