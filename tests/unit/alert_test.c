// SPDX-License-Identifier: GPL-2.0
/* The life of alerts, over restarts, and who is told. */
#include <errno.h>

#include "history.h"
#include "alert/alert.h"
#include "alert/silence.h"
#include "base/cleanup.h"

#define NOW (1800000000LL * S)

static struct em_commitment commitment = {
	.name = "fifth",
	.purpose = EARMARK_PURPOSE_ALIGNMENT,
	.share = { 1, 5 },
	.min_coverage = { 0, 1 },
	.window = 30 * S,
	.prove_within = 30 * S,
};

static struct em_alert_config config = { .for_ns = 2 * S, .keep_firing_ns = 5 * S };

/* Shares in thousandths. */
static struct em_verdict verdict(enum em_status status, unsigned int proven, unsigned int possible)
{
	return (struct em_verdict){
		.status = status,
		.proven = { proven, status == EM_UNDEFINED ? 0 : 1000 },
		.possible = { possible, status == EM_UNDEFINED ? 0 : 1000 },
		.reason = "",
	};
}

/* struct node - a ledger and its alerts, as a daemon has them */
struct node {
	struct history h;
	struct em_alerts *a;
	json_t *list;
};

static void node_up(struct node *n)
{
	history_open(&n->h, NOW);
	assert_int_equal(em_alerts_open(&n->a, n->h.l, &config), 0);
	n->list = NULL;
}

static void node_restart(struct node *n)
{
	em_alerts_close(n->a);
	history_reopen(&n->h);
	assert_int_equal(em_alerts_open(&n->a, n->h.l, &config), 0);
}

static void node_down(struct node *n)
{
	em_alerts_close(n->a);
	history_close(&n->h);
	json_decref(n->list);
}

static void feed(struct node *n, int second, struct em_verdict v)
{
	assert_int_equal(em_alerts_update(n->a, &commitment, &v, NOW + second * S), 0);
}

static const char *field(struct node *n, size_t i, const char *key)
{
	json_decref(n->list);
	n->list = em_alerts_json(n->h.l);
	return json_string_value(json_object_get(json_array_get(n->list, i), key)) ?: "";
}

static int count_note(int64_t wall, const char *kind, const char *json, void *arg)
{
	(void)wall;
	(void)kind;
	(void)json;
	++*(int *)arg;
	return 0;
}

static int notes(struct node *n, const char *kind)
{
	int count = 0;

	assert_int_equal(em_ledger_notes(n->h.l, 0, INT64_MAX, kind, count_note, &count), 0);
	return count;
}

#define MET verdict(EM_MET, 202, 210)
#define BREACHED verdict(EM_BREACHED, 100, 199)
#define UNPROVEN verdict(EM_UNPROVEN, 100, 500)
#define UNDEFINED verdict(EM_UNDEFINED, 0, 0)

static void life(void **state)
{
	static const struct {
		int second;
		enum em_status status;
		unsigned int proven;
		const char *want;
	} steps[] = {
		{ 0, EM_MET, 300, "" },
		{ 1, EM_BREACHED, 199, "pending" },
		{ 2, EM_BREACHED, 199, "pending" },
		{ 3, EM_BREACHED, 199, "firing" }, /* for: 2s */
		{ 4, EM_MET, 201, "firing" },      /* kept, but by less than 1 % of the floor */
		{ 5, EM_MET, 202, "recovering" },
		{ 6, EM_MET, 201, "firing" }, /* not clear any more */
		{ 7, EM_MET, 202, "recovering" },
		{ 11, EM_MET, 250, "recovering" },
		{ 12, EM_MET, 250, "resolved" }, /* keep_firing_for: 5s */
		{ 13, EM_BREACHED, 100, "pending" },
		{ 14, EM_MET, 200, "inactive" }, /* shorter than for: nobody was told */
		{ 15, EM_MET, 250, "inactive" },
	};
	struct node n;

	(void)state;
	node_up(&n);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		feed(&n, steps[i].second,
		     verdict(steps[i].status, steps[i].proven, steps[i].proven));
		assert_string_equal(field(&n, 0, "state"), steps[i].want);
	}
	assert_string_equal(field(&n, 0, "kind"), "FloorBreached");
	assert_string_equal(field(&n, 0, "told"), "resolved");
	assert_int_equal(notes(&n, "alert"), 8);
	node_down(&n);
}

/* Each step by a daemon of its own: nothing starts over, nothing is told twice. */
static void restarts(void **state)
{
	struct node n;

	(void)state;
	node_up(&n);
	feed(&n, 1, BREACHED);
	node_restart(&n);
	assert_string_equal(field(&n, 0, "state"), "pending");
	feed(&n, 4, BREACHED);
	assert_string_equal(field(&n, 0, "state"), "firing");
	node_restart(&n);
	feed(&n, 5, BREACHED);
	assert_string_equal(field(&n, 0, "told"), "firing");
	assert_int_equal(notes(&n, "alert"), 2);
	feed(&n, 6, MET);
	node_restart(&n);
	feed(&n, 12, MET);
	assert_string_equal(field(&n, 0, "state"), "resolved");
	assert_int_equal(notes(&n, "alert"), 4);
	node_down(&n);
}

/* A sensor that is switched off does not end a breach. */
static void blindness_is_no_cure(void **state)
{
	struct node n;

	(void)state;
	node_up(&n);
	feed(&n, 0, BREACHED);
	feed(&n, 2, BREACHED);
	assert_string_equal(field(&n, 0, "state"), "firing");
	for (int s = 3; s < 60; s++)
		feed(&n, s, UNPROVEN);
	assert_string_equal(field(&n, 0, "state"), "firing");
	node_down(&n);
}

static void still_unproven(void **state)
{
	struct node n;

	(void)state;
	node_up(&n);
	for (int s = 0; s <= 30; s++)
		feed(&n, s, UNPROVEN);
	assert_string_equal(field(&n, 0, "state"), "");
	feed(&n, 31, UNPROVEN);
	assert_string_equal(field(&n, 0, "kind"), "StillUnproven");
	assert_string_equal(field(&n, 0, "state"), "pending");
	feed(&n, 33, UNPROVEN);
	assert_string_equal(field(&n, 0, "state"), "firing");
	feed(&n, 34, MET);
	feed(&n, 39, MET);
	assert_string_equal(field(&n, 0, "state"), "resolved");
	/* the clock starts anew */
	feed(&n, 40, UNPROVEN);
	feed(&n, 69, UNPROVEN);
	assert_string_equal(field(&n, 0, "state"), "resolved");
	node_down(&n);
}

static void no_data(void **state)
{
	struct node n;

	(void)state;
	node_up(&n);
	feed(&n, 0, UNDEFINED);
	assert_string_equal(field(&n, 0, "state"), "");
	feed(&n, 1, BREACHED);
	feed(&n, 3, BREACHED);
	for (int s = 4; s < 30; s++)
		feed(&n, s, UNDEFINED);
	assert_string_equal(field(&n, 0, "state"), "firing");
	assert_string_not_equal(field(&n, 0, "no_data_since"), "");
	assert_int_equal(notes(&n, "alert"), 3);
	feed(&n, 31, BREACHED);
	assert_string_equal(field(&n, 0, "no_data_since"), "");
	assert_string_equal(field(&n, 0, "state"), "firing");
	node_down(&n);
}

/* All of it is the floor: 1 % above cannot be asked for. */
static void floor_of_everything(void **state)
{
	struct em_share share = commitment.share;
	struct node n;

	(void)state;
	node_up(&n);
	commitment.share = (struct em_share){ 1, 1 };
	feed(&n, 0, verdict(EM_BREACHED, 999, 999));
	feed(&n, 2, verdict(EM_BREACHED, 999, 999));
	assert_string_equal(field(&n, 0, "state"), "firing");
	feed(&n, 3, verdict(EM_MET, 1000, 1000));
	assert_string_equal(field(&n, 0, "state"), "recovering");
	commitment.share = share;
	node_down(&n);
}

/* From sealed intervals to the alert: alignment's work, then another's, then alignment's. */
static void over_intervals(void **state)
{
	static const char *const want[] = { "",        "",       "",           "",        "",
					    "pending", "firing", "recovering", "resolved" };
	struct em_verdict v;
	struct node n;
	__u32 align, other;

	(void)state;
	node_up(&n);
	history_gpu(&n.h, 1);
	align = history_job(&n.h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "", "/a");
	other = history_job(&n.h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "", "/c");
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		history_use(&n.h, 1, i >= 3 && i < 7 ? other : align, 10 * S, 10 * S, 10 * S);
		history_rest(&n.h, 1, 10 * S, 0, 0, 0);
		history_seal(&n.h, 10 * S);
		node_restart(&n);
		assert_int_equal(em_commitment_check(&commitment, n.h.l, n.h.wall, &v), 0);
		assert_int_equal(em_alerts_update(n.a, &commitment, &v, n.h.wall), 0);
		assert_string_equal(field(&n, 0, "state"), want[i]);
	}
	node_down(&n);
}

/* What is stored may be another version's, or nonsense: it is never a reason not to start. */
static void strange_state(void **state)
{
	static const char *const texts[] = { "{}", "[", "[5]", "[{}]", "[{\"state\": \"odd\"}]" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct node n;

		node_up(&n);
		assert_int_equal(em_ledger_state_set(n.h.l, "alerts", texts[i]), 0);
		node_restart(&n);
		feed(&n, 0, UNDEFINED);
		feed(&n, 1, BREACHED);
		assert_int_equal(notes(&n, "alert"), 1);
		node_down(&n);
	}
}

/* --- the table, and the life as a table --------------------------------------------------- */

static void steps(void **state)
{
	enum { I, P, F, R, D, N }; /* as enum em_alert_state */
	enum { C, B, X, O };       /* clear, between, bad, nothing */
	static const struct {
		int from, sight, age, want;
	} table[] = {
		{ I, C, 0, I }, { I, B, 0, I }, { I, X, 0, P }, { I, O, 0, N }, { P, X, 1, P },
		{ P, X, 2, F }, { P, B, 9, I }, { P, C, 9, I }, { P, O, 9, N }, { F, X, 9, F },
		{ F, B, 9, F }, { F, C, 0, R }, { F, O, 9, F }, { R, C, 4, R }, { R, C, 5, D },
		{ R, B, 9, F }, { R, X, 9, F }, { R, O, 9, R }, { D, C, 9, D }, { D, X, 0, P },
		{ D, O, 0, N }, { N, O, 9, N }, { N, C, 0, I }, { N, X, 0, P }, { N, B, 0, I },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(em_alert_next((enum em_alert_state)table[i].from,
					       (enum em_alert_sight)table[i].sight, table[i].age, 2,
					       5),
				 table[i].want);
	assert_int_equal(em_alert_next(EM_ALERT_INACTIVE, EM_SEE_BAD, 0, 0, 5), F);
	assert_int_equal(em_alert_next(EM_ALERT_FIRING, EM_SEE_CLEAR, 0, 2, 0), D);
	for (int s = 0; s < EM_ALERT_STATES; s++)
		assert_int_equal(em_alert_state_parse(em_alert_state_name(s)), s);
}

static void kinds(void **state)
{
	static const enum em_alert_kind open[] = { EM_ALERT_LEDGER_FORK, EM_ALERT_CHECKPOINT_STALE,
						   EM_ALERT_SENSOR_LOST, EM_ALERT_COVERAGE_LOW,
						   EM_ALERT_UNTAGGED_HIGH };

	(void)state;
	for (unsigned int k = 0; k < EM_ALERT_KINDS; k++) {
		const struct em_alert_rule *rule = em_alert_rule(k);

		assert_non_null(rule->name);
		assert_true(*rule->help && *rule->needs);
		assert_int_equal(em_alert_kind_parse(rule->name, em_alert_severity(k)), k);
		assert_false(rule->inhibited_by & 1U << k);
	}
	/* nothing hides what says that the record or the view is incomplete */
	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		assert_int_equal(em_alert_rule(open[i])->inhibited_by, 0);
	assert_int_equal(em_alert_kind_parse("ShortfallBurn", "page"),
			 EM_ALERT_SHORTFALL_BURN_PAGE);
	assert_int_equal(em_alert_kind_parse("Other", "page"), EM_ALERT_KINDS);
}

/* --- others' conditions, inhibition, silences --------------------------------------------- */

static const json_t *alert_of(struct node *n, const char *kind)
{
	json_t *alert;
	size_t i;

	json_decref(n->list);
	n->list = em_alerts_json(n->h.l);
	json_array_foreach(n->list, i, alert) {
		if (!strcmp(json_string_value(json_object_get(alert, "kind")), kind))
			return alert;
	}
	return NULL;
}

static const char *of(struct node *n, const char *kind, const char *key)
{
	return json_string_value(json_object_get(alert_of(n, kind), key)) ?: "";
}

static void condition(struct node *n, enum em_alert_kind kind, const char *subject, bool bad, int s)
{
	assert_int_equal(em_alerts_condition(n->a, kind, subject, bad, "it is so", NOW + s * S), 0);
}

static void conditions(void **state)
{
	struct node n;

	(void)state;
	node_up(&n);
	condition(&n, EM_ALERT_SENSOR_LOST, "node", false, 0);
	assert_null(alert_of(&n, "SensorLost"));
	condition(&n, EM_ALERT_SENSOR_LOST, "node", true, 1);
	assert_string_equal(of(&n, "SensorLost", "state"), "pending");
	condition(&n, EM_ALERT_SENSOR_LOST, "node", true, 3);
	assert_string_equal(of(&n, "SensorLost", "state"), "firing");
	assert_string_equal(of(&n, "SensorLost", "summary"), "it is so");
	assert_string_equal(of(&n, "SensorLost", "severity"), "page");
	/* a fork is one from the first moment */
	condition(&n, EM_ALERT_LEDGER_FORK, "ledger", true, 3);
	assert_string_equal(of(&n, "LedgerFork", "state"), "firing");
	node_restart(&n);
	assert_int_equal(em_alerts_step(n.a, NOW + 4 * S), 0);
	assert_string_equal(of(&n, "Watchdog", "state"), "firing");
	condition(&n, EM_ALERT_SENSOR_LOST, "node", false, 5);
	condition(&n, EM_ALERT_SENSOR_LOST, "node", false, 10);
	assert_string_equal(of(&n, "SensorLost", "state"), "resolved");
	node_down(&n);
}

static void inhibition(void **state)
{
	struct node n;

	(void)state;
	node_up(&n);
	feed(&n, 0, BREACHED);
	feed(&n, 2, BREACHED);
	condition(&n, EM_ALERT_DRIFT_DETECTED, "fifth", true, 3);
	condition(&n, EM_ALERT_DRIFT_DETECTED, "other", true, 3);
	condition(&n, EM_ALERT_COVERAGE_LOW, "fifth", true, 3);
	condition(&n, EM_ALERT_DRIFT_DETECTED, "fifth", true, 6);
	condition(&n, EM_ALERT_COVERAGE_LOW, "fifth", true, 6);
	/* it is there, says who speaks for it, and nobody was told of it */
	assert_string_equal(of(&n, "DriftDetected", "state"), "firing");
	assert_string_equal(of(&n, "DriftDetected", "inhibited_by"), "FloorBreached");
	assert_string_equal(of(&n, "DriftDetected", "told"), "");
	assert_string_equal(of(&n, "CoverageLow", "told"), "firing");
	assert_string_equal(of(&n, "CoverageLow", "inhibited_by"), "");
	/* the breach ends, the drift does not */
	feed(&n, 7, MET);
	feed(&n, 12, MET);
	condition(&n, EM_ALERT_DRIFT_DETECTED, "fifth", true, 13);
	assert_string_equal(of(&n, "DriftDetected", "inhibited_by"), "");
	assert_string_equal(of(&n, "DriftDetected", "told"), "firing");
	node_down(&n);
}

static void silences(void **state)
{
	int64_t real = em_time_now();
	char err[256];
	struct node n;

	(void)state;
	node_up(&n);
	assert_int_equal(em_silence_add(n.h.l, "fifth", 0, "me", "work", real, err, sizeof(err)),
			 -EINVAL);
	assert_int_equal(em_silence_add(n.h.l, "fifth", S, "", "work", real, err, sizeof(err)),
			 -EINVAL);
	assert_non_null(strstr(err, "author"));
	assert_int_equal(em_silence_add(n.h.l, "fifth", S, "me", "a\nb", real, err, sizeof(err)),
			 -EINVAL);
	assert_int_equal(
		em_silence_add(n.h.l, "FloorBreached/fifth", 3600 * S, "me", "move", NOW, err, 256),
		0);
	assert_int_equal(
		em_silence_add(n.h.l, "SensorLost", 3600 * S, "me", "move", real, err, 256), 0);
	feed(&n, 0, BREACHED);
	feed(&n, 2, BREACHED);
	assert_string_equal(field(&n, 0, "state"), "firing"); /* status is never hidden */
	assert_string_equal(field(&n, 0, "told"), "");
	/* it ends by itself, and what still fires is told */
	feed(&n, 3603, BREACHED);
	assert_string_equal(field(&n, 0, "told"), "firing");
	condition(&n, EM_ALERT_SENSOR_LOST, "node", true, 0);
	assert_string_equal(
		json_string_value(json_object_get(
			json_object_get(alert_of(&n, "SensorLost"), "silenced"), "author")),
		"me");
	assert_int_equal(notes(&n, "silence"), 2);
	node_down(&n);
}

/* Who takes the promise back ends its alerts, but not that of having taken it back. */
static void taken_back(void **state)
{
	struct em_commitments none = { 0 }, one = { &commitment, 1 };
	struct node n;

	(void)state;
	node_up(&n);
	feed(&n, 0, BREACHED);
	feed(&n, 2, BREACHED);
	condition(&n, EM_ALERT_COMMITMENT_WEAKENED, "fifth", true, 2);
	assert_int_equal(em_alerts_keep_only(n.a, &one, NOW + 3 * S), 0);
	assert_string_equal(field(&n, 0, "state"), "firing");
	assert_int_equal(em_alerts_keep_only(n.a, &none, NOW + 4 * S), 0);
	assert_string_equal(field(&n, 0, "state"), "resolved");
	assert_string_equal(field(&n, 0, "told"), "resolved");
	assert_string_equal(of(&n, "CommitmentWeakened", "state"), "firing");
	node_down(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(life),
		cmocka_unit_test(restarts),
		cmocka_unit_test(blindness_is_no_cure),
		cmocka_unit_test(still_unproven),
		cmocka_unit_test(no_data),
		cmocka_unit_test(floor_of_everything),
		cmocka_unit_test(over_intervals),
		cmocka_unit_test(strange_state),
		cmocka_unit_test(steps),
		cmocka_unit_test(kinds),
		cmocka_unit_test(conditions),
		cmocka_unit_test(inhibition),
		cmocka_unit_test(silences),
		cmocka_unit_test(taken_back),
	};

	return cmocka_run_group_tests_name("alert", tests, NULL, NULL);
}
