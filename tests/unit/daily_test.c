// SPDX-License-Identifier: GPL-2.0
/*
 * What the daemon asks once a day: a planted fall of alignment's share, a season in which nothing
 * happens, work that is renamed; and restarts between all of it.
 */
#include <errno.h>

#include "history.h"
#include "plant.h"
#include "../../user/daemon/daily.c"
#undef HOUR

#define START (1700000000 / 86400 * EM_DAY)
#define DAYS 150
#define FALLS 120 /* the day on which the planted share falls */
#define LATER (20 * 60 * EM_NS_PER_S)

static struct em_commitment list[] = {
	{ .name = "fifth", .purpose = EARMARK_PURPOSE_ALIGNMENT, .share = { 1, 5 } },
	{ .name = "lid", .kind = EM_CEILING, .purpose = EARMARK_PURPOSE_CAPABILITIES },
};
static struct em_commitments promised = { list, 2 };
static struct em_alert_config config = { .for_ns = EM_HOUR, .keep_firing_ns = 6 * EM_HOUR };

/* A day an interval: 20 % and what chance adds to it; @after from day FALLS on. */
static void season(struct history *h, double after)
{
	gsl_rng *rng = plant_rng(7);
	struct plant_ar ar = { 0.3, 0.02, 0 };
	__u32 a, c;

	history_open(h, START);
	history_gpu(h, 1);
	a = history_job(h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "", "/a");
	c = history_job(h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "", "/c");
	assert_int_equal(em_ledger_batch(h->l), 0);
	for (int day = 0; day < DAYS; day++) {
		double share = plant_inside((day < FALLS ? 0.2 : after) + plant_noise(&ar, rng),
					    0.01, 0.9);
		uint64_t used = (uint64_t)(share * EM_DAY);

		history_use(h, 1, a, used, EM_DAY, used);
		history_use(h, 1, c, EM_DAY - used, EM_DAY, EM_DAY - used);
		history_rest(h, 1, EM_DAY, 0, 0, 0);
		history_seal(h, EM_DAY);
	}
	assert_int_equal(em_ledger_batch_end(h->l), 0);
	gsl_rng_free(rng);
}

/* A whole life of the daemon: opens the ledger, looks at @now, and an hour later, and ends. */
static void live(struct history *h, int64_t now)
{
	struct em_alerts *a;

	history_reopen(h);
	assert_int_equal(em_alerts_open(&a, h->l, &config), 0);
	assert_int_equal(em_daily_step(h->l, a, &promised, now), 0);
	assert_int_equal(em_daily_step(h->l, a, &promised, now + EM_HOUR), 0);
	em_alerts_close(a);
}

static const char *state_of(struct history *h, const char *kind)
{
	static char state[32];
	_cleanup_json_ json_t *all = em_alerts_json(h->l);
	json_t *alert;
	size_t i;

	json_array_foreach(all, i, alert) {
		if (strcmp(em_json_string(alert, "kind"), kind))
			continue;
		snprintf(state, sizeof(state), "%s", em_json_string(alert, "state"));
		assert_string_not_equal(em_json_string(alert, "commitment"), "lid");
		return state;
	}
	return "";
}

static int count(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *note = json_loads(json, 0, NULL);

	(void)wall;
	(void)kind;
	assert_string_equal(em_json_string(note, "author"), "earmarkd");
	assert_true(*em_json_string(note, "reason"));
	assert_int_equal(em_json_integer(note, "days"), EM_DRIFT_CALIBRATES);
	(*(unsigned int *)arg)++;
	return 0;
}

static unsigned int baselines(struct history *h)
{
	unsigned int n = 0;

	assert_int_equal(em_ledger_notes(h->l, 0, INT64_MAX, "drift-baseline", count, &n), 0);
	return n;
}

static enum em_alert_sight drift_seen(struct history *h)
{
	_cleanup_json_ json_t *o = em_daily_json(h->l);

	return sight_of(json_object_get(o, "drift"));
}

/* The day after which DriftDetected fires, at most DAYS + 1. */
static int fires_on(struct history *h, int from, int step)
{
	for (int day = from; day <= DAYS; day += step) {
		live(h, START + day * EM_DAY + LATER);
		if (!strcmp(state_of(h, "DriftDetected"), "firing"))
			return day;
	}
	return DAYS + 1;
}

static void planted_fall(void **state)
{
	struct history h;
	int day;

	(void)state;
	season(&h, 0.14);
	/* a history too short says so, and nothing is frozen or pending of it */
	live(&h, START + 60 * EM_DAY + LATER);
	assert_int_equal(drift_seen(&h), EM_SEE_NOTHING);
	assert_int_equal(baselines(&h), 0);
	assert_string_equal(state_of(&h, "DriftDetected"), "");
	live(&h, START + 100 * EM_DAY + LATER);
	assert_int_equal(drift_seen(&h), EM_SEE_CLEAR);
	assert_int_equal(baselines(&h), 1);
	day = fires_on(&h, FALLS, 1);
	print_message("fell on day %d, told on day %d\n", FALLS, day);
	assert_in_range(day, FALLS + 1, FALLS + 7);
	/* an alarm does not thaw the baseline, nor does a restart end it */
	live(&h, START + DAYS * EM_DAY + LATER);
	assert_string_equal(state_of(&h, "DriftDetected"), "firing");
	assert_int_equal(baselines(&h), 1);
	history_close(&h);
}

static void quiet(void **state)
{
	struct history h;

	(void)state;
	season(&h, 0.2);
	assert_int_equal(fires_on(&h, 98, 4), DAYS + 1);
	assert_string_equal(state_of(&h, "DriftDetected"), "");
	assert_int_equal(baselines(&h), 1);
	history_close(&h);
}

static void mark(struct history *h, const char *with)
{
	_cleanup_json_ json_t *o = em_daily_json(h->l);
	_cleanup_free_ char *text = NULL;

	json_object_set_new(o, "mark", json_string(with));
	text = json_dumps(o, 0);
	assert_int_equal(em_ledger_state_set(h->l, STATE_KEY, text), 0);
}

static bool marked(struct history *h)
{
	_cleanup_json_ json_t *o = em_daily_json(h->l);

	return json_object_get(o, "mark");
}

/* Asked once a day: not again by a restart or a clock set back, and not lost by either. */
static void restarts(void **state)
{
	int64_t day = START + 110 * EM_DAY;
	struct history h;

	(void)state;
	season(&h, 0.2);
	live(&h, day + LATER);
	mark(&h, "kept");
	live(&h, day + LATER);
	live(&h, day + 23 * EM_HOUR - 1);
	live(&h, day - EM_DAY + LATER);
	live(&h, day + EM_DAY + 1 - EM_HOUR); /* midnight has just been */
	assert_true(marked(&h));
	/* down over two midnights: once it is back, the last day is asked about */
	live(&h, day + 2 * EM_DAY + 9 * EM_HOUR);
	assert_false(marked(&h));
	/* what makes no sense is as if never asked */
	assert_int_equal(em_ledger_state_set(h.l, STATE_KEY, "{\"day\":7}"), 0);
	live(&h, day + 2 * EM_DAY + 12 * EM_HOUR);
	assert_int_equal(drift_seen(&h), EM_SEE_CLEAR);
	assert_int_equal(baselines(&h), 1);
	history_close(&h);
}

/* --- renamed work ---------------------------------------------------------------------------- */

#define PROGRAMS 5
#define WEEKS 8

/* Each day a job of each program; from the fifth week on, @renamed of them are called alignment. */
static void programs(struct history *h, int renamed)
{
	history_open(h, START);
	history_gpu(h, 1);
	for (int day = 0; day < 7 * WEEKS; day++) {
		for (int k = 0; k < PROGRAMS; k++) {
			bool now = day >= 7 * WEEKS / 2 && k < renamed;
			__u32 job = history_job(
				h, now ? EARMARK_PURPOSE_ALIGNMENT : EARMARK_PURPOSE_CAPABILITIES,
				EARMARK_TAGGED_BY_SELF, "", "/j");
			char note[256];

			history_use(h, 1, job, EM_DAY / 8, EM_DAY / 8, EM_DAY / 16);
			snprintf(note, sizeof(note),
				 "{\"boot_id\":\"01%030d\",\"job\":%u,\"fingerprint\":\"%064d\"}",
				 0, job, k);
			assert_int_equal(em_ledger_note_at(h->l, h->wall, "job-profile", note), 0);
		}
		history_rest(h, 1, EM_DAY, 0, 0, 0);
		history_seal(h, EM_DAY);
	}
}

static void renamed_work(void **state)
{
	int64_t now = START + 7 * WEEKS * EM_DAY + LATER;
	struct history h;

	(void)state;
	programs(&h, 2);
	live(&h, now);
	assert_string_equal(state_of(&h, "RelabelSuspected"), "firing");
	live(&h, now + EM_HOUR);
	assert_string_equal(state_of(&h, "RelabelSuspected"), "firing");
	history_close(&h);
	programs(&h, 0);
	live(&h, now);
	assert_string_equal(state_of(&h, "RelabelSuspected"), "");
	history_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(planted_fall),
		cmocka_unit_test(quiet),
		cmocka_unit_test(restarts),
		cmocka_unit_test(renamed_work),
	};

	return cmocka_run_group_tests_name("daily", tests, NULL, NULL);
}
