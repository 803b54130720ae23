// SPDX-License-Identifier: GPL-2.0
/*
 * Alerts over a year of hours: what must be told in time, and what must not be told at all. The
 * trace of a real cluster is read where EARMARK_TRACES names it; it carries no purposes, so each
 * of its virtual clusters stands in for one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <cmocka.h>
#include <zlib.h>

#include "alert/burn.h"
#include "alert/rules.h"
#include "base/cleanup.h"
#include "base/time.h"

#define HOUR (3600LL * EM_NS_PER_S)
#define YEAR (365 * 24)
#define GPUS 1000

/* struct life - one alert under the default times; @first: hour of its first firing, -1 = never */
struct life {
	enum em_alert_state state;
	int64_t since;
	int episodes, first, today, day, most_a_day;
};

static void live(struct life *l, enum em_alert_sight sight, unsigned int hour)
{
	int64_t now = hour * HOUR;
	enum em_alert_state to = em_alert_next(l->state, sight, now - l->since, HOUR, 6 * HOUR);

	if (to == l->state)
		return;
	if (to == EM_ALERT_FIRING && l->state != EM_ALERT_RECOVERING) {
		l->first = l->episodes++ ? l->first : (int)hour;
		l->today = (int)hour / 24 == l->day ? l->today + 1 : 1;
		l->day = (int)hour / 24;
		l->most_a_day = l->today > l->most_a_day ? l->today : l->most_a_day;
	}
	l->state = to;
	l->since = now;
}

/* An hour in which @share (in ten thousandths) of @gpus was counted. */
static struct em_burn_hour hour_of(unsigned int share, unsigned int gpus)
{
	em_ns n = (em_ns)gpus * HOUR;

	return (struct em_burn_hour){ n * share / 10000, n, n };
}

static const struct em_share fifth = { 1, 5 };

/* Runs the rule over a history; a page without a ticket fails. */
static void replay(const struct em_burn_hour *hours, unsigned int n, struct em_share share,
		   bool ceiling, struct life *ticket, struct life *page)
{
	*ticket = *page = (struct life){ .first = -1, .day = -1 };
	for (unsigned int i = 1; i <= n; i++) {
		struct em_burn b = { .share = share, .ceiling = ceiling };

		em_burn_at(&b, hours, i);
		live(ticket, em_burn_sight(&b, false), i);
		live(page, em_burn_sight(&b, true), i);
		assert_false(em_alert_active(page->state) && !em_alert_active(ticket->state));
	}
}

/* --- the budget's arithmetic -------------------------------------------------------------- */

static void arithmetic(void **state)
{
	static struct em_burn_hour hours[28 * 24 * 3];
	struct em_burn b = { .share = { 1, 5 } };
	double rate;

	(void)state;
	/* 10 points short of 20 %: a tenth of it is the budget, so five times as fast as may be */
	for (size_t i = 0; i < ARRAY_SIZE(hours); i++)
		hours[i] = hour_of(1000, GPUS);
	em_burn_at(&b, hours, ARRAY_SIZE(hours));
	assert_true(b.expected == (em_ns)GPUS * HOUR * 28 * 24);
	for (unsigned int w = 0; w < EM_BURN_WINDOWS; w++) {
		assert_true(em_burn_rate(&b, w, &rate));
		assert_float_equal(rate, 5, 1e-9);
	}
	/* the most that can be burned is nothing at all: 1/e */
	memset(hours, 0, sizeof(hours[0]) * 24);
	for (size_t i = 0; i < ARRAY_SIZE(hours); i++)
		hours[i] = hour_of(0, GPUS);
	em_burn_at(&b, hours, ARRAY_SIZE(hours));
	assert_true(em_burn_rate(&b, EM_BURN_PERIOD, &rate));
	assert_float_equal(rate, 10, 1e-9);
	/* T_P is frozen: a fleet that doubles within the period does not move it */
	for (size_t i = 28 * 24; i < ARRAY_SIZE(hours); i++)
		hours[i] = hour_of(2000, 2 * GPUS);
	em_burn_at(&b, hours, 28 * 24 + 100);
	assert_true(b.expected == (em_ns)GPUS * HOUR * 28 * 24);
	em_burn_at(&b, hours, 2 * 28 * 24 + 1);
	assert_true(b.expected == (em_ns)2 * GPUS * HOUR * 28 * 24);
	/* in the first period, the mean so far */
	em_burn_at(&b, hours, 7);
	assert_true(b.expected == (em_ns)GPUS * HOUR * 28 * 24);
}

static void no_budget(void **state)
{
	static const struct em_burn_hour idle[100];
	struct em_burn b = { .share = { 1, 5 } };
	double rate;

	(void)state;
	em_burn_at(&b, idle, 100);
	assert_int_equal(em_burn_sight(&b, false), EM_SEE_NOTHING);
	assert_false(em_burn_rate(&b, EM_BURN_PERIOD, &rate));
	em_burn_at(&b, idle, 0);
	assert_int_equal(em_burn_sight(&b, true), EM_SEE_NOTHING);
}

/* Exactly a quarter of the budget in three days, and as fast in six hours: that is enough. */
static void thresholds(void **state)
{
	struct em_burn b = { .share = { 1, 5 }, .expected = 28 * 24 * 1000 };

	(void)state;
	/* B = 13440; a quarter in 72 h is 3360, in 6 h 280 */
	b.sum[EM_BURN_TICKET_LONG] = (struct em_burn_hour){ 0, 16800, 16800 };
	b.sum[EM_BURN_TICKET_SHORT] = (struct em_burn_hour){ 0, 1400, 1400 };
	assert_int_equal(em_burn_sight(&b, false), EM_SEE_BAD);
	assert_int_equal(em_burn_sight(&b, true), EM_SEE_CLEAR);
	b.sum[EM_BURN_TICKET_SHORT].a = 1;
	assert_int_equal(em_burn_sight(&b, false), EM_SEE_BETWEEN); /* not as fast any more */
	b.sum[EM_BURN_TICKET_LONG].a = 33;
	assert_int_equal(em_burn_sight(&b, false), EM_SEE_BETWEEN); /* within 1 % of the limit */
	b.sum[EM_BURN_TICKET_LONG].a = 34;
	assert_int_equal(em_burn_sight(&b, false), EM_SEE_CLEAR);
	/* half in 168 h is 6720, in 14 h 560; a page is a ticket too */
	b.sum[EM_BURN_PAGE_LONG] = (struct em_burn_hour){ 0, 33600, 33600 };
	b.sum[EM_BURN_PAGE_SHORT] = (struct em_burn_hour){ 0, 2800, 2800 };
	assert_int_equal(em_burn_sight(&b, true), EM_SEE_BAD);
	assert_int_equal(em_burn_sight(&b, false), EM_SEE_BAD);
	b.sum[EM_BURN_PAGE_SHORT].a = 1;
	assert_int_equal(em_burn_sight(&b, true), EM_SEE_BETWEEN);
	b.sum[EM_BURN_PERIOD] = (struct em_burn_hour){ 0, 67200, 67200 };
	assert_int_equal(em_burn_sight(&b, true), EM_SEE_BAD);
	b.sum[EM_BURN_PERIOD].a = 1;
	assert_int_equal(em_burn_sight(&b, true), EM_SEE_BETWEEN);
}

/* --- planted histories -------------------------------------------------------------------- */

/* 60 days at @before, then @after; in ten thousandths. Returns when each was told, in hours. */
static void step(unsigned int before, unsigned int after, bool ceiling)
{
	enum { AT = 60 * 24, END = AT + 30 * 24 };
	static struct em_burn_hour hours[END];
	struct life ticket, page;

	for (unsigned int i = 0; i < END; i++)
		hours[i] = hour_of(i < AT ? before : after, GPUS);
	replay(hours, END, fifth, ceiling, &ticket, &page);
	assert_int_equal(ticket.episodes, 1);
	assert_int_equal(page.episodes, 1);
	assert_in_range(ticket.first, AT + 1, AT + 3 * 24);
	assert_in_range(page.first, AT + 1, AT + 7 * 24);
	assert_true(ticket.first <= page.first);
}

static void steps(void **state)
{
	(void)state;
	step(2200, 1500, false); /* from 22 % to 15 % under a floor of 20 % */
	step(1800, 2500, true);  /* and the mirror image over a ceiling */
}

/* xorshift: the same noise on every machine */
static uint32_t noise_state;
static uint32_t noise(void)
{
	noise_state ^= noise_state << 13;
	noise_state ^= noise_state >> 17;
	noise_state ^= noise_state << 5;
	return noise_state;
}

/* A year of verdicts on windows of @length hours, each judged at its end. */
static struct life verdicts(const struct em_burn_hour *hours, unsigned int length, bool ceiling)
{
	struct life breach = { .first = -1, .day = -1 };

	for (unsigned int i = length; i <= YEAR; i++) {
		struct em_verdict v = { .status = EM_MET };
		em_ns a = 0, n = 0;

		for (unsigned int k = i - length; k < i; k++) {
			a += hours[k].a;
			n += hours[k].n;
		}
		v.proven = v.possible = (struct em_share){ a, n };
		if (ceiling ? a * 5 > n : a * 5 < n)
			v.status = EM_BREACHED;
		live(&breach, em_sight_of_breach(&fifth, ceiling, &v), i);
	}
	return breach;
}

/*
 * A share that flaps by a point around its limit, hour by hour, under the default times: at most
 * one episode in any day for a window of a day or longer. Judged by the single hour, which nobody
 * should promise, a second one in a day takes seven good hours after the first: one in fifty.
 */
static void flapping(bool ceiling)
{
	static const unsigned int lengths[] = { 24, 7 * 24 };
	static struct em_burn_hour hours[YEAR];

	for (uint32_t seed = 1; seed <= 5; seed++) {
		struct life hourly, ticket, page;

		noise_state = seed * 2654435761U;
		for (unsigned int i = 0; i < YEAR; i++)
			hours[i] = hour_of(1900 + noise() % 201, GPUS);
		for (size_t k = 0; k < ARRAY_SIZE(lengths); k++)
			assert_in_range(verdicts(hours, lengths[k], ceiling).most_a_day, 1, 1);
		hourly = verdicts(hours, 1, ceiling);
		assert_in_range(hourly.episodes, 1, 365 / 12);
		assert_in_range(hourly.most_a_day, 1, 2);
		replay(hours, YEAR / 4, fifth, ceiling, &ticket, &page);
		assert_int_equal(ticket.episodes, 0);
	}
}

static void flaps(void **state)
{
	(void)state;
	flapping(false);
	flapping(true);
}

/* Ahead of the promise by a hair, for a year: nobody hears of it. */
static void quiet_year(void **state)
{
	static struct em_burn_hour hours[YEAR];
	struct life ticket, page;

	(void)state;
	noise_state = 7;
	for (unsigned int i = 0; i < YEAR; i++)
		hours[i] = hour_of(1850 + noise() % 401, GPUS / 2 + noise() % GPUS);
	replay(hours, YEAR, fifth, false, &ticket, &page);
	assert_int_equal(ticket.episodes + page.episodes, 0);
}

static void breach_sights(void **state)
{
	static const struct {
		bool ceiling;
		enum em_status status;
		unsigned int proven, possible;
		enum em_alert_sight want;
	} table[] = {
		{ false, EM_BREACHED, 100, 199, EM_SEE_BAD },
		{ false, EM_MET, 201, 300, EM_SEE_BETWEEN },
		{ false, EM_MET, 202, 300, EM_SEE_CLEAR },
		{ false, EM_UNPROVEN, 199, 900, EM_SEE_BETWEEN },
		{ false, EM_UNDEFINED, 0, 0, EM_SEE_NOTHING },
		{ true, EM_BREACHED, 201, 300, EM_SEE_BAD },
		{ true, EM_MET, 100, 199, EM_SEE_BETWEEN },
		{ true, EM_MET, 100, 198, EM_SEE_CLEAR },
		{ true, EM_UNPROVEN, 150, 250, EM_SEE_BETWEEN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct em_verdict v = { .status = table[i].status,
					.proven = { table[i].proven, 1000 },
					.possible = { table[i].possible, 1000 } };

		assert_int_equal(em_sight_of_breach(&fifth, table[i].ceiling, &v), table[i].want);
	}
}

static void node_sights(void **state)
{
	struct em_report r = { 0 };

	(void)state;
	assert_int_equal(em_sight_of_untagged(&r), EM_SEE_NOTHING);
	assert_int_equal(em_sight_of_coverage(&r), EM_SEE_NOTHING);
	r = (struct em_report){ .capacity = 1000, .used = 1000, .unattributed = 100 };
	r.parts[EARMARK_PURPOSE_UNTAGGED].gpu_time = 100;
	assert_int_equal(em_sight_of_untagged(&r), EM_SEE_BAD);
	r.unattributed = 99;
	assert_int_equal(em_sight_of_untagged(&r), EM_SEE_BETWEEN);
	r.unattributed = 98;
	assert_int_equal(em_sight_of_untagged(&r), EM_SEE_CLEAR);
	assert_int_equal(em_sight_of_coverage(&r), EM_SEE_CLEAR);
	r.unobserved = 100;
	assert_int_equal(em_sight_of_coverage(&r), EM_SEE_BAD);
}

/* --- a real month --------------------------------------------------------------------------- */

#define MONTH 744 /* hours of May 2020 */
#define GROUPS 32

struct group {
	char name[64];
	uint64_t gpus[MONTH]; /* GPU-minutes of the hour */
};

/* "time,…": the ninth column is how many GPUs ran, one row a minute */
static void read_group(const char *path, struct group *g)
{
	gzFile f = gzopen(path, "rb");
	char line[1024];
	unsigned int minute = 0;

	assert_non_null(f);
	assert_non_null(gzgets(f, line, sizeof(line)));
	for (; gzgets(f, line, sizeof(line)) && minute < MONTH * 60; minute++) {
		char *at = line;

		for (int column = 0; column < 8; column++)
			at = strchr(at, ',') + 1;
		g->gpus[minute / 60] += (uint64_t)strtod(at, NULL);
	}
	gzclose(f);
	assert_int_equal(minute, MONTH * 60);
}

static void helios(void **state)
{
	static struct group groups[GROUPS];
	static struct em_burn_hour hours[MONTH];
	const char *traces = getenv("EARMARK_TRACES");
	char dir[256], path[512];
	struct dirent **entries;
	uint64_t all = 0, total[MONTH] = { 0 };
	int n;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/helios-earth", traces);
	n = scandir(dir, &entries, NULL, alphasort);
	assert_true(n > 0);
	for (int i = 0, k = 0; i < n; i++) {
		if (!strncmp(entries[i]->d_name, "vc", 2)) {
			snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
			snprintf(groups[k].name, 64, "%.60s", entries[i]->d_name);
			read_group(path, &groups[k++]);
		}
		free(entries[i]);
	}
	free(entries);
	for (int k = 0; k < GROUPS; k++) {
		for (int h = 0; h < MONTH; h++)
			total[h] += groups[k].gpus[h];
	}
	for (int h = 0; h < MONTH; h++)
		all += total[h];
	assert_int_equal(all / 60, 424772);
	for (int k = 0; k < GROUPS && *groups[k].name; k++) {
		struct em_share mean = { 0, all };
		struct life ticket, page;

		for (int h = 0; h < MONTH; h++) {
			hours[h] = (struct em_burn_hour){ groups[k].gpus[h], total[h], total[h] };
			mean.num += groups[k].gpus[h];
		}
		replay(hours, MONTH, mean, false, &ticket, &page);
		print_message("%s: %d tickets, %d pages\n", groups[k].name, ticket.episodes,
			      page.episodes);
		assert_in_range(ticket.episodes, 0, 3);
		assert_in_range(page.episodes, 0, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic),    cmocka_unit_test(no_budget),
		cmocka_unit_test(thresholds),    cmocka_unit_test(steps),
		cmocka_unit_test(flaps),         cmocka_unit_test(quiet_year),
		cmocka_unit_test(breach_sights), cmocka_unit_test(node_sights),
	};
	const struct CMUnitTest traced[] = { cmocka_unit_test(helios) };
	int r = cmocka_run_group_tests_name("alert_burn", tests, NULL, NULL);

	if (getenv("EARMARK_TRACES"))
		return r + cmocka_run_group_tests_name("alert_burn on a trace", traced, NULL, NULL);
	puts("skip helios - EARMARK_TRACES is unset: no trace of a real cluster here");
	return r;
}
