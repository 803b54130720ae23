// SPDX-License-Identifier: GPL-2.0
/* earmark run - a command in a cgroup of its own, tagged before it starts. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
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

static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT };
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

static void catch_signals(void)
{
	struct sigaction act = { .sa_sigaction = forward, .sa_flags = SA_SIGINFO | SA_RESTART };

	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaction(forwarded[i], &act, NULL);
}

static void reset_signals(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		signal(forwarded[i], SIG_DFL);
}

/* A child of our own cgroup, where we may make one; else one made by who may. */
static int make_cgroup(struct em_args *a, struct run *r, char *err, size_t len)
{
	char own[PATH_MAX / 2], name[64];
	_cleanup_json_ json_t *body = NULL, *answer = NULL;
	int ret = em_cli_cgroup_of("self", own, sizeof(own), err, len);

	if (ret)
		return ret;
	snprintf(name, sizeof(name), "earmark-%d-%lx", getpid(), (unsigned long)random() & 0xffff);
	snprintf(r->dir, sizeof(r->dir), "%s/%s", own, name);
	if (!mkdir(r->dir, 0755)) {
		r->ours = true;
		return 0;
	}
	if (!em_scope_enter(name)) {
		r->inside = true;
		return em_cli_cgroup_of("self", r->dir, sizeof(r->dir), err, len);
	}
	body = json_pack("{s:s}", "name", name);
	answer = em_ask(a, "POST", "/v1/cgroup", body, err, len);
	if (!answer)
		return -EPERM;
	r->inside = true;
	return em_cli_cgroup_of("self", r->dir, sizeof(r->dir), err, len);
}

static pid_t start(const struct run *r)
{
	_cleanup_close_ int fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct clone_args args = {
		.flags = r->inside ? 0 : CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = r->inside ? 0 : (__u64)fd,
	};

	if (fd < 0)
		return -1;
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* In the child. Says what sh would say, with sh's status. */
static void execute(struct em_args *a)
{
	int missing;

	reset_signals();
	execvp(a->argv[0], a->argv);
	missing = errno == ENOENT;
	em_fail(a, "%s: %s", a->argv[0], strerror(errno));
	fflush(NULL);
	_exit(missing ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE);
}

static int wait_for_child(const struct run *r)
{
	int status;

	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return RUN_FAILED;
	}
	child = 0;
	if (r->ours)
		rmdir(r->dir); /* stays if something is still running in it */
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	reset_signals();
	signal(WTERMSIG(status), SIG_DFL);
	kill(getpid(), WTERMSIG(status)); /* as the command died, so do we */
	return 128 + WTERMSIG(status);
}

static int run(struct em_args *a)
{
	struct em_tagging t = { .project = em_opt(a, "project"), .ref = em_opt(a, "ref") };
	struct run r = {};
	char err[512] = "";

	srandom((unsigned int)getpid());
	if (!em_opt(a, "purpose")) {
		em_fail(a, "--purpose is missing: what is this command's GPU time for?");
		return RUN_FAILED;
	}
	if (em_tagging_parse(&t, em_opt(a, "purpose"), em_opt(a, "tagged-by"), err, sizeof(err)) ||
	    make_cgroup(a, &r, err, sizeof(err)) ||
	    em_tagging_set(a, &t, r.dir, err, sizeof(err))) {
		em_fail(a, "%s: not run, since its GPU time would go untagged: %s", a->argv[0],
			err);
		if (r.ours)
			rmdir(r.dir);
		return RUN_FAILED;
	}
	catch_signals();
	child = start(&r);
	if (!child)
		execute(a);
	if (child < 0) {
		em_fail(a, "cannot start in %s: %s", r.dir, strerror(errno));
		if (r.ours)
			rmdir(r.dir);
		return RUN_FAILED;
	}
	return wait_for_child(&r);
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
