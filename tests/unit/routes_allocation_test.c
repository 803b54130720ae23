// SPDX-License-Identifier: GPL-2.0
/*
 * A scheduler that gives and takes, through the API's path into the ledger, over a restart. The
 * recorder is made by hand, and folders stand for cgroups.
 */
#include "ledger_make.h"

#include "../../user/daemon/allocation.c"

#include "../../user/daemon/routes_allocation.c"

static char cgroups[80]; /* "the hierarchy" */

void em_log(int level, const char *format, ...)
{
	(void)level;
	(void)format;
}

const char *em_cgroup_mount(void)
{
	return cgroups;
}

bool em_cgroup_below(const char *path, const char *root)
{
	return !strncmp(path, root, strlen(root));
}

void em_cgroup_close(struct em_cgroup *c)
{
	free(c->path);
	c->path = NULL;
}

int em_cgroup_open(struct em_cgroup *c, const struct em_peer *peer, const char *name, char *err,
		   size_t len)
{
	char full[256];
	struct stat st;

	(void)peer;
	snprintf(full, sizeof(full), "%s/%s", cgroups, name);
	if (stat(full, &st)) {
		snprintf(err, len, "cgroup /%s: %s", name, strerror(errno));
		return -errno;
	}
	*c = (struct em_cgroup){ .fd = -1, .id = st.st_ino };
	return asprintf(&c->path, "/%s", name) < 0 ? -ENOMEM : 0;
}

/* --- the recorder -------------------------------------------------------------------------- */

static uint64_t tagged_job;

static int gpus(struct em_source *s, int (*each)(const struct earmark_gpu_info *, void *),
		void *arg)
{
	struct earmark_gpu_info gpu = { .gpu = 1,
					.nr_devnums = 1,
					.devnums = { 226 << 20 | 128 },
					.name = "pci/0000:41:00.0" };

	(void)s;
	return each(&gpu, arg);
}

static int jobs(struct em_source *s, int (*each)(const struct earmark_job_info *, void *),
		void *arg)
{
	struct earmark_job_info job = { .job = tagged_job,
					.own_tag = 3,
					.own_purpose = EARMARK_PURPOSE_ALIGNMENT,
					.own_tagged_by = EARMARK_TAGGED_BY_SCHEDULER };

	(void)s;
	return tagged_job ? each(&job, arg) : 0;
}

static const struct em_source_ops ops = { .gpus = gpus, .jobs = jobs };
static struct em_source source = { .ops = &ops };

static int post(struct em_manager *m, uid_t uid, const char *body, char err[512])
{
	struct em_peer peer = { .uid = uid };
	json_t *answer = NULL, *json = json_loads(body, 0, NULL);
	int r;

	assert_non_null(json);
	err[0] = '\0';
	r = em_route_allocations(m, &peer, json, &answer, err, 512);
	assert_true(r ? *err && !answer : answer != NULL);
	json_decref(answer);
	json_decref(json);
	return r;
}

static void refuses(struct em_manager *m, int r, const char *body, const char *says)
{
	char err[512];

	assert_int_equal(post(m, 0, body, err), r);
	if (!strstr(err, says))
		fail_msg("%s: \"%s\" does not say \"%s\"", body, err, says);
}

static uint64_t allocated(struct em_manager *m, uint64_t start, uint64_t end, __u32 tag)
{
	struct earmark_segment gpu = { .kind = EARMARK_SEGMENT_GPU, .gpu = 1 };
	struct em_interval i = { .header = { .start = start, .end = end, .nr_segments = 1 },
				 .segments = &gpu };
	struct em_allocated *rows = NULL;
	uint64_t sum = 0;
	int n;

	em_allocations_look(m);
	n = em_allocations_of(m, &i, &rows);
	for (int k = 0; k < n; k++)
		sum += rows[k].tag == tag ? rows[k].ns : 0;
	free(rows);
	return sum;
}

static void open_manager(struct em_manager *m)
{
	memset(m, 0, sizeof(*m));
	m->source = &source;
	m->ledger = open_ledger(EM_LEDGER_WRITE);
	em_allocations_open(m);
	em_allocations_meet(m);
}

static void close_manager(struct em_manager *m)
{
	em_allocation_clear(&m->allocations);
	em_ledger_close(m->ledger);
}

#define GIVE \
	"{\"cgroup\":\"/slurm/job_1\",\"action\":\"give\",\"ref\":\"c.1\",\"gpus\":[\"226:128\"]}"
#define BACK "{\"cgroup\":\"/slurm/job_1\",\"action\":\"take\"}"

static void make_job(void)
{
	char path[128];
	struct stat st;

	snprintf(cgroups, sizeof(cgroups), "%s/cgroups", dir);
	assert_int_equal(mkdir(cgroups, 0700), 0);
	snprintf(path, sizeof(path), "%s/slurm", cgroups);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/slurm/job_1", cgroups);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(stat(path, &st), 0);
	tagged_job = st.st_ino;
}

static void remove_job(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/slurm/job_1", cgroups);
	assert_int_equal(rmdir(path), 0);
}

static void refusals(void **state)
{
	struct em_manager m;
	char err[512];

	(void)state;
	make_job();
	open_manager(&m);
	assert_int_equal(post(&m, 1000, GIVE, err), -EPERM);
	refuses(&m, -EINVAL, "{}", "needs cgroup, action and gpus");
	refuses(&m, -EINVAL, "{\"cgroup\":\"/slurm/job_1\",\"action\":\"lend\"}", "give or take");
	refuses(&m, -EINVAL, "{\"cgroup\":\"/slurm/job_1\",\"action\":\"give\"}", "list of 1 to");
	refuses(&m, -EINVAL, "{\"cgroup\":\"/x\",\"action\":\"take\",\"colour\":1}", "colour");
	refuses(&m, -EINVAL,
		"{\"cgroup\":\"/slurm/job_1\",\"action\":\"give\",\"gpus\":[\"226:1\\u001b\"]}",
		"no GPU");
	refuses(&m, -ENOENT,
		"{\"cgroup\":\"/slurm/job_2\",\"action\":\"give\",\"gpus\":[\"226:128\"]}",
		"job_2");
	refuses(&m, -EINVAL,
		"{\"cgroup\":\"/slurm/job_1\",\"action\":\"take\",\"at\":\"2200-01-01\"}",
		"future");
	refuses(&m, -EINVAL,
		"{\"cgroup\":\"/slurm/job_1\",\"action\":\"take\",\"at\":\"1999-01-01\"}",
		"before");
	assert_string_equal(last_note(m.ledger, "allocation"), "");
	m.source = NULL;
	refuses(&m, -ENODEV, GIVE, "nothing is recorded");
	close_manager(&m);
}

static void over_a_restart(void **state)
{
	struct em_manager m;
	uint64_t before, then;
	char err[512];

	(void)state;
	make_job();
	open_manager(&m);
	before = em_time_monotonic();
	assert_int_equal(post(&m, 0, GIVE, err), 0);
	assert_int_equal(post(&m, 0, GIVE, err), 0);
	assert_int_equal(m.allocations.n, 1);
	assert_non_null(strstr(last_note(m.ledger, "allocation"), "\"give\""));
	then = m.allocations.list[0].from;
	assert_true(then >= before && then <= em_time_monotonic());
	assert_int_equal(allocated(&m, then - 5, then + 10, 3), 10);
	close_manager(&m);
	open_manager(&m);
	assert_int_equal(m.allocations.n, 1);
	assert_string_equal(m.allocations.list[0].gpu, "pci/0000:41:00.0");
	assert_true(m.allocations.list[0].from == then);
	assert_int_equal(allocated(&m, then - 5, then + 10, 3), 10);
	assert_int_equal(post(&m, 0, BACK, err), 0);
	then = m.allocations.list[0].to;
	assert_int_equal(post(&m, 0, BACK, err), 0); /* whoever says it twice is not refused */
	close_manager(&m);
	open_manager(&m);
	assert_true(m.allocations.list[0].to == then);
	assert_int_equal(allocated(&m, then - 3, then + 10, 3), 3);
	close_manager(&m);
}

static void what_is_gone_gives_back(void **state)
{
	struct em_manager m;
	uint64_t then;
	char err[512];

	(void)state;
	make_job();
	open_manager(&m);
	assert_int_equal(post(&m, 0, GIVE, err), 0);
	em_allocations_sweep(&m);
	assert_true(!m.allocations.list[0].to);
	remove_job();
	em_allocations_sweep(&m);
	then = m.allocations.list[0].to;
	assert_true(then && then <= em_time_monotonic());
	assert_non_null(strstr(last_note(m.ledger, "allocation"), "\"take\""));
	assert_int_equal(post(&m, 0, BACK, err), 0); /* an epilogue that comes late */
	close_manager(&m);
	open_manager(&m);
	assert_true(m.allocations.list[0].to == then);
	close_manager(&m);
}

/* The recorder's word is earlier than ours, and is kept before the interval that has it. */
static void the_job_ended_before(void **state)
{
	struct earmark_segment gpu = { .kind = EARMARK_SEGMENT_GPU, .gpu = 1 };
	struct earmark_event end = { .type = EARMARK_EVENT_JOB_END };
	struct em_interval i = { .header = { .nr_segments = 1, .nr_events = 1 },
				 .segments = &gpu,
				 .events = &end };
	struct em_allocated *rows = NULL;
	struct em_manager m;
	char err[512];

	(void)state;
	make_job();
	open_manager(&m);
	assert_int_equal(post(&m, 0, GIVE, err), 0);
	i.header.start = m.allocations.list[0].from;
	i.header.end = i.header.start + 100;
	end.when = i.header.start + 40;
	end.job = tagged_job;
	assert_int_equal(em_allocations_of(&m, &i, &rows), 1);
	assert_int_equal(rows[0].ns, 40);
	free(rows);
	close_manager(&m);
	open_manager(&m);
	assert_true(m.allocations.list[0].to == end.when);
	close_manager(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refusals),
		TEST(over_a_restart),
		TEST(what_is_gone_gives_back),
		TEST(the_job_ended_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
