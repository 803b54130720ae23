// SPDX-License-Identifier: GPL-2.0
/* The log as evidence: any change of it is found, and what is shown proves what it says. */
#include <ftw.h>

#include "log_make.h"
#include "ledger/entry.h"
#include "ledger/proof.h"
#include "ledger/witness.h"

/* --- any change is found ------------------------------------------------------------------ */

static char change_from[160];
static unsigned int changes, missed;

static int each_change(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t len = (size_t)st->st_size;
	unsigned char *bytes;
	FILE *f;

	(void)ftw;
	if (type != FTW_F || strstr(path, "key"))
		return 0;
	bytes = malloc(len);
	f = fopen(path, "r+");
	assert_int_equal(fread(bytes, 1, len, f), len);
	for (size_t i = 0; i < len; i++) {
		unsigned char flipped = bytes[i] ^ (unsigned char)(1 << i % 8);

		assert_int_equal(pwrite(fileno(f), &flipped, 1, (off_t)i), 1);
		changes++;
		if (!problems(in_dir("copy"), change_from)) {
			missed++;
			print_error("byte %zu of %s\n", i, path);
		}
		assert_int_equal(pwrite(fileno(f), &bytes[i], 1, (off_t)i), 1);
	}
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(ftruncate(fileno(f), (off_t)i), 0);
		changes++;
		if (!problems(in_dir("copy"), change_from)) {
			missed++;
			print_error("%s cut to %zu\n", path, i);
		}
		assert_int_equal(pwrite(fileno(f), bytes, len, 0), len);
	}
	fclose(f);
	free(bytes);
	return 0;
}

/*
 * An opening whose line is no line any more opens nothing: its entry's totals stand, its rows are
 * merely not shown, and that is said. So openings are required here.
 */
static void every_byte_counts(void **state)
{
	struct chain c = { .load = 0x11 };

	(void)state;
	fill(2, &c);
	shell("cp %s %s", in_dir("checkpoint"), in_dir("kept"));
	assert_int_equal(export_to(in_dir("copy"), EM_PRIVACY_TOTALS), 0);
	strcpy(change_from, in_dir("kept"));
	assert_int_equal(problems(in_dir("copy"), change_from), 0);
	changes = missed = 0;
	nftw(in_dir("copy"), each_change, 8, FTW_PHYS);
	assert_true(changes > 3000);
	assert_int_equal(missed, 0);
	assert_int_equal(problems(in_dir("copy"), change_from), 0);
}

static void replace_in(const char *path, const char *from, const char *to)
{
	char command[512];

	snprintf(command, sizeof(command), "grep -q '%s' %s && sed -i 's/%s/%s/' %s", from, path,
		 from, to, path);
	assert_int_equal(system(command), 0);
}

static void openings_open_what_is_there(void **state)
{
	struct chain c = { .load = 0x11 };
	struct em_verify_order order = { .key = &key };
	struct em_verified v;

	(void)state;
	fill(2, &c);
	assert_int_equal(export_to(in_dir("copy"), EM_PRIVACY_FULL), 0);
	assert_int_equal(verify_as(in_dir("copy"), &order, &v), 0);
	assert_int_equal(v.counts.rows_hidden, 0);
	assert_true(v.counts.openings >= 2);
	em_verified_clear(&v);
	replace_in(in_dir("copy/open/000"), "\"gpu_time\":4000000000", "\"gpu_time\":4000000001");
	assert_int_equal(verify_as(in_dir("copy"), &order, &v), 2); /* both entries have it */
	assert_non_null(strstr(v.problems[0].what, "does not open"));
	em_verified_clear(&v);
	/* without them the totals still stand */
	shell("rm -r %s/%s", in_dir("copy"), "open");
	assert_int_equal(verify_as(in_dir("copy"), &order, &v), 0);
	assert_true(v.counts.rows_hidden >= 2);
	em_verified_clear(&v);
}

/* A whole tree, signed with another key, over a figure that was changed. */
static void another_key_is_found(void **state)
{
	struct chain c = { .load = 0x11 };
	struct em_key mine;

	(void)state;
	fill(3, &c);
	mine = key;
	teardown(state);
	setup(state);
	c = (struct chain){ .load = 0x11 };
	fill(3, &c);
	assert_int_equal(problems(dir, NULL), 0);
	key = mine;
	assert_true(problems(dir, NULL) > 0);
}

/* The state of yesterday, whole: only who kept something from today can tell. */
static void an_old_state_is_found(void **state)
{
	struct chain c = { .load = 0x11 };

	(void)state;
	fill(2, &c);
	assert_int_equal(export_to(in_dir("yesterday"), EM_PRIVACY_FULL), 0);
	fill(2, &c);
	shell("cp %s %s", in_dir("checkpoint"), in_dir("today"));
	assert_int_equal(problems(in_dir("yesterday"), NULL), 0);
	assert_true(problems(in_dir("yesterday"), in_dir("today")) > 0);
	assert_int_equal(problems(dir, in_dir("yesterday/checkpoint")), 0);
}

static void bundle_is(struct em_place *p, unsigned int width, const struct em_bundle *want)
{
	struct em_bundle b;

	assert_int_equal(em_bundle_read(p, 0, width, &b), 0);
	for (unsigned int i = 0; i < width; i++) {
		assert_int_equal(b.len[i], want->len[i]);
		assert_memory_equal(b.entry[i], want->entry[i], b.len[i]);
	}
	em_bundle_clear(&b);
}

/* Who still reads an older size finds what it had in wider files, and then in the full one. */
static void a_reader_is_overtaken(void **state)
{
	_cleanup_free_ char *note = NULL, *old = NULL;
	struct chain c = { .load = 0x11 };
	struct em_checkpoint size;
	struct em_bundle then = {};
	struct em_place *p = NULL;
	char path[EM_TILE_PATH_LEN], err[512];
	size_t len;

	(void)state;
	fill(3, &c);
	assert_int_equal(em_place_open(&p, dir, err, sizeof(err)), 0);
	assert_int_equal(em_place_read(p, "checkpoint", EM_NOTE_MAX, &note, &len), 0);
	assert_int_equal(em_checkpoint_parse(&size, note, len), 0);
	assert_int_equal(em_bundle_read(p, 0, (unsigned int)size.size, &then), 0);
	assert_int_equal(em_place_tile(p, 0, 0, then.n, &old, &len), 0);
	em_tile_path(path, EM_TILE_ENTRIES, 0, then.n);
	for (int more = 0; more < 300; more += 75) {
		_cleanup_free_ char *gone = NULL, *now = NULL;

		fill(75, &c);
		assert_int_equal(em_place_read(p, path, EM_BUNDLE_MAX, &gone, &len), -ENOENT);
		bundle_is(p, then.n, &then);
		assert_int_equal(em_place_tile(p, 0, 0, then.n, &now, &len), 0);
		assert_int_equal(len, then.n * EM_HASH_LEN);
		assert_memory_equal(now, old, len);
	}
	em_bundle_clear(&then);
	em_place_close(p);
}

/* --- one entry at a time ------------------------------------------------------------------ */

static json_t *prove(uint64_t index, bool open)
{
	struct em_place *p = NULL;
	char err[512];
	json_t *proof;

	assert_int_equal(em_place_open(&p, dir, err, sizeof(err)), 0);
	proof = em_proof_make(p, index, open, err, sizeof(err));
	em_place_close(p);
	return proof;
}

static void proofs(void **state)
{
	struct chain c = { .load = 0x11 };
	struct em_key other;
	struct em_proven proven;
	char err[512];
	json_t *proof;

	(void)state;
	fill(4, &c);
	for (uint64_t i = 0; i < 5; i++) {
		proof = prove(i, true);
		assert_non_null(proof);
		assert_int_equal(em_proof_check(proof, &key, NULL, 0, &proven, err, sizeof(err)),
				 0);
		assert_int_equal(proven.index, i);
		assert_true(!i == !proven.items);
		em_proven_clear(&proven);
		/* of another place, another text, another key */
		json_object_set_new(proof, "index", json_integer((json_int_t)(i ^ 1)));
		assert_int_equal(em_proof_check(proof, &key, NULL, 0, &proven, err, sizeof(err)),
				 -EBADMSG);
		em_proven_clear(&proven);
		json_object_set_new(proof, "index", json_integer((json_int_t)i));
		em_key_make(&other, key.name, EM_KEY_LOG);
		assert_int_equal(em_proof_check(proof, &other, NULL, 0, &proven, err, sizeof(err)),
				 -EBADMSG);
		em_proven_clear(&proven);
		json_object_set_new(proof, "entry", json_string("{}"));
		assert_int_equal(em_proof_check(proof, &key, NULL, 0, &proven, err, sizeof(err)),
				 -EBADMSG);
		em_proven_clear(&proven);
		json_decref(proof);
	}
	assert_null(prove(5, false));
	assert_null(prove(UINT64_MAX, false));
	proof = json_pack("{s:s}", "schema", "earmark-proof-1");
	assert_int_equal(em_proof_check(proof, &key, NULL, 0, &proven, err, sizeof(err)), -EINVAL);
	json_decref(proof);
}

/* --- grades of privacy -------------------------------------------------------------------- */

struct totals {
	uint64_t gpu_time[EARMARK_PURPOSE_COUNT];
	bool path, project, job;
};

static int add_total(const struct em_usage *u, void *arg)
{
	struct totals *t = arg;

	t->gpu_time[u->purpose] += u->gpu_time;
	t->path |= u->path && *u->path;
	t->project |= u->project && *u->project;
	t->job |= u->job != 0;
	return 0;
}

static struct totals totals_of(const char *where)
{
	struct totals t = { 0 };
	struct em_ledger *l = NULL;

	assert_int_equal(em_ledger_open_log(&l, where), 0);
	assert_int_equal(em_ledger_usage(l, 0, INT64_MAX, add_total, &t), 0);
	em_ledger_close(l);
	return t;
}

static void grades_of_privacy(void **state)
{
	static const char *const names[] = { "full", "hashed", "totals" };
	struct chain c = { .load = 0x11 };
	struct totals all, t;

	(void)state;
	fill(3, &c);
	all = totals_of(dir);
	assert_true(all.path && all.project && all.job);
	for (enum em_privacy p = EM_PRIVACY_FULL; p <= EM_PRIVACY_TOTALS; p++) {
		assert_int_equal(em_privacy_parse(names[p]), p);
		assert_int_equal(export_to(in_dir(names[p]), p), 0);
		assert_int_equal(problems(in_dir(names[p]), NULL), 0);
		t = totals_of(in_dir(names[p]));
		assert_memory_equal(t.gpu_time, all.gpu_time, sizeof(t.gpu_time));
		assert_int_equal(t.job, p != EM_PRIVACY_TOTALS);
		assert_int_equal(t.path, p == EM_PRIVACY_FULL);
		assert_int_equal(t.project, p == EM_PRIVACY_FULL);
	}
	shell("! grep -rq jobs/fifty %s %s", in_dir("hashed"), in_dir("totals"));
	shell("grep -rq jobs/fifty %s%s", in_dir("full"), "");
	assert_int_equal(export_to(in_dir("full"), EM_PRIVACY_FULL), -ENOTEMPTY);
}

/* --- witnesses ---------------------------------------------------------------------------- */

static unsigned int witness_says(struct em_witness *w, uint64_t old, const char *where,
				 char *answer)
{
	static char body[EM_WITNESS_BODY_MAX];
	struct em_hash proof[EM_PROOF_MAX];
	struct em_place *p = NULL;
	struct em_checkpoint c;
	struct em_nodes nodes;
	char err[512], *note, text[64];
	const char *type;
	size_t len;
	int n, at;

	assert_int_equal(em_place_open(&p, where, err, sizeof(err)), 0);
	assert_int_equal(em_place_read(p, "checkpoint", EM_NOTE_MAX, &note, &len), 0);
	assert_int_equal(em_checkpoint_parse(&c, note, len), 0);
	nodes = (struct em_nodes){ p, c.size };
	n = old <= c.size ? em_prove_consistency(em_nodes_get, &nodes, old, c.size, proof) : 0;
	at = sprintf(body, "old %llu\n", (unsigned long long)old);
	for (int i = 0; i < n; i++) {
		em_base64(text, sizeof(text), proof[i].b, EM_HASH_LEN);
		at += sprintf(body + at, "%s\n", text);
	}
	at += sprintf(body + at, "\n%s", note);
	free(note);
	em_place_close(p);
	return em_witness_add(w, body, (size_t)at, answer, &type);
}

static void a_witness_signs_one_history(void **state)
{
	struct chain c = { .load = 0x11 };
	struct em_witness w;
	char err[512], answer[EM_NOTE_MAX];
	const char *type;

	(void)state;
	fill(3, &c);
	assert_int_equal(export_to(in_dir("old"), EM_PRIVACY_FULL), 0);
	assert_int_equal(em_witness_open(&w, in_dir("witness"), "w", err, sizeof(err)), 0);
	assert_int_equal(witness_says(&w, 0, dir, answer), 404);
	w.logs = calloc(1, sizeof(key));
	w.logs[w.n_logs++] = key;
	assert_int_equal(witness_says(&w, 0, dir, answer), 200);
	assert_int_equal(strncmp(answer, "\xe2\x80\x94 w ", 6), 0);
	assert_int_equal(witness_says(&w, 0, dir, answer), 409);
	assert_string_equal(answer, "4\n");
	assert_int_equal(witness_says(&w, 4, dir, answer), 200); /* again */
	fill(2, &c);
	assert_int_equal(witness_says(&w, 3, dir, answer), 409);
	assert_int_equal(witness_says(&w, 7, dir, answer), 400);
	assert_int_equal(witness_says(&w, 4, dir, answer), 200);
	/* rolled back */
	assert_int_equal(witness_says(&w, 4, in_dir("old"), answer), 409);
	em_witness_close(&w);
	/* after a restart it remembers */
	assert_int_equal(em_witness_open(&w, in_dir("witness"), "w", err, sizeof(err)), 0);
	w.logs = calloc(1, sizeof(key));
	w.logs[w.n_logs++] = key;
	assert_int_equal(witness_says(&w, 4, in_dir("old"), answer), 409);
	assert_string_equal(answer, "6\n");
	assert_int_equal(em_witness_add(&w, "old 6\n", 6, answer, &type), 400);
	assert_int_equal(em_witness_add(&w, "", 0, answer, &type), 400);
	assert_int_equal(em_witness_add(&w, "old x\n\n\n", 8, answer, &type), 400);
	em_witness_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_byte_counts),     TEST(openings_open_what_is_there),
		TEST(another_key_is_found),  TEST(an_old_state_is_found),
		TEST(a_reader_is_overtaken), TEST(proofs),
		TEST(grades_of_privacy),     TEST(a_witness_signs_one_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
