// SPDX-License-Identifier: GPL-2.0
/*
 * Windows are put together from roll-ups by hour and day and from rows: the answer must be that of
 * a plain sum over the intervals that lie whole inside the window. The oracle is kept here, from
 * what was appended, and knows nothing of hours.
 */
#include "base/cleanup.h"
#include "ledger/store.h"
#include "roll_oracle.h"

/* --- comparing ---------------------------------------------------------------------------- */

static int take_usage(const struct em_usage *u, void *arg)
{
	struct sums *s = arg;
	int name = 0, aligned = u->purpose == EARMARK_PURPOSE_ALIGNMENT;

	while (strcmp(names[name], u->gpu))
		assert_true(++name < NAMES);
	assert_true(u->job >= 50 && u->job < 50 + JOBS);
	assert_false(s->usage[name][u->job - 50][aligned].there);
	s->usage[name][u->job - 50][aligned].there = true;
	s->usage[name][u->job - 50][aligned].time = u->gpu_time;
	s->usage[name][u->job - 50][aligned].busy = u->busy;
	s->usage[name][u->job - 50][aligned].first = u->first;
	s->usage[name][u->job - 50][aligned].last = u->last;
	return 0;
}

static void compare_usage(const struct sums *want, const struct sums *got)
{
	for (int i = 0; i < NAMES * JOBS * 2; i++) {
		int name = i / (JOBS * 2), job = i / 2 % JOBS, tag = i % 2;

		assert_int_equal(want->usage[name][job][tag].there,
				 got->usage[name][job][tag].there);
		assert_int_equal(want->usage[name][job][tag].time, got->usage[name][job][tag].time);
		assert_int_equal(want->usage[name][job][tag].busy, got->usage[name][job][tag].busy);
		assert_int_equal(want->usage[name][job][tag].first,
				 got->usage[name][job][tag].first);
		assert_int_equal(want->usage[name][job][tag].last, got->usage[name][job][tag].last);
	}
}

static void compare_gpu(const struct sums *want, int name, const struct em_gpu_usage *got,
			int64_t since, int64_t until, int n)
{
	const struct em_gpu_usage *g = &want->gpu[name];
	uint32_t engines = 0;

	for (int load = 0; load < 2; load++) {
		uint32_t here = 0;

		for (int e = 0; e < ENGINES; e++)
			here += want->engine[name][load][e];
		engines = here > engines ? here : engines;
	}
	assert_int_equal(g->wall, got->wall);
	assert_int_equal(g->idle, got->idle);
	assert_int_equal(g->unobserved, got->unobserved);
	assert_int_equal(g->unattributed, got->unattributed);
	assert_int_equal(g->charged, got->charged);
	assert_int_equal(g->blind, got->blind);
	assert_int_equal(engines, got->engines);
	assert_int_equal(g->busy, got->busy);
	assert_int_equal(g->engine_wall, got->engine_wall);
	assert_int_equal(g->blind_busy, got->blind_busy);
	assert_int_equal(gap_of(name, since, until, n), got->gap);
}

static void compare(struct em_ledger *l, int64_t since, int64_t until, int n)
{
	static struct sums want, got;
	struct gpus gpus = { 0 };
	struct em_span span;

	sum(&want, since, until, n);
	assert_int_equal(em_ledger_span(l, since, until, &span), 0);
	assert_int_equal(span.intervals, want.intervals);
	assert_int_equal(span.stretched, want.stretched);
	assert_int_equal(span.start, want.start);
	assert_int_equal(span.end, want.end);
	assert_int_equal(span.lost[EARMARK_LOST_CONTEXT], want.lost);
	memset(&got, 0, sizeof(got));
	assert_int_equal(em_ledger_usage(l, since, until, take_usage, &got), 0);
	compare_usage(&want, &got);
	assert_int_equal(em_ledger_gpus(l, since, until, add_gpu, &gpus), 0);
	for (int i = 0; i < gpus.n; i++) {
		int name = 0;

		while (strcmp(names[name], gpus.name[i]))
			assert_true(++name < NAMES);
		compare_gpu(&want, name, &gpus.g[i], since, until, n);
	}
}

static int64_t some_instant(void)
{
	const struct known *k = &o.list[any((uint64_t)o.n)];
	int64_t t = any(2) ? k->start : k->end;

	switch (any(5)) {
	case 0:
		return t - t % DAY;
	case 1:
		return t - t % HOUR;
	case 2:
		return t + (int64_t)any(3) - 1;
	case 3:
		return t;
	default:
		return t + (int64_t)any(30 * HOUR) - 15 * HOUR;
	}
}

static void compare_many(struct em_ledger *l, int n)
{
	compare(l, 0, INT64_MAX - 1, n);
	/* the same one each time, as promises ask: what is remembered of it must be true still */
	compare(l, T0, T0 + 5 * DAY, n);
	compare(l, T0, T0 + 5 * DAY, n);
	compare(l, INT64_MIN, INT64_MAX, n);
	for (int i = 0; i < WINDOWS; i++) {
		int64_t a = some_instant(), b = some_instant();

		if (a < b)
			compare(l, a, b, n);
		else
			compare(l, b, a, n);
	}
}

static void learn(struct em_ledger *l)
{
	struct earmark_gpu_info gpu = { .gpu = LATE + 1 };
	__u8 load[16];

	memset(load, 0x22, sizeof(load));
	snprintf(gpu.name, sizeof(gpu.name), "%s", names[ids[LATE].name]);
	gpu.since = em_time_monotonic();
	assert_int_equal(em_ledger_learn_gpu(l, load, &gpu), 0);
	o.learned = true;
	if (o.since[NAMES - 1] && o.since[NAMES - 1] < o.since[ids[LATE].name])
		o.since[ids[LATE].name] = o.since[NAMES - 1];
}

static void start(uint64_t seed)
{
	memset(&o, 0, sizeof(o));
	o.seed = seed;
	o.wall = T0;
	o.mono = 1000 * S;
}

static void sums_are_those_of_the_intervals(void **state)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct em_ledger *l, *reader;
		int seen;

		if (seed > 1)
			assert_int_equal(teardown(state) || setup(state), 0);
		l = open_ledger(EM_LEDGER_WRITE);
		start(seed);
		/* nothing is missing after the last interval, however long ago it was */
		assert_int_equal(em_ledger_state_set(l, "period", "9000000000000000"), 0);
		assert_int_equal(em_ledger_batch(l), 0);
		while (o.n < INTERVALS / 2)
			make(l);
		assert_int_equal(em_ledger_batch_end(l), 0);
		compare_many(l, o.n);
		reader = open_ledger(EM_LEDGER_READ);
		seen = o.n;
		assert_int_equal(em_ledger_batch(l), 0);
		while (o.n < INTERVALS)
			make(l);
		assert_int_equal(em_ledger_batch_end(l), 0);
		compare_many(reader, seen);
		compare_many(l, o.n);
		learn(l);
		compare_many(l, o.n);
		assert_int_equal(em_ledger_reindex(l), 0);
		compare_many(l, o.n);
		em_ledger_close(reader);
		em_ledger_close(l);
	}
}

/* --- windows that move on ------------------------------------------------------------------- */

/* struct told - rows as text, one a line */
struct told {
	char *text;
	size_t len;
	FILE *to;
};

static int tell(const void *row, void *arg)
{
	const struct em_usage *u = row;
	struct told *t = arg;

	fprintf(t->to, "%s %llu %s %u %s %u %u %s %s %llu %llu %llu %u %llu %llu %lld %lld\n",
		u->boot_id, (unsigned long long)u->job, u->path ?: "-", u->uid, u->gpu, u->purpose,
		u->tagged_by, u->project ?: "-", u->ref ?: "-", (unsigned long long)u->gpu_time,
		(unsigned long long)u->held, (unsigned long long)u->busy, u->busy_class,
		(unsigned long long)u->busy_error, (unsigned long long)u->allocated,
		(long long)u->first, (long long)u->last);
	return 0;
}

static int tell_usage(const struct em_usage *u, void *arg)
{
	return tell(u, arg);
}

/* What is remembered of the hours and read of the edges is what is read at once, row by row. */
static void compare_moving(struct em_ledger *l, int64_t until, int n)
{
	static const int64_t lengths[] = { 3 * HOUR + 7, DAY, 2 * DAY, 9 * DAY };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct told warm = { 0 }, cold = { 0 };

		warm.to = open_memstream(&warm.text, &warm.len);
		cold.to = open_memstream(&cold.text, &cold.len);
		assert_int_equal(em_ledger_usage(l, until - lengths[i], until, tell_usage, &warm),
				 0);
		assert_int_equal(em_usage_read(l, until - lengths[i], until, tell, &cold), 0);
		fclose(warm.to);
		fclose(cold.to);
		assert_string_equal(warm.text, cold.text);
		free(warm.text);
		free(cold.text);
		if (!i)
			compare(l, until - lengths[i], until, n);
	}
}

/* Of which there are rows already. */
static void learn_job(struct em_ledger *l)
{
	struct earmark_job_info job = { .job = 50, .uid = 7, .path = "/late" };
	__u8 load[16];

	memset(load, 0x11, sizeof(load));
	assert_int_equal(em_ledger_learn_job(l, load, &job), 0);
}

/*
 * Between one look and the next come intervals of hours that are remembered already (the clock was
 * set back), and names of rows that had none.
 */
static void windows_that_move(void **state)
{
	(void)state;
	for (uint64_t seed = 21; seed <= 24; seed++) {
		struct em_ledger *l;
		int64_t latest = 0;

		if (seed > 21)
			assert_int_equal(teardown(state) || setup(state), 0);
		l = open_ledger(EM_LEDGER_WRITE);
		start(seed);
		o.wall = 1600000000 * S; /* past: only what is over is remembered */
		assert_int_equal(em_ledger_state_set(l, "period", "9000000000000000"), 0);
		while (o.n < INTERVALS * 3 / 5) {
			make(l);
			latest = o.wall > latest ? o.wall : latest;
			compare_moving(l, any(3) ? latest + 1 : o.wall, o.n);
			compare_moving(l, latest - DAY, o.n);
			if (o.n == INTERVALS / 3)
				learn_job(l);
			if (o.n == INTERVALS / 2)
				learn(l);
		}
		em_ledger_close(l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sums_are_those_of_the_intervals),
		TEST(windows_that_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
