// SPDX-License-Identifier: GPL-2.0
/*
 * Serving the API; see api.h. libmicrohttpd reads and writes HTTP; connections are accepted here,
 * so that one user cannot take them all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <microhttpd.h>

#include "api/api.h"
#include "base/cleanup.h"
#include "base/text.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

#define CONNECTIONS_MAX 64
#define CONNECTIONS_PER_USER 16
#define IDLE_TIMEOUT_S 10
#define CONNECTION_MEMORY 32768
#define BACKLOG 64
#define DISCARD_MAX (8u << 20) /* of a body too large, read so that the refusal can be heard */

/**
 * struct connection - an accepted one
 * @next: of its server
 */
struct connection {
	struct em_peer peer;
	struct connection *next;
};

struct em_server {
	struct MHD_Daemon *http;
	const struct em_route *routes;
	void *arg;
	char *path;
	int listen, epoll;
	struct connection *connections;
	struct connection *accepting; /* about to be started */
};

/* struct request - one under way; @body is kept up to EM_API_BODY_MAX bytes, @len goes on */
struct request {
	const struct em_route *route;
	char body[EM_API_BODY_MAX];
	size_t len;
};

EM_CLEANUP(struct em_server *, em_server_close);

static unsigned int http_status(int r)
{
	switch (-r) {
	case EINVAL:
	case ERANGE:
	case ENOTDIR:
	case ENAMETOOLONG:
		return MHD_HTTP_BAD_REQUEST;
	case EPERM:
	case EACCES:
		return MHD_HTTP_FORBIDDEN;
	case ENOENT:
	case ESRCH:
		return MHD_HTTP_NOT_FOUND;
	case EEXIST:
		return MHD_HTTP_CONFLICT;
	case EMSGSIZE:
		return MHD_HTTP_CONTENT_TOO_LARGE;
	case EDQUOT:
		return MHD_HTTP_TOO_MANY_REQUESTS;
	case EOPNOTSUPP:
		return MHD_HTTP_NOT_IMPLEMENTED;
	case ENODEV:
	case EBUSY:
	case EAGAIN:
	case ENOSPC:
	case ETIMEDOUT:
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	default:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned int status, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	struct MHD_Response *response;
	enum MHD_Result r;

	if (!text)
		return MHD_NO;
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	r = MHD_queue_response(c, status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned int status, int e,
			      const char *sentence)
{
	_cleanup_json_ json_t *json =
		json_pack("{s:s, s:s}", "error", sentence, "code", em_errno_name(e));

	return answer(c, status, json);
}

static const struct em_peer *peer_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const struct connection *connection = info ? info->socket_context : NULL;

	return connection ? &connection->peer : NULL;
}

static enum MHD_Result serve(struct em_server *s, struct MHD_Connection *c, struct request *q)
{
	_cleanup_json_ json_t *body = NULL, *result = NULL;
	const struct em_peer *peer = peer_of(c);
	char err[512] = "internal error";
	json_error_t why;
	int r;

	if (q->len > sizeof(q->body))
		return refuse(c, MHD_HTTP_CONTENT_TOO_LARGE, EMSGSIZE,
			      "the body is larger than 64 KiB");
	body = q->len ? json_loadb(q->body, q->len, JSON_REJECT_DUPLICATES, &why) : json_object();
	if (!body) {
		snprintf(err, sizeof(err), "the body is not JSON: %s", why.text);
		return refuse(c, MHD_HTTP_BAD_REQUEST, EINVAL, err);
	}
	if (!json_is_object(body))
		return refuse(c, MHD_HTTP_BAD_REQUEST, EINVAL, "the body is not a JSON object");
	if (!peer)
		return refuse(c, MHD_HTTP_FORBIDDEN, EPERM, "it is not known who asks");
	r = q->route->run(s->arg, peer, body, &result, err, sizeof(err));
	if (r < 0)
		return refuse(c, http_status(r), r, err);
	return answer(c, MHD_HTTP_OK, result);
}

/* The route of a path; *@exists: other methods have one. */
static const struct em_route *route_of(const struct em_server *s, const char *method,
				       const char *path, bool *exists)
{
	*exists = false;
	for (const struct em_route *route = s->routes; route->method; route++) {
		if (strcmp(route->path, path))
			continue;
		*exists = true;
		if (!strcmp(route->method, method))
			return route;
	}
	return NULL;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **context)
{
	struct em_server *s = arg;
	struct request *q = *context;

	(void)version;
	if (!q) {
		*context = q = calloc(1, sizeof(*q));
		return q ? MHD_YES : MHD_NO;
	}
	if (*size) {
		if (q->len < sizeof(q->body))
			memcpy(q->body + q->len, data,
			       *size < sizeof(q->body) - q->len ? *size : sizeof(q->body) - q->len);
		q->len += *size;
		*size = 0;
		return q->len > DISCARD_MAX ? MHD_NO : MHD_YES;
	}
	{
		bool exists;

		q->route = route_of(s, method, url, &exists);
		if (q->route)
			return serve(s, c, q);
		return exists ? refuse(c, MHD_HTTP_METHOD_NOT_ALLOWED, EOPNOTSUPP,
				       "this path knows no such method")
			      : refuse(c, MHD_HTTP_NOT_FOUND, ENOENT, "there is no such path");
	}
}

static void on_completed(void *arg, struct MHD_Connection *c, void **context,
			 enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)c;
	(void)code;
	free(*context);
	*context = NULL;
}

static void connection_forget(struct em_server *s, struct connection *gone)
{
	struct connection **at = &s->connections;

	while (*at && *at != gone)
		at = &(*at)->next;
	if (*at)
		*at = gone->next;
	if (gone->peer.pidfd >= 0)
		close(gone->peer.pidfd);
	free(gone);
}

static void on_connection(void *arg, struct MHD_Connection *c, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct em_server *s = arg;

	(void)c;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = TAKE_PTR(s->accepting);
	} else if (*context) {
		connection_forget(s, *context);
		*context = NULL;
	}
}

static bool has_room(const struct em_server *s, uid_t uid)
{
	unsigned int all = 0, own = 0;

	for (const struct connection *c = s->connections; c; c = c->next) {
		all++;
		own += c->peer.uid == uid;
	}
	return all < CONNECTIONS_MAX && own < CONNECTIONS_PER_USER;
}

static int peer_read(int fd, struct em_peer *peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred), pidfd_len = sizeof(peer->pidfd);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	*peer = (struct em_peer){ cred.pid, cred.uid, cred.gid, -1, fd };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &peer->pidfd, &pidfd_len))
		peer->pidfd = cred.pid > 0 ? pidfd_open(cred.pid, 0) : -1;
	return 0;
}

/* Return: 0, or -errno: nobody waits any more. */
static int accept_one(struct em_server *s)
{
	_cleanup_close_ int fd = accept4(s->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct connection *c;

	if (fd < 0)
		return -errno;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	if (peer_read(fd, &c->peer) || !has_room(s, c->peer.uid)) {
		connection_forget(s, c);
		return 0;
	}
	c->next = s->connections;
	s->connections = s->accepting = c;
	/* closes the socket itself where it fails */
	MHD_add_connection(s->http, TAKE_FD(fd), (struct sockaddr *)&address,
			   sizeof(address.sun_family));
	if (s->accepting)
		connection_forget(s, TAKE_PTR(s->accepting));
	return 0;
}

void em_server_run(struct em_server *s)
{
	for (int i = 0; i < BACKLOG && !accept_one(s); i++)
		;
	MHD_run(s->http);
}

int em_server_fd(const struct em_server *s)
{
	return s->epoll;
}

uint64_t em_server_timeout_us(const struct em_server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;

	return MHD_get_timeout(s->http, &ms) == MHD_YES ? ms * 1000 : UINT64_MAX;
}

static bool somebody_serves(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
			   errno == EAGAIN);
}

static int listen_on(const char *path)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (somebody_serves(&address))
		return -EADDRINUSE;
	if (unlink(path) && errno != ENOENT)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	/* who may do what is decided by who asks, not by who can connect */
	if (chmod(path, 0666) || listen(fd, BACKLOG))
		return -errno;
	return TAKE_FD(fd);
}

static int epoll_add(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int http_start(struct em_server *s)
{
	const union MHD_DaemonInfo *info;

	s->http = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_request, s,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, s, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_END);
	info = s->http ? MHD_get_daemon_info(s->http, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	return info ? epoll_add(s->epoll, info->epoll_fd) : -EIO;
}

int em_server_open(struct em_server **ret, const char *socket, const struct em_route *routes,
		   void *arg)
{
	_cleanup_(em_server_closep) struct em_server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->routes = routes;
	s->arg = arg;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->listen = listen_on(socket);
	if (s->listen < 0)
		return s->listen;
	s->path = strdup(socket);
	if (!s->path || s->epoll < 0)
		return -ENOMEM;
	r = epoll_add(s->epoll, s->listen);
	if (!r)
		r = http_start(s);
	if (!r)
		*ret = TAKE_PTR(s);
	return r;
}

void em_server_close(struct em_server *s)
{
	if (!s)
		return;
	if (s->path)
		unlink(s->path);
	if (s->listen >= 0)
		close(s->listen);
	if (s->http)
		MHD_stop_daemon(s->http);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s->path);
	free(s);
}
