// SPDX-License-Identifier: GPL-2.0
/* earmark ledger witness: a small witness, on an address of its own. */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <microhttpd.h>

#include "base/cleanup.h"
#include "cli/ledger.h"
#include "ledger/witness.h"

#define LISTEN "127.0.0.1:9766"
#define STATE "/var/lib/earmark-witness"
#define CONNECTIONS 64
#define IDLE_S 10

/* struct body - of a request, on its way in */
struct body {
	size_t len;
	bool too_long;
	char text[EM_WITNESS_BODY_MAX];
};

static enum MHD_Result reply(struct MHD_Connection *c, unsigned int status, const char *type,
			     const char *text)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result ret;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	ret = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return ret;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *len, void **state)
{
	struct em_witness *w = arg;
	struct body *b = *state;
	char answer[EM_NOTE_MAX];
	const char *type;
	unsigned int status;

	(void)version;
	if (!b) {
		*state = calloc(1, sizeof(*b));
		return *state ? MHD_YES : MHD_NO;
	}
	if (*len) {
		b->too_long |= *len > sizeof(b->text) - b->len;
		if (!b->too_long) {
			memcpy(b->text + b->len, data, *len);
			b->len += *len;
		}
		*len = 0;
		return MHD_YES;
	}
	if (strcmp(url, "/add-checkpoint"))
		return reply(c, 404, "text/plain", "this is a witness: POST /add-checkpoint\n");
	if (strcmp(method, "POST"))
		return reply(c, 405, "text/plain", "POST it\n");
	if (b->too_long)
		return reply(c, 413, "text/plain", "it is longer than a request can be\n");
	status = em_witness_add(w, b->text, b->len, answer, &type);
	return reply(c, status, type, answer);
}

static void on_done(void *arg, struct MHD_Connection *c, void **state,
		    enum MHD_RequestTerminationCode why)
{
	(void)arg;
	(void)c;
	(void)why;
	free(*state);
	*state = NULL;
}

static int listening(struct em_args *a, const char *where)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *list = NULL;
	char host[256];
	const char *colon = strrchr(where, ':');
	int fd = -1, one = 1, r;

	if (!colon || (size_t)(colon - where) >= sizeof(host)) {
		em_fail(a, "--listen %s: write ADDRESS:PORT", where);
		return -1;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - where), where);
	r = getaddrinfo(*host ? host : NULL, colon + 1, &hints, &list);
	if (r) {
		em_fail(a, "--listen %s: %s", where, gai_strerror(r));
		return -1;
	}
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, list->ai_addr, list->ai_addrlen) || listen(fd, CONNECTIONS)) {
		em_fail(a, "--listen %s: %s", where, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd;
}

static int logs_read(struct em_args *a, struct em_witness *w)
{
	const char *given, *why = "";

	w->logs = calloc(EM_GIVEN_MAX, sizeof(*w->logs));
	while (w->logs && (given = em_opt_nth(a, "log-key", (int)w->n_logs))) {
		if (em_key_read(&w->logs[w->n_logs], given, &why) ||
		    w->logs[w->n_logs].type != EM_KEY_LOG)
			return em_fail(a, "--log-key %s is no key of a log: %s", given, why);
		w->n_logs++;
	}
	return w->n_logs ? 0 : em_fail(a, "whom is it to sign for? give --log-key");
}

static int serve(struct em_args *a, struct em_witness *w)
{
	const char *where = em_opt(a, "listen") ?: LISTEN;
	char text[EM_KEY_TEXT_LEN];
	struct MHD_Daemon *d;
	sigset_t stop;
	int fd = listening(a, where), signal;

	if (fd < 0)
		return EM_NO_ANSWER;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	/* one thread: what is signed next depends on what was signed last */
	d = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, w,
			     MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
			     MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_NOTIFY_COMPLETED,
			     on_done, NULL, MHD_OPTION_END);
	if (!d) {
		close(fd);
		return em_fail(a, "no server can be started on %s", where);
	}
	em_key_text(&w->key, false, text);
	printf("%s\nsigns for %u logs, on %s\n", text, w->n_logs, where);
	fflush(stdout);
	sigwait(&stop, &signal);
	MHD_stop_daemon(d);
	return EM_FINE;
}

int em_ledger_witness(struct em_args *a)
{
	char name[EM_KEY_NAME_LEN], host[65] = "node", err[512];
	struct em_witness w;
	int r;

	gethostname(host, sizeof(host) - 1);
	snprintf(name, sizeof(name), "%s%s", em_opt(a, "name") ? "" : "witness/",
		 em_opt(a, "name") ?: host);
	if (em_witness_open(&w, em_opt(a, "state") ?: STATE, name, err, sizeof(err)))
		return em_fail(a, "%s", err);
	r = logs_read(a, &w);
	r = r ?: serve(a, &w);
	em_witness_close(&w);
	return r;
}
