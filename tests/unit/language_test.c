// SPDX-License-Identifier: GPL-2.0
/* The language of the commitments' file, and its refusals. */
#include <errno.h>
#include <fcntl.h>

#include "history.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "commit/commitment.h"
#include "commit/near.h"

#define MUST "commitments:\n- name: n\n  kind: floor\n  purpose: alignment\n  share: 1/5\n"
#define WINDOW "  window: rolling 7d\n"

static int load(const char *text, struct em_commitments *c, char *err, size_t len)
{
	char name[] = "/tmp/earmark-unit.XXXXXX";
	int fd = mkstemp(name), r;

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	r = em_commitments_load(c, name, err, len);
	unlink(name);
	return r;
}

static void language(void **state)
{
	struct em_commitments c;
	char err[512] = "";

	(void)state;
	assert_int_equal(load(MUST WINDOW "  text: |\n    two\n    lines\n  source: https://x\n"
					  "  declared: 2023-07-05\n  by: a lab\n"
					  "  require_tagged_by: scheduler\n  min_coverage: 95%\n"
					  "  prove_within: 3d\n",
			      &c, err, sizeof(err)),
			 0);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.list[0].text, "two\nlines\n");
	assert_true(c.list[0].share.num == 1 && c.list[0].share.den == 5);
	assert_true(c.list[0].min_coverage.num * 20 == c.list[0].min_coverage.den * 19);
	assert_true(c.list[0].declared == 1688515200LL * S);
	assert_true(c.list[0].window == 7 * 86400 * S && c.list[0].prove_within == 3 * 86400 * S);
	assert_int_equal(c.list[0].require_tagged_by, EARMARK_TAGGED_BY_SCHEDULER);
	em_commitments_clear(&c);
	assert_int_equal(load(MUST WINDOW, &c, err, sizeof(err)), 0);
	assert_true(c.list[0].prove_within == c.list[0].window && !c.list[0].declared);
	em_commitments_clear(&c);
	assert_int_equal(load("", &c, err, sizeof(err)), 0);
	assert_int_equal(c.n, 0);
	assert_int_equal(load("commitments:\n", &c, err, sizeof(err)), 0);
	assert_int_equal(c.n, 0);
}

static void shares(void **state)
{
	static const struct {
		const char *text;
		uint64_t num, den; /* den 0: refused */
	} table[] = {
		{ "20%", 1, 5 },
		{ "\"12.5 %\"", 1, 8 },
		{ "1/3", 1, 3 },
		{ "0.2", 1, 5 },
		{ "100%", 1, 1 },
		{ "0.000001%", 1, 100000000 },
		{ "101%", 0, 0 },
		{ "0%", 0, 0 },
		{ "0", 0, 0 },
		{ "-1/5", 0, 0 },
		{ "6/5", 0, 0 },
		{ "1/0", 0, 0 },
		{ "1/", 0, 0 },
		{ "20 percent", 0, 0 },
		{ "1.2.3", 0, 0 },
		{ "nan", 0, 0 },
		{ "1e-1", 0, 0 },
		{ "0.1234567890123", 0, 0 },
		{ "1/99999999999999999999", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct em_commitments c;
		char text[512], err[512];
		int r;

		snprintf(text, sizeof(text),
			 "commitments:\n- name: n\n  kind: floor\n  purpose: alignment\n"
			 "  share: %s\n  window: rolling 7d\n",
			 table[i].text);
		r = load(text, &c, err, sizeof(err));
		assert_int_equal(r, table[i].den ? 0 : -EINVAL);
		if (r) {
			assert_non_null(strstr(err, ":5:10: share: "));
			continue;
		}
		assert_true(c.list[0].share.num * table[i].den ==
			    c.list[0].share.den * table[i].num);
		em_commitments_clear(&c);
	}
}

/* Each names the line, the column and the key, and says what would be right. */
static void refusals(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} table[] = {
		{ MUST "  windoh: rolling 7d\n", ":6:3: windoh", "did you mean window?" },
		{ MUST "  window: 7d\n", ":6:11: window", "rolling 28d" },
		{ MUST "  window: calendar fortnight\n", ":6:11: window", "rolling" },
		{ MUST "  window: calendar month Mars/Base\n", ":6:11: window", "tz database" },
		{ MUST "  window: calendar month ../../etc/passwd\n", ":6:11: window", "zone" },
		{ MUST "  window: cumulative 2027-01-01/2026-01-01\n", ":6:11: window", "FROM/TO" },
		{ MUST WINDOW "  share: 20%\n", ":7:3: share", "twice" },
		{ MUST WINDOW "  by: [a]\n", ":7:7: by", "single value" },
		{ MUST WINDOW "  by: \"a\\x1b\"\n", ":7:7: ", "printable" },
		{ MUST WINDOW "  require_tagged_by: nobody\n", ":7:22: require_tagged_by",
		  "scheduler" },
		{ MUST WINDOW "  min_coverage: 2\n", ":7:17: min_coverage", "95%" },
		{ MUST WINDOW "  prove_within: soon\n", ":7:17: prove_within", "28d" },
		{ MUST WINDOW "  declared: 2h ago\n", ":7:13: declared", "2026-07-05" },
		{ MUST WINDOW "  declared: now\n", ":7:13: declared", "2026-07-05" },
		{ MUST, ":2:3: ", "no \"window\"" },
		{ "commitments:\n- name: n\n  kind: cieling\n", ":3:9: kind: \"cieling\"",
		  "did you mean ceiling?" },
		{ "commitments:\n- name: n\n  purpose: untagged\n", ":3:12: purpose", "alignment" },
		{ "commitments:\n- name: \"\"\n", ":2:9: name", "63" },
		{ "commitments:\n- just text\n", ":2:3: ", "mapping" },
		{ "commitments: 5\n", ":1:14: commitments", "list" },
		{ "promises: []\n", ":1:1: ", "commitments" },
		{ "- a\n", ":1:1: ", "commitments" },
		{ "commitments:\n  - a: [\n", ":3:1: ", "" },
		{ "a: &a [x]\nb: *a\n", ":1:4: ", "aliases" },
		{ "a: [x]\nb: *c\n", ":2:4: ", "aliases" },
		{ MUST WINDOW
		  "- name: n\n  kind: floor\n  purpose: alignment\n  share: 1/5\n" WINDOW,
		  ":7:3: name", "another" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct em_commitments c;
		char err[512] = "";

		assert_int_equal(load(table[i].text, &c, err, sizeof(err)), -EINVAL);
		if (!strstr(err, table[i].where) || !strstr(err, table[i].what))
			fail_msg("\"%s\" lacks \"%s\" or \"%s\"", err, table[i].where,
				 table[i].what);
		assert_null(strchr(err, '\n'));
		assert_null(c.list);
	}
}

static void missing_file(void **state)
{
	struct em_commitments c;
	char err[512];

	(void)state;
	assert_int_equal(em_commitments_load(&c, "/nosuch/file", err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "/nosuch/file"));
	assert_true(em_commitments_load(&c, "/tmp", err, sizeof(err)) < 0);
}

static void near(void **state)
{
	static const char *const words[] = { "alignment", "capabilities", "serving", NULL };

	(void)state;
	assert_int_equal(em_near_distance("kitten", "sitting"), 3);
	assert_string_equal(em_near(words, "alignmnt"), "alignment");
	assert_string_equal(em_near(words, "servin"), "serving");
	assert_null(em_near((const char *const[]){ NULL }, "x"));
}

/*
 * What is installed promises nothing, and its example is right: the lines that begin with "#-"
 * or "#" and two spaces are taken for YAML, as its reader would.
 */
static void installed_file(void **state)
{
	_cleanup_free_ char *text = NULL, *example = NULL;
	struct em_commitments c;
	char err[512] = "", *out, *line, *rest;

	(void)state;
	assert_true(em_file_read(AT_FDCWD, "contrib/commitments.yaml", 65536, &text) > 0);
	assert_int_equal(load(text, &c, err, sizeof(err)), 0);
	assert_int_equal(c.n, 0);
	em_commitments_clear(&c);
	example = calloc(1, strlen(text) + 64);
	assert_non_null(example);
	out = stpcpy(example, "commitments:\n");
	for (rest = text; (line = strsep(&rest, "\n"));) {
		if (!strncmp(line, "#-", 2) || !strncmp(line, "#  ", 3))
			out += sprintf(out, "%s\n", line + 1);
	}
	if (load(example, &c, err, sizeof(err)))
		fail_msg("%s", err);
	assert_int_equal(c.n, 1);
	assert_true(c.list[0].share.num * 5 == c.list[0].share.den);
	assert_true(c.list[0].declared && c.list[0].text && c.list[0].by);
	em_commitments_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(language),       cmocka_unit_test(shares),
		cmocka_unit_test(refusals),       cmocka_unit_test(missing_file),
		cmocka_unit_test(installed_file), cmocka_unit_test(near),
	};

	return cmocka_run_group_tests_name("language", tests, NULL, NULL);
}
