// SPDX-License-Identifier: GPL-2.0
/* Replays of histories made by hand, whose sums were worked out by hand; and hostile ones. */
#include "replay_make.h"

/* --- exact sums --------------------------------------------------------------------------- */

#define TABLE                                                                             \
	"timestamp,duration,num_gpus,gpu_time,cluster\n"                                  \
	"2023-03-01 10:00:00,3600.0000005,2,x,A\n"             /* to even: 3600.000000 */ \
	"2023-03-01 09:30:00.5,0.0000015,4,x,A\n"              /* to even: 0.000002 */    \
	"2023-03-01 10:15:00,100.25,0.125,x,\"B,\"\"q\"\"\"\n" /* 12.53125 */             \
	"2023-03-01 12:00:00,1-00:00:01.5,1.5,x,A\n"           /* 129602.25 */            \
	"2023-03-01 10:30:00,10,3,x,C\n"
#define COLUMNS "start=timestamp,duration=duration,gpus=num_gpus,group=cluster"
#define MAP                                                 \
	"rules:\n"                                          \
	"  - match: { group: A }\n    purpose: alignment\n" \
	"    project: p\n    ref: r\n"                      \
	"  - match: { group: 'B*' }\n    purpose: capabilities\n"

/* By hand, in microseconds: A = 7200 s + 4 × 2 us + 129602.25 s. */
#define A_US (7200000000LL + 8 + 129602250000LL)
#define B_US 12531250LL
#define C_US 30000000LL

static void assert_table(const struct em_replay_result *r)
{
	assert_int_equal(r->rows, 5);
	assert_int_equal(r->bad, 0);
	assert_true(r->used[EARMARK_PURPOSE_ALIGNMENT] == A_US * 1000);
	assert_true(r->used[EARMARK_PURPOSE_CAPABILITIES] == B_US * 1000);
	assert_true(r->used[EARMARK_PURPOSE_UNTAGGED] == C_US * 1000);
	assert_int_equal(r->jobs, 3);
}

/* The ledger says what the replay says it wrote, and no sum is broken. */
static void assert_ledger(const struct em_replay_result *r)
{
	struct em_ledger *l = ledger(EM_LEDGER_READ);
	struct em_report report;

	assert_int_equal(em_report_make(&report, l, 0, INT64_MAX - 1), 0);
	for (int p = 0; p < EARMARK_PURPOSE_COUNT; p++)
		assert_true(report.parts[p].gpu_time == r->used[p]);
	assert_true(report.capacity == r->wall);
	assert_true(report.idle == r->idle);
	assert_true(report.unobserved == r->unobserved);
	assert_int_equal(report.span.broken, 0);
	assert_int_equal(report.span.recorders, 1 << EARMARK_RECORDER_REPLAY);
	assert_int_equal(report.span.intervals, r->intervals);
	assert_int_equal(report.gap, 0);
	em_ledger_close(l);
}

static void exact_sums(void **state)
{
	struct em_replay_result r;

	(void)state;
	write_file("map.yaml", MAP);
	write_file("t.csv", TABLE);
	replayed(&r, options("t.csv", COLUMNS));
	assert_table(&r);
	assert_int_equal(r.start, instant("2023-03-01T09:30:00.5Z"));
	assert_int_equal(r.end, instant("2023-03-02T12:00:01.5Z"));
	assert_false(r.capacity);
	assert_true(r.wall == (A_US + B_US + C_US) * 1000);
	assert_true(r.idle == 0);
	assert_ledger(&r);
	assert_state("\"capacity\":false");
}

static void same_whatever_the_interval(void **state)
{
	static const int64_t lengths[] = { 3600 * S, 420 * S, 86400 * S };
	struct em_replay_options o;
	struct em_replay_result r;

	(void)state;
	write_file("map.yaml", MAP);
	write_file("t.csv", TABLE);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		o = options("t.csv", COLUMNS);
		o.interval = lengths[i];
		o.capacity = 4 * EM_PICO;
		o.requests = false;
		replayed(&r, o);
		assert_table(&r);
		/* four GPUs for 26 h 30 min 1 s; five were used for the ten seconds of C */
		assert_true(r.over_time == 10 * S);
		assert_true(r.wall == (em_ns)(26 * 3600 + 1800 + 1) * 4 * S + r.over_time);
		assert_true(r.idle == r.wall - (em_ns)(A_US + B_US + C_US) * 1000);
		assert_ledger(&r);
		forget_ledger();
	}
}

/* What cannot be told in nanoseconds of one job is told of all jobs of its purpose. */
static void thirds_of_a_gpu(void **state)
{
	static const int64_t lengths[] = { 3600 * S, 60 * S };
	struct em_replay_options o;
	struct em_replay_result r;
	char table[20000] = "start,end,gpus,group,job\n";

	(void)state;
	write_file("map.yaml", MAP);
	for (int i = 0; i < 300; i++)
		sprintf(table + strlen(table), "%d.000001,%d,0.333333333333,A,%d\n", 1600000000 + i,
			1600007000 + i, i);
	write_file("t.csv", table);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		o = options("t.csv", NULL);
		o.interval = lengths[i];
		o.capacity = 100 * EM_PICO;
		replayed(&r, o);
		/* floor(300 × 6999.999999 s × 0.333333333333), in ns */
		assert_true(r.used[EARMARK_PURPOSE_ALIGNMENT] == 699999999899300ULL);
		assert_int_equal(r.jobs, 300);
		assert_int_equal(r.over, 0);
		assert_ledger(&r);
		forget_ledger();
	}
}

static void gzip_and_order(void **state)
{
	struct em_replay_result r;
	gzFile gz;

	(void)state;
	write_file("map.yaml", MAP);
	gz = gzopen(in_dir("t.csv.gz"), "wb");
	assert_int_equal(gzputs(gz, TABLE), strlen(TABLE));
	gzclose(gz);
	replayed(&r, options("t.csv.gz", COLUMNS));
	assert_table(&r);
	assert_ledger(&r);
}

/* More rows than fit into a sorted run, backwards, all jobs of their own. */
static void more_than_memory(void **state)
{
	struct em_replay_options o;
	struct em_replay_result r;
	const int n = 400000;
	FILE *f;

	(void)state;
	write_file("map.yaml", MAP);
	f = fopen(in_dir("t.csv"), "w");
	assert_non_null(f);
	fputs("start,duration,gpus,group\n", f);
	for (int i = n; i > 0; i--)
		fprintf(f, "%d,10.5,2,%c\n", 1600000000 + i, "ABC"[i % 3]);
	fclose(f);
	o = options("t.csv", NULL);
	o.requests = false;
	replayed(&r, o);
	assert_int_equal(r.rows, n);
	assert_int_equal(r.jobs, 3);
	assert_true(r.used[EARMARK_PURPOSE_ALIGNMENT] == (em_ns)(n / 3) * 21 * S);
	assert_true(r.used[EARMARK_PURPOSE_CAPABILITIES] == (em_ns)(n / 3 + 1) * 21 * S);
	assert_true(r.wall == (em_ns)n * 21 * S);
	assert_ledger(&r);
}

/* A pool whose sums do not fit 64 bits: 8 million GPU-hours. */
static void more_than_64_bits(void **state)
{
	struct em_replay_options o;
	struct em_replay_result r;

	(void)state;
	write_file("map.yaml", MAP);
	write_file("t.csv", "start,duration,gpus,group\n"
			    "2023-01-01,2880000,10000,A\n");
	o = options("t.csv", NULL);
	o.interval = 86400 * S;
	replayed(&r, o);
	assert_true(r.used[EARMARK_PURPOSE_ALIGNMENT] == (em_ns)2880000 * 10000 * S);
	assert_ledger(&r);
}

/* --- capacity ------------------------------------------------------------------------------ */

static void more_than_there_is(void **state)
{
	struct em_replay_options o;
	struct em_replay_result r;

	(void)state;
	write_file("map.yaml", MAP);
	write_file("t.csv", "start,end,gpus,group\n"
			    "2023-03-01T00:00:00Z,2023-03-01T00:10:00Z,4,A\n"
			    "2023-03-01T00:05:00Z,2023-03-01T00:20:00Z,2,B\n");
	o = options("t.csv", NULL);
	o.capacity = 4 * EM_PICO;
	replayed(&r, o);
	assert_int_equal(r.over, 1);
	assert_true(r.over_time == 2 * 300 * S);
	assert_true(r.wall == (4 * 1200 + 2 * 300) * S);
	assert_true(r.idle == 2 * 600 * S);
	assert_ledger(&r);
	assert_state("\"capacity\":true");
}

static void outage(void **state)
{
	struct em_replay_options o;
	struct em_replay_result r;

	(void)state;
	write_file("t.csv", "start,end,gpus,group\n"
			    "2023-03-01 00:00:00,2023-03-01 01:00:00,1,A\n"
			    "2023-03-01 03:00:00,2023-03-01 04:00:00,1,A\n");
	write_file("map.yaml", MAP);
	o = options("t.csv", NULL);
	o.capacity = 2 * EM_PICO;
	replayed(&r, o);
	assert_true(r.idle == 6 * 3600 * S);
	assert_true(r.unobserved == 0);
	forget_ledger();
	write_file("map.yaml", MAP "outage: unobserved\n");
	replayed(&r, o);
	assert_true(r.idle == 2 * 3600 * S);
	assert_true(r.unobserved == 4 * 3600 * S);
	assert_ledger(&r);
}

static void cut_to_a_window(void **state)
{
	struct em_replay_options o;
	struct em_replay_result r;

	(void)state;
	write_file("map.yaml", MAP);
	write_file("t.csv", TABLE);
	o = options("t.csv", COLUMNS);
	o.capacity = 10 * EM_PICO;
	o.since = instant("2023-03-01T10:30:00Z");
	o.until = instant("2023-03-01T13:00:00Z");
	replayed(&r, o);
	assert_int_equal(r.outside, 2);
	assert_true(r.wall == 10 * 9000 * S);
	assert_true(r.used[EARMARK_PURPOSE_ALIGNMENT] == (3600 + 5400) * S);
	assert_ledger(&r);
}

/* --- what each job leaves --------------------------------------------------------------------- */

static void names_and_requests(void **state)
{
	struct em_replay_result r;
	struct em_ledger *l;
	struct found f = { 0 };

	(void)state;
	write_file("map.yaml", MAP);
	write_file("t.csv", "submit,start,end,gpus,group,user,job\n"
			    "1600000000.25,1600000100,1600000200,2.5,A,ann,train\n"
			    "1600000000,,,8,A,bob,waits\n"
			    "1600000000,1600000300,1600000300,1,A,ann,no-time\n");
	replayed(&r, options("t.csv", NULL));
	assert_int_equal(r.jobs, 3);
	assert_int_equal(r.waiting, 1);
	assert_int_equal(r.requests, 5);
	l = ledger(EM_LEDGER_READ);
	assert_int_equal(em_ledger_usage(l, 0, INT64_MAX, find_usage, &f), 0);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.path, "/A/ann/train");
	assert_string_equal(f.project, "p");
	assert_string_equal(f.ref, "r");
	assert_int_equal(f.tagged_by, EARMARK_TAGGED_BY_SCHEDULER);
	assert_int_equal(em_ledger_notes(l, 0, INT64_MAX, "request", find_note, &f), 0);
	assert_int_equal(f.opens, 3);
	assert_int_equal(f.grants, 2);
	assert_non_null(strstr(f.notes, "\"gpus\":{\"den\":2,\"num\":5}"));
	assert_non_null(strstr(f.notes, "\"at\":\"2020-09-13T12:26:40.250000Z\""));
	assert_non_null(strstr(f.notes, "\"how\":\"add\""));
	assert_non_null(strstr(f.notes, "\"project\":\"p\""));
	em_ledger_close(l);
}

static void no_requests(void **state)
{
	struct em_replay_options o;
	struct em_replay_result r;
	struct em_ledger *l;
	struct found f = { 0 };

	(void)state;
	write_file("map.yaml", MAP);
	write_file("t.csv", TABLE);
	o = options("t.csv", COLUMNS);
	o.requests = false;
	replayed(&r, o);
	l = ledger(EM_LEDGER_READ);
	assert_int_equal(em_ledger_notes(l, 0, INT64_MAX, "request", find_note, &f), 0);
	assert_int_equal(f.opens + f.grants, 0);
	em_ledger_close(l);
}

/* --- into which ledger
 * ---------------------------------------------------------------------------- */

static void twice(void **state)
{
	struct em_replay_result r;

	(void)state;
	write_file("map.yaml", MAP);
	write_file("t.csv", TABLE);
	replayed(&r, options("t.csv", COLUMNS));
	refused(options("t.csv", COLUMNS), "twice");
	write_file("t.csv", TABLE "2023-03-01 11:00:00,10,3,x,C\n");
	refused(options("t.csv", COLUMNS), "the ledger reaches to 2023-03-02T12:00:01Z");
	write_file("t.csv", "start,duration,gpus,group\n2023-04-01,5,1,A\n");
	replayed(&r, options("t.csv", NULL));
	assert_int_equal(r.intervals, 1);
}

static void ledger_of_a_kernel(void **state)
{
	struct earmark_segment row = { .kind = EARMARK_SEGMENT_GPU, .gpu = 1 };
	struct earmark_event none = { 0 };
	struct em_interval i = { .segments = &row, .events = &none };
	struct em_ledger *l = ledger(EM_LEDGER_WRITE);

	(void)state;
	i.header = (struct earmark_interval){ .version = EARMARK_VERSION,
					      .recorder = EARMARK_RECORDER_KERNEL,
					      .nr_segments = 1,
					      .nr_lost = EARMARK_LOST_COUNT,
					      .number = 1,
					      .end = 10,
					      .wall_start = 1000,
					      .wall_end = 1010 };
	em_interval_seal(&i);
	assert_int_equal(em_ledger_append(l, &i), 0);
	em_ledger_close(l);
	write_file("map.yaml", MAP);
	write_file("t.csv", TABLE);
	refused(options("t.csv", COLUMNS), "a kernel or a daemon");
}

/* Stopped after every few intervals, it comes to the same ledger as in one go. */
static void interrupted(void **state)
{
	struct em_replay_options o;
	struct em_replay_result r;
	volatile sig_atomic_t stop = 0;
	int stops = 0;
	int64_t left;

	(void)state;
	write_file("map.yaml", MAP);
	write_file("t.csv", TABLE);
	o = options("t.csv", COLUMNS);
	o.stop = &stop;
	o.progress = stop_after;
	o.arg = &left;
	stop_flag = &stop;
	for (;;) {
		left = 5 + 5 * stops;
		stop = 0;
		if (!replay(&r, &o))
			break;
		assert_true(++stops < 100);
		if (!stop)
			fail_msg("%s", replay_error);
	}
	assert_true(stops > 3);
	assert_true(r.resumed);
	assert_true(r.appended < r.intervals);
	assert_table(&r);
	assert_ledger(&r);
	assert_int_equal(count_notes("request"), 5);
	refused(o, "twice");
}

static void interrupted_by_another(void **state)
{
	struct em_replay_options o;
	struct em_replay_result r;
	volatile sig_atomic_t stop = 0;
	int64_t left = 3;

	(void)state;
	write_file("map.yaml", MAP);
	write_file("t.csv", TABLE);
	o = options("t.csv", COLUMNS);
	o.stop = &stop;
	o.progress = stop_after;
	o.arg = &left;
	stop_flag = &stop;
	assert_int_equal(replay(&r, &o), -EINTR);
	refused(options("t.csv", COLUMNS ",user=gpu_time"), "interrupted replay of other files");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(exact_sums),
		TEST(same_whatever_the_interval),
		TEST(thirds_of_a_gpu),
		TEST(gzip_and_order),
		TEST(more_than_memory),
		TEST(more_than_64_bits),
		TEST(more_than_there_is),
		TEST(outage),
		TEST(cut_to_a_window),
		TEST(names_and_requests),
		TEST(no_requests),
		TEST(twice),
		TEST(ledger_of_a_kernel),
		TEST(interrupted),
		TEST(interrupted_by_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
