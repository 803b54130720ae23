// SPDX-License-Identifier: GPL-2.0
/* Nodes of a cluster, asked as one. */
#include "ledger_make.h"
#include "base/cleanup.h"

static char root[64];

static void node(const char *name, __u8 load, int64_t used)
{
	struct chain c = { .load = load };
	struct em_ledger *l;
	struct made m;

	snprintf(dir, sizeof(dir), "%.40s/%s", root, name);
	l = open_ledger(EM_LEDGER_WRITE);
	plain(&c, &m, used);
	append(l, &m);
	assert_int_equal(em_ledger_note(l, "event", "{\"name\":\"x\"}"), 0);
	em_ledger_close(l);
}

static int count(int64_t wall, const char *kind, const char *json, void *arg)
{
	(void)wall;
	(void)kind;
	(void)json;
	++*(int *)arg;
	return 0;
}

static void sums_are_over_all(void **state)
{
	const char *dirs[2] = { root };
	struct em_ledger *l = NULL;
	struct em_span span;
	struct gpus gpus;
	int notes = 0;

	(void)state;
	strcpy(root, dir);
	node("a", 0x11, 4);
	node("b", 0x21, 7);
	assert_int_equal(em_ledger_open_many(&l, dirs, 1), 0);
	assert_int_equal(ask_usage(l, 0, 10).gpu_time, 11 * S);
	gpus = ask_gpus(l, 0, 10);
	assert_int_equal(gpus.n, 2);
	assert_string_equal(gpus.name[0], "a:platform/a");
	assert_string_equal(gpus.name[1], "b:platform/a");
	assert_int_not_equal(gpus.g[0].id, gpus.g[1].id);
	assert_int_equal(em_ledger_span(l, 0, INT64_MAX, &span), 0);
	assert_int_equal(span.intervals, 2);
	assert_int_equal(em_ledger_notes(l, 0, INT64_MAX, "event", count, &notes), 0);
	assert_int_equal(notes, 2);
	em_ledger_close(l);
	/* one alone is as it is */
	dirs[0] = dir;
	assert_int_equal(em_ledger_open_many(&l, dirs, 1), 0);
	assert_string_equal(ask_usage(l, 0, 10).gpu, "platform/a");
	em_ledger_close(l);
	dirs[0] = "/nosuch";
	assert_int_equal(em_ledger_open_many(&l, dirs, 1), -ENOENT);
	strcpy(dir, root);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(sums_are_over_all) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
