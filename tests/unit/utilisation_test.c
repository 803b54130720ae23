// SPDX-License-Identifier: GPL-2.0
/* Busy time out of samples: what is believed, how it is split, and that the bounds hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "kernel/utilisation.h"

#define MS ((__u64)EM_NS_PER_MS)
#define S ((__u64)EM_NS_PER_S)
#define AHEAD (1700000000LL * EM_NS_PER_S)

static __u64 rejected[EM_UTIL_REJECT_COUNT];

static struct em_nvml_sample raw(__u64 at, __u32 pid, __u32 percent)
{
	return (struct em_nvml_sample){ (at + AHEAD) / 1000, pid, percent };
}

static void believed(void **state)
{
	const struct em_nvml_sample list[] = {
		raw(99 * S + 500 * MS, 7, 40),
		raw(99 * S, 7, 100),
		raw(99 * S, 7, 100),           /* twice */
		raw(99 * S, 8, 30),            /* another's of the same instant is none */
		raw(98 * S, 7, 101),           /* over 100 % */
		raw(98 * S, 7, 4275878552u),   /* garbage that drivers have been seen to give */
		raw(100 * S + 500 * MS, 7, 5), /* the future */
		raw(95 * S, 7, 50),            /* read before: not new */
		raw(80 * S, 7, 50),            /* before the ring */
		{ ~0ULL, 7, 50 },              /* an instant that is none */
		{ 0, 0, 0 },                   /* an empty slot, which is no loss */
		{ 5, 7, 50 },                  /* 1970 */
	};
	struct em_util_sample out[ARRAY_SIZE(list)];

	(void)state;
	memset(rejected, 0, sizeof(rejected));
	assert_int_equal(
		em_util_believe(list, ARRAY_SIZE(list), AHEAD, 95 * S, 100 * S, out, rejected), 3);
	assert_int_equal(out[0].at, 99 * S);
	assert_int_equal(out[0].pid, 7);
	assert_int_equal(out[1].pid, 8);
	assert_int_equal(out[2].percent, 40);
	assert_int_equal(rejected[EM_UTIL_TWICE], 1);
	assert_int_equal(rejected[EM_UTIL_PERCENT], 2);
	assert_int_equal(rejected[EM_UTIL_FUTURE], 2);
	assert_int_equal(rejected[EM_UTIL_PAST], 3);
	assert_string_equal(em_util_reject_names[EM_UTIL_STALE], "stale");
}

enum { RING = 72, DEVICE = 60 };

/* struct bench - a window of five seconds from 100 s on, filled as a test wants */
struct bench {
	struct em_util_sample samples[RING], device[DEVICE];
	struct em_util_window w;
	struct em_util_share shares[3];
};

static void bench(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->w = (struct em_util_window){ .start = 100 * S,
					.end = 105 * S,
					.samples = b->samples,
					.device = b->device,
					.has_device = true };
}

static void name(struct bench *b, __u64 at, __u64 job, __u32 percent)
{
	b->samples[b->w.n_samples++] = (struct em_util_sample){ at, job, (__u32)job, percent };
}

static void device(struct bench *b, __u32 percent)
{
	for (__u64 at = 100 * S + 200 * MS; at <= 105 * S; at += 200 * MS)
		b->device[b->w.n_device++] = (struct em_util_sample){ at, 0, 0, percent };
}

static void every_slot(struct bench *b, __u64 first, __u64 second, __u32 percent)
{
	int i = 0;

	for (__u64 at = 100 * S + EM_UTIL_SAMPLE; at <= 105 * S; at += EM_UTIL_SAMPLE)
		name(b, at, i++ % 2 ? second : first, percent);
}

static void split(struct bench *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		b->shares[i].job = i + 1;
	em_util_split(&b->w, b->shares, n);
}

/* Who alone could work did what the device did, whatever the samples name. */
static void exclusive(void **state)
{
	struct bench b;

	(void)state;
	bench(&b);
	device(&b, 60);
	every_slot(&b, 1, 1, 35);
	split(&b, 1);
	assert_int_equal(b.shares[0].busy, 3 * S);
	assert_int_equal(b.shares[0].class, EARMARK_CLASS_SAMPLED);
	/* a hundredth of five seconds, and half a sample at each edge */
	assert_int_equal(b.shares[0].error, 50 * MS + EM_UTIL_SAMPLE);
}

static void shared(void **state)
{
	struct bench b;

	(void)state;
	bench(&b);
	device(&b, 80);
	every_slot(&b, 1, 2, 80);
	split(&b, 3);
	/* 35 samples: 18 are the one's, 17 the other's */
	assert_in_range(b.shares[0].busy, 1980 * MS, 2020 * MS);
	assert_in_range(b.shares[1].busy, 1870 * MS, 1910 * MS);
	assert_int_equal(b.shares[2].busy, 0);
	assert_true(b.shares[0].busy + b.shares[1].busy <= 4 * S);
	/* who was never named may have worked: nine in 44 by Wilson's interval */
	assert_in_range(b.shares[2].error, 700 * MS, 1200 * MS);
	assert_true(b.shares[0].error > b.shares[2].error);
}

/* An idle holder beside one who works all the time costs that one little. */
static void idle_holder(void **state)
{
	struct bench b;

	(void)state;
	bench(&b);
	device(&b, 100);
	every_slot(&b, 1, 1, 100);
	split(&b, 2);
	assert_true(b.shares[0].busy >= 4800 * MS);
	assert_true(b.shares[0].error <= 1500 * MS);
	assert_int_equal(b.shares[1].busy, 0);
}

/* Engines beside one another: samples that say more than the device did are scaled down. */
static void scaled_down(void **state)
{
	struct bench b;

	(void)state;
	bench(&b);
	device(&b, 20);
	every_slot(&b, 1, 2, 100);
	split(&b, 2);
	assert_true(b.shares[0].busy + b.shares[1].busy <= S);
	assert_true(b.shares[0].busy + b.shares[1].busy >= S - 2);
}

/* What the device did and no sample explains may be anybody's. */
static void unexplained(void **state)
{
	struct bench b;

	(void)state;
	bench(&b);
	device(&b, 50);
	name(&b, 102 * S, 1, 100);
	split(&b, 2);
	assert_int_equal(b.shares[0].busy, EM_UTIL_SAMPLE);
	assert_true(b.shares[0].error >= 2500 * MS - EM_UTIL_SAMPLE);
	assert_true(b.shares[1].error >= 2500 * MS - EM_UTIL_SAMPLE);
}

static void idle(void **state)
{
	struct bench b;

	(void)state;
	bench(&b);
	split(&b, 2);
	assert_int_equal(b.shares[0].busy, 0);
	assert_int_equal(b.shares[0].error, 50 * MS); /* what rounds to nothing */
}

/* Without the device's samples anything may have been busy in between. */
static void no_device(void **state)
{
	struct bench b;

	(void)state;
	bench(&b);
	b.w.has_device = false;
	name(&b, 102 * S, 1, 100);
	name(&b, 103 * S, 0, 100); /* of a process that is gone */
	split(&b, 1);
	assert_int_equal(b.shares[0].busy, EM_UTIL_SAMPLE);
	assert_int_equal(b.shares[0].error, 5 * S - EM_UTIL_SAMPLE);
}

/* Two clients of a server: half each, an estimate, and the other half is the error. */
static void server(void **state)
{
	struct bench b;

	(void)state;
	bench(&b);
	device(&b, 100);
	every_slot(&b, EM_UTIL_SHARED, EM_UTIL_SHARED, 100);
	b.shares[0].estimate = b.shares[1].estimate = true;
	split(&b, 2);
	assert_int_equal(b.shares[0].busy, b.shares[1].busy);
	assert_in_range(b.shares[0].busy, 2400 * MS, 2500 * MS);
	assert_int_equal(b.shares[0].class, EARMARK_CLASS_ESTIMATE);
	assert_true(b.shares[0].error >= 2500 * MS);
}

static uint64_t seed;

static double chance(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (double)(seed >> 11) / 9007199254740992.0;
}

/*
 * Truth is made: two jobs with shares that change each second. A sample names one of them, drawn by
 * what they did in it. No bound is passed, and the sum never passes what the device can have done.
 */
static void truth(uint64_t n, bool full)
{
	double real[2] = { 0 }, share = 0.5, load = 1;
	struct bench b;
	int i = 0;

	seed = n;
	bench(&b);
	for (__u64 at = 100 * S + EM_UTIL_SAMPLE; at <= 105 * S; at += EM_UTIL_SAMPLE, i++) {
		__u32 percent;

		if (i % 7 == 0) {
			share = chance();
			load = full ? 1 : chance();
		}
		real[0] += (double)EM_UTIL_SAMPLE * load * share;
		real[1] += (double)EM_UTIL_SAMPLE * load * (1 - share);
		percent = (__u32)(load * 100);
		if (percent)
			name(&b, at, chance() < share ? 1 : 2, percent);
		b.device[b.w.n_device++] = (struct em_util_sample){ at, 0, 0, percent };
	}
	b.w.end = 100 * S + (__u64)i * EM_UTIL_SAMPLE;
	split(&b, 2);
	for (int k = 0; k < 2; k++) {
		double off = (double)b.shares[k].busy - real[k];

		if (off < 0)
			off = -off;
		if (off > (double)b.shares[k].error)
			fail_msg("seed %llu: off by %.0f, bound %llu", (unsigned long long)n, off,
				 (unsigned long long)b.shares[k].error);
	}
	assert_true((double)(b.shares[0].busy + b.shares[1].busy) <= real[0] + real[1] + 1);
}

static void bounds_hold(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 1000; n++) {
		truth(n, false);
		truth(n, true);
	}
}

/* Whatever samples say, no figure passes the window, and no sum the device. */
static void any_samples(void **state)
{
	struct bench b;
	__u64 busy, open;

	(void)state;
	for (uint64_t n = 1; n <= 2000; n++) {
		__u64 at = 100 * S, sum = 0;

		seed = n;
		bench(&b);
		b.w.has_device = n % 3;
		while (b.w.n_samples < RING - 1)
			name(&b, at += (__u64)(chance() * 1.5e8), (__u64)(chance() * 4),
			     (__u32)(chance() * 101));
		for (at = 100 * S; n % 3 && b.w.n_device < DEVICE;)
			b.device[b.w.n_device++] =
				(struct em_util_sample){ at += (__u64)(chance() * 2e8), 0, 0,
							 (__u32)(chance() * 101) };
		split(&b, 3);
		em_util_device(&b.w, &busy, &open);
		for (int k = 0; k < 3; k++) {
			sum += b.shares[k].busy;
			assert_true(b.shares[k].busy <= 5 * S);
			assert_true(b.shares[k].error <= 5 * S);
		}
		assert_true(busy + open <= 5 * S);
		assert_true(sum <= busy + open);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(believed),    cmocka_unit_test(exclusive),
		cmocka_unit_test(shared),      cmocka_unit_test(idle_holder),
		cmocka_unit_test(scaled_down), cmocka_unit_test(unexplained),
		cmocka_unit_test(idle),        cmocka_unit_test(no_device),
		cmocka_unit_test(server),      cmocka_unit_test(bounds_hold),
		cmocka_unit_test(any_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
