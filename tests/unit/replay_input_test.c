// SPDX-License-Identifier: GPL-2.0
/* What replay reads: values, maps and the formats. */
#include "replay_make.h"
#include "rule/rule.h"

#define MAP "rules:\n  - match: {}\n    purpose: alignment\n"

/* --- values ------------------------------------------------------------------------------- */

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t us; /* -1: refused */
		const char *why;
	} table[] = {
		{ "0", 0, NULL },
		{ "0.0000005", 0, NULL },
		{ "0.0000015", 2, NULL },
		{ "0.0000025", 2, NULL },
		{ "0.00000250000000000000000000000000000000000000000001", 3, NULL },
		{ "86399.9999999", 86400000000, NULL },
		{ "1.5e3", 1500000000, NULL },
		{ "12e-6", 12, NULL },
		{ "1e-400", 0, NULL },
		{ "00:00:01", 1000000, NULL },
		{ "100:00:00.5", 360000500000, NULL },
		{ "2-03:04:05", 183845000000, NULL },
		{ "-5", -1, "is negative" },
		{ "-00:00:05", -1, "is negative" },
		{ "1e308", -1, "is too large" },
		{ "99999999999999999999999999999999999999999999", -1, "is too large" },
		{ "", -1, "is empty" },
		{ "nan", -1, "is not a number" },
		{ "inf", -1, "is not a number" },
		{ "1.2.3", -1, "is not a number" },
		{ "12s", -1, "is not a number" },
		{ "0x10", -1, "is not a number" },
		{ "01:99:00", -1, "HH:MM:SS" },
		{ "5:00", -1, "HH:MM:SS" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int64_t ns = -1;
		const char *why = em_value_duration(table[i].text, &ns);

		if (!why != !table[i].why || (why && !strstr(why, table[i].why)))
			fail_msg("%s: %s", table[i].text, why ?: "taken");
		if (!why && ns != table[i].us * 1000)
			fail_msg("%s: %" PRId64 " ns", table[i].text, ns);
	}
}

static void instants(void **state)
{
	static const struct {
		const char *text;
		int64_t ns; /* -1: refused */
	} table[] = {
		{ "2020-05-01 00:00:00", 1588291200000000000 },
		{ "2020-05-01T00:00:00Z", 1588291200000000000 },
		{ "2020-05-01T02:00:00+02:00", 1588291200000000000 },
		{ "2020-05-01 00:00:00.123456", 1588291200123456000 },
		{ "2020-05-01 00:00:00.9999999999", 1588291201000000000 },
		{ "2020-05-01", 1588291200000000000 },
		{ "2024-02-29 12:00", 1709208000000000000 },
		{ "1588291200", 1588291200000000000 },
		{ "1588291200.25", 1588291200250000000 },
		{ "1.5882912e9", 1588291200000000000 },
		{ "2023-02-29", -1 },
		{ "2020-05-01 25:00:00", -1 },
		{ "2020-05-01 00:00:00 CEST", -1 },
		{ "yesterday", -1 },
		{ "1e308", -1 },
		{ "-1", -1 },
		{ "9999-01-01", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int64_t ns = -1;
		const char *why = em_value_time(table[i].text, &ns);

		if (!why != (table[i].ns >= 0) || ns != table[i].ns)
			fail_msg("%s: %" PRId64 " %s", table[i].text, ns, why ?: "");
	}
}

static void zones(void **state)
{
	int64_t ns;

	(void)state;
	if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK)) {
		print_message("skipped: no tzdata here\n");
		skip();
	}
	assert_int_equal(em_zone_set("Europe/Berlin"), 0);
	assert_null(em_value_time("2024-07-01 02:00:00", &ns));
	assert_int_equal(ns, instant("2024-07-01T00:00:00Z"));
	assert_null(em_value_time("2024-01-01 01:00:00", &ns));
	assert_int_equal(ns, instant("2024-01-01T00:00:00Z"));
	assert_null(em_value_time("2024-07-01T00:00:00Z", &ns));
	assert_int_equal(ns, instant("2024-07-01T00:00:00Z"));
	/* passes twice: the first; was skipped: none */
	assert_null(em_value_time("2024-10-27 02:30:00", &ns));
	assert_int_equal(ns, instant("2024-10-27T00:30:00Z"));
	assert_non_null(em_value_time("2024-03-31 02:30:00", &ns));
	assert_int_equal(em_zone_set("Europe/Atlantis"), -ENOENT);
	assert_int_equal(em_zone_set("../../etc/passwd"), -ENOENT);
	assert_int_equal(em_zone_set("UTC"), 0);
}

/* --- maps ------------------------------------------------------------------------------------ */

static void map_errors(void **state)
{
	static const struct {
		const char *yaml, *says;
	} table[] = {
		{ "rules:\n  - mach: {}\n    purpose: alignment\n",
		  ":2:5: mach: no such key; did you mean match?" },
		{ "rules:\n  - match: { gruop: x }\n    purpose: alignment\n",
		  ":2:14: gruop: no such key; did you mean group?" },
		{ "rules:\n  - match: {}\n    purpose: alignmnt\n",
		  ":3:14: purpose: \"alignmnt\" is none; did you mean alignment?" },
		{ "rules:\n  - match: {}\n", "has no \"purpose\"" },
		{ "rule: []\n", "did you mean rules?" },
		{ "outage: maybe\n", ":1:9: outage: idle or unobserved" },
		{ "rules:\n  - match: []\n    purpose: mixed\n", ":2:12: match: expected" },
		{ "rules: 5\n", "expected a list" },
		{ "rules:\n  - match: {}\n    purpose: mixed\n    purpose: mixed\n",
		  "given twice" },
		{ "rules: [\n", "map.yaml:" },
		{ "", "it is empty" },
		{ "rules:\n  - match: { user: [a] }\n    purpose: mixed\n", "printable text" },
	};
	struct em_rules r;
	char err[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		write_file("map.yaml", table[i].yaml);
		assert_int_not_equal(em_rules_load(&r, in_dir("map.yaml"), err, sizeof(err)), 0);
		if (!strstr(err, table[i].says))
			fail_msg("\"%s\" is not in: %s", table[i].says, err);
	}
	assert_int_equal(em_rules_load(&r, in_dir("none.yaml"), err, sizeof(err)), -ENOENT);
}

static void first_match_wins(void **state)
{
	struct em_rules r;
	char err[512];
	const char *subject[EM_RULE_KEY_COUNT] = { 0 };

	(void)state;
	write_file("map.yaml", "rules:\n"
			       "  - match: { group: 'safe*', user: ann }\n    purpose: alignment\n"
			       "  - match: { group: 'safe*' }\n    purpose: mixed\n"
			       "  - match: { qos: '[hl]ow' }\n    purpose: serving\n"
			       "  - match: { job: '*' }\n    purpose: untagged\n");
	assert_int_equal(em_rules_load(&r, in_dir("map.yaml"), err, sizeof(err)), 0);
	subject[EM_RULE_GROUP] = "safety";
	subject[EM_RULE_USER] = "ann";
	assert_int_equal(em_rules_find(&r, subject), 0);
	subject[EM_RULE_USER] = "bob";
	assert_int_equal(em_rules_find(&r, subject), 1);
	subject[EM_RULE_GROUP] = "unsafe";
	subject[EM_RULE_QOS] = "low";
	assert_int_equal(em_rules_find(&r, subject), 2);
	subject[EM_RULE_QOS] = NULL;
	assert_int_equal(em_rules_find(&r, subject), 3);
	assert_true(em_rules_ask(&r, EM_RULE_QOS));
	assert_false(em_rules_ask(&r, EM_RULE_JOB));
	em_rules_clear(&r);
}

/* --- sacct ----------------------------------------------------------------------------------- */

#define SACCT_MAP                                                          \
	"rules:\n  - match: { account: safety }\n    purpose: alignment\n" \
	"  - match: { partition: 'a*' }\n    purpose: capabilities\n"

/* 8 GPUs for 1 h, 2 for 10 min (still running), a CPU job, one that waits, one given up. */
static void assert_sacct(const struct em_replay_result *r)
{
	assert_int_equal(r->bad, 0);
	assert_int_equal(r->no_gpu, 1);
	assert_int_equal(r->running, 1);
	assert_int_equal(r->waiting, 2);
	assert_int_equal(r->requests, 5);
	assert_true(r->used[EARMARK_PURPOSE_ALIGNMENT] == 8 * 3600 * S);
	assert_true(r->used[EARMARK_PURPOSE_CAPABILITIES] == 2 * 600 * S);
	assert_int_equal(r->end, instant("2024-05-01T12:00:00Z"));
}

static void sacct_table(void **state)
{
	struct em_replay_options o;
	struct em_replay_result r;

	(void)state;
	write_file("map.yaml", SACCT_MAP);
	write_file("s.txt",
		   "JobID|User|Account|Partition|QOS|Submit|Start|End|AllocTRES|ReqTRES\n"
		   "10|ann|safety|a100|normal|2024-05-01T09:00:00|2024-05-01T10:00:00|"
		   "2024-05-01T11:00:00|billing=8,gres/gpu:a100=8,gres/gpu=8,node=1|gres/gpu=8\n"
		   "10.batch||safety|||2024-05-01T10:00:00|2024-05-01T10:00:00|"
		   "2024-05-01T11:00:00|gres/gpu=8|\n"
		   "11_3|bob|caps|a100|normal|2024-05-01T11:50:00|2024-05-01T11:50:00|Unknown|"
		   "gres/gpu:a100=1,gres/gpu:h100=1|gres/gpu=2\n"
		   "12|bob|caps|cpu|normal|2024-05-01T10:00:00|2024-05-01T10:00:00|"
		   "2024-05-01T11:00:00|cpu=4,mem=1G|cpu=4\n"
		   "13|bob|caps|a100|normal|2024-05-01T12:00:00|Unknown|Unknown||gres/gpu=64\n"
		   "14|bob|caps|a100|normal|2024-05-01T11:00:00|None|2024-05-01T11:10:00||"
		   "gres/gpu=64\n");
	o = options("s.txt", NULL);
	o.format = EM_REPLAY_SACCT;
	replayed(&r, o);
	assert_int_equal(r.rows, 6);
	assert_int_equal(r.steps, 1);
	assert_sacct(&r);
}

#define JSON_JOB(id, user, account, partition, submit, start, end, alloc, req)                  \
	"{\"job_id\":" #id ",\"user\":\"" user "\",\"account\":\"" account                      \
	"\",\"partition\":\"" partition "\",\"qos\":\"normal\",\"array\":{\"job_id\":0,"        \
	"\"task_id\":{\"set\":false,\"infinite\":false,\"number\":0}},\"steps\":[{\"tres\":{"   \
	"\"allocated\":[{\"type\":\"gres\",\"name\":\"gpu\",\"count\":99}]},\"time\":{"         \
	"\"start\":1}}],\"time\":{\"submission\":" #submit ",\"start\":" start ",\"end\":" #end \
	"},\"tres\":{\"allocated\":[{\"type\":\"cpu\",\"name\":\"\",\"count\":4}" alloc         \
	"],\"requested\":[{\"type\":\"cpu\",\"name\":\"\",\"count\":4}" req "]}}"
#define GPU(name, n) ",{\"type\":\"gres\",\"name\":\"" name "\",\"id\":1,\"count\":" #n "}"

static void sacct_json(void **state)
{
	struct em_replay_options o;
	struct em_replay_result r;

	(void)state;
	write_file("map.yaml", SACCT_MAP);
	write_file(
		"s.json",
		" {\"meta\":{\"jobs\":[{\"job_id\":1}]},\"jobs\":[" JSON_JOB(
			10, "ann", "safety", "a100", 1714554000, "1714557600", 1714561200,
			GPU("gpu:a100", 8) GPU("gpu", 8),
			GPU("gpu",
			    8)) "," JSON_JOB(11, "bob", "caps", "a100", 1714564200,
					     "{\"set\":true,\"number\":1714564200}", 0,
					     GPU("gpu:a100", 1) GPU("gpu:h100", 1),
					     GPU("gpu",
						 2)) "," JSON_JOB(12, "bob", "caps", "cpu",
								  1714557600, "1714557600",
								  1714561200, "",
								  "") "," JSON_JOB(13, "bob",
										   "caps", "a100",
										   1714564800, "0",
										   0, "",
										   GPU("gpu",
										       64)) "," JSON_JOB(14,
													 "bob",
													 "caps",
													 "a100",
													 1714561200,
													 "0",
													 1714561800,
													 "",
													 GPU("gpu",
													     64)) "],\"errors\":[]}\n");
	o = options("s.json", NULL);
	o.format = EM_REPLAY_SACCT;
	replayed(&r, o);
	assert_int_equal(r.rows, 5);
	assert_sacct(&r);
	forget_ledger();
	write_file("s.json", "{\"jobs\":[{\"job_id\":1,}");
	refused(o, "is not what sacct --json prints, after job 0");
	write_file("s.json", "{\"job\":[]}");
	refused(o, "has no \"jobs\"");
}

/* --- helios ----------------------------------------------------------------------------------- */

static void helios_small(void **state)
{
	struct em_replay_options o;
	struct em_replay_result r;
	struct found f = { 0 };
	struct em_ledger *l;

	(void)state;
	write_file("map.yaml", "rules:\n  - match: { group: vcA }\n    purpose: alignment\n"
			       "  - match: { group: vcB }\n    purpose: capabilities\n"
			       "outage: unobserved\n");
	/* vcA lacks the minute of 00:03; at 00:01 nothing runs anywhere */
	write_file("vcA.csv", "time,total_gpu_num,running_gpu_num\n"
			      "2020-05-01 00:00:00,8,4\n2020-05-01 00:01:00,8,0\n"
			      "2020-05-01 00:02:00,8,8\n2020-05-01 00:04:00,8,8\n");
	write_file("vcB.csv", "time,total_gpu_num,running_gpu_num\n"
			      "2020-05-01 00:00:00,16,16\n2020-05-01 00:01:00,16,0\n"
			      "2020-05-01 00:02:00,10,12\n");
	write_file("quota.csv", "date,vcA,vcB,total\n2020-05-01,8,16,24\n2020-05-02,8,16,24\n"
				"2020-05-03,12,12,24\n");
	o = options("", NULL);
	o.format = EM_REPLAY_HELIOS;
	replayed(&r, o);
	assert_int_equal(r.bad, 0);
	assert_true(r.used[EARMARK_PURPOSE_ALIGNMENT] == (4 + 8 + 8) * 60 * S);
	assert_true(r.used[EARMARK_PURPOSE_CAPABILITIES] == (16 + 12) * 60 * S);
	assert_true(r.unobserved == (8 + 16 + 8) * 60 * S);
	assert_true(r.idle == 4 * 60 * S);
	assert_true(r.wall == (5 * 8 + 2 * 16 + 10 + 2) * 60 * S);
	assert_int_equal(r.over, 1);
	assert_int_equal(r.orders, 2);
	l = ledger(EM_LEDGER_READ);
	assert_int_equal(em_ledger_notes(l, 0, INT64_MAX, "order", find_note, &f), 0);
	assert_non_null(strstr(f.notes, "\"at\":\"2020-05-03T00:00:00Z\""));
	assert_non_null(strstr(f.notes, "\"from\":{\"den\":3,\"num\":1}"));
	assert_non_null(strstr(f.notes, "\"to\":{\"den\":2,\"num\":1}"));
	assert_null(strstr(f.notes, "2020-05-02"));
	em_ledger_close(l);
}

static void helios_earth(void **state)
{
	const char *traces = getenv("EARMARK_TRACES");
	struct em_replay_options o;
	struct em_replay_result r;
	char path[512], *paths[] = { path };
	double used, wall;

	(void)state;
	if (!traces) {
		print_message("skipped: EARMARK_TRACES does not name a folder of real traces\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/helios-earth", traces);
	write_file("map.yaml", MAP);
	o = options("", NULL);
	o.format = EM_REPLAY_HELIOS;
	o.paths = paths;
	replayed(&r, o);
	used = (double)r.used[EARMARK_PURPOSE_ALIGNMENT] / 3.6e12;
	wall = (double)r.wall / 3.6e12;
	assert_true(used > 424773 * 0.9999 && used < 424773 * 1.0001);
	assert_true(wall > 636864 * 0.9999 && wall < 636864 * 1.0001);
	assert_int_equal(r.bad, 0);
}

/* --- the example of the guide ------------------------------------------------------------------
 */

/* Sums worked out apart from it, by another program in decimal numbers. */
static void example(void **state)
{
	char table[] = "docs/example/jobs.csv", *paths[] = { table };
	struct em_replay_options o;
	struct em_replay_result r;

	(void)state;
	if (access(table, R_OK)) {
		print_message("skipped: not started in the project's folder\n");
		skip();
	}
	o = options("", "submit=submit_time,start=start_time,duration=seconds,gpus=gpu_count,"
			"group=team");
	o.paths = paths;
	o.map = "docs/example/map.yaml";
	o.capacity = 64 * EM_PICO;
	replayed(&r, o);
	assert_int_equal(r.bad, 0);
	assert_int_equal(r.over, 0);
	assert_int_equal(r.jobs, 751);
	assert_int_equal(r.requests, 2 * 751);
	assert_true(r.used[EARMARK_PURPOSE_ALIGNMENT] == 15687494100000 * 1000ULL);
	assert_true(r.used[EARMARK_PURPOSE_CAPABILITIES] == 69465189600000 * 1000ULL);
	assert_true(r.used[EARMARK_PURPOSE_SERVING] == 11290728600000 * 1000ULL);
	assert_true(r.used[EARMARK_PURPOSE_INFRASTRUCTURE] == 358383600000 * 1000ULL);
	assert_true(r.used[EARMARK_PURPOSE_UNTAGGED] == 351627900000 * 1000ULL);
}

static void counted_not_refused(void **state)
{
	struct em_replay_result r;

	(void)state;
	write_file("map.yaml", MAP);
	write_file("t.csv", "submit,start,duration,gpus\n"
			    "1600000500,1600000000,10,1\n"
			    "1600000000,1600000000,10,0.1234567890125\n"
			    "1600000000,1600000000,10,0\n");
	replayed(&r, options("t.csv", NULL));
	assert_int_equal(r.late, 1);
	assert_int_equal(r.rounded, 1);
	assert_int_equal(r.no_gpu, 1);
	assert_int_equal(r.bad, 0);
	/* half to even: 0.123456789012 of a GPU for 10 s */
	assert_true(r.used[EARMARK_PURPOSE_ALIGNMENT] == 10 * S + 1234567890);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(durations),
		TEST(instants),
		TEST(zones),
		TEST(map_errors),
		TEST(first_match_wins),
		TEST(sacct_table),
		TEST(sacct_json),
		TEST(helios_small),
		TEST(helios_earth),
		TEST(example),
		TEST(counted_not_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
