// SPDX-License-Identifier: GPL-2.0
/* Verdicts at, just under and just over their bounds. */
#include "history.h"
#include "base/cleanup.h"
#include "commit/commitment.h"

#define START (1800000000LL * S)

/* A fifth for alignment. */
static struct em_commitment fifth(void)
{
	return (struct em_commitment){
		.name = "fifth",
		.purpose = EARMARK_PURPOSE_ALIGNMENT,
		.share = { 1, 5 },
		.min_coverage = { 0, 1 },
		.window = 10 * S,
		.prove_within = 10 * S,
	};
}

/* struct row - a: proven; weak: tagged by self; u: untagged; x: unobserved; c: the rest */
struct row {
	uint64_t a, weak, u, x, c, idle;
	uint64_t busy_a, busy_c;
};

static struct em_report report_of(const struct row *t)
{
	struct em_report r = { .engines = 1 };
	struct em_part *strong;

	r.parts[EARMARK_PURPOSE_ALIGNMENT].gpu_time = t->a + t->weak;
	r.parts[EARMARK_PURPOSE_ALIGNMENT].busy = t->busy_a;
	strong = r.strong[EARMARK_PURPOSE_ALIGNMENT];
	strong[EARMARK_TAGGED_BY_NOBODY] = r.parts[EARMARK_PURPOSE_ALIGNMENT];
	strong[EARMARK_TAGGED_BY_SELF] = r.parts[EARMARK_PURPOSE_ALIGNMENT];
	strong[EARMARK_TAGGED_BY_SCHEDULER].gpu_time = t->a;
	strong[EARMARK_TAGGED_BY_SCHEDULER].busy = t->busy_a;
	r.parts[EARMARK_PURPOSE_CAPABILITIES].gpu_time = t->c;
	r.parts[EARMARK_PURPOSE_CAPABILITIES].busy = t->busy_c;
	r.parts[EARMARK_PURPOSE_UNTAGGED].gpu_time = t->u;
	r.used = t->a + t->weak + t->u + t->c;
	r.unobserved = t->x;
	r.idle = t->idle;
	r.capacity = r.used + r.unobserved + r.idle;
	r.busy_total = t->busy_a + t->busy_c;
	return r;
}

static struct em_verdict judge(const struct em_commitment *c, const struct row *t)
{
	struct em_report r = report_of(t);
	struct em_verdict v;

	em_commitment_judge(c, &r, &v);
	return v;
}

/* MET iff 5a >= N, BREACHED iff 5(a + m + x) < N, UNPROVEN between; to the nanosecond. */
static void truth_table(void **state)
{
	static const struct {
		struct row t;
		enum em_status status;
	} table[] = {
		{ { .a = 20, .c = 80, .busy_a = 1 }, EM_MET },
		{ { .a = 19, .c = 80, .busy_a = 1 }, EM_BREACHED },
		{ { .a = 20, .c = 81, .busy_a = 1 }, EM_BREACHED },
		{ { .a = 19, .u = 1, .c = 80 }, EM_UNPROVEN },
		{ { .a = 18, .u = 1, .c = 81 }, EM_BREACHED },
		{ { .a = 19, .x = 1, .c = 80 }, EM_UNPROVEN },
		{ { .a = 18, .x = 1, .c = 81 }, EM_BREACHED },
		{ { .a = 20, .x = 80, .busy_a = 1 }, EM_MET },
		{ { .a = 20, .x = 81 }, EM_UNPROVEN },
		{ { .u = 100 }, EM_UNPROVEN },
		{ { .x = 100 }, EM_UNPROVEN },
		{ { .c = 100 }, EM_BREACHED },
		{ { .idle = 100 }, EM_UNDEFINED }, /* nothing used, nothing unobserved */
		{ { .a = 1, .idle = 99, .busy_a = 1 }, EM_MET }, /* idle is not used */
	};
	struct em_commitment c = fifth();

	(void)state;
	c.require_tagged_by = EARMARK_TAGGED_BY_SELF;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_string_equal(em_status_name(judge(&c, &table[i].t).status),
				    em_status_name(table[i].status));
}

/* Weeks of a large fleet: the products do not fit in 64 bits. */
static void large(void **state)
{
	uint64_t n = UINT64_MAX / 8;
	struct em_commitment c = fifth();
	struct row t = { .a = n / 5 + 1, .c = n - n / 5 - 1, .busy_a = 1 };

	(void)state;
	c.share = (struct em_share){ 1000000007, 5000000035 };
	assert_int_equal(judge(&c, &t).status, EM_MET);
	t.a -= 2;
	t.c += 2;
	assert_int_equal(judge(&c, &t).status, EM_BREACHED);
}

static void weak_tags(void **state)
{
	struct row t = { .weak = 50, .c = 50, .busy_a = 50, .busy_c = 50 };
	struct em_commitment c = fifth();
	struct em_verdict v;

	(void)state;
	c.require_tagged_by = EARMARK_TAGGED_BY_SCHEDULER;
	v = judge(&c, &t);
	assert_int_equal(v.status, EM_UNPROVEN);
	assert_string_equal(v.reason, "weak tags");
	assert_true(v.weak == 50 && v.proven.num == 0 && v.possible.num == 50);
	c.require_tagged_by = EARMARK_TAGGED_BY_SELF;
	assert_int_equal(judge(&c, &t).status, EM_MET);
	/* a weak tag of another purpose counts against the claimant, whoever set it */
	t = (struct row){ .c = 100 };
	c.require_tagged_by = EARMARK_TAGGED_BY_OPERATOR;
	assert_int_equal(judge(&c, &t).status, EM_BREACHED);
}

static void padding(void **state)
{
	struct row t = { .a = 50, .c = 50, .busy_a = 0, .busy_c = 100 };
	struct em_commitment c = fifth();
	struct em_report r;
	struct em_verdict v;

	(void)state;
	v = judge(&c, &t);
	assert_int_equal(v.status, EM_UNPROVEN);
	assert_string_equal(v.reason, "padding");
	t.busy_a = 25; /* a fifth of busy, exactly */
	assert_int_equal(judge(&c, &t).status, EM_MET);
	t.busy_a = 24;
	assert_string_equal(judge(&c, &t).reason, "padding");
	/* what may have been lost on busy is not in its favour */
	t.busy_a = 25;
	r = report_of(&t);
	r.busy_unobserved = 1;
	em_commitment_judge(&c, &r, &v);
	assert_string_equal(v.reason, "padding");
	/* no work at all is no alignment work */
	t = (struct row){ .a = 100 };
	assert_string_equal(judge(&c, &t).reason, "padding");
	/* where busy is not measured it cannot be asked for */
	r = report_of(&t);
	r.engines = 0;
	em_commitment_judge(&c, &r, &v);
	assert_int_equal(v.status, EM_MET);
	/* padding never rescues a breach */
	t = (struct row){ .a = 1, .c = 99, .busy_a = 100 };
	assert_int_equal(judge(&c, &t).status, EM_BREACHED);
}

/* Coverage, broken sums and replay only ever demote MET. */
static void demotions(void **state)
{
	struct row t = { .a = 50, .x = 50, .busy_a = 50 };
	struct em_commitment c = fifth();
	struct em_report r;
	struct em_verdict v;

	(void)state;
	c.min_coverage = (struct em_share){ 1, 2 };
	assert_int_equal(judge(&c, &t).status, EM_MET);
	t.x = 51;
	assert_string_equal(judge(&c, &t).reason, "coverage");
	assert_int_equal(judge(&c, &t).status, EM_UNPROVEN);
	t = (struct row){ .a = 1, .x = 1, .c = 98 };
	c.min_coverage = (struct em_share){ 1, 1 };
	assert_int_equal(judge(&c, &t).status, EM_BREACHED);
	t = (struct row){ .a = 50, .c = 50, .busy_a = 50 };
	r = report_of(&t);
	r.span.broken = 1;
	em_commitment_judge(&c, &r, &v);
	assert_string_equal(v.reason, "broken");
	r.span.broken = 0;
	r.span.recorders = 1U << EARMARK_RECORDER_REPLAY;
	em_commitment_judge(&c, &r, &v);
	assert_int_equal(v.status, EM_MET);
	assert_string_equal(v.reason, "as declared by the scheduler");
}

static void deficits(void **state)
{
	struct row t = { .a = 10, .c = 90 };
	struct em_commitment c = fifth();
	struct em_verdict v = judge(&c, &t);

	(void)state;
	assert_true(v.deficit == 10); /* 20 of 100 */
	assert_true(v.added == 13);   /* (10 + 13) / 113 is the first above a fifth */
	assert_false(v.never);
	t.a = 23;
	assert_true(5 * t.a >= t.a + t.c);
	c.share = (struct em_share){ 1, 1 };
	v = judge(&c, &t);
	assert_true(v.never && v.deficit == 90);
	c = fifth();
	t = (struct row){ .a = 20, .c = 80, .busy_a = 1 };
	assert_true(judge(&c, &t).deficit == 0);
}

/* Knowing less never helps: a report with part of its time made unobserved or untagged. */
static void ignorance(void **state)
{
	struct em_commitment c = fifth();
	unsigned int seed = 7;

	(void)state;
	c.require_tagged_by = EARMARK_TAGGED_BY_SCHEDULER;
	for (int i = 0; i < 200000; i++) {
		struct row t = {
			.a = (unsigned int)rand_r(&seed) % 50,
			.weak = (unsigned int)rand_r(&seed) % 20,
			.u = (unsigned int)rand_r(&seed) % 20,
			.x = (unsigned int)rand_r(&seed) % 20,
			.c = (unsigned int)rand_r(&seed) % 200,
		};
		uint64_t *from[] = { &t.a, &t.weak, &t.c, &t.u };
		uint64_t *to[] = { &t.u, &t.x, &t.x, &t.x }, move;
		enum em_status before, after;
		size_t which = (unsigned int)rand_r(&seed) % 4;

		t.busy_a = t.a + t.weak;
		t.busy_c = t.c;
		before = judge(&c, &t).status;
		move = *from[which] ? (unsigned int)rand_r(&seed) % (*from[which] + 1) : 0;
		*from[which] -= move;
		*to[which] += move;
		after = judge(&c, &t).status;
		assert_false(after == EM_MET && before != EM_MET);
		assert_false(before == EM_MET && after == EM_BREACHED);
	}
}

/* --- over a ledger ----------------------------------------------------------------------- */

static void interval(struct history *h, __u32 job, uint64_t used, uint64_t unobserved)
{
	if (used)
		history_use(h, 1, job, used, used, used);
	history_rest(h, 1, 10 * S, unobserved, 0, unobserved ? EARMARK_BLIND_HOLD : 0);
	history_seal(h, 10 * S);
}

static void windows(void **state)
{
	struct em_commitment c = fifth();
	struct em_verdict v;
	struct history h;
	__u32 a, cap;

	(void)state;
	history_open(&h, START);
	history_gpu(&h, 1);
	a = history_job(&h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "", "/a");
	cap = history_job(&h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "", "/c");
	interval(&h, a, 10 * S, 0);
	for (int i = 0; i < 9; i++)
		interval(&h, cap, 10 * S, 0);
	history_reopen(&h);
	c.window = 50 * S;
	assert_int_equal(em_commitment_check(&c, h.l, START + 50 * S, &v), 0);
	assert_int_equal(v.status, EM_MET);
	assert_false(v.partial);
	assert_int_equal(em_commitment_check(&c, h.l, START + 60 * S, &v), 0);
	assert_int_equal(v.status, EM_BREACHED);
	/* clipped to the first entry of the inventory, to the declaration, and said to be so */
	c.window = 1000 * S;
	assert_int_equal(em_commitment_check(&c, h.l, START + 50 * S, &v), 0);
	assert_true(v.partial && v.start == START && v.status == EM_MET);
	c.declared = START + 10 * S;
	assert_int_equal(em_commitment_check(&c, h.l, START + 50 * S, &v), 0);
	assert_true(v.partial && v.start == c.declared && v.status == EM_BREACHED);
	/* before there was a promise, and before there was anything */
	assert_int_equal(em_commitment_check(&c, h.l, START - 1, &v), 0);
	assert_int_equal(v.status, EM_NOT_DUE);
	c.declared = 0;
	assert_int_equal(em_commitment_check(&c, h.l, START - 1, &v), 0);
	assert_int_equal(v.status, EM_UNDEFINED);
	history_close(&h);
}

static void long_unproven(void **state)
{
	struct em_commitment c = fifth();
	struct em_verdict v;
	struct history h;
	int64_t now;

	(void)state;
	history_open(&h, START);
	history_gpu(&h, 1);
	for (int i = 0; i < 10; i++)
		interval(&h, 0, 0, 5 * S);
	history_reopen(&h);
	now = h.wall;
	c.prove_within = 40 * S;
	assert_int_equal(em_commitment_check(&c, h.l, now, &v), 0);
	assert_int_equal(v.status, EM_UNPROVEN);
	/* nobody kept since when: the ledger itself is asked */
	assert_true(em_commitment_long_unproven(&c, h.l, &v, now));
	c.prove_within = 400 * S;
	assert_false(em_commitment_long_unproven(&c, h.l, &v, now));
	/* kept */
	assert_int_equal(em_commitment_unproven_note(&c, h.l, &v, now), 0);
	assert_true(em_commitment_unproven_since(&c, h.l) == now);
	assert_false(em_commitment_long_unproven(&c, h.l, &v, now + 400 * S));
	assert_true(em_commitment_long_unproven(&c, h.l, &v, now + 400 * S + 1));
	assert_int_equal(em_commitment_unproven_note(&c, h.l, &v, now + 5), 0);
	assert_true(em_commitment_unproven_since(&c, h.l) == now);
	v.status = EM_MET;
	assert_int_equal(em_commitment_unproven_note(&c, h.l, &v, now + 6), 0);
	assert_true(em_commitment_unproven_since(&c, h.l) == 0);
	history_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truth_table),   cmocka_unit_test(large),
		cmocka_unit_test(weak_tags),     cmocka_unit_test(padding),
		cmocka_unit_test(demotions),     cmocka_unit_test(deficits),
		cmocka_unit_test(ignorance),     cmocka_unit_test(windows),
		cmocka_unit_test(long_unproven),
	};

	return cmocka_run_group_tests_name("commitment", tests, NULL, NULL);
}
