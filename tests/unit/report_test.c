// SPDX-License-Identifier: GPL-2.0
/* What a report says of a ledger that was written by hand. */
#include <errno.h>

#include "history.h"
#include "base/cleanup.h"
#include "report/report.h"

#define START (1800000000LL * S)

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static json_int_t purpose(const json_t *report, const char *name, const char *key)
{
	return number(json_object_get(json_object_get(report, "purposes"), name), key);
}

/* Two GPUs; odd nanoseconds, so that rounding has something to do. */
static void write_two_gpus(struct history *h)
{
	__u32 a, c, u;

	history_open(h, START);
	history_gpu(h, 1);
	history_gpu(h, 2);
	a = history_job(h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "steering", "/a");
	c = history_job(h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SCHEDULER, "big", "/c");
	u = history_job(h, EARMARK_PURPOSE_UNTAGGED, 0, "", "/u");
	history_use(h, 1, a, 3 * S + 333, 3 * S + 333, 2 * S + 501);
	history_use(h, 1, c, 2 * S + 334, 4 * S, S + 501);
	history_rest(h, 1, 10 * S, S + 777, 0, EARMARK_BLIND_HOLD);
	history_use(h, 2, u, 4 * S + 1, 4 * S + 1, 4 * S);
	history_rest(h, 2, 10 * S, 0, 7 * S, 0); /* more unattributed than idle */
	history_seal(h, 10 * S);
}

static void sums(void **state)
{
	struct history h;
	struct em_report r;

	(void)state;
	write_two_gpus(&h);
	assert_int_equal(em_report_make(&r, h.l, START, START + 10 * S), 0);
	assert_true(r.capacity == 20 * S);
	assert_true(r.unobserved == S + 777);
	assert_true(r.unattributed == 6 * S - 1); /* what was idle, and not more */
	assert_true(r.idle == 4 * S - 333 - 334 - 777);
	assert_true(r.used == 9 * S + 333 + 334 + 1 + 6 * S - 1);
	assert_true(r.used + r.idle + r.unobserved == r.capacity);
	assert_true(r.busy_unattributed == 7 * S);
	assert_true(r.busy_total == 14 * S + 1002);
	assert_true(r.busy_unobserved == 10 * S - 3 * S - 1002);
	assert_int_equal(r.engines, 2);
	assert_int_equal(r.blind, EARMARK_BLIND_HOLD);
	assert_true(r.parts[EARMARK_PURPOSE_ALIGNMENT].held == 3 * S + 333);
	assert_true(r.strong[EARMARK_PURPOSE_CAPABILITIES][EARMARK_TAGGED_BY_RULE].gpu_time ==
		    2 * S + 334);
	assert_true(r.strong[EARMARK_PURPOSE_ALIGNMENT][EARMARK_TAGGED_BY_RULE].gpu_time == 0);
	history_close(&h);
}

static void bounds(void **state)
{
	struct history h;
	struct em_report r;

	(void)state;
	write_two_gpus(&h);
	assert_int_equal(em_report_make(&r, h.l, START, START + 10 * S), 0);
	assert_true(r.proven.num == 3 * S + 333);
	assert_true(r.proven.den == r.used + r.unobserved);
	assert_true(r.possible.num == 3 * S + 333 + 4 * S + 1 + 6 * S - 1 + S + 777);
	assert_true(r.ratio_possible.den == 2 * S + 334);
	assert_true(r.ratio_proven.den == 2 * S + 334 + 4 * S + 1 + 6 * S - 1 + S + 777);
	history_close(&h);
}

/* Printed parts add up to the printed whole. */
static void check_rounding(const json_t *o)
{
	json_int_t sum = number(o, "unattributed_us");
	json_t *part;
	const char *name;

	json_object_foreach(json_object_get(o, "purposes"), name, part)
		sum += number(part, "gpu_time_us");
	assert_int_equal(sum, number(o, "used_us"));
	assert_int_equal(number(o, "used_us") + number(o, "idle_us") + number(o, "unobserved_us"),
			 number(o, "capacity_us"));
}

static void rounding(void **state)
{
	struct history h;
	struct em_report r;
	_cleanup_json_ json_t *o = NULL;

	(void)state;
	write_two_gpus(&h);
	assert_int_equal(em_report_make(&r, h.l, START, START + 10 * S), 0);
	o = em_report_json(&r);
	check_rounding(o);
	assert_string_equal(json_string_value(json_object_get(o, "schema")), "earmark-report-1");
	assert_int_equal(purpose(o, "capabilities", "held_us"), 4000000);
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "recorded_by"), 0)),
			    "kernel");
	assert_int_equal(number(json_object_get(o, "lost"), "ring"), 0);
	history_close(&h);
}

/* Whatever the nanoseconds are. */
static void rounding_random(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (int n = 0; n < 20000; n++) {
		struct em_report r = { 0 };
		_cleanup_json_ json_t *o = NULL;

		for (int p = 0; p < EARMARK_PURPOSE_COUNT; p++) {
			r.parts[p].gpu_time = (unsigned int)rand_r(&seed) % 3000;
			r.used += r.parts[p].gpu_time;
		}
		r.unattributed = (unsigned int)rand_r(&seed) % 3000;
		r.used += r.unattributed;
		r.idle = (unsigned int)rand_r(&seed) % 3000;
		r.unobserved = (unsigned int)rand_r(&seed) % 3000;
		r.capacity = r.used + r.idle + r.unobserved;
		o = em_report_json(&r);
		check_rounding(o);
	}
}

static void nothing(void **state)
{
	struct history h;
	struct em_report r;
	_cleanup_json_ json_t *o = NULL;

	(void)state;
	history_open(&h, START);
	assert_int_equal(em_report_make(&r, h.l, 0, START), 0);
	o = em_report_json(&r);
	assert_int_equal(number(o, "capacity_us"), 0);
	assert_true(json_is_null(json_object_get(json_object_get(o, "alignment_share"), "proven")));
	assert_true(json_is_null(json_object_get(json_object_get(o, "ratio"), "possible")));
	history_close(&h);
}

static json_t *rows_by(struct history *h, const char *by)
{
	json_t *rows = NULL;

	assert_int_equal(em_report_rows(h->l, START, START + 10 * S, by, &rows), 0);
	return rows;
}

static void rows(void **state)
{
	static const char *const all[] = { "purpose", "project", "job", "user" };
	struct history h;

	(void)state;
	write_two_gpus(&h);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		_cleanup_json_ json_t *list = rows_by(&h, all[i]);
		json_int_t time = 0, busy = 0;
		json_t *row;
		size_t n;

		json_array_foreach(list, n, row) {
			time += number(row, "gpu_time_us");
			busy += number(row, "busy_us");
		}
		assert_int_equal(json_array_size(list), 3);
		assert_in_range(time, 9000000, 9000002);
		assert_in_range(busy, 7000000, 7000002);
	}
	assert_int_equal(em_report_rows(h.l, 0, START, "colour", &(json_t *){ NULL }), -EINVAL);
	history_close(&h);
}

static void rows_by_gpu(void **state)
{
	struct history h;
	_cleanup_json_ json_t *list = NULL;
	json_t *row;
	size_t i;

	(void)state;
	write_two_gpus(&h);
	history_gpu(&h, 3); /* one that nobody used has a row too */
	history_rest(&h, 3, 10 * S, 0, 0, 0);
	history_seal(&h, 10 * S);
	history_reopen(&h);
	assert_int_equal(em_report_rows(h.l, START, START + 20 * S, "gpu", &list), 0);
	assert_int_equal(json_array_size(list), 3);
	json_array_foreach(list, i, row) {
		json_int_t sum = number(row, "gpu_time_us") + number(row, "idle_us") +
				 number(row, "unobserved_us") + number(row, "unattributed_us");

		/* the first two said nothing in the second interval: that is unobserved */
		assert_in_range(sum, 10000000 - 2, 20000000 + 2);
	}
	history_close(&h);
}

static void hostile_names(void **state)
{
	static const struct {
		const char *bytes, *json;
	} names[] = {
		{ "plain", "plain" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "cut\xe2\x82", "cut\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\x1b[31mred\n", "\x1b[31mred\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct history h;
		_cleanup_json_ json_t *list = NULL;
		__u32 job;

		history_open(&h, START);
		history_gpu(&h, 1);
		job = history_job(&h, EARMARK_PURPOSE_MIXED, EARMARK_TAGGED_BY_SELF, names[i].bytes,
				  names[i].bytes);
		history_use(&h, 1, job, S, S, S);
		history_rest(&h, 1, 10 * S, 0, 0, 0);
		history_seal(&h, 10 * S);
		list = rows_by(&h, "job");
		assert_int_equal(json_array_size(list), 1);
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(list, 0), "project")),
			names[i].json);
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(list, 0), "path")),
			names[i].json);
		history_close(&h);
	}
	assert_true(json_is_null(em_json_text(NULL)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums),        cmocka_unit_test(bounds),
		cmocka_unit_test(rounding),    cmocka_unit_test(rounding_random),
		cmocka_unit_test(nothing),     cmocka_unit_test(rows),
		cmocka_unit_test(rows_by_gpu), cmocka_unit_test(hostile_names),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
