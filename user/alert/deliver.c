// SPDX-License-Identifier: GPL-2.0
/* Telling people of alerts; see deliver.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>
#include <systemd/sd-journal.h>

#include "alert/deliver.h"
#include "base/cleanup.h"
#include "base/text.h"

#define COMMAND_SECONDS 30

static const char *field(const json_t *alert, const char *key)
{
	return json_string_value(json_object_get(alert, key)) ?: "";
}

static void to_journal(const json_t *alert)
{
	const char *state = field(alert, "state");
	bool firing = !strcmp(state, "firing");
	char name[128];

	em_text_safe(name, sizeof(name), field(alert, "commitment"));
	sd_journal_send("MESSAGE=alert %s for \"%s\" is %s", field(alert, "kind"), name, state,
			"PRIORITY=%i", firing ? LOG_WARNING : LOG_NOTICE, "EARMARK_ALERT=%s", name,
			"EARMARK_KIND=%s", field(alert, "kind"), "EARMARK_STATE=%s", state, NULL);
}

/* In the grandchild: nothing of the daemon's goes along but the JSON on standard input. */
static void run(const char *command, int input, const json_t *alert)
{
	char name[256], kind[64], state[64];
	char *env[] = { name, kind, state, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	char *argv[] = { (char *)command, NULL };
	sigset_t none;

	snprintf(name, sizeof(name), "EARMARK_ALERT_NAME=%s", field(alert, "commitment"));
	snprintf(kind, sizeof(kind), "EARMARK_ALERT_KIND=%s", field(alert, "kind"));
	snprintf(state, sizeof(state), "EARMARK_ALERT_STATE=%s", field(alert, "state"));
	dup2(input, STDIN_FILENO);
	close_range(3, ~0U, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	alarm(COMMAND_SECONDS); /* survives exec */
	execve(command, argv, env);
	_exit(127);
}

static int to_command(const json_t *alert, const char *command)
{
	_cleanup_free_ char *text = json_dumps(alert, JSON_COMPACT | JSON_SORT_KEYS);
	_cleanup_close_ int input = memfd_create("earmark-alert", MFD_CLOEXEC);
	pid_t child;

	if (!text || input < 0)
		return -ENOMEM;
	if (access(command, X_OK))
		return -errno;
	if (write(input, text, strlen(text)) < 0 || lseek(input, 0, SEEK_SET))
		return -EIO;
	child = fork();
	if (child < 0)
		return -errno;
	if (!child) { /* twice, so that nobody need wait for the command */
		if (!fork())
			run(command, input, alert);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	return 0;
}

int em_deliver(const json_t *alert, const char *command)
{
	to_journal(alert);
	return command && *command ? to_command(alert, command) : 0;
}
