// SPDX-License-Identifier: GPL-2.0
/* What demotes MET, what is undefined, windows that are not over, growth. */
#include "fleet.h"

/* --- what demotes, what is undefined -------------------------------------------------------- */

static enum em_status status_of(const struct em_commitment *c, const struct em_measure *m,
				const char *reason)
{
	struct em_verdict v;

	em_judge_measure(c, m, &v);
	assert_string_equal(v.reason, reason);
	return v.status;
}

static void demotions(void **state)
{
	struct fleet f = { .a = 50, .c = 50, .x = 10 };
	struct em_commitment c = promise(EM_FLOOR, EM_OF_USED, EM_MIXED_EXCLUDE, 0, 1, 5);
	struct em_measure m = measure_of(&f);

	(void)state;
	assert_int_equal(status_of(&c, &m, ""), EM_MET);
	c.min_total = 100 * US;
	assert_int_equal(status_of(&c, &m, ""), EM_MET);
	c.min_total++;
	assert_int_equal(status_of(&c, &m, "too little used"), EM_UNPROVEN);
	c.min_total = 0;
	c.min_coverage = (struct em_share){ 10, 11 };
	assert_int_equal(status_of(&c, &m, ""), EM_MET);
	c.min_coverage = (struct em_share){ 10001, 11000 };
	assert_int_equal(status_of(&c, &m, "coverage"), EM_UNPROVEN);
	/* none of it rescues a breach */
	f = (struct fleet){ .a = 1, .c = 99, .x = 10 };
	m = measure_of(&f);
	c.min_total = 1000 * US;
	m.r.span.broken = 1;
	assert_int_equal(status_of(&c, &m, ""), EM_BREACHED);
}

static void undefined(void **state)
{
	struct em_commitment c = promise(EM_FLOOR, EM_OF_USED, EM_MIXED_EXCLUDE, 0, 1, 5);
	struct fleet f = { .idle = 10 };
	struct em_measure m = measure_of(&f);

	(void)state;
	assert_int_equal(status_of(&c, &m, "nothing used"), EM_UNDEFINED);
	c.of = EM_OF_CAPACITY; /* idle time is in it */
	assert_int_equal(status_of(&c, &m, ""), EM_BREACHED);
	c.of = EM_OF_INSTALLED;
	assert_int_equal(status_of(&c, &m, "no inventory at that date"), EM_UNDEFINED);
	c.of = EM_OF_FIXED;
	c.fixed = 100;
	assert_int_equal(status_of(&c, &m, ""), EM_BREACHED);
	m = (struct em_measure){ 0 }; /* no record at all */
	assert_int_equal(status_of(&c, &m, "nothing recorded"), EM_UNPROVEN);
	/* allocations are known where a scheduler told them */
	f = (struct fleet){ .a = 50, .c = 50 };
	m = measure_of(&f);
	c = promise(EM_FLOOR, EM_OF_ALLOCATED, EM_MIXED_EXCLUDE, 0, 1, 5);
	m.r.span.recorders = 1u << EARMARK_RECORDER_KERNEL;
	assert_int_equal(status_of(&c, &m, "allocations are not recorded here"), EM_UNDEFINED);
	c.of = EM_OF_USED;
	c.clock = EM_CLOCK_ALLOCATED;
	assert_int_equal(status_of(&c, &m, "allocations are not recorded here"), EM_UNDEFINED);
	m.r.span.recorders |= 1u << EARMARK_RECORDER_REPLAY;
	assert_int_equal(status_of(&c, &m, "allocations are not recorded here"), EM_UNDEFINED);
	m.r.allocated = m.r.used;
	assert_int_equal(status_of(&c, &m, "as declared by the scheduler"), EM_MET);
	m.r.span.recorders = 1u << EARMARK_RECORDER_REPLAY; /* and there it is gpu-time */
	assert_int_equal(status_of(&c, &m, "as declared by the scheduler"), EM_MET);
}

/* An idle process earns half of a busy GPU, and takes half from what a ceiling counts. */
static void padding(void **state)
{
	struct em_commitment c = promise(EM_FLOOR, EM_OF_USED, EM_MIXED_EXCLUDE, 0, 1, 2);
	struct fleet f = { .a = 50, .c = 50 };
	struct em_measure m = measure_of(&f);

	(void)state;
	m.r.engines = 1;
	assert_int_equal(status_of(&c, &m, ""), EM_MET);
	m.r.parts[EARMARK_PURPOSE_ALIGNMENT].busy -= 1;
	m.r.strong[EARMARK_PURPOSE_ALIGNMENT][0].busy -= 1;
	assert_int_equal(status_of(&c, &m, "padding"), EM_UNPROVEN);
	/* the amount of time that is promised, as a part of what was used */
	c = promise(EM_FLOOR, EM_OF_FIXED, EM_MIXED_EXCLUDE, 0, 1, 1);
	c.fixed = 50 * US;
	assert_int_equal(status_of(&c, &m, "padding"), EM_UNPROVEN);
	c.fixed = 49 * US;
	assert_int_equal(status_of(&c, &m, ""), EM_MET);
	/* capabilities hidden behind idle alignment jobs */
	c = promise(EM_CEILING, EM_OF_USED, EM_MIXED_EXCLUDE, 0, 1, 2);
	c.purpose = EARMARK_PURPOSE_CAPABILITIES;
	m.r.busy_total -= 1;
	assert_int_equal(status_of(&c, &m, "padding"), EM_UNPROVEN);
	m = measure_of(&f);
	m.r.engines = 1;
	assert_int_equal(status_of(&c, &m, ""), EM_MET);
}

/* Windows that are not over: only what cannot be helped is INFEASIBLE. */
static void before_the_end(void **state)
{
	static const struct {
		enum em_commitment_kind kind;
		enum em_of of;
		struct fleet f;
		unsigned int left; /* µs of one GPU */
		enum em_status want;
	} table[] = {
		/* 1/2 of 100 + 80: (10 + 80) of 180 */
		{ EM_FLOOR, EM_OF_USED, { .a = 10, .c = 90 }, 80, EM_NOT_DUE },
		{ EM_FLOOR, EM_OF_USED, { .a = 10, .c = 90 }, 79, EM_INFEASIBLE },
		{ EM_FLOOR, EM_OF_USED, { .a = 10, .c = 89, .u = 1 }, 78, EM_NOT_DUE },
		{ EM_FLOOR, EM_OF_USED, { .a = 10, .c = 89, .x = 1 }, 78, EM_NOT_DUE },
		{ EM_FLOOR, EM_OF_CAPACITY, { .a = 10, .c = 10, .idle = 80 }, 80, EM_NOT_DUE },
		{ EM_FLOOR, EM_OF_CAPACITY, { .a = 10, .c = 10, .idle = 80 }, 79, EM_INFEASIBLE },
		/* 1/2 of 200 */
		{ EM_FLOOR, EM_OF_FIXED, { .a = 40, .c = 60, .fixed = 200 }, 60, EM_NOT_DUE },
		{ EM_FLOOR, EM_OF_FIXED, { .a = 40, .c = 60, .fixed = 200 }, 59, EM_INFEASIBLE },
		/* MET already is not due all the same */
		{ EM_FLOOR, EM_OF_USED, { .a = 90, .c = 10 }, 1, EM_NOT_DUE },
		/* 60 of 100, diluted by 20 of other work */
		{ EM_CEILING, EM_OF_USED, { .a = 60, .c = 40 }, 20, EM_NOT_DUE },
		{ EM_CEILING, EM_OF_USED, { .a = 60, .c = 40 }, 19, EM_INFEASIBLE },
		{ EM_CEILING, EM_OF_FIXED, { .a = 100, .fixed = 200 }, 50, EM_NOT_DUE },
		{ EM_CEILING, EM_OF_FIXED, { .a = 101, .fixed = 200 }, 50, EM_INFEASIBLE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct em_commitment c =
			promise(table[i].kind, table[i].of, EM_MIXED_EXCLUDE, 0, 1, 2);
		struct em_measure m = measure_of(&table[i].f);
		struct em_verdict v;

		c.fixed = table[i].f.fixed * US;
		m.until = m.r.until = 1000;
		em_judge_open(&c, &m, 1000 + table[i].left * US, &v);
		if (v.status != table[i].want)
			fail_msg("row %zu is %s", i, em_status_name(v.status));
		assert_true(v.due == 1000 + table[i].left * US && v.end == 1000);
	}
}

/* --- growth ------------------------------------------------------------------------------- */

static enum em_status grown(const struct fleet *before, const struct fleet *after)
{
	struct em_commitment c =
		promise(EM_GROWTH, EM_OF_USED, EM_MIXED_EXCLUDE, EARMARK_TAGGED_BY_SCHEDULER, 0, 0);
	struct em_measure m = measure_of(before), n = measure_of(after);
	struct em_verdict v;

	c.purpose = EARMARK_PURPOSE_CAPABILITIES;
	c.than = EARMARK_PURPOSE_ALIGNMENT;
	em_judge_growth(&c, &m, &n, &v);
	return v.status;
}

static void growth(void **state)
{
	static const struct {
		struct fleet before, after;
		enum em_status want;
	} table[] = {
		{ { .a = 10, .c = 20 }, { .a = 20, .c = 40 }, EM_MET },
		{ { .a = 10, .c = 20 }, { .a = 20, .c = 41 }, EM_BREACHED },
		{ { .a = 10, .c = 20 }, { .a = 20, .c = 39 }, EM_MET },
		{ { .a = 10, .c = 20 }, { .a = 20, .c = 40, .u = 1 }, EM_UNPROVEN },
		{ { .a = 10, .c = 20 }, { .a = 20, .c = 40, .x = 1 }, EM_UNPROVEN },
		{ { .a = 10, .c = 20, .u = 1 }, { .a = 20, .c = 40 }, EM_UNPROVEN },
		/* 1 unknown µs cannot make up for 10 */
		{ { .a = 10, .c = 20 }, { .a = 20, .c = 60, .u = 1 }, EM_BREACHED },
		/* weak tags: not for the claimant, but against him */
		{ { .a = 10, .c = 20 }, { .a = 19, .aw = 1, .c = 40 }, EM_UNPROVEN },
		{ { .a = 10, .c = 20 }, { .a = 20, .cw = 41 }, EM_BREACHED },
		{ { .a = 9, .aw = 1, .c = 20 }, { .a = 20, .c = 40 }, EM_MET },
		{ { .a = 9, .aw = 1, .c = 20 }, { .a = 20, .c = 41 }, EM_BREACHED },
		{ { .a = 10, .c = 19, .cw = 1 }, { .a = 20, .c = 40 }, EM_UNPROVEN },
		/* from nothing, any growth is faster; nothing to nothing is not */
		{ { .a = 10 }, { .a = 20, .c = 1 }, EM_BREACHED },
		{ { .c = 10 }, { .c = 10 }, EM_MET },
		{ { .c = 10 }, { .c = 11 }, EM_BREACHED },
		{ { .c = 10 }, { .a = 1, .c = 1000 }, EM_MET },
		{ { .idle = 10 }, { .a = 1, .c = 1 }, EM_UNDEFINED },
		{ { 0 }, { .a = 1, .c = 1 }, EM_UNDEFINED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		enum em_status got = grown(&table[i].before, &table[i].after);

		if (got != table[i].want)
			fail_msg("row %zu is %s", i, em_status_name(got));
	}
}

/* Products of 128 bits each. */
static void wide_products(void **state)
{
	unsigned int seed = 3;
	em_ns big = (em_ns)1 << 120;

	(void)state;
	assert_true(em_compare(big, big, big, big) == 0);
	assert_true(em_compare(big, big, big, big - 1) > 0);
	assert_true(em_compare(big - 1, big, big, big) < 0);
	assert_true(em_compare(~(em_ns)0, ~(em_ns)0, ~(em_ns)0, ~(em_ns)0 - 1) > 0);
	assert_true(em_compare(big, 3, big * 2, 1) > 0);
	assert_true(em_compare(0, big, 0, 1) == 0);
	for (int i = 0; i < 100000; i++) {
		uint64_t w[4];

		for (int k = 0; k < 4; k++)
			w[k] = (uint64_t)rand_r(&seed) << 31 | (uint64_t)rand_r(&seed);
		if (i % 3 == 0) {
			w[2] = w[1];
			w[3] = w[0] + (uint64_t)(i % 2);
		}
		em_ns x = (em_ns)w[0] * w[1], y = (em_ns)w[2] * w[3];

		assert_int_equal(em_compare(w[0], w[1], w[2], w[3]), x == y ? 0 : x < y ? -1 : 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(demotions), cmocka_unit_test(undefined),
		cmocka_unit_test(padding),   cmocka_unit_test(before_the_end),
		cmocka_unit_test(growth),    cmocka_unit_test(wide_products),
	};

	return cmocka_run_group_tests_name("verdict rules", tests, NULL, NULL);
}
