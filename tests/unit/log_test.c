// SPDX-License-Identifier: GPL-2.0
/*
 * The log as evidence: any change of it is found, a crash anywhere loses nothing that was promised
 * and signs no second history, and what is shown proves what it says.
 */
#include <dirent.h>
#include <ftw.h>
#include <sys/mman.h>

#include "ledger_make.h"
#include "base/cleanup.h"
#include "ledger/disk.h"
#include "ledger/entry.h"
#include "ledger/export.h"
#include "ledger/proof.h"
#include "ledger/verify.h"
#include "ledger/witness.h"

static struct em_key key;

/* --- helpers ------------------------------------------------------------------------------ */

static char *in_dir(const char *name)
{
	static char path[4][160];
	static int n;

	n = (n + 1) % 4;
	snprintf(path[n], sizeof(path[n]), "%s%s%s", dir, *name ? "/" : "", name);
	return path[n];
}

static void shell(const char *format, const char *a, const char *b)
{
	char command[512];

	snprintf(command, sizeof(command), format, a, b);
	assert_int_equal(system(command), 0);
}

static void read_key(void)
{
	const char *why;

	assert_int_equal(em_key_read(&key, in_dir("key.pub"), &why), 0);
}

/* Ledgers of @n intervals; the log's key is read. */
static void fill(int n, struct chain *c)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct made m;

	for (int i = 0; i < n; i++) {
		plain(c, &m, 4);
		append(l, &m);
	}
	em_ledger_close(l);
	read_key();
}

static unsigned int verify_as(const char *where, const struct em_verify_order *order,
			      struct em_verified *v)
{
	struct em_place *p = NULL;
	char err[512];
	unsigned int n;
	int r;

	assert_int_equal(em_place_open(&p, where, err, sizeof(err)), 0);
	r = em_verify(p, order, v, err, sizeof(err));
	n = r ? 1000 : v->n_problems;
	if (getenv("LOG_TEST_SHOW") && r)
		print_error("%s\n", err);
	for (unsigned int i = 0; getenv("LOG_TEST_SHOW") && i < v->n_problems && i < 20; i++)
		print_error("%lld %s: %s\n", (long long)v->problems[i].entry, v->problems[i].where,
			    v->problems[i].what);
	em_place_close(p);
	return n;
}

/* How many problems; 1000: it could not be done. */
static unsigned int problems(const char *where, const char *from)
{
	struct em_verify_order order = { .key = &key, .from = from };
	struct em_verified v;
	unsigned int n = verify_as(where, &order, &v);

	for (unsigned int i = 0; i < v.n_problems && i < EM_PROBLEMS_MAX; i++) {
		assert_true(*v.problems[i].what);
		assert_true(v.problems[i].entry >= 0 || *v.problems[i].where);
	}
	em_verified_clear(&v);
	return n;
}

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
	for (size_t i = 0; i < len; i += 1 + len / 100) {
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

static int export_to(const char *to, enum em_privacy privacy)
{
	struct em_place *p = NULL;
	char err[512];
	int r;

	assert_int_equal(em_place_open(&p, dir, err, sizeof(err)), 0);
	r = em_export(p, to, privacy, NULL, NULL, err, sizeof(err));
	if (r)
		print_error("%s\n", err);
	em_place_close(p);
	return r;
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

/* --- crashes ------------------------------------------------------------------------------ */

/**
 * struct crash - where the writer dies, shared with it
 * @at: at which step; @steps: so far; @how: 0 as it is, 1 half of what is written is there, 2 what
 *	is not synced is lost: the file is empty, the rename has not happened
 * @acked: intervals that were durable; @size: the checkpoint's then
 */
struct crash {
	int at, steps, how;
	__u64 acked;
	char checkpoint[EM_NOTE_MAX];
};

static struct crash *crash;
static char renamed[256];
static char *before_rename;
static long before_len;

static void die(enum em_disk_step step, const char *path, int fd, const void *bytes, size_t len)
{
	if (step == EM_DISK_WRITE && crash->how == 1) {
		if (write(fd, bytes, len / 2) < 0)
			_exit(2);
	}
	if (crash->how == 2 && (step == EM_DISK_FSYNC || step == EM_DISK_RENAME)) {
		if (ftruncate(fd, 0))
			_exit(2);
	}
	if (crash->how == 2 && step == EM_DISK_FSYNC_DIR && *renamed) {
		FILE *f;

		unlink(renamed);
		f = before_rename ? fopen(renamed, "w") : NULL;
		if (f) {
			fwrite(before_rename, 1, (size_t)before_len, f);
			fclose(f);
		}
	}
	(void)path;
	_exit(42);
}

static int hook(enum em_disk_step step, const char *path, int fd, const void *bytes, size_t len)
{
	if (crash->steps++ == crash->at)
		die(step, path, fd, bytes, len);
	if (step == EM_DISK_RENAME) {
		FILE *f;

		snprintf(renamed, sizeof(renamed), "%s/%s", dir, path);
		free(before_rename);
		before_rename = NULL;
		f = fopen(renamed, "r");
		if (f) {
			before_rename = malloc(65536);
			before_len = (long)fread(before_rename, 1, 65536, f);
			fclose(f);
		}
	}
	if (step == EM_DISK_FSYNC_DIR)
		renamed[0] = '\0';
	return 0;
}

static void writer(int n)
{
	struct chain c = { .load = 0x11 };
	struct em_ledger *l = NULL;
	struct made m;

	em_disk_hook = hook;
	if (em_ledger_open(&l, dir, EM_LEDGER_WRITE))
		_exit(3);
	for (int i = 0; i < n; i++) {
		__u64 number;
		__u8 hash[EARMARK_HASH_LEN];
		FILE *f;

		plain(&c, &m, 4);
		if (em_ledger_append(l, &m.i) ||
		    em_ledger_last(l, m.i.header.load_id, &number, hash) || number != c.number)
			_exit(4);
		f = fopen(in_dir("checkpoint"), "r");
		memset(crash->checkpoint, 0, EM_NOTE_MAX);
		if (!f || !fread(crash->checkpoint, 1, EM_NOTE_MAX - 1, f))
			_exit(5);
		fclose(f);
		crash->acked = number;
	}
	_exit(0);
}

/* After a crash: nothing acknowledged is lost, and what was shown then still holds. */
static void after(void)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	__u8 hash[EARMARK_HASH_LEN];
	__u64 number;
	struct made m;
	FILE *f;

	plain(&c, &m, 4);
	assert_int_equal(em_ledger_last(l, m.i.header.load_id, &number, hash), 0);
	assert_true(number >= crash->acked);
	/* what was not acknowledged comes again */
	for (c = (struct chain){ .load = 0x11 }; c.number < 5;) {
		plain(&c, &m, 4);
		append(l, &m);
	}
	assert_int_equal(ask_usage(l, 0, 50).gpu_time, 20 * S);
	em_ledger_close(l);
	read_key();
	if (!*crash->checkpoint) {
		assert_int_equal(problems(dir, NULL), 0);
		return;
	}
	f = fopen(in_dir("kept"), "w");
	fputs(crash->checkpoint, f);
	fclose(f);
	assert_int_equal(problems(dir, in_dir("kept")), 0);
}

static void a_crash_at_every_step(void **state)
{
	int status, n = 0;

	crash = mmap(NULL, sizeof(*crash), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	for (int how = 0; how < 3; how++) {
		for (int at = 0;; at++) {
			pid_t pid;

			teardown(state);
			setup(state);
			memset(crash, 0, sizeof(*crash));
			crash->at = at;
			crash->how = how;
			pid = fork();
			if (!pid)
				writer(2);
			assert_int_equal(waitpid(pid, &status, 0), pid);
			if (WEXITSTATUS(status) != 42)
				break;
			n++;
			after();
		}
		assert_int_equal(status, 0);
	}
	assert_true(n > 100);
	munmap(crash, sizeof(*crash));
}

/* --- failures ----------------------------------------------------------------------------- */

static int fail_at, fail_with;

static int failing(enum em_disk_step step, const char *path, int fd, const void *bytes, size_t len)
{
	(void)step;
	(void)path;
	(void)fd;
	(void)bytes;
	(void)len;
	return fail_at-- == 0 ? fail_with : 0;
}

static void a_failure_at_every_step(void **state)
{
	int n = 0;

	for (int with = 0; with < 3; with++) {
		/* the first kind at every step, the others at some */
		for (int at = with;; at += with ? 5 : 1) {
			struct chain c = { .load = 0x11 };
			struct em_ledger *l;
			__u64 number = 0;
			__u8 hash[EARMARK_HASH_LEN];
			struct made m;
			int r;

			teardown(state);
			setup(state);
			l = open_ledger(EM_LEDGER_WRITE);
			plain(&c, &m, 4);
			append(l, &m);
			shell("cp %s %s", in_dir("checkpoint"), in_dir("kept"));
			plain(&c, &m, 4);
			fail_at = at;
			fail_with = (const int[]){ -EIO, -ENOSPC, -EROFS }[with];
			em_disk_hook = failing;
			r = em_ledger_append(l, &m.i);
			em_disk_hook = NULL;
			if (!r) {
				em_ledger_close(l);
				break;
			}
			n++;
			assert_true(*em_ledger_error(l));
			assert_int_equal(em_ledger_last(l, m.i.header.load_id, &number, hash), 0);
			assert_int_equal(number, 1);
			/* it comes again, and then it is there */
			append(l, &m);
			assert_int_equal(ask_usage(l, 0, 20).gpu_time, 8 * S);
			em_ledger_close(l);
			read_key();
			assert_int_equal(problems(dir, in_dir("kept")), 0);
		}
	}
	assert_true(n > 20);
}

/* --- logs that must be left --------------------------------------------------------------- */

static void left_as(const char *why)
{
	struct em_verify_order order = { .key = &key };
	struct em_verified v;
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);

	em_ledger_close(l);
	read_key();
	assert_int_equal(verify_as(dir, &order, &v), 0);
	assert_non_null(v.old);
	assert_non_null(strstr(json_string_value(json_object_get(v.old, "why")), why));
	assert_non_null(strstr(v.checkpoint.origin, ".2"));
	em_verified_clear(&v);
	assert_int_equal(access(in_dir("old/1/done"), F_OK), 0);
	/* and what is still there of the old one is still counted */
	l = open_ledger(EM_LEDGER_READ);
	assert_true(ask_usage(l, 0, 100).gpu_time >= 4 * S);
	em_ledger_close(l);
}

static void a_shorter_log_is_left(void **state)
{
	struct chain c = { .load = 0x11 };

	(void)state;
	fill(2, &c);
	shell("rm -r %s/%s", dir, "tile/0");
	left_as("shorter");
}

static void a_restored_log_is_left(void **state)
{
	struct chain c = { .load = 0x11 };

	(void)state;
	fill(2, &c);
	shell("mkdir %s && cd %s/.. && cp -r tile open checkpoint signed saved", in_dir("saved"),
	      in_dir("saved"));
	fill(2, &c);
	/* the index remembers more than the log that was put back */
	shell("cd %s && rm -r tile open checkpoint signed && mv saved/* . && rmdir saved%s", dir,
	      "");
	left_as("restored");
}

static void who_remembers_more_can_say_so(void **state)
{
	struct chain c = { .load = 0x11 };
	struct em_ledger *l;

	(void)state;
	fill(2, &c);
	l = open_ledger(EM_LEDGER_WRITE);
	assert_int_equal(em_ledger_leave(l, "a witness remembers more"), 0);
	em_ledger_close(l);
	left_as("witness");
}

static void a_key_is_never_made_for_a_log_that_has_one(void **state)
{
	struct chain c = { .load = 0x11 };
	struct em_ledger *l = NULL;

	(void)state;
	fill(1, &c);
	unlink(in_dir("key"));
	assert_int_equal(em_ledger_open(&l, dir, EM_LEDGER_WRITE), -ENOKEY);
	assert_non_null(strstr(em_ledger_error(NULL), "key"));
}

static void a_turned_key(void **state)
{
	struct chain c = { .load = 0x11 };
	struct em_key first;
	struct em_ledger *l;

	(void)state;
	fill(1, &c);
	first = key;
	shell("cp %s %s", in_dir("checkpoint"), in_dir("kept"));
	l = open_ledger(EM_LEDGER_WRITE);
	assert_int_equal(em_ledger_turn_key(l), 0);
	em_ledger_close(l);
	fill(1, &c);
	assert_memory_not_equal(key.public, first.public, sizeof(key.public));
	key = first; /* as an auditor kept it */
	assert_int_equal(problems(dir, in_dir("kept")), 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_byte_counts),
		TEST(openings_open_what_is_there),
		TEST(another_key_is_found),
		TEST(an_old_state_is_found),
		TEST(lies_of_who_has_the_key),
		TEST(tags_count_from_when_they_were_set),
		TEST(proofs),
		TEST(grades_of_privacy),
		TEST(a_witness_signs_one_history),
		TEST(a_crash_at_every_step),
		TEST(a_failure_at_every_step),
		TEST(a_shorter_log_is_left),
		TEST(a_restored_log_is_left),
		TEST(who_remembers_more_can_say_so),
		TEST(a_key_is_never_made_for_a_log_that_has_one),
		TEST(a_turned_key),
		TEST(no_entries),
		TEST(an_interval_too_large_for_an_entry_is_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
