// SPDX-License-Identifier: GPL-2.0
/* Serving /metrics; see metrics.h. A daemon of libmicrohttpd's own: the API's has no TCP. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <microhttpd.h>

#include "base/cleanup.h"
#include "daemon/metrics_state.h"

#define CONNECTIONS_MAX 16
#define IDLE_TIMEOUT_S 10
#define CONNECTION_MEMORY 16384
#define TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

EM_CLEANUP(struct em_metrics *, em_metrics_close);
EM_CLEANUP(struct addrinfo *, freeaddrinfo);

static enum MHD_Result answer(struct MHD_Connection *c, unsigned int status, const char *type,
			      char *text)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!r) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned int status, const char *why)
{
	char *text = strdup(why);

	return text ? answer(c, status, "text/plain", text) : MHD_NO;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **context)
{
	const char *accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept") ?: "";
	bool openmetrics = strstr(accept, "application/openmetrics-text");
	static int seen;
	char *text;

	(void)version;
	(void)data;
	if (!*context) { /* headers only: the request may still be refused unread */
		*context = &seen;
		return MHD_YES;
	}
	if (*size) {
		*size = 0;
		return MHD_YES;
	}
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return refuse(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
	if (strcmp(url, "/metrics"))
		return refuse(c, MHD_HTTP_NOT_FOUND, "there is /metrics and nothing else\n");
	text = em_metrics_text(arg, openmetrics);
	if (!text)
		return refuse(c, MHD_HTTP_SERVICE_UNAVAILABLE, "the ledger cannot be read\n");
	return answer(c, MHD_HTTP_OK, openmetrics ? OPENMETRICS_TYPE : TEXT_TYPE, text);
}

/* "127.0.0.1:9765", "[::1]:9765"; a name would be looked up, which can take for ever */
static int parse(const char *address, struct addrinfo **ret, char *err, size_t len)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				  .ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(address, ':');
	char host[64];
	size_t n = colon ? (size_t)(colon - address) : 0;

	if (n && n < sizeof(host)) {
		bool bracket = address[0] == '[' && n > 2 && address[n - 1] == ']';

		snprintf(host, sizeof(host), "%.*s", (int)(bracket ? n - 2 : n), address + bracket);
		if (!getaddrinfo(host, colon + 1, &hints, ret))
			return 0;
	}
	snprintf(err, len, "metrics: \"%s\" is not ADDRESS:PORT, as in 127.0.0.1:9765", address);
	return -EINVAL;
}

static int listen_on(const struct addrinfo *a)
{
	_cleanup_close_ int fd =
		socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, CONNECTIONS_MAX))
		return -errno;
	return TAKE_FD(fd);
}

int em_metrics_open(struct em_metrics **ret, struct em_ledger *l, const char *address, char *err,
		    size_t len)
{
	_cleanup_(em_metrics_closep) struct em_metrics *m = calloc(1, sizeof(*m));
	_cleanup_(freeaddrinfop) struct addrinfo *a = NULL;
	const union MHD_DaemonInfo *info;
	int r = m ? parse(address, &a, err, len) : -ENOMEM, fd;

	if (r)
		return r;
	m->ledger = l;
	fd = listen_on(a);
	if (fd < 0) {
		snprintf(err, len, "metrics cannot be served on %s: %s", address, strerror(-fd));
		return fd;
	}
	m->http = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, m,
				   MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				   CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S,
				   MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
				   MHD_OPTION_END);
	info = m->http ? MHD_get_daemon_info(m->http, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		if (!m->http)
			close(fd);
		snprintf(err, len, "metrics cannot be served on %s", address);
		return -EIO;
	}
	m->fd = info->epoll_fd;
	*ret = TAKE_PTR(m);
	return 0;
}

void em_metrics_close(struct em_metrics *m)
{
	if (!m)
		return;
	if (m->http)
		MHD_stop_daemon(m->http);
	if (m->upto)
		em_metrics_save(m);
	free(m);
}

int em_metrics_fd(const struct em_metrics *m)
{
	return m->fd;
}

uint64_t em_metrics_timeout_us(const struct em_metrics *m)
{
	MHD_UNSIGNED_LONG_LONG ms;

	return MHD_get_timeout(m->http, &ms) == MHD_YES ? ms * 1000 : UINT64_MAX;
}

void em_metrics_run(struct em_metrics *m)
{
	MHD_run(m->http);
}
