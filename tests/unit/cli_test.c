// SPDX-License-Identifier: GPL-2.0
/* The CLI from outside: its words, its statuses, what it shows of hostile text. */
#include "said.h"

#define START (1700000000LL * S)

/* One clear line, status 2, and the same as JSON. */
static void refusals(void **state)
{
	static const struct {
		char *argv[6];
		const char *says;
	} table[] = {
		{ { "frobnicate" }, "frobnicate" },
		{ { "--nonsense" }, "--nonsense" },
		{ { "report", "--nonsense" }, "--nonsense" },
		{ { "report", "--window" }, "--window" },
		{ { "report", "--window", "purple" }, "purple" },
		{ { "report", "--since", "whenever" }, "whenever" },
		{ { "report", "extra" }, "usage" },
		{ { "job", "frob" }, "frob" },
		{ { "tag", "set" }, "usage" },
		{ { "tag", "set", "alignmnt" }, "alignmnt" },
		{ { "tag", "set", "alignmnt" }, "did you mean alignment" },
		{ { "tag", "set", "serving", "--tagged-by", "god" }, "operator" },
		{ { "tag", "set", "serving", "--project", "a\tb" }, "63" },
		{ { "tag", "set", "--cgroup", "/nosuch", "--pid=1", "serving" }, "exclude" },
		{ { "tag", "set", "--cgroup", "/nosuch", "serving" }, "/nosuch" },
		{ { "gpu", "retire", "x" }, "--reason" },
		{ { "gpu", "add" }, "usage" },
		{ { "--ledger", "/nosuch", "report" }, "/nosuch" },
		{ { "report", "\x1b[31m" }, "usage" },
		{ { "\x1b[31m" }, "\\x1b[31m" },
	};
	struct said said;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char *plain[10] = { "earmark", "--socket", "/nosuch/sock" };
		char *json[11] = { "earmark", "-j", "--socket", "/nosuch/sock" };
		_cleanup_json_ json_t *o = NULL;

		for (int k = 0; k < 6 && table[i].argv[k]; k++) {
			plain[3 + k] = table[i].argv[k];
			json[4 + k] = table[i].argv[k];
		}
		if (strstr(table[i].argv[0], "--nonsense")) {
			plain[1] = json[2] = table[i].argv[0];
			plain[2] = json[3] = NULL;
		}
		finish(start(dir, plain), dir, &said);
		assert_int_equal(said.status, 2);
		assert_string_equal(said.out, "");
		if (!strstr(said.err, table[i].says))
			fail_msg("row %zu does not say %s: %s", i, table[i].says, said.err);
		assert_ptr_equal(strchr(said.err, '\n'), said.err + strlen(said.err) - 1);
		assert_null(strchr(said.err, '\x1b'));
		finish(start(dir, json), dir, &said);
		assert_int_equal(said.status, 2);
		o = json_loads(said.out, 0, NULL);
		assert_non_null(json_string_value(json_object_get(o, "error")));
	}
}

static void help(void **state)
{
	static char *const objects[] = { "run",    "tag",        "job",       "gpu",
					 "report", "commitment", "alert",     "sensor",
					 "ledger", "doctor",     "completion" };
	struct said said;

	(void)state;
	earmark(&said, "--help");
	assert_int_equal(said.status, 0);
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		char want[64];

		assert_non_null(strstr(said.out, objects[i]));
		snprintf(want, sizeof(want), "earmark %s", objects[i]);
		struct said own;

		earmark(&own, objects[i], "--help");
		assert_int_equal(own.status, 0);
		assert_non_null(strstr(own.out, want));
	}
	earmark(&said, "version");
	assert_non_null(strstr(said.out, EARMARK_RELEASE));
}

/* What bash makes of the completion. */
static void complete(const char *line, char *out, size_t len)
{
	char command[512], path[64];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/completion", dir);
	snprintf(command, sizeof(command),
		 "bash -c '. %s; COMP_WORDS=(%s \"\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
		 "_earmark; echo \" ${COMPREPLY[*]} \"'",
		 path, line);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(out, 1, len - 1, f);
	out[n] = '\0';
	assert_int_equal(pclose(f), 0);
}

static void completion(void **state)
{
	static const struct {
		const char *line, *word;
	} table[] = {
		{ "earmark", " report " },
		{ "earmark", " --ledger " },
		{ "earmark tag", " history " },
		{ "earmark tag set", " capabilities " },
		{ "earmark tag set", " --tagged-by " },
		{ "earmark tag set --tagged-by", " scheduler " },
		{ "earmark report --by", " project " },
		{ "earmark report", " --window " },
		{ "earmark run --purpose", " alignment " },
		{ "earmark run", " --project " },
		{ "earmark --json --ledger /tmp job", " list " },
	};
	struct said said;
	char path[64];
	FILE *f;

	(void)state;
	earmark(&said, "completion", "bash");
	assert_int_equal(said.status, 0);
	snprintf(path, sizeof(path), "%s/completion", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(said.out, f);
	fclose(f);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char out[4096];

		complete(table[i].line, out, sizeof(out));
		if (!strstr(out, table[i].word))
			fail_msg("\"%s\" is not completed by%s, but by%s", table[i].line,
				 table[i].word, out);
	}
	unlink(path);
}

/* --- what is shown ----------------------------------------------------------------------- */

static void shown(void **state)
{
	static const struct {
		const char *json;
		enum em_kind kind;
		const char *text;
	} table[] = {
		{ "null", EM_TEXT, "-" },
		{ "null", EM_SHARE, "undefined" },
		{ "{\"num\": 1, \"den\": 8}", EM_SHARE, "12.50 %" },
		{ "90000000", EM_DURATION, "1m30s" },
		{ "\"a\\u001b[31mb\"", EM_TEXT, "a\\x1b[31mb" },
		{ "\"a\\u202eb\"", EM_TEXT, "a\\xe2\\x80\\xaeb" },
		{ "[\"x\", \"y\\n\"]", EM_TEXT, "x,y\\x0a" },
		{ "[]", EM_TEXT, "-" },
		{ "\"2026-11-24T09:00:00.123Z\"", EM_TIME, "2026-11-24T09:00:00Z" },
		{ "\"no time\\u0007\"", EM_TIME, "no time\\x07" },
		{ "true", EM_TEXT, "yes" },
		{ "42", EM_TEXT, "42" },
	};
	char out[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		_cleanup_json_ json_t *value = json_loads(table[i].json, JSON_DECODE_ANY, NULL);

		assert_string_equal(em_show(out, sizeof(out), value, table[i].kind), table[i].text);
	}
}

/* A job whose names try to draw on the terminal. */
static void hostile_tables(void **state)
{
	static char *const verbs[][3] = { { "report", "--by", "job" },
					  { "report", "--by", "project" },
					  { "job", "list", NULL },
					  { "tag", "history", NULL } };
	struct history h;
	struct said said;
	__u32 job;

	(void)state;
	history_open(&h, START);
	history_gpu(&h, 1);
	job = history_job(&h, EARMARK_PURPOSE_SERVING, EARMARK_TAGGED_BY_SELF, "\x1b]0;owned\a",
			  "/x\x1b[2J\n\xff");
	history_use(&h, 1, job, S, S, S);
	history_rest(&h, 1, 10 * S, 0, 0, 0);
	history_seal(&h, 10 * S);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		_cleanup_json_ json_t *o = NULL;

		earmark(&said, "--ledger", h.dir, verbs[i][0], verbs[i][1], verbs[i][2]);
		assert_int_equal(said.status, 0);
		if (!strstr(said.out, "serving"))
			fail_msg("%s %s: %s%s", verbs[i][0], verbs[i][1], said.out, said.err);
		for (const char *p = said.out; *p; p++)
			assert_true((unsigned char)*p >= 0x20 || *p == '\n');
		earmark(&said, "-j", "--ledger", h.dir, verbs[i][0], verbs[i][1], verbs[i][2]);
		o = json_loads(said.out, 0, NULL);
		assert_non_null(o);
	}
	history_close(&h);
}

/* An auditor's laptop: a ledger, a file of promises, no daemon. */
static void auditor(void **state)
{
	char file[96], at[64];
	struct history h;
	struct said said;
	FILE *f;
	__u32 job;

	(void)state;
	history_open(&h, START);
	history_gpu(&h, 1);
	job = history_job(&h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "p", "/x");
	history_use(&h, 1, job, S, S, S);
	history_rest(&h, 1, 10 * S, 0, 0, 0);
	history_seal(&h, 10 * S);
	job = history_job(&h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "q", "/y");
	history_use(&h, 1, job, 10 * S, 10 * S, 10 * S);
	history_rest(&h, 1, 10 * S, 0, 0, 0);
	history_seal(&h, 10 * S);
	snprintf(file, sizeof(file), "%s/c.yaml", h.dir);
	f = fopen(file, "w");
	assert_non_null(f);
	fputs("commitments:\n- name: n\n  kind: floor\n  purpose: alignment\n  share: 20%\n"
	      "  window: rolling 20s\n",
	      f);
	fclose(f);
	earmark(&said, "--ledger", h.dir, "commitment", "check", "--file", file, "--at",
		"@1700000010");
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out, "MET"));
	earmark(&said, "--ledger", h.dir, "commitment", "check", "--file", file, "--at",
		"@1700000020");
	assert_int_equal(said.status, 1);
	assert_non_null(strstr(said.out, "BREACHED"));
	assert_non_null(strstr(said.out, "must be moved"));
	snprintf(at, sizeof(at), "@%lld", (long long)(START / S) + 20);
	earmark(&said, "--ledger", h.dir, "commitment", "list", "--file", file, "--at", at);
	assert_int_equal(said.status, 0);
	earmark(&said, "--ledger", h.dir, "-j", "report", "--until", at, "--file", file);
	assert_non_null(strstr(said.out, "\"BREACHED\""));
	earmark(&said, "--ledger", h.dir, "report", "--until", at);
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out, "capacity 20s"));
	history_close(&h);
}

static void doctor(void **state)
{
	_cleanup_json_ json_t *o = NULL;
	struct said said;

	(void)state;
	earmark(&said, "-j", "--socket", "/nosuch/sock", "--ledger", "/nosuch", "doctor");
	assert_int_equal(said.status, 1); /* no daemon: something is missing */
	o = json_loads(said.out, 0, NULL);
	assert_true(json_array_size(json_object_get(o, "findings")) > 5);
	assert_true(json_is_false(json_object_get(o, "ok")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals),       cmocka_unit_test(help),
		cmocka_unit_test(completion),     cmocka_unit_test(shown),
		cmocka_unit_test(hostile_tables), cmocka_unit_test(auditor),
		cmocka_unit_test(doctor),
	};

	return cmocka_run_group_tests_name("cli", tests, set_up, tear_down);
}
