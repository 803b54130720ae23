// SPDX-License-Identifier: GPL-2.0
/* earmark run, with a daemon that takes every tag: statuses, arguments, signals, stops. */
#include <poll.h>
#include <signal.h>

#include "said.h"
#include "api/api.h"
#include "cli/cgroup.h"

static int take(void *arg, const struct em_peer *peer, json_t *body, json_t **answer, char *err,
		size_t len)
{
	(void)arg;
	(void)peer;
	(void)body;
	(void)err;
	(void)len;
	*answer = json_pack("{s:I}", "tag", (json_int_t)1);
	return 0;
}

static const struct em_route routes[] = {
	{ "POST", "/v1/tag", take },
	{ "GET", "/v1/status", take },
	{ NULL, NULL, NULL },
};

static pid_t serve(const char *socket)
{
	struct em_server *s = NULL;
	struct pollfd p;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	for (int i = 0; pid && i < 500 && access(socket, F_OK); i++)
		usleep(10000);
	if (pid)
		return pid; /* killed later: the socket is removed by hand */
	if (em_server_open(&s, socket, routes, NULL))
		_exit(1);
	for (;;) {
		p = (struct pollfd){ .fd = em_server_fd(s), .events = POLLIN };
		poll(&p, 1, 100);
		em_server_run(s);
	}
}

static bool may_make_cgroups(void)
{
	char own[512], err[256], procs[600];

	if (em_cli_cgroup_of("self", own, sizeof(own), err, sizeof(err)))
		return false;
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", own);
	return !access(procs, W_OK);
}

#define SHELL "--purpose", "alignment", "--", "sh", "-c"

static void run_statuses(char *socket)
{
	static const struct {
		char *script;
		int status;
	} table[] = {
		{ "exit 0", 0 },
		{ "exit 7", 7 },
		{ "kill -TERM $$", 128 + SIGTERM },
		{ "kill -KILL $$", 128 + SIGKILL },
		{ "kill -HUP $$", 128 + SIGHUP },
		{ "grep -q '^0::.*/earmark-[0-9]*-[0-9a-f]*$' /proc/self/cgroup", 0 },
	};
	struct said said;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		earmark(&said, "--socket", socket, "run", SHELL, table[i].script);
		assert_int_equal(said.status, table[i].status);
	}
	earmark(&said, "--socket", socket, "run", "--purpose", "alignment", "/nosuch");
	assert_int_equal(said.status, 127);
	earmark(&said, "--socket", socket, "run", "--purpose", "alignment", "/etc/passwd");
	assert_int_equal(said.status, 126);
	earmark(&said, "--socket", socket, "run", "--purpose", "nonsense", "true");
	assert_int_equal(said.status, 125);
	earmark(&said, "--socket", socket, "run", "true");
	assert_int_equal(said.status, 125);
	earmark(&said, "--socket", socket, "run", "--purpose", "mixed", "echo", "--json", "-j");
	assert_string_equal(said.out, "--json -j\n");
}

static void run_signals(char *socket)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT };
	struct said said;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		char script[128], out[64];
		pid_t pid;

		snprintf(script, sizeof(script),
			 "trap 'exit 9' %d; echo up; while :; do sleep 0.05; done", signals[i]);
		pid = start(dir, (char *[]){ "earmark", "--socket", socket, "run", SHELL, script,
					     NULL });
		snprintf(out, sizeof(out), "%s/out", dir);
		for (int k = 0; k < 500; k++) {
			struct said so_far = { 0 };

			usleep(10000);
			if (!access(out, R_OK))
				slurp(out, so_far.out, sizeof(so_far.out));
			if (*so_far.out)
				break;
		}
		kill(pid, signals[i]);
		finish(pid, dir, &said);
		assert_int_equal(said.status, 9);
	}
}

/* The shell that started it sees it stop, and can let it go on. */
static void run_stops(char *socket)
{
	char *argv[] = {
		"earmark", "--socket", socket, "run", SHELL, "kill -STOP $$; exit 4", NULL
	};
	pid_t pid = start(dir, argv);
	struct said said;
	int status;

	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	kill(pid, SIGCONT);
	finish(pid, dir, &said);
	assert_int_equal(said.status, 4);
}

static void run(void **state)
{
	char socket[64];
	pid_t server;

	(void)state;
	if (!may_make_cgroups())
		skip();
	snprintf(socket, sizeof(socket), "%s/sock", dir);
	server = serve(socket);
	run_statuses(socket);
	run_signals(socket);
	run_stops(socket);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	unlink(socket);
}

/* Nothing takes the tag: then nothing runs. */
static void run_untagged(void **state)
{
	struct said said;

	(void)state;
	if (!access("/sys/module/earmark", F_OK))
		skip();
	earmark(&said, "--socket", "/nosuch/sock", "run", "--purpose", "serving", "--", "echo",
		"x");
	assert_int_equal(said.status, 125);
	assert_string_equal(said.out, "");
	assert_non_null(strstr(said.err, "earmarkd"));
}

int main(void)
{
	signal(SIGHUP, SIG_DFL); /* whatever runs the tests may ignore it */
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run),
		cmocka_unit_test(run_untagged),
	};

	return cmocka_run_group_tests_name("run", tests, set_up, tear_down);
}
