// SPDX-License-Identifier: GPL-2.0
/* The recorder, and what it has sealed: durable first, then acknowledged; see manager.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "kernel/cgroup.h"
#include "kernel/netlink.h"

EM_CLEANUP(struct em_netlink *, em_netlink_close);

#define MODULE_DIR "/sys/module/earmark"
#define DEFAULT_PERIOD (10 * EM_NS_PER_S)
#define BURST (500 * EM_NS_PER_MS) /* of storing, before others are served */
#define SEAL_WAITS (20 * EM_NS_PER_S)
#define ENTRY_PERIODS 6 /* that become one entry, unless said otherwise */

/* --- choosing --------------------------------------------------------------------------- */

static void note_recorder(struct em_manager *m, const char *event)
{
	char load[33];

	em_manager_note(m, "recorder",
			json_pack("{s:s, s:s, s:s}", "event", event, "recorder",
				  em_recorder_name(m->source->ops->recorder), "load_id",
				  em_hex(load, m->load_id, sizeof(m->load_id))));
}

static const char *recorder_trouble(int r)
{
	switch (r) {
	case -EPERM:
	case -EACCES:
		return "BPF is not permitted here (earmarkd must be root, on a kernel that is not "
		       "locked down)";
	default:
		return strerror(-r);
	}
}

static int adopt(struct em_manager *m)
{
	memset(m->load_id, 0, sizeof(m->load_id));
	m->taken = m->stored = 0;
	m->why[0] = '\0';
	em_inventory_untold(&m->inventory);
	if (em_sensor_relaid(m->source->sensor))
		em_log(LOG_NOTICE,
		       "the maps of an earmarkd before are laid out otherwise: accounts "
		       "begin anew, tags and what was sealed are kept, and jobs are "
		       "found by their open files");
	return em_manager_watch_source(m);
}

int em_intake_open(struct em_manager *m)
{
	enum em_recorder_choice choice = m->config->recorder;
	int module = -ENOENT, alone = -ENOENT;

	m->period = m->config->period ? (uint64_t)m->config->period : DEFAULT_PERIOD;
	if (m->config->pin_dir)
		setenv("EARMARK_PIN_DIR", m->config->pin_dir, 1);
	if (choice != EM_CHOICE_DAEMON)
		module = em_source_open_module(&m->source);
	if (module && choice == EM_CHOICE_KERNEL) {
		em_log(LOG_ERR, "recorder \"kernel\" was asked for: %s",
		       em_netlink_trouble(module));
		return module;
	}
	if (module)
		alone = em_source_open_recorder(&m->source);
	if (!module || !alone)
		return adopt(m);
	m->source = NULL;
	snprintf(m->why, sizeof(m->why), "%s%sand %s",
		 choice == EM_CHOICE_DAEMON ? "" : em_netlink_trouble(module),
		 choice == EM_CHOICE_DAEMON ? "" : ", ", recorder_trouble(alone));
	em_log(LOG_WARNING, "nothing is recorded: %s", m->why);
	return 0;
}

void em_intake_close(struct em_manager *m)
{
	if (!m->source)
		return;
	m->source_io = sd_event_source_disable_unref(m->source_io);
	m->source->ops->close(m->source);
	m->source = NULL;
}

/* The module was unloaded under us. What it had sealed and not told is gone with it. */
static void lose(struct em_manager *m)
{
	note_recorder(m, "gone");
	em_intake_close(m);
	m->recorder_error[0] = '\0';
	snprintf(m->why, sizeof(m->why),
		 "the module earmark was unloaded: load it again (modprobe earmark)");
	em_log(LOG_WARNING, "nothing is recorded: %s", m->why);
}

/* Is what is loaded the very load that was let go? Looking attaches nothing to it. */
static bool let_go(struct em_manager *m)
{
	_cleanup_(em_netlink_closep) struct em_netlink *nl = NULL;
	struct earmark_status s;

	return m->handover.until && !em_netlink_open(&nl) && !em_netlink_status(nl, &s) &&
	       em_handover_waits(&m->handover, s.load_id, em_time_monotonic());
}

/* Where nobody records, a module that comes is taken. One that comes late is only named. */
static void look_for_module(struct em_manager *m)
{
	bool there = m->config->recorder != EM_CHOICE_DAEMON && !access(MODULE_DIR, F_OK);

	if (m->source) {
		m->module_waits = there && m->source->ops->recorder != EARMARK_RECORDER_KERNEL;
		return;
	}
	if (there && !let_go(m) && !em_source_open_module(&m->source) && !adopt(m))
		em_log(LOG_NOTICE, "the module earmark is there: it records from now on");
}

/* --- storing ---------------------------------------------------------------------------- */

/* struct burst - one go at the backlog; @until: CLOCK_MONOTONIC, ns */
struct burst {
	struct em_manager *m;
	uint64_t until;
	unsigned int n;
};

/* A job that began or a tag that changed may be for the site's rules. */
static void look_for_jobs(struct em_manager *m, const struct em_interval *i)
{
	for (__u32 n = 0; n < i->header.nr_events && !m->site.look; n++)
		m->site.look = i->events[n].type == EARMARK_EVENT_JOB ||
			       i->events[n].type == EARMARK_EVENT_TAG;
}

/* With what was allocated meanwhile; without it rather than not at all. */
static int append(struct em_manager *m, const struct em_interval *i)
{
	_cleanup_free_ struct em_allocated *allocated = NULL;
	int n = em_allocations_of(m, i, &allocated);

	if (n < 0)
		em_log(LOG_ERR, "what was allocated in interval %llu is not recorded: %s",
		       (unsigned long long)i->header.number, strerror(-n));
	return em_ledger_append_allocated(m->ledger, i, allocated, n > 0 ? (unsigned int)n : 0);
}

static int store(struct em_interval *i, void *arg)
{
	struct burst *b = arg;
	struct em_manager *m = b->m;
	int r = append(m, i);

	if (r && r != -EEXIST) {
		snprintf(m->ledger_error, sizeof(m->ledger_error), "%s",
			 em_ledger_error(m->ledger));
		return r;
	}
	if (r) {
		/* the first word stands; what contradicts it is no reason to stop listening */
		em_log(LOG_ERR, "%s", em_ledger_error(m->ledger));
		em_manager_note(m, "integrity",
				json_pack("{s:I, s:s}", "number", (json_int_t)i->header.number,
					  "problem", em_ledger_error(m->ledger)));
	}
	look_for_jobs(m, i);
	m->ledger_error[0] = '\0';
	m->taken = i->header.number;
	em_profiler_see(m->profiler, i);
	em_sampling_see(m, i);
	b->n++;
	return em_time_monotonic() >= b->until;
}

static int learn_gpu(const struct earmark_gpu_info *gpu, void *arg)
{
	struct em_manager *m = arg;

	return em_ledger_learn_gpu(m->ledger, m->load_id, gpu);
}

static int learn_job(const struct earmark_job_info *job, void *arg)
{
	struct em_manager *m = arg;

	return em_ledger_learn_job(m->ledger, m->load_id, job);
}

/* What the recorder told an earlier ledger, or had no room to tell. */
static void learn(struct em_manager *m)
{
	if (!em_ledger_unknown(m->ledger, m->load_id))
		return;
	m->source->ops->gpus(m->source, learn_gpu, m);
	m->source->ops->jobs(m->source, learn_job, m);
}

static int acknowledge(struct em_manager *m)
{
	int r = m->source->ops->ack(m->source, m->stored, m->stored_hash);

	if (r)
		em_log(LOG_WARNING, "interval %llu is stored but not acknowledged: %s",
		       (unsigned long long)m->stored, m->source->error);
	return r;
}

/* Acknowledges what has become durable; @lost: what waited with it is forgotten, and taken anew. */
static int settle(struct em_manager *m, bool lost)
{
	__u64 before = m->stored;
	int r = em_ledger_last(m->ledger, m->load_id, &m->stored, m->stored_hash);

	if (r) {
		snprintf(m->ledger_error, sizeof(m->ledger_error), "%s",
			 em_ledger_error(m->ledger));
		m->stored = before;
		return r;
	}
	if (lost || m->taken < m->stored)
		m->taken = m->stored;
	if (m->stored <= before)
		return 0;
	acknowledge(m);
	learn(m);
	return 0;
}

/* A burst. Return: 0 all is taken, 1 there may be more, or -errno. */
static int drain(struct em_manager *m)
{
	struct burst b = { m, em_time_monotonic() + BURST, 0 };
	int r, settled;

	if (m->allocations.n)
		em_allocations_look(m); /* before the dump: it would be one in another */
	r = m->source->ops->intervals(m->source, m->taken + 1, store, &b);
	/* durable first, then acknowledged: up to the last one, in one go, after the dump */
	settled = settle(m, r < 0);
	return r > 0 ? 1 : r ? r : settled;
}

static int64_t entry_span(const struct em_manager *m, const struct earmark_status *s)
{
	return m->config->entry == EM_ENTRY_DEFAULT ? (int64_t)s->interval * ENTRY_PERIODS
						    : m->config->entry;
}

/* How long may pass until the next entry, when all is well: what lasts longer is a gap. */
static void note_period(struct em_manager *m, const struct earmark_status *s)
{
	_cleanup_free_ char *known = NULL;
	int64_t span = entry_span(m, s);
	int64_t period = span > (int64_t)s->interval ? span : (int64_t)s->interval;

	em_ledger_fold(m->ledger, span);
	if (em_ledger_state_get(m->ledger, "period", &known) || atoll(known) != period)
		em_manager_note(m, "period", json_pack("{s:I}", "ns", (json_int_t)period));
}

/*
 * The recorder was told of intervals that they are durable, and the ledger has only earlier ones of
 * the same load: it is an older copy.
 */
void em_intake_look_back(struct em_manager *m)
{
	__u8 hash[EARMARK_HASH_LEN];
	struct earmark_status s;
	__u64 told, last;
	char why[128];

	if (!m->source || m->source->ops->status(m->source, &s) ||
	    em_ledger_last(m->ledger, s.load_id, &last, hash))
		return;
	told = s.first_kept ? s.first_kept - 1 : s.last_sealed;
	if (!last || told <= last)
		return;
	snprintf(why, sizeof(why),
		 "interval %llu was durable before and is not in it: it was restored from a copy",
		 (unsigned long long)told);
	em_manager_leave(m, why);
}

/* Another load than before: what of it is stored? It is told what the site wants. */
static int meet(struct em_manager *m, struct earmark_status *s)
{
	int r;

	if (!memcmp(s->load_id, m->load_id, sizeof(m->load_id)))
		return 0;
	memcpy(m->load_id, s->load_id, sizeof(m->load_id));
	em_inventory_untold(&m->inventory);
	if (m->config->period || m->config->keep) {
		r = m->source->ops->config(m->source, (__u64)m->config->period, m->config->keep);
		if (r)
			em_log(LOG_WARNING, "the recorder keeps its period: %s", m->source->error);
		else if (m->config->period)
			s->interval = (__u64)m->config->period;
	}
	note_period(m, s);
	note_recorder(m, "met");
	r = em_handover_give(&m->handover, m->ledger, m->source, s, em_cgroup_root());
	if (r)
		em_log(LOG_ERR, "what stood before the module's upgrade is not set again: %s",
		       strerror(-r));
	em_allocations_meet(m);
	m->taken = m->stored = 0;
	r = em_ledger_last(m->ledger, m->load_id, &m->stored, m->stored_hash);
	m->taken = m->stored;
	if (r)
		snprintf(m->ledger_error, sizeof(m->ledger_error), "%s",
			 em_ledger_error(m->ledger));
	/* an acknowledgement can be lost with the daemon that meant to send it */
	if (!r && m->stored && s->first_kept && s->first_kept <= m->stored)
		acknowledge(m);
	return r;
}

static int look(struct em_manager *m, struct earmark_status *s)
{
	int r = m->source->ops->status(m->source, s);

	if (!r)
		r = meet(m, s);
	if (r)
		return r;
	m->period = s->interval ?: m->period;
	m->next_seal = s->open_since + s->interval;
	return 0;
}

static int step(struct em_manager *m)
{
	struct earmark_status s;
	int tick, r = look(m, &s);

	if (r)
		return r;
	tick = em_inventory_tell(&m->inventory, m->source);
	if (!tick)
		tick = m->source->ops->tick(m->source);
	if (tick)
		snprintf(m->recorder_error, sizeof(m->recorder_error), "%s", m->source->error);
	r = m->source->ops->status(m->source, &s);
	if (r)
		return r;
	m->next_seal = s.open_since + s.interval;
	/* a sensor in trouble is no reason not to store */
	r = s.last_sealed > m->taken ? drain(m) : 0;
	m->backlog = s.last_sealed > m->taken ? s.last_sealed - m->taken : 0;
	return r < 0 ? r : tick ? tick : r;
}

int em_intake_step(struct em_manager *m)
{
	struct earmark_status s;
	int r;

	look_for_module(m);
	if (!m->source)
		return 0;
	m->recorder_error[0] = '\0';
	r = step(m);
	if (r >= 0)
		return r;
	if (!m->ledger_error[0] && !m->recorder_error[0])
		snprintf(m->recorder_error, sizeof(m->recorder_error), "%s", m->source->error);
	/* gone, or gone and back under another number: then it is met anew at the next step */
	if (m->source->ops->recorder == EARMARK_RECORDER_KERNEL &&
	    m->source->ops->status(m->source, &s) == -ENOENT)
		lose(m);
	return r;
}

/* Until @number is durable. */
static int drain_to(struct em_manager *m, __u64 number)
{
	uint64_t until = em_time_monotonic() + SEAL_WAITS;

	while (m->taken < number) {
		__u64 before = m->taken;
		int r = drain(m);

		if (r < 0)
			return r;
		if (m->taken == before || em_time_monotonic() > until)
			return -EAGAIN;
		sd_notify(0, "WATCHDOG=1");
	}
	if (em_ledger_flush(m->ledger)) {
		snprintf(m->ledger_error, sizeof(m->ledger_error), "%s",
			 em_ledger_error(m->ledger));
		return settle(m, true) ?: -EIO;
	}
	return settle(m, false);
}

int em_intake_seal(struct em_manager *m, __u64 *number, char *err, size_t len)
{
	int r;

	*number = 0;
	if (!m->source)
		return 0;
	step(m); /* what the sensors know by now is in it, and the keep has room */
	r = m->source->ops->seal(m->source, number);
	if (r) {
		snprintf(err, len, "%s", *m->source->error ? m->source->error : strerror(-r));
		return r;
	}
	r = drain_to(m, *number);
	if (r == -EAGAIN)
		snprintf(err, len, "there is much to store: try again");
	else if (r)
		snprintf(err, len, "%s", *m->ledger_error ? m->ledger_error : m->source->error);
	return r;
}

/* --- another build of the module ------------------------------------------------------------ */

int em_intake_release(struct em_manager *m, char *err, size_t len)
{
	__u64 number;
	int r;

	if (!m->source || m->source->ops->recorder != EARMARK_RECORDER_KERNEL) {
		snprintf(err, len,
			 "the module earmark does not record here: there is nothing to "
			 "keep, it can be exchanged");
		return -ENODEV;
	}
	r = em_intake_seal(m, &number, err, len);
	if (r)
		return r;
	r = em_handover_write(&m->handover, m->ledger, m->source);
	if (r) {
		snprintf(err, len, "what stands could not be written into the ledger: %s",
			 *m->source->error ? m->source->error : strerror(-r));
		return r;
	}
	note_recorder(m, "released");
	em_intake_close(m);
	r = em_sensor_unpin();
	if (r)
		em_log(LOG_WARNING, "the pinned sensors could not be removed: %s", strerror(-r));
	snprintf(m->why, sizeof(m->why),
		 "the module earmark was let go for another build of it (earmark module upgrade)");
	em_log(LOG_NOTICE, "%s", m->why);
	return 0;
}

int em_intake_take(struct em_manager *m, char *err, size_t len)
{
	int r;

	m->handover.until = 0;
	r = em_intake_step(m);
	if (m->source && r >= 0)
		return 0;
	if (!m->source)
		snprintf(err, len, "the module cannot be taken: %s",
			 access(MODULE_DIR, F_OK) ? "it is not loaded"
						  : "it is of another version than earmarkd, or "
						    "its commands are refused");
	else
		snprintf(err, len, "%s", *m->recorder_error ? m->recorder_error : m->ledger_error);
	return m->source ? r : -ENODEV;
}
