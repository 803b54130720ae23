// SPDX-License-Identifier: GPL-2.0
/*
 * The accounting core against an oracle that shares no code with it: the oracle keeps every
 * state change as a list of instants and integrates by brute force at the end.
 *
 * The property test drives random schedules of jobs, GPUs, files, tags, blindness and seals,
 * counts what it drove, and compares every figure to the nanosecond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "account.h"
#include "account_oracle.h"

static u64 rng = 88172645463325252ull;

static u64 rnd(u64 n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % n;
}

/* --- the books under test ------------------------------------------------------------- */

static struct earmark_account books;
static struct earmark_gpu_account gpu[GPUS];
static struct earmark_engine engine[GPUS][ENGINES];
static struct earmark_job_account job[JOBS];
static u64 now, engine_first;

static struct {
	int job;
	u64 scheduled;
} ring[GPUS][ENGINES][DEPTH];
static int ring_n[GPUS][ENGINES];
static u64 oracle_last_done[GPUS][ENGINES];

static struct {
	u64 submits, dones, uses, frees, retags, empties, blinds, disavows, seals, crossing, split,
		unattributed, unknown, shared;
} count;

static u64 the_clock(void *arg)
{
	return *(u64 *)arg;
}

static struct earmark_holder *holder(int j, int g)
{
	struct earmark_holder *h = earmark_job_holder(&job[j], &gpu[g]);

	if (h)
		return h;
	h = malloc(sizeof(*h));
	earmark_holder_init(&books, h, &job[j], &gpu[g], malloc(sizeof(struct earmark_cell)), now);
	return h;
}

static void do_submit(int j, int g, int e)
{
	bool any = false;

	for (int f = g; f < FILES; f += GPUS) {
		any |= o.uses[j][f];
		o.unknown[j][f] = false;
	}
	o.submitted[j][g] = true;
	o.fileless[j][g] |= !any;
	earmark_holder_submit(&books, holder(j, g), now);
	if (ring_n[g][e] < DEPTH) {
		ring[g][e][ring_n[g][e]].job = j;
		ring[g][e][ring_n[g][e]++].scheduled = now;
	}
	count.submits++;
}

static void do_done(int g, int e)
{
	u64 start, end = now, from;
	int j;

	if (!ring_n[g][e])
		return;
	j = ring[g][e][0].job;
	start = ring[g][e][0].scheduled;
	memmove(&ring[g][e][0], &ring[g][e][1], sizeof(ring[g][e][0]) * (DEPTH - 1));
	ring_n[g][e]--;
	count.dones++;
	from = start > oracle_last_done[g][e] ? start : oracle_last_done[g][e];
	assert_int_equal(earmark_engine_span(&engine[g][e], &start, &end), end > from);
	if (end <= from)
		return;
	assert_true(start == from);
	oracle_last_done[g][e] = end;
	count.crossing += start < books.start;
	count.split += oracle_tag_at(j, start) != oracle_tag_at(j, end - 1);
	earmark_engine_charge(&books, &engine[g][e], start, end);
	if (!rnd(50)) {
		earmark_gpu_unattributed(&books, &gpu[g], start, end);
		o.open[g].unattributed += end - start;
		count.unattributed++;
		return;
	}
	assert_true(earmark_holder_charge(&books, holder(j, g), start, end) == 0);
	oracle_busy(j, g, start, end);
}

static void do_use(int j, int f)
{
	int g = file_gpu(f);
	bool unknown = !rnd(20);

	if (o.uses[j][f]) {
		assert_true(earmark_file_used(&books, f + 1, &job[j]));
		return;
	}
	for (int k = 0; k < JOBS; k++)
		count.shared += o.uses[k][f];
	earmark_use_add(&books, malloc(sizeof(struct earmark_use)), holder(j, g), f + 1, unknown, 0,
			now);
	o.uses[j][f] = true;
	o.fileless[j][g] = false;
	o.unknown[j][f] = unknown && !o.submitted[j][g];
	count.uses++;
	count.unknown += o.unknown[j][f];
}

static void do_free(int f)
{
	u32 users = 0;

	for (int j = 0; j < JOBS; j++) {
		users += o.uses[j][f];
		if (o.uses[j][f])
			oracle_drop(j, f);
	}
	assert_int_equal(earmark_file_known(&books, f + 1), users > 0);
	assert_int_equal(earmark_file_free(&books, f + 1, now), users);
	count.frees++;
}

static void do_retag(int j)
{
	struct list_head cells;
	u32 tag = rnd(TAGS);

	INIT_LIST_HEAD(&cells);
	for (u32 i = earmark_job_holders(&job[j]); i; i--) {
		struct earmark_cell *cell = malloc(sizeof(*cell));

		list_add(&cell->node, &cells);
	}
	earmark_job_retag(&books, &job[j], tag, &cells, now);
	assert_true(list_empty(&cells));
	o.tag[j] = tag;
	if (o.nhistory[j] == 4096) /* only work in flight looks back: forget the older half */
		memmove(o.history[j], o.history[j] + 2048, 2048 * sizeof(o.history[j][0])),
			o.nhistory[j] = 2048;
	o.history[j][o.nhistory[j]].when = now;
	o.history[j][o.nhistory[j]++].tag = tag;
	count.retags++;
}

static void do_empty(int j)
{
	earmark_job_empty(&books, &job[j], now);
	for (int g = 0; g < GPUS; g++) {
		o.fileless[j][g] = false;
		for (int f = g; f < FILES; f += GPUS)
			o.uses[j][f] = o.unknown[j][f] = false;
		o.submitted[j][g] = false;
	}
	count.empties++;
}

static void do_blind(int g)
{
	u32 bit = rnd(2) ? EARMARK_BLIND_ABSENT : EARMARK_BLIND_HOLD;
	bool set = !(o.blind[g] & bit);

	earmark_gpu_blind(&books, &gpu[g], set ? bit : 0, set ? 0 : bit, now);
	o.blind[g] ^= bit;
	count.blinds++;
}

static void do_disavow(int g)
{
	earmark_gpu_disavow(&books, &gpu[g], EARMARK_BLIND_HOLD, now);
	o.open[g].unobserved += o.open[g].idle + o.open[g].gpu_time_sum;
	o.open[g].idle = o.open[g].gpu_time_sum = 0;
	memset(o.open[g].held, 0, sizeof(o.open[g].held));
	memset(o.fair[g], 0, sizeof(o.fair[g]));
	o.divisions[g] = 0;
	count.disavows++;
}

static void check_gpu(int g, const struct earmark_segment *s, u32 n, u64 start)
{
	u64 got_busy[JOBS][TAGS] = {}, got_held[JOBS][TAGS] = {}, gpu_time[JOBS] = {}, used = 0;
	const struct earmark_segment *row = NULL;

	for (u32 i = 0; i < n; i++) {
		if (s[i].gpu != gpu[g].id)
			continue;
		if (s[i].kind == EARMARK_SEGMENT_GPU)
			row = &s[i];
		if (s[i].kind != EARMARK_SEGMENT_USAGE)
			continue;
		got_busy[s[i].job][s[i].id] += s[i].usage.busy;
		got_held[s[i].job][s[i].id] += s[i].usage.held;
		gpu_time[s[i].job] += s[i].usage.gpu_time;
		used += s[i].usage.gpu_time;
	}
	assert_non_null(row);
	assert_true(row->gpu_time.wall == now - start);
	assert_true(row->gpu_time.idle == o.open[g].idle);
	assert_true(row->gpu_time.unobserved == o.open[g].unobserved);
	assert_true(row->gpu_time.unattributed == o.open[g].unattributed);
	assert_true(used == o.open[g].gpu_time_sum);
	assert_true(used + row->gpu_time.idle + row->gpu_time.unobserved == now - start);
	assert_memory_equal(got_busy, o.open[g].busy, sizeof(got_busy));
	assert_memory_equal(got_held, o.open[g].held, sizeof(got_held));
	for (int j = 0; j < JOBS; j++) /* remainders: less than one division's worth each */
		assert_true(gpu_time[j] + o.divisions[g] * JOBS + 1 >= o.fair[g][j] &&
			    gpu_time[j] <= o.fair[g][j] + o.divisions[g] * JOBS + 1);
}

static void do_seal(void)
{
	u64 start = books.start;
	u32 room = earmark_account_room(&books), n;
	struct earmark_segment *s = calloc(room, sizeof(*s));
	bool broken = false;

	assert_true(earmark_account_flip(&books, the_clock, &now) == now);
	n = earmark_account_gather(&books, s, room, now, &broken);
	assert_false(broken);
	for (int g = 0; g < GPUS; g++)
		check_gpu(g, s, n, start);
	for (u32 i = 0; i < n; i++)
		if (s[i].kind == EARMARK_SEGMENT_ENGINE)
			assert_true(s[i].engine.busy_total <= now - engine_first);
	earmark_account_trim(&books);
	free(s);
	memset(o.open, 0, sizeof(o.open));
	memset(o.fair, 0, sizeof(o.fair));
	memset(o.divisions, 0, sizeof(o.divisions));
	count.seals++;
}

static void set_up(void)
{
	memset(&o, 0, sizeof(o));
	memset(ring_n, 0, sizeof(ring_n));
	now = o.now = engine_first = 1000;
	earmark_account_init(&books, now);
	for (int g = 0; g < GPUS; g++) {
		earmark_gpu_init(&books, &gpu[g], g + 1, 0, now);
		for (int e = 0; e < ENGINES; e++) {
			earmark_engine_init(&books, &engine[g][e], &gpu[g], g * ENGINES + e + 1,
					    now);
			oracle_last_done[g][e] = now;
		}
	}
	for (int j = 0; j < JOBS; j++) {
		earmark_job_init(&job[j], j, 0, now);
		o.nhistory[j] = 1;
	}
}

static void tear_down(void)
{
	for (int f = 0; f < FILES; f++)
		earmark_file_free(&books, f + 1, now);
	for (int j = 0; j < JOBS; j++) {
		earmark_job_empty(&books, &job[j], now);
		earmark_job_free_holders(&books, &job[j]);
	}
}

static void step(void)
{
	now += rnd(10) ? rnd(1000) : rnd(100000);
	oracle_to(now);
	switch (rnd(100)) {
	case 0 ... 34:
		do_submit(rnd(JOBS), rnd(GPUS), rnd(ENGINES));
		break;
	case 35 ... 69:
		do_done(rnd(GPUS), rnd(ENGINES));
		break;
	case 70 ... 81:
		do_use(rnd(JOBS), rnd(FILES));
		break;
	case 82 ... 89:
		do_free(rnd(FILES));
		break;
	case 90 ... 92:
		do_retag(rnd(JOBS));
		break;
	case 93 ... 94:
		do_empty(rnd(JOBS));
		break;
	case 95 ... 96:
		do_blind(rnd(GPUS));
		break;
	case 97:
		do_seal();
		break;
	case 98:
		if (!rnd(10))
			do_disavow(rnd(GPUS));
		break;
	}
}

static void conserves_over_random_schedules(void **state)
{
	(void)state;
	set_up();
	for (int i = 0; i < 1200000; i++)
		step();
	do_seal();
	tear_down();
	print_message(
		"# submits %lu dones %lu uses %lu frees %lu retags %lu empties %lu blinds %lu "
		"disavows %lu seals %lu; across a seal %lu, split by a retag %lu, unattributed "
		"%lu, unknown files %lu, shared files %lu\n",
		(long)count.submits, (long)count.dones, (long)count.uses, (long)count.frees,
		(long)count.retags, (long)count.empties, (long)count.blinds, (long)count.disavows,
		(long)count.seals, (long)count.crossing, (long)count.split,
		(long)count.unattributed, (long)count.unknown, (long)count.shared);
	assert_true(count.submits + count.dones + count.uses + count.frees + count.retags +
			    count.empties + count.blinds + count.seals >=
		    1000000);
	assert_true(count.crossing > 1000 && count.split > 1000 && count.shared > 1000);
	assert_true(count.unattributed > 100 && count.unknown > 100 && count.disavows > 10);
}

static void remainders_rotate(void **state)
{
	struct earmark_segment s[64];
	bool broken = false;
	u32 n;

	(void)state;
	set_up();
	for (int j = 0; j < 3; j++)
		earmark_holder_submit(&books, holder(j, 0), now);
	for (int i = 0; i < 3; i++) { /* three steps of 1 ns: each holder gets one */
		now++;
		earmark_gpu_blind(&books, &gpu[0], 0, 0, now);
	}
	earmark_account_flip(&books, the_clock, &now);
	n = earmark_account_gather(&books, s, 64, now, &broken);
	for (u32 i = 0; i < n; i++)
		if (s[i].kind == EARMARK_SEGMENT_USAGE)
			assert_true(s[i].usage.gpu_time == 1 && s[i].usage.held == 3);
	assert_false(broken);
	tear_down();
}

static void history_is_bounded_and_owned_up_to(void **state)
{
	struct earmark_segment s[128];
	bool broken = false;
	u64 left;

	(void)state;
	set_up();
	earmark_holder_submit(&books, holder(0, 0), now);
	for (int i = 0; i < 3 * EARMARK_CELLS_MAX; i++) {
		now += 100;
		oracle_to(now);
		do_retag(0);
	}
	now += 100;
	earmark_account_flip(&books, the_clock, &now);
	earmark_account_gather(&books, s, 128, now, &broken);
	earmark_account_trim(&books);
	assert_int_equal(holder(0, 0)->nr_cells, EARMARK_CELLS_MAX);
	left = earmark_holder_charge(&books, holder(0, 0), 1000, now);
	assert_true(left == now - 1000 - 100 * EARMARK_CELLS_MAX);
	tear_down();
}

static void opening_is_not_holding(void **state)
{
	struct earmark_segment s[64];
	bool broken = false;
	u32 n;

	(void)state;
	set_up();
	for (int g = 0; g < GPUS; g++)
		earmark_use_add(&books, malloc(sizeof(struct earmark_use)), holder(0, g), g + 1,
				false, 0, now);
	now += 5000;
	earmark_account_flip(&books, the_clock, &now);
	n = earmark_account_gather(&books, s, 64, now, &broken);
	for (u32 i = 0; i < n; i++) {
		assert_int_not_equal(s[i].kind, EARMARK_SEGMENT_USAGE);
		if (s[i].kind == EARMARK_SEGMENT_GPU)
			assert_true(s[i].gpu_time.idle == 5000);
	}
	tear_down();
}

static void a_seed_sweeps_what_it_did_not_see(void **state)
{
	u64 id = 0;

	(void)state;
	set_up();
	earmark_use_add(&books, malloc(sizeof(struct earmark_use)), holder(0, 0), 1, true, 1, now);
	earmark_use_add(&books, malloc(sizeof(struct earmark_use)), holder(1, 0), 1, true, 1, now);
	assert_int_equal(gpu[0].blind, EARMARK_BLIND_FILE);
	assert_true(earmark_use_seen(&books, 1, &job[1], 2, &id));
	assert_int_equal(earmark_file_sweep(&books, 2, now), 1);
	assert_false(earmark_file_used(&books, 1, &job[0]));
	assert_int_equal(gpu[0].blind, EARMARK_BLIND_FILE);
	assert_true(earmark_use_resolve(&books, id, true, now));
	assert_int_equal(gpu[0].blind, 0);
	assert_int_equal(gpu[0].nr_holding, 1);
	assert_false(earmark_use_resolve(&books, 12345, true, now));
	tear_down();
}

static void a_walk_that_finds_no_file_ends_the_hold_and_is_a_change(void **state)
{
	u32 turnover;

	(void)state;
	set_up();
	earmark_use_add(&books, malloc(sizeof(struct earmark_use)), holder(0, 0), 1, false, 1, now);
	turnover = gpu[0].turnover;
	earmark_holder_submit(&books, holder(0, 0), now); /* on a file that is known: no change */
	assert_int_equal(gpu[0].turnover, turnover);
	earmark_holder_submit(&books, holder(1, 0), now);
	earmark_holder_submit(&books, holder(1, 0), now);
	assert_int_equal(gpu[0].turnover, turnover + 1);
	assert_int_equal(gpu[0].nr_holding, 2);
	earmark_gpu_drop_fileless(&books, &gpu[0], now);
	assert_int_equal(gpu[0].turnover, turnover + 2);
	assert_int_equal(gpu[0].nr_holding, 1);
	earmark_file_free(&books, 1, now);
	assert_int_equal(gpu[0].turnover, turnover + 3);
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conserves_over_random_schedules),
		cmocka_unit_test(remainders_rotate),
		cmocka_unit_test(history_is_bounded_and_owned_up_to),
		cmocka_unit_test(opening_is_not_holding),
		cmocka_unit_test(a_seed_sweeps_what_it_did_not_see),
		cmocka_unit_test(a_walk_that_finds_no_file_ends_the_hold_and_is_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
