// SPDX-License-Identifier: GPL-2.0
/*
 * What is looked at once an hour, from a ledger: fifty days of one GPU, 25 % alignment and then,
 * for the last ten days, 15 %, all of it busy half of its time; and the counters that are served of
 * it.
 */
#include <errno.h>

#include "history.h"
#include "../../user/daemon/metrics.c"
#include "alert/calibrate.h"
#include "alert/watch.h"

#define HOUR (3600 * S)
#define NOW (1700000000LL / 3600 * HOUR)
#define BEFORE (40 * 24)
#define HOURS (50 * 24)

static struct history h;
static struct em_commitment fifth = {
	.name = "fifth",
	.purpose = EARMARK_PURPOSE_ALIGNMENT,
	.share = { 1, 5 },
	.min_coverage = { 0, 1 },
	.window = 28 * 24 * HOUR,
	.prove_within = 28 * 24 * HOUR,
};
static struct em_alert_config config = { .for_ns = HOUR, .keep_firing_ns = 6 * HOUR };

static int fill(void **state)
{
	__u32 align, other;

	(void)state;
	history_open(&h, NOW);
	assert_int_equal(em_ledger_state_set(h.l, "period", "3600000000000"), 0);
	history_gpu(&h, 1);
	align = history_job(&h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "", "/a");
	other = history_job(&h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "", "/c");
	assert_int_equal(em_ledger_batch(h.l), 0);
	for (int i = 0; i < HOURS; i++) {
		uint64_t a = HOUR / 100 * (i < BEFORE ? 25 : 15);

		history_use(&h, 1, align, a, HOUR, a / 2);
		history_use(&h, 1, other, HOUR - a, HOUR, (HOUR - a) / 2);
		history_rest(&h, 1, HOUR, 0, 0, 0);
		history_seal(&h, HOUR);
	}
	assert_int_equal(em_ledger_batch_end(h.l), 0);
	return 0;
}

static int empty(void **state)
{
	(void)state;
	history_close(&h);
	return 0;
}

/* The same sums from reports as from the hours themselves: a floor, a floor on busy, a ceiling. */
static void windows(void **state)
{
	static struct em_burn_hour hours[HOURS];
	static const int at[] = { 10, 28 * 24, BEFORE + 30, HOURS };
	struct em_commitment busy = fifth, lid = fifth;
	const struct em_commitment *const all[] = { &fifth, &busy, &lid };

	(void)state;
	busy.clock = EM_CLOCK_BUSY;
	lid.kind = EM_CEILING;
	lid.purpose = EARMARK_PURPOSE_CAPABILITIES;
	lid.share = (struct em_share){ 4, 5 };
	for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
		unsigned int of = all[k] == &busy ? 2 : 1;

		for (int i = 0; i < HOURS; i++) {
			uint64_t a = HOUR / 100 * (i < BEFORE ? 25 : 15);

			a = all[k] == &lid ? HOUR - a : a;
			hours[i] = (struct em_burn_hour){ a / of, HOUR / of, HOUR / of };
		}
		for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
			struct em_burn want = { .share = all[k]->share, .ceiling = all[k] == &lid },
				       got;

			em_burn_at(&want, hours, (unsigned int)at[i]);
			assert_int_equal(em_burn_look(&got, all[k], h.l, NOW + at[i] * HOUR), 0);
			for (unsigned int w = 0; w < EM_BURN_WINDOWS; w++) {
				assert_true(got.sum[w].a == want.sum[w].a);
				assert_true(got.sum[w].n == want.sum[w].n);
			}
			assert_true(got.expected == want.expected);
			assert_int_equal(em_burn_sight(&got, false), em_burn_sight(&want, false));
			assert_int_equal(em_burn_sight(&got, true), em_burn_sight(&want, true));
		}
	}
}

static void forecasts(void **state)
{
	struct em_forecast f;

	(void)state;
	assert_int_equal(em_forecast_look(&f, &fifth, h.l, NOW + 20 * 24 * HOUR), 0);
	assert_false(f.known); /* the window was not recorded whole */
	assert_int_equal(em_forecast_look(&f, &fifth, h.l, NOW + BEFORE * HOUR), 0);
	assert_true(f.known);
	assert_int_equal(f.days, 0);
	assert_int_equal(f.days_spare, 0);
	/* (18*25 + 10*15)/28 = 21.43 %, less 0.357 points a day: exactly 20 % after four days */
	assert_int_equal(em_forecast_look(&f, &fifth, h.l, NOW + HOURS * HOUR), 0);
	assert_int_equal(f.days, 5);
	assert_int_equal(f.days_spare, 4);
}

static const json_t *rule(json_t *rows, const char *kind, const char *severity)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (!strcmp(json_string_value(json_object_get(row, "kind")), kind) &&
		    !strcmp(json_string_value(json_object_get(row, "severity")), severity))
			return row;
	}
	return NULL;
}

static json_int_t firings(json_t *rows, const char *kind, const char *severity)
{
	const json_t *row = rule(rows, kind, severity);

	assert_non_null(row);
	assert_true(json_is_integer(json_object_get(row, "firings")));
	return json_integer_value(json_object_get(row, "firings"));
}

static void calibration(void **state)
{
	struct em_commitments c = { &fifth, 1 };
	_cleanup_json_ json_t *rows = NULL;
	unsigned int hours = 0;

	(void)state;
	assert_int_equal(em_calibrate(h.l, &c, EM_BURN_PERIOD_HOURS, &config, NOW + HOURS * HOUR,
				      &rows, &hours),
			 0);
	assert_int_equal(hours, HOURS);
	assert_int_equal(firings(rows, "FloorBreached", "page"), 0);
	assert_int_equal(firings(rows, "ShortfallBurn", "ticket"), 1);
	assert_int_equal(firings(rows, "ShortfallBurn", "page"), 1);
	assert_int_equal(firings(rows, "UntaggedHigh", "ticket"), 0);
	assert_int_equal(firings(rows, "CoverageLow", "ticket"), 0);
	assert_string_equal(json_string_value(json_object_get(rule(rows, "ShortfallBurn", "page"),
							      "per_month")),
			    "0.60");
	assert_true(
		json_is_null(json_object_get(rule(rows, "DriftDetected", "ticket"), "firings")));
	/* too short to replay */
	assert_int_equal(
		em_calibrate(h.l, &c, EM_BURN_PERIOD_HOURS, &config, NOW + HOUR / 2, &rows, &hours),
		-ENODATA);
}

/* The daemon's own round: the ticket and the page are told, the forecast too. */
static void round_of_the_daemon(void **state)
{
	struct em_commitments c = { &fifth, 1 };
	_cleanup_json_ json_t *list = NULL;
	struct em_alerts *a;

	(void)state;
	assert_int_equal(em_alerts_open(&a, h.l, &config), 0);
	assert_int_equal(em_alerts_watch(a, &c, NOW + HOURS * HOUR), 0);
	assert_int_equal(em_alerts_watch(a, &c, NOW + (HOURS + 1) * HOUR), 0);
	list = em_alerts_json(h.l);
	assert_int_equal(json_array_size(list), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(list, i), "state")),
			"firing");
	assert_non_null(
		strstr(json_string_value(json_object_get(json_array_get(list, 0), "summary")),
		       "forecast"));
	em_alerts_close(a);
}

/* --- counters ------------------------------------------------------------------------------- */

static void metrics(void **state)
{
	struct em_metrics m = { .ledger = h.l, .upto = NOW };
	struct em_metrics again = { .ledger = h.l };
	_cleanup_free_ char *text = em_metrics_text(&m, true), *same = NULL, *plain = NULL;

	(void)state;
	assert_non_null(text);
	/* 40 days at 25 % and 10 at 15 %, in seconds */
	assert_non_null(strstr(text, "\nearmark_gpu_time_seconds_total{purpose=\"alignment\"} "
				     "993600.000000000\n"));
	assert_non_null(strstr(text, "\nearmark_capacity_seconds_total 4320000.000000000\n"));
	assert_non_null(strstr(text, "\nearmark_intervals_total 1200\n"));
	assert_non_null(strstr(text, "# TYPE earmark_idle_seconds counter\n"));
	assert_non_null(strstr(text, "# UNIT earmark_idle_seconds seconds\n"));
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	/* nothing new is nothing more, and a restart goes on where it was */
	em_metrics_save(&m);
	same = em_metrics_text(&again, true);
	assert_string_equal(same, text);
	plain = em_metrics_text(&again, false);
	assert_non_null(strstr(plain, "# TYPE earmark_idle_seconds_total counter\n"));
	assert_null(strstr(plain, "# UNIT"));
	assert_null(strstr(plain, "# EOF"));
}

static void labels(void **state)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	(void)state;
	quoted(f, "a\"b\\c\nd");
	fclose(f);
	assert_string_equal(out, "\"a\\\"b\\\\c\\nd\"");
	free(out);
}

static void big_numbers(void **state)
{
	em_ns n = (em_ns)UINT64_MAX * 1000 + 7;
	_cleanup_json_ json_t *o = big(n), *zero = big(0);

	(void)state;
	assert_true(big_of(o) == n);
	assert_true(big_of(zero) == 0);
	assert_true(big_of(NULL) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows),     cmocka_unit_test(forecasts),
		cmocka_unit_test(calibration), cmocka_unit_test(round_of_the_daemon),
		cmocka_unit_test(metrics),     cmocka_unit_test(labels),
		cmocka_unit_test(big_numbers),
	};

	return cmocka_run_group_tests_name("alert_watch", tests, fill, empty);
}
