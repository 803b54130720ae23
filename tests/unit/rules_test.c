// SPDX-License-Identifier: GPL-2.0
/*
 * The site's rules: what may be asked for, what is known of a cgroup, and who gets a tag; on a
 * hierarchy of plain directories and a recorder that remembers what it was told.
 */
#include "rules_make.h"

static char err[512];

static int load(struct em_rules *r, const char *yaml)
{
	char file[PATH_MAX];

	write_file("/rules.yaml", yaml);
	return em_rules_load_site(r, in_dir(file, "/rules.yaml"), err, sizeof(err));
}

/* --- the file ----------------------------------------------------------------------------- */

static void site_keys_only(void **state)
{
	static const struct {
		const char *yaml, *says;
	} table[] = {
		{ "rules:\n  - match: { job: x }\n    purpose: mixed\n", ":2:19: job: " },
		{ "rules: []\noutage: idle\n", ":2:9: outage: " },
		{ "rules:\n  - match: { cgruop: x }\n    purpose: mixed\n", "did you mean cgroup" },
		{ "rules:\n  - purpose: alinment\n", ":2:14: purpose: \"alinment\"" },
		{ "rules:\n  - name: \"a\\nb\"\n    purpose: mixed\n", ":2:11: name: " },
	};
	struct em_rules r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_int_equal(load(&r, table[i].yaml), -EINVAL);
		if (!strstr(err, table[i].says))
			fail_msg("\"%s\" is not in: %s", table[i].says, err);
	}
	assert_int_equal(load(&r,
			      "rules:\n  - name: n\n    match: { cgroup: /a, user: u, group: g, "
			      "uid: '1', unit: s, executable: /e, account: a, qos: q, "
			      "partition: p, wckey: w }\n    purpose: mixed\n"),
			 0);
	assert_string_equal(r.list[0].name, "n");
	assert_int_equal(r.list[0].line, 2);
	em_rules_clear(&r);
	assert_int_equal(em_rules_load_site(&r, "contrib/rules.yaml", err, sizeof(err)), 0);
	assert_int_equal(r.n, 0); /* as shipped, nothing is anybody's yet */
	em_rules_clear(&r);
}

/* --- what is known ------------------------------------------------------------------------ */

static void units(void **state)
{
	static const struct {
		const char *path, *unit;
	} table[] = {
		{ "/system.slice/slurmd.service/job_1/step_0", "slurmd.service" },
		{ "/system.slice/a.service/b.service", "a.service" },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope",
		  "user@1000.service" },
		{ "/user.slice/user-1000.slice/session-3.scope", "session-3.scope" },
		{ "/kubepods.slice/kubepods-pod1.slice/cri-containerd-2.scope",
		  "cri-containerd-2.scope" },
		{ "/kubepods.slice/kubepods-pod1.slice", "kubepods-pod1.slice" },
		{ "/kubepods.slice/mine/forged.service", "kubepods.slice" },
		{ "/system.slice/_tasks.service", "tasks.service" },
		{ "/init.scope", "init.scope" },
		{ "/docker/forged.service", NULL },
		{ "/.service", NULL },
		{ "/", NULL },
		{ "", NULL },
	};
	char unit[NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		bool found = em_unit_of_cgroup(table[i].path, unit, sizeof(unit));

		assert_int_equal(found, !!table[i].unit);
		if (found)
			assert_string_equal(unit, table[i].unit);
	}
}

static void any_value_matches(void **state)
{
	struct em_facts f = { 0 };
	struct em_rules r;

	(void)state;
	assert_int_equal(load(&r,
			      "rules:\n"
			      "  - match: { group: 'align*', uid: '7' }\n    purpose: alignment\n"
			      "  - match: { cgroup: '/kubepods*/evals-*' }\n    purpose: mixed\n"
			      "  - match: { executable: '' }\n    purpose: serving\n"
			      "  - match: { executable: '*/train' }\n    purpose: capabilities\n"),
			 0);
	assert_int_equal(em_rules_match(&r, &f), 2); /* nothing known is the empty string */
	assert_int_equal(em_facts_add(&f, EM_RULE_EXECUTABLE, "/bin/sh"), 0);
	assert_int_equal(em_rules_match(&r, &f), -1);
	assert_int_equal(em_facts_add(&f, EM_RULE_EXECUTABLE, "/opt/x/train"), 0);
	assert_int_equal(em_rules_match(&r, &f), 3);
	assert_int_equal(em_facts_cgroup(&f, "/kubepods.slice/pod/evals-3"), 0);
	assert_int_equal(em_rules_match(&r, &f), 1); /* "*" covers "/"; the first wins */
	em_facts_add(&f, EM_RULE_GROUP, "users");
	em_facts_add(&f, EM_RULE_GROUP, "alignment");
	assert_int_equal(em_rules_match(&r, &f), 1); /* all of a rule's globs must match */
	em_facts_add(&f, EM_RULE_UID, "7");
	assert_int_equal(em_rules_match(&r, &f), 0);
	for (int i = 0; i < 2 * EM_FACTS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "g%d", i);
		assert_int_equal(em_facts_add(&f, EM_RULE_GROUP, name), 0);
	}
	assert_int_equal(f.n[EM_RULE_GROUP], EM_FACTS_MAX);
	em_facts_clear(&f);
	em_rules_clear(&r);
}

static void user_and_groups(void **state)
{
	struct em_facts f = { 0 };
	struct em_rules r;

	(void)state;
	assert_int_equal(load(&r, "rules:\n  - match: { user: root, group: root, uid: '0' }\n"
				  "    purpose: infrastructure\n"),
			 0);
	assert_int_equal(em_facts_user(&f, &r, 0), 0);
	assert_int_equal(em_rules_match(&r, &f), 0);
	em_facts_clear(&f);
	assert_int_equal(em_facts_user(&f, &r, 4000000000U), 0); /* an account nobody knows */
	assert_string_equal(f.values[EM_RULE_UID][0], "4000000000");
	assert_int_equal(f.n[EM_RULE_USER], 0);
	assert_int_equal(em_rules_match(&r, &f), -1);
	em_facts_clear(&f);
	em_rules_clear(&r);
}

/* --- who gets a tag ----------------------------------------------------------------------- */

static const char evals[] = "rules:\n"
			    "  - match: { cgroup: '*/evals-*' }\n    purpose: mixed\n"
			    "    project: evals\n    ref: r1\n"
			    "  - match: { cgroup: '/raw*' }\n    purpose: untagged\n"
			    "  - match: { cgroup: '/[rs]*' }\n    purpose: serving\n";

static void strength_decides(void **state)
{
	struct em_site s;

	(void)state;
	begin(&s, evals);
	add_job("/p/evals-1", EARMARK_TAGGED_BY_NOBODY);
	add_job("/p/evals-2", EARMARK_TAGGED_BY_SELF);
	add_job("/p/evals-3", EARMARK_TAGGED_BY_RULE);
	add_job("/p/evals-4", EARMARK_TAGGED_BY_SCHEDULER);
	add_job("/p/evals-5", EARMARK_TAGGED_BY_OPERATOR);
	add_job("/raw", EARMARK_TAGGED_BY_NOBODY);
	add_job("/other", EARMARK_TAGGED_BY_NOBODY);
	assert_int_equal(site_step(&s), 2);
	assert_int_equal(nr_told, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tags[i].purpose, EARMARK_PURPOSE_MIXED);
		assert_int_equal(tags[i].tagged_by, EARMARK_TAGGED_BY_RULE);
		assert_string_equal(tags[i].project, "evals");
		assert_string_equal(tags[i].ref, "r1");
		assert_int_not_equal(tags[i].job, jobs[5].job);
	}
	/* somebody had come: it is looked again; nobody has: nothing is listed, whatever the time
	 */
	for (int i = 0; i < 3; i++)
		assert_int_equal(site_step(&s), 0);
	assert_int_equal(nr_listed, 2);
	em_site_clear(&s);
}

static void each_job_once(void **state)
{
	struct em_site s;

	(void)state;
	begin(&s, evals);
	add_job("/p/evals-1", EARMARK_TAGGED_BY_NOBODY);
	assert_int_equal(site_step(&s), 1);
	/* an operator took the tag away: the rule does not insist */
	jobs[0].tagged_by = EARMARK_TAGGED_BY_NOBODY;
	s.look = true;
	assert_int_equal(site_step(&s), 0);
	add_job("/s", EARMARK_TAGGED_BY_NOBODY); /* another job is found by the count alone */
	assert_int_equal(site_step(&s), 1);
	assert_int_equal(tags[1].purpose, EARMARK_PURPOSE_SERVING);
	/* one ended, one began: an event says so */
	jobs[1] = jobs[--nr_jobs];
	add_job("/s2", EARMARK_TAGGED_BY_NOBODY);
	s.look = true;
	assert_int_equal(site_step(&s), 1);
	/* another load of the recorder knows nothing of what was before */
	jobs[0].tagged_by = EARMARK_TAGGED_BY_NOBODY;
	status_now.load_id[0] = 9;
	assert_int_equal(site_step(&s), 1);
	em_site_clear(&s);
}

static void reload(void **state)
{
	struct em_site s;
	char file[PATH_MAX];

	(void)state;
	begin(&s, evals);
	in_dir(file, "/rules.yaml");
	add_job("/x", EARMARK_TAGGED_BY_NOBODY);
	assert_int_equal(site_step(&s), 0);
	write_file("/rules.yaml", "rules:\n  - purpose: mixd\n");
	assert_int_equal(em_site_load(&s, file), -EINVAL);
	assert_non_null(strstr(s.error, "rules.yaml:2:14: purpose"));
	assert_int_equal(s.rules.n, 3); /* what was right before still holds */
	write_file("/rules.yaml", "rules:\n  - purpose: capabilities\n");
	assert_int_equal(em_site_load(&s, file), 0);
	assert_string_equal(s.error, "");
	assert_int_equal(site_step(&s), 1);
	assert_int_equal(tags[0].purpose, EARMARK_PURPOSE_CAPABILITIES);
	unlink(file);
	assert_int_equal(em_site_load(&s, file), 0);
	assert_int_equal(s.rules.n, 0);
	em_site_clear(&s);
}

static void refusals_are_told(void **state)
{
	struct em_site s;

	(void)state;
	begin(&s, evals);
	add_job("/p/evals-1", EARMARK_TAGGED_BY_NOBODY);
	add_job("/p/evals-2", EARMARK_TAGGED_BY_NOBODY);
	jobs[1].job++; /* over already: another has its place */
	tag_result = -EPERM;
	list_result = -EIO;
	assert_int_equal(site_step(&s), -EIO);
	list_result = 0; /* what failed is tried again, though nothing has come */
	assert_int_equal(site_step(&s), 0);
	assert_int_equal(nr_told, 1);
	assert_int_equal(last_error, -EPERM);
	em_site_clear(&s);
}

static void by_executable(void **state)
{
	struct em_site s;
	char link[PATH_MAX];

	(void)state;
	begin(&s, "rules:\n  - match: { executable: /opt/burn }\n    purpose: infrastructure\n");
	add_job("/b", EARMARK_TAGGED_BY_NOBODY);
	add_job("/c", EARMARK_TAGGED_BY_NOBODY);
	write_file("/cg/b/cgroup.procs", "10\n11\n12\n");
	write_file("/cg/c/cgroup.procs", "10\n");
	make_dir("/proc/10");
	make_dir("/proc/12");
	assert_int_equal(symlink("/bin/sh", in_dir(link, "/proc/10/exe")), 0);
	assert_int_equal(symlink("/opt/burn (deleted)", in_dir(link, "/proc/12/exe")), 0);
	assert_int_equal(site_step(&s), 1);
	assert_int_equal(tags[0].job, jobs[0].job);
	em_site_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(site_keys_only, setup, teardown),
		cmocka_unit_test(units),
		cmocka_unit_test_setup_teardown(any_value_matches, setup, teardown),
		cmocka_unit_test_setup_teardown(user_and_groups, setup, teardown),
		cmocka_unit_test_setup_teardown(strength_decides, setup, teardown),
		cmocka_unit_test_setup_teardown(each_job_once, setup, teardown),
		cmocka_unit_test_setup_teardown(reload, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(by_executable, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
