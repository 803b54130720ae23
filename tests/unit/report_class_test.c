// SPDX-License-Identifier: GPL-2.0
/* What the command line says of how busy was measured, of allocations and of energy. */
#include "history.h"
#include "probe_ask.h"

#define BOOT "01000000000000000000000000000000"
#define W0 (1790000000 * S)

static void energy(struct history *h, const char *kind, const char *rest)
{
	char a[EM_TIME_LEN], b[EM_TIME_LEN], json[512];

	snprintf(json, sizeof(json),
		 "{\"boot_id\":\"" BOOT "\",\"since\":\"%s\",\"until\":\"%s\",%s}",
		 em_time_format(a, W0, 9), em_time_format(b, W0 + 10 * S, 9), rest);
	assert_int_equal(em_ledger_note_at(h->l, W0 + 10 * S, kind, json), 0);
}

/* One interval in which busy was told: alignment has 6 s +- 1, capabilities 2 s +- 0.5. */
static void make(struct history *h)
{
	struct em_allocated given[] = { { 1, 1, 1, 2 * S }, { 2, 1, 2, 8 * S } };
	struct em_interval i = { .segments = h->segments, .events = h->events };
	__u32 a, c;

	history_open(h, W0);
	history_gpu(h, 1);
	a = history_job(h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "p", "/a");
	c = history_job(h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "=q", "/c");
	history_use(h, 1, a, 5 * S, 10 * S, 6 * S);
	history_use(h, 1, c, 5 * S, 10 * S, 2 * S);
	history_rest(h, 1, 10 * S, 0, 0, 0);
	h->nr_segments--; /* no engine */
	h->segments[0].class = EARMARK_CLASS_SAMPLED;
	h->segments[0].usage.busy_error = 1 * S;
	h->segments[1].class = EARMARK_CLASS_COUNTER;
	h->segments[1].usage.busy_error = S / 2;
	i.header = (struct earmark_interval){
		.version = EARMARK_VERSION,
		.nr_segments = h->nr_segments,
		.nr_events = h->nr_events,
		.nr_lost = EARMARK_LOST_COUNT,
		.number = 1,
		.start = h->mono,
		.end = h->mono + 10 * S,
		.wall_start = W0,
		.wall_end = W0 + 10 * S,
		.boot_id = { 1 },
		.load_id = { 2 },
	};
	em_interval_seal(&i);
	assert_int_equal(em_ledger_append_allocated(h->l, &i, given, 2), 0);
	energy(h, "energy", "\"gpu\":1,\"mj\":4000,\"class\":\"counter\"");
	energy(h, "memory", "\"gpu\":1,\"job\":1,\"byte_s\":104857600,\"class\":\"sampled\"");
}

static int run(struct history *h, struct said *said, char *const *words)
{
	char *argv[20] = { "earmark", "--ledger", h->dir };

	for (int i = 0; words[i]; i++)
		argv[3 + i] = words[i];
	finish(start(h->dir, argv), h->dir, said);
	return said->status;
}

#define RUN(h, said, ...) run(h, said, (char *[]){ __VA_ARGS__, NULL })

static json_t *report(struct history *h, char *clock)
{
	static struct said said;
	json_t *o;

	assert_int_equal(
		RUN(h, &said, "--json", "report", "--until", "@1790000010", "--clock", clock), 0);
	o = json_loads(said.out, 0, NULL);
	assert_non_null(o);
	return o;
}

static json_int_t at(const json_t *o, const char *key, const char *sub)
{
	return json_integer_value(json_object_get(json_object_get(o, key), sub));
}

static void json_says_it(void **state)
{
	struct history h;
	json_t *o, *part, *share;

	(void)state;
	make(&h);
	o = report(&h, "busy");
	assert_string_equal(json_string_value(json_object_get(o, "busy_class")), "sampled");
	assert_int_equal(json_integer_value(json_object_get(o, "busy_error_us")), 1500000);
	part = json_object_get(json_object_get(o, "purposes"), "capabilities");
	assert_string_equal(json_string_value(json_object_get(part, "busy_class")), "counter");
	assert_int_equal(json_integer_value(json_object_get(part, "busy_error_us")), 500000);
	share = json_object_get(o, "alignment_share"); /* 5 of 7.5; 7 of 8.5 */
	assert_int_equal(at(share, "proven", "num"), 5000000);
	assert_int_equal(at(share, "proven", "den"), 7500000);
	assert_int_equal(at(share, "possible", "num"), 7000000);
	assert_int_equal(at(share, "possible", "den"), 8500000);
	assert_int_equal(at(o, "energy", "mj"), 4000);
	part = json_object_get(json_object_get(o, "energy"), "purposes");
	assert_int_equal(json_integer_value(json_object_get(part, "alignment")), 3000);
	assert_int_equal(at(o, "memory", "mib_s"), 100);
	json_decref(o);
	o = report(&h, "allocated");
	assert_int_equal(json_integer_value(json_object_get(o, "allocated_us")), 10000000);
	share = json_object_get(o, "alignment_share");
	assert_int_equal(at(share, "proven", "num"), 2000000);
	assert_int_equal(at(share, "proven", "den"), 10000000);
	json_decref(o);
	o = report(&h, "gpu-time"); /* which no error of busy concerns */
	share = json_object_get(o, "alignment_share");
	assert_int_equal(at(share, "proven", "num") * 2, at(share, "proven", "den"));
	json_decref(o);
	history_close(&h);
}

static void people_read_it(void **state)
{
	struct history h;
	struct said said;
	json_t *o;

	(void)state;
	make(&h);
	assert_int_equal(RUN(&h, &said, "report", "--clock", "allocated"), 0);
	assert_non_null(strstr(said.out, "OF ALLOCATED"));
	assert_non_null(strstr(said.out, "sampled"));
	assert_non_null(strstr(said.out, "off by 1.5s"));
	assert_non_null(strstr(said.out, "by busy"));
	assert_non_null(strstr(said.out, "GiB h"));
	assert_int_equal(RUN(&h, &said, "report", "--by", "job", "--csv"), 0);
	assert_non_null(strstr(said.out, "busy_us,busy_error_us,busy_class,allocated_us"));
	assert_non_null(strstr(said.out, "6000000,1000000,\"sampled\",2000000"));
	assert_int_equal(RUN(&h, &said, "report", "--clock", "sundial"), 2);
	assert_non_null(strstr(said.err, "gpu-time, busy or allocated"));
	assert_int_equal(RUN(&h, &said, "report", "--html", "-"), 0);
	assert_non_null(strstr(said.out, "\"busy_error_us\":1500000"));
	assert_int_equal(RUN(&h, &said, "--json", "probe", "padding"), 0);
	o = json_loads(said.out, 0, NULL);
	assert_int_equal(
		json_integer_value(json_object_get(row(o, "purpose", "alignment"), "energy_mj")),
		3000);
	assert_true(fabs(json_real_value(json_object_get(row(o, "purpose", "alignment"), "watts")) -
			 0.6) < 1e-9);
	json_decref(o);
	history_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_says_it),
		cmocka_unit_test(people_read_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
