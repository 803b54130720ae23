// SPDX-License-Identifier: GPL-2.0
/* Telling people: each change once, over failures, restarts and full spools. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "history.h"
/* for their statics; both have one of this name, and what they export is not the library's */
#define em_sink_alertmanager sink_alertmanager
#define em_sink_webhook sink_webhook
#define em_sink_post sink_post
#define tell tell_alertmanager
#include "../../user/alert/deliver_alertmanager.c"
#undef tell
#define tell tell_webhook
#include "../../user/alert/deliver_http.c"
#undef tell
#include "alert/deliver.h"
#include "alert/spool.h"
#include "base/cleanup.h"

#define NOW (1800000000LL * S)

/* struct node - a ledger, its alerts, and a command that is told of them */
struct node {
	struct history h;
	struct em_alerts *a;
	char hook[128], spool[128];
	struct em_alert_config config;
};

static void script(struct node *n, const char *text)
{
	FILE *f = fopen(n->hook, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", text);
	fclose(f);
	assert_int_equal(chmod(n->hook, 0755), 0);
}

static void node_up(struct node *n)
{
	history_open(&n->h, NOW);
	snprintf(n->hook, sizeof(n->hook), "%s/hook", n->h.dir);
	snprintf(n->spool, sizeof(n->spool), "%s/spool", n->h.dir);
	n->config = (struct em_alert_config){ .spool = n->spool, .command = n->hook };
	assert_int_equal(em_alerts_open(&n->a, n->h.l, &n->config), 0);
}

static void node_restart(struct node *n)
{
	em_alerts_close(n->a);
	history_reopen(&n->h);
	assert_int_equal(em_alerts_open(&n->a, n->h.l, &n->config), 0);
	assert_int_equal(em_alerts_step(n->a, NOW), 0);
}

static void node_down(struct node *n)
{
	em_alerts_close(n->a);
	history_close(&n->h);
}

static void fire(struct node *n, const char *subject, bool bad, int second)
{
	assert_int_equal(em_alerts_step(n->a, NOW + second * S), 0);
	assert_int_equal(em_alerts_condition(n->a, EM_ALERT_LEDGER_FORK, subject, bad, "so it is",
					     NOW + second * S),
			 0);
}

/* How many lines the hook left behind; waits for @want of them, and a moment for one more. */
static int told(struct node *n, int want)
{
	char path[160], line[4096];
	int seen = 0;

	snprintf(path, sizeof(path), "%s/told", n->h.dir);
	for (int i = 0; i < 500; i++) {
		_cleanup_fclose_ FILE *f = fopen(path, "r");

		for (seen = 0; f && fgets(line, sizeof(line), f);)
			seen++;
		if (seen >= want && i > 20)
			break;
		usleep(10000);
	}
	return seen;
}

#define APPEND "cat >>$(dirname $0)/told; echo >>$(dirname $0)/told"

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

static json_int_t health(struct node *n, const char *key)
{
	_cleanup_json_ json_t *all = em_deliveries_json(em_alerts_deliveries(n->a));
	json_t *d, *value;
	size_t i;

	json_array_foreach(all, i, d) {
		value = json_object_get(d, key);
		if (!strcmp(json_string_value(json_object_get(d, "name")), "command"))
			return json_is_boolean(value) ? json_is_true(value)
						      : json_integer_value(value);
	}
	return -1;
}

/* --- the command ---------------------------------------------------------------------------- */

static void command(void **state)
{
	_cleanup_json_ json_t *entry = NULL;
	char path[160];
	struct node n;

	(void)state;
	node_up(&n);
	script(&n, "[ \"$EARMARK_ALERT_STATE-$EARMARK_ALERT_KIND-$EARMARK_ALERT_COMMITMENT-$HOME\" "
		   "= firing-LedgerFork-here- ] && [ ! -e /proc/self/fd/9 ] && " APPEND);
	assert_int_equal(dup2(STDERR_FILENO, 9), 9); /* not for the command */
	fire(&n, "here", true, 0);
	assert_int_equal(told(&n, 1), 1);
	snprintf(path, sizeof(path), "%s/told", n.h.dir);
	entry = json_load_file(path, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(entry, "kind")), "LedgerFork");
	assert_string_equal(json_string_value(json_object_get(entry, "severity")), "page");
	assert_string_equal(json_string_value(json_object_get(entry, "summary")), "so it is");
	assert_non_null(strstr(json_string_value(json_object_get(entry, "id")), "-firing"));
	close(9);
	node_down(&n);
}

/* A restart between any two steps tells nobody twice, and keeps the order. */
static void once(void **state)
{
	struct node n;

	(void)state;
	node_up(&n);
	script(&n, APPEND);
	fire(&n, "a", true, 0);
	assert_int_equal(told(&n, 1), 1);
	node_restart(&n);
	fire(&n, "a", true, 1);
	assert_int_equal(told(&n, 1), 1);
	/* the state says "not told", as if it had died just before saying so */
	{
		_cleanup_free_ char *text = NULL;
		char *at;

		assert_int_equal(em_ledger_state_get(n.h.l, "alerts", &text), 0);
		at = strstr(text, "\"told\":\"firing\"");
		assert_non_null(at);
		memcpy(at, "\"tolx\"", 6);
		assert_int_equal(em_ledger_state_set(n.h.l, "alerts", text), 0);
	}
	node_restart(&n);
	fire(&n, "a", true, 2);
	assert_int_equal(told(&n, 1), 1);
	fire(&n, "a", false, 3);
	node_restart(&n);
	assert_int_equal(told(&n, 2), 2);
	fire(&n, "a", true, 4); /* another episode */
	assert_int_equal(told(&n, 3), 3);
	node_down(&n);
}

static void failures(void **state)
{
	static const char *const hooks[] = { "exit 3", "kill -TERM $$", NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		struct node n;

		node_up(&n);
		if (hooks[i])
			script(&n, hooks[i]);
		fire(&n, "a", true, 0);
		for (int k = 0; k < 500 && !notes(&n, "delivery-failed"); k++) {
			usleep(10000);
			fire(&n, "a", true, 1);
		}
		assert_int_equal(notes(&n, "delivery-failed"), 1); /* once, not at each try */
		assert_int_equal(health(&n, "ok"), 0);
		assert_int_equal(health(&n, "queued"), 1);
		/* it is repaired: what waited is told, in a new life too */
		script(&n, APPEND);
		node_restart(&n);
		assert_int_equal(told(&n, 1), 1);
		assert_int_equal(health(&n, "ok"), 1);
		node_down(&n);
	}
}

/* A command that hangs keeps nobody waiting: neither the daemon's loop nor its end. */
static void hangs(void **state)
{
	uint64_t before = em_time_monotonic();
	char subject[16], path[160];
	struct node n;

	(void)state;
	node_up(&n);
	script(&n, "echo $$ >$(dirname $0)/pid; exec sleep 1000");
	for (int i = 0; i < 20; i++) {
		snprintf(subject, sizeof(subject), "s%d", i);
		fire(&n, subject, true, i);
	}
	assert_true(em_time_monotonic() - before < 3 * (uint64_t)S);
	usleep(300000);
	assert_true(health(&n, "queued") >= 1);
	before = em_time_monotonic();
	em_alerts_close(n.a);
	assert_true(em_time_monotonic() - before < 3 * (uint64_t)S);
	snprintf(path, sizeof(path), "kill $(cat %s/pid)", n.h.dir);
	assert_int_equal(system(path), 0); /* it was left to itself */
	history_close(&n.h);
}

static void tests(void **state)
{
	struct node n;
	bool said = false;

	(void)state;
	node_up(&n);
	script(&n, "exit 7");
	assert_int_equal(em_alerts_step(n.a, NOW), 0);
	em_deliveries_test(em_alerts_deliveries(n.a), "abc");
	for (int i = 0; i < 500 && !said; i++) {
		_cleanup_json_ json_t *all = em_deliveries_json(em_alerts_deliveries(n.a));
		json_t *test = json_object_get(json_array_get(all, 1), "test");

		usleep(10000);
		said = json_is_false(json_object_get(test, "ok")) &&
		       strstr(json_string_value(json_object_get(test, "error")), "status 7");
	}
	assert_true(said);
	assert_int_equal(health(&n, "failed"), 0); /* a test is no alert */
	node_down(&n);
}

/* --- the spool ------------------------------------------------------------------------------ */

static void spool(void **state)
{
	_cleanup_json_ json_t *entry = json_pack("{s:i}", "n", 1);
	char dir[] = "/tmp/earmark-unit.XXXXXX", name[32], command_line[64];
	_cleanup_free_ char(*names)[EM_SPOOL_NAME] = NULL;
	json_t *back;
	int fd, other;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fd = em_spool_open(dir, "sink");
	assert_true(fd >= 0);
	assert_int_equal(em_spool_put(fd, "b", entry), 0);
	assert_int_equal(em_spool_put(fd, "a", entry), 0);
	assert_int_equal(em_spool_put(fd, "a", entry), -EEXIST);
	assert_int_equal(em_spool_names(fd, &names), 2);
	assert_string_equal(names[0], "a");
	back = em_spool_get(fd, "a");
	assert_true(json_equal(back, entry));
	json_decref(back);
	assert_int_equal(em_spool_done(fd, "a"), 0);
	assert_int_equal(em_spool_put(fd, "a", entry), -EEXIST); /* done is done */
	assert_null(em_spool_get(fd, "a"));
	/* half a file, or none of ours */
	other = openat(fd, "c.json", O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(other, "{\"n\":", 5), 5);
	close(other);
	assert_null(em_spool_get(fd, "c"));
	/* one holder at a time */
	other = em_spool_open(dir, "sink");
	assert_int_equal(em_spool_lock(fd), 0);
	assert_int_equal(em_spool_lock(other), -EWOULDBLOCK);
	close(other);
	/* bounded: two wait already */
	for (int i = 0; i < EM_SPOOL_MAX - 3; i++) {
		snprintf(name, sizeof(name), "%06d.json", i);
		close(openat(fd, name, O_CREAT | O_WRONLY, 0600));
	}
	assert_int_equal(em_spool_put(fd, "last", entry), 0);
	assert_int_equal(em_spool_put(fd, "more", entry), -ENOSPC);
	close(fd);
	snprintf(command_line, sizeof(command_line), "rm -rf %s", dir);
	assert_int_equal(system(command_line), 0);
}

/* --- on the wire ---------------------------------------------------------------------------- */

static void signature(void **state)
{
	char file[] = "/tmp/earmark-unit.XXXXXX", header[128], why[128];
	int fd = mkstemp(file);

	(void)state;
	/* RFC 4231, test case 2; the line's end is not part of the key */
	assert_int_equal(write(fd, "Jefe\n", 5), 5);
	close(fd);
	assert_int_equal(sign(file, "what do ya want for nothing?", header, sizeof(header), why,
			      sizeof(why)),
			 0);
	assert_string_equal(header,
			    "X-Earmark-Signature: sha256="
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_int_equal(truncate(file, 0), 0);
	assert_int_equal(sign(file, "x", header, sizeof(header), why, sizeof(why)), -EINVAL);
	unlink(file);
	assert_int_equal(sign(file, "x", header, sizeof(header), why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, file));
}

static const char *string(const json_t *o, const char *part, const char *key)
{
	return json_string_value(json_object_get(json_object_get(o, part), key)) ?: "";
}

static void alertmanager(void **state)
{
	_cleanup_json_ json_t *entry =
		json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:{s:i,s:i}}", "kind", "FloorBreached",
			  "severity", "page", "commitment", "a-fifth", "node", "n1", "state",
			  "firing", "fired", "2026-11-24T00:00:00.000Z", "since",
			  "2026-11-24T01:00:00.000Z", "summary", "s", "proven", "num", 1, "den", 8);
	_cleanup_json_ json_t *firing = alert(entry), *resolved = NULL;
	int64_t ends;

	(void)state;
	assert_int_equal(json_object_size(json_object_get(firing, "labels")), 5);
	assert_string_equal(string(firing, "labels", "alertname"), "FloorBreached");
	assert_string_equal(string(firing, "labels", "commitment"), "a-fifth");
	assert_string_equal(string(firing, "annotations", "proven"), "12.50 %");
	assert_string_equal(json_string_value(json_object_get(firing, "startsAt")),
			    "2026-11-24T00:00:00.000Z");
	assert_int_equal(
		em_time_parse(json_string_value(json_object_get(firing, "endsAt")), 0, &ends), 0);
	assert_in_range((ends - em_time_now()) / S, 235, 240);
	json_object_set_new(entry, "state", json_string("resolved"));
	resolved = alert(entry);
	assert_true(
		json_equal(json_object_get(firing, "labels"), json_object_get(resolved, "labels")));
	assert_string_equal(json_string_value(json_object_get(resolved, "endsAt")),
			    "2026-11-24T01:00:00.000Z");
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(command),   cmocka_unit_test(once),
		cmocka_unit_test(failures),  cmocka_unit_test(hangs),
		cmocka_unit_test(tests),     cmocka_unit_test(spool),
		cmocka_unit_test(signature), cmocka_unit_test(alertmanager),
	};

	return cmocka_run_group_tests_name("alert_deliver", all, NULL, NULL);
}
