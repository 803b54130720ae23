// SPDX-License-Identifier: GPL-2.0
/* earmark module - which build of it is loaded, and its exchange under running jobs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/module.h"
#include "kernel/netlink.h"

EM_CLEANUP(struct em_netlink *, em_netlink_close);
EM_CLEANUP(FILE *, pclose);

#define MODPROBE "/sbin/modprobe"
#define UNLOAD_WAITS                                                                       \
	(20 * EM_NS_PER_S)       /* BPF lets go of it a moment after its last link is gone \
				  */
#define UNLOAD_APART (20 * 1000) /* us */
#define TRIES 3                  /* of letting go, while somebody tags past the daemon */

/* --- which build -------------------------------------------------------------------------- */

int em_module_builds(char *loaded, char *installed, size_t len)
{
	_cleanup_(pclosep) FILE *modinfo = NULL;
	int r = em_file_line(AT_FDCWD, "/sys/module/earmark/srcversion", loaded, len);

	*installed = '\0';
	modinfo = popen("/sbin/modinfo -F srcversion earmark 2>/dev/null", "re");
	if (modinfo && fgets(installed, (int)len, modinfo))
		installed[strcspn(installed, "\n")] = '\0';
	if (r < 0)
		*loaded = '\0';
	return r < 0 && access("/sys/module/earmark", F_OK) ? -ENOENT : 0;
}

static json_t *text_or_null(const char *s)
{
	return *s ? json_string(s) : json_null();
}

static int show(struct em_args *a)
{
	char loaded[64], installed[64];
	bool there = !em_module_builds(loaded, installed, sizeof(loaded));
	bool differ = there && *loaded && *installed && strcmp(loaded, installed) != 0;
	int status = there && !differ ? EM_FINE : EM_NOT_SO;

	if (a->json)
		return em_json_out(json_pack("{s:b,s:o,s:o,s:b}", "loaded", there, "build",
					     text_or_null(loaded), "installed",
					     text_or_null(installed), "upgrade", differ),
				   status);
	if (!there)
		printf("The module earmark is not loaded%s.\n",
		       *installed ? ": modprobe earmark" : " nor installed for this kernel");
	else if (differ)
		printf("Build %s is loaded, %s is installed: earmark module upgrade\n", loaded,
		       installed);
	else
		printf("Build %s is loaded%s.\n", *loaded ? loaded : "(unknown)",
		       *installed ? " and installed" : "; none is installed for this kernel");
	return status;
}

/* --- exchanging it ------------------------------------------------------------------------ */

static json_t *tell(struct em_args *a, const char *action, char *err, size_t len)
{
	_cleanup_json_ json_t *body = json_pack("{s:s}", "action", action);

	return em_ask(a, "POST", "/v1/module", body, err, len);
}

static int newest(const struct earmark_job_info *j, void *arg)
{
	json_int_t *last = arg;

	if ((json_int_t)j->own_tag > *last)
		*last = (json_int_t)j->own_tag;
	return 0;
}

/* Did somebody tag since, telling the module itself? */
static bool tagged_since(json_int_t last_tag)
{
	_cleanup_(em_netlink_closep) struct em_netlink *nl = NULL;
	json_int_t last = 0;

	return !em_netlink_open(&nl) && !em_netlink_jobs(nl, newest, &last) && last > last_tag;
}

/* Return: 0, -EAGAIN: what was written down is no longer all, or -errno. */
static int unload(json_int_t last_tag)
{
	uint64_t until = em_time_monotonic() + UNLOAD_WAITS;

	for (;;) {
		if (tagged_since(last_tag))
			return -EAGAIN;
		if (!syscall(SYS_delete_module, "earmark", O_NONBLOCK))
			return 0;
		if ((errno != EAGAIN && errno != EWOULDBLOCK) || em_time_monotonic() > until)
			return errno == EAGAIN ? -EBUSY : -errno;
		usleep(UNLOAD_APART);
	}
}

static int load_file(const char *file)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);

	return fd < 0 || syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
}

static int load(const char *file)
{
	int status;
	pid_t pid;

	if (file)
		return load_file(file);
	pid = fork();
	if (!pid) {
		execl(MODPROBE, MODPROBE, "earmark", (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -ENOEXEC;
}

/* Let go, and unloaded. @released: the daemon's answer. 0 or -errno, with @err. */
static int remove_old(struct em_args *a, json_t **released, char *err, size_t len)
{
	char more[256];
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < TRIES; i++) {
		json_decref(*released);
		*released = tell(a, "release", err, len);
		if (!*released)
			return -EIO;
		r = unload(em_json_integer(*released, "last_tag"));
		if (r)
			json_decref(tell(a, "take", more, sizeof(more)));
	}
	if (r)
		snprintf(err, len,
			 "the module earmark is not unloaded: %s; it records on as before",
			 r == -EAGAIN ? "jobs are being tagged" : strerror(-r));
	return r;
}

static int done(struct em_args *a, const json_t *released, const json_t *taken, uint64_t took)
{
	const json_t *h = json_object_get(taken, "handover");
	bool all =
		!strcmp(em_json_string(h, "state"), "restored") && !em_json_integer(h, "refused");
	char build[64], installed[64], length[EM_DURATION_LEN];

	em_module_builds(build, installed, sizeof(build));
	if (a->json)
		return em_json_out(json_pack("{s:o,s:O,s:O,s:I}", "build", text_or_null(build),
					     "released", released, "taken", taken, "unobserved_us",
					     (json_int_t)(took / 1000)),
				   all ? EM_FINE : EM_NOT_SO);
	printf("Build %s of the module records: %lld tags and %lld open accounts were taken over%s\n"
	       "What passed meanwhile (%s) is unobserved.\n",
	       *build ? build : "(unknown)", em_json_integer(h, "tags"), em_json_integer(h, "open"),
	       all ? "." : "; some could not be: see the journal.",
	       em_duration_format(length, (int64_t)took));
	return all ? EM_FINE : EM_NOT_SO;
}

static int upgrade(struct em_args *a)
{
	_cleanup_json_ json_t *released = NULL, *taken = NULL;
	const char *file = em_opt(a, "file");
	char err[512];
	uint64_t start;
	int r;

	if (geteuid())
		return em_fail(a, "only root may exchange the module");
	if (file && access(file, R_OK))
		return em_fail(a, "%s: %s", file, strerror(errno));
	start = em_time_monotonic();
	if (remove_old(a, &released, err, sizeof(err)))
		return em_fail(a, "%s", err);
	r = load(file);
	taken = r ? NULL : tell(a, "take", err, sizeof(err));
	if (r)
		return em_fail(a,
			       "the old module is unloaded and %s cannot be loaded: %s; what stood "
			       "is kept in the ledger until a build of it is (modprobe earmark)",
			       file ?: "the new one",
			       r == -ENOEXEC ? "modprobe refused it" : strerror(-r));
	if (!taken)
		return em_fail(a,
			       "the new module is loaded, and earmarkd has not taken it: %s; what "
			       "stood is kept in the ledger until it does",
			       err);
	return done(a, released, taken, em_time_monotonic() - start);
}

static const struct em_option upgrade_options[] = {
	{ "file", "FILE", "this build instead of the one that is installed for this kernel", NULL },
	{},
};

static const struct em_verb verbs[] = {
	{ "show", "", "which build is loaded, and is it the one installed? 1: it is not", 0, 0,
	  false, show, NULL },
	{ "upgrade", "",
	  "exchanges it for the one installed, under running jobs: tags and open\n"
	  "      accounts are kept, what passes meanwhile is unobserved",
	  0, 0, false, upgrade, upgrade_options },
	{},
};

const struct em_object em_module_object = { "module", "the kernel module: exchanging it", verbs };
