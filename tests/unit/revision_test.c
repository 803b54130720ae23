// SPDX-License-Identifier: GPL-2.0
/* Weakenings are always recognised, strengthenings never called one. */
#include "history.h"
#include "base/cleanup.h"
#include "commit/judge.h"
#include "commit/revision.h"

#define HOUR (3600 * S)

static struct em_commitments parse(const char *text)
{
	struct em_commitments c;
	char err[512] = "";

	if (em_commitments_parse(&c, "text", text, err, sizeof(err)))
		fail_msg("%s\n%s", err, text);
	return c;
}

static json_t *compare(const char *before, const char *after)
{
	struct em_commitments a = parse(before), b = parse(after);
	json_t *changes;

	assert_int_equal(em_revision_compare(&a, &b, &changes), 0);
	em_commitments_clear(&a);
	em_commitments_clear(&b);
	return changes;
}

static const char *field(json_t *changes, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(changes, i), key)) ?: "";
}

#define FLOOR "commitments:\n- {name: n, kind: floor, purpose: alignment, share: 20%, "
#define CEILING "commitments:\n- {name: n, kind: ceiling, purpose: capabilities, share: 50%, "
#define FULL FLOOR "window: rolling 28d"
#define GATE "commitments:\n- {name: n, kind: gate, purpose: capabilities, window: rolling 28d, "
#define MOVE                                                                                     \
	"commitments:\n- {name: n, kind: reallocate, purpose: alignment, declared: 2026-01-01, " \
	"from: 15%, "
#define K1 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define K2 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"

/* Each key, both ways: what is kinder one way is stricter, or kinder too, the other way. */
static void each_key(void **state)
{
	static const struct {
		const char *before, *after, *key;
		bool back_weaker; /* cannot be compared: weaker both ways */
	} table[] = {
		{ FULL "}\n",
		  "commitments:\n- {name: n, kind: floor, purpose: alignment, share: "
		  "19.9%, window: rolling 28d}\n",
		  "share", false },
		{ FULL "}\n",
		  "commitments:\n- {name: n, kind: ceiling, purpose: alignment, share: "
		  "20%, window: rolling 28d}\n",
		  "kind", true },
		{ FULL "}\n",
		  "commitments:\n- {name: n, kind: floor, purpose: serving, share: "
		  "20%, window: rolling 28d}\n",
		  "purpose", true },
		{ FULL "}\n", "commitments: []\n", "dropped", false },
		{ FLOOR "window: rolling 28d, of: capacity}\n", FULL "}\n", "of", false },
		{ FULL "}\n", FLOOR "window: rolling 28d, of: fixed(9 GPU-h)}\n", "of", true },
		{ FULL "}\n", FLOOR "window: rolling 28d, of: allocated}\n", "of", true },
		{ FLOOR "window: rolling 28d, of: fixed(9 GPU-h)}\n",
		  FLOOR "window: rolling 28d, of: fixed(8 GPU-h)}\n", "of", false },
		{ FLOOR "window: rolling 28d, of: installed-at(2023-01-01)}\n",
		  FLOOR "window: rolling 28d, of: installed-at(2023-01-02)}\n", "of", true },
		{ FULL "}\n", FLOOR "window: rolling 28d, mixed: include}\n", "mixed", false },
		{ FULL "}\n", FLOOR "window: rolling 28d, mixed: 1/3}\n", "mixed", false },
		{ FULL "}\n", FLOOR "window: rolling 28d, mixed: unresolved}\n", "mixed", false },
		{ FLOOR "window: rolling 28d, mixed: 1/3}\n",
		  FLOOR "window: rolling 28d, mixed: 1/2}\n", "mixed", false },
		{ FLOOR "window: rolling 28d, mixed: unresolved}\n",
		  FLOOR "window: rolling 28d, mixed: 1/2}\n", "mixed", true },
		{ CEILING "window: rolling 28d, mixed: include}\n",
		  CEILING "window: rolling 28d}\n", "mixed", false },
		{ CEILING "window: rolling 28d, mixed: unresolved}\n",
		  CEILING "window: rolling 28d}\n", "mixed", false },
		{ CEILING "window: rolling 28d, of: used}\n",
		  CEILING "window: rolling 28d, of: capacity}\n", "of", false },
		{ FULL "}\n", FLOOR "window: rolling 28d, clock: busy}\n", "clock", true },
		{ FULL "}\n", FLOOR "window: rolling 28d, scope: {project: a*}}\n", "scope", true },
		{ FULL "}\n", FLOOR "window: rolling 90d}\n", "window", true },
		{ FULL "}\n", FLOOR "window: calendar month}\n", "window", true },
		{ FULL "}\n", FLOOR "window: rolling 28d, weights: flops}\n", "weights", true },
		{ FLOOR "window: rolling 28d, min_coverage: 95%}\n", FULL "}\n", "min_coverage",
		  false },
		{ FLOOR "window: rolling 28d, min_total: 9 GPU-h}\n", FULL "}\n", "min_total",
		  false },
		{ FLOOR "window: rolling 28d, require_tagged_by: scheduler}\n", FULL "}\n",
		  "require_tagged_by", false },
		{ FULL "}\n", FLOOR "window: rolling 28d, prove_within: 29d}\n", "prove_within",
		  false },
		{ FULL "}\n", FLOOR "window: rolling 28d, tolerance: 11%}\n", "tolerance", false },
		{ FLOOR "window: rolling 28d, catch_up: 50%}\n", FULL "}\n", "catch_up", false },
		{ FLOOR "window: rolling 28d, notice: 30d}\n", FULL "}\n", "notice", false },
		{ FULL "}\n", FLOOR "window: rolling 28d, when: release}\n", "when", false },
		{ FULL "}\n", FLOOR "window: rolling 28d, declared: 2026-01-01}\n", "declared",
		  true },
		{ FULL "}\n", FLOOR "window: rolling 28d, definitions: {url: 'https://x'}}\n",
		  "definitions", true },
		{ "commitments:\n- {name: n, kind: floor, purpose: alignment, amount: 9 GPU-h, "
		  "window: rolling 28d}\n",
		  "commitments:\n- {name: n, kind: floor, purpose: alignment, amount: 8 GPU-h, "
		  "window: rolling 28d}\n",
		  "share", false },
		{ GATE "gpus: 8}\n", GATE "gpus: 9}\n", "gpus", false },
		{ GATE "gpus: 8, gpu_hours: 9}\n", GATE "gpus: 8}\n", "gpu_hours", false },
		{ GATE "gpus: 8, approvals: 2}\n", GATE "gpus: 8}\n", "approvals", false },
		{ GATE "gpus: 8, external: 1}\n", GATE "gpus: 8}\n", "approvals", false },
		{ GATE "gpus: 8, approvers: [" K1 "]}\n", GATE "gpus: 8}\n", "approvers", false },
		{ GATE "gpus: 8, approvers: [" K1 "]}\n",
		  GATE "gpus: 8, approvers: [" K1 ", " K2 "]}\n", "approvers", false },
		{ GATE "gpus: 8, approvers: [" K1 "]}\n", GATE "gpus: 8, approvers: [" K2 "]}\n",
		  "approvers", true },
		{ MOVE "to: 25%, due: 2027-01-01}\n", MOVE "to: 24%, due: 2027-01-01}\n", "to",
		  false },
		{ MOVE "to: 25%, due: 2027-01-01}\n", MOVE "to: 25%, due: 2027-01-02}\n", "due",
		  false },
		{ MOVE "to: 25%, due: 2027-01-01}\n", MOVE "to: 25%, within: 9d of e}\n", "due",
		  true },
		{ MOVE "to: 25%, within: 9d of e}\n", MOVE "to: 25%, within: 10d of e}\n", "due",
		  false },
		{ MOVE "to: 25%, due: 2027-01-01, displacement: 1/2}\n",
		  MOVE "to: 25%, due: 2027-01-01, displacement: 1/3}\n", "displacement", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		_cleanup_json_ json_t *there = compare(table[i].before, table[i].after);
		_cleanup_json_ json_t *back = compare(table[i].after, table[i].before);
		_cleanup_json_ json_t *same = compare(table[i].before, table[i].before);
		bool found = false;

		assert_int_equal(json_array_size(same), 0);
		for (size_t k = 0; k < json_array_size(there); k++)
			found |= !strcmp(field(there, k, "key"), table[i].key) &&
				 !strcmp(field(there, k, "direction"), "weaker") &&
				 *field(there, k, "why");
		if (!found || !em_revision_weakens(there, "n"))
			fail_msg("row %zu, %s: not called weaker", i, table[i].key);
		if (em_revision_weakens(back, NULL) != table[i].back_weaker)
			fail_msg("row %zu, %s: back is %s", i, table[i].key,
				 table[i].back_weaker ? "not weaker" : "weaker");
		assert_true(json_array_size(back) > 0);
	}
}

/* Words alone are neither. */
static void words(void **state)
{
	_cleanup_json_ json_t *changes =
		compare(FULL "}\n", FLOOR "window: rolling 28d, text: said, by: us}\n");

	(void)state;
	assert_int_equal(json_array_size(changes), 1);
	assert_string_equal(field(changes, 0, "direction"), "neutral");
	assert_false(em_revision_weakens(changes, NULL));
}

/* --- the property: what helps the claimant somewhere is called weaker ------------------------ */

static unsigned int seed = 17;

static unsigned int below(unsigned int n)
{
	return (unsigned int)rand_r(&seed) % n;
}

static void any_purpose(struct em_report *r, unsigned int p)
{
	em_ns left = 0;

	for (int by = EARMARK_TAGGED_BY_OPERATOR; by >= 0; by--) {
		left += below(9);
		r->strong[p][by].gpu_time = r->strong[p][by].busy = left;
	}
	r->parts[p] = r->strong[p][0];
	r->used += left;
}

static struct em_measure any_measure(void)
{
	struct em_measure m = { .fleet = 20 };
	struct em_report *r = &m.r;

	for (unsigned int p = 0; p < EARMARK_PURPOSE_COUNT; p++)
		any_purpose(r, p);
	r->unobserved = r->busy_unobserved = below(20);
	r->busy_total = r->used;
	r->idle = below(20);
	r->capacity = m.engine_wall = r->used + r->unobserved + r->idle;
	return m;
}

static struct em_commitment any_promise(const struct em_commitment *like)
{
	struct em_commitment c = *like;

	for (int i = 0; i < 2; i++) {
		switch (below(7)) {
		case 0:
			c.share = (struct em_share){ 1 + below(9), 10 };
			break;
		case 1:
			c.of = below(2) ? EM_OF_USED : EM_OF_CAPACITY;
			break;
		case 2:
			c.mixed = below(4);
			c.mixed_part = (struct em_share){ 1 + below(3), 4 };
			break;
		case 3:
			c.min_coverage = (struct em_share){ below(10), 10 };
			break;
		case 4:
			c.min_total = below(200);
			break;
		case 5:
			c.require_tagged_by = below(EARMARK_TAGGED_BY_COUNT);
			break;
		default:
			c.of = EM_OF_FIXED;
			c.fixed = 1 + below(100);
		}
	}
	return c;
}

static bool called_weaker(struct em_commitment *a, struct em_commitment *b)
{
	struct em_commitments before = { a, 1 }, after = { b, 1 };
	_cleanup_json_ json_t *changes = NULL;

	assert_int_equal(em_revision_compare(&before, &after, &changes), 0);
	return em_revision_weakens(changes, "p");
}

static void recognised(void **state)
{
	unsigned int strengthened = 0;

	(void)state;
	for (int i = 0; i < 6000; i++) {
		struct em_commitment base = {
			.name = "p",
			.kind = i % 2 ? EM_FLOOR : EM_CEILING,
			.purpose = EARMARK_PURPOSE_ALIGNMENT,
			.share = { 1 + below(9), 10 },
			.min_coverage = { 0, 1 },
			.window = S,
			.prove_within = S,
		};
		struct em_commitment a = any_promise(&base), b = any_promise(&a);

		if (called_weaker(&a, &b))
			continue;
		strengthened++;
		for (int k = 0; k < 60; k++) {
			struct em_measure m = any_measure();
			struct em_verdict before, after;

			em_judge_measure(&a, &m, &before);
			em_judge_measure(&b, &m, &after);
			if ((after.status == EM_MET && before.status != EM_MET) ||
			    (before.status == EM_BREACHED && after.status != EM_BREACHED))
				fail_msg("round %d: %s became %s and is not called weaker", i,
					 em_status_name(before.status),
					 em_status_name(after.status));
		}
	}
	assert_true(strengthened > 500); /* else nothing was tried */
}

/* --- in the record ------------------------------------------------------------------------- */

static void note(struct history *h, int64_t at, const char *yaml)
{
	_cleanup_json_ json_t *o = json_pack("{s:s,s:s}", "file", "f", "text", yaml);
	_cleanup_free_ char *text = json_dumps(o, JSON_COMPACT);

	assert_int_equal(em_ledger_note_at(h->l, at, "commitments", text), 0);
}

static void in_notice(void **state)
{
	struct em_commitments list = { 0 };
	struct history h;
	int64_t t = 1800000000LL * S;
	json_t *changes;

	(void)state;
	history_open(&h, t);
	note(&h, t, FLOOR "window: rolling 28d, notice: 30d}\n");
	note(&h, t + HOUR, "commitments: [\n"); /* a typing mistake takes nothing back */
	note(&h, t + 2 * HOUR,
	     "commitments:\n- {name: n, kind: floor, purpose: alignment, share: 10%, "
	     "window: rolling 28d, notice: 30d}\n");
	/* not yet; then both; then the new one alone */
	assert_int_equal(em_revision_notice(&list, h.l, t + HOUR), 0);
	assert_int_equal(list.n, 0);
	assert_int_equal(em_revision_notice(&list, h.l, t + 3 * HOUR), 0);
	assert_int_equal(list.n, 1);
	assert_true(list.list[0].share.num * 5 == list.list[0].share.den);
	assert_true(list.list[0].until == t + 2 * HOUR + 30 * 24 * HOUR);
	assert_string_equal(list.list[0].name, "n (until 2027-02-14)");
	em_commitments_clear(&list);
	assert_int_equal(em_revision_notice(&list, h.l, t + 2 * HOUR + 30 * 24 * HOUR), 0);
	assert_int_equal(list.n, 0);
	/* dropped altogether: 10 % for a while yet */
	note(&h, t + 50 * HOUR, "");
	assert_int_equal(em_revision_notice(&list, h.l, t + 60 * HOUR), 0);
	assert_int_equal(list.n, 2);
	em_commitments_clear(&list);
	assert_int_equal(em_revision_history(h.l, t + 60 * HOUR, &changes), 0);
	assert_int_equal(json_array_size(changes), 4);
	assert_string_equal(field(changes, 0, "key"), "added");
	assert_string_equal(field(changes, 1, "key"), "unreadable");
	assert_string_equal(field(changes, 2, "key"), "share");
	assert_string_equal(field(changes, 2, "from"), "20 %");
	assert_string_equal(field(changes, 2, "to"), "10 %");
	assert_string_equal(field(changes, 3, "key"), "dropped");
	json_decref(changes);
	history_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key),
		cmocka_unit_test(words),
		cmocka_unit_test(recognised),
		cmocka_unit_test(in_notice),
	};

	return cmocka_run_group_tests_name("revision", tests, NULL, NULL);
}
