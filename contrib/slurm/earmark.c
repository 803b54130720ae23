// SPDX-License-Identifier: GPL-2.0
/*
 * earmark.so - Slurm's jobs get a purpose: --earmark for sbatch, salloc and srun.
 *
 * Three of Slurm's places load it. Where a job is submitted the option is checked, and left in
 * the environment for its steps. In slurmstepd, when the step's cgroup and processes exist and
 * none of them has run yet, earmarkd is told. At the end of a job what may be left is removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What Slurm looks up by name; everything else stays inside. */
#pragma GCC visibility push(default)
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <slurm/spank.h>

SPANK_PLUGIN(earmark, 1);
#pragma GCC visibility pop

#include "ask.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "choice.h"
#include "gres.h"

#define JOB_ENV "SLURM_EARMARK"       /* what the job was submitted with */
#define STEP_ENV "SLURM_EARMARK_STEP" /* what a step inside of it asked for itself */
#define WAIT_MS 2000
#define CONF_MAX (4u << 20)

static struct em_slurm_site site;
static struct em_slurm_choice passed; /* by the option, wherever this is loaded */

static int take_option(int val, const char *text, int remote)
{
	struct em_slurm_choice choice;
	char err[512];

	(void)val;
	if (!em_slurm_choice_parse(&choice, text ?: "", err, sizeof(err))) {
		passed = choice;
		return 0;
	}
	slurm_error("%s", err);
	/* what is wrong here was not checked where it was submitted: it is no reason to fail */
	return remote ? 0 : -1;
}

static struct spank_option option = {
	.name = "earmark",
	.arginfo = "PURPOSE[:PROJECT]",
	.usage = "what the GPU time is for: alignment, capabilities, mixed, serving or "
		 "infrastructure",
	.has_arg = 1,
	.cb = take_option,
};

int slurm_spank_init(spank_t sp, int argc, char **argv)
{
	char err[512];

	if (em_slurm_site_parse(&site, argc, argv, err, sizeof(err))) {
		slurm_error("%s", err);
		return -1;
	}
	if (spank_context() == S_CTX_SLURMD || spank_context() == S_CTX_JOB_SCRIPT)
		return 0;
	return spank_option_register(sp, &option) == ESPANK_SUCCESS ? 0 : -1;
}

/* --- where it is submitted ----------------------------------------------------------------- */

static const char *text_of(const struct em_slurm_choice *c, char *out, size_t len)
{
	snprintf(out, len, "%s%s%s", em_slurm_purpose_name(c->purpose), *c->project ? ":" : "",
		 c->project);
	return out;
}

static void leave(const char *name, bool given)
{
	char text[128];

	if (given)
		setenv(name, text_of(&passed, text, sizeof(text)), 1);
	else
		unsetenv(name);
}

/* A job that is submitted inside another is no part of it. */
static int submit(void)
{
	bool inside = spank_context() == S_CTX_LOCAL && getenv("SLURM_JOB_ID");

	leave(STEP_ENV, inside && passed.purpose);
	if (inside)
		return 0;
	leave(JOB_ENV, passed.purpose);
	if (!site.require || passed.purpose)
		return 0;
	slurm_error("this site wants to know what GPU time is for: add "
		    "--earmark=PURPOSE[:PROJECT], with alignment, capabilities, mixed, serving or "
		    "infrastructure");
	exit(1); /* a plugin that is "optional" in plugstack.conf could not refuse otherwise */
}

/* --- where it runs ------------------------------------------------------------------------- */

/* A batch script's steps shall know, whatever --export left of the environment. */
static int prepare(spank_t sp)
{
	char text[128];
	uint32_t step;

	if (passed.purpose && spank_get_item(sp, S_JOB_STEPID, &step) == ESPANK_SUCCESS &&
	    step == SLURM_BATCH_SCRIPT)
		spank_setenv(sp, JOB_ENV, text_of(&passed, text, sizeof(text)), 1);
	return 0;
}

int slurm_spank_init_post_opt(spank_t sp, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	switch (spank_context()) {
	case S_CTX_ALLOCATOR:
	case S_CTX_LOCAL:
		return submit();
	case S_CTX_REMOTE:
		return prepare(sp);
	default:
		return 0;
	}
}

/* struct job - who asks earmarkd, and for which cgroups */
struct job {
	spank_t sp;
	uint32_t id, uid;
	bool whole; /* the step stands for the job: its batch script, or what holds the rest */
	char ref[EARMARK_REF_LEN];
	char cgroup[PATH_MAX], step[PATH_MAX];
};

static void choice_from_env(spank_t sp, const char *name, struct em_slurm_choice *c)
{
	char text[128], err[512];

	*c = (struct em_slurm_choice){ 0 };
	if (spank_getenv(sp, name, text, sizeof(text)) == ESPANK_SUCCESS)
		em_slurm_choice_parse(c, text, err, sizeof(err));
}

/* The text of a file of slurm.conf's directory, wherever that is; "" without. */
static char *conf_text(const char *name)
{
	const char *main_conf = getenv("SLURM_CONF");
	const char *dirs[] = { NULL, "/run/slurm/conf", "/etc/slurm" };
	_cleanup_free_ char *dir = main_conf ? strdup(main_conf) : NULL;
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (slash) {
		*slash = '\0';
		dirs[0] = dir;
	}
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		char path[PATH_MAX], *text;

		snprintf(path, sizeof(path), "%s/%s", dirs[i] ?: "", name);
		if (dirs[i] && em_file_read(AT_FDCWD, path, CONF_MAX, &text) >= 0)
			return text;
	}
	return strdup("");
}

/* The job as slurmctld knows it, to be freed; NULL: it does not say. */
static job_info_msg_t *load(const struct job *j)
{
	job_info_msg_t *info = NULL;

	if (!slurm_load_job(&info, j->id, SHOW_ALL) && info->record_count)
		return info;
	slurm_free_job_info_msg(info);
	return NULL;
}

/* Of a batch script slurmctld says it; of a step its srun does, which is the user's. */
static void find_array(const struct job *j, uint32_t *array, uint32_t *task)
{
	job_info_msg_t *info;

	*array = *task = 0;
	spank_get_item(j->sp, S_JOB_ARRAY_ID, array);
	spank_get_item(j->sp, S_JOB_ARRAY_TASK_ID, task);
	if (j->whole || !*array || *task == NO_VAL)
		return;
	info = load(j);
	*array = info ? info->job_array[0].array_job_id : 0;
	*task = info ? info->job_array[0].array_task_id : 0;
	slurm_free_job_info_msg(info);
}

static void make_ref(struct job *j)
{
	char cluster[EM_SLURM_CLUSTER_MAX + 1] = "";
	uint32_t array, task;

	snprintf(cluster, sizeof(cluster), "%s", site.cluster);
	if (!*cluster) {
		_cleanup_free_ char *conf = conf_text("slurm.conf");

		if (!conf || !em_slurm_cluster_parse(conf, cluster))
			*cluster = '\0';
	}
	find_array(j, &array, &task);
	em_slurm_ref(j->ref, cluster, j->id, array, task);
}

static int find_job(struct job *j, spank_t sp)
{
	char own[PATH_MAX] = "";
	uint32_t step = 0;

	*j = (struct job){ .sp = sp };
	if (spank_get_item(sp, S_JOB_ID, &j->id) != ESPANK_SUCCESS ||
	    spank_get_item(sp, S_JOB_UID, &j->uid) != ESPANK_SUCCESS)
		return -EINVAL;
	/* the one line of a system with cgroup v2 alone */
	if (em_file_line(AT_FDCWD, "/proc/self/cgroup", own, sizeof(own)) ||
	    strncmp(own, "0::", 3) || !em_slurm_cgroup(own + 3, j->id, j->cgroup, j->step))
		return -ENOENT;
	spank_get_item(sp, S_JOB_STEPID, &step);
	j->whole = step == SLURM_BATCH_SCRIPT || step == SLURM_EXTERN_CONT ||
		   step == SLURM_INTERACTIVE_STEP;
	make_ref(j);
	return 0;
}

static int ask(const char *path, const struct em_slurm_body *body, char *err, size_t len)
{
	return em_slurm_ask(site.socket, path, body, WAIT_MS, err, len);
}

static void begin(struct em_slurm_body *b, const struct job *j, const char *cgroup)
{
	em_slurm_body_begin(b);
	em_slurm_body_string(b, "cgroup", cgroup);
	em_slurm_body_string(b, "ref", j->ref);
}

static int tag(const struct job *j, const char *cgroup, const struct em_slurm_choice *c, char *err,
	       size_t len)
{
	struct em_slurm_body b;

	begin(&b, j, cgroup);
	em_slurm_body_string(&b, "purpose", em_slurm_purpose_name(c->purpose));
	em_slurm_body_string(&b, "project", c->project);
	em_slurm_body_end(&b);
	return ask("/v1/slurm", &b, err, len);
}

/*
 * The job's environment says account and partition too, but it is the user's to change: what
 * decides over a purpose is asked of slurmctld.
 */
static int map(const struct job *j, char *err, size_t len)
{
	job_info_msg_t *info = load(j);
	struct em_slurm_body b;

	if (!info) {
		snprintf(err, len, "slurmctld does not say what job %u is", j->id);
		return -EIO;
	}
	begin(&b, j, j->cgroup);
	em_slurm_body_number(&b, "uid", j->uid);
	em_slurm_body_string(&b, "account", info->job_array[0].account);
	em_slurm_body_string(&b, "qos", info->job_array[0].qos);
	em_slurm_body_string(&b, "partition", info->job_array[0].partition);
	em_slurm_body_string(&b, "wckey", info->job_array[0].wckey);
	em_slurm_body_end(&b);
	slurm_free_job_info_msg(info);
	return ask("/v1/slurm", &b, err, len);
}

/* The GPUs that the job has here: all of it, or what the step has, of a job of steps alone. */
static int give(const struct job *j, char *err, size_t len)
{
	_cleanup_free_ char *conf = conf_text("gres.conf");
	char gpus[1024], node[256] = "", devices[2048];
	struct em_slurm_body b;

	if (spank_getenv(j->sp, "SLURM_JOB_GPUS", gpus, sizeof(gpus)) != ESPANK_SUCCESS &&
	    spank_getenv(j->sp, "SLURM_STEP_GPUS", gpus, sizeof(gpus)) != ESPANK_SUCCESS)
		return 0;
	spank_getenv(j->sp, "SLURMD_NODENAME", node, sizeof(node));
	if (!em_slurm_gres_devices(conf ?: "", node, gpus, devices, sizeof(devices)))
		return 0;
	begin(&b, j, j->cgroup);
	em_slurm_body_words(&b, "gpus", devices);
	em_slurm_body_string(&b, "action", "give");
	em_slurm_body_end(&b);
	return ask("/v1/allocations", &b, err, len);
}

static void plan(const struct job *j, struct em_slurm_plan *p)
{
	struct em_slurm_step s = { .whole = j->whole, .passed = passed };

	choice_from_env(j->sp, JOB_ENV, &s.inherited);
	if (!s.whole)
		choice_from_env(j->sp, STEP_ENV, &s.said);
	em_slurm_plan(p, &s);
}

static int tell_tags(const struct job *j, char *err, size_t len)
{
	struct em_slurm_plan p;
	int r = 0;

	plan(j, &p);
	if (p.job.purpose)
		r = tag(j, j->cgroup, &p.job, err, len);
	else if (site.map && !p.step.purpose)
		r = map(j, err, len);
	if (!r && p.step.purpose)
		r = tag(j, *j->step ? j->step : j->cgroup, &p.step, err, len);
	return r;
}

static int tell(spank_t sp, char *err, size_t len)
{
	struct job j;
	int r = find_job(&j, sp);

	if (r) {
		snprintf(err, len,
			 "there is no cgroup of this job's (cgroup v2 is needed, with "
			 "ProctrackType=proctrack/cgroup)");
		return r;
	}
	r = tell_tags(&j, err, len);
	if (!r && give(&j, err, len)) /* it is counted all the same, but for the allocated clock */
		slurm_info("earmark: which GPUs the job was given is not recorded: %s", err);
	return r;
}

/* Whether the step may run. */
static bool tell_once(spank_t sp)
{
	static bool told, refused;
	char err[600];

	if (told)
		return !refused;
	told = true;
	if (!tell(sp, err, sizeof(err)))
		return true;
	refused = site.fail;
	if (refused)
		slurm_error("earmark: the job is not tagged, and this site lets none run so: %s",
			    err);
	else
		slurm_info("earmark: the job is not tagged: %s", err);
	return !refused;
}

/* After fork and before any task may run: slurmstepd, as root. */
int slurm_spank_task_post_fork(spank_t sp, int argc, char **argv)
{
	pid_t pid = 0;

	(void)argc;
	(void)argv;
	if (spank_context() != S_CTX_REMOTE || tell_once(sp))
		return 0;
	/* were this to fail instead, srun would end with status 0, and only if it is "required" */
	if (spank_get_item(sp, S_TASK_PID, &pid) == ESPANK_SUCCESS && pid > 1)
		kill(pid, SIGKILL);
	return 0;
}

/* --- at the end ---------------------------------------------------------------------------- */

static void take_back(const struct job *j)
{
	struct em_slurm_choice none = { 0 };
	struct em_slurm_body b;
	char err[600];

	begin(&b, j, j->cgroup);
	em_slurm_body_string(&b, "action", "take");
	em_slurm_body_end(&b);
	if (ask("/v1/allocations", &b, err, sizeof(err)) ||
	    tag(j, j->cgroup, &none, err, sizeof(err)))
		slurm_info("earmark: what is left of the job keeps its tag: %s", err);
}

/* Mostly its cgroup is gone by now, and with it tag and allocation. */
int slurm_spank_job_epilog(spank_t sp, int argc, char **argv)
{
	static const char root[] = "/sys/fs/cgroup";
	struct job j = { .sp = sp };
	char pattern[128], err[512];
	glob_t found;

	/* here Slurm does not call slurm_spank_init() */
	if (em_slurm_site_parse(&site, argc, argv, err, sizeof(err)) ||
	    spank_get_item(sp, S_JOB_ID, &j.id) != ESPANK_SUCCESS)
		return 0;
	make_ref(&j);
	snprintf(pattern, sizeof(pattern), "%s/system.slice/*slurmstepd.scope/job_%u", root, j.id);
	if (!glob(pattern, GLOB_NOSORT, NULL, &found)) {
		snprintf(j.cgroup, sizeof(j.cgroup), "%s", found.gl_pathv[0] + strlen(root));
		take_back(&j);
		globfree(&found);
	}
	return 0;
}
