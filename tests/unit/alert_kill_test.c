// SPDX-License-Identifier: GPL-2.0
/*
 * A daemon is killed at each step between seeing that an alert fires and having told it: before
 * and after each rename, of ledger and spool alike, until there is none left. Whatever was killed,
 * the next life tells the alert; and it is told twice only where the receiver had answered and
 * that could not be written down, then under the same id.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "history.h"
#include "alert/alert.h"
#include "base/cleanup.h"

#define NOW (1600000000LL * S)
#define STEPS_MAX 400

/* struct shared - with the child: @left renames until it dies, before or @after it; @died at */
static struct shared {
	int left;
	bool after;
	char died[256];
} * shared;

/* In place of libc's; a child that has armed it dies here. */
int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	bool now = shared && shared->left > 0 && !--shared->left;
	int r;

	if (now)
		snprintf(shared->died, sizeof(shared->died), "%s", to);
	if (now && !shared->after)
		kill(getpid(), SIGKILL);
	r = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
	if (now)
		kill(getpid(), SIGKILL);
	return r;
}

static char dir[64], hook[96], spool[96], told_file[96];

static json_t *told(void)
{
	_cleanup_fclose_ FILE *f = fopen(told_file, "r");
	json_t *all = json_array(), *one;

	while (f && (one = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL)))
		json_array_append_new(all, one);
	return all;
}

/* Is anything left to be told by the command? */
static bool waiting(void)
{
	char command[160];

	snprintf(command, sizeof(command), "ls %s/command/*.json >/dev/null 2>&1", spool);
	return !system(command);
}

/* A life of the daemon: the alert fires, and it goes on until that is told. */
static void live(int kill_at, bool after)
{
	struct em_alert_config config = { .spool = spool, .command = hook };
	struct em_ledger *l;
	struct em_alerts *a;

	if (em_ledger_open(&l, dir, EM_LEDGER_WRITE) || em_alerts_open(&a, l, &config))
		_exit(1);
	shared->after = after;
	shared->left = kill_at;
	for (int i = 0; i < 300; i++) {
		_cleanup_json_ json_t *seen = NULL;

		em_alerts_step(a, NOW);
		if (em_alerts_condition(a, EM_ALERT_LEDGER_FORK, "here", true, "so", NOW))
			_exit(2);
		usleep(10000);
		seen = told();
		if (json_array_size(seen) && !waiting())
			break;
	}
	shared->left = 0;
	em_alerts_close(a);
	em_ledger_close(l);
	_exit(0);
}

/* Return: whether it was killed. */
static bool spend(int kill_at, bool after)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		live(kill_at, after);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return true;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

static void begin(void)
{
	FILE *f;

	strcpy(dir, access("/dev/shm", W_OK) ? "/tmp/earmark-kill.XXXXXX"
					     : "/dev/shm/earmark-kill.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(hook, sizeof(hook), "%s/hook", dir);
	snprintf(spool, sizeof(spool), "%s/spool", dir);
	snprintf(told_file, sizeof(told_file), "%s/told", dir);
	f = fopen(hook, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\ntest \"$EARMARK_ALERT_ID\" && cat >>%s\n", told_file);
	fclose(f);
	assert_int_equal(chmod(hook, 0755), 0);
}

static void end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

static void look_back(const char *died)
{
	_cleanup_json_ json_t *all = told();
	const json_t *id = json_object_get(json_array_get(all, 0), "id");
	size_t n = strlen(died), i;
	bool may_repeat = n > 5 && !strcmp(died + n - 5, ".done");
	json_t *one;

	assert_true(json_is_string(id));
	if (json_array_size(all) > (may_repeat ? 2 : 1))
		fail_msg("killed at %s: told %zu times", died, json_array_size(all));
	json_array_foreach(all, i, one)
		assert_true(json_equal(json_object_get(one, "id"), id));
}

static void killed_at_each_step(void **state)
{
	int steps[2] = { 0 };

	(void)state;
	for (int after = 0; after < 2; after++) {
		bool killed = true;

		for (int k = 1; killed && k < STEPS_MAX; k++) {
			begin();
			shared->died[0] = '\0';
			killed = spend(k, after);
			if (killed) {
				assert_false(spend(0, false));
				steps[after]++;
			}
			look_back(shared->died);
			end();
		}
		assert_false(killed);
	}
	print_message("killed before %d renames and after %d\n", steps[0], steps[1]);
	/* the record's own, the spool's, and that it was told */
	assert_true(steps[0] >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(killed_at_each_step) };

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests_name("alert kill", tests, NULL, NULL);
}
