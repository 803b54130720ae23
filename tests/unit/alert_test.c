// SPDX-License-Identifier: GPL-2.0
/* The life of alerts, over restarts, and who is told. */
#include <errno.h>
#include <sys/stat.h>

#include "history.h"
#include "alert/alert.h"
#include "alert/deliver.h"
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

/* --- the command ------------------------------------------------------------------------- */

static void script(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", text);
	fclose(f);
	assert_int_equal(chmod(path, 0755), 0);
}

static json_t *wait_for(const char *path)
{
	for (int i = 0; i < 500; i++) {
		json_t *o = json_load_file(path, 0, NULL);

		if (o)
			return o;
		usleep(10000);
	}
	return NULL;
}

static void command(void **state)
{
	_cleanup_json_ json_t *told = NULL;
	char path[128], text[512];
	struct stat st;
	struct node n;

	(void)state;
	node_up(&n);
	snprintf(path, sizeof(path), "%s/hook", n.h.dir);
	snprintf(text, sizeof(text),
		 "[ \"$EARMARK_ALERT_STATE-$EARMARK_ALERT_KIND-$EARMARK_ALERT_COMMITMENT-$HOME\" = "
		 "firing-FloorBreached-fifth- ] && [ ! -e /proc/self/fd/9 ] && cat >%s/told",
		 n.h.dir);
	script(path, text);
	assert_int_equal(dup2(STDERR_FILENO, 9), 9); /* not for the command */
	em_alerts_close(n.a);
	config.command = path;
	assert_int_equal(em_alerts_open(&n.a, n.h.l, &config), 0);
	feed(&n, 0, BREACHED);
	snprintf(text, sizeof(text), "%s/told", n.h.dir);
	assert_int_not_equal(stat(text, &st), 0); /* pending tells nobody */
	feed(&n, 2, BREACHED);
	told = wait_for(text);
	assert_non_null(told);
	assert_string_equal(json_string_value(json_object_get(told, "state")), "firing");
	assert_string_equal(json_string_value(json_object_get(told, "status")), "BREACHED");
	close(9);
	config.command = NULL;
	node_down(&n);
}

static void command_failures(void **state)
{
	static const char *const hooks[] = { "exit 3", "kill -TERM $$", NULL };
	struct node n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		char path[128];

		node_up(&n);
		snprintf(path, sizeof(path), "%s/hook", n.h.dir);
		if (hooks[i])
			script(path, hooks[i]);
		em_alerts_close(n.a);
		config.command = path;
		assert_int_equal(em_alerts_open(&n.a, n.h.l, &config), 0);
		feed(&n, 0, BREACHED);
		feed(&n, 2, BREACHED);
		for (int k = 0; k < 500 && !notes(&n, "delivery-failed"); k++) {
			usleep(10000);
			feed(&n, 3, BREACHED);
		}
		assert_int_equal(notes(&n, "delivery-failed"), 1);
		assert_string_equal(field(&n, 0, "state"), "firing");
		config.command = NULL;
		node_down(&n);
	}
}

/* A command that hangs keeps nobody waiting, and does not hang for ever. */
static void command_hangs(void **state)
{
	_cleanup_json_ json_t *alert = json_pack("{s:s}", "state", "firing");
	char dir[] = "/tmp/earmark-unit.XXXXXX", path[64], why[128] = "";
	struct em_delivery *running = NULL;
	uint64_t before;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/hook", dir);
	script(path, "sleep 1000");
	before = em_time_monotonic();
	for (int i = 0; i < EM_DELIVER_RUNNING; i++)
		assert_int_equal(em_deliver_command(alert, path, &running), 0);
	assert_int_equal(em_deliver_command(alert, path, &running), -EAGAIN);
	assert_int_equal(em_deliver_ended(&running, why, sizeof(why)), 0);
	assert_true(em_time_monotonic() - before < 5 * S);
	usleep(200000); /* each in a session of its own by now */
	for (struct em_delivery *d = running; d; d = d->next)
		d->deadline = 0;
	for (int ended = 0, i = 0; ended < EM_DELIVER_RUNNING; i++) {
		assert_true(i < 1000);
		if (em_deliver_ended(&running, why, sizeof(why)))
			ended++;
		else
			usleep(10000);
	}
	assert_non_null(strstr(why, "killed"));
	assert_null(running);
	unlink(path);
	rmdir(dir);
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
		cmocka_unit_test(command),
		cmocka_unit_test(command_failures),
		cmocka_unit_test(command_hangs),
	};

	return cmocka_run_group_tests_name("alert", tests, NULL, NULL);
}
