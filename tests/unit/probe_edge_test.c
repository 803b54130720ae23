// SPDX-License-Identifier: GPL-2.0
/* Probes asked of ledgers with little or nothing in them, and asked wrongly. */
#include "probe_ask.h"

/* --- degenerate ---------------------------------------------------------------------------- */

/* Every probe answers or says why not, in JSON and in words, and no number is none. */
static void sane(const char *ledger, char *option, char *argument)
{
	_cleanup_json_ json_t *o = NULL;
	struct said said;
	json_t *f;
	size_t i;

	earmark(&said, "-j", "--ledger", (char *)ledger, "probe", "all", "--size", "1", option,
		argument);
	assert_in_range(said.status, 0, 2);
	o = json_loads(said.out, 0, NULL);
	assert_non_null(o);
	if (json_array_size(json_object_get(o, "findings")) != 13)
		fail_msg("not 13 findings: %s%s", said.out, said.err);
	json_array_foreach(json_object_get(o, "findings"), i, f) {
		assert_true(strlen(json_string_value(json_object_get(f, "estimate"))) > 10);
		assert_true(strlen(json_string_value(json_object_get(f, "interval"))) > 4);
	}
	for (int text = 0; text < 2; text++) {
		if (text)
			earmark(&said, "--ledger", (char *)ledger, "probe", "all", "--size", "1",
				option, argument);
		assert_in_range(said.status, 0, 2);
		assert_null(strcasestr(said.out, "nan "));
		assert_null(strcasestr(said.out, "nan\n"));
		assert_null(strstr(said.out, "inf "));
		assert_null(strstr(said.out, "inf\n"));
		assert_string_equal(said.err, "");
	}
}

static void no_intervals(void **state)
{
	struct history h;

	(void)state;
	history_open(&h, START);
	history_reopen(&h);
	sane(h.dir, NULL, NULL);
	history_close(&h);
}

/* @days of one job; @purpose as tagged. */
static void one_kind(__u8 purpose, int days, uint64_t used)
{
	struct history h;
	__u32 job;

	history_open(&h, START);
	history_gpu(&h, 1);
	job = history_job(&h, purpose, EARMARK_TAGGED_BY_SELF, "p", "/j");
	for (int day = 0; day < days; day++) {
		if (used)
			history_use(&h, 1, job, used, used, used / 2);
		history_rest(&h, 1, EM_DAY, 0, 0, 0);
		history_seal(&h, EM_DAY);
	}
	history_reopen(&h);
	sane(h.dir, NULL, NULL);
	sane(h.dir, "--window", "1s");
	sane(h.dir, "--until", "1999-01-01");
	sane(h.dir, "--since", "2025-06-01");
	history_close(&h);
}

static void degenerate(void **state)
{
	(void)state;
	one_kind(EARMARK_PURPOSE_ALIGNMENT, 1, EM_DAY);
	one_kind(EARMARK_PURPOSE_ALIGNMENT, 24, EM_DAY / 2);
	one_kind(EARMARK_PURPOSE_CAPABILITIES, 2, EM_DAY);
	one_kind(EARMARK_PURPOSE_UNTAGGED, 24, EM_DAY);
	one_kind(EARMARK_PURPOSE_MIXED, 2, 0);
}

static void refusals(void **state)
{
	static const struct {
		char *words[5];
		const char *says;
	} table[] = {
		{ { "financing", "--before", "2026-01-01" }, "START/END" },
		{ { "financing", "--before", "2026-01-01/2026-01-02" }, "together" },
		{ { "scale", "--before", "2026-01-02/2026-01-01" }, "ends before" },
		{ { "scale", "--before", "soon/later" }, "START/END" },
		{ { "drift", "--seed", "-1" }, "--seed" },
		{ { "drift", "--seed", "1x" }, "--seed" },
		{ { "drift", "--seed", "0" }, "--seed" },
		{ { "drift", "--at", "never" }, "--at" },
		{ { "gate", "--size", "1e9" }, "--size" },
		{ { "gate", "--size", "0" }, "--size" },
		{ { "constraint", "--researchers", "30" }, "30:100" },
		{ { "constraint", "--researchers", "3:0" }, "30:100" },
		{ { "drill-plan", "--from", "120%" }, "--from" },
		{ { "drill-plan", "--to", "%" }, "--to" },
		{ { "drill-plan", "--hold", "0s" }, "--hold" },
		{ { "drill-plan", "--count", "2000" }, "--count" },
		{ { "astrology" }, "astrology" },
		{ { "drift" }, "/nosuch" },
	};
	struct said said;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char *argv[12] = { "earmark", "--ledger", "/nosuch", "probe" };

		memcpy(argv + 4, table[i].words, sizeof(table[i].words));
		finish(start(dir, argv), dir, &said);
		assert_int_equal(said.status, 2);
		if (!strstr(said.err, table[i].says))
			fail_msg("row %zu does not say %s: %s", i, table[i].says, said.err);
	}
}

/* A plan needs no ledger, comes again with its seed, and is what a ledger's order notes are. */
static void plan(void **state)
{
	_cleanup_json_ json_t *one = ASK("/nosuch", 0, "drill-plan", "--since", "2027-01-01",
					 "--count", "6", "--to", "12.5%");
	_cleanup_json_ json_t *same = ASK("/nosuch", 0, "drill-plan", "--since", "2027-01-01",
					  "--count", "6", "--to", "12.5%");
	_cleanup_json_ json_t *other = ASK("/nosuch", 0, "drill-plan", "--since", "2027-01-01",
					   "--count", "6", "--seed", "2");
	_cleanup_json_ json_t *full = ASK("/nosuch", 2, "drill-plan", "--count", "29");
	const json_t *values = json_object_get(one, "values");

	(void)state;
	assert_non_null(full);
	assert_true(json_equal(one, same));
	assert_false(json_equal(json_object_get(one, "rows"), json_object_get(other, "rows")));
	assert_int_equal(json_array_size(json_object_get(one, "rows")), 6);
	assert_int_equal(strlen(json_string_value(json_object_get(values, "sha256"))), 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_intervals),
		cmocka_unit_test(degenerate),
		cmocka_unit_test(refusals),
		cmocka_unit_test(plan),
	};

	return cmocka_run_group_tests_name("probe edges", tests, set_up, tear_down);
}
