// SPDX-License-Identifier: GPL-2.0
/*
 * A crash or a failure anywhere loses nothing that was promised, and signs no second history; a log
 * that cannot be continued is left, and says so.
 */
#include <sys/mman.h>

#include "log_make.h"
#include "ledger/disk.h"

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

/* A turn of the key, cut off anywhere: the log goes on, and who kept the first key follows it. */
static void a_turn_cut_off_at_every_step(void **state)
{
	int status = 0, n = 0;

	crash = mmap(NULL, sizeof(*crash), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	for (int at = 0;; at++) {
		struct chain c = { .load = 0x11 };
		struct em_key first;
		pid_t pid;

		teardown(state);
		setup(state);
		fill(1, &c);
		first = key;
		memset(crash, 0, sizeof(*crash));
		crash->at = at;
		pid = fork();
		if (!pid) {
			struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);

			em_disk_hook = hook;
			_exit(em_ledger_turn_key(l) ? 3 : 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		fill(1, &c); /* the log goes on */
		key = first;
		assert_int_equal(problems(dir, NULL), 0);
		if (WEXITSTATUS(status) != 42)
			break;
		n++;
	}
	assert_int_equal(status, 0);
	assert_true(n > 10);
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
	struct em_key keys[3], other;
	struct em_ledger *l;

	(void)state;
	fill(1, &c);
	shell("cp %s %s", in_dir("checkpoint"), in_dir("kept"));
	for (int i = 0; i < 3; i++) {
		keys[i] = key;
		if (i == 2)
			break;
		l = open_ledger(EM_LEDGER_WRITE);
		assert_int_equal(em_ledger_turn_key(l), 0);
		em_ledger_close(l);
		fill(1, &c);
		assert_memory_not_equal(key.public, keys[i].public, sizeof(key.public));
	}
	/* whichever of them an auditor was given */
	for (int i = 0; i < 3; i++) {
		key = keys[i];
		assert_int_equal(problems(dir, in_dir("kept")), 0);
	}
	assert_int_equal(em_key_make(&other, key.name, key.type), 0);
	key = other;
	key.private = false;
	assert_true(problems(dir, NULL) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_crash_at_every_step),
		TEST(a_turn_cut_off_at_every_step),
		TEST(a_failure_at_every_step),
		TEST(a_shorter_log_is_left),
		TEST(a_restored_log_is_left),
		TEST(who_remembers_more_can_say_so),
		TEST(a_key_is_never_made_for_a_log_that_has_one),
		TEST(a_turned_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
