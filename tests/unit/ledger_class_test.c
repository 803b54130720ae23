// SPDX-License-Identifier: GPL-2.0
/* How busy was measured, and what was allocated, from the interval to the sum. */
#include "ledger_make.h"
#include "base/json.h"
#include "ledger/check.h"
#include "ledger/entry.h"

struct sums {
	uint64_t busy, error, allocated;
	unsigned int class;
	int n;
};

static int sum(const struct em_usage *u, void *arg)
{
	struct sums *s = arg;

	s->n++;
	s->busy += u->busy;
	s->error += u->busy_error;
	s->allocated += u->allocated;
	s->class = u->busy_class > s->class ? u->busy_class : s->class;
	return 0;
}

static struct sums sums_of(struct em_ledger *l, int64_t since, int64_t until)
{
	struct sums s = { 0 };

	assert_int_equal(em_ledger_usage(l, T0 + since * S, T0 + until * S, sum, &s), 0);
	return s;
}

/* As plain(), with busy that was told. */
static void told(struct chain *c, struct made *m, unsigned int class, __u64 error)
{
	begin(m);
	if (!c->number) {
		gpu_event(m, 1, "platform/a");
		job_event(m, 50, "/jobs/fifty");
		tag_event(m, 50, 3, EARMARK_PURPOSE_ALIGNMENT, "p");
	}
	gpu_row(m, 1, 10 * S, 5 * S, 0, 0);
	usage(m, 1, 50, 3, 5 * S, 2 * S);
	m->segments[1].class = class;
	m->segments[1].usage.busy_error = error;
	next(c, m, 10);
}

static void worst_class_and_sum_of_errors(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct sums s;
	struct made m;

	(void)state;
	em_ledger_fold(l, 60 * S);
	told(&c, &m, EARMARK_CLASS_EXACT, 0);
	append(l, &m);
	told(&c, &m, EARMARK_CLASS_SAMPLED, 7);
	append(l, &m);
	told(&c, &m, EARMARK_CLASS_COUNTER, 2);
	append(l, &m);
	assert_int_equal(em_ledger_flush(l), 0);
	for (int i = 0; i < 500; i++) { /* over hours, so that roll-ups say it too */
		told(&c, &m, EARMARK_CLASS_EXACT, 0);
		append(l, &m);
	}
	told(&c, &m, EARMARK_CLASS_COUNTER, 1);
	append(l, &m);
	assert_int_equal(em_ledger_flush(l), 0);
	for (int pass = 0; pass < 2; pass++) {
		s = sums_of(l, 0, 5040);
		assert_int_equal(s.n, 1);
		assert_int_equal(s.class, EARMARK_CLASS_SAMPLED);
		assert_int_equal(s.error, 10);
		s = sums_of(l, 3600, 5000);
		assert_int_equal(s.class, EARMARK_CLASS_EXACT);
		assert_int_equal(s.error, 0);
		s = sums_of(l, 3600, 5040);
		assert_int_equal(s.class, EARMARK_CLASS_COUNTER);
		assert_int_equal(s.error, 1);
		assert_int_equal(em_ledger_reindex(l), 0);
	}
	em_ledger_close(l);
}

/* --- entries ------------------------------------------------------------------------------ */

static void tag_is(void *arg, __u32 tag, unsigned int *purpose, unsigned int *by)
{
	(void)arg;
	*purpose = tag == 3 ? EARMARK_PURPOSE_ALIGNMENT : EARMARK_PURPOSE_UNTAGGED;
	*by = tag == 3 ? EARMARK_TAGGED_BY_SELF : EARMARK_TAGGED_BY_NOBODY;
}

static json_t *part_of(const struct made *m, const struct em_allocated *a, unsigned int n)
{
	struct em_fold_item item = { .i = m->i, .allocated = a, .nr_allocated = n };
	struct em_fold f = { 0 };
	json_t *parts, *part;

	assert_int_equal(em_fold_add(&f, &item), 0);
	parts = em_entry_usage(&f, tag_is, NULL);
	assert_int_equal(json_array_size(parts), 1);
	part = json_incref(json_array_get(parts, 0));
	json_decref(parts);
	em_fold_clear(&f);
	return part;
}

/* What verification says of one entry with all its rows shown. */
static const char *checked(const json_t *part)
{
	struct em_check *check = em_check_new();
	json_t *log = json_pack("{s:s,s:i,s:s}", "type", "log", "at", 1, "origin", "o");
	static char found[256];
	const char *why = em_check_entry(check, 0, log, NULL, NULL);

	why = why
		      ?: em_check_entry(check, 1, json_object_get(part, "entry"),
					json_object_get(part, "items"), NULL);
	snprintf(found, sizeof(found), "%s", why ?: "");
	em_check_free(check);
	json_decref(log);
	return found;
}

static json_t *row_of(json_t *part)
{
	json_t *items = json_object_get(part, "items"), *item, *row = NULL;
	size_t k;

	json_array_foreach(items, k, item) {
		if (em_json_integer(item, "gpu_time"))
			row = item;
	}
	assert_non_null(row);
	return row;
}

static void said_only_where_there_is_something(void **state)
{
	struct chain c = { .load = 0x11 };
	struct made m;
	json_t *part;
	char *text;

	(void)state;
	told(&c, &m, EARMARK_CLASS_EXACT, 0);
	part = part_of(&m, NULL, 0);
	text = json_dumps(part, 0);
	assert_null(strstr(text, "busy_class"));
	assert_null(strstr(text, "busy_error"));
	assert_null(strstr(text, "allocated"));
	assert_string_equal(checked(part), "");
	free(text);
	json_decref(part);
	c = (struct chain){ .load = 0x11 };
	told(&c, &m, EARMARK_CLASS_SAMPLED, 9);
	part = part_of(&m, &(struct em_allocated){ 50, 1, 3, 6 * S }, 1);
	assert_string_equal(em_json_string(row_of(part), "busy_class"), "sampled");
	assert_int_equal(em_json_integer(row_of(part), "busy_error"), 9);
	assert_int_equal(em_json_integer(row_of(part), "allocated"), 6 * S);
	assert_string_equal(checked(part), "");
	json_decref(part);
}

static void lies_about_measuring(void **state)
{
	struct em_allocated given[] = { { 50, 1, 3, 6 * S }, { 50, 1, 0, 4 * S } };
	struct chain c = { .load = 0x11 };
	struct made m;
	json_t *part, *row;

	(void)state;
	told(&c, &m, EARMARK_CLASS_SAMPLED, 9);
	part = part_of(&m, given, 2);
	assert_string_equal(checked(part), "");
	row = row_of(part);
	json_object_set_new(row, "busy_class", json_string("counter"));
	assert_non_null(strstr(checked(part), "do not add up"));
	json_object_set_new(row, "busy_class", json_string("guess"));
	assert_non_null(strstr(checked(part), "in a way that there is not"));
	json_object_del(row, "busy_class");
	assert_non_null(strstr(checked(part), "is exact and has an error"));
	json_object_set_new(row, "busy_class", json_string("sampled"));
	json_object_set_new(row, "busy_error", json_integer(8));
	assert_non_null(strstr(checked(part), "do not add up"));
	json_object_set_new(row, "busy_error", json_integer(-1));
	assert_non_null(strstr(checked(part), "negative"));
	json_decref(part);
	/* longer than the entry, though no single row is */
	c = (struct chain){ .load = 0x11 };
	told(&c, &m, EARMARK_CLASS_EXACT, 0);
	given[1].ns++;
	part = part_of(&m, given, 2);
	assert_non_null(strstr(checked(part), "for longer than it lasts"));
	json_decref(part);
}

/* --- what was allocated ------------------------------------------------------------------- */

static void give(struct em_ledger *l, const struct made *m, const struct em_allocated *a,
		 unsigned int n)
{
	assert_int_equal(em_ledger_append_allocated(l, &m->i, a, n), 0);
}

static void allocated_stands_beside_use(void **state)
{
	struct em_allocated both[] = { { 50, 1, 3, 10 * S }, { 60, 1, 0, 4 * S } };
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct made m;
	struct sums s;

	(void)state;
	em_ledger_fold(l, 60 * S);
	told(&c, &m, EARMARK_CLASS_EXACT, 0);
	give(l, &m, both, 2); /* one GPU, given to two */
	told(&c, &m, EARMARK_CLASS_EXACT, 0);
	give(l, &m, both, 1);
	told(&c, &m, EARMARK_CLASS_EXACT, 0);
	append(l, &m);
	give(l, &m, both, 2); /* the same interval again: once */
	assert_int_equal(em_ledger_flush(l), 0);
	for (int pass = 0; pass < 2; pass++) {
		s = sums_of(l, 0, 30);
		assert_int_equal(s.n, 2);
		assert_int_equal(s.allocated, 24 * S);
		assert_int_equal(s.busy, 6 * S);
		assert_int_equal(ask_usage(l, 0, 30).gpu_time, 15 * S);
		assert_int_equal(em_ledger_reindex(l), 0);
	}
	em_ledger_close(l);
}

/* A scheduler's history is of what it gave. */
static void a_replay_is_allocated(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct chain c = { .load = 0x11 };
	struct made m;

	(void)state;
	told(&c, &m, EARMARK_CLASS_EXACT, 0);
	m.i.header.recorder = EARMARK_RECORDER_REPLAY;
	em_interval_seal(&m.i);
	append(l, &m);
	assert_int_equal(sums_of(l, 0, 10).allocated, 5 * S);
	em_ledger_close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(worst_class_and_sum_of_errors), TEST(said_only_where_there_is_something),
		TEST(lies_about_measuring),          TEST(allocated_stands_beside_use),
		TEST(a_replay_is_allocated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
