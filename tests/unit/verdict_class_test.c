// SPDX-License-Identifier: GPL-2.0
/* What a busy figure may be off by, in shares and verdicts. */
#include "fleet.h"
#include "commit/bounds.h"

static uint64_t seed = 88172645463325252ull;

static unsigned int below(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed % n);
}

static void err(struct em_part *p, unsigned int us)
{
	p->busy_error += us * US;
	p->class = EARMARK_CLASS_SAMPLED;
}

/* Adds @us to what @purpose's strongly tagged busy time may be off by. */
static void add_error(struct em_measure *m, unsigned int purpose, unsigned int us)
{
	err(&m->r.parts[purpose], us);
	for (int by = 0; by <= EARMARK_TAGGED_BY_SCHEDULER && purpose; by++)
		err(&m->r.strong[purpose][by], us);
	m->r.busy_error += us * US;
	m->r.class = EARMARK_CLASS_SAMPLED;
}

static enum em_status judged(const struct em_commitment *c, const struct em_measure *m)
{
	struct em_verdict v;

	em_judge_measure(c, m, &v);
	return v.status;
}

static void a_floor_needs_more_than_its_error(void **state)
{
	struct em_commitment c = promise(EM_FLOOR, EM_OF_USED, EM_MIXED_EXCLUDE, 0, 1, 2);
	struct fleet f = { .a = 60, .c = 40 };
	struct em_measure m = measure_of(&f);
	struct em_verdict v;

	(void)state;
	c.clock = EM_CLOCK_BUSY;
	assert_int_equal(judged(&c, &m), EM_MET);
	add_error(&m, EARMARK_PURPOSE_ALIGNMENT, 6); /* 54 of 106 */
	assert_int_equal(judged(&c, &m), EM_MET);
	add_error(&m, EARMARK_PURPOSE_CAPABILITIES, 3); /* 54 of 109 */
	em_judge_measure(&c, &m, &v);
	assert_int_equal(v.status, EM_UNPROVEN);
	assert_string_equal(v.reason, "measurement error");
	assert_true(v.proven.num == 54 * US && v.proven.den == 109 * US);
	/* gpu-time is exact whatever busy is, but padding can no longer be excluded */
	c.clock = EM_CLOCK_GPU_TIME;
	em_judge_measure(&c, &m, &v);
	assert_string_equal(v.reason, "padding");
}

static void a_breach_needs_more_than_its_error(void **state)
{
	struct em_commitment c = promise(EM_FLOOR, EM_OF_USED, EM_MIXED_EXCLUDE, 0, 1, 2);
	struct fleet f = { .a = 40, .c = 60 };
	struct em_measure m = measure_of(&f);

	(void)state;
	c.clock = EM_CLOCK_BUSY;
	assert_int_equal(judged(&c, &m), EM_BREACHED);
	add_error(&m, EARMARK_PURPOSE_CAPABILITIES, 20); /* it may have been 40 of 80 */
	assert_int_equal(judged(&c, &m), EM_UNPROVEN);
}

/* Random errors: MET never comes of more of them, and what they allow is inside the bounds. */
static void errors_never_make_it_met(void **state)
{
	static const enum em_of wholes[] = { EM_OF_USED, EM_OF_CAPACITY, EM_OF_FIXED };
	unsigned int met = 0, lost = 0;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		struct fleet f = { .a = below(60),
				   .c = below(60),
				   .aw = below(9),
				   .cw = below(9),
				   .m = below(5),
				   .u = below(5),
				   .x = below(5),
				   .idle = below(9) };
		struct em_commitment c = promise(below(2) ? EM_FLOOR : EM_CEILING, wholes[below(3)],
						 below(4), below(3), 1 + below(9), 10);
		struct em_measure m = measure_of(&f), more;
		bool before;

		c.clock = below(3) ? EM_CLOCK_BUSY : EM_CLOCK_GPU_TIME;
		c.fixed = (1 + below(100)) * US;
		m.r.engines = 1;
		before = judged(&c, &m) == EM_MET;
		more = m;
		for (unsigned int k = 0; k < 3; k++) {
			add_error(&more, below(4), below(8));
			if (judged(&c, &more) == EM_MET)
				assert_true(before);
			else
				lost += before;
			before = judged(&c, &more) == EM_MET;
		}
		met += judged(&c, &m) == EM_MET;
	}
	assert_true(met > 1000 && lost > 100); /* else it says nothing */
}

/* Whatever true figures the errors allow, the share is between proven and possible. */
static void the_truth_is_inside(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		struct fleet f = { .a = 10 + below(60), .c = 10 + below(60) };
		struct em_commitment c = promise(below(2) ? EM_FLOOR : EM_CEILING, EM_OF_USED,
						 EM_MIXED_EXCLUDE, 0, 1, 2);
		struct em_measure m = measure_of(&f);
		unsigned int ea = below(10), ec = below(10);
		em_ns a = (f.a + below(2 * ea + 1) - ea) * US, n = a;
		struct em_report r;
		struct em_verdict v;

		c.clock = EM_CLOCK_BUSY;
		n += (f.c + below(2 * ec + 1) - ec) * US;
		add_error(&m, EARMARK_PURPOSE_ALIGNMENT, ea);
		add_error(&m, EARMARK_PURPOSE_CAPABILITIES, ec);
		em_judge_measure(&c, &m, &v);
		assert_true(em_compare(v.proven.num, n, a, v.proven.den) <= 0);
		assert_true(em_compare(v.possible.num, n, a, v.possible.den) >= 0);
		r = m.r;
		em_report_clock(&r, EM_CLOCK_BUSY);
		assert_true(em_compare(r.proven.num, n, a, r.proven.den) <= 0);
		assert_true(em_compare(r.possible.num, n, a, r.possible.den) >= 0);
		/* the report's are the tight ones */
		assert_true(em_compare(v.proven.num, r.proven.den, r.proven.num, v.proven.den) <=
			    0);
	}
}

static void of_what_was_allocated(void **state)
{
	struct em_commitment c = promise(EM_FLOOR, EM_OF_ALLOCATED, EM_MIXED_EXCLUDE, 0, 1, 2);
	struct fleet f = { .a = 10, .c = 90, .x = 50 };
	struct em_measure m = measure_of(&f);
	struct em_verdict v;

	(void)state;
	c.clock = EM_CLOCK_ALLOCATED;
	m.r.span.recorders = 1u << EARMARK_RECORDER_KERNEL;
	m.r.parts[EARMARK_PURPOSE_ALIGNMENT].allocated = 60 * US;
	m.r.strong[EARMARK_PURPOSE_ALIGNMENT][0].allocated = 60 * US;
	m.r.parts[EARMARK_PURPOSE_CAPABILITIES].allocated = 50 * US;
	m.r.allocated = 110 * US;
	em_judge_measure(&c, &m, &v);
	assert_int_equal(v.status, EM_MET); /* a blind sensor does not hide an allocation */
	assert_true(v.proven.num == 60 * US && v.proven.den == 110 * US);
	m.r.gap = 11 * US; /* what no interval covers may have been anybody's */
	em_judge_measure(&c, &m, &v);
	assert_int_equal(v.status, EM_UNPROVEN);
	assert_string_equal(v.reason, "unobserved");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_floor_needs_more_than_its_error),
		cmocka_unit_test(a_breach_needs_more_than_its_error),
		cmocka_unit_test(errors_never_make_it_met),
		cmocka_unit_test(the_truth_is_inside),
		cmocka_unit_test(of_what_was_allocated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
