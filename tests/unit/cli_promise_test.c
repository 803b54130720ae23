// SPDX-License-Identifier: GPL-2.0
/* The CLI's words of promises and of the record: commitment, event, order, request, approve. */
#include "said.h"

#define START (1700006400LL * S)

static struct history h;
static char key[128], other[128], file[128];

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* A ledger that no daemon has, with a tenth for alignment and a tenth that nobody tagged. */
static int make(void **state)
{
	__u32 a, c, u;

	if (set_up(state))
		return -1;
	history_open(&h, START);
	history_gpu(&h, 1);
	a = history_job(&h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SCHEDULER, "p", "/a");
	c = history_job(&h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SCHEDULER, "q", "/c");
	u = history_job(&h, 0, 0, "", "/nobody-tagged-me");
	for (int i = 0; i < 20; i++) {
		history_use(&h, 1, a, 360 * S, 360 * S, 360 * S);
		history_use(&h, 1, c, 2880 * S, 2880 * S, 2880 * S);
		history_use(&h, 1, u, 360 * S, 360 * S, 360 * S);
		history_rest(&h, 1, 3600 * S, 0, 0, 0);
		history_seal(&h, 3600 * S);
	}
	em_ledger_close(h.l);
	h.l = NULL;
	snprintf(key, sizeof(key), "%s/alice.key", h.dir);
	put(key, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\n");
	snprintf(other, sizeof(other), "%s/bob.key", h.dir);
	put(other, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb\n");
	snprintf(file, sizeof(file), "%s/promise.yaml", h.dir);
	return 0;
}

static int unmake(void **state)
{
	history_close(&h);
	return tear_down(state);
}

#define run(said, ...) earmark(said, "--ledger", h.dir, "--socket", "/nosuch/sock", __VA_ARGS__)
#define json_of(said, ...) \
	earmark(said, "-j", "--ledger", h.dir, "--socket", "/nosuch/sock", __VA_ARGS__)

static json_t *parsed(const struct said *said)
{
	json_t *o = json_loads(said->out, 0, NULL);

	if (!o)
		fail_msg("no JSON: %s %s", said->out, said->err);
	return o;
}

#define WHO "--author", "me", "--reason", "because"

static void notes(void **state)
{
	struct said said;
	json_t *o;

	(void)state;
	run(&said, "event", "record", "release", WHO);
	assert_string_equal(said.err, "");
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out, "\"release\" is in the record"));
	json_of(&said, "event", "list");
	o = parsed(&said);
	assert_int_equal(json_array_size(json_object_get(o, "events")), 1);
	json_decref(o);
	run(&said, "order", "o1", "--purpose", "alignment", "--from", "15%", "--to", "1/4",
	    "--displace", WHO);
	assert_int_equal(said.status, 0);
	run(&said, "request", "open", "r1", "--purpose", "alignment", "--add", "--gpus", "8", WHO);
	assert_int_equal(said.status, 0);
	json_of(&said, "request", "grant", "r1", "--purpose", "alignment", WHO);
	o = parsed(&said);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(o, "note"), "action")), "grant");
	json_decref(o);
	json_of(&said, "approve", "big", "--project", "q", "--gpus", "64", "--key", key,
		"--external", "auditor", WHO);
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out,
			       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f7"
			       "07511a"));
	assert_non_null(strstr(said.out, "\"auditor\""));
	/* two keys, of which one is from outside */
	run(&said, "approve", "both", "--project", "q", "--gpus", "64", "--key", key, "--key",
	    other, "--external", "bob", WHO);
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out, "signed by alice, key d75a980182b10ab7d54bfed3c964073a0ee1"
					 "72f3daa62325af021a68f707511a\n"));
	assert_non_null(strstr(said.out, "signed by bob, key 3d4017c3e843895a92b70aa74d1b7ebc9c982c"
					 "cf2ec4968cc0cd55f12af4660c, from outside\n"));
}

static void refusals(void **state)
{
	static const struct {
		const char *argv[12];
		const char *says;
	} table[] = {
		{ { "event", "record", "x" }, "--author" },
		{ { "event", "record", "x", "--author", "a" }, "--reason" },
		{ { "event", "record", "x", WHO, "--at", "soon" }, "--at soon" },
		{ { "event", "record", "", WHO }, "name" },
		{ { "order", "x", "--from", "1%", "--to", "2%", WHO }, "--purpose" },
		{ { "order", "x", "--purpose", "alignment", WHO }, "--from" },
		{ { "order", "x", "--purpose", "alignmnt", "--from", "1%", "--to", "2%", WHO },
		  "purpose" },
		{ { "request", "open", "x", "--purpose", "serving", "--add", "--displace", WHO },
		  "exclude" },
		{ { "request", "open", "x", "--purpose", "serving", "--gpus", "-1", WHO },
		  "--gpus" },
		{ { "approve", "x", "--gpus", "1", WHO }, "--project and --ref" },
		{ { "approve", "x", "--project", "p", "--gpus", "1", WHO }, "--key" },
		{ { "approve", "x", "--project", "p", "--key", "/nosuch", WHO }, "/nosuch" },
		{ { "commitment", "explain", "/nosuch" }, "/nosuch" },
	};
	struct said said;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char *argv[20] = { "earmark", "--ledger", h.dir, "--socket", "/nosuch/sock" };

		for (int k = 0; k < 12 && table[i].argv[k]; k++)
			argv[5 + k] = (char *)table[i].argv[k];
		finish(start(dir, argv), dir, &said);
		assert_int_equal(said.status, 2);
		if (!strstr(said.err, table[i].says))
			fail_msg("row %zu does not say %s: %s", i, table[i].says, said.err);
	}
	/* a typing mistake makes no ledger */
	earmark(&said, "--ledger", "/tmp/nosuch-earmark", "--socket", "/nosuch/sock", "event",
		"record", "x", WHO);
	assert_int_equal(said.status, 2);
	assert_int_not_equal(access("/tmp/nosuch-earmark", F_OK), 0);
}

static void check(void **state)
{
	char *const at = "2023-11-15T20:00:00Z";
	struct said said;
	json_t *o, *c, *unknown;

	(void)state;
	put(file, "commitments:\n- {name: n, kind: floor, purpose: alignment, share: 20%, "
		  "window: rolling 20h, prove_within: 90d}\n");
	run(&said, "commitment", "check", "--file", file, "--at", at, "--table");
	assert_string_equal(said.err, "");
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out, "UNPROVEN"));
	assert_non_null(strstr(said.out, "/nobody-tagged-me"));
	assert_non_null(strstr(said.out, "forecast"));
	assert_non_null(strstr(said.out, "flops"));
	json_of(&said, "commitment", "check", "--file", file, "--at", at);
	o = parsed(&said);
	c = json_array_get(json_object_get(o, "commitments"), 0);
	assert_int_equal(json_array_size(json_object_get(c, "table")), 24);
	unknown = json_object_get(c, "unknown");
	assert_int_equal(json_array_size(json_object_get(unknown, "jobs")), 1);
	assert_int_equal(json_integer_value(json_object_get(c, "deficit_us")), 7200000000LL);
	assert_int_equal(json_integer_value(json_object_get(c, "added_us")), 9000000000LL);
	json_decref(o);
	put(file, "commitments:\n- {name: n, kind: ceiling, purpose: capabilities, share: 79%, "
		  "window: rolling 20h}\n");
	run(&said, "commitment", "check", "--file", file, "--at", at);
	assert_int_equal(said.status, 1);
	assert_non_null(strstr(said.out, "away from it"));
	put(file, "commitments:\n- {name: n, kind: floor, purpose: alignment, share: 20%, "
		  "window: cumulative 2023-11-15/2023-11-17}\n");
	run(&said, "commitment", "check", "--file", file, "--at", at);
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out, "NOT_DUE"));
	assert_non_null(strstr(said.out, "last safe moment to begin"));
}

static void explain_and_history(void **state)
{
	struct said said;
	struct em_ledger *l;

	(void)state;
	put(file, "commitments:\n- {name: n, kind: floor, purpose: alignment, share: 20%, "
		  "window: rolling 28d}\n");
	run(&said, "commitment", "explain", file);
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out, "At least 20 % of used GPU time"));
	assert_non_null(strstr(said.out, "It leaves open:"));
	run(&said, "commitment", "history");
	assert_non_null(strstr(said.out, "knows of no promise"));
	assert_int_equal(em_ledger_open(&l, h.dir, EM_LEDGER_WRITE), 0);
	assert_int_equal(
		em_ledger_note(l, "commitments",
			       "{\"file\":\"f\",\"text\":\"commitments:\\n- {name: n, kind: "
			       "floor, purpose: alignment, share: 20%, window: rolling "
			       "28d}\\n\"}"),
		0);
	assert_int_equal(em_ledger_note(l, "commitments", "{\"file\":\"f\",\"text\":\"\"}"), 0);
	em_ledger_close(l);
	run(&said, "commitment", "history");
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out, "dropped"));
	assert_non_null(strstr(said.out, "weaker"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes),
		cmocka_unit_test(refusals),
		cmocka_unit_test(check),
		cmocka_unit_test(explain_and_history),
	};

	return cmocka_run_group_tests_name("promises on the line", tests, make, unmake);
}
