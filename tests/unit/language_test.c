// SPDX-License-Identifier: GPL-2.0
/* The language of the commitments' file, and its refusals. */
#include <errno.h>
#include <fcntl.h>

#include "history.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "commit/commitment.h"
#include "commit/near.h"

#include "../../user/commit/keys.c"

#define MUST "commitments:\n- name: n\n  kind: floor\n  purpose: alignment\n  share: 1/5\n"
#define WINDOW "  window: rolling 7d\n"
#define KEY "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

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

/* Every key, in one commitment of each kind. */
static void all_keys(void **state)
{
	static const char text[] =
		"commitments:\n"
		"- name: a\n  kind: ceiling\n  purpose: capabilities\n  share: 60%\n"
		"  window: calendar quarter\n  of: capacity\n  mixed: 1/3\n  clock: busy\n"
		"  scope: {node: [\"n*\", m1]}\n  weights: {\"*H100*\": 3, \"*\": 1}\n"
		"  definitions:\n    url: https://x\n    hash: sha256:" KEY "\n"
		"    cases: {reward models for products: capabilities}\n"
		"  min_total: 1.5 GPU-d\n  notice: 90d\n  when: release\n  catch_up: 40%\n"
		"- name: b\n  kind: floor\n  purpose: alignment\n  amount: 1000 GPU-h\n"
		"  window: cumulative 2026-01-01/2027-01-01\n  tolerance: 5%\n"
		"- name: c\n  kind: growth\n  purpose: capabilities\n  window: rolling 28d\n"
		"- name: d\n  kind: reallocate\n  purpose: alignment\n  from: 15%\n  to: 25%\n"
		"  within: 30d of our event\n  displacement: 50%\n"
		"- name: e\n  kind: reallocate\n  purpose: alignment\n  from: 15%\n  to: 25%\n"
		"  by: 2027-01-01\n  declared: 2026-01-01\n"
		"- name: f\n  kind: gate\n  purpose: capabilities\n  window: rolling 90d\n"
		"  gpus: 256\n  gpu_hours: 10000\n  approvers: [" KEY "]\n  approvals: 1\n"
		"  external: 1\n"
		"- {name: g, kind: floor, purpose: serving, share: 1%, window: calendar year, "
		"of: fixed(20 GPU-h)}\n"
		"- {name: h, kind: floor, purpose: serving, share: 1%, window: calendar year, "
		"of: installed-at(2023-07-05), weights: flops}\n";
	struct em_commitments c;
	char err[512] = "";

	(void)state;
	if (load(text, &c, err, sizeof(err)))
		fail_msg("%s", err);
	assert_int_equal(c.n, 8);
	assert_int_equal(c.list[0].of, EM_OF_CAPACITY);
	assert_true(c.list[0].mixed_part.num == 1 && c.list[0].mixed_part.den == 3);
	assert_int_equal(c.list[0].clock, EM_CLOCK_BUSY);
	assert_string_equal(c.list[0].scope[EM_SCOPE_NODE], "n*\nm1");
	assert_int_equal(em_weight_of(&c.list[0].weights, "NVIDIA H100 80GB"), 3);
	assert_int_equal(em_weight_of(&c.list[0].weights, "other"), 1);
	assert_true(c.list[0].min_total == (em_ns)(36 * 3600) * S);
	assert_non_null(strstr(c.list[0].definitions, "reward models"));
	assert_true(c.list[0].prove_within == 28 * 86400LL * S);
	assert_true(c.list[1].amount && c.list[1].fixed == (em_ns)(1000 * 3600) * S);
	assert_int_equal(c.list[2].than, EARMARK_PURPOSE_ALIGNMENT);
	assert_true(c.list[3].within == 30 * 86400LL * S);
	assert_string_equal(c.list[3].within_of, "our event");
	assert_true(c.list[4].due == 1798761600LL * S && !c.list[4].by);
	assert_true(c.list[5].gpu_hours == (em_ns)(10000 * 3600LL) * S && c.list[5].gpus == 256);
	assert_true(c.list[6].fixed == (em_ns)(20 * 3600) * S);
	assert_int_equal(em_weight_of(&c.list[7].weights, "NVIDIA A100-SXM4-80GB"), 312);
	assert_int_equal(em_weight_of(&c.list[7].weights, "abacus"), 0);
	em_commitments_clear(&c);
}

#define FLOOR(name, purpose, share) \
	"- {name: " name ", kind: floor, purpose: " purpose ", share: " share ", "
#define CEILING(name, purpose, share) \
	"- {name: " name ", kind: ceiling, purpose: " purpose ", share: " share ", "
#define W "window: rolling 28d"
#define A_GATE "- {name: g, kind: gate, purpose: capabilities, " W ", "
#define MOVE "- {name: r, kind: reallocate, purpose: alignment, from: 15%, "

/* What cannot all be kept, or says nothing. NULL: it is fine. */
static void contradictions(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} table[] = {
		{ FLOOR("a", "alignment", "60%") W "}\n" FLOOR("b", "serving", "41%") W "}\n",
		  ":3:3: ", "more than 100 %" },
		{ FLOOR("a", "alignment", "60%") W "}\n" FLOOR("b", "serving", "40%") W "}\n", NULL,
		  NULL },
		{ FLOOR("a", "alignment", "60%") W "}\n" FLOOR("b", "alignment", "70%") W "}\n",
		  NULL, NULL },
		{ FLOOR("a", "alignment", "1/3") W "}\n" FLOOR("b", "serving", "1/3") W
		  "}\n" FLOOR("c", "mixed", "1/3") W "}\n",
		  NULL, NULL },
		{ FLOOR("a", "alignment", "60%") W
		  "}\n" FLOOR("b", "serving", "60%") "window: rolling 7d}\n",
		  NULL, NULL },
		{ FLOOR("a", "alignment", "60%") W "}\n" FLOOR("b", "serving", "60%") W
		  ", of: capacity}\n",
		  NULL, NULL },
		{ FLOOR("a", "alignment", "30%") W "}\n" CEILING("b", "alignment", "29%") W "}\n",
		  ":3:3: ", "exclude each other" },
		{ CEILING("b", "alignment", "29%") W "}\n" FLOOR("a", "alignment", "30%") W "}\n",
		  ":3:3: ", "exclude each other" },
		{ FLOOR("a", "alignment", "30%") W "}\n" CEILING("b", "alignment", "30%") W "}\n",
		  NULL, NULL },
		{ FLOOR("a", "alignment", "30%") W "}\n" CEILING("b", "serving", "29%") W "}\n",
		  NULL, NULL },
		{ "- {name: a, kind: floor, purpose: serving, amount: 10 GPU-h, " W "}\n"
		  "- {name: b, kind: ceiling, purpose: serving, amount: 9 GPU-h, " W "}\n",
		  ":3:3: ", "exclude each other" },
		{ FLOOR("a", "mixed", "30%") W ", mixed: include}\n",
		  ":2:3: ", "mixed work itself" },
		{ FLOOR("a", "serving", "30%") W ", of: capacity, scope: {user: u}}\n",
		  ":2:3: ", "scope by node" },
		{ FLOOR("a", "serving", "30%") W ", clock: held}\n", ":2:", "overlaps" },
		{ FLOOR("a", "serving", "30%") W ", gpus: 3}\n", ":2:", "not of the kind floor" },
		{ FLOOR("a", "serving", "30%") W ", amount: 3 GPU-h}\n",
		  ":2:3: ", "one of \"share\" and \"amount\"" },
		{ FLOOR("a", "serving", "101%") W "}\n", ":2:", "at most 1 (100%)" },
		{ FLOOR("a", "serving", "30%") W ", scope: {usr: u}}\n",
		  ":2:", "did you mean user?" },
		{ FLOOR("a", "serving", "30%") W ", scope: {user: u, user: v}}\n",
		  ":2:", "given twice" },
		{ FLOOR("a", "serving", "30%") W ", weights: {x: 0}}\n", ":2:", "whole number" },
		{ FLOOR("a", "serving", "30%") W ", weights: flips}\n", ":2:", "\"flops\"" },
		{ FLOOR("a", "serving", "30%") W ", definitions: {urll: x}}\n",
		  ":2:", "did you mean url?" },
		{ FLOOR("a", "serving", "30%") W ", definitions: {hash: md5}}\n",
		  ":2:", "sha256:" },
		{ FLOOR("a", "serving", "30%") W ", definitions: {cases: {x: untagged}}}\n",
		  ":2:", "one of alignment" },
		{ FLOOR("a", "serving", "30%") W ", of: installed-at(now)}\n",
		  ":2:", "installed-at(2023-07-05)" },
		{ FLOOR("a", "serving", "30%") W ", mixed: some}\n", ":2:", "unresolved" },
		{ FLOOR("a", "serving", "30%") W ", notice: 0s}\n", ":2:", "28d" },
		{ FLOOR("a", "serving", "30%") W ", min_total: 3}\n", ":2:", "1000 GPU-h" },
		{ "- {name: a, kind: growth, purpose: alignment, " W "}\n",
		  ":2:3: ", "outgrow itself" },
		{ "- {name: a, kind: growth, purpose: serving, "
		  "window: cumulative 2026-01-01/2027-01-01}\n",
		  ":2:3: ", "rolling or calendar" },
		{ A_GATE "approvals: 1}\n", ":2:3: ", "\"gpus\" or \"gpu_hours\"" },
		{ A_GATE "gpus: 1, approvers: " KEY ", approvals: 2}\n",
		  ":2:3: ", "than there are" },
		{ A_GATE "gpus: 1, approvers: [abc]}\n", ":2:", "64 hex digits" },
		{ MOVE "to: 25%}\n", ":2:3: ", "by: DATE" },
		{ MOVE "to: 15%, by: 2027-01-01}\n", ":2:3: ", "nothing is to be moved" },
		{ MOVE "to: 25%, by: 2027-01-01, within: 3d of e}\n", ":2:3: ", "needs one of" },
		{ MOVE "to: 25%, by: 2027-01-01, declared: 2027-01-02}\n", ":2:3: ", "before" },
		{ MOVE "to: 25%, by: 2027-01-01, displacement: 50%}\n", ":2:3: ", "declared" },
		{ MOVE "to: 25%, within: soon}\n", ":2:", "30d of EVENT" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct em_commitments c;
		char text[2048], err[512] = "";
		int ret;

		snprintf(text, sizeof(text), "commitments:\n%s", table[i].text);
		ret = load(text, &c, err, sizeof(err));
		if (!table[i].where) {
			if (ret)
				fail_msg("row %zu: %s", i, err);
			em_commitments_clear(&c);
			continue;
		}
		assert_int_equal(ret, -EINVAL);
		if (!strstr(err, table[i].where) || !strstr(err, table[i].what))
			fail_msg("row %zu: \"%s\" lacks \"%s\" or \"%s\"", i, err, table[i].where,
				 table[i].what);
		assert_null(strchr(err, '\n'));
	}
}

/* A thousand million laughs are refused at the first. */
static void bombs(void **state)
{
	char text[4096] = "a: &a [x,x,x,x,x,x,x,x,x]\n", err[512] = "", deep[20000];
	struct em_commitments c;

	(void)state;
	for (char k = 'b'; k < 'k'; k++) {
		char line[128];

		snprintf(line, sizeof(line), "%c: &%c [*%c,*%c,*%c,*%c]\n", k, k, k - 1, k - 1,
			 k - 1, k - 1);
		strcat(text, line);
	}
	assert_int_equal(load(text, &c, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, ":1:4: anchors and aliases"));
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(load(deep, &c, err, sizeof(err)), -EINVAL);
	assert_int_equal(
		em_commitments_parse(&c, "x", "commitments: !!binary |\n", err, sizeof(err)), 0);
}

/* Editors are told of the keys that there are. */
static void schema(void **state)
{
	_cleanup_json_ json_t *o = json_load_file("docs/commitments.schema.json", 0, NULL);
	json_t *defs = json_object_get(o, "$defs");
	json_t *properties = json_object_get(json_object_get(defs, "commitment"), "properties");

	(void)state;
	assert_non_null(properties);
	assert_int_equal(json_object_size(properties), ARRAY_SIZE(keys));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!json_object_get(properties, keys[i].key))
			fail_msg("the schema has no %s", keys[i].key);
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
		cmocka_unit_test(all_keys),       cmocka_unit_test(contradictions),
		cmocka_unit_test(bombs),          cmocka_unit_test(schema),
	};

	return cmocka_run_group_tests_name("language", tests, NULL, NULL);
}
