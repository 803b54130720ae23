// SPDX-License-Identifier: GPL-2.0
/* Telling people of alerts; see deliver.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>
#include <systemd/sd-journal.h>

#include "alert/deliver.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"

#define NOT_STARTED 127

static const char *field(const json_t *alert, const char *key)
{
	return json_string_value(json_object_get(alert, key)) ?: "";
}

void em_deliver_journal(const json_t *alert)
{
	const char *state = field(alert, "state");
	bool firing = !strcmp(state, "firing");
	char name[128], summary[256];

	em_text_safe(name, sizeof(name), field(alert, "commitment"));
	em_text_safe(summary, sizeof(summary), field(alert, "summary"));
	sd_journal_send("MESSAGE=%s of %s is %s: %s", field(alert, "kind"), name, state, summary,
			"PRIORITY=%i", firing ? LOG_WARNING : LOG_NOTICE,
			"SYSLOG_IDENTIFIER=earmarkd", "EARMARK_COMMITMENT=%s", name,
			"EARMARK_ALERT_KIND=%s", field(alert, "kind"), "EARMARK_ALERT_STATE=%s",
			state, "EARMARK_STATUS=%s", field(alert, "status"), NULL);
}

/* In the child: nothing of the daemon's goes along but the JSON on standard input. */
static void run(const char *command, int input, const json_t *alert)
{
	char name[256], kind[64], state[64], status[64];
	char *env[] = { name, kind, state, status, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	char *argv[] = { (char *)command, NULL };
	sigset_t none;

	snprintf(name, sizeof(name), "EARMARK_ALERT_COMMITMENT=%s", field(alert, "commitment"));
	snprintf(kind, sizeof(kind), "EARMARK_ALERT_KIND=%s", field(alert, "kind"));
	snprintf(state, sizeof(state), "EARMARK_ALERT_STATE=%s", field(alert, "state"));
	snprintf(status, sizeof(status), "EARMARK_ALERT_STATUS=%s", field(alert, "status"));
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

static int input_of(const json_t *alert)
{
	_cleanup_free_ char *text = json_dumps(alert, JSON_COMPACT | JSON_SORT_KEYS);
	_cleanup_close_ int input = memfd_create("earmark-alert", MFD_CLOEXEC);

	if (!text)
		return -ENOMEM;
	if (input < 0)
		return -errno;
	if (write(input, text, strlen(text)) != (ssize_t)strlen(text) || lseek(input, 0, SEEK_SET))
		return -EIO;
	return TAKE_FD(input);
}

int em_deliver_command(const json_t *alert, const char *command, struct em_delivery **running)
{
	_cleanup_free_ struct em_delivery *d = calloc(1, sizeof(*d));
	_cleanup_close_ int input = input_of(alert);
	unsigned int n = 0;

	for (const struct em_delivery *other = *running; other; other = other->next)
		n++;
	if (!d || input < 0)
		return d ? input : -ENOMEM;
	if (n >= EM_DELIVER_RUNNING)
		return -EAGAIN;
	if (access(command, X_OK))
		return -errno;
	d->pid = fork();
	if (d->pid < 0)
		return -errno;
	if (!d->pid)
		run(command, input, alert);
	d->deadline = em_time_monotonic() + EM_DELIVER_SECONDS * EM_NS_PER_S;
	d->next = *running;
	*running = TAKE_PTR(d);
	return 0;
}

static void explain(int status, char *why, size_t len)
{
	*why = '\0';
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		snprintf(why, len, "it was killed, or took longer than %d s", EM_DELIVER_SECONDS);
	else if (WIFSIGNALED(status))
		snprintf(why, len, "it died of signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) == NOT_STARTED)
		snprintf(why, len, "it could not be started");
	else if (WEXITSTATUS(status))
		snprintf(why, len, "it exited with status %d", WEXITSTATUS(status));
}

int em_deliver_ended(struct em_delivery **running, char *why, size_t len)
{
	for (struct em_delivery **at = running; *at; at = &(*at)->next) {
		_cleanup_free_ struct em_delivery *d = NULL;
		int status = 0;
		pid_t pid = waitpid((*at)->pid, &status, WNOHANG);

		if (!pid) {
			/* not reaped yet, so that the number is still its own */
			if (em_time_monotonic() > (*at)->deadline)
				kill(-(*at)->pid, SIGKILL);
			continue;
		}
		d = *at;
		*at = d->next;
		explain(pid > 0 ? status : 0, why, len);
		return 1;
	}
	return 0;
}

void em_deliver_clear(struct em_delivery **running)
{
	while (*running) {
		struct em_delivery *d = *running;

		*running = d->next;
		free(d);
	}
}
