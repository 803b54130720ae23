// SPDX-License-Identifier: GPL-2.0
/* docs/example/openai-2023.yaml: one sentence in three readings, over one ledger. */
#include "history.h"
#include "base/cleanup.h"
#include "commit/approval.h"
#include "commit/commitment.h"
#include "commit/explain.h"

#define YEARS 4

static int64_t instant(const char *s)
{
	int64_t ns;

	assert_int_equal(em_time_parse(s, 0, &ns), 0);
	return ns;
}

/*
 * From 5 July 2023 a fleet of 1, 2, 3 and 4 GPUs, 10 GPU-years in all, every hour of it used. On
 * the first GPU alignment has 0.15, 0.25, 0.25 and 0.25 of each year (0.9), mixed work 0.4 each
 * year (1.6); the rest, and all other GPUs, are for capabilities.
 */
static void lab_make(struct history *h)
{
	static const unsigned int percent[YEARS] = { 15, 25, 25, 25 };
	__u32 a, m, c;

	history_open(h, instant("2023-07-05"));
	a = history_job(h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SCHEDULER, "oversight",
			"/a");
	m = history_job(h, EARMARK_PURPOSE_MIXED, EARMARK_TAGGED_BY_SCHEDULER, "feedback", "/m");
	c = history_job(h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SCHEDULER, "next", "/c");
	for (int year = 0; year < YEARS; year++) {
		char until[32];
		uint64_t length, part;

		snprintf(until, sizeof(until), "%d-07-05", 2024 + year);
		length = (uint64_t)(instant(until) - h->wall);
		part = length / 100;
		history_gpu(h, (__u32)year + 1);
		history_use(h, 1, a, part * percent[year], length, part * percent[year]);
		history_use(h, 1, m, part * 40, length, part * 40);
		history_use(h, 1, c, part * (60 - percent[year]), length,
			    part * (60 - percent[year]));
		history_rest(h, 1, length, 0, 0, 0);
		for (__u32 gpu = 2; gpu <= (__u32)year + 1; gpu++) {
			history_use(h, gpu, c, length, length, length);
			history_rest(h, gpu, length, 0, 0, 0);
		}
		history_seal(h, length);
	}
	history_reopen(h);
}

static struct em_verdict judge(struct history *h, const struct em_commitments *list,
			       const char *name, const char *at)
{
	struct em_verdict v;

	for (unsigned int i = 0; i < list->n; i++) {
		if (strcmp(list->list[i].name, name))
			continue;
		assert_int_equal(em_commitment_check(&list->list[i], h->l, instant(at), &v), 0);
		return v;
	}
	fail_msg("%s is not in the file", name);
	return v;
}

static struct em_commitments example(void)
{
	struct em_commitments list;
	char err[512] = "";

	if (em_commitments_load(&list, "docs/example/openai-2023.yaml", err, sizeof(err)))
		fail_msg("%s", err);
	return list;
}

static void three_readings(void **state)
{
	struct em_commitments list = example();
	struct em_verdict v;
	struct history h;

	(void)state;
	lab_make(&h);
	/* of one GPU for four years a fifth is 0.8: it had 0.9 */
	v = judge(&h, &list, "secured-to-date", "2027-07-05");
	assert_int_equal(v.status, EM_MET);
	assert_true(v.proven.den == (em_ns)(instant("2027-07-05") - instant("2023-07-05")));
	/* of ten that were used it is not even a tenth */
	v = judge(&h, &list, "over-four-years", "2027-07-05");
	assert_int_equal(v.status, EM_BREACHED);
	assert_true(v.proven.num * 10 < v.proven.den && v.possible.num == v.proven.num);
	/* with all that may be meant it could be a quarter, and may be a tenth */
	v = judge(&h, &list, "across-the-company", "2027-07-05");
	assert_int_equal(v.status, EM_UNPROVEN);
	assert_string_equal(v.reason, "mixed");
	assert_true(v.possible.num * 4 >= v.possible.den && v.proven.num * 10 < v.proven.den);
	/* before the end none is due */
	v = judge(&h, &list, "secured-to-date", "2024-07-05");
	assert_int_equal(v.status, EM_NOT_DUE);
	v = judge(&h, &list, "over-four-years", "2024-07-05");
	assert_int_equal(v.status, EM_NOT_DUE);
	em_commitments_clear(&list);
	history_close(&h);
}

/* A seed of RFC 8032, 7.1, as the example's keys are. */
static void approve(struct history *h, const char *seed, const char *name, bool external)
{
	_cleanup_json_ json_t *note =
		json_pack("{s:s,s:s,s:n,s:I,s:[]}", "id", "next", "project", "next", "ref",
			  "gpu_hours", (json_int_t)40000, "signers");
	_cleanup_free_ char *text = NULL;
	char file[] = "/tmp/earmark-key.XXXXXX", err[256];
	int fd = mkstemp(file);

	assert_int_equal(write(fd, seed, strlen(seed)), strlen(seed));
	close(fd);
	assert_int_equal(em_approval_sign(note, file, name, external, err, sizeof(err)), 0);
	unlink(file);
	text = json_dumps(note, JSON_COMPACT);
	assert_int_equal(em_ledger_note_at(h->l, instant("2026-01-01"), "approval", text), 0);
	history_reopen(h);
}

static void open_questions(void **state)
{
	struct em_commitments list = example();
	struct em_verdict v;
	struct history h;

	(void)state;
	lab_make(&h);
	/* 2.35 to 3.35 GPU-years of capabilities, 0.25 to 0.25 of alignment */
	assert_int_equal(judge(&h, &list, "slow-down", "2027-07-05").status, EM_BREACHED);
	v = judge(&h, &list, "who-decides", "2027-07-05");
	assert_int_equal(v.status, EM_BREACHED);
	assert_string_equal(v.reason, "no approval");
	approve(&h, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "lab",
		false);
	assert_int_equal(judge(&h, &list, "who-decides", "2027-07-05").status, EM_BREACHED);
	approve(&h, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "auditor",
		true);
	assert_int_equal(judge(&h, &list, "who-decides", "2027-07-05").status, EM_MET);
	em_commitments_clear(&list);
	history_close(&h);
}

/* Each says something, and leaves something open. */
static void explained(void **state)
{
	struct em_commitments list = example();

	(void)state;
	assert_int_equal(list.n, 5);
	for (unsigned int i = 0; i < list.n; i++) {
		_cleanup_json_ json_t *o = em_commitment_explain(&list.list[i]);

		assert_true(json_array_size(json_object_get(o, "promises")) >= 2);
		assert_true(json_array_size(json_object_get(o, "open")) >= 2);
	}
	em_commitments_clear(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_readings),
		cmocka_unit_test(open_questions),
		cmocka_unit_test(explained),
	};

	return cmocka_run_group_tests_name("example", tests, NULL, NULL);
}
