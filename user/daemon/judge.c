// SPDX-License-Identifier: GPL-2.0
/* Verdicts on what was promised, and the alerts that they feed; see manager.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "alert/watch.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "commit/revision.h"
#include "daemon/daily.h"
#include "daemon/log.h"
#include "daemon/manager.h"

#define STATE_KEY "commitments"
#define FILE_MAX (1u << 20)

#define FORK_TOLD (7 * 86400 * EM_NS_PER_S)

/*
 * A hundred promises over the same few windows cost a fraction of a second (docs/measurements.md)
 * and are judged each period. But each date from which one counts is a window of its own, of years
 * perhaps: judging may take one part in so many of a processor, and waits no longer than this.
 */
#define COST_PART 50
#define CHEAP (50 * EM_NS_PER_MS)
#define PAUSE_MAX (3600 * EM_NS_PER_S)

/* The text as it is now enters the record. Return: whether it is another than before. */
static bool record_text(struct em_manager *m)
{
	_cleanup_free_ char *text = NULL, *before = NULL, *now = NULL;
	json_t *entry;

	if (em_file_read(AT_FDCWD, m->config->commitments, FILE_MAX, &text) < 0)
		text = strdup("");
	entry = text ? json_pack("{s:s, s:s}", "file", m->config->commitments, "text", text) : NULL;
	now = entry ? json_dumps(entry, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	em_ledger_state_get(m->ledger, STATE_KEY, &before);
	if (!now || (before ? !strcmp(before, now) : !*text)) {
		json_decref(entry);
		return false;
	}
	em_manager_note(m, "commitments", entry);
	em_ledger_state_set(m->ledger, STATE_KEY, now);
	return true;
}

/* What has become kinder is said in the record, and aloud. */
static void record_weakening(struct em_manager *m, const json_t *change)
{
	char name[128], key[64], from[256], to[256];
	const char *const keys[] = { "commitment", "key", "from", "to", "why" };
	json_t *note = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_object_set(note, keys[i], json_object_get(change, keys[i]));
	em_text_safe(name, sizeof(name), json_string_value(json_object_get(note, keys[0])) ?: "?");
	em_text_safe(key, sizeof(key), json_string_value(json_object_get(note, keys[1])) ?: "?");
	em_text_safe(from, sizeof(from), json_string_value(json_object_get(note, keys[2])) ?: "?");
	em_text_safe(to, sizeof(to), json_string_value(json_object_get(note, keys[3])) ?: "?");
	em_log(LOG_WARNING, "the commitment \"%s\" was weakened: %s was %s and is %s", name, key,
	       from, to);
	em_manager_note(m, "commitment-weakened", note);
}

/* Every revision of the promises enters the record, with its text and what it weakens. */
static void record_revision(struct em_manager *m)
{
	_cleanup_json_ json_t *before = NULL, *after = NULL;
	json_t *change;
	size_t i;

	int known = em_revision_history(m->ledger, em_time_now(), &before);

	if (!record_text(m) || known || em_revision_history(m->ledger, em_time_now(), &after))
		return;
	json_array_foreach(after, i, change) {
		const char *way = json_string_value(json_object_get(change, "direction"));

		if (i >= json_array_size(before) && way && !strcmp(way, "weaker"))
			record_weakening(m, change);
	}
}

static int last_name(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *note = json_loads(json, 0, NULL);
	json_t **last = arg;

	(void)wall;
	(void)kind;
	json_decref(*last);
	*last = json_incref(json_object_get(note, "name"));
	return 0;
}

/* Promises may be about some nodes only: the record says whose it is, and whose it was. */
static void record_node(struct em_manager *m)
{
	_cleanup_json_ json_t *last = NULL, *node = NULL;
	char name[HOST_NAME_MAX + 1] = "";

	gethostname(name, sizeof(name) - 1);
	node = em_json_text(name);
	if (!*name || em_ledger_notes(m->ledger, 0, INT64_MAX, "node", last_name, &last) ||
	    (last && json_equal(last, node)))
		return;
	em_manager_note(m, "node", json_pack("{s:O}", "name", node));
}

void em_judge_load(struct em_manager *m)
{
	struct em_commitments loaded = { 0 };
	char err[sizeof(m->commitments_error)] = "";
	int r = em_commitments_load(&loaded, m->config->commitments, err, sizeof(err));

	record_node(m);
	record_revision(m);
	m->judge_after = 0;
	m->commitments_error[0] = '\0';
	if (!r || r == -ENOENT) { /* no file: nothing was promised */
		if (em_revision_notice(&loaded, m->ledger, em_time_now()))
			em_log(LOG_ERR, "cannot read earlier commitments: %s",
			       em_ledger_error(m->ledger));
		em_commitments_clear(&m->commitments);
		m->commitments = loaded;
		return;
	}
	/* what was promised before a typing mistake is still promised */
	em_commitments_clear(&loaded);
	snprintf(m->commitments_error, sizeof(m->commitments_error), "%s",
		 *err ? err : strerror(-r));
	em_log(LOG_ERR, "%s", m->commitments_error);
}

static int judge(struct em_manager *m, const struct em_commitment *c, int64_t now)
{
	struct em_verdict v;
	int r = em_commitment_check(c, m->ledger, now, &v);

	return r ? r : em_alerts_update(m->alerts, c, &v, now);
}

/* While a weakened promise is still judged as it was, that it was weakened is told. */
static int alert_on_weakening(struct em_manager *m, int64_t now)
{
	int r = 0;

	for (unsigned int i = 0; i < m->commitments.n; i++) {
		const struct em_commitment *c = &m->commitments.list[i];
		char what[300], day[EM_TIME_LEN];

		if (!c->until)
			continue;
		snprintf(what, sizeof(what), "it was weakened; as it was it holds until %s",
			 em_time_format(day, c->until, 0));
		r = em_alerts_condition(m->alerts, EM_ALERT_COMMITMENT_WEAKENED, c->name,
					now < c->until, what, now)
			    ?: r;
	}
	return r;
}

static int is_left(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *note = json_loads(json, 0, NULL);
	json_t **why = arg;

	(void)wall;
	(void)kind;
	if (json_object_get(note, "old")) {
		json_decref(*why);
		*why = json_incref(json_object_get(json_object_get(note, "old"), "why"));
	}
	return 0;
}

/* A log that had to be left is told of for a week; so are witnesses that do not sign. */
static int alert_on_ledger(struct em_manager *m, int64_t now)
{
	_cleanup_json_ json_t *left = NULL;
	char what[600] = "one log, as it was signed";
	int r = em_ledger_notes(m->ledger, now - FORK_TOLD, now, "log", is_left, &left);

	if (left)
		snprintf(what, sizeof(what), "the log before this one was left: %s",
			 json_string_value(left) ?: "?");
	r = em_alerts_condition(m->alerts, EM_ALERT_LEDGER_FORK, "ledger", left, what, now) ?: r;
	if (!m->witnesses)
		return r;
	snprintf(what, sizeof(what), "%s",
		 *m->witness_error ? m->witness_error : "every witness signs");
	return em_alerts_condition(m->alerts, EM_ALERT_CHECKPOINT_STALE, "ledger",
				   *m->witness_error, what, now)
		       ?: r;
}

/* What is not a verdict: the node's own troubles, and what is looked at once an hour. */
static int alert_on_node(struct em_manager *m, int64_t now)
{
	char lost[600] = "the recorder works";
	int r = em_alerts_step(m->alerts, now);

	if (m->recorder_error[0])
		snprintf(lost, sizeof(lost), "the recorder fails: %s", m->recorder_error);
	r = em_alerts_keep_only(m->alerts, &m->commitments, now) ?: r;
	r = em_alerts_condition(m->alerts, EM_ALERT_SENSOR_LOST, "node", m->recorder_error[0], lost,
				now)
		    ?: r;
	r = alert_on_weakening(m, now) ?: r;
	r = alert_on_ledger(m, now) ?: r;
	r = em_daily_step(m->ledger, m->alerts, &m->commitments, now) ?: r;
	return em_alerts_watch(m->alerts, &m->commitments, now) ?: r;
}

static uint64_t processor_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)(ts.tv_sec * EM_NS_PER_S + ts.tv_nsec);
}

void em_judge_step(struct em_manager *m)
{
	static bool failing;
	uint64_t start = em_time_monotonic(), cost = processor_time(), pause;
	int64_t now = em_time_now(); /* one for all: the same windows are then summed once */
	const char *failed = NULL;
	int r = 0;

	if (start < m->judge_after)
		return;
	for (unsigned int i = 0; i < m->commitments.n; i++) {
		const struct em_commitment *c = &m->commitments.list[i];

		sd_notify(0, "WATCHDOG=1");
		r = c->until && now >= c->until ? 0 : judge(m, c, now);
		failed = r ? c->name : failed;
	}
	r = alert_on_node(m, em_time_now());
	failed = r && !failed ? "the node" : failed;
	if (failed && !failing)
		em_log(LOG_ERR, "cannot judge \"%s\": %s", failed, em_ledger_error(m->ledger));
	failing = failed;
	cost = processor_time() - cost;
	pause = cost < CHEAP ? 0 : cost * COST_PART;
	pause = pause < PAUSE_MAX ? pause : PAUSE_MAX;
	m->judge_after = start + (pause > m->period ? pause : m->period);
}
