/* SPDX-License-Identifier: GPL-2.0 */
/* The CLI, run in a process of its own: what it said, and with which status it ended. */
#ifndef SAID_H
#define SAID_H

#include <fcntl.h>
#include <sys/wait.h>

#include "history.h"
#include "base/cleanup.h"
#include "cli/cli.h"

/* struct said - what a run of earmark left behind */
struct said {
	char out[65536], err[4096];
	int status; /* as a shell has it */
};

static inline void slurp(const char *path, char *out, size_t len)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, len - 1, f);
	out[n] = '\0';
	fclose(f);
}

static inline pid_t start(const char *dir, char **argv)
{
	char path[128];
	int argc = 0;
	pid_t pid;

	while (argv[argc])
		argc++;
	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	snprintf(path, sizeof(path), "%s/out", dir);
	dup2(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
	snprintf(path, sizeof(path), "%s/err", dir);
	dup2(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
	argc = em_cli_main(argc, argv);
	fflush(NULL);
	_exit(argc);
}

static inline void finish(pid_t pid, const char *dir, struct said *said)
{
	char path[128];
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	said->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	snprintf(path, sizeof(path), "%s/out", dir);
	slurp(path, said->out, sizeof(said->out));
	unlink(path);
	snprintf(path, sizeof(path), "%s/err", dir);
	slurp(path, said->err, sizeof(said->err));
	unlink(path);
}

static char dir[] = "/tmp/earmark-unit-cli.XXXXXX";

/* earmark(ARGUMENT..., NULL) */
#define earmark(said, ...) finish(start(dir, (char *[]){ "earmark", __VA_ARGS__, NULL }), dir, said)

static inline int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static inline int tear_down(void **state)
{
	(void)state;
	return rmdir(dir);
}

#endif
