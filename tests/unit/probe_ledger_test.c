// SPDX-License-Identifier: GPL-2.0
/* Probes asked of ledgers, through the CLI: planted weeks. */
#include "probe_ask.h"

/* --- a fortnight --------------------------------------------------------------------------- */

/*
 * Three GPUs, hour by hour. First week: capabilities on one, untagged on half of another. Second:
 * alignment on the third too, which was idle; and the untagged job is tagged alignment.
 */
static void fortnight(struct history *h)
{
	__u32 c, u, a = 0;

	history_open(h, START);
	for (__u32 gpu = 1; gpu <= 3; gpu++)
		history_gpu(h, gpu);
	c = history_job(h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SCHEDULER, "big", "/c");
	u = history_job(h, EARMARK_PURPOSE_UNTAGGED, 0, "", "/u");
	/* by the hour around the change, else by the day: every interval is synced to the disk */
	for (int64_t hour = 0, length; hour < 14 * 24; hour += length) {
		int64_t time;

		length = hour / 24 == 6 || hour / 24 == 7 ? 1 : 24;
		time = length * EM_HOUR;
		if (hour == 7 * 24) {
			struct earmark_event tag = { .type = EARMARK_EVENT_TAG,
						     .job = u,
						     .tag = 77,
						     .purpose = EARMARK_PURPOSE_ALIGNMENT };

			a = history_job(h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF,
					"steer", "/a");
			history_event(h, tag);
		}
		history_use(h, 1, c, time, time, time / 2);
		history_use(h, 2, u, time / 2, time, time / 4);
		if (hour >= 7 * 24) {
			h->segments[h->nr_segments - 1].id = 77;
			history_use(h, 3, a, time, time, time / 10);
		}
		for (__u32 gpu = 1; gpu <= 3; gpu++)
			history_rest(h, gpu, time, 0, 0, 0);
		history_seal(h, time);
	}
}

static void series(struct history *h)
{
	struct em_range window = { START + 90 * 60 * S, START + 13 * EM_DAY + EM_HOUR };
	struct em_series s;

	assert_int_equal(em_series_make(&s, h->l, window, EM_DAY), 0);
	assert_int_equal(s.n, 12); /* whole days only */
	assert_int_equal(s.list[0].at.start, START + EM_DAY);
	assert_true(em_parts_capacity(&s.list[0].p) == 72 * HOUR);
	assert_true(s.list[0].p.part[EM_PART_U] == 12 * HOUR);
	assert_true(s.list[11].p.part[EM_PART_A] == 36 * HOUR);
	assert_true(s.list[11].p.part[EM_PART_I] == 12 * HOUR && s.crossing == 0);
	em_series_clear(&s);
	assert_int_equal(em_series_make(&s, h->l, window, 90 * 60 * S), 0);
	assert_true(s.crossing > 0); /* edges lie within intervals */
	em_series_clear(&s);
	window.end = window.start;
	assert_int_equal(em_series_make(&s, h->l, window, EM_DAY), 0);
	assert_int_equal(s.n, 0);
	em_series_clear(&s);
}

/* 252 h of alignment: 84 were untagged before, and 168 came out of idle GPUs. */
static void exact(const char *ledger)
{
	_cleanup_json_ json_t *f = ASK(ledger, 0, "financing");
	_cleanup_json_ json_t *s = ASK(ledger, 0, "scale");
	const json_t *idle = row(f, "source", "idle"), *untagged = row(f, "source", "untagged");

	assert_int_equal(value(f, "alignment_change_us"), 252LL * 3600 * 1000000);
	assert_int_equal(value(f, "retagged_us"), 84LL * 3600 * 1000000);
	assert_string_equal(json_string_value(json_array_get(json_object_get(f, "recorded_by"), 0)),
			    "kernel");
	assert_int_equal(value(f, "growth_us"), 168LL * 3600 * 1000000);
	assert_true(share(idle, "low") == 1 && share(idle, "high") == 1);
	assert_int_equal(json_integer_value(json_object_get(untagged, "retagged_us")),
			 84LL * 3600 * 1000000);
	assert_int_equal(value(s, "scale_us") + value(s, "share_us"),
			 value(s, "alignment_change_us"));
	/* s 0 -> 0.6, T 252 -> 420: 0.3 · 168 and 336 · 0.6 */
	assert_int_equal(value(s, "scale_us"), 504LL * 3600 * 100000);
	assert_int_equal(value(s, "share_us"), 2016LL * 3600 * 100000);
}

/* Windows of three days against one: as rates. */
static void unequal(const char *ledger)
{
	char before[64], after[64];
	_cleanup_json_ json_t *f = NULL;

	snprintf(before, sizeof(before), "@%lld/@%lld", (long long)(START / S),
		 (long long)((START + 3 * EM_DAY) / S));
	snprintf(after, sizeof(after), "@%lld/@%lld", (long long)((START + 8 * EM_DAY) / S),
		 (long long)((START + 9 * EM_DAY) / S));
	f = ASK(ledger, 0, "financing", "--before", before, "--after", after);
	assert_int_equal(value(f, "alignment_change_us"), 36LL * 3600 * 1000000);
	assert_int_equal(value(f, "sources_us"), 24LL * 3600 * 1000000);
	assert_int_equal(json_array_size(json_object_get(f, "period")), 2);
	json_decref(f);
	/* a window that starts before the record is cut to it, not taken for idle */
	snprintf(before, sizeof(before), "@%lld/@%lld", (long long)((START - 4 * EM_DAY) / S),
		 (long long)((START + 3 * EM_DAY) / S));
	f = ASK(ledger, 0, "financing", "--before", before, "--after", after);
	assert_int_equal(value(f, "sources_us"), 24LL * 3600 * 1000000);
}

static void others(const char *ledger)
{
	_cleanup_json_ json_t *b = ASK(ledger, 0, "bounds");
	_cleanup_json_ json_t *p = ASK(ledger, 1, "padding");
	_cleanup_json_ json_t *c = ASK(ledger, 0, "coverage");
	_cleanup_json_ json_t *g = ASK(ledger, 1, "gate", "--size", "24");

	assert_true(fabs(share(json_object_get(b, "values"), "proven") - 252.0 / 672) < 1e-9);
	assert_true(fabs(share(json_object_get(b, "values"), "possible") - 336.0 / 672) < 1e-9);
	assert_true(share(row(b, "name", "/u"), "narrows") > 0.1);
	assert_true(fabs(share(json_object_get(p, "values"), "gpu_time_share") - 252.0 / 672) <
		    1e-9);
	assert_true(share(row(p, "purpose", "capabilities"), "busy_of_gpu_time") == 0.5);
	assert_int_equal(value(c, "gpus"), 3);
	assert_int_equal(value(g, "unapproved"), 1);
	assert_int_equal(json_integer_value(json_object_get(row(g, "name", "big"), "time_us")),
			 24LL * 3600 * 1000000);
}

static void notes(struct history *h)
{
	static const char *const order =
		"{\"name\":\"double\",\"purpose\":\"alignment\",\"from\":{\"num\":0,\"den\":10},"
		"\"to\":{\"num\":6,\"den\":10}}";

	assert_int_equal(em_ledger_note_at(h->l, START - S, "approval",
					   "{\"id\":\"ok\",\"project\":\"big\",\"signers\":[]}"),
			 0);
	assert_int_equal(em_ledger_note_at(h->l, START + 7 * EM_DAY, "order", order), 0);
	assert_int_equal(em_ledger_note_at(h->l, START + 7 * EM_DAY, "order", "[]"), 0);
	assert_int_equal(em_ledger_note_at(h->l, START + 7 * EM_DAY, "event",
					   "{\"name\":\"\\u001b[2Jrival\"}"),
			 0);
	for (int i = 0; i < 6; i++) {
		char open[256], grant[256];
		const char *how = i % 2 ? "add" : "displace";

		snprintf(open, sizeof(open),
			 "{\"id\":\"r%d\",\"action\":\"open\",\"purpose\":\"alignment\","
			 "\"how\":\"%s\",\"gpus\":1}",
			 i, how);
		snprintf(grant, sizeof(grant), "{\"id\":\"r%d\",\"action\":\"grant\",\"gpus\":1}",
			 i);
		assert_int_equal(em_ledger_note_at(h->l, START + i * EM_HOUR, "request", open), 0);
		assert_int_equal(em_ledger_note_at(h->l, START + (i + 1 + i % 2) * EM_HOUR,
						   "request", grant),
				 0);
	}
	history_reopen(h);
}

static void noted(const char *ledger)
{
	_cleanup_json_ json_t *g = ASK(ledger, 0, "gate", "--size", "24");
	_cleanup_json_ json_t *l = ASK(ledger, 0, "latency");
	_cleanup_json_ json_t *r = ASK(ledger, 2, "requests"); /* three of a kind: too few */
	_cleanup_json_ json_t *c = ASK(ledger, 0, "constraint", "--researchers", "1:2");
	const json_t *order = row(l, "name", "double");

	assert_int_equal(value(g, "unapproved"), 0);
	assert_int_equal(json_integer_value(json_object_get(order, "t50_us")), 0);
	assert_true(json_array_size(json_object_get(order, "curve")) > 3);
	assert_int_equal(value(l, "bad_notes"), 1);
	assert_int_equal(value(r, "requests"), 6);
	assert_int_equal(value(c, "alignment_per_researcher_us"), 252LL * 3600 * 1000000);
	assert_int_equal(value(c, "capabilities_per_researcher_us"), 168LL * 3600 * 1000000);
}

/* What people read: the same findings, one shape, no escape sequences. */
static void text(const char *ledger)
{
	static const char *const words[] = { "P2 financing", "the essay", "estimate",
					     "interval",     "before",    "would change",
					     "cannot tell",  "[2Jrival" };
	struct said said;

	earmark(&said, "--ledger", (char *)ledger, "probe", "all");
	assert_int_equal(said.status, 1); /* padding */
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strstr(said.out, words[i]))
			fail_msg("\"%s\" is not in: %s", words[i],
				 strstr(said.out, "P5 ") ?: said.out);
	}
	assert_null(strchr(said.out, '\x1b'));
}

static void two_weeks(void **state)
{
	struct history h;

	(void)state;
	fortnight(&h);
	series(&h);
	history_reopen(&h);
	exact(h.dir);
	unequal(h.dir);
	others(h.dir);
	notes(&h);
	noted(h.dir);
	text(h.dir);
	history_close(&h);
}

/* --- drift --------------------------------------------------------------------------------- */

/* A day an interval: 20 % with a little of everything, 12 % from day 96 on. */
static void seasons(struct history *h, int days)
{
	__u32 a, c;

	history_open(h, START);
	history_gpu(h, 1);
	a = history_job(h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "", "/a");
	c = history_job(h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "", "/c");
	for (int day = 0; day < days; day++) {
		uint64_t percent = (day < 96 ? 20 : 12) + (uint64_t)(day * 7 % 5);

		history_use(h, 1, a, EM_DAY / 100 * percent, EM_DAY, EM_HOUR);
		history_use(h, 1, c, EM_DAY / 100 * (90 - percent), EM_DAY, EM_HOUR);
		history_rest(h, 1, EM_DAY, 0, 0, 0);
		history_seal(h, EM_DAY);
	}
	history_reopen(h);
}

static void drift(void **state)
{
	_cleanup_json_ json_t *found = NULL, *frozen = NULL, *early = NULL, *again = NULL;
	struct history h;
	char until[32], at[32];

	(void)state;
	seasons(&h, 108);
	snprintf(at, sizeof(at), "@%lld", (long long)((START + 96 * EM_DAY) / S));
	snprintf(until, sizeof(until), "@%lld", (long long)((START + 80 * EM_DAY) / S));
	found = ASK(h.dir, 1, "drift", "--at", at);
	assert_int_equal(value(found, "baseline_days"), 90);
	assert_non_null(strstr(json_string_value(json_object_get(found, "estimate")), "down"));
	assert_int_equal(json_array_size(json_object_get(found, "rows")), 1);
	assert_true(json_real_value(json_object_get(json_object_get(found, "values"),
						    "declared_level_high")) < 0);
	early = ASK(h.dir, 0, "drift", "--until", until);
	assert_non_null(
		strstr(json_string_value(json_object_get(early, "estimate")), "uncalibrated"));
	em_ledger_close(h.l);
	h.l = NULL;
	frozen =
		ASK(h.dir, 1, "drift", "--freeze", "--author", "ann", "--reason", "the old season");
	again = ASK(h.dir, 1, "drift", "--seed", "9");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(again, "values"), "baseline")),
		"frozen in the ledger");
	assert_true(fabs(json_real_value(
				 json_object_get(json_object_get(again, "values"), "threshold")) -
			 json_real_value(json_object_get(json_object_get(frozen, "values"),
							 "threshold"))) < 1e-8);
	assert_int_equal(em_ledger_open(&h.l, h.dir, EM_LEDGER_WRITE), 0);
	history_close(&h);
}

/* --- renamed work, and a drill --------------------------------------------------------------- */

#define NEW_JOBS 3

/* Eight days, three new jobs a day; each runs the same three programs, called alignment from day 4.
 */
static void renamed_days(struct history *h)
{
	history_open(h, START);
	history_gpu(h, 1);
	for (int day = 0; day < 8; day++) {
		for (int k = 0; k < NEW_JOBS; k++) {
			__u32 job = history_job(h,
						day < 4 ? EARMARK_PURPOSE_CAPABILITIES
							: EARMARK_PURPOSE_ALIGNMENT,
						EARMARK_TAGGED_BY_SELF, "", "/j");
			char note[256];

			history_use(h, 1, job, EM_DAY / 4, EM_DAY / 4, EM_DAY / 8 + day);
			snprintf(note, sizeof(note),
				 "{\"boot_id\":\"01%030d\",\"job\":%u,\"fingerprint\":\"%064d\"}",
				 0, job, k);
			assert_int_equal(em_ledger_note_at(h->l, h->wall, "job-profile", note), 0);
			/* what it ran later, or what could not be seen, does not make it another */
			snprintf(note, sizeof(note),
				 "{\"boot_id\":\"01%030d\",\"job\":%u,\"fingerprint\":\"%064d\"}",
				 0, job, 100 + day * NEW_JOBS + k);
			assert_int_equal(em_ledger_note_at(h->l, h->wall + 1, "job-profile", note),
					 0);
			snprintf(note, sizeof(note),
				 "{\"boot_id\":\"01%030d\",\"job\":%u,\"fingerprint\":null}", 0,
				 job);
			assert_int_equal(em_ledger_note_at(h->l, h->wall - 1, "job-profile", note),
					 0);
		}
		history_rest(h, 1, EM_DAY, 0, 0, 0);
		history_seal(h, EM_DAY);
	}
}

static void renamed(const char *ledger)
{
	_cleanup_json_ json_t *o = ASK(ledger, 1, "relabel");

	assert_true(share(row(o, "first", "capabilities"), "share") == 1);
	assert_int_equal(value(o, "switched"), NEW_JOBS);
	assert_int_equal(value(o, "compared"), NEW_JOBS);
	assert_true(json_real_value(json_object_get(json_object_get(o, "values"), "p")) < 0.05);
}

/* Ordered on days 4 to 7, when alignment has all; controls are days 0 to 3, when it has nothing. */
static void order_drill(struct history *h)
{
	for (int day = 0; day < 8; day++) {
		char note[256], at[EM_TIME_LEN];

		snprintf(note, sizeof(note),
			 "{\"purpose\":\"alignment\",\"from\":{\"num\":0,\"den\":1},"
			 "\"to\":{\"num\":1,\"den\":1},\"arm\":\"add\",\"control\":%s,"
			 "\"at\":\"%s\"}",
			 day < 4 ? "true" : "false", em_time_format(at, START + day * EM_DAY, 0));
		assert_int_equal(
			em_ledger_note_at(h->l, START + (day == 7 ? 8 : 0) * EM_DAY, "order", note),
			0);
	}
}

static void drilled(const char *ledger)
{
	_cleanup_json_ json_t *o = ASK(ledger, 0, "drill-analyse");
	_cleanup_json_ json_t *late = ASK(ledger, 0, "drill-analyse", "--hold", "25h");

	assert_int_equal(value(o, "trials"), 8);
	assert_int_equal(value(o, "after_the_fact"), 1);
	assert_true(json_real_value(json_object_get(row(o, "arm", "add"), "effect")) == 1);
	assert_true(json_real_value(json_object_get(row(o, "arm", "add"), "p")) < 0.05);
	assert_true(json_is_null(json_object_get(row(o, "arm", "displace"), "effect")));
	assert_int_equal(value(late, "trials"), 7); /* the last one has not ended */
}

static void eight_days(void **state)
{
	struct history h;

	(void)state;
	renamed_days(&h);
	order_drill(&h);
	history_reopen(&h);
	renamed(h.dir);
	drilled(h.dir);
	history_close(&h);
}

/* --- nodes --------------------------------------------------------------------------------- */

/* A node of one GPU, half of it alignment's: @first and @second hours of two days are used. */
static void node(const char *name, const char *root, double share, int first, int second)
{
	struct history h;
	char path[128];
	__u32 a, c;

	history_open(&h, START);
	history_gpu(&h, 1);
	a = history_job(&h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "", "/a");
	c = history_job(&h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "", "/c");
	for (int day = 0; day < 2; day++) {
		uint64_t used = (uint64_t)((day ? second : first) * EM_HOUR);
		uint64_t own = (uint64_t)(share * (double)used);

		history_use(&h, 1, a, own, own, 0);
		history_use(&h, 1, c, used - own, used - own, 0);
		history_rest(&h, 1, EM_DAY, 0, 0, 0);
		history_seal(&h, EM_DAY);
	}
	em_ledger_close(h.l);
	snprintf(path, sizeof(path), "%s/%s", root, name);
	assert_int_equal(rename(h.dir, path), 0);
}

/*
 * Of "safe", alignment has half, of "fast" nothing; fast is used more, and so alignment's share
 * falls, although nobody's does: all of it between nodes, nothing within.
 */
static void two_nodes(void **state)
{
	char root[] = "/tmp/earmark-nodes.XXXXXX", command[64], before[96], after[96];
	char day[3][EM_TIME_LEN];
	json_t *o;

	(void)state;
	assert_non_null(mkdtemp(root));
	node("safe", root, 0.5, 24, 24);
	node("fast", root, 0, 6, 24);
	for (int i = 0; i < 3; i++)
		em_time_format(day[i], START + i * EM_DAY, 0);
	snprintf(before, sizeof(before), "%s/%s", day[0], day[1]);
	snprintf(after, sizeof(after), "%s/%s", day[1], day[2]);
	o = ASK(root, 0, "scale", "--before", before, "--after", after);
	assert_int_equal(value(o, "alignment_change_us"), 0);
	/* T from 30 to 48 h, s from 0.4 to 0.25: 39 h * -0.15 */
	assert_int_equal(value(o, "share_us"), (json_int_t)(-5.85 * 3600e6));
	assert_int_equal(value(o, "within_nodes_us"), 0);
	assert_int_equal(value(o, "between_nodes_us"), value(o, "share_us"));
	assert_int_equal(json_integer_value(json_object_get(row(o, "name", "safe"), "change_us")),
			 0);
	assert_string_equal(json_string_value(json_object_get(row(o, "name", "fast"), "by")),
			    "node");
	json_decref(o);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_weeks),
		cmocka_unit_test(drift),
		cmocka_unit_test(eight_days),
		cmocka_unit_test(two_nodes),
	};

	return cmocka_run_group_tests_name("probe ledger", tests, set_up, tear_down);
}
