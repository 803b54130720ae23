// SPDX-License-Identifier: GPL-2.0
/* earmark run - a command in a cgroup of its own, tagged before it starts. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cgroup.h"
#include "cli/cli.h"
#include "cli/scope.h"
#include "cli/tagging.h"

enum { RUN_FAILED = 125, RUN_NOT_EXECUTABLE, RUN_NOT_FOUND };

/**
 * struct run - the command's cgroup
 * @dir: its directory
 * @inside: this process was moved there already (by systemd or earmarkd)
 * @ours: made by us, so removed by us
 */
struct run {
	char dir[PATH_MAX];
	bool inside, ours;
};

/* --- signals ----------------------------------------------------------------------------- */

/**
 * struct passed - a signal that is passed on
 * @restart: a shell without job control ignores it for its background commands; who sends it
 *	to us alone means the command, so the command gets it fresh
 * @before: what was done about it when we were started
 */
static struct passed {
	int sig;
	bool restart;
	struct sigaction before;
} passed[] = {
	{ .sig = SIGINT, .restart = true },
	{ .sig = SIGQUIT, .restart = true },
	{ .sig = SIGHUP },
	{ .sig = SIGTERM },
	{ .sig = SIGUSR1 },
	{ .sig = SIGUSR2 },
	{ .sig = SIGCONT },
	{ .sig = SIGWINCH },
};

static volatile sig_atomic_t child;

/*
 * From the terminal the whole foreground group gets these, the command among them: only what
 * another process sent to us alone is passed on.
 */
static void forward(int sig, siginfo_t *info, void *unused)
{
	(void)unused;
	if (child > 0 && (info->si_code <= 0 || sig == SIGHUP))
		kill(child, sig);
}

static bool left_ignored(const struct passed *p)
{
	return !p->restart && p->before.sa_handler == SIG_IGN; /* nohup */
}

/* Blocked until the child is there to have them: none is lost between. */
static void signals_catch(sigset_t *before)
{
	struct sigaction act = { .sa_sigaction = forward, .sa_flags = SA_SIGINFO | SA_RESTART };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		sigaddset(&set, passed[i].sig);
	sigprocmask(SIG_BLOCK, &set, before);
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++) {
		sigaction(passed[i].sig, NULL, &passed[i].before);
		if (!left_ignored(&passed[i]))
			sigaction(passed[i].sig, &act, NULL);
	}
}

static void signals_restore(const sigset_t *before)
{
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++) {
		if (passed[i].restart)
			signal(passed[i].sig, SIG_DFL);
		else
			sigaction(passed[i].sig, &passed[i].before, NULL);
	}
	sigprocmask(SIG_SETMASK, before, NULL);
}

/* --- the cgroup -------------------------------------------------------------------------- */

/*
 * A child of our own cgroup. The kernel lets a process start there only if we may write our own
 * cgroup.procs too, so that is asked for first.
 */
static int make_child(struct run *r, const char *own, const char *name)
{
	char procs[PATH_MAX];

	if (snprintf(procs, sizeof(procs), "%s/cgroup.procs", own) >= (int)sizeof(procs) ||
	    snprintf(r->dir, sizeof(r->dir), "%s/%s", own, name) >= (int)sizeof(r->dir))
		return -ENAMETOOLONG;
	if (faccessat(AT_FDCWD, procs, W_OK, AT_EACCESS) || mkdir(r->dir, 0755))
		return -errno;
	r->ours = true;
	return 0;
}

/* Where we may not make one, systemd or earmarkd makes one, and moves us there. */
static int make_cgroup(struct em_args *a, struct run *r, char *err, size_t len)
{
	_cleanup_json_ json_t *body = NULL, *answer = NULL;
	char own[PATH_MAX], name[64];
	uint64_t random = 0;
	int ret = em_cli_cgroup_of("self", own, sizeof(own), err, len);

	if (ret)
		return ret;
	getrandom(&random, sizeof(random), GRND_NONBLOCK);
	snprintf(name, sizeof(name), "earmark-%d-%016" PRIx64, getpid(), random);
	if (!make_child(r, own, name))
		return 0;
	if (em_scope_enter(name)) {
		body = json_pack("{s:s}", "name", name);
		answer = em_ask(a, "POST", "/v1/cgroup", body, err, len);
		if (!answer)
			return -EPERM;
	}
	r->inside = true;
	return em_cli_cgroup_of("self", r->dir, sizeof(r->dir), err, len);
}

static void leave(const struct run *r)
{
	if (r->ours)
		rmdir(r->dir); /* stays if something is still running in it */
}

/* --- the command ------------------------------------------------------------------------- */

static int move_self(const struct run *r)
{
	char procs[PATH_MAX + 16];
	_cleanup_close_ int fd = -1;

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", r->dir);
	fd = open(procs, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, "0", 1) != 1 ? -errno : 0;
}

/* Born in its cgroup; where a container's filter refuses clone3, moved before it is anything. */
static pid_t start(const struct run *r)
{
	_cleanup_close_ int fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (__u64)fd,
	};
	pid_t pid;

	if (fd < 0)
		return -1;
	if (r->inside)
		return fork();
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid >= 0 || (errno != ENOSYS && errno != EPERM))
		return pid;
	pid = fork();
	if (!pid && move_self(r)) {
		fprintf(stderr, "earmark: cannot enter %s: %s\n", r->dir, strerror(errno));
		_exit(RUN_FAILED);
	}
	return pid;
}

/* In the child. Says what sh would say, with sh's status. */
static void execute(struct em_args *a, const sigset_t *before)
{
	int missing;

	signals_restore(before);
	execvp(a->argv[0], a->argv);
	missing = errno == ENOENT;
	em_fail(a, "%s: %s", a->argv[0], strerror(errno));
	fflush(NULL);
	_exit(missing ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE);
}

/* As the command died, so do we; its core is the one that is wanted. */
static int die_of(int sig, const sigset_t *before)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	signals_restore(before);
	signal(sig, SIG_DFL);
	kill(getpid(), sig);
	return 128 + sig;
}

static int wait_for_child(const struct run *r, const sigset_t *before)
{
	int status;

	for (;;) {
		pid_t pid = waitpid(child, &status, WUNTRACED);

		if (pid < 0 && errno != EINTR)
			return RUN_FAILED;
		if (pid > 0 && !WIFSTOPPED(status))
			break;
		if (pid > 0)
			kill(getpid(), SIGSTOP); /* the shell sees its job stop; fg goes on */
	}
	child = 0;
	leave(r);
	return WIFSIGNALED(status) ? die_of(WTERMSIG(status), before) : WEXITSTATUS(status);
}

static int run_tagged(struct em_args *a, struct run *r)
{
	sigset_t before;

	signals_catch(&before);
	child = start(r);
	if (!child)
		execute(a, &before);
	if (child < 0) {
		em_fail(a, "cannot start in %s: %s", r->dir, strerror(errno));
		leave(r);
		return RUN_FAILED;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return wait_for_child(r, &before);
}

static int run(struct em_args *a)
{
	struct em_tagging t = { .project = em_opt(a, "project"), .ref = em_opt(a, "ref") };
	struct run r = {};
	char err[512] = "";

	if (!em_opt(a, "purpose")) {
		em_fail(a, "--purpose is missing: what is this command's GPU time for?");
		return RUN_FAILED;
	}
	if (em_tagging_parse(&t, em_opt(a, "purpose"), em_opt(a, "tagged-by"), err, sizeof(err)) ||
	    make_cgroup(a, &r, err, sizeof(err)) ||
	    em_tagging_set(a, &t, r.dir, err, sizeof(err))) {
		em_fail(a, "%s: not run, since its GPU time would go untagged: %s", a->argv[0],
			err);
		leave(&r);
		return RUN_FAILED;
	}
	return run_tagged(a, &r);
}

static const struct em_option options[] = {
	{ "purpose", "PURPOSE", "alignment, capabilities, mixed, serving or infrastructure",
	  "alignment capabilities mixed serving infrastructure" },
	{ "project", "NAME", "what it belongs to, at most 63 bytes", NULL },
	{ "ref", "REF", "ties the local jobs of one cluster job together: cluster/job", NULL },
	{ "tagged-by", "WHO", "self (default); as root also rule, scheduler, operator",
	  "self rule scheduler operator" },
	{},
};

static const struct em_verb verbs[] = {
	{ "", "[--] COMMAND…",
	  "runs COMMAND in a tagged cgroup of its own; its status is passed on,\n"
	  "      125 says that earmark itself failed",
	  1, INT_MAX, true, run, options },
	{},
};

const struct em_object em_run = { "run", "a command, tagged before it starts", verbs };
