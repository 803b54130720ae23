// SPDX-License-Identifier: GPL-2.0
/* Work that is told: what the books make of it, against sums made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "account.h"

enum { TAGS = 5, ROWS = 64 };

static struct earmark_account books;
static struct earmark_gpu_account gpu, other;
static struct earmark_job_account job[2];
static u64 now;

static struct {
	struct earmark_segment rows[ROWS];
	u32 n;
} sealed;

static u64 rnd(u64 n)
{
	static u64 rng = 0x9e3779b97f4a7c15ull;

	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % n;
}

static u64 the_clock(void *arg)
{
	return *(u64 *)arg;
}

static void set_up(u32 meter)
{
	now = 1000;
	earmark_account_init(&books, now);
	earmark_gpu_init(&books, &gpu, 1, 0, now);
	earmark_gpu_init(&books, &other, 2, 0, now);
	gpu.meter = other.meter = meter;
	for (int j = 0; j < 2; j++)
		earmark_job_init(&job[j], 100 + j, 0, now);
}

static void tear_down(void)
{
	for (int j = 0; j < 2; j++) {
		earmark_job_empty(&books, &job[j], now);
		earmark_job_free_holders(&books, &job[j]);
	}
}

static struct earmark_holder *holder_on(int j, struct earmark_gpu_account *g)
{
	struct earmark_holder *h = earmark_job_holder(&job[j], g);

	if (h)
		return h;
	h = malloc(sizeof(*h));
	earmark_holder_init(&books, h, &job[j], g, malloc(sizeof(struct earmark_cell)), now);
	return h;
}

static struct earmark_holder *holder(int j)
{
	return holder_on(j, &gpu);
}

static void use_on(int j, struct earmark_gpu_account *g, u64 file, bool unknown)
{
	earmark_use_add(&books, malloc(sizeof(struct earmark_use)), holder_on(j, g), file, unknown,
			0, now);
}

static void use(int j, u64 file, bool unknown)
{
	use_on(j, &gpu, file, unknown);
}

static u64 tell(int j, u64 start, u64 end, u64 busy, u64 error, u32 class, bool works)
{
	struct earmark_work w = { start, end, busy, error, class, works };

	assert_null(earmark_work_check(&w, now));
	return earmark_holder_tell(&books, holder(j), &w, now);
}

static void retag(int j, u32 tag)
{
	struct list_head cells;

	INIT_LIST_HEAD(&cells);
	for (u32 i = earmark_job_holders(&job[j]); i; i--) {
		struct earmark_cell *cell = malloc(sizeof(*cell));

		list_add(&cell->node, &cells);
	}
	earmark_job_retag(&books, &job[j], tag, &cells, now);
}

/* Seals, and checks the GPU's sum. */
static void seal(void)
{
	u64 start = books.start, used = 0, whole = 0;
	bool broken = false;

	earmark_account_flip(&books, the_clock, &now);
	sealed.n = earmark_account_gather(&books, sealed.rows, ROWS, now, &broken);
	earmark_account_trim(&books);
	assert_false(broken);
	for (u32 i = 0; i < sealed.n; i++) {
		const struct earmark_segment *s = &sealed.rows[i];

		if (s->gpu != gpu.id)
			continue;
		if (s->kind == EARMARK_SEGMENT_USAGE)
			used += s->usage.gpu_time;
		if (s->kind == EARMARK_SEGMENT_GPU)
			whole += s->gpu_time.idle + s->gpu_time.unobserved;
	}
	assert_true(used + whole == now - start);
}

static const struct earmark_segment *row(int j, u32 tag)
{
	for (u32 i = 0; i < sealed.n; i++) {
		const struct earmark_segment *s = &sealed.rows[i];

		if (s->kind == EARMARK_SEGMENT_USAGE && s->gpu == gpu.id && s->job == job[j].id &&
		    s->id == tag)
			return s;
	}
	return NULL;
}

static const struct earmark_segment *gpu_row(void)
{
	for (u32 i = 0; i < sealed.n; i++) {
		if (sealed.rows[i].kind == EARMARK_SEGMENT_GPU && sealed.rows[i].gpu == gpu.id)
			return &sealed.rows[i];
	}
	return NULL;
}

static void told_work_begins_a_hold_and_ends_where_none_is_seen(void **state)
{
	(void)state;
	set_up(EARMARK_METER_TOLD);
	now = 2000;
	tell(0, 1500, 2000, 300, 20, EARMARK_CLASS_COUNTER, true);
	assert_int_equal(gpu.nr_holding, 1);
	now = 5000;
	seal();
	assert_true(row(0, 0)->usage.held == 3000 && row(0, 0)->usage.gpu_time == 3000);
	assert_true(row(0, 0)->usage.busy == 300 && row(0, 0)->usage.busy_error == 20);
	assert_true(row(0, 0)->usage.busy_start == 1500);
	assert_int_equal(row(0, 0)->class, EARMARK_CLASS_COUNTER);
	now = 6000;
	tell(0, 5000, 6000, 0, 0, EARMARK_CLASS_COUNTER, false);
	assert_int_equal(gpu.nr_holding, 0);
	now = 7000;
	seal();
	assert_true(row(0, 0)->usage.held == 1000 && gpu_row()->gpu_time.idle == 1000);
	assert_int_equal(row(0, 0)->class, EARMARK_CLASS_EXACT); /* of another interval */
	tear_down();
}

static void class_is_the_worst_and_errors_add(void **state)
{
	(void)state;
	set_up(EARMARK_METER_TOLD);
	now = 5000;
	tell(0, 1000, 2000, 100, 7, EARMARK_CLASS_COUNTER, true);
	tell(0, 2000, 3000, 200, 11, EARMARK_CLASS_ESTIMATE, true);
	tell(0, 3000, 4000, 0, 13, EARMARK_CLASS_SAMPLED, true);
	tell(1, 3000, 4000, 0, 5, EARMARK_CLASS_SAMPLED, false);
	seal();
	assert_true(row(0, 0)->usage.busy == 300 && row(0, 0)->usage.busy_error == 31);
	assert_int_equal(row(0, 0)->class, EARMARK_CLASS_ESTIMATE);
	/* not seen to work, but it may have: that is a row too */
	assert_true(row(1, 0)->usage.busy == 0 && row(1, 0)->usage.busy_error == 5);
	tear_down();
}

static void a_span_is_split_by_its_tags(void **state)
{
	(void)state;
	set_up(EARMARK_METER_TOLD);
	holder(0);
	now = 2000;
	retag(0, 1);
	now = 4000;
	retag(0, 2);
	now = 9000; /* of 1000..9000: untagged 1000, tag 1 2000, tag 2 5000 */
	tell(0, 1000, 9000, 801, 40, EARMARK_CLASS_SAMPLED, true);
	seal();
	assert_true(row(0, 0)->usage.busy == 100 && row(0, 0)->usage.busy_start == 1000);
	assert_true(row(0, 1)->usage.busy == 200 && row(0, 1)->usage.busy_start == 2000);
	assert_true(row(0, 2)->usage.busy == 501 && row(0, 2)->usage.busy_start == 4000);
	/* where in the span it was done is not known: it may all have been under one of them */
	assert_true(row(0, 0)->usage.busy_error == 701 + 40);
	assert_true(row(0, 1)->usage.busy_error == 601 + 40);
	assert_true(row(0, 2)->usage.busy_error == 501);
	/* one that lies within a tag is off by no more than was said */
	tell(0, 5000, 9000, 100, 3, EARMARK_CLASS_SAMPLED, true);
	now = 9500;
	seal();
	assert_true(row(0, 2)->usage.busy == 100 && row(0, 2)->usage.busy_error == 3);
	assert_null(row(0, 0));
	tear_down();
}

static void a_span_across_a_seal_is_told_in_the_open_interval(void **state)
{
	(void)state;
	set_up(EARMARK_METER_TOLD);
	holder(0);
	now = 2000;
	seal();
	assert_null(row(0, 0));
	now = 3000;
	retag(0, 1);
	now = 4000; /* 1000 of its 3000 before the seal */
	tell(0, 1000, 4000, 900, 9, EARMARK_CLASS_SAMPLED, true);
	seal();
	assert_true(row(0, 0)->usage.busy == 600 && row(0, 0)->usage.busy_start == 1000);
	assert_true(row(0, 1)->usage.busy == 300 && row(0, 1)->usage.busy_start == 3000);
	tear_down();
}

static void work_older_than_the_history_is_nobodys(void **state)
{
	(void)state;
	set_up(EARMARK_METER_TOLD);
	earmark_holder_submit(&books, holder(0), now);
	for (u32 i = 0; i < 2 * EARMARK_CELLS_MAX; i++) {
		now += 100;
		retag(0, i + 1);
	}
	now += 100;
	seal();
	assert_int_equal(holder(0)->nr_cells, EARMARK_CELLS_MAX);
	now += 1;
	assert_true(tell(0, 1000, now, now - 1000, 0, EARMARK_CLASS_SAMPLED, true) ==
		    now - 1001 - 100 * EARMARK_CELLS_MAX);
	seal();
	assert_true(gpu_row()->gpu_time.unattributed == now - 1001 - 100 * EARMARK_CELLS_MAX);
	tear_down();
}

static void an_unknown_use_is_settled_either_way(void **state)
{
	(void)state;
	set_up(EARMARK_METER_CHANNEL);
	now = 2000;
	use(0, 1, true);
	use(1, 2, true);
	assert_int_equal(gpu.blind, EARMARK_BLIND_FILE);
	now = 3000;
	tell(0, 1500, 3000, 0, 0, EARMARK_CLASS_SAMPLED, false); /* was looked at before */
	assert_int_equal(gpu.unknown, 2);
	tell(0, 2000, 3000, 0, 0, EARMARK_CLASS_SAMPLED, false);
	assert_int_equal(gpu.unknown, 1);
	tell(1, 2000, 3000, 10, 0, EARMARK_CLASS_SAMPLED, true);
	assert_int_equal(gpu.blind, 0);
	assert_int_equal(gpu.nr_holding, 1);
	now = 4000;
	seal();
	assert_true(gpu_row()->gpu_time.unobserved == 1000 && row(1, 0)->usage.held == 1000);
	assert_null(row(0, 0));
	tear_down();
}

/* By meter: what a job that is seen not to work still holds. */
static void who_does_not_work_holds(u32 meter, bool with_file, bool holds_on)
{
	set_up(meter);
	if (with_file)
		use(0, 1, false);
	earmark_holder_submit(&books, holder(0), now);
	now = 2000;
	tell(0, 500, 2000, 0, 0, EARMARK_CLASS_SAMPLED, false); /* from before it began */
	assert_int_equal(gpu.nr_holding, 1);
	tell(0, 1000, 2000, 0, 0, EARMARK_CLASS_SAMPLED, false);
	assert_int_equal(gpu.nr_holding, holds_on);
	tear_down();
}

static void what_ends_a_hold_depends_on_the_meter(void **state)
{
	(void)state;
	who_does_not_work_holds(EARMARK_METER_DRM, true, true);
	who_does_not_work_holds(EARMARK_METER_DRM, false, true);
	who_does_not_work_holds(EARMARK_METER_TOLD, true, true);
	who_does_not_work_holds(EARMARK_METER_TOLD, false, false);
	who_does_not_work_holds(EARMARK_METER_CHANNEL, true, false);
	who_does_not_work_holds(EARMARK_METER_CHANNEL, false, false);
}

static void a_channel_on_the_only_gpu_in_use_holds_it(void **state)
{
	(void)state;
	set_up(EARMARK_METER_CHANNEL);
	assert_int_equal(earmark_job_channel(&books, &job[0], NULL, true, now), 0);
	use(0, 1, false);
	use_on(1, &other, 2, false); /* another job's is no question */
	assert_int_equal(gpu.nr_holding, 0);
	now = 2000;
	assert_int_equal(earmark_job_channel(&books, &job[0], NULL, true, now), 1);
	assert_int_equal(gpu.nr_holding, 1);
	assert_int_equal(other.nr_holding, 0);
	now = 5000;
	earmark_file_free(&books, 1, now);
	now = 6000;
	assert_int_equal(earmark_job_channel(&books, &job[0], NULL, true, now), 0);
	seal();
	assert_true(row(0, 0)->usage.held == 3000 && gpu_row()->gpu_time.idle == 2000);
	tear_down();
}

static void a_channel_on_one_of_several_is_in_doubt(void **state)
{
	(void)state;
	set_up(EARMARK_METER_CHANNEL);
	use(0, 1, false);
	use(0, 2, false);
	use_on(0, &other, 3, false);
	now = 2000;
	assert_int_equal(earmark_job_channel(&books, &job[0], NULL, true, now), 2);
	assert_int_equal(earmark_job_channel(&books, &job[0], NULL, true, now), 2);
	assert_int_equal(gpu.unknown, 2);
	assert_int_equal(gpu.blind | other.blind, EARMARK_BLIND_FILE);
	earmark_file_free(&books, 1, now);
	assert_int_equal(gpu.unknown, 1);
	now = 3000;
	tell(0, 2000, 3000, 0, 0, EARMARK_CLASS_SAMPLED, true);
	assert_int_equal(gpu.blind, 0);
	assert_int_equal(gpu.nr_holding, 1);
	assert_int_equal(other.blind, EARMARK_BLIND_FILE);
	now = 4000;
	seal();
	assert_true(gpu_row()->gpu_time.unobserved == 1000 && row(0, 0)->usage.held == 1000);
	/* the next can only be new on the one that is not held */
	assert_int_equal(earmark_job_channel(&books, &job[0], NULL, true, now), 2);
	assert_int_equal(gpu.blind, 0);
	earmark_file_free(&books, 3, now);
	assert_int_equal(other.blind, 0);
	tear_down();
}

static void a_channel_that_names_its_gpu_is_there(void **state)
{
	(void)state;
	set_up(EARMARK_METER_CHANNEL);
	use(0, 1, false);
	use_on(0, &other, 2, false);
	assert_int_equal(earmark_job_channel(&books, &job[0], &gpu, true, now), 1);
	assert_int_equal(gpu.nr_holding, 1);
	assert_int_equal(other.nr_holding + other.unknown, 0);
	tear_down();
	set_up(EARMARK_METER_CHANNEL);
	use(0, 1, false); /* it may have been one, and it may not */
	assert_int_equal(earmark_job_channel(&books, &job[0], &gpu, false, now), 1);
	assert_int_equal(gpu.nr_holding, 0);
	assert_int_equal(gpu.blind, EARMARK_BLIND_FILE);
	tear_down();
}

static void a_channel_matters_to_gpus_that_are_metered_by_it(void **state)
{
	(void)state;
	set_up(EARMARK_METER_DRM);
	other.meter = EARMARK_METER_CHANNEL;
	use(0, 1, false);
	use_on(0, &other, 2, false);
	assert_int_equal(earmark_job_channel(&books, &job[0], NULL, true, now), 1);
	assert_int_equal(gpu.nr_holding + gpu.unknown, 0);
	assert_int_equal(other.nr_holding, 1);
	tear_down();
}

static void what_cannot_have_been_measured_is_refused(void **state)
{
	static const struct earmark_work bad[] = {
		{ 3, 2, 0, 0, 0, true },
		{ 1, 2001, 0, 0, 0, true },
		{ 1, 1, 1, 0, 0, true },
		{ 1, 2, EARMARK_WORK_ENGINES * 2, 0, 0, true },
		{ 0, 2000, ~0ull, 0, 0, true },
		{ 1, 2, 1, EARMARK_WORK_ERROR_MAX + 1, 0, true },
		{ 1, 2, 1, 0, EARMARK_CLASS_COUNT, true },
		{ 1, 2, 1, 0, 0, false },
	};
	const struct earmark_work fine = {
		1, 2, EARMARK_WORK_ENGINES, EARMARK_WORK_ERROR_MAX, EARMARK_CLASS_COUNT - 1, true
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_non_null(earmark_work_check(&bad[i], 2000));
	assert_null(earmark_work_check(&fine, 2000));
}

/* Whatever is told of whom, retagged and sealed in between: nothing appears and nothing goes. */
static void told_work_is_conserved(void **state)
{
	u64 told[2] = {}, got[2] = {}, errors[2] = {}, bounds[2] = {}, nobody = 0, lost = 0;
	u64 crossing = 0, split = 0;

	(void)state;
	set_up(EARMARK_METER_TOLD);
	for (int i = 0; i < 100000; i++) {
		int j = rnd(2);
		u64 span = rnd(3000), busy, error = rnd(50);

		now += 1 + rnd(1000);
		if (!rnd(20))
			retag(j, rnd(TAGS));
		span = min(now - 1000, span);
		busy = span ? rnd(3 * span) : 0;
		crossing += now - span < books.start;
		split += now - span < job[j].since;
		lost += tell(j, now - span, now, busy, error, rnd(EARMARK_CLASS_COUNT), true);
		told[j] += busy;
		errors[j] += error;
		if (rnd(30) && i < 99999)
			continue;
		seal();
		for (u32 n = 0; n < sealed.n; n++) {
			const struct earmark_segment *s = &sealed.rows[n];

			if (s->kind == EARMARK_SEGMENT_GPU && s->gpu == gpu.id)
				nobody += s->gpu_time.unattributed;
			if (s->kind != EARMARK_SEGMENT_USAGE)
				continue;
			got[s->job - 100] += s->usage.busy;
			bounds[s->job - 100] += s->usage.busy_error;
		}
	}
	assert_true(nobody == lost && got[0] + got[1] + nobody == told[0] + told[1]);
	for (int j = 0; j < 2; j++)
		assert_true(got[j] <= told[j] && bounds[j] >= errors[j]);
	assert_true(crossing > 1000 && split > 1000);
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_work_begins_a_hold_and_ends_where_none_is_seen),
		cmocka_unit_test(class_is_the_worst_and_errors_add),
		cmocka_unit_test(a_span_is_split_by_its_tags),
		cmocka_unit_test(a_span_across_a_seal_is_told_in_the_open_interval),
		cmocka_unit_test(work_older_than_the_history_is_nobodys),
		cmocka_unit_test(an_unknown_use_is_settled_either_way),
		cmocka_unit_test(what_ends_a_hold_depends_on_the_meter),
		cmocka_unit_test(a_channel_on_the_only_gpu_in_use_holds_it),
		cmocka_unit_test(a_channel_on_one_of_several_is_in_doubt),
		cmocka_unit_test(a_channel_that_names_its_gpu_is_there),
		cmocka_unit_test(a_channel_matters_to_gpus_that_are_metered_by_it),
		cmocka_unit_test(what_cannot_have_been_measured_is_refused),
		cmocka_unit_test(told_work_is_conserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
