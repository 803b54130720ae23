/* SPDX-License-Identifier: GPL-2.0 */
/* A directory with a map, tables and a ledger; replaying into it. */
#ifndef REPLAY_MAKE_H
#define REPLAY_MAKE_H

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "replay/replay.h"
#include "replay/sort.h"
#include "replay/value.h"

#define S EM_NS_PER_S

static char dir[64];
static char bad_rows[65536];

static inline int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/earmark-replay.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static inline int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* A path in the test's directory; of the last four calls. */
static inline char *in_dir(const char *name)
{
	static char paths[4][512];
	static int next;

	next = (next + 1) % 4;
	snprintf(paths[next], sizeof(paths[next]), "%s/%s", dir, name);
	return paths[next];
}

static inline void write_bytes(const char *name, const char *bytes, size_t n)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static inline void write_file(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static inline void forget_ledger(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s/ledger", dir);
	assert_int_equal(system(command), 0);
}

static inline struct em_ledger *ledger(int mode)
{
	struct em_ledger *l = NULL;

	if (em_ledger_open(&l, in_dir("ledger"), mode))
		fail_msg("%s", em_ledger_error(NULL));
	return l;
}

static inline int64_t instant(const char *s)
{
	int64_t ns;

	assert_int_equal(em_time_parse(s, 0, &ns), 0);
	return ns;
}

/* --- replaying ------------------------------------------------------------------------------ */

static inline void note_bad(const char *sentence, void *arg)
{
	size_t n = strlen(bad_rows);

	(void)arg;
	snprintf(bad_rows + n, sizeof(bad_rows) - n, "%s\n", sentence);
}

/* Of one file, an hour an interval, with the map map.yaml. */
static inline struct em_replay_options options(const char *name, const char *columns)
{
	static char path[512], map[512], *paths[1] = { path };

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(map, sizeof(map), "%s/map.yaml", dir);
	return (struct em_replay_options){
		.paths = paths,
		.nr_paths = 1,
		.map = map,
		.columns = columns,
		.interval = 3600 * S,
		.since = EM_NO_INSTANT,
		.until = EM_NO_INSTANT,
		.requests = true,
		.bad = note_bad,
	};
}

static char replay_error[1024];

static inline int replay(struct em_replay_result *r, const struct em_replay_options *o)
{
	struct em_ledger *l = ledger(EM_LEDGER_WRITE);
	int ret;

	bad_rows[0] = '\0';
	ret = em_replay(l, o, r, replay_error, sizeof(replay_error));
	em_ledger_close(l);
	return ret;
}

static inline void replayed(struct em_replay_result *r, struct em_replay_options o)
{
	if (replay(r, &o))
		fail_msg("%s", replay_error);
}

/* It is refused with these words, and leaves nothing behind that was not there. */
static inline void refused(struct em_replay_options o, const char *words)
{
	struct em_replay_result r;
	struct em_span before = { 0 }, after;
	struct em_ledger *l = ledger(EM_LEDGER_WRITE);

	assert_int_equal(em_ledger_span(l, 0, INT64_MAX, &before), 0);
	em_ledger_close(l);
	assert_int_not_equal(replay(&r, &o), 0);
	if (!strstr(replay_error, words))
		fail_msg("\"%s\" is not in: %s", words, replay_error);
	l = ledger(EM_LEDGER_READ);
	assert_int_equal(em_ledger_span(l, 0, INT64_MAX, &after), 0);
	assert_int_equal(before.intervals, after.intervals);
	em_ledger_close(l);
}

static volatile sig_atomic_t *stop_flag;

/* A progress that stops it after as many calls as *@arg says. */
static inline void stop_after(const char *what, uint64_t done, uint64_t total, void *arg)
{
	(void)done;
	(void)total;
	if (!strcmp(what, "writing") && !--*(int64_t *)arg)
		*stop_flag = 1;
}

/* --- asking --------------------------------------------------------------------------------- */

static inline void assert_state(const char *words)
{
	struct em_ledger *l = ledger(EM_LEDGER_READ);
	_cleanup_free_ char *text = NULL;

	assert_int_equal(em_ledger_state_get(l, "replay", &text), 0);
	if (!strstr(text, words))
		fail_msg("%s is not in %s", words, text);
	assert_null(strstr(text, "\"open\""));
	em_ledger_close(l);
}

struct found {
	int n, opens, grants, refusals;
	char path[EARMARK_TEXT_LEN], project[64], ref[64], notes[16384];
	unsigned int tagged_by;
};

static inline int find_usage(const struct em_usage *u, void *arg)
{
	struct found *f = arg;

	f->n++;
	f->tagged_by = u->tagged_by;
	snprintf(f->path, sizeof(f->path), "%s", u->path);
	snprintf(f->project, sizeof(f->project), "%s", u->project ?: "");
	snprintf(f->ref, sizeof(f->ref), "%s", u->ref ?: "");
	return 0;
}

static inline int find_note(int64_t wall, const char *kind, const char *json, void *arg)
{
	struct found *f = arg;
	size_t n = strlen(f->notes);

	(void)wall;
	(void)kind;
	f->opens += strstr(json, "\"action\":\"open\"") != NULL;
	f->grants += strstr(json, "\"action\":\"grant\"") != NULL;
	f->refusals += strstr(json, "\"action\":\"refuse\"") != NULL;
	snprintf(f->notes + n, sizeof(f->notes) - n, "%s\n", json);
	return 0;
}

static inline int count_note(int64_t wall, const char *kind, const char *json, void *arg)
{
	(void)wall;
	(void)kind;
	(void)json;
	++*(int *)arg;
	return 0;
}

static inline int count_notes(const char *kind)
{
	struct em_ledger *l = ledger(EM_LEDGER_READ);
	int n = 0;

	assert_int_equal(em_ledger_notes(l, 0, INT64_MAX, kind, count_note, &n), 0);
	em_ledger_close(l);
	return n;
}

#endif
