// SPDX-License-Identifier: GPL-2.0
/* Entries against each other, and what is no entry: lies of who has the key, hostile content. */
#include "log_make.h"
#include "ledger/entry.h"

/* --- what entries say against each other -------------------------------------------------- */

/* Entries as the log has them; the tests swap, drop and change them, as whoever has the key can. */
static const char *check_list(json_t **list, size_t n)
{
	struct em_check *check = em_check_new();
	static char found[256];
	const char *why = NULL;

	for (size_t i = 0; i < n && !why; i++)
		why = em_check_entry(check, i, list[i], NULL, NULL);
	why = why ?: em_check_end(check);
	snprintf(found, sizeof(found), "%s", why ?: "");
	em_check_free(check);
	return found;
}

static size_t entries_of(json_t **list, size_t max)
{
	struct em_place *p = NULL;
	struct em_bundle b;
	char err[512];
	const char *why;
	size_t n;

	assert_int_equal(em_place_open(&p, dir, err, sizeof(err)), 0);
	for (n = max; n; n--) {
		if (!em_bundle_read(p, 0, (unsigned int)n, &b))
			break;
	}
	for (size_t i = 0; i < n; i++) {
		list[i] = em_entry_parse(b.entry[i], b.len[i], &why);
		assert_non_null(list[i]);
	}
	em_bundle_clear(&b);
	em_place_close(p);
	return n;
}

static void lies_of_who_has_the_key(void **state)
{
	struct chain c = { .load = 0x11 };
	json_t *list[16], *t;
	size_t n;

	(void)state;
	fill(4, &c);
	n = entries_of(list, 16);
	assert_int_equal(n, 5); /* the log's own, and four */
	assert_string_equal(check_list(list, n), "");
	/* swapped: chains */
	t = list[2], list[2] = list[3], list[3] = t;
	assert_non_null(strstr(check_list(list, n), "twice"));
	t = list[2], list[2] = list[3], list[3] = t;
	/* twice */
	t = list[3], list[3] = list[2];
	assert_non_null(strstr(check_list(list, n), "twice"));
	list[3] = t;
	/* a figure */
	t = json_deep_copy(list[2]);
	json_object_set_new(json_array_get(json_object_get(t, "totals"), 0), "gpu_time",
			    json_integer(4 * S + 1));
	json_t *kept = list[2];
	list[2] = t;
	assert_non_null(strstr(check_list(list, n), "is not its wall time"));
	/* a GPU that vanishes */
	json_object_set_new(t, "gpus", json_array());
	json_object_set_new(t, "totals", json_array());
	assert_non_null(strstr(check_list(list, n), "gone from the inventory"));
	/* another time than the headers' */
	json_decref(t);
	list[2] = t = json_deep_copy(kept);
	json_object_set_new(t, "wall_end", json_integer(T0 + 21 * S));
	assert_non_null(strstr(check_list(list, n), "time"));
	/* a part of nothing */
	json_decref(t);
	list[2] = t = json_deep_copy(kept);
	json_object_set_new(t, "parts", json_integer(2));
	assert_non_null(strstr(check_list(list, n), "part"));
	json_decref(t);
	list[2] = kept;
	/* the log's own beginning */
	assert_non_null(strstr(check_list(list + 1, n - 1), "begin"));
	for (size_t i = 0; i < n; i++)
		json_decref(list[i]);
}

static void tags_count_from_when_they_were_set(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct em_verify_order order = { .key = &key };
	struct em_verified v;
	struct made m;

	(void)state;
	em_ledger_fold(l, 60 * S);
	plain(&c, &m, 4);
	append(l, &m);
	/* a retag between two intervals of one entry */
	begin(&m);
	tag_event(&m, 50, 4, EARMARK_PURPOSE_CAPABILITIES, "q");
	gpu_row(&m, 1, 10 * S, 4 * S, 0, 0);
	usage(&m, 1, 50, 3, 2 * S, S);
	usage(&m, 1, 50, 4, 4 * S, S);
	next(&c, &m, 10);
	append(l, &m);
	assert_int_equal(em_ledger_flush(l), 0);
	read_key();
	assert_int_equal(verify_as(dir, &order, &v), 0);
	assert_int_equal(v.counts.intervals, 2);
	assert_int_equal(v.counts.usage, 1); /* one entry */
	em_verified_clear(&v);
	em_ledger_close(l);
}

/* --- hostile content ---------------------------------------------------------------------- */

static void no_entries(void **state)
{
	static const char *const bad[] = {
		"",
		"null",
		"[]",
		"{}",
		"{\"at\":1,\"type\":\"note\",\"v\":2}",
		"{\"at\":1,\"type\":\"note\",\"v\":1} ",
		"{\"type\":\"note\",\"at\":1,\"v\":1}",
		"{\"at\":1.5,\"type\":\"note\",\"v\":1}",
		"{\"at\":1,\"at\":1,\"type\":\"note\",\"v\":1}",
		"{\"at\":1,\"type\":\"\xff\",\"v\":1}",
		"{\"at\":1,\"type\":7,\"v\":1}",
	};
	char *deep = malloc(60001);
	const char *why;
	json_t *entry;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_null(em_entry_parse(bad[i], strlen(bad[i]), &why));
		assert_non_null(why);
	}
	memset(deep, '[', 60000);
	deep[60000] = '\0';
	assert_null(em_entry_parse(deep, 60000, &why));
	free(deep);
	entry = em_entry_parse("{\"at\":1,\"type\":\"note\",\"v\":1}", 28, &why);
	assert_non_null(entry);
	json_decref(entry);
}

static void one_text_for_the_same_bytes(void **state)
{
	uint8_t out[3];

	(void)state;
	assert_int_equal(em_base64_decode(out, sizeof(out), "////", 4), 3);
	assert_int_equal(em_base64_decode(out, sizeof(out), "//\xaf/", 4), -EINVAL);
	assert_int_equal(em_base64_decode(out, sizeof(out), "//8=", 4), 2);
	assert_int_equal(em_base64_decode(out, sizeof(out), "//9=", 4), -EINVAL);
	assert_int_equal(em_base64_decode(out, sizeof(out), "// /", 4), -EINVAL);
}

/* More entries than one processor is left alone with: read ahead, and still in their order. */
static void many_entries_are_read_in_order(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct em_verify_order order = { .key = &key };
	struct em_verified v;
	struct made m;

	(void)state;
	assert_int_equal(em_ledger_batch(l), 0);
	for (int i = 0; i < 600; i++) {
		plain(&c, &m, 4);
		append(l, &m);
	}
	assert_int_equal(em_ledger_batch_end(l), 0);
	em_ledger_close(l);
	read_key();
	assert_int_equal(verify_as(dir, &order, &v), 0);
	assert_int_equal(v.counts.intervals, 600);
	em_verified_clear(&v);
	assert_int_equal(em_ledger_open_log(&l, dir), 0);
	assert_int_equal(ask_usage(l, 0, 6000).gpu_time, 2400 * S);
	em_ledger_close(l);
	shell("sed -i 's/\"gpu_time\":4000000000/\"gpu_time\":4000000001/g' %s/%s", dir,
	      "tile/entries/001");
	assert_true(verify_as(dir, &order, &v) >= 256); /* each is another, and does not add up */
	em_verified_clear(&v);
}

static void an_interval_too_large_for_an_entry_is_split(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct earmark_segment *segments = calloc(1000, sizeof(*segments));
	struct chain c = { .load = 0x11 };
	struct em_verify_order order = { .key = &key };
	struct em_verified v;
	struct made m;

	(void)state;
	begin(&m);
	m.i.segments = segments;
	for (__u32 g = 0; g < 500; g++) {
		segments[2 * g] =
			(struct earmark_segment){ .kind = EARMARK_SEGMENT_GPU, .gpu = g + 1 };
		segments[2 * g].gpu_time.wall = 10 * S;
		segments[2 * g].gpu_time.idle = 7 * S;
		segments[2 * g + 1] = (struct earmark_segment){ .kind = EARMARK_SEGMENT_USAGE,
								.gpu = g + 1,
								.job = 50 };
		segments[2 * g + 1].usage.gpu_time = 3 * S;
	}
	m.i.header.nr_segments = 1000;
	next(&c, &m, 10);
	append(l, &m);
	append(l, &m); /* it is there already, whole */
	assert_int_equal(ask_usage(l, 0, 10).gpu_time, 1500 * S);
	em_ledger_close(l);
	read_key();
	assert_int_equal(verify_as(dir, &order, &v), 0);
	assert_int_equal(v.counts.usage, 1);
	assert_true(v.counts.entries > 2);
	assert_int_equal(v.counts.gpus, 500);
	em_verified_clear(&v);
	free(segments);
}

/* What is longer than an entry can be is refused, and the ledger goes on. */
static void a_name_of_ten_megabytes(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	size_t len = 10 << 20;
	char *json = malloc(len + 32);
	int n = sprintf(json, "{\"name\":\"");

	(void)state;
	memset(json + n, 'x', len);
	strcpy(json + n + len, "\"}");
	assert_int_equal(em_ledger_note(l, "event", json), -EFBIG);
	assert_non_null(strstr(em_ledger_error(l), "an entry"));
	assert_int_equal(em_ledger_note(l, "event", "{\"name\":\"short\"}"), 0);
	assert_int_equal(em_ledger_note(l, "event", "{\"name\":"), -EINVAL);
	assert_int_equal(em_ledger_note(l, "event", "{\"name\":1.5}"), -EINVAL);
	free(json);
	em_ledger_close(l);
	read_key();
	assert_int_equal(problems(dir, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lies_of_who_has_the_key),
		TEST(tags_count_from_when_they_were_set),
		TEST(no_entries),
		TEST(a_name_of_ten_megabytes),
		TEST(one_text_for_the_same_bytes),
		TEST(many_entries_are_read_in_order),
		TEST(an_interval_too_large_for_an_entry_is_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
