// SPDX-License-Identifier: GPL-2.0
/* Telling a command; see deliver.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alert/deliver.h"
#include "alert/sink.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"

#define NOT_STARTED 127
#define LOOK_MS 200

/* struct environment - what the command sees, made before the fork: the daemon has threads */
struct environment {
	char commitment[256], kind[64], severity[64], state[64], status[64], id[160];
};

static void make(struct environment *e, const json_t *entry)
{
	snprintf(e->commitment, sizeof(e->commitment), "EARMARK_ALERT_COMMITMENT=%s",
		 em_alert_subject(entry));
	snprintf(e->kind, sizeof(e->kind), "EARMARK_ALERT_KIND=%s", em_json_string(entry, "kind"));
	snprintf(e->severity, sizeof(e->severity), "EARMARK_ALERT_SEVERITY=%s",
		 em_json_string(entry, "severity"));
	snprintf(e->state, sizeof(e->state), "EARMARK_ALERT_STATE=%s",
		 em_json_string(entry, "state"));
	snprintf(e->status, sizeof(e->status), "EARMARK_ALERT_STATUS=%s",
		 em_json_string(entry, "status"));
	snprintf(e->id, sizeof(e->id), "EARMARK_ALERT_ID=%s", em_json_string(entry, "id"));
}

/* In the child: nothing of the daemon's goes along but the JSON on standard input. */
static void run(const char *command, int input, struct environment *e)
{
	char *env[] = {
		e->commitment,
		e->kind,
		e->severity,
		e->state,
		e->status,
		e->id,
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
		NULL,
	};
	char *argv[] = { (char *)command, NULL };
	sigset_t none;

	dup2(input, STDIN_FILENO);
	close_range(3, ~0U, 0);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	execve(command, argv, env);
	_exit(NOT_STARTED);
}

static int input_of(const json_t *entry)
{
	_cleanup_free_ char *text = json_dumps(entry, JSON_COMPACT | JSON_SORT_KEYS);
	_cleanup_close_ int input = memfd_create("earmark-alert", MFD_CLOEXEC);

	if (!text)
		return -ENOMEM;
	if (input < 0)
		return -errno;
	if (write(input, text, strlen(text)) != (ssize_t)strlen(text) || lseek(input, 0, SEEK_SET))
		return -EIO;
	return TAKE_FD(input);
}

static void explain(int status, char *why, size_t len)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		snprintf(why, len, "it was killed, or took longer than %d s", EM_DELIVER_SECONDS);
	else if (WIFSIGNALED(status))
		snprintf(why, len, "it died of signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) == NOT_STARTED)
		snprintf(why, len, "it could not be started");
	else
		snprintf(why, len, "it exited with status %d", WEXITSTATUS(status));
}

/* A daemon that stops leaves the command to end by itself: it has been told. */
static int await(struct em_sink *s, pid_t pid, char *err, size_t len)
{
	uint64_t deadline = em_time_monotonic() + EM_DELIVER_SECONDS * (uint64_t)EM_NS_PER_S;
	_cleanup_close_ int fd = pidfd_open(pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int status = 0;

	while (poll(&p, 1, LOOK_MS) <= 0 && !s->stop) {
		if (em_time_monotonic() > deadline)
			kill(-pid, SIGKILL);
	}
	if (!waitpid(pid, &status, WNOHANG) || !status)
		return 0;
	explain(status, err, len);
	return -EIO;
}

static int tell(struct em_sink *s, const json_t *entry, char *err, size_t len)
{
	_cleanup_close_ int input = input_of(entry);
	struct environment e;
	pid_t pid;

	make(&e, entry);
	if (input < 0 || access(s->to, X_OK)) {
		int r = input < 0 ? input : -errno;

		snprintf(err, len, "it cannot be run: %s", strerror(-r));
		return r;
	}
	pid = fork();
	if (pid < 0) {
		snprintf(err, len, "it cannot be started: %s", strerror(errno));
		return -EAGAIN;
	}
	if (!pid)
		run(s->to, input, &e);
	return await(s, pid, err, len);
}

const struct em_sink_ops em_sink_command = { "command", false, tell };
