// SPDX-License-Identifier: GPL-2.0
/* What Slurm's plugin decides, and how it asks earmarkd, without Slurm. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../contrib/slurm/ask.c"
#include "../../contrib/slurm/choice.c"
#include "../../contrib/slurm/gres.c"
#include "rule/facts.h"

static char err[512];

/* --- the option ---------------------------------------------------------------------------- */

static struct em_slurm_choice chosen(const char *text)
{
	struct em_slurm_choice c;

	assert_int_equal(em_slurm_choice_parse(&c, text, err, sizeof(err)), 0);
	return c;
}

static void refused(const char *text, const char *says)
{
	struct em_slurm_choice c;

	*err = '\0';
	assert_int_equal(em_slurm_choice_parse(&c, text, err, sizeof(err)), -EINVAL);
	assert_int_equal(c.purpose, EARMARK_PURPOSE_UNTAGGED);
	if (!strstr(err, says))
		fail_msg("\"%s\": \"%s\" does not say \"%s\"", text, err, says);
}

static void test_option(void **state)
{
	char longest[EARMARK_PROJECT_LEN + 32] = "mixed:";

	(void)state;
	assert_int_equal(chosen("alignment").purpose, EARMARK_PURPOSE_ALIGNMENT);
	assert_string_equal(chosen("alignment").project, "");
	assert_int_equal(chosen("infrastructure:a").purpose, EARMARK_PURPOSE_INFRASTRUCTURE);
	assert_string_equal(chosen("serving:über uns: 2").project, "über uns: 2");
	memset(longest + 6, 'p', EARMARK_PROJECT_LEN - 1);
	assert_int_equal(strlen(chosen(longest).project), EARMARK_PROJECT_LEN - 1);

	refused("alignmnt", "did you mean alignment?");
	refused("capability", "did you mean capabilities?");
	refused("", "did you mean");
	refused("Alignment", "did you mean alignment?");
	refused("alignment ", "is no purpose");
	refused(":project", "is no purpose");
	refused("untagged", "leave it out");
	refused("untagged:project", "leave it out");
	refused("alignment:", "1 to 63 bytes");
	refused("alignment:a\x1b[2J", "1 to 63 bytes");
	refused("\x1b[2J", "\\x1b[2J");
	strcat(longest, "p");
	refused(longest, "1 to 63 bytes");
	memset(longest, 'x', sizeof(longest) - 1);
	refused(longest, "is no purpose");
}

/* --- plugstack.conf, slurm.conf ------------------------------------------------------------ */

static int site_of(struct em_slurm_site *s, const char *a, const char *b)
{
	char *argv[] = { (char *)a, (char *)b };

	*err = '\0';
	return em_slurm_site_parse(s, !!a + !!b, argv, err, sizeof(err));
}

static void test_site(void **state)
{
	struct em_slurm_site s;

	(void)state;
	assert_int_equal(site_of(&s, NULL, NULL), 0);
	assert_false(s.require || s.fail || s.map);
	assert_string_equal(s.socket, "/run/earmark/earmarkd.sock");
	assert_string_equal(s.cluster, "");
	assert_int_equal(site_of(&s, "require=yes", "on_error=fail"), 0);
	assert_true(s.require && s.fail && !s.map);
	assert_int_equal(site_of(&s, "map=yes", "require=no"), 0);
	assert_true(s.map && !s.require);
	assert_int_equal(site_of(&s, "socket=/x", "cluster=tux"), 0);
	assert_string_equal(s.socket, "/x");
	assert_string_equal(s.cluster, "tux");

	assert_int_equal(site_of(&s, "requires=yes", NULL), -EINVAL);
	assert_non_null(strstr(err, "did you mean require="));
	assert_int_equal(site_of(&s, "require", NULL), -EINVAL);
	assert_non_null(strstr(err, "no or yes"));
	assert_int_equal(site_of(&s, "on_error=never", NULL), -EINVAL);
	assert_non_null(strstr(err, "ignore or fail"));
	assert_int_equal(site_of(&s, "socket=", NULL), -EINVAL);
	assert_int_equal(
		site_of(&s, "cluster=a-name-that-is-longer-than-forty-bytes-is-too-long", NULL),
		-EINVAL);
}

static void test_cluster(void **state)
{
	char name[EM_SLURM_CLUSTER_MAX + 1];

	(void)state;
	assert_true(em_slurm_cluster_parse("# c\nSlurmUser=slurm\nClusterName=tux\n", name));
	assert_string_equal(name, "tux");
	assert_true(em_slurm_cluster_parse("  clustername = a-b # why\r\n", name));
	assert_string_equal(name, "a-b");
	assert_false(em_slurm_cluster_parse("", name));
	assert_false(em_slurm_cluster_parse("#ClusterName=no\nMyClusterName=no\n", name));
	assert_false(em_slurm_cluster_parse("ClusterNames=no\nClusterName=\n", name));
	assert_false(em_slurm_cluster_parse("ClusterName", name));
}

static void test_ref(void **state)
{
	char ref[EARMARK_REF_LEN];

	(void)state;
	em_slurm_ref(ref, "tux", 17, 0, 0);
	assert_string_equal(ref, "tux.17");
	em_slurm_ref(ref, "tux", 18, 17, 3);
	assert_string_equal(ref, "tux.17_3");
	/* as Slurm says that it is no array */
	em_slurm_ref(ref, "tux", 18, 18, 0xfffffffe);
	assert_string_equal(ref, "tux.18");
	em_slurm_ref(ref, "", 17, 0, 0);
	assert_string_equal(ref, "17");
	em_slurm_ref(ref, "a-name-of-exactly-forty-bytes-no-more---", UINT32_MAX, UINT32_MAX - 2,
		     UINT32_MAX - 2);
	assert_string_equal(ref, "a-name-of-exactly-forty-bytes-no-more---.4294967293_4294967293");
}

/* --- cgroups and tags ---------------------------------------------------------------------- */

#define SCOPE "/system.slice/n1_slurmstepd.scope"

static void cgroup_is(const char *own, uint32_t id, const char *job, const char *step)
{
	char j[PATH_MAX], s[PATH_MAX];

	assert_int_equal(em_slurm_cgroup(own, id, j, s), *job != '\0');
	assert_string_equal(j, job);
	assert_string_equal(s, step);
}

static void test_cgroup(void **state)
{
	(void)state;
	cgroup_is(SCOPE "/job_7/step_0/slurm", 7, SCOPE "/job_7", SCOPE "/job_7/step_0");
	cgroup_is(SCOPE "/job_7/step_batch/user/task_special", 7, SCOPE "/job_7",
		  SCOPE "/job_7/step_batch");
	cgroup_is(SCOPE "/job_7/step_0", 7, SCOPE "/job_7", SCOPE "/job_7/step_0");
	cgroup_is(SCOPE "/job_7", 7, SCOPE "/job_7", "");
	cgroup_is(SCOPE "/job_70/step_0", 7, "", "");
	cgroup_is("/job_71/job_7/step_1/user", 7, "/job_71/job_7", "/job_71/job_7/step_1");
	cgroup_is("/system.slice/slurmd.service", 7, "", "");
	cgroup_is("/", 7, "", "");
}

static void plan_is(bool whole, const char *said, const char *passed, const char *inherited,
		    const char *job, const char *step)
{
	struct em_slurm_choice none = { 0 };
	struct em_slurm_step s = {
		.whole = whole,
		.said = said ? chosen(said) : none,
		.passed = passed ? chosen(passed) : none,
		.inherited = inherited ? chosen(inherited) : none,
	};
	struct em_slurm_choice j = job ? chosen(job) : none, t = step ? chosen(step) : none;
	struct em_slurm_plan p;

	em_slurm_plan(&p, &s);
	assert_true(em_slurm_choice_equal(&p.job, &j));
	assert_true(em_slurm_choice_equal(&p.step, &t));
}

static void test_plan(void **state)
{
	(void)state;
	/* nobody said anything */
	plan_is(true, NULL, NULL, NULL, NULL, NULL);
	plan_is(false, NULL, NULL, NULL, NULL, NULL);
	/* the batch script stands for its job */
	plan_is(true, NULL, "alignment:a", NULL, "alignment:a", NULL);
	plan_is(true, NULL, NULL, "alignment:a", "alignment:a", NULL);
	/* its steps inherit, and say nothing new; on the job's other nodes they come first */
	plan_is(false, NULL, "alignment:a", "alignment:a", "alignment:a", NULL);
	plan_is(false, NULL, NULL, "alignment:a", "alignment:a", NULL);
	/* a step's own option goes over it, whichever of both was passed on */
	plan_is(false, "mixed", "alignment:a", "alignment:a", "alignment:a", "mixed");
	plan_is(false, "mixed", "mixed", "alignment:a", "alignment:a", "mixed");
	plan_is(false, "alignment:b", "alignment:a", "alignment:a", "alignment:a", "alignment:b");
	/* without an environment (--export=NONE), or in a job without a purpose: the step alone */
	plan_is(false, NULL, "mixed", NULL, NULL, "mixed");
	plan_is(false, "mixed", "mixed", NULL, NULL, "mixed");
}

/* --- GPUs ---------------------------------------------------------------------------------- */

static void file_is(const char *conf, unsigned int number, const char *want)
{
	char file[256];
	bool found = em_slurm_gres_file(conf, "n2", number, file, sizeof(file));

	assert_int_equal(found, want != NULL);
	if (want)
		assert_string_equal(file, want);
}

/* As Debian's Slurm 22.05 numbers them: "nvidia[2,5]" are 0 and 1. */
static void test_gres(void **state)
{
	static const char conf[] = "# Name=gpu File=/dev/wrong[0-9]\n"
				   "AutoDetect=off\n"
				   "NodeName=n[1-2,9] Name=gpu Type=a100 File=/dev/nvidia[2-3,5]\n"
				   "NodeName=n1,n[3-8] Name=gpu File=/dev/elsewhere[0-9]\n"
				   "name=nic File=/dev/mlx[0-7]\n"
				   "Name=gpu file=/dev/a7,/dev/b[1-2]x Cores=0-3\n";
	char out[128], want[64], null[] = "Name=gpu File=/dev/null\n";
	struct stat st;

	(void)state;
	file_is(conf, 0, "/dev/nvidia2");
	file_is(conf, 1, "/dev/nvidia3");
	file_is(conf, 2, "/dev/nvidia5");
	file_is(conf, 3, "/dev/a7");
	file_is(conf, 4, "/dev/b1x");
	file_is(conf, 5, "/dev/b2x");
	file_is(conf, 6, NULL);
	file_is("NodeName=n[02-10] Name=gpu File=/dev/a\nName=gpu File=/dev/b[08-10]", 2,
		"/dev/b10");
	file_is("NodeName=n[2-10] Name=gpu File=/dev/a\nName=gpu File=/dev/b[08-10]", 1,
		"/dev/b08");
	file_is("", 0, NULL);
	file_is("Name=gpu File=/dev/x[\n", 0, "/dev/x[");
	file_is("Name=gpu File=/dev/x[]\n", 0, NULL);
	file_is("Name=gpu File=/dev/x[3-1]\n", 0, NULL);
	file_is("Name=gpu File=\n", 0, NULL);

	assert_int_equal(stat("/dev/null", &st), 0);
	snprintf(want, sizeof(want), "%u:%u", major(st.st_rdev), minor(st.st_rdev));
	assert_int_equal(em_slurm_gres_devices(null, "n2", "0", out, sizeof(out)), 1);
	assert_string_equal(out, want);
	assert_int_equal(em_slurm_gres_devices(null, "n2", "0-3000000000,7", out, sizeof(out)), 1);
	assert_int_equal(em_slurm_gres_devices(null, "n2", "", out, sizeof(out)), 0);
	assert_string_equal(out, "");
	assert_int_equal(em_slurm_gres_devices("", "n2", "NoDevFiles", out, sizeof(out)), 0);
}

/* --- rules --------------------------------------------------------------------------------- */

static void load(struct em_rules *r, const char *yaml)
{
	char file[] = "/tmp/earmark-rules-XXXXXX";
	int fd = mkstemp(file);

	assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
	close(fd);
	assert_int_equal(em_rules_load_site(r, file, err, sizeof(err)), 0);
	unlink(file);
}

/* What Slurm knows of a job decides about it, and about nothing else. */
static void test_rules(void **state)
{
	struct em_facts f = { 0 };
	struct em_rules r;

	(void)state;
	load(&r, "rules:\n"
		 "  - match: { account: \"safety-*\", qos: high }\n"
		 "    purpose: alignment\n"
		 "  - match: { partition: web, wckey: \"?*\" }\n"
		 "    purpose: serving\n");
	assert_int_equal(em_facts_cgroup(&f, SCOPE "/job_7"), 0);
	assert_int_equal(em_rules_match(&r, &f), -1);
	assert_int_equal(em_facts_add(&f, EM_RULE_ACCOUNT, "safety-9"), 0);
	assert_int_equal(em_rules_match(&r, &f), -1);
	assert_int_equal(em_facts_add(&f, EM_RULE_QOS, "high"), 0);
	assert_int_equal(em_rules_match(&r, &f), 0);
	em_facts_forget(&f, EM_RULE_ACCOUNT);
	assert_int_equal(em_facts_add(&f, EM_RULE_PARTITION, "web"), 0);
	assert_int_equal(em_rules_match(&r, &f), -1);
	assert_int_equal(em_facts_add(&f, EM_RULE_WCKEY, "w"), 0);
	assert_int_equal(em_rules_match(&r, &f), 1);
	em_facts_clear(&f);
	em_rules_clear(&r);
}

/* --- asking -------------------------------------------------------------------------------- */

static void test_body(void **state)
{
	struct em_slurm_body b;

	(void)state;
	em_slurm_body_begin(&b);
	em_slurm_body_string(&b, "cgroup", "/a");
	em_slurm_body_string(&b, "project", "a\"b\\c");
	em_slurm_body_string(&b, "absent", NULL);
	em_slurm_body_string(&b, "empty", "");
	em_slurm_body_number(&b, "uid", 7);
	em_slurm_body_words(&b, "gpus", "226:128 226:129");
	em_slurm_body_end(&b);
	assert_string_equal(b.text, "{\"cgroup\":\"/a\",\"project\":\"a\\\"b\\\\c\",\"uid\":7,"
				    "\"gpus\":[\"226:128\",\"226:129\"]}");
	em_slurm_body_begin(&b);
	em_slurm_body_words(&b, "gpus", "");
	em_slurm_body_end(&b);
	assert_string_equal(b.text, "{\"gpus\":[]}");
}

static char path[64];

static int listen_here(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(path, sizeof(path), "/tmp/earmark-slurm.%d", getpid());
	unlink(path);
	strcpy(a.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* One that answers with @text to whatever comes; NULL: never. */
static pid_t answering(int fd, const char *text)
{
	pid_t pid = fork();
	char request[4096];
	int client;

	if (pid)
		return pid;
	client = accept(fd, NULL, NULL);
	if (!text)
		pause();
	if (read(client, request, sizeof(request)) > 0 && write(client, text, strlen(text)) < 0)
		_exit(1);
	_exit(0);
}

static int asked(const char *answer, int ms)
{
	int fd = listen_here(), r;
	pid_t pid = answering(fd, answer);
	struct em_slurm_body b;

	em_slurm_body_begin(&b);
	em_slurm_body_end(&b);
	*err = '\0';
	r = em_slurm_ask(path, "/v1/slurm", &b, ms, err, sizeof(err));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
	unlink(path);
	return r;
}

static void test_ask(void **state)
{
	static char endless[20000];
	struct em_slurm_body b;

	(void)state;
	assert_int_equal(asked("HTTP/1.1 200 OK\r\n\r\n{}", 5000), 0);
	assert_int_equal(
		asked("HTTP/1.1 404 Not Found\r\n\r\n{\"error\": \"there is no such path\"}", 5000),
		-ENOENT);
	assert_int_equal(asked("HTTP/1.1 403 No\r\n\r\n{\"error\": \"no: \\\"a\\\" \x1b\"}", 5000),
			 -EPROTO);
	assert_string_equal(err, "no: \"a\" \\x1b");
	assert_int_equal(asked("HTTP/1.1 500 Oh\r\n\r\n", 5000), -EPROTO);
	assert_string_equal(err, "earmarkd answered with HTTP 500");
	assert_int_equal(asked("nonsense", 5000), -EPROTO);
	assert_int_equal(asked("", 5000), -EPROTO);
	/* more than is of interest is read, and no more of it kept */
	memset(endless, 'x', sizeof(endless) - 1);
	memcpy(endless, "HTTP/1.1 200 OK\r\n", 17);
	assert_int_equal(asked(endless, 5000), 0);

	/* somebody who listens and says nothing, and nobody */
	assert_int_equal(asked(NULL, 50), -ETIMEDOUT);
	assert_non_null(strstr(err, "does not answer"));
	em_slurm_body_begin(&b);
	em_slurm_body_end(&b);
	assert_int_equal(em_slurm_ask("/nonexistent", "/", &b, 50, err, sizeof(err)),
			 -ECONNREFUSED);
	for (int i = 0; i < 1000; i++)
		em_slurm_body_string(&b, "key", "a value of some length");
	assert_int_equal(em_slurm_ask("/nonexistent", "/", &b, 50, err, sizeof(err)), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_option),  cmocka_unit_test(test_site),
		cmocka_unit_test(test_cluster), cmocka_unit_test(test_ref),
		cmocka_unit_test(test_cgroup),  cmocka_unit_test(test_plan),
		cmocka_unit_test(test_gres),    cmocka_unit_test(test_rules),
		cmocka_unit_test(test_body),    cmocka_unit_test(test_ask),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
