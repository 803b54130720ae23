// SPDX-License-Identifier: GPL-2.0
/* fdinfo against the tracepoints, window by window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/crosscheck.h"

#define S 1000000000ull

static struct em_crosscheck *check;
static __u64 now;

static int setup(void **state)
{
	(void)state;
	now = 100 * S;
	check = em_crosscheck_new();
	return check ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	em_crosscheck_free(check);
	return 0;
}

/* Ten seconds pass; both say what was done on GPU 1 in them. */
static void pass(__u64 fdinfo, __u64 error, __u64 exact, __u64 unattributed, __u32 class)
{
	struct em_work work = { .gpu = 1, .job = 5, .busy = fdinfo, .error = error, .works = true };
	struct earmark_segment rows[] = {
		{ .kind = EARMARK_SEGMENT_USAGE, .gpu = 1, .class = class, .usage.busy = exact },
		{ .kind = EARMARK_SEGMENT_GPU, .gpu = 1, .gpu_time.unattributed = unattributed },
		{ .kind = EARMARK_SEGMENT_USAGE, .gpu = 2, .usage.busy = 7777 * S },
	};
	struct em_interval interval = {
		.header = { .start = now, .end = now + 10 * S, .nr_segments = 3 }, .segments = rows
	};

	now += 10 * S;
	em_crosscheck_interval(check, &interval);
	em_crosscheck_fdinfo(check, &work);
	em_crosscheck_round(check, 1, 1, now, S);
}

static void windows(int n, __u64 fdinfo, __u64 error, __u64 exact, __u64 unattributed, __u32 class)
{
	for (int i = 0; i < n; i++)
		pass(fdinfo, error, exact, unattributed, class);
}

static void test_agrees(void **state)
{
	(void)state;
	windows(62, 5 * S, 0, 5 * S, 0, EARMARK_CLASS_EXACT);
	assert_int_equal(em_crosscheck_counts(check)->windows, 10);
	assert_int_equal(em_crosscheck_counts(check)->differ, 0);
}

static void test_unattributed_is_work(void **state)
{
	(void)state;
	windows(62, 5 * S, 0, 1 * S, 4 * S, EARMARK_CLASS_EXACT);
	assert_int_equal(em_crosscheck_counts(check)->windows, 10);
	assert_int_equal(em_crosscheck_counts(check)->differ, 0);
}

/* Six rounds a window: half a second each is three seconds, and two are the edges'. */
static void test_differs(void **state)
{
	(void)state;
	windows(62, 5 * S + S / 2, 0, 5 * S, 0, EARMARK_CLASS_EXACT);
	assert_int_equal(em_crosscheck_counts(check)->differ, 10);
	assert_int_equal(em_crosscheck_counts(check)->gpu, 1);
	assert_int_equal(em_crosscheck_counts(check)->fdinfo, 33 * S);
	assert_int_equal(em_crosscheck_counts(check)->exact, 30 * S);
	assert_int_equal(em_crosscheck_counts(check)->bound, 2 * S);
}

static void test_the_bound_explains(void **state)
{
	(void)state;
	windows(62, 5 * S + S / 2, S / 2, 5 * S, 0, EARMARK_CLASS_EXACT);
	assert_int_equal(em_crosscheck_counts(check)->windows, 10);
	assert_int_equal(em_crosscheck_counts(check)->differ, 0);
}

static void test_told_work_is_not_compared(void **state)
{
	(void)state;
	windows(62, 5 * S, 0, 900 * S, 0, EARMARK_CLASS_SAMPLED);
	assert_int_equal(em_crosscheck_counts(check)->windows, 0);
}

static void test_sums_do_not_wrap(void **state)
{
	(void)state;
	windows(62, ~0ull, 0, 1, ~0ull, EARMARK_CLASS_EXACT);
	assert_int_equal(em_crosscheck_counts(check)->differ, 0);
	windows(12, ~0ull, 0, 1, 0, EARMARK_CLASS_EXACT);
	assert_true(em_crosscheck_counts(check)->differ > 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_agrees),
		T(test_unattributed_is_work),
		T(test_differs),
		T(test_the_bound_explains),
		T(test_told_work_is_not_compared),
		T(test_sums_do_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
