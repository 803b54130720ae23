// SPDX-License-Identifier: GPL-2.0
/* Windows: what is read, where they begin and end. */
#include "history.h"
#include "base/cleanup.h"
#include "commit/window.h"

static int64_t instant(const char *s)
{
	int64_t ns;

	assert_int_equal(em_time_parse(s, 0, &ns), 0);
	return ns;
}

static struct em_window window(const char *s)
{
	struct em_window w;

	if (em_window_parse(s, &w))
		fail_msg("%s", s);
	return w;
}

/* Months' ends, leap years, clocks put forward and back. */
static void calendars(void **state)
{
	static const struct {
		const char *window, *now, *start, *due;
	} table[] = {
		{ "calendar month", "2024-02-29T12:00Z", "2024-02-01", "2024-03-01" },
		{ "calendar month", "2023-02-28T23:59:59Z", "2023-02-01", "2023-03-01" },
		{ "calendar month", "2100-02-28T23:59:59Z", "2100-02-01", "2100-03-01" },
		{ "calendar month", "2024-12-31T23:59:59Z", "2024-12-01", "2025-01-01" },
		{ "calendar month", "2025-01-01", "2025-01-01", "2025-02-01" },
		{ "calendar quarter", "2024-03-31T23:59Z", "2024-01-01", "2024-04-01" },
		{ "calendar quarter", "2024-11-30", "2024-10-01", "2025-01-01" },
		{ "calendar year", "2024-12-31", "2024-01-01", "2025-01-01" },
		/* the last Sundays of March and October, at 01:00 UTC */
		{ "calendar month Europe/Berlin", "2024-03-31T12:00Z", "2024-02-29T23:00Z",
		  "2024-03-31T22:00Z" },
		{ "calendar month Europe/Berlin", "2024-10-31T12:00Z", "2024-09-30T22:00Z",
		  "2024-10-31T23:00Z" },
		/* where it is another month already */
		{ "calendar month Europe/Berlin", "2024-06-30T22:00Z", "2024-06-30T22:00Z",
		  "2024-07-31T22:00Z" },
		{ "calendar quarter America/New_York", "2024-04-01T03:59Z", "2024-01-01T05:00Z",
		  "2024-04-01T04:00Z" },
		{ "calendar year Asia/Kolkata", "2024-12-31T18:29:59Z", "2023-12-31T18:30Z",
		  "2024-12-31T18:30Z" },
		{ "calendar month Pacific/Kiritimati", "2024-12-31T10:00Z", "2024-12-31T10:00Z",
		  "2025-01-31T10:00Z" },
	};

	char *own;

	(void)state;
	em_window_ready();
	own = strdup(getenv("TZ"));
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct em_window w = window(table[i].window);
		struct em_period p = em_window_at(&w, instant(table[i].now));

		if (p.start != instant(table[i].start) || p.due != instant(table[i].due))
			fail_msg("row %zu", i);
		assert_true(p.until == instant(table[i].now));
	}
	assert_string_equal(getenv("TZ"), own); /* as it was */
	free(own);
}

/* Every instant lies in one period, and each ends where the next begins. */
static void tiles(void **state)
{
	static const char *const windows[] = {
		"calendar month",
		"calendar quarter",
		"calendar year",
		"calendar month Europe/Berlin",
		"calendar quarter Australia/Lord_Howe",
		"calendar month America/St_Johns",
		"calendar year Africa/Casablanca",
	};
	unsigned int seed = 11;

	(void)state;
	for (int i = 0; i < 4000; i++) {
		struct em_window w = window(windows[(size_t)i % ARRAY_SIZE(windows)]);
		int64_t now = (int64_t)(rand_r(&seed) % 4000000) * 1000 * S;
		struct em_period p = em_window_at(&w, now), before, after;

		assert_true(p.start <= now && now < p.due);
		after = em_window_at(&w, p.due);
		before = em_window_before(&w, &p);
		assert_true(after.start == p.due && before.due == p.start);
		assert_true(before.until == before.due && before.start < before.due);
	}
}

static void texts(void **state)
{
	static const char *const good[] = {
		"rolling 28d", "calendar month", "calendar year Europe/Berlin",
		"cumulative 2023-07-05T00:00:00Z/2027-07-05T00:00:00Z"
	};
	static const char *const bad[] = { "",
					   "rolling",
					   "rolling ",
					   "rolling 0s",
					   "calendar",
					   "calendar monthly",
					   "calendar month ",
					   "calendar month Nowhere/Atall",
					   "calendar month /etc/passwd",
					   "calendar month ../UTC",
					   "cumulative 2023-07-05",
					   "cumulative 2027-07-05/2023-07-05",
					   "cumulative 2023-07-05/2h ago",
					   "cumulative now/2027-07-05" };
	char out[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct em_window w = window(good[i]);

		assert_string_equal(em_window_text(&w, out, sizeof(out)), good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct em_window w;

		if (!em_window_parse(bad[i], &w))
			fail_msg("\"%s\" is taken", bad[i]);
	}
}

/* Whatever the process's own zone is, it decides nothing and is what it was afterwards. */
static void own_zone(void **state)
{
	struct em_window utc = window("calendar month"),
			 berlin = window("calendar month Europe/Berlin");
	int64_t now = 1700000000LL * EM_NS_PER_S;
	const char *const zones[] = { "Asia/Tokyo", ":/etc/localtime" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		assert_int_equal(setenv("TZ", zones[i], 1), 0);
		assert_int_equal(em_window_at(&utc, now).start, 1698796800LL * EM_NS_PER_S);
		assert_int_equal(em_window_at(&berlin, now).start, 1698793200LL * EM_NS_PER_S);
		assert_string_equal(getenv("TZ"), zones[i]);
		em_window_ready();
		assert_string_equal(getenv("TZ"), zones[i]);
	}
	unsetenv("TZ");
	em_window_ready();
	assert_non_null(getenv("TZ"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calendars),
		cmocka_unit_test(tiles),
		cmocka_unit_test(texts),
		cmocka_unit_test(own_zone),
	};

	unsetenv("TZ");
	return cmocka_run_group_tests_name("windows", tests, NULL, NULL);
}
