// SPDX-License-Identifier: GPL-2.0
/*
 * Pods: which cgroup is part of which, what a kubelet says of it, and who gets a tag by it. The
 * kubelet is a test double: a thread that answers what it is told to.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "../../user/daemon/jobpath.c"
#include "../../user/daemon/pods.c"
#include "../../user/daemon/rules.c"

#define UID "7f3a2b10-1111-2222-3333-444455556666"
#define UID_SLICE "7f3a2b10_1111_2222_3333_444455556666"
#define POD_CGROUP \
	"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_SLICE ".slice"

/* --- a kubelet ---------------------------------------------------------------------------- */

static const char pods_json[] =
	"{\"kind\":\"PodList\",\"items\":[{\"metadata\":{\"name\":\"steer-0\",\"namespace\":\"safety\","
	"\"uid\":\"" UID
	"\",\"labels\":{\"team\":\"oversight\",\"app.kubernetes.io/name\":\"steer\"},"
	"\"annotations\":{\"earmark/ref\":\"r7\"}}},"
	"{\"metadata\":{\"name\":\"static-x\",\"namespace\":\"kube-system\",\"uid\":\"aaaa-of-mirror\","
	"\"annotations\":{\"kubernetes.io/config.hash\":\"0123456789abcdef0123456789abcdef\"}}},"
	"7,{\"metadata\":null}]}";

static struct kubelet {
	pthread_t thread;
	int fd;
	char url[64];
	_Atomic(const char *) says;
	atomic_int status, asked;
} kubelet;

static void *serve(void *arg)
{
	(void)arg;
	for (;;) {
		_cleanup_close_ int fd = accept(kubelet.fd, NULL, NULL);
		const char *says = kubelet.says;
		char request[2048];

		if (fd < 0)
			return NULL;
		if (read(fd, request, sizeof(request)) > 0)
			kubelet.asked++;
		dprintf(fd, "HTTP/1.1 %d x\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
			kubelet.status, strlen(says), says);
	}
}

static int kubelet_up(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	(void)state;
	kubelet = (struct kubelet){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
				    .says = pods_json,
				    .status = 200 };
	if (bind(kubelet.fd, (struct sockaddr *)&at, len) || listen(kubelet.fd, 8) ||
	    getsockname(kubelet.fd, (struct sockaddr *)&at, &len))
		return -1;
	snprintf(kubelet.url, sizeof(kubelet.url), "http://127.0.0.1:%d/pods", ntohs(at.sin_port));
	return pthread_create(&kubelet.thread, NULL, serve, NULL);
}

static int kubelet_down(void **state)
{
	(void)state;
	shutdown(kubelet.fd, SHUT_RDWR);
	pthread_join(kubelet.thread, NULL);
	return close(kubelet.fd);
}

/* As the daemon's loop: it comes back until there is an answer. */
static int find(struct em_pods *p, const char *uid, struct em_facts *f)
{
	int r = -EAGAIN;

	for (int i = 0; i < 500 && r == -EAGAIN; i++) {
		r = em_pods_find(p, uid, f);
		if (r == -EAGAIN)
			usleep(10000);
	}
	return r;
}

static bool knows(const struct em_facts *f, enum em_rule_key key, const char *value)
{
	for (unsigned int i = 0; i < f->n[key]; i++) {
		if (!strcmp(f->values[key][i], value))
			return true;
	}
	return false;
}

/* --- paths --------------------------------------------------------------------------------- */

static void paths(void **state)
{
	static const struct {
		const char *path, *uid;
	} table[] = {
		{ POD_CGROUP "/cri-containerd-0123.scope", UID },
		{ POD_CGROUP, UID },
		{ "/kubepods.slice/kubepods-pod" UID_SLICE ".slice/crio-1.scope", UID },
		{ "/kubepods/besteffort/pod" UID "/0123456789", UID },
		{ "/kubepods/pod" UID, UID },
		{ "/kubepods.slice/kubepods-pod0123456789abcdef0123456789abcdef.slice",
		  "0123456789abcdef0123456789abcdef" },
		{ "/kubepods.slice", NULL },
		{ "/kubepods.slice/kubepods-burstable.slice", NULL },
		{ "/kubepods.slice/kubepods-pod.slice", NULL },
		{ "/kubepods.slice/kubepods-podxyzzyxyzzy.slice", NULL },
		{ "/user.slice/user-1000.slice/kubepods-pod" UID_SLICE ".slice", NULL },
		{ "/system.slice/pod" UID, NULL },
		{ "/", NULL },
		{ "", NULL },
	};
	char uid[EM_POD_UID_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (em_pod_of_cgroup(table[i].path, uid) != !!table[i].uid)
			fail_msg("%s", table[i].path);
		if (table[i].uid)
			assert_string_equal(uid, table[i].uid);
	}
}

/* --- answers ------------------------------------------------------------------------------- */

static void answers(void **state)
{
	struct em_facts f = { 0 };
	struct em_pods *p;
	char text[256];

	(void)state;
	assert_int_equal(em_pods_open(&p, kubelet.url), 0);
	assert_int_equal(kubelet.asked, 0); /* not before somebody wants to know */
	assert_int_equal(em_pods_find(p, UID, &f), -EAGAIN);
	assert_int_equal(find(p, UID, &f), 0);
	assert_true(knows(&f, EM_RULE_POD, "steer-0") && knows(&f, EM_RULE_NAMESPACE, "safety"));
	assert_true(knows(&f, EM_RULE_LABEL, "team=oversight"));
	assert_true(knows(&f, EM_RULE_LABEL, "app.kubernetes.io/name=steer"));
	assert_true(knows(&f, EM_RULE_ANNOTATION, "earmark/ref=r7"));
	em_facts_clear(&f);
	assert_int_equal(kubelet.asked, 1);
	assert_int_equal(find(p, "0123456789abcdef0123456789abcdef", &f), 0);
	assert_true(knows(&f, EM_RULE_POD, "static-x"));
	em_facts_clear(&f);
	assert_int_equal(kubelet.asked, 1); /* what is known is not asked again */
	assert_int_equal(find(p, "00000000-0000", &f), -ENOENT);
	assert_int_equal(kubelet.asked, 2);
	assert_int_equal(find(p, "00000000-0000", &f), -ENOENT);
	assert_int_equal(kubelet.asked, 2);
	assert_string_equal(em_pods_error(p, text, sizeof(text)), "");
	assert_int_equal(em_pods_read(p), 2);
	em_pods_close(p);
}

static void no_answers(void **state)
{
	static const struct {
		const char *says, *error;
		int status;
	} table[] = {
		{ pods_json, "status 403", 403 }, { "{", "no list of pods", 200 },
		{ "{}", "no list of pods", 200 }, { "", "no list of pods", 200 },
		{ "[]", "no list of pods", 200 },
	};
	struct em_facts f = { 0 };
	struct em_pods *p;
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		kubelet.says = table[i].says;
		kubelet.status = table[i].status;
		assert_int_equal(em_pods_open(&p, kubelet.url), 0);
		assert_int_equal(find(p, UID, &f), -EHOSTUNREACH);
		if (!strstr(em_pods_error(p, text, sizeof(text)), table[i].error))
			fail_msg("%s: %s", table[i].says, text);
		assert_int_equal(em_pods_read(p), 0);
		em_pods_close(p);
	}
	assert_int_equal(em_pods_open(&p, "http://127.0.0.1:1/pods"), 0);
	assert_int_equal(find(p, UID, &f), -EHOSTUNREACH);
	em_pods_close(p);
	assert_int_equal(em_pods_open(&p, "file:///etc/passwd"), 0);
	assert_int_equal(find(p, UID, &f), -EHOSTUNREACH);
	em_pods_close(p);
	em_facts_clear(&f);
	kubelet.says = pods_json;
	kubelet.status = 200;
}

/* --- rules --------------------------------------------------------------------------------- */

static char dir[] = "/tmp/earmark-pods.XXXXXX";

static const char *rules_file(const char *yaml)
{
	static char file[64];
	FILE *out;

	snprintf(file, sizeof(file), "%s/rules.yaml", dir);
	out = fopen(file, "w");
	assert_non_null(out);
	fputs(yaml, out);
	fclose(out);
	return file;
}

static void grammar(void **state)
{
	static const char *const bad[] = {
		"{ label: steer }",           "{ label: {} }",      "{ label: { \"te*\": x } }",
		"{ label: { a: { b: c } } }", "{ annotation: [] }", "{ label: { \"a=b\": c } }",
		"{ pod: { a: b } }",
	};
	static const struct {
		const char *match;
		int with, without;
	} table[] = {
		{ "{ pod: \"steer-*\" }", 0, -1 },
		{ "{ pod: \"*\" }", 0, -1 }, /* any pod, and not: anything */
		{ "{ namespace: safety }", 0, -1 },
		{ "{ namespace: kube-system }", -1, -1 },
		{ "{ label: { team: \"over*\" } }", 0, -1 },
		{ "{ label: { team: \"*\" } }", 0, -1 },
		{ "{ label: { team: oversight, app.kubernetes.io/name: steer } }", 0, -1 },
		{ "{ label: { team: oversight, tier: gold } }", -1, -1 },
		{ "{ label: { tea: \"*\" } }", -1, -1 },
		{ "{ annotation: { earmark/ref: r7 } }", 0, -1 },
		{ "{ cgroup: \"/kubepods*\", namespace: safety }", 0, -1 },
		{ "{}", 0, 0 },
	};
	struct em_facts with = { 0 }, without = { 0 };
	char yaml[256], err[512];
	struct em_pods *p;
	struct em_rules r;

	(void)state;
	assert_int_equal(em_pods_open(&p, kubelet.url), 0);
	assert_int_equal(find(p, UID, &with), 0);
	em_pods_close(p);
	assert_int_equal(em_facts_cgroup(&with, POD_CGROUP), 0);
	assert_int_equal(em_facts_cgroup(&without, POD_CGROUP), 0);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		snprintf(yaml, sizeof(yaml), "rules: [{ match: %s, purpose: mixed }]",
			 table[i].match);
		if (em_rules_load_site(&r, rules_file(yaml), err, sizeof(err)))
			fail_msg("%s", err);
		if (em_rules_match(&r, &with) != table[i].with ||
		    em_rules_match(&r, &without) != table[i].without)
			fail_msg("%s", table[i].match);
		em_rules_clear(&r);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(yaml, sizeof(yaml), "rules: [{ match: %s, purpose: mixed }]", bad[i]);
		if (em_rules_load_site(&r, rules_file(yaml), err, sizeof(err)) != -EINVAL)
			fail_msg("%s", bad[i]);
	}
	em_facts_clear(&with);
	em_facts_clear(&without);
}

/* --- tags ---------------------------------------------------------------------------------- */

static struct earmark_job_info job;
static struct earmark_event tag;
static unsigned int tags;

static int fake_status(struct em_source *s, struct earmark_status *status)
{
	(void)s;
	*status = (struct earmark_status){ .jobs = 1 };
	return 0;
}

static int fake_jobs(struct em_source *s, int (*each)(const struct earmark_job_info *, void *),
		     void *arg)
{
	(void)s;
	return each(&job, arg);
}

static int fake_tag(struct em_source *s, int fd, const struct earmark_event *e, __u32 *id)
{
	(void)s;
	(void)fd;
	tag = *e;
	job.tagged_by = e->tagged_by;
	*id = ++tags;
	return 0;
}

static void told(const struct em_site_applied *a, void *arg)
{
	(void)a;
	(void)arg;
}

/* A job of that pod, and rules that know it by label alone. */
static void begin(struct em_site *s, const char *root)
{
	char path[512];
	struct stat st;

	*s = (struct em_site){ .root = root };
	assert_int_equal(em_site_load(s, rules_file("rules:\n"
						    "  - match: { label: { team: oversight } }\n"
						    "    purpose: alignment\n")),
			 0);
	snprintf(path, sizeof(path), "mkdir -p %s%s", root, POD_CGROUP);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "%s%s", root, POD_CGROUP);
	assert_int_equal(stat(path, &st), 0);
	job = (struct earmark_job_info){ .job = st.st_ino };
	snprintf(job.path, sizeof(job.path), "%s", POD_CGROUP);
	tags = 0;
}

static int steps(struct em_site *s, struct em_source *source, unsigned int until)
{
	int n = 0;

	while (tags < until && n++ < 300) {
		assert_true(em_site_step(s, source, told, NULL) >= 0);
		usleep(10000);
	}
	return n;
}

static void tagged_by_label(void **state)
{
	static const struct em_source_ops ops = { .status = fake_status,
						  .jobs = fake_jobs,
						  .tag = fake_tag };
	struct em_source source = { .ops = &ops };
	struct em_site s;
	char root[64];

	(void)state;
	snprintf(root, sizeof(root), "%s/cg", dir);
	begin(&s, root);
	/* nobody answers: no tag, and nothing waits for one */
	kubelet.status = 500;
	assert_int_equal(em_pods_open(&s.pods, kubelet.url), 0);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(em_site_step(&s, &source, told, NULL), 0);
		usleep(2000);
	}
	assert_int_equal(tags, 0);
	em_pods_close(s.pods);
	/* somebody does: it is tagged, a moment after it was first looked at */
	kubelet.status = 200;
	s.pods_read = 0;
	assert_int_equal(em_pods_open(&s.pods, kubelet.url), 0);
	s.look = true;
	assert_int_equal(em_site_step(&s, &source, told, NULL), 0);
	assert_int_equal(tags, 0);
	steps(&s, &source, 1);
	assert_int_equal(tags, 1);
	assert_int_equal(tag.purpose, EARMARK_PURPOSE_ALIGNMENT);
	em_pods_close(s.pods);
	em_site_clear(&s);
}

static int setup(void **state)
{
	return mkdtemp(dir) ? kubelet_up(state) : -1;
}

static int teardown(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return kubelet_down(state) || system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),           cmocka_unit_test(answers),
		cmocka_unit_test(no_answers),      cmocka_unit_test(grammar),
		cmocka_unit_test(tagged_by_label),
	};

	return cmocka_run_group_tests_name("pods", tests, setup, teardown);
}
