// SPDX-License-Identifier: GPL-2.0
/* Reallocation: was the share moved by its date, and did other work make room? */
#include "history.h"
#include "base/cleanup.h"
#include "commit/commitment.h"

#define DAY (86400 * S)
#define START (1700006400LL * S) /* 2023-11-15T00:00Z */

/* Two days: GPUs 1-4 by purpose before and after; GPUs beyond @before are added between them. */
struct moved {
	unsigned int a0, c0, a1, c1, added;
};

static void move(struct history *h, const struct moved *t)
{
	__u32 a, cap;

	history_open(h, START);
	assert_int_equal(em_ledger_batch(h->l), 0);
	for (__u32 gpu = 1; gpu <= 4 - t->added; gpu++)
		history_gpu(h, gpu);
	a = history_job(h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "a", "a");
	cap = history_job(h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "c", "c");
	for (int day = 0; day < 2; day++) {
		unsigned int na = day ? t->a1 : t->a0, nc = day ? t->c1 : t->c0;
		__u32 n = day ? 4 : 4 - t->added;

		for (__u32 gpu = 4 - t->added + 1; day && gpu <= 4; gpu++)
			history_gpu(h, gpu);
		for (__u32 i = 0; i < n; i++) {
			if (i < na + nc)
				history_use(h, i + 1, i < na ? a : cap, DAY, DAY, DAY);
			history_rest(h, i + 1, DAY, 0, 0, 0);
		}
		history_seal(h, DAY);
	}
	assert_int_equal(em_ledger_batch_end(h->l), 0);
	history_reopen(h);
}

static struct em_verdict judge(const struct history *h, const struct em_commitment *c, int64_t at)
{
	struct em_verdict v;

	assert_int_equal(em_commitment_check(c, h->l, at, &v), 0);
	return v;
}

static void reallocations(void **state)
{
	static const struct {
		struct moved t;
		bool displaced; /* at least half of it is asked for */
		enum em_status status;
		const char *reason;
	} table[] = {
		{ { 1, 3, 2, 2, 0 }, false, EM_MET, "" },
		{ { 1, 3, 1, 3, 0 }, false, EM_BREACHED, "" },
		{ { 1, 3, 2, 2, 0 }, true, EM_MET, "" },
		/* the share rises since others idle: nothing was moved */
		{ { 1, 3, 1, 1, 0 }, false, EM_MET, "" },
		{ { 1, 3, 1, 1, 0 }, true, EM_BREACHED, "did not grow" },
		/* out of idle GPUs, out of new ones */
		{ { 1, 2, 2, 2, 0 }, true, EM_BREACHED, "added, not moved" },
		{ { 1, 2, 2, 2, 1 }, true, EM_BREACHED, "added, not moved" },
		/* two more, one from new GPUs, one from others: just half */
		{ { 0, 3, 2, 2, 1 }, true, EM_MET, "" },
		/* others shrank, and it grew, but what came from where cannot be told */
		{ { 1, 2, 3, 1, 0 }, true, EM_MET, "" },
		{ { 1, 1, 2, 0, 0 }, true, EM_MET, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct em_commitment c = {
			.name = "move",
			.kind = EM_REALLOCATE,
			.purpose = EARMARK_PURPOSE_ALIGNMENT,
			.from = { 1, 4 },
			.to = { 1, 2 },
			.min_coverage = { 0, 1 },
			.window = DAY,
			.declared = START + DAY,
			.due = START + 2 * DAY,
		};
		struct em_verdict v;
		struct history h;

		if (table[i].displaced)
			c.displacement = (struct em_share){ 1, 2 };
		move(&h, &table[i].t);
		v = judge(&h, &c, h.wall);
		if (v.status != table[i].status || strcmp(v.reason, table[i].reason))
			fail_msg("row %zu is %s (%s)", i, em_status_name(v.status), v.reason);
		assert_int_equal(judge(&h, &c, h.wall - 1).status, EM_NOT_DUE);
		/* asked much later, it is the same answer */
		assert_int_equal(judge(&h, &c, h.wall + 100 * DAY).status, table[i].status);
		c.due = 0;
		c.within_of = (char *)"an event";
		c.within = DAY;
		assert_int_equal(judge(&h, &c, h.wall).status, EM_NOT_DUE);
		history_close(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reallocations),
	};

	return cmocka_run_group_tests_name("reallocation", tests, NULL, NULL);
}
