// SPDX-License-Identifier: GPL-2.0
/* Rounds over files whose counters are known: what each job is told to have done, and its bound. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "kernel/sampler.h"

#define S 1000000000ull
#define MS 1000000ull
#define JOB 100
#define OTHER 200

static struct em_sampler *sampler;
static struct em_work told[64];
static unsigned int n_told;
static int refuse;
static __u64 now;

static int tell(const struct em_work *work, void *arg)
{
	(void)arg;
	assert_true(n_told < ARRAY_SIZE(told));
	assert_true(work->start <= work->end);
	assert_true(work->end <= now);
	assert_true(work->works || !work->busy);
	assert_in_range(work->class, EARMARK_CLASS_COUNTER, EARMARK_CLASS_ESTIMATE);
	told[n_told++] = *work;
	return refuse;
}

static const struct em_work *of(__u64 job)
{
	for (unsigned int i = 0; i < n_told; i++) {
		if (told[i].job == job)
			return &told[i];
	}
	return NULL;
}

static int setup(void **state)
{
	(void)state;
	sampler = em_sampler_new(0);
	now = 1000 * S;
	n_told = 0;
	refuse = 0;
	return sampler ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	em_sampler_free(sampler);
	return 0;
}

/* A round a second after the one before. */
static void begin(void)
{
	now += S;
	n_told = 0;
	em_sampler_begin(sampler, now);
	em_sampler_watch(sampler, 1);
}

static int end(void)
{
	return em_sampler_end(sampler, tell, NULL);
}

static void see_text(__u64 job, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	struct em_fdinfo info;

	assert_int_equal(em_fdinfo_parse(&info, copy), 0);
	now += MS;
	em_sampler_see(sampler, 1, job, &info, false, now - MS, now);
}

/* Its one engine says @ns. */
static void see(__u64 job, __u64 client, __u64 ns)
{
	char text[128];

	snprintf(text, sizeof(text), "drm-client-id: %llu\ndrm-engine-a: %llu ns\n",
		 (unsigned long long)client, (unsigned long long)ns);
	see_text(job, text);
}

static void round_of(__u64 job, __u64 client, __u64 ns)
{
	begin();
	see(job, client, ns);
	assert_int_equal(end(), 0);
}

static void empty_round(void)
{
	begin();
	assert_int_equal(end(), 0);
}

static void test_busy_is_what_came_since(void **state)
{
	__u64 at;

	(void)state;
	empty_round();
	at = now;
	round_of(JOB, 7, 300 * MS);
	assert_int_equal(n_told, 1);
	assert_true(of(JOB)->works);
	assert_int_equal(of(JOB)->busy, 300 * MS);
	assert_int_equal(of(JOB)->class, EARMARK_CLASS_COUNTER);
	assert_int_equal(of(JOB)->start, at);
	assert_int_equal(of(JOB)->end, now);
	/* one engine, for the length of the reading */
	assert_int_equal(of(JOB)->error, MS);
	at = now;
	round_of(JOB, 7, 700 * MS);
	assert_int_equal(of(JOB)->busy, 400 * MS);
	assert_int_equal(of(JOB)->start, at);
	assert_int_equal(of(JOB)->error, 2 * MS);
	round_of(JOB, 7, 700 * MS);
	assert_true(of(JOB)->works); /* it holds it */
	assert_int_equal(of(JOB)->busy, 0);
}

static void test_open_is_no_hold(void **state)
{
	(void)state;
	empty_round();
	round_of(JOB, 7, 0);
	assert_int_equal(n_told, 1);
	assert_false(of(JOB)->works);
	assert_int_equal(of(JOB)->busy, 0);
	round_of(JOB, 7, 1);
	assert_true(of(JOB)->works);
	assert_int_equal(of(JOB)->busy, 1);
}

/* The idle file was looked at when the round began: what began since is not meant. */
static void test_idle_is_said_of_the_beginning(void **state)
{
	__u64 at;

	(void)state;
	begin();
	at = now;
	see(JOB, 7, 0);
	end();
	assert_int_equal(of(JOB)->start, at);
	assert_int_equal(of(JOB)->end, at);
}

static void test_what_was_before_is_not_counted(void **state)
{
	(void)state;
	round_of(JOB, 7, 5000 * S);
	assert_true(of(JOB)->works);
	assert_int_equal(of(JOB)->busy, 0);
	assert_int_equal(of(JOB)->error, MS);
	round_of(JOB, 7, 5000 * S + 3);
	assert_int_equal(of(JOB)->busy, 3);
}

/* A predecessor looked two seconds ago: no more than that, and no more than it ever did. */
static void test_what_a_predecessor_left_is_the_bound(void **state)
{
	(void)state;
	em_sampler_free(sampler);
	sampler = em_sampler_new(now - S);
	begin();
	see(JOB, 7, 5000 * S);
	see(OTHER, 8, 300 * MS);
	end();
	assert_int_equal(of(JOB)->busy, 0);
	assert_int_equal(of(JOB)->error, 2 * S + MS);
	assert_int_equal(of(OTHER)->error, 300 * MS + MS);
}

static void test_two_files_of_one_client(void **state)
{
	(void)state;
	empty_round();
	begin();
	see(JOB, 7, 300 * MS);
	see(JOB, 7, 301 * MS);
	see(JOB, 8, 50 * MS);
	end();
	assert_int_equal(n_told, 1);
	assert_int_equal(of(JOB)->busy, 351 * MS);
}

static void test_values_that_step_back(void **state)
{
	(void)state;
	empty_round();
	round_of(JOB, 7, 300 * MS);
	round_of(JOB, 7, 100 * MS);
	assert_int_equal(of(JOB)->busy, 0);
	round_of(JOB, 7, 350 * MS);
	assert_int_equal(of(JOB)->busy, 50 * MS);
}

static void test_more_than_engines_can_do(void **state)
{
	(void)state;
	empty_round();
	round_of(JOB, 7, 900000 * S);
	/* since the round before, which was a second and a reading ago */
	assert_int_equal(of(JOB)->busy, S + MS);
	assert_true(of(JOB)->error >= 899990 * S);
	assert_int_equal(em_sampler_counts(sampler)->excess, 900000 * S - S - MS);
}

/* A driver that adds up when work ends: a long piece comes at once, and began long ago. */
static void test_work_that_is_added_up_at_its_end(void **state)
{
	__u64 at;

	(void)state;
	empty_round();
	round_of(JOB, 7, 0);
	at = now;
	for (int i = 0; i < 5; i++)
		round_of(JOB, 7, 0);
	round_of(JOB, 7, 4 * S);
	assert_int_equal(of(JOB)->busy, 4 * S);
	assert_true(of(JOB)->start >= at);
	assert_true(of(JOB)->end - of(JOB)->start >= S);
	assert_int_equal(em_sampler_counts(sampler)->excess, 0);
}

static void test_closed(void **state)
{
	__u64 read;

	(void)state;
	empty_round();
	round_of(JOB, 7, 300 * MS);
	read = now;
	empty_round();
	/* no file, no hold; what was not read is the bound */
	assert_int_equal(n_told, 1);
	assert_false(of(JOB)->works);
	assert_int_equal(of(JOB)->error, now - read);
	empty_round();
	assert_int_equal(n_told, 0);
}

/* On its way to another process, a file is in nobody's table for a while. */
static void test_passed(void **state)
{
	(void)state;
	empty_round();
	round_of(JOB, 7, 300 * MS);
	empty_round();
	round_of(OTHER, 7, 500 * MS);
	assert_int_equal(n_told, 1);
	assert_int_equal(of(OTHER)->busy, 200 * MS);
	for (int i = 0; i < 100; i++)
		empty_round();
	assert_int_equal(em_sampler_counts(sampler)->clients, 0);
}

/* Each part, give or take its bound, holds whatever the truth is; the parts are all of it. */
static void test_shared(void **state)
{
	const struct em_work *a, *b, *c;

	(void)state;
	empty_round();
	begin();
	see(JOB, 7, 100 * MS);
	see(OTHER, 7, 100 * MS);
	see(300, 7, 100 * MS);
	end();
	a = of(JOB), b = of(OTHER), c = of(300);
	assert_int_equal(a->busy + b->busy + c->busy, 100 * MS);
	assert_int_equal(a->class, EARMARK_CLASS_ESTIMATE);
	for (unsigned int i = 0; i < n_told; i++) {
		assert_true(told[i].works);
		assert_true(told[i].busy + told[i].error >= 100 * MS);
		assert_true(told[i].error >= told[i].busy);
	}
	assert_int_equal(em_sampler_counts(sampler)->shared, 1);
}

/* Nobody knows what an unreadable file does: the job is not called idle. */
static void test_unreadable(void **state)
{
	(void)state;
	empty_round();
	begin();
	see(JOB, 7, 0);
	em_sampler_see(sampler, 1, JOB, NULL, true, now, now);
	end();
	assert_int_equal(n_told, 0);
	assert_int_equal(em_sampler_counts(sampler)->silent, 1);
	begin();
	see(JOB, 7, 5);
	em_sampler_see(sampler, 1, JOB, NULL, false, now, now);
	end();
	assert_true(of(JOB)->works);
	assert_int_equal(em_sampler_counts(sampler)->unread, 1);
}

static void see_cycles(__u64 client, __u64 cycles, __u64 total)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "drm-client-id: %llu\ndrm-cycles-rcs: %llu\ndrm-total-cycles-rcs: %llu\n",
		 (unsigned long long)client, (unsigned long long)cycles, (unsigned long long)total);
	see_text(JOB, text);
}

/* 19.2 MHz, as xe's GPUs have; what cannot be told at first is told later, not lost. */
static void test_cycles(void **state)
{
	const __u64 hz = 19200000, began = now;

	(void)state;
	empty_round();
	begin();
	see_cycles(3, hz / 2, (now + MS - began) / 1000 * hz / 1000000);
	end();
	assert_true(of(JOB)->works);
	assert_int_equal(of(JOB)->busy, 0);
	begin();
	see_cycles(3, hz / 2 + hz / 4, (now + MS - began) / 1000 * hz / 1000000);
	end();
	assert_in_range(of(JOB)->busy, 750 * MS - MS, 750 * MS + MS);
	/* another client of that GPU: its clock is known by now */
	begin();
	see_cycles(4, hz / 10, (now + MS - began) / 1000 * hz / 1000000);
	end();
	assert_in_range(of(JOB)->busy, 100 * MS - MS, 100 * MS + MS);
	/* reset: it goes on from there */
	begin();
	see_cycles(4, hz / 10, 5);
	end();
	assert_int_equal(of(JOB)->busy, 0);
	begin();
	see_cycles(4, hz / 5, hz);
	end();
	assert_in_range(of(JOB)->busy, 100 * MS - 2 * MS, 100 * MS + 2 * MS);
}

static void test_a_clock_that_stands(void **state)
{
	(void)state;
	empty_round();
	for (int i = 1; i < 5; i++) {
		begin();
		see_cycles(3, (__u64)i * 1000, 77);
		end();
		assert_int_equal(of(JOB)->busy, 0);
	}
	/* and when it is closed, all of that is the bound */
	empty_round();
	assert_true(of(JOB)->error >= 4 * S);
}

static void test_a_client_that_has_no_number(void **state)
{
	(void)state;
	empty_round();
	begin();
	see_text(JOB, "drm-engine-a: 5 ns\n");
	end();
	assert_int_equal(n_told, 0);
}

static void test_refused(void **state)
{
	(void)state;
	empty_round();
	refuse = -EPERM;
	begin();
	see(JOB, 7, 5);
	see(OTHER, 8, 5);
	assert_int_equal(end(), -EPERM);
	assert_int_equal(n_told, 2);
	assert_int_equal(em_sampler_counts(sampler)->unplaced, 2);
	refuse = -ENOENT; /* its cgroup is gone */
	begin();
	see(JOB, 7, 6);
	assert_int_equal(end(), 0);
}

/*
 * Clients that work, rest, come, go and are read at any time: what is told of all of them, give
 * or take the bounds, is what their clock did.
 */
static void test_any_history(void **state)
{
	enum { CLIENTS = 12 };
	__u64 clock[CLIENTS] = { 0 }, did = 0, busy = 0, error = 0;
	unsigned int seed = 1;
	bool open[CLIENTS] = { false };
	__u64 id[CLIENTS];

	(void)state;
	for (int i = 0; i < CLIENTS; i++)
		id[i] = (__u64)i + 1;
	empty_round();
	for (int r = 0; r < 2000; r++) {
		begin();
		for (int i = 0; i < CLIENTS; i++) {
			seed = seed * 1103515245u + 12345u;
			if (seed >> 16 & 1 && open[i]) {
				__u64 more = (seed >> 17) % 1000 * MS;

				clock[i] += more;
				did += more;
			}
			if ((seed >> 8) % 37 == 0) {
				open[i] = !open[i];
				clock[i] = 0; /* opened again it is another client */
				id[i] += CLIENTS;
				continue;
			}
			if (open[i])
				see(JOB + (__u64)i / 3, id[i], clock[i]);
		}
		end();
		for (unsigned int i = 0; i < n_told; i++) {
			busy += told[i].busy;
			error += told[i].error;
		}
	}
	assert_true(busy > 0 && busy <= did);
	assert_true(did - busy <= error);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_busy_is_what_came_since),
		T(test_open_is_no_hold),
		T(test_idle_is_said_of_the_beginning),
		T(test_what_was_before_is_not_counted),
		T(test_what_a_predecessor_left_is_the_bound),
		T(test_two_files_of_one_client),
		T(test_values_that_step_back),
		T(test_more_than_engines_can_do),
		T(test_work_that_is_added_up_at_its_end),
		T(test_closed),
		T(test_passed),
		T(test_shared),
		T(test_unreadable),
		T(test_cycles),
		T(test_a_clock_that_stands),
		T(test_a_client_that_has_no_number),
		T(test_refused),
		T(test_any_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
