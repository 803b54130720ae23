// SPDX-License-Identifier: GPL-2.0
/* The NVIDIA sampler: how long who worked, what it notes, and what it makes of trouble. */
#include "nvidia_make.h"

/* --- how long --------------------------------------------------------------------------------- */

static void alone(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	process_of(101, "worker", "a", BEGIN - S, NULL);
	script(GPU0
	       "compute 0 100 1\ncompute 0 101 1\nfail 0 newer 3\n"); /* the older call is asked */
	busy(BEGIN, BEGIN + 11 * S, 100, 101, 60);
	open_with("new");
	scan(false);
	poll();
	seconds(5);
	assert_int_equal(span_of(a)->start, BEGIN);
	assert_int_equal(span_of(a)->end, BEGIN + 5 * S); /* the device's last sample */
	assert_int_equal(span_of(a)->busy, 3 * S);
	assert_int_equal(span_of(a)->class, EARMARK_CLASS_SAMPLED);
	assert_int_equal(span_of(a)->error, 50 * MS + EM_UTIL_SAMPLE);
	seconds(5);
	assert_int_equal(span_of(a)->start, BEGIN + 5 * S); /* no gap, nothing twice */
	assert_int_equal(span_of(a)->busy, 3 * S);
	assert_int_equal(em_nvidia_state(n)->windows, 2);
	assert_int_equal(em_nvidia_state(n)->failed, 0);
	for (int i = 0; i < EM_UTIL_REJECT_COUNT; i++)
		assert_int_equal(em_nvidia_state(n)->rejected[i],
				 i == EM_UTIL_FUTURE ? em_nvidia_state(n)->rejected[i] : 0);
}

static void together(void **state)
{
	__u64 a = cg("a"), b = cg("b"), c = cg("c");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	process_of(200, "python", "b", BEGIN - S, NULL);
	process_of(300, "idle", "c", BEGIN - S, NULL);
	process_of(400, "short", "d", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\ncompute 0 200 1\ncompute 0 300 1\n");
	busy(BEGIN, BEGIN + 5 * S, 100, 200, 80);
	open_with("new");
	scan(false);
	poll();
	seconds(5);
	assert_true(span_of(a)->busy + span_of(b)->busy <= 4 * S);
	assert_in_range(span_of(a)->busy, 1900 * MS, 2100 * MS);
	assert_in_range(span_of(b)->busy, 1800 * MS, 2000 * MS);
	assert_int_equal(span_of(c)->busy, 0);
	assert_int_equal(state_of(c), 1);
	assert_true(span_of(c)->error > 0);
}

/* 20 ms between two looks: no list ever shows it, a sample names it while it still is a process. */
static void short_job(void **state)
{
	__u64 d = cg("d");

	(void)state;
	process_of(400, "short", "d", BEGIN + 2 * S, NULL);
	script(GPU0);
	say("sample 0 400 %lld 14\n", ((__s64)(BEGIN + 2 * S + 200 * MS) + ahead) / 1000);
	for (int i = 1; i <= 25; i++)
		say("device 0 %lld %d\n", ((__s64)(BEGIN + (__u64)i * 200 * MS) + ahead) / 1000,
		    i == 11 ? 10 : 0);
	open_with("new");
	scan(false);
	poll();
	seconds(5);
	assert_int_equal(span_of(d)->busy, 20 * MS);
	assert_true(span_of(d)->error >= 20 * MS);
	assert_int_equal(state_of(d), 0); /* and it does not hold any more */
}

static void idle_gpu(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\n"); /* both calls say NOT_FOUND */
	open_with("new");
	scan(false);
	poll();
	seconds(5);
	assert_int_equal(span_of(a)->busy, 0);
	assert_int_equal(span_of(a)->error, 50 * MS);
	assert_int_equal(em_nvidia_state(n)->failed, 0);
}

static void garbage(void **state)
{
	__u64 a = cg("a"), z = cg("z");
	const __u64 *r;

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	process_of(500, "other", "z", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\nsample 0 0 0 0\nsample 0 100 17 100\n");
	busy(BEGIN, BEGIN + 5 * S, 100, 100, 50);
	say("sample 0 500 %lld 4294967295\nsample 0 500 %lld 101\nsample 0 500 %lld 50\n"
	    "device 0 %lld 4000000000\n",
	    ((__s64)(BEGIN + S) + ahead) / 1000, ((__s64)(BEGIN + 2 * S) + ahead) / 1000,
	    ((__s64)(BEGIN + 99 * S) + ahead) / 1000,
	    ((__s64)(BEGIN + 2 * S + 7 * MS) + ahead) / 1000);
	open_with("new");
	scan(false);
	poll();
	seconds(5);
	r = em_nvidia_state(n)->rejected;
	assert_int_equal(r[EM_UTIL_PERCENT], 3);
	assert_int_equal(r[EM_UTIL_FUTURE], 1);
	assert_int_equal(span_of(a)->busy, 2500 * MS);
	assert_int_equal(state_of(z), -1);
}

/* More than ten seconds without a look: the ring has forgotten, and that is in the bound. */
static void late_look(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\n");
	open_with("new");
	scan(false);
	poll();
	turn(30 * S);
	busy(at.monotonic - 5 * S, at.monotonic, 100, 100, 100);
	poll();
	assert_int_equal(em_nvidia_state(n)->late, 1);
	assert_in_range(span_of(a)->busy, 4900 * MS, 6100 * MS);
	assert_true(span_of(a)->error >= 24 * S - EM_UTIL_DEVICE_SAMPLE);
}

/* Samples are stamped by the wall clock: across a step of it nothing can be placed. */
static void clock_step(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\n");
	busy(BEGIN, BEGIN + 5 * S, 100, 100, 100);
	open_with("new");
	scan(false);
	poll();
	seconds(2);
	ahead -= 3600 * EM_NS_PER_S;
	seconds(3);
	assert_int_equal(em_nvidia_state(n)->steps, 1);
	assert_int_equal(em_nvidia_state(n)->failed, 1);
	assert_int_equal(span_of(a)->busy, 0);
	assert_int_equal(span_of(a)->error, 5 * S);
	assert_int_equal(span_of(a)->class, EARMARK_CLASS_ESTIMATE);
	script(GPU0 "compute 0 100 1\n");
	busy(BEGIN + 5 * S, BEGIN + 10 * S, 100, 100, 100);
	seconds(5);
	assert_int_equal(span_of(a)->busy, 5 * S); /* and it goes on */
}

static void mps(void **state)
{
	__u64 a = cg("a"), b = cg("b"), server = cg("mps");

	(void)state;
	process_of(50, "nvidia-cuda-mps", "mps", BEGIN - S, NULL);
	process_of(100, "python", "a", BEGIN - S, NULL);
	process_of(200, "python", "b", BEGIN - S, NULL);
	/* one client: the server's work is its */
	script(GPU0 "compute 0 50 1\nmps 0 100 1\n");
	busy(BEGIN, BEGIN + 5 * S, 50, 50, 100);
	open_with("new");
	scan(false);
	poll();
	seconds(5);
	assert_int_equal(state_of(server), -1);
	assert_int_equal(span_of(a)->busy, 5 * S);
	assert_int_equal(span_of(a)->class, EARMARK_CLASS_SAMPLED);
	/* two: a model */
	script(GPU0 "compute 0 50 1\nmps 0 100 1\nmps 0 200 1\n");
	busy(BEGIN + 5 * S, BEGIN + 10 * S, 50, 50, 100);
	seconds(5);
	assert_int_equal(span_of(a)->busy, span_of(b)->busy);
	assert_int_equal(span_of(b)->class, EARMARK_CLASS_ESTIMATE);
	assert_true(span_of(b)->error >= 2400 * MS);
	assert_int_equal(state_of(server), -1);
	/* none is listed: the server's own */
	clear();
	script(GPU0 "compute 0 50 1\n");
	turn(60 * S);
	poll();
	busy(at.monotonic, at.monotonic + 5 * S, 50, 50, 100);
	seconds(5);
	assert_int_equal(state_of(server), 1);
	assert_int_equal(state_of(a), 0);
}

/* --- trouble ---------------------------------------------------------------------------------- */

static void lost(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	script(GPU0 GPU1 "compute 1 100 1\n");
	open_with("new");
	scan(false);
	poll();
	say("fail 0 identity 15\nfail 0 lists 15\n");
	seconds(1);
	assert_int_equal(em_nvidia_state(n)->lost, 1);
	assert_int_equal(scan(false), 1);
	assert_int_equal(n_found, 1); /* the other goes on */
	seconds(5);
	assert_int_equal(state_of(a), 1);
	assert_int_equal(em_nvidia_state(n)->failed, 0);
	script(GPU0 GPU1 "compute 1 100 1\n"); /* it was reset */
	turn(EM_NVIDIA_RESCAN);
	assert_int_equal(scan(false), 1);
	assert_int_equal(n_found, 2);
}

static void driver_reload(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\n");
	open_with("new");
	scan(false);
	poll();
	say("state 9\n");
	seconds(1);
	assert_false(em_nvidia_state(n)->attached);
	assert_int_equal(scan(false), 0);
	assert_non_null(strstr(em_nvidia_state(n)->why, "not loaded"));
	assert_int_equal(n_found, 0);
	script(GPU0 "state 18\n");
	turn(EM_NVIDIA_RESCAN);
	scan(false);
	assert_non_null(strstr(em_nvidia_state(n)->why, "different versions"));
	script(GPU0 "compute 0 100 1\n");
	turn(EM_NVIDIA_RESCAN);
	clear();
	assert_int_equal(scan(false), 1);
	poll();
	assert_int_equal(state_of(a), 1);
	/* what answers with nothing but "unknown" is asked anew too */
	say("fail 0 lists 999\n");
	seconds(5);
	assert_false(em_nvidia_state(n)->attached);
}

static void trouble_with_samples(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	script(GPU0 "compute 0 100 1\nfail 0 samples 10\n");
	refuse = -ENOENT;
	open_with("new");
	scan(false);
	poll();
	seconds(5);
	assert_true(em_nvidia_state(n)->attached); /* a timeout is no end */
	assert_int_equal(em_nvidia_state(n)->failed, 1);
	assert_int_equal(span_of(a)->error, 5 * S);
	assert_int_equal(em_nvidia_state(n)->refused, n_told);
	script(GPU0 "compute 0 100 1\nfail 0 samples 4\n");
	seconds(5);
	assert_int_equal(em_nvidia_state(n)->without, 1);
	script(GPU0 "fail 0 lists 4\n"); /* not permitted: to ask anew would not help */
	seconds(10);
	assert_true(em_nvidia_state(n)->attached);
	assert_int_equal(em_nvidia_state(n)->denied, 1);
}

/* --- notes ------------------------------------------------------------------------------------ */

static void notes(void **state)
{
	__u64 a = cg("a");

	(void)state;
	process_of(100, "python", "a", BEGIN - S, NULL);
	process_of(101, "python", "a", BEGIN - S, NULL);
	script(GPU0 "energy 0 5000\n");
	say("compute 0 100 %llu\ncompute 0 101 0xffffffffffffffff\ngraphics 0 100 %llu\n", 2 * GIB,
	    2 * GIB);
	open_with("new");
	scan(false);
	poll();
	assert_int_equal(n_energies, 0);
	say("energy 0 65000\n");
	seconds(59);
	assert_int_equal(n_energies + n_memories, 0);
	seconds(1);
	assert_int_equal(n_energies, 1);
	assert_int_equal(energies[0].amount, 60000);
	assert_int_equal(energies[0].gpu, 1);
	assert_int_equal(energies[0].until - energies[0].since, 60 * S);
	assert_int_equal(n_memories, 1);
	assert_int_equal(memories[0].job, a);
	assert_int_equal(memories[0].amount, 60 * 2 * GIB);
	say("energy 0 100\n"); /* the counter began anew */
	seconds(60);
	assert_int_equal(n_energies, 1);
	say("energy 0 350\n");
	seconds(30);
	em_nvidia_poll(n, &sink, true); /* what waits is noted at the end */
	assert_int_equal(n_energies, 2);
	assert_int_equal(energies[1].amount, 250);
	assert_int_equal(energies[1].since, energies[0].until + 60 * (__s64)S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(alone),
		TEST(together),
		TEST(short_job),
		TEST(idle_gpu),
		TEST(garbage),
		TEST(late_look),
		TEST(clock_step),
		TEST(mps),
		TEST(lost),
		TEST(driver_reload),
		TEST(trouble_with_samples),
		TEST(notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
