// SPDX-License-Identifier: GPL-2.0
/* The API's server and client against each other, and against peers that misbehave. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "api/api.h"

static char path[64];
static struct em_server *server;
static pid_t child;

static int echo(void *arg, const struct em_peer *peer, json_t *body, json_t **answer, char *err,
		size_t len)
{
	(void)arg;
	(void)err;
	(void)len;
	*answer = json_pack("{s:O, s:i, s:i, s:b, s:b}", "body", body, "uid", peer->uid, "pid",
			    peer->pid, "alive", em_peer_alive(peer), "group",
			    em_peer_in_group(peer, getegid()));
	return 0;
}

static int refuse(void *arg, const struct em_peer *peer, json_t *body, json_t **answer, char *err,
		  size_t len)
{
	(void)arg;
	(void)peer;
	(void)answer;
	snprintf(err, len, "no: \x1b[2J");
	return -(int)json_integer_value(json_object_get(body, "errno"));
}

static const struct em_route routes[] = {
	{ "GET", "/v1/echo", echo },
	{ "POST", "/v1/echo", echo },
	{ "POST", "/v1/refuse", refuse },
	{ NULL },
};

static void serve(void)
{
	for (;;) {
		struct pollfd p = { .fd = em_server_fd(server), .events = POLLIN };

		poll(&p, 1, 20);
		em_server_run(server);
	}
}

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	snprintf(path, sizeof(path), "/tmp/earmark-api.%d", getpid());
	if (em_server_open(&server, path, routes, NULL))
		return -1;
	child = fork();
	if (!child)
		serve();
	return child < 0;
}

static int teardown(void **state)
{
	int status;

	(void)state;
	/* still alive after all that was thrown at it */
	if (waitpid(child, &status, WNOHANG) || kill(child, SIGKILL) ||
	    waitpid(child, &status, 0) != child)
		return -1;
	em_server_close(server);
	return access(path, F_OK) ? 0 : -1; /* the socket is gone */
}

static int connect_to(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* What the server answers to these bytes, as far as it comes in one piece. */
static const char *raw(const char *request, size_t len)
{
	static char answer[4096];
	int fd = connect_to();
	size_t at = 0;
	ssize_t n;

	for (size_t sent = 0; sent < len; sent += (size_t)n) {
		n = write(fd, request + sent, len - sent);
		if (n <= 0)
			break;
	}
	shutdown(fd, SHUT_WR);
	while (at < sizeof(answer) - 1 && (n = read(fd, answer + at, sizeof(answer) - 1 - at)) > 0)
		at += (size_t)n;
	answer[at] = '\0';
	close(fd);
	return answer;
}

static bool says(const char *request, const char *status)
{
	const char *answer = raw(request, strlen(request));

	if (!strncmp(answer, status, strlen(status)))
		return true;
	print_error("answered: %s\n", answer);
	return false;
}

static void there_and_back(void **state)
{
	json_t *body = json_pack("{s:s}", "k", "ä\"\n"), *answer = NULL;
	char err[256];

	(void)state;
	assert_int_equal(em_api_call(path, "POST", "/v1/echo", body, &answer, err, sizeof(err)), 0);
	assert_true(json_equal(json_object_get(answer, "body"), body));
	assert_int_equal(json_integer_value(json_object_get(answer, "uid")), geteuid());
	assert_int_equal(json_integer_value(json_object_get(answer, "pid")), getpid());
	assert_true(json_is_true(json_object_get(answer, "alive")));
	assert_true(json_is_true(json_object_get(answer, "group")));
	json_decref(answer);
	json_decref(body);
	assert_int_equal(em_api_call(path, "GET", "/v1/echo", NULL, &answer, err, sizeof(err)), 0);
	assert_int_equal(json_object_size(json_object_get(answer, "body")), 0);
	json_decref(answer);
}

static void refusals_keep_errno_and_sentence(void **state)
{
	static const int errors[] = { EPERM, ENOENT, EINVAL, EDQUOT, ENOSPC, EUCLEAN };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		json_t *body = json_pack("{s:i}", "errno", errors[i]), *answer = NULL;
		char err[256];

		assert_int_equal(
			em_api_call(path, "POST", "/v1/refuse", body, &answer, err, sizeof(err)),
			-errors[i]);
		assert_string_equal(err, "no: \\x1b[2J"); /* and cannot move the cursor */
		assert_null(answer);
		json_decref(body);
	}
}

static void bad_requests(void **state)
{
	(void)state;
	assert_true(says("GET /nosuch HTTP/1.0\r\n\r\n", "HTTP/1.1 404"));
	assert_true(says("DELETE /v1/echo HTTP/1.0\r\n\r\n", "HTTP/1.1 405"));
	assert_true(says("POST /v1/echo HTTP/1.0\r\nContent-Length: 3\r\n\r\n{x}", "HTTP/1.1 400"));
	assert_true(says("POST /v1/echo HTTP/1.0\r\nContent-Length: 2\r\n\r\n[]", "HTTP/1.1 400"));
	assert_true(says("POST /v1/echo HTTP/1.0\r\nContent-Length: 15\r\n\r\n{\"a\":1,\"a\":2}  ",
			 "HTTP/1.1 400"));
	assert_true(says("POST /v1/refuse HTTP/1.0\r\nContent-Length: 11\r\n\r\n{\"errno\":1}",
			 "HTTP/1.1 403"));
	assert_true(says("POST /v1/echo HTTP/1.0\r\n\r\n", "HTTP/1.1 200"));
	raw("\0\0\0\0\r\n\r\n", 8); /* whatever it is, the server lives */
	raw("GET", 3);
	assert_true(says("GET /v1/echo HTTP/1.0\r\n\r\n", "HTTP/1.1 200"));
}

static void large_bodies(void **state)
{
	static char request[1 << 20];
	size_t head, body = EM_API_BODY_MAX;

	(void)state;
	/* the largest that is taken: all of it is white space but for the braces */
	head = (size_t)snprintf(request, sizeof(request),
				"POST /v1/echo HTTP/1.0\r\nContent-Length: %zu\r\n\r\n", body);
	memset(request + head, ' ', body);
	request[head] = '{';
	request[head + body - 1] = '}';
	assert_memory_equal(raw(request, head + body), "HTTP/1.1 200", 12);
	body++;
	head = (size_t)snprintf(request, sizeof(request),
				"POST /v1/echo HTTP/1.0\r\nContent-Length: %zu\r\n\r\n", body);
	memset(request + head, ' ', body);
	assert_memory_equal(raw(request, head + body), "HTTP/1.1 413", 12);
	body = 500000;
	head = (size_t)snprintf(request, sizeof(request),
				"POST /v1/echo HTTP/1.0\r\nContent-Length: %zu\r\n\r\n", body);
	memset(request + head, '[', body);
	assert_memory_equal(raw(request, head + body), "HTTP/1.1 413", 12);
}

static void one_user_cannot_take_all(void **state)
{
	int fds[40], refused = 0;
	char byte;

	(void)state;
	for (int i = 0; i < 40; i++) {
		struct timeval wait = { .tv_usec = 20000 };

		fds[i] = connect_to();
		setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	}
	usleep(100000);
	for (int i = 0; i < 40; i++)
		refused += read(fds[i], &byte, 1) == 0;
	for (int i = 0; i < 40; i++)
		close(fds[i]);
	assert_int_equal(refused, 40 - 16);
	usleep(100000);
	assert_true(says("GET /v1/echo HTTP/1.0\r\n\r\n", "HTTP/1.1 200"));
}

static void nobody_there(void **state)
{
	struct em_server *second = NULL;
	json_t *answer = NULL;
	char err[256];
	int r = em_api_call("/nosuch", "GET", "/v1/echo", NULL, &answer, err, sizeof(err));

	(void)state;
	assert_true(r < 0);
	assert_non_null(strstr(err, "/nosuch"));
	assert_non_null(strstr(err, "systemctl start earmarkd"));
	assert_int_equal(em_server_open(&second, path, routes, NULL), -EADDRINUSE);
	assert_null(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(refusals_keep_errno_and_sentence),
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(large_bodies),
		cmocka_unit_test(one_user_cannot_take_all),
		cmocka_unit_test(nobody_there),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
