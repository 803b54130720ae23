// SPDX-License-Identifier: GPL-2.0
/* Ten thousand cgroups under the site's rules: at once, and coming and going. */
#include "rules_make.h"

/*
 * Paths too long for the recorder, as those of Kubernetes are, and 50 rules of which the last
 * matches. The hierarchy is walked once a look, not once a job.
 */
static void ten_thousand(void **state)
{
	static char yaml[8192];
	clock_t before, took;
	struct em_site s;
	int at = snprintf(yaml, sizeof(yaml), "rules:\n"), steps = 0;

	(void)state;
	for (int i = 0; i < 49; i++)
		at += snprintf(
			yaml + at, sizeof(yaml) - (size_t)at,
			"  - match: { cgroup: '*/team-%d-*', unit: 'x*' }\n    purpose: mixed\n",
			i);
	snprintf(yaml + at, sizeof(yaml) - (size_t)at,
		 "  - match: { cgroup: '/kubepods.slice/*' }\n    purpose: capabilities\n");
	begin(&s, yaml);
	for (int i = 0; i < MANY; i++) {
		char path[256];

		snprintf(
			path, sizeof(path),
			"/kubepods.slice/kubepods-burstable-pod%08d_aaaa_bbbb_cccc_dddddddddddd.slice/"
			"cri-containerd-%064d.scope",
			i, i);
		add_job(path, EARMARK_TAGGED_BY_NOBODY);
	}
	before = clock();
	while (nr_tags < MANY && steps++ < 200)
		assert_true(site_step(&s) >= 0);
	took = clock() - before;
	assert_int_equal(nr_told, MANY);
	assert_true(took < 5 * CLOCKS_PER_SEC);
	/* looked at once more, none of them costs more than its id */
	s.look = true;
	before = clock();
	assert_int_equal(site_step(&s), 0);
	assert_true(clock() - before < CLOCKS_PER_SEC / 5);
	em_site_clear(&s);
}

/* Half a second's share of 10,000 in a minute, of which each lives for a second. */
#define COME 84

/*
 * Cgroups come and vanish, always as many at a time, under 50 rules: each is told once, although
 * their number never changes.
 */
static void come_and_go(void **state)
{
	static char yaml[8192];
	int at = snprintf(yaml, sizeof(yaml), "rules:\n"), made = 0;
	char path[128];
	clock_t before;
	struct em_site s;

	(void)state;
	for (int i = 0; i < 49; i++)
		at += snprintf(yaml + at, sizeof(yaml) - (size_t)at,
			       "  - match: { cgroup: '*/team-%d-*' }\n    purpose: mixed\n", i);
	snprintf(yaml + at, sizeof(yaml) - (size_t)at,
		 "  - match: { cgroup: '/slurm/*' }\n    purpose: capabilities\n");
	begin(&s, yaml);
	before = clock();
	while (made < MANY) {
		/* those of the step before last are gone */
		for (__u64 i = 0; nr_jobs == 2 * COME && i < COME; i++) {
			assert_true(jobs[i].tagged_by == EARMARK_TAGGED_BY_RULE);
			snprintf(path, sizeof(path), "/cg%s", jobs[i].path);
			rmdir(in_dir((char[PATH_MAX]){ 0 }, path));
		}
		if (nr_jobs == 2 * COME) {
			memmove(jobs, jobs + COME, COME * sizeof(*jobs));
			nr_jobs = COME;
		}
		for (int i = 0; i < COME; i++) {
			snprintf(path, sizeof(path), "/slurm/job_%d", made++);
			add_job(path, EARMARK_TAGGED_BY_NOBODY);
		}
		if (made == COME) /* the first are told by their number, no later one is */
			s.look = true;
		nr_tags = 0;
		assert_true(site_step(&s) >= 0);
		assert_int_equal(nr_told, made);
	}
	assert_true(clock() - before < 3 * CLOCKS_PER_SEC); /* 5 % of a core's minute */
	em_site_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ten_thousand, setup, teardown),
		cmocka_unit_test_setup_teardown(come_and_go, setup, teardown),
	};

	return cmocka_run_group_tests_name("many under rules", tests, NULL, NULL);
}
