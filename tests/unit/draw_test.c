// SPDX-License-Identifier: GPL-2.0
/* The audit draw: in proportion to time, the same for everybody, and what clean draws say. */
#include "ledger_make.h"
#include "base/cleanup.h"
#include "probe/draw.h"

static void what_clean_draws_say(void **state)
{
	(void)state;
	/* 1 - 0.05^(1/n) for no misuse; and of tables */
	assert_int_equal(em_draw_at_most(59, 0, 0.95), 49508);
	assert_int_equal(em_draw_at_most(10, 0, 0.95), 258866);
	assert_in_range(em_draw_at_most(20, 1, 0.95), 216000, 216200);
	assert_int_equal(em_draw_at_most(0, 0, 0.95), 1000000);
	assert_int_equal(em_draw_at_most(5, 5, 0.95), 1000000);
	for (unsigned int k = 1; k < 50; k++)
		assert_true(em_draw_at_most(59, k, 0.95) > em_draw_at_most(59, k - 1, 0.95));
}

static void in_proportion_to_time(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct em_draw d = { .n = 2000, .purpose = EARMARK_PURPOSE_ALIGNMENT }, other;
	_cleanup_json_ json_t *rows = NULL, *again = NULL;
	unsigned int in_first = 0;
	struct made m;
	em_ns total;
	json_t *row;
	size_t i;

	(void)state;
	/* 2 s of alignment in the first interval, 8 s in the second */
	plain(&c, &m, 2);
	append(l, &m);
	plain(&c, &m, 8);
	append(l, &m);
	em_draw_seed(&d, "checkpoint", 10, "nonce");
	assert_int_equal(em_draw_make(&d, l, 0, INT64_MAX, &total, &rows), 0);
	assert_int_equal(total, 10 * S);
	assert_int_equal(json_array_size(rows), 2000);
	json_array_foreach(rows, i, row) {
		in_first += json_integer_value(json_object_get(row, "entry")) == 1;
		assert_string_equal(json_string_value(json_object_get(row, "path")), "/jobs/fifty");
	}
	assert_in_range(in_first, 320, 480); /* 400, within 4.5 standard deviations */
	/* for everybody the same, and for another nonce another */
	assert_int_equal(em_draw_make(&d, l, 0, INT64_MAX, &total, &again), 0);
	assert_true(json_equal(rows, again));
	other = d;
	em_draw_seed(&other, "checkpoint", 10, "nonsense");
	assert_memory_not_equal(other.seed, d.seed, sizeof(d.seed));
	other.purpose = EARMARK_PURPOSE_SERVING;
	json_decref(TAKE_PTR(again));
	assert_int_equal(em_draw_make(&other, l, 0, INT64_MAX, &total, &again), -ENODATA);
	em_ledger_close(l);
}

static void audits_add_up(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	_cleanup_json_ json_t *o = em_draw_audits(l, 0, INT64_MAX);

	(void)state;
	assert_true(json_is_null(o));
	json_decref(o);
	assert_int_equal(em_ledger_note(l, "audit", "{\"of\":30}"), 0);
	assert_int_equal(em_ledger_note(l, "audit", "{\"of\":29,\"misused\":1}"), 0);
	assert_int_equal(em_ledger_note(l, "audit", "{\"of\":-3}"), 0); /* says nothing */
	o = em_draw_audits(l, 0, INT64_MAX);
	assert_int_equal(json_integer_value(json_object_get(o, "drawn")), 59);
	assert_int_equal(json_integer_value(json_object_get(o, "misused")), 1);
	em_ledger_close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(what_clean_draws_say), TEST(in_proportion_to_time),
					    TEST(audits_add_up) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
