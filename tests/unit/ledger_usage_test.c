// SPDX-License-Identifier: GPL-2.0
/* What a ledger says of a window: sums, tags, losses, gaps. */
#include "ledger_make.h"

static void windows_take_whole_intervals(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct em_span span;
	struct made m;

	(void)state;
	for (int i = 1; i <= 4; i++) {
		plain(&c, &m, i);
		append(l, &m);
	}
	assert_int_equal(ask_usage(l, 0, 40).gpu_time, 10 * S);
	assert_int_equal(ask_usage(l, 10, 30).gpu_time, 5 * S);
	assert_int_equal(ask_usage(l, 1, 39).gpu_time, 5 * S);
	assert_int_equal(ask_usage(l, 11, 29).n, 0);
	assert_int_equal(em_ledger_span(l, T0 + 1 * S, T0 + 39 * S, &span), 0);
	assert_int_equal(span.intervals, 2);
	assert_true(span.start == T0 + 10 * S && span.end == T0 + 30 * S);
	assert_int_equal(span.recorders, 1 << EARMARK_RECORDER_KERNEL);
	assert_int_equal(em_ledger_span(l, T0 + 11 * S, T0 + 12 * S, &span), 0);
	assert_int_equal(span.intervals, 0);
	assert_int_equal(span.recorders, 0);
	em_ledger_close(l);
}

static void tags_are_a_history(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct made m;
	struct asked a;

	(void)state;
	plain(&c, &m, 4);
	append(l, &m);
	begin(&m);
	tag_event(&m, 50, 4, EARMARK_PURPOSE_CAPABILITIES, "q");
	gpu_row(&m, 1, 10 * S, 2 * S, 0, 0);
	usage(&m, 1, 50, 3, 3 * S, 0);
	usage(&m, 1, 50, 4, 5 * S, 0);
	next(&c, &m, 10);
	append(l, &m);
	a = ask_usage(l, 0, 10);
	assert_int_equal(a.purpose, EARMARK_PURPOSE_ALIGNMENT);
	assert_int_equal(a.tagged_by, EARMARK_TAGGED_BY_SELF);
	assert_string_equal(a.project, "p");
	assert_string_equal(a.path, "/jobs/fifty");
	assert_string_equal(a.gpu, "platform/a");
	a = ask_usage(l, 0, 20);
	assert_int_equal(a.n, 2);
	assert_int_equal(a.gpu_time, 12 * S);
	em_ledger_close(l);
}

static void unknown_names_are_untagged(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct earmark_gpu_info gpu = { .gpu = 1, .name = "platform/a" };
	struct earmark_job_info job = { .job = 60, .tag_job = 60, .tag = 9, .path = "/jobs/sixty" };
	struct gpus gpus;
	struct asked a;
	struct made m;

	(void)state;
	begin(&m);
	gpu_row(&m, 1, 10 * S, 6 * S, 0, 0);
	usage(&m, 1, 60, 9, 4 * S, 0);
	next(&c, &m, 10);
	append(l, &m);
	a = ask_usage(l, 0, 10);
	assert_int_equal(a.purpose, EARMARK_PURPOSE_UNTAGGED);
	assert_string_equal(a.path, "(null)");
	assert_memory_equal(a.gpu, "unknown/", 8);
	assert_true(em_ledger_unknown(l, m.i.header.load_id));

	job.purpose = EARMARK_PURPOSE_SERVING;
	job.tagged_by = EARMARK_TAGGED_BY_SCHEDULER;
	assert_int_equal(em_ledger_learn_gpu(l, m.i.header.load_id, &gpu), 0);
	assert_int_equal(em_ledger_learn_job(l, m.i.header.load_id, &job), 0);
	assert_false(em_ledger_unknown(l, m.i.header.load_id));
	a = ask_usage(l, 0, 10);
	assert_int_equal(a.purpose, EARMARK_PURPOSE_SERVING);
	assert_string_equal(a.path, "/jobs/sixty");
	assert_string_equal(a.gpu, "platform/a");
	assert_non_null(strstr(last_note(l, "learned"), "serving"));
	/* the stand-in is gone: capacity does not count it twice */
	gpus = ask_gpus(l, 0, 10);
	assert_int_equal(gpus.n, 1);
	assert_int_equal(gpus.g[0].wall, 10 * S);
	em_ledger_close(l);
}

static void losses_are_counted_once(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct em_span span;
	struct made m;

	(void)state;
	c.lost[EARMARK_LOST_CONTEXT] = 3;
	plain(&c, &m, 1);
	append(l, &m);
	c.lost[EARMARK_LOST_CONTEXT] = 5;
	c.lost[EARMARK_LOST_RING] = 1;
	plain(&c, &m, 1);
	append(l, &m);
	plain(&c, &m, 1);
	append(l, &m);
	assert_int_equal(em_ledger_span(l, T0, T0 + 30 * S, &span), 0);
	assert_int_equal(span.lost[EARMARK_LOST_CONTEXT], 5);
	assert_int_equal(span.lost[EARMARK_LOST_RING], 1);
	assert_int_equal(em_ledger_span(l, T0 + 10 * S, T0 + 30 * S, &span), 0);
	assert_int_equal(span.lost[EARMARK_LOST_CONTEXT], 2);
	assert_int_equal(em_ledger_span(l, T0 + 20 * S, T0 + 30 * S, &span), 0);
	assert_int_equal(span.lost[EARMARK_LOST_CONTEXT], 0);
	em_ledger_close(l);
}

static void gpu_sums(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct earmark_segment *e;
	struct gpus gpus;
	struct made m;

	(void)state;
	begin(&m);
	gpu_event(&m, 1, "platform/a");
	gpu_row(&m, 1, 10 * S, 4 * S, 3 * S, 5 * S)->flags = EARMARK_BLIND_HOLD;
	usage(&m, 1, 50, 0, 3 * S, 2 * S);
	e = segment(&m, EARMARK_SEGMENT_ENGINE, 1);
	e->engine.busy = 7 * S;
	next(&c, &m, 10);
	append(l, &m);
	begin(&m);
	gpu_row(&m, 1, 10 * S, 10 * S, 0, 1 * S)->flags = EARMARK_BLIND_FILE;
	e = segment(&m, EARMARK_SEGMENT_ENGINE, 1);
	e->engine.busy = 1 * S;
	next(&c, &m, 10);
	append(l, &m);
	gpus = ask_gpus(l, 0, 20);
	assert_int_equal(gpus.n, 1);
	assert_int_equal(gpus.g[0].wall, 20 * S);
	assert_int_equal(gpus.g[0].idle, 14 * S);
	assert_int_equal(gpus.g[0].unobserved, 3 * S);
	assert_int_equal(gpus.g[0].unattributed, 6 * S);
	assert_int_equal(gpus.g[0].charged, 5 * S); /* min(5, 4) + min(1, 10) */
	assert_int_equal(gpus.g[0].blind, EARMARK_BLIND_HOLD | EARMARK_BLIND_FILE);
	assert_int_equal(gpus.g[0].engines, 1);
	assert_int_equal(gpus.g[0].busy, 8 * S);
	assert_int_equal(gpus.g[0].engine_wall, 20 * S);
	assert_int_equal(gpus.g[0].blind_busy, 3 * S + 9 * S);
	assert_int_equal(gpus.g[0].weight, 7);
	assert_int_equal(gpus.g[0].gap, 0);
	em_ledger_close(l);
}

static void between_loads_is_a_gap(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct gpus gpus;
	struct made m;

	(void)state;
	plain(&c, &m, 1);
	append(l, &m);
	/* another load, after 35 s in which nobody recorded; the GPU has another id there */
	c = (struct chain){ .load = 0x22, .at = 45 };
	begin(&m);
	gpu_event(&m, 8, "platform/a");
	gpu_row(&m, 8, 10 * S, 10 * S, 0, 0);
	next(&c, &m, 10);
	append(l, &m);
	gpus = ask_gpus(l, 0, 55);
	assert_int_equal(gpus.n, 1);
	assert_int_equal(gpus.g[0].wall, 20 * S);
	assert_int_equal(gpus.g[0].gap, 35 * S);
	assert_int_equal(ask_gpus(l, 20, 50).g[0].gap, 25 * S);
	assert_int_equal(ask_gpus(l, 46, 55).g[0].gap, 0);
	em_ledger_close(l);
}

static void a_silent_gpu_does_not_shrink_capacity(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct earmark_event *e;
	struct gpus gpus;
	struct made m;

	(void)state;
	begin(&m);
	gpu_event(&m, 1, "platform/a");
	gpu_event(&m, 2, "platform/b");
	gpu_row(&m, 1, 10 * S, 10 * S, 0, 0);
	gpu_row(&m, 2, 10 * S, 10 * S, 0, 0);
	next(&c, &m, 10);
	append(l, &m);
	/* taken out of the machine: the next boot does not know it */
	c = (struct chain){ .load = 0x22, .at = 10 };
	begin(&m);
	gpu_event(&m, 1, "platform/a");
	gpu_row(&m, 1, 10 * S, 10 * S, 0, 0);
	next(&c, &m, 10);
	append(l, &m);
	gpus = ask_gpus(l, 0, 20);
	assert_int_equal(gpus.n, 2);
	assert_string_equal(gpus.name[1], "platform/b");
	assert_int_equal(gpus.g[0].wall + gpus.g[0].gap, 20 * S);
	assert_int_equal(gpus.g[1].wall + gpus.g[1].gap, 20 * S);
	assert_int_equal(gpus.g[1].gap, 10 * S);

	/* until it is retired */
	begin(&m);
	e = event(&m, EARMARK_EVENT_GPU_RETIRED);
	e->gpu = 1;
	gpu_row(&m, 1, 0, 0, 0, 0);
	next(&c, &m, 10);
	append(l, &m);
	assert_int_equal(em_ledger_retire(l, "platform/nosuch", "x", 0), -ENOENT);
	assert_int_equal(em_ledger_retire(l, "platform/b", "sold", 0), 0);
	assert_non_null(strstr(last_note(l, "gpu-retired"), "sold"));
	gpus = ask_gpus(l, 0, 30);
	assert_true(gpus.g[0].retired == T0 + 20 * S);
	assert_true(gpus.g[1].retired > T0);
	plain(&c, &m, 1);
	em_ledger_close(l);
}

static void an_open_end_is_a_gap_only_when_old(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	int64_t now = (em_time_now() - T0) / S;
	struct made m;

	(void)state;
	assert_int_equal(em_ledger_state_set(l, "period", "10000000000"), 0);
	c.at = now - 35;
	plain(&c, &m, 1); /* ended 25 s ago */
	append(l, &m);
	assert_int_equal(ask_gpus(l, 0, now).g[0].gap, 0);
	assert_int_equal(em_ledger_state_set(l, "period", "1000000000"), 0);
	assert_int_equal(ask_gpus(l, 0, now).g[0].gap, 25 * S);
	/* nobody knows the future, so nothing is missing from it */
	assert_true(ask_gpus(l, 0, now + 100).g[0].gap < 30 * (uint64_t)S);
	em_ledger_close(l);
}

static int see_event(const struct em_event *e, void *arg)
{
	snprintf((char *)arg + strlen(arg), 64, "%u:%llu@%lld ", e->e.type,
		 (unsigned long long)e->e.job, (long long)((e->wall - T0) / S));
	return 0;
}

static void events_by_time_type_and_job(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	char seen[512] = "";
	struct made m;

	(void)state;
	plain(&c, &m, 1);
	append(l, &m);
	begin(&m);
	tag_event(&m, 51, 4, EARMARK_PURPOSE_MIXED, "");
	m.events[0].when = (__u64)(1000 + 13) * S;
	next(&c, &m, 10);
	append(l, &m);
	assert_int_equal(
		em_ledger_events(l, 0, INT64_MAX, 1 << EARMARK_EVENT_TAG, 0, see_event, seen), 0);
	assert_string_equal(seen, "3:50@0 3:51@13 ");
	seen[0] = '\0';
	assert_int_equal(em_ledger_events(l, T0 + 5 * S, INT64_MAX, ~0u, 51, see_event, seen), 0);
	assert_string_equal(seen, "3:51@13 ");
	em_ledger_close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(windows_take_whole_intervals),
		TEST(tags_are_a_history),
		TEST(unknown_names_are_untagged),
		TEST(losses_are_counted_once),
		TEST(gpu_sums),
		TEST(between_loads_is_a_gap),
		TEST(a_silent_gpu_does_not_shrink_capacity),
		TEST(an_open_end_is_a_gap_only_when_old),
		TEST(events_by_time_type_and_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
