// SPDX-License-Identifier: GPL-2.0
/* What is no history: a sentence each, and the rows that are one count. And the command. */
#include "replay_make.h"
#include "cli/cli.h"
#include <sys/wait.h>

#define MAP "rules:\n  - match: {}\n    purpose: alignment\n"

/* --- what is no history -------------------------------------------------------------------------
 */

#define HEADER "start,end,gpus,group\n"
#define GOOD "2023-01-01,2023-01-02,1,A\n"

static void refused_files(void **state)
{
	static const struct {
		const char *text, *says;
	} table[] = {
		{ "", "is empty" },
		{ "\n", "is empty" },
		{ HEADER, "there is nothing to replay" },
		{ HEADER "2023-01-01,2023-01-02,0,A\n", "there is nothing to replay" },
		{ HEADER "2023-01-01,2023-01-01,4,A\n", "ended when it began" },
		{ HEADER "x,y,z,A\n", "and some cannot be read" },
		{ "begin,end,gpus\n", "has no column \"start\"" },
		{ "start,finish,gpus\n", "has no column \"end\"" },
		{ "start,end,num_gpus\n", "--columns gpus=THEIRS: it has start, end, num_gpus" },
		{ "start,start,end,gpus\n", "more than one column \"start\"" },
		{ "JobID|User|Start\n", "--format sacct" },
		{ "\"start,end\n", "a quote is not closed" },
		{ HEADER "1970-01-02,1970-01-03,1,A\n2200-01-01,2200-01-02,1,A\n",
		  "more than a million intervals" },
	};
	struct em_replay_options o;

	(void)state;
	write_file("map.yaml", MAP);
	o = options("t.csv", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		write_file("t.csv", table[i].text);
		refused(o, table[i].says);
	}
	refused(options("none.csv", NULL), "cannot be read: No such file");
	refused(options(".", NULL), "is a directory");
	write_file("t.csv", HEADER GOOD);
	refused(options("t.csv", "strat=x"), "did you mean start?");
	refused(options("t.csv", "start"), "expected OURS=THEIRS");
	refused(options("t.csv", "start=a,start=b"), "given twice");
	refused(options("t.csv", "end=a,duration=b"), "not both");
	refused(options("t.csv", "user=nobody"), "has no column \"nobody\"");
	write_file("map.yaml", "rules:\n  - match: { user: ann }\n    purpose: mixed\n");
	refused(o, "the map has rules on user");
}

/* Each bad row is told with its line; the rows around it count. */
static void bad_row_each(void **state)
{
	static const struct {
		const char *row, *says;
	} table[] = {
		{ "2023-01-02,2023-01-01,1,A\n",
		  "t.csv:3: end \"2023-01-01\" is before its start" },
		{ ",2023-01-02,1,A\n", "t.csv:3: start is empty" },
		{ "2023-01-01,,1,A\n", "t.csv:3: end is empty" },
		{ "2023-01-01,2023-01-02,,A\n", "t.csv:3: gpus is empty" },
		{ "2023-01-01,2023-01-02,-1,A\n", "gpus \"-1\" is negative" },
		{ "2023-01-01,2023-01-02,1e308,A\n", "gpus \"1e308\" is too large" },
		{ "2023-01-01,2023-01-02,two,A\n", "gpus \"two\" is not a number" },
		{ "2023-01-01,2023-01-02,1\n", "it has 3 fields, the header 4" },
		{ "2023-01-01,2023-01-02,1,A,B\n", "it has 5 fields, the header 4" },
		{ "2023-01-01,\"2023-01-02,1,A\n", "t.csv:3: a quote is not closed" },
		{ "\"2023-01-01\"x,2023-01-02,1,A\n", "goes on after its quote" },
		{ "\x1b[31m,2023-01-02,1,A\n", "start \"\\x1b[31m\" is not a time" },
	};
	struct em_replay_result r;
	char text[512];

	(void)state;
	write_file("map.yaml", MAP);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		snprintf(text, sizeof(text), HEADER GOOD "%s" GOOD, table[i].row);
		write_file("t.csv", text);
		replayed(&r, options("t.csv", NULL));
		if (!strstr(bad_rows, table[i].says))
			fail_msg("\"%s\" is not in: %s", table[i].says, bad_rows);
		assert_int_equal(r.bad, 1);
		assert_int_equal(r.rows, 3);
		assert_true(r.used[EARMARK_PURPOSE_ALIGNMENT] == 2 * 86400 * S);
		forget_ledger();
	}
}

static void hostile_bytes(void **state)
{
	static const char nul[] = HEADER "2023-01-01,2023-01-02,1,A\0B\n" GOOD;
	const size_t n = 10 << 20;
	char *big = malloc(n + 200);
	struct em_replay_result r;

	(void)state;
	assert_non_null(big);
	write_file("map.yaml", MAP);
	write_bytes("t.csv", nul, sizeof(nul) - 1);
	replayed(&r, options("t.csv", NULL));
	assert_int_equal(r.bad, 1);
	assert_non_null(strstr(bad_rows, "t.csv:2: it has a NUL byte"));
	forget_ledger();
	strcpy(big, HEADER);
	memset(big + strlen(HEADER), 'x', n);
	strcpy(big + strlen(HEADER) + n, "\r\n" GOOD);
	write_file("t.csv", big);
	replayed(&r, options("t.csv", NULL));
	assert_int_equal(r.bad, 1);
	assert_int_equal(r.jobs, 1);
	assert_non_null(strstr(bad_rows, "t.csv:2: it is longer than 1 MiB"));
	forget_ledger();
	big[strlen(HEADER)] = '"';
	write_file("t.csv", big);
	replayed(&r, options("t.csv", NULL));
	assert_int_equal(r.bad, 1);
	assert_int_equal(r.jobs, 1);
	free(big);
}

static void damaged_gzip(void **state)
{
	gzFile gz;
	char bytes[4096];
	FILE *f;
	size_t n;

	(void)state;
	write_file("map.yaml", MAP);
	gz = gzopen(in_dir("t.csv.gz"), "wb");
	gzputs(gz, HEADER);
	for (int i = 0; i < 5000; i++)
		gzprintf(gz, "%d,%d,1,%d\n", 1600000000 + i * 77, 1600000000 + i * 78, i * i);
	gzclose(gz);
	f = fopen(in_dir("t.csv.gz"), "r");
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	write_bytes("t.csv.gz", bytes, n);
	refused(options("t.csv.gz", NULL), "cut off");
	bytes[n / 2] ^= 0x55;
	bytes[n / 2 + 1] ^= 0x55;
	write_bytes("t.csv.gz", bytes, n);
	refused(options("t.csv.gz", NULL), "the gzip data is");
}

/* --- the command
 * ---------------------------------------------------------------------------------- */

static int earmark(char **argv, char *out, size_t len)
{
	int argc = 0, status;
	pid_t pid;
	FILE *f;

	while (argv[argc])
		argc++;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		assert_non_null(freopen(in_dir("out"), "w", stdout));
		assert_non_null(freopen(in_dir("err"), "w", stderr));
		argc = em_cli_main(argc, argv);
		fflush(NULL);
		_exit(argc);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	f = fopen(in_dir("out"), "r");
	out[fread(out, 1, len - 1, f)] = '\0';
	fclose(f);
	return WEXITSTATUS(status);
}

static void command(void **state)
{
	char map[512], table[512], to[512], bad[512], out[16384];
	char *plain[] = { "earmark", "replay", "--map", map,      "--ledger", to,
			  "--bad",   bad,      table,   "--json", NULL };
	char *allowed[] = { "earmark", "replay", "--map",      map, "--ledger",    to,
			    "--json",  table,    "--capacity", "2", "--allow-bad", "1",
			    NULL };
	char *wrong[] = { "earmark", "replay", "--map",      map,      "--ledger", to,
			  "--json",  table,    "--interval", "purple", NULL };
	_cleanup_json_ json_t *o = NULL, *second = NULL, *third = NULL;

	(void)state;
	snprintf(map, sizeof(map), "%s/map.yaml", dir);
	snprintf(table, sizeof(table), "%s/t.csv", dir);
	snprintf(to, sizeof(to), "%s/ledger", dir);
	snprintf(bad, sizeof(bad), "%s/bad", dir);
	write_file("map.yaml", MAP);
	write_file("t.csv", HEADER GOOD "nonsense,2023-01-01,1,A\n");
	assert_int_equal(earmark(plain, out, sizeof(out)), EM_NOT_SO);
	o = json_loads(out, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(o, "bad")), 1);
	assert_int_equal(
		json_integer_value(json_object_get(
			json_object_get(json_object_get(o, "gpu_hours"), "alignment"), "us")),
		86400000000);
	assert_true(json_is_null(json_object_get(o, "capacity_us")));
	assert_string_equal(json_string_value(json_object_get(o, "start")),
			    "2023-01-01T00:00:00.000000Z");
	assert_int_equal(access(bad, R_OK), 0);
	forget_ledger();
	assert_int_equal(earmark(allowed, out, sizeof(out)), EM_FINE);
	second = json_loads(out, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(second, "capacity_us")),
			 2 * 86400000000);
	assert_int_equal(earmark(wrong, out, sizeof(out)), EM_NO_ANSWER);
	third = json_loads(out, 0, NULL);
	assert_non_null(strstr(json_string_value(json_object_get(third, "error")), "purple"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refused_files), TEST(bad_row_each), TEST(hostile_bytes),
		TEST(damaged_gzip),  TEST(command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
