// SPDX-License-Identifier: GPL-2.0
/* Verdicts on what was promised, and the alerts that they feed; see manager.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "alert/watch.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/time.h"
#include "daemon/log.h"
#include "daemon/manager.h"

#define STATE_KEY "commitments"
#define FILE_MAX (1u << 20)

/*
 * A long window over a large ledger takes seconds to sum up. Judging may take one part in so many
 * of a processor, and waits no longer than this.
 */
#define COST_PART 50
#define CHEAP (50 * EM_NS_PER_MS)
#define PAUSE_MAX (3600 * EM_NS_PER_S)

/* Every revision of the promises enters the record, with its text. */
static void record_revision(struct em_manager *m)
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
		return;
	}
	em_manager_note(m, "commitments", entry);
	em_ledger_state_set(m->ledger, STATE_KEY, now);
}

void em_judge_load(struct em_manager *m)
{
	struct em_commitments loaded = { 0 };
	char err[sizeof(m->commitments_error)] = "";
	int r = em_commitments_load(&loaded, m->config->commitments, err, sizeof(err));

	record_revision(m);
	m->judge_after = 0;
	m->commitments_error[0] = '\0';
	if (!r || r == -ENOENT) { /* no file: nothing was promised */
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
	const char *failed = NULL;
	int r = 0;

	if (start < m->judge_after)
		return;
	for (unsigned int i = 0; i < m->commitments.n; i++) {
		sd_notify(0, "WATCHDOG=1");
		r = judge(m, &m->commitments.list[i], em_time_now());
		failed = r ? m->commitments.list[i].name : failed;
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
