// SPDX-License-Identifier: GPL-2.0
/* The life of alerts over restarts, what is recorded of it, and who is told. */
#include <errno.h>
#include <signal.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "history.h"
#include "alert/alert.h"
#include "base/cleanup.h"
#include "base/file.h"

#define START (1800000000LL * S)
#define FOR (60 * S)
#define KEEP (120 * S)

static struct em_commitment fifth(void)
{
	return (struct em_commitment){
		.name = "fifth",
		.purpose = EARMARK_PURPOSE_ALIGNMENT,
		.share = { 1, 5 },
		.min_coverage = { 0, 1 },
		.window = 100 * S,
		.prove_within = 100 * S,
	};
}

/* A verdict of @num to @num + @maybe parts in a thousand. */
static struct em_verdict verdict(enum em_status status, unsigned int num, unsigned int maybe)
{
	return (struct em_verdict){
		.status = status,
		.reason = "",
		.proven = { num, 1000 },
		.possible = { num + maybe, 1000 },
	};
}

static const struct em_verdict no_verdict = { .status = EM_UNDEFINED, .reason = "" };

/* The alerts of one commitment, over a ledger that is reopened before every step. */
struct life {
	struct history h;
	struct em_alert_config config;
	struct em_commitment c;
};

static void begin(struct life *life, int64_t for_ns, int64_t keep_firing_ns)
{
	*life = (struct life){ .config = { for_ns, keep_firing_ns, NULL }, .c = fifth() };
	history_open(&life->h, START);
}

static char *text_of(struct em_ledger *l, const char *kind, const char *key)
{
	_cleanup_json_ json_t *alerts = em_alerts_json(l);
	const char *found = NULL;
	json_t *alert;
	size_t i;

	json_array_foreach(alerts, i, alert) {
		if (!strcmp(json_string_value(json_object_get(alert, "kind")), kind))
			found = json_string_value(json_object_get(alert, key));
	}
	return strdup(found ?: "none");
}

static void expect(struct life *life, const char *kind, const char *key, const char *value)
{
	_cleanup_free_ char *text = text_of(life->h.l, kind, key);

	assert_string_equal(text, value);
}

/* As after a restart: nothing but the ledger remembers. */
static void feed(struct life *life, struct em_verdict v, int64_t at)
{
	struct em_alerts *a;

	history_reopen(&life->h);
	assert_int_equal(em_alerts_open(&a, life->h.l, &life->config), 0);
	assert_int_equal(em_alerts_update(a, &life->c, &v, START + at), 0);
	em_alerts_close(a);
}

struct step {
	int64_t at;
	struct em_verdict v;
	const char *state;
};

static void walk(struct life *life, const char *kind, const struct step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		feed(life, steps[i].v, steps[i].at);
		expect(life, kind, "state", steps[i].state);
	}
}

static int count_note(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *note = json_loads(json, 0, NULL);

	(void)wall;
	(void)kind;
	assert_non_null(note);
	++*(unsigned int *)arg;
	return 0;
}

static unsigned int notes(struct em_ledger *l, const char *kind)
{
	unsigned int n = 0;

	assert_int_equal(em_ledger_notes(l, 0, INT64_MAX, kind, count_note, &n), 0);
	return n;
}

static void a_whole_life(void **state)
{
	const struct em_verdict breached = verdict(EM_BREACHED, 100, 50);
	const struct em_verdict met = verdict(EM_MET, 300, 0);
	const struct step steps[] = {
		{ 0, met, "none" },
		{ 10 * S, breached, "pending" },
		{ 10 * S + FOR - 1, breached, "pending" },
		{ 10 * S + FOR, breached, "firing" },
		{ 200 * S, breached, "firing" },
		{ 300 * S, met, "recovering" },
		{ 300 * S + KEEP - 1, met, "recovering" },
		{ 300 * S + KEEP, met, "resolved" },
		{ 500 * S, met, "resolved" },
		{ 600 * S, breached, "pending" },
		{ 610 * S, met, "inactive" },
	};
	struct life life;

	(void)state;
	begin(&life, FOR, KEEP);
	walk(&life, "FloorBreached", steps, ARRAY_SIZE(steps));
	assert_int_equal(notes(life.h.l, "alert"), 6); /* transitions, no more */
	history_close(&life.h);
}

/* A relapse while recovering is the same episode: it fires again at once, told once. */
static void relapse(void **state)
{
	const struct em_verdict breached = verdict(EM_BREACHED, 100, 50);
	const struct step steps[] = {
		{ 0, breached, "firing" },
		{ 10 * S, verdict(EM_MET, 300, 0), "recovering" },
		{ 20 * S, breached, "firing" },
		{ 20 * S + KEEP, breached, "firing" },
	};
	struct life life;

	(void)state;
	begin(&life, 0, KEEP);
	walk(&life, "FloorBreached", steps, ARRAY_SIZE(steps));
	expect(&life, "FloorBreached", "told", "firing");
	history_close(&life.h);
}

/* Floors clear 1 % above: 20.2 %, exactly. Between the two nothing moves. */
static void clear_threshold(void **state)
{
	const struct step steps[] = {
		{ 0, verdict(EM_BREACHED, 199, 0), "firing" },
		{ 10 * S, verdict(EM_MET, 200, 0), "firing" },
		{ 20 * S, verdict(EM_MET, 201, 0), "firing" },
		{ 30 * S, verdict(EM_MET, 202, 0), "resolved" },
		{ 40 * S, verdict(EM_MET, 200, 0), "resolved" },
	};
	struct life life;

	(void)state;
	begin(&life, 0, 0);
	walk(&life, "FloorBreached", steps, ARRAY_SIZE(steps));
	history_close(&life.h);
	/* a floor of everything cannot be exceeded: all of it is clear */
	begin(&life, 0, 0);
	life.c.share = (struct em_share){ 1, 1 };
	feed(&life, verdict(EM_BREACHED, 999, 0), 0);
	feed(&life, verdict(EM_MET, 1000, 0), 10 * S);
	expect(&life, "FloorBreached", "state", "resolved");
	history_close(&life.h);
}

/* Whoever is in breach does not end it by switching a sensor off. */
static void blindness_ends_nothing(void **state)
{
	const struct step steps[] = {
		{ 0, verdict(EM_BREACHED, 100, 0), "firing" },
		{ 10 * S, verdict(EM_UNPROVEN, 100, 800), "firing" },
		{ 20 * S, verdict(EM_UNPROVEN, 900, 0), "firing" }, /* MET but for padding */
		{ 30 * S, verdict(EM_MET, 300, 0), "resolved" },
	};
	struct life life;

	(void)state;
	begin(&life, 0, 0);
	walk(&life, "FloorBreached", steps, ARRAY_SIZE(steps));
	history_close(&life.h);
}

static void no_data(void **state)
{
	const struct em_verdict breached = verdict(EM_BREACHED, 100, 0);
	struct life life;

	(void)state;
	begin(&life, FOR, KEEP);
	feed(&life, no_verdict, 0);
	expect(&life, "FloorBreached", "state", "none");
	feed(&life, breached, 10 * S);
	feed(&life, breached, 10 * S + FOR);
	expect(&life, "FloorBreached", "no_data_since", "none");
	feed(&life, no_verdict, 200 * S);
	feed(&life, no_verdict, 300 * S + KEEP);
	expect(&life, "FloorBreached", "state", "firing");
	expect(&life, "FloorBreached", "no_data_since", "2027-01-15T08:03:20.000Z");
	assert_int_equal(notes(life.h.l, "alert"), 3); /* pending, firing, no data */
	feed(&life, breached, 600 * S);
	expect(&life, "FloorBreached", "state", "firing");
	expect(&life, "FloorBreached", "no_data_since", "none");
	history_close(&life.h);
}

static void still_unproven(void **state)
{
	const struct em_verdict unproven = verdict(EM_UNPROVEN, 100, 500);
	const struct em_verdict met = verdict(EM_MET, 300, 0);
	const struct step steps[] = {
		{ 0, met, "none" },
		{ 10 * S, unproven, "none" },
		{ 110 * S, unproven, "none" }, /* exactly prove_within */
		{ 110 * S + 1, unproven, "firing" },
		{ 120 * S, met, "resolved" },
		{ 130 * S, unproven, "resolved" }, /* counted anew */
		{ 231 * S, unproven, "firing" },
		{ 240 * S, verdict(EM_BREACHED, 0, 0), "resolved" }, /* known now, and worse */
	};
	struct life life;

	(void)state;
	begin(&life, 0, 0);
	walk(&life, "StillUnproven", steps, ARRAY_SIZE(steps));
	expect(&life, "FloorBreached", "state", "firing");
	history_close(&life.h);
}

/* From intervals to alert: a blind GPU, then a job of another purpose, then alignment. */
static void over_a_ledger(void **state)
{
	struct em_verdict v;
	struct life life;
	struct history *h = &life.h;
	__u32 align, other;

	(void)state;
	begin(&life, 0, 0);
	life.c.window = 30 * S;
	history_gpu(h, 1);
	align = history_job(h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "", "/a");
	other = history_job(h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "", "/c");
	for (int i = 0; i < 9; i++) {
		__u32 job = i < 3 ? align : i < 6 ? other : align;

		history_use(h, 1, job, 10 * S, 10 * S, 10 * S);
		history_rest(h, 1, 10 * S, 0, 0, 0);
		history_seal(h, 10 * S);
		history_reopen(h);
		assert_int_equal(em_commitment_check(&life.c, h->l, h->wall, &v), 0);
		feed(&life, v, h->wall - START);
		expect(&life, "FloorBreached", "state",
		       i < 5    ? "none"
		       : i == 5 ? "firing"
				: "resolved");
	}
	expect(&life, "FloorBreached", "commitment", "fifth");
	expect(&life, "FloorBreached", "status", "MET");
	history_close(h);
}

/* --- the command ------------------------------------------------------------------------- */

static char *script(struct life *life, const char *body)
{
	char *path = NULL;
	FILE *f;

	assert_true(asprintf(&path, "%s/command", life->h.dir) > 0);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", body);
	fclose(f);
	assert_int_equal(chmod(path, 0755), 0);
	return path;
}

/* Feeds until @done, or fails after ten seconds: the command runs by itself. */
static void until(struct life *life, struct em_alerts *a, struct em_verdict v,
		  bool (*done)(struct life *))
{
	for (int i = 0; i < 500; i++) {
		assert_int_equal(em_alerts_update(a, &life->c, &v, START + i), 0);
		if (done(life))
			return;
		usleep(20000);
	}
	fail_msg("it never came");
}

static bool failure_noted(struct life *life)
{
	return notes(life->h.l, "delivery-failed");
}

static bool told(struct life *life)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/done", life->h.dir);
	return !access(path, F_OK);
}

/* JSON on standard input; an environment of its own; the daemon's files are not passed on. */
static void command(void **state)
{
	_cleanup_json_ json_t *alert = NULL;
	_cleanup_free_ char *env = NULL, *body = NULL;
	struct em_alerts *a;
	struct life life;
	char path[128];

	(void)state;
	begin(&life, 0, 0);
	assert_true(asprintf(&body,
			     "cd %s && cat >json && env >env && ls /proc/$$/fd >fds && >done",
			     life.h.dir) > 0);
	life.config.command = script(&life, body);
	assert_int_equal(setenv("EARMARK_TEST_SECRET", "1", 1), 0);
	assert_int_equal(em_alerts_open(&a, life.h.l, &life.config), 0);
	until(&life, a, verdict(EM_BREACHED, 100, 50), told);
	em_alerts_close(a);

	snprintf(path, sizeof(path), "%s/json", life.h.dir);
	alert = json_load_file(path, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(alert, "commitment")), "fifth");
	assert_string_equal(json_string_value(json_object_get(alert, "kind")), "FloorBreached");
	assert_string_equal(json_string_value(json_object_get(alert, "state")), "firing");
	assert_string_equal(json_string_value(json_object_get(alert, "status")), "BREACHED");
	snprintf(path, sizeof(path), "%s/env", life.h.dir);
	assert_true(em_file_read(AT_FDCWD, path, 4096, &env) > 0);
	assert_non_null(strstr(env, "EARMARK_ALERT_COMMITMENT=fifth\n"));
	assert_non_null(strstr(env, "EARMARK_ALERT_KIND=FloorBreached\n"));
	assert_non_null(strstr(env, "EARMARK_ALERT_STATE=firing\n"));
	assert_null(strstr(env, "SECRET"));
	assert_false(failure_noted(&life));
	free(life.config.command);
	history_close(&life.h);
}

static void told_once(void **state)
{
	_cleanup_free_ char *body = NULL, *text = NULL;
	struct em_alerts *a;
	struct life life;
	char path[128];

	(void)state;
	begin(&life, 0, 0);
	assert_true(asprintf(&body, "echo $EARMARK_ALERT_STATE >>%s/told; >%s/done", life.h.dir,
			     life.h.dir) > 0);
	life.config.command = script(&life, body);
	assert_int_equal(em_alerts_open(&a, life.h.l, &life.config), 0);
	until(&life, a, verdict(EM_BREACHED, 100, 50), told);
	em_alerts_close(a);
	for (int i = 1; i < 5; i++)
		feed(&life, verdict(EM_BREACHED, 100, 50), i * S);
	snprintf(path, sizeof(path), "%s/done", life.h.dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(em_alerts_open(&a, life.h.l, &life.config), 0);
	until(&life, a, verdict(EM_MET, 300, 0), told);
	em_alerts_close(a);
	snprintf(path, sizeof(path), "%s/told", life.h.dir);
	assert_true(em_file_read(AT_FDCWD, path, 4096, &text) > 0);
	assert_string_equal(text, "firing\nresolved\n");
	free(life.config.command);
	history_close(&life.h);
}

/* A command that fails, or is not there, is noted and stops nothing. */
static void failing_command(void **state)
{
	struct em_alerts *a;
	struct life life;

	(void)state;
	begin(&life, 0, 0);
	life.config.command = script(&life, "exit 3");
	assert_int_equal(em_alerts_open(&a, life.h.l, &life.config), 0);
	until(&life, a, verdict(EM_BREACHED, 100, 50), failure_noted);
	expect(&life, "FloorBreached", "state", "firing");
	em_alerts_close(a);
	free(life.config.command);
	history_close(&life.h);

	begin(&life, 0, 0);
	life.config.command = "/nosuch/command";
	feed(&life, verdict(EM_BREACHED, 100, 50), 0);
	expect(&life, "FloorBreached", "state", "firing");
	assert_true(failure_noted(&life));
	history_close(&life.h);
}

/* What is stored may have been written by another version, or be torn. */
static void strange_state(void **state)
{
	static const char *const texts[] = { "{}", "[", "[5]", "[{}]", "[{\"state\": \"odd\"}]" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct life life;

		begin(&life, 0, 0);
		assert_int_equal(em_ledger_state_set(life.h.l, "alerts", texts[i]), 0);
		feed(&life, no_verdict, 0);
		feed(&life, verdict(EM_BREACHED, 100, 50), 10 * S);
		history_close(&life.h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_life),    cmocka_unit_test(relapse),
		cmocka_unit_test(clear_threshold), cmocka_unit_test(blindness_ends_nothing),
		cmocka_unit_test(no_data),         cmocka_unit_test(still_unproven),
		cmocka_unit_test(over_a_ledger),   cmocka_unit_test(command),
		cmocka_unit_test(told_once),       cmocka_unit_test(failing_command),
		cmocka_unit_test(strange_state),
	};

	return cmocka_run_group_tests_name("alert", tests, NULL, NULL);
}
