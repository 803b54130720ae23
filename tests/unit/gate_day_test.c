// SPDX-License-Identifier: GPL-2.0
/*
 * What a project holds in 24 hours, wherever these begin, against the plainest way of finding it:
 * from the start of every interval on, all that lies whole in the next 24 hours, summed. A gate of
 * exactly the most is not passed, one of a nanosecond less is.
 */
#include "history.h"
#include "base/cleanup.h"
#include "commit/judge.h"

#define H (3600 * S)
#define DAY (24 * H)
#define START (1600000000LL * S)
#define INTERVALS 90
#define GPUS 3
#define PROJECTS 2
#define RUNS 12

/* struct made - an interval as it was written */
struct made {
	int64_t start, end;
	uint64_t time[PROJECTS];
};

static struct made made[INTERVALS];
static uint32_t seed;

static uint64_t any(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

/* A run in pieces: each a job of its own, none of them large. */
static __u32 piece(struct history *h, int project)
{
	return history_job(h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SCHEDULER,
			   project ? "q" : "p", "/j");
}

static void write_history(struct history *h)
{
	history_open(h, START + (int64_t)any(DAY / S) * S);
	assert_int_equal(em_ledger_batch(h->l), 0);
	for (__u32 g = 0; g < GPUS; g++)
		history_gpu(h, g + 1);
	for (int i = 0; i < INTERVALS; i++) {
		uint64_t length = (1 + any(100)) * 77 * S + any(S);

		if (!any(6)) /* away for a while */
			h->wall += (int64_t)any(9 * H / S) * S;
		made[i] = (struct made){ .start = h->wall, .end = h->wall + (int64_t)length };
		for (__u32 g = 0; g < GPUS; g++) {
			int p = (int)any(PROJECTS + 1);

			if (p < PROJECTS) {
				uint64_t time = any(length);

				history_use(h, g + 1, piece(h, p), time, length, time);
				made[i].time[p] += time;
			}
			history_rest(h, g + 1, length, 0, 0, 0);
		}
		history_seal(h, length);
	}
	assert_int_equal(em_ledger_batch_end(h->l), 0);
	history_reopen(h);
}

static uint64_t most(void)
{
	uint64_t all = 0;

	for (int from = 0; from < INTERVALS; from++) {
		for (int p = 0; p < PROJECTS; p++) {
			uint64_t sum = 0;

			for (int i = 0; i < INTERVALS; i++) {
				if (made[i].start >= made[from].start &&
				    made[i].end <= made[from].start + DAY)
					sum += made[i].time[p];
			}
			all = sum > all ? sum : all;
		}
	}
	return all;
}

static enum em_status status_of(struct history *h, uint64_t hours_ns)
{
	struct em_commitment gate = {
		.name = "gate",
		.kind = EM_GATE,
		.purpose = EARMARK_PURPOSE_CAPABILITIES,
		.gpu_hours = hours_ns,
		.min_coverage = { 0, 1 },
		.window = 40 * DAY,
		.prove_within = DAY,
	};
	struct em_verdict v;

	assert_int_equal(em_commitment_check(&gate, h->l, h->wall, &v), 0);
	if (v.status == EM_BREACHED)
		assert_non_null(strstr(v.detail, "24 hours, project"));
	return v.status;
}

static void exact(void **state)
{
	(void)state;
	for (unsigned int run = 0; run < RUNS; run++) {
		struct history h;
		uint64_t limit;

		seed = (run + 1) * 2654435761U;
		write_history(&h);
		limit = most();
		assert_true(limit > 0);
		/* gaps hide work, so that what is not above the gate is not proven to be below */
		assert_int_not_equal(status_of(&h, limit), EM_BREACHED);
		assert_int_equal(status_of(&h, limit - 1), EM_BREACHED);
		history_close(&h);
	}
}

/* Eight hours before and eight after an edge at which 24 hours were once begun anew. */
static void straddling(void **state)
{
	(void)state;
	for (int late = 0; late < 6; late++) {
		struct history h;

		history_open(&h, START / DAY * DAY);
		assert_int_equal(em_ledger_batch(h.l), 0);
		history_gpu(&h, 1);
		for (int hour = 0; hour < 96 + late; hour++) {
			bool on = (hour >= 40 && hour < 48) || (hour >= 56 && hour < 64);

			if (on)
				history_use(&h, 1, piece(&h, 0), H, H, H);
			history_rest(&h, 1, H, 0, 0, 0);
			history_seal(&h, H);
		}
		assert_int_equal(em_ledger_batch_end(h.l), 0);
		assert_int_equal(status_of(&h, 16 * H), EM_MET);
		assert_int_equal(status_of(&h, 16 * H - 1), EM_BREACHED);
		history_close(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact),
		cmocka_unit_test(straddling),
	};

	return cmocka_run_group_tests_name("gate day", tests, NULL, NULL);
}
