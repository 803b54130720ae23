// SPDX-License-Identifier: GPL-2.0
/* An inventory over many ledgers: whose ledger is left out is unobserved, and never helps. */
#include "ledger_make.h"
#include "base/cleanup.h"
#include "commit/inventory.h"
#include "commit/judge.h"
#include "ledger/signature.h"
#include "report/report.h"

enum { NODES = 3, INTERVALS = 12 };

static const char *const node_names[NODES] = { "n0", "n1", "n2" };
static char root[64];
static uint64_t seed;
static bool broken;

static uint64_t any(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

static struct em_ledger *open_node(const char *name)
{
	struct em_ledger *l = NULL;
	char origin[64];

	snprintf(dir, sizeof(dir), "%.40s/%s", root, name);
	snprintf(origin, sizeof(origin), "acme/c/%s", name);
	assert_int_equal(em_ledger_open_as(&l, dir, origin, NULL), 0);
	return l;
}

/* A node with one GPU: @aligned of 10 s for alignment, @other for capabilities, in each interval.
 */
static void node(const char *name, __u8 load, int64_t aligned, int64_t other, int64_t unobserved)
{
	struct em_ledger *l = open_node(name);
	struct chain c = { .load = load };
	struct made m;

	assert_int_equal(em_ledger_batch(l), 0);
	for (int i = 0; i < INTERVALS; i++) {
		struct earmark_segment *e;

		begin(&m);
		if (!i) {
			gpu_event(&m, 1, "platform/a");
			tag_event(&m, 50, 3, EARMARK_PURPOSE_ALIGNMENT, "p");
			tag_event(&m, 51, 4, EARMARK_PURPOSE_CAPABILITIES, "q");
		}
		gpu_row(&m, 1, 10 * S, (uint64_t)(10 - aligned - other - unobserved) * S,
			(uint64_t)unobserved * S, 0);
		usage(&m, 1, 50, 3, (uint64_t)aligned * S, (uint64_t)aligned * S);
		usage(&m, 1, 51, 4, (uint64_t)other * S, (uint64_t)other * S);
		for (__u32 id = 0; id < 2; id++) {
			e = segment(&m, EARMARK_SEGMENT_ENGINE, 1);
			e->id = id;
			e->engine.busy = id ? 0 : (uint64_t)(aligned + other) * S;
		}
		if (broken)
			m.i.header.flags |= EARMARK_INTERVAL_BROKEN;
		next(&c, &m, 10);
		append(l, &m);
	}
	assert_int_equal(em_ledger_batch_end(l), 0);
	em_ledger_close(l);
}

static json_t *listed(unsigned int nodes, const char *since, const char *until)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < NODES; i++) {
		json_t *gpu = json_pack("{s:s,s:s,s:s}", "name", "platform/a", "model",
					"model of platform/a", "since", since);
		char origin[64];

		if (until)
			json_object_set_new(gpu, "until", json_string(until));
		snprintf(origin, sizeof(origin), "acme/c/%s", node_names[i]);
		if (nodes >> i & 1)
			json_array_append_new(
				list, json_pack("{s:s,s:[o]}", "origin", origin, "gpus", gpu));
		else
			json_decref(gpu);
	}
	return json_pack("{s:o}", "nodes", list);
}

static void home(json_t *inventory)
{
	struct em_ledger *l = open_node("home");
	_cleanup_free_ char *text = json_dumps(inventory, 0);

	assert_int_equal(em_ledger_note(l, "inventory", text), 0);
	em_ledger_close(l);
	json_decref(inventory);
}

/* The ledgers of @nodes, and the home's. */
static struct em_ledger *open_some(unsigned int nodes)
{
	char paths[NODES + 1][64];
	const char *dirs[NODES + 1];
	struct em_ledger *l = NULL;
	unsigned int n = 0;

	snprintf(paths[n], 64, "%.40s/home", root);
	dirs[n] = paths[n];
	n++;
	for (unsigned int i = 0; i < NODES; i++) {
		if (!(nodes >> i & 1))
			continue;
		snprintf(paths[n], 64, "%.40s/%s", root, node_names[i]);
		dirs[n] = paths[n];
		n++;
	}
	/* alone, the home's is the folder of all of them */
	if (n == 1) {
		snprintf(paths[1], 64, "%.40s/alone", root);
		mkdir(paths[1], 0755);
		snprintf(paths[2], 64, "%.40s/alone/home", root);
		if (access(paths[2], F_OK))
			assert_int_equal(symlink("../home", paths[2]), 0);
		dirs[0] = paths[1];
	}
	assert_int_equal(em_ledger_open_many(&l, dirs, n), 0);
	return l;
}

static const int64_t window_end = T0 + INTERVALS * 10 * S;

static struct em_report report_of(struct em_ledger *l)
{
	struct em_report r;

	assert_int_equal(em_report_make(&r, l, T0, window_end), 0);
	return r;
}

static void who_is_left_out_is_unobserved(void **state)
{
	struct em_ledger *l;
	struct em_report r;

	(void)state;
	strcpy(root, dir);
	node("n0", 0x11, 4, 3, 0);
	node("n1", 0x21, 1, 8, 1);
	node("n2", 0x31, 2, 2, 0);
	home(listed(7, "2026-01-01T00:00:00Z", NULL));
	l = open_some(7);
	r = report_of(l);
	assert_null(em_ledger_missing(l, 0));
	assert_true(r.capacity == (em_ns)NODES * INTERVALS * 10 * S && !r.missing);
	assert_true(r.unobserved == INTERVALS * S);
	em_ledger_close(l);
	l = open_some(5);
	r = report_of(l);
	assert_string_equal(em_ledger_missing(l, 0), "acme/c/n1");
	assert_null(em_ledger_missing(l, 1));
	assert_true(r.capacity == (em_ns)NODES * INTERVALS * 10 * S);
	assert_true(r.unobserved == INTERVALS * 10 * S && r.missing == INTERVALS * 10 * S);
	em_ledger_close(l);
	l = open_some(0);
	r = report_of(l);
	assert_true(r.unobserved == r.capacity && r.capacity == (em_ns)NODES * INTERVALS * 10 * S);
	assert_string_equal(em_ledger_missing(l, 2), "acme/c/n2");
	em_ledger_close(l);
	strcpy(dir, root);
}

/* Its ledger is here, but begins later than the inventory says that its GPU was there. */
static void what_is_not_in_it_is_unobserved(void **state)
{
	struct em_ledger *l;
	struct em_report r;

	(void)state;
	strcpy(root, dir);
	node("n0", 0x11, 4, 3, 0);
	em_ledger_close(open_node("n1")); /* of the right name, and empty */
	home(listed(3, "2026-01-01T00:00:00Z", NULL));
	l = open_some(3);
	r = report_of(l);
	assert_null(em_ledger_missing(l, 0));
	assert_true(r.missing == INTERVALS * 10 * S);
	assert_int_equal(em_report_make(&r, l, T0 - 100 * S, window_end), 0);
	assert_true(r.missing == INTERVALS * 10 * S + 2 * 100 * S);
	em_ledger_close(l);
	strcpy(dir, root);
}

static void who_is_listed_stays(void **state)
{
	struct em_ledger *l;
	struct em_report r;

	(void)state;
	strcpy(root, dir);
	node("n0", 0x11, 4, 3, 0);
	home(listed(3, "2026-01-01T00:00:00Z", NULL));
	home(listed(1, "2026-01-01T00:00:00Z", NULL));
	l = open_some(1);
	r = report_of(l);
	assert_true(r.missing == INTERVALS * 10 * S);
	em_ledger_close(l);
	/* said afterwards: from then on, not from before */
	home(listed(3, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"));
	l = open_some(1);
	r = report_of(l);
	assert_true(r.missing == INTERVALS * 10 * S);
	em_ledger_close(l);
	/* one that was never said to be there longer is there no longer */
	snprintf(dir, sizeof(dir), "%.40s/home", root);
	teardown(state);
	home(listed(3, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"));
	l = open_some(1);
	r = report_of(l);
	assert_true(!r.missing);
	em_ledger_close(l);
	strcpy(dir, root);
}

/* --- verdicts ------------------------------------------------------------------------------ */

static struct em_verdict verdict(const struct em_commitment *c, unsigned int nodes)
{
	struct em_ledger *l = open_some(nodes);
	struct em_verdict v;

	assert_int_equal(em_commitment_check(c, l, window_end, &v), 0);
	em_ledger_close(l);
	return v;
}

static struct em_commitment some_promise(void)
{
	return (struct em_commitment){
		.name = (char *)"p",
		.kind = any(2) ? EM_FLOOR : EM_CEILING,
		.of = any(2) ? EM_OF_USED : EM_OF_CAPACITY,
		.clock = any(2) ? EM_CLOCK_GPU_TIME : EM_CLOCK_BUSY,
		.mixed = EM_MIXED_EXCLUDE,
		.mixed_part = { 1, 2 },
		.purpose = any(2) ? EARMARK_PURPOSE_ALIGNMENT : EARMARK_PURPOSE_CAPABILITIES,
		.share = { any(101), 100 },
		.min_coverage = { any(3) ? 0 : 9, 10 },
		.span.kind = EM_ROLLING,
		.window = INTERVALS * 10 * S,
		.prove_within = S,
	};
}

static void leaving_out_never_helps(void **state)
{
	unsigned int met = 0, breached = 0, left_breached = 0;

	strcpy(root, dir);
	for (int round = 0; round < 6; round++) {
		seed = (uint64_t)round + 1;
		strcpy(dir, root);
		teardown(state);
		assert_int_equal(mkdir(root, 0755), 0);
		for (int i = 0; i < NODES; i++) {
			int64_t a = (int64_t)any(11), c = (int64_t)any((uint64_t)(11 - a));

			node(node_names[i], (__u8)(0x11 + 0x10 * i), a, c,
			     (int64_t)any(4) ? 0 : (10 - a - c));
		}
		home(listed(7, "2026-01-01T00:00:00Z", NULL));
		for (int k = 0; k < 12; k++) {
			struct em_commitment c = some_promise();
			struct em_verdict all = verdict(&c, 7);

			met += all.status == EM_MET;
			breached += all.status == EM_BREACHED;
			for (unsigned int nodes = 0; nodes < 7; nodes++) {
				struct em_verdict v = verdict(&c, nodes);

				assert_true(v.status != EM_MET || all.status == EM_MET);
				assert_true(v.status != EM_BREACHED || all.status == EM_BREACHED);
				left_breached += v.status == EM_BREACHED;
			}
		}
	}
	assert_true(met > 5 && breached > 5 && left_breached > 5);
	strcpy(dir, root);
}

/* Sums that did not come out, of a node that is then left out: no bound knows of them. */
static void a_broken_node_left_out_does_not_help(void **state)
{
	struct em_commitment c = { .name = (char *)"p",
				   .kind = EM_FLOOR,
				   .mixed_part = { 1, 2 },
				   .purpose = EARMARK_PURPOSE_ALIGNMENT,
				   .share = { 1, 10 },
				   .min_coverage = { 0, 1 },
				   .span.kind = EM_ROLLING,
				   .window = INTERVALS * 10 * S };
	struct em_verdict v;

	(void)state;
	strcpy(root, dir);
	node("n0", 0x11, 9, 1, 0);
	broken = true;
	node("n1", 0x21, 9, 1, 0);
	broken = false;
	home(listed(3, "2026-01-01T00:00:00Z", NULL));
	v = verdict(&c, 3);
	assert_int_equal(v.status, EM_UNPROVEN);
	assert_string_equal(v.reason, "broken");
	v = verdict(&c, 1);
	assert_int_equal(v.status, EM_UNPROVEN);
	assert_string_equal(v.reason, "missing nodes");
	strcpy(dir, root);
}

/* --- the file ------------------------------------------------------------------------------ */

static const char *refusal(const char *text)
{
	static char err[512];
	char path[96];
	json_t *nodes;
	FILE *f;

	snprintf(path, sizeof(path), "%s/inventory.yaml", dir);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	err[0] = '\0';
	if (!em_inventory_load(&nodes, path, err, sizeof(err)))
		json_decref(nodes);
	return err;
}

static void files_that_say_too_little(void **state)
{
	char key[EM_KEY_TEXT_LEN], text[1024];
	struct em_key k;

	(void)state;
	em_key_make(&k, "acme/c/n0", EM_KEY_LOG);
	em_key_text(&k, false, key);
#define NODE                                                                                   \
	"nodes:\n  - origin: acme/c/n0\n    key: %s\n    gpus:\n      - name: pci/0\n        " \
	"model: H100\n        since: %s\n"
	snprintf(text, sizeof(text), NODE, key, "2026-01-01");
	assert_string_equal(refusal(text), "");
	snprintf(text, sizeof(text), NODE "        until: 2026-02-01\n", key, "2026-01-01");
	assert_string_equal(refusal(text), "");
	snprintf(text, sizeof(text), NODE "        until: 2025-02-01\n", key, "2026-01-01");
	assert_non_null(strstr(refusal(text), "until"));
	snprintf(text, sizeof(text), NODE, key, "yesterday");
	assert_non_null(strstr(refusal(text), "since"));
	snprintf(text, sizeof(text), NODE, "acme/c/n1+00+xx", "2026-01-01");
	assert_non_null(strstr(refusal(text), "key"));
	snprintf(text, sizeof(text), NODE "        color: red\n", key, "2026-01-01");
	assert_non_null(strstr(refusal(text), "color"));
	assert_non_null(strstr(refusal("nodes: []\n"), "inventory.yaml"));
	assert_true(*refusal("nodes:\n  - origin: a/b/c\n"));
	assert_true(*refusal("- 1\n"));
	assert_true(*refusal(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_is_left_out_is_unobserved),
		TEST(what_is_not_in_it_is_unobserved),
		TEST(who_is_listed_stays),
		TEST(leaving_out_never_helps),
		TEST(a_broken_node_left_out_does_not_help),
		TEST(files_that_say_too_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
