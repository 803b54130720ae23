// SPDX-License-Identifier: GPL-2.0
/* The ledger as a store: each interval once, one writer, many readers, and what goes wrong. */
#include "ledger_make.h"

static void each_interval_once(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct made m, other;
	__u8 hash[EARMARK_HASH_LEN];
	__u64 number = 99;

	(void)state;
	assert_int_equal(em_ledger_last(l, (__u8[16]){ 0 }, &number, hash), 0);
	assert_int_equal(number, 0);
	plain(&c, &m, 4);
	append(l, &m);
	append(l, &m); /* the acknowledgement was lost */
	assert_int_equal(em_ledger_last(l, m.i.header.load_id, &number, hash), 0);
	assert_int_equal(number, 1);
	assert_memory_equal(hash, m.i.hash, EARMARK_HASH_LEN);
	assert_int_equal(ask_usage(l, 0, 10).gpu_time, 4 * S);

	c = (struct chain){ .load = 0x11 };
	plain(&c, &other, 5);
	assert_int_equal(em_ledger_append(l, &other.i), -EEXIST);
	assert_non_null(strstr(em_ledger_error(l), "another"));
	assert_int_equal(ask_usage(l, 0, 10).gpu_time, 4 * S);
	assert_string_equal(last_note(l, "integrity"), "");
	em_ledger_close(l);
}

static void survives_reopening(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct made m;

	(void)state;
	plain(&c, &m, 4);
	append(l, &m);
	em_ledger_close(l);
	l = open_ledger(EM_LEDGER_READ);
	assert_int_equal(ask_usage(l, 0, 10).gpu_time, 4 * S);
	assert_string_equal(em_ledger_trouble(l), "");
	em_ledger_close(l);
}

static void what_is_wrong_is_kept_and_noted(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct em_span span;
	struct made m;

	(void)state;
	plain(&c, &m, 1);
	append(l, &m);
	c.number++; /* one is missing */
	plain(&c, &m, 2);
	append(l, &m);
	assert_non_null(strstr(last_note(l, "integrity"), "missing"));
	c.previous[0] ^= 1;
	plain(&c, &m, 3);
	append(l, &m);
	assert_non_null(strstr(last_note(l, "integrity"), "chain"));
	plain(&c, &m, 4);
	m.segments[0].gpu_time.idle++; /* changed after it was sealed */
	append(l, &m);
	assert_int_equal(em_ledger_span(l, 0, INT64_MAX, &span), 0);
	assert_int_equal(span.intervals, 4);
	assert_int_equal(span.broken, 1);
	assert_int_equal(ask_usage(l, 0, 40).gpu_time, 10 * S);
	em_ledger_close(l);
}

static void states_and_notes(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	char *json = NULL;

	(void)state;
	assert_int_equal(em_ledger_state_get(l, "k", &json), -ENOENT);
	assert_int_equal(em_ledger_state_set(l, "k", "{}"), 0);
	assert_int_equal(em_ledger_state_set(l, "k", "[1]"), 0);
	assert_int_equal(em_ledger_state_get(l, "k", &json), 0);
	assert_string_equal(json, "[1]");
	free(json);
	assert_int_equal(em_ledger_note(l, "a", "1"), 0);
	assert_int_equal(em_ledger_note(l, "b", "2"), 0);
	assert_string_equal(last_note(l, "a"), "1");
	assert_string_equal(last_note(l, NULL), "2");
	em_ledger_close(l);
}

static void one_writer_many_readers(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE), *other = NULL, *reader;
	struct chain c = { .load = 0x11 };
	struct made m;

	(void)state;
	assert_int_equal(em_ledger_open(&other, dir, EM_LEDGER_WRITE), -EBUSY);
	assert_null(other);
	assert_non_null(strstr(em_ledger_error(NULL), "another earmarkd"));
	plain(&c, &m, 1);
	append(l, &m);
	reader = open_ledger(EM_LEDGER_READ);
	plain(&c, &m, 2);
	append(l, &m);
	/* what a reader asks in several questions adds up */
	assert_int_equal(ask_usage(reader, 0, 20).gpu_time, 1 * S);
	assert_int_equal(ask_gpus(reader, 0, 20).g[0].wall, 10 * S);
	assert_true(em_ledger_note(reader, "a", "1") < 0);
	em_ledger_close(reader);
	reader = open_ledger(EM_LEDGER_READ);
	assert_int_equal(ask_usage(reader, 0, 20).gpu_time, 3 * S);
	em_ledger_close(reader);
	em_ledger_close(l);
}

static void readers_need_no_right_to_write(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct made m;
	int status;
	pid_t pid;

	(void)state;
	plain(&c, &m, 1);
	append(l, &m);
	if (geteuid())
		skip();
	assert_int_equal(chmod(dir, 0755), 0);
	pid = fork();
	if (!pid) {
		struct em_ledger *reader = NULL;

		if (setgid(65534) || setuid(65534))
			_exit(3);
		if (em_ledger_open(&reader, dir, EM_LEDGER_READ))
			_exit(1);
		_exit(ask_usage(reader, 0, 10).gpu_time == 1 * S ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	em_ledger_close(l);
}

static void a_full_disk_loses_nothing(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct rlimit old, tiny = { 65536, RLIM_INFINITY };
	struct stat st;
	struct made m;
	char file[96];
	int r = 0;

	(void)state;
	snprintf(file, sizeof(file), "%s/ledger.db", dir);
	plain(&c, &m, 1);
	append(l, &m);
	stat(file, &st);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	tiny.rlim_cur = (rlim_t)st.st_size;
	tiny.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_FSIZE, &tiny);
	for (int i = 0; i < 200 && !r; i++) {
		plain(&c, &m, 1);
		r = em_ledger_append(l, &m.i);
	}
	setrlimit(RLIMIT_FSIZE, &old);
	assert_true(r < 0);
	assert_true(*em_ledger_error(l));
	append(l, &m); /* there is room again: the very same one is stored */
	assert_int_equal(ask_usage(l, 0, c.at).gpu_time, c.number * S);
	assert_string_equal(last_note(l, "integrity"), "");
	em_ledger_close(l);
}

static void scribble(const char *file, off_t at, const char *text, size_t n)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CREAT, 0644);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, text, n, at), n);
	close(fd);
}

static void one_interval(void)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct made m;

	plain(&c, &m, 4);
	append(l, &m);
	em_ledger_close(l);
}

/* Whatever became of the index, the log says what was used; and the writer makes it anew. */
static void says_the_same(const char *trouble)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_READ);

	assert_int_equal(ask_usage(l, 0, 10).gpu_time, 4 * S);
	if (trouble)
		assert_non_null(strstr(em_ledger_trouble(l), trouble));
	else
		assert_string_equal(em_ledger_trouble(l), "");
	em_ledger_close(l);
}

static void an_index_is_made_anew(void **state)
{
	char *junk = calloc(1, 200000);
	char path[96];

	(void)state;
	one_interval();
	says_the_same(NULL);
	/* gone */
	snprintf(path, sizeof(path), "%s/ledger.db", dir);
	assert_int_equal(unlink(path), 0);
	says_the_same(NULL);
	em_ledger_close(open_ledger(EM_LEDGER_WRITE));
	says_the_same(NULL);
	assert_int_equal(access(path, R_OK), 0);
	/* another file */
	scribble("ledger.db", 0, "this is no database, this is no database", 40);
	says_the_same("not a ledger");
	em_ledger_close(open_ledger(EM_LEDGER_WRITE));
	says_the_same(NULL);
	/* changed by somebody else */
	snprintf(junk, 200, "sqlite3 %s/ledger.db 'UPDATE usage SET gpu_time=1'", dir);
	assert_int_equal(system(junk), 0);
	says_the_same("somebody else");
	em_ledger_close(open_ledger(EM_LEDGER_WRITE));
	says_the_same(NULL);
	/* of an earlier format, and of another application */
	scribble("ledger.db", 60, "\0\0\0\1", 4); /* user_version, in SQLite's header */
	says_the_same("earlier format");
	em_ledger_close(open_ledger(EM_LEDGER_WRITE));
	says_the_same(NULL);
	scribble("ledger.db", 68, "\1\2\3\4", 4); /* application_id */
	says_the_same("not an earmark ledger");
	free(junk);
}

static void what_is_not_ours_is_refused(void **state)
{
	struct em_ledger *l = NULL;

	(void)state;
	assert_int_equal(em_ledger_open(&l, "/nosuch", EM_LEDGER_READ), -ENOENT);
	assert_non_null(strstr(em_ledger_error(NULL), "/nosuch"));
	assert_int_equal(em_ledger_open(&l, dir, EM_LEDGER_READ), -ENOENT); /* nothing there */
	one_interval();
	scribble("ledger.db", 60, "\0\0\0\7", 4);
	assert_int_equal(em_ledger_open(&l, dir, EM_LEDGER_READ), -EPROTO);
	assert_non_null(strstr(em_ledger_error(NULL), "format 7"));
	assert_int_equal(em_ledger_open(&l, dir, EM_LEDGER_WRITE), -EPROTO);
	assert_null(strstr(em_ledger_error(NULL), "(null)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_interval_once),
		TEST(survives_reopening),
		TEST(what_is_wrong_is_kept_and_noted),
		TEST(states_and_notes),
		TEST(one_writer_many_readers),
		TEST(readers_need_no_right_to_write),
		TEST(a_full_disk_loses_nothing),
		TEST(an_index_is_made_anew),
		TEST(what_is_not_ours_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
