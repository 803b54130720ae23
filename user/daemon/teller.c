// SPDX-License-Identifier: GPL-2.0
/* What NVIDIA's driver tells goes to the recorder, and into the ledger; see manager.h. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "daemon/log.h"
#include "daemon/manager.h"

#define ACCURACY_US 10000

static int on_work(const struct em_work *work, void *arg)
{
	struct em_manager *m = arg;

	return m->source->ops->work(m->source, work);
}

/* @extra is given up. */
static void note(struct em_manager *m, const char *kind, const struct em_nvidia_span *span,
		 json_t *extra)
{
	char since[EM_TIME_LEN], until[EM_TIME_LEN], boot[33];
	_cleanup_json_ json_t *o = extra;
	_cleanup_free_ char *text = NULL;
	struct earmark_status s;

	if (!o || m->source->ops->status(m->source, &s))
		return;
	json_object_set_new(o, "gpu", json_integer(span->gpu));
	json_object_set_new(o, "boot_id", json_string(em_hex(boot, s.boot_id, sizeof(s.boot_id))));
	json_object_set_new(o, "since", json_string(em_time_format(since, span->since, 6)));
	json_object_set_new(o, "until", json_string(em_time_format(until, span->until, 6)));
	text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	if (!text || em_ledger_note_at(m->ledger, span->until, kind, text))
		em_log(LOG_ERR, "an entry (%s) could not be stored: %s", kind,
		       text ? em_ledger_error(m->ledger) : "out of memory");
}

static void on_energy(const struct em_nvidia_span *span, void *arg)
{
	note(arg, "energy", span,
	     json_pack("{s:I,s:s}", "mj", (json_int_t)span->amount, "class", "counter"));
}

static void on_memory(const struct em_nvidia_span *span, void *arg)
{
	note(arg, "memory", span,
	     json_pack("{s:I,s:I,s:s}", "job", (json_int_t)span->job, "byte_s",
		       (json_int_t)span->amount, "class", "sampled"));
}

static int learn(const struct earmark_gpu_info *gpu, void *arg)
{
	em_nvidia_learn(arg, gpu);
	return 0;
}

/* Without a recorder there is nobody to tell. */
static void look(struct em_manager *m, bool last)
{
	const struct em_nvidia_sink sink = { on_work, on_energy, on_memory, m };
	bool attached = em_nvidia_state(m->nvidia)->attached;
	unsigned int lost = em_nvidia_state(m->nvidia)->lost;

	if (!m->source || !m->source->ops->work)
		return;
	m->source->ops->gpus(m->source, learn, m->nvidia);
	em_nvidia_poll(m->nvidia, &sink, last);
	if (em_nvidia_state(m->nvidia)->attached == attached &&
	    em_nvidia_state(m->nvidia)->lost == lost)
		return;
	m->scan_after = 0; /* GPUs are gone, or all of them */
	sd_event_source_set_time_relative(m->tick_timer, 0);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct em_manager *m = arg;

	(void)usec;
	look(m, false);
	if (!em_nvidia_state(m->nvidia)->attached)
		return 0; /* once it fired it is off, until em_teller_step() finds somebody */
	sd_event_source_set_time_relative(s, EM_NVIDIA_TICK / 1000);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

/* One line when it answers, one when it does not any more, and why. */
static void log_change(struct em_manager *m)
{
	const struct em_nvidia_state *s = em_nvidia_state(m->nvidia);
	static char last[sizeof(s->why)] = "NVIDIA's driver is not loaded";
	static bool was;

	if (s->attached != was && s->attached)
		em_log(LOG_NOTICE, "NVML %s tells of %u GPUs%s%s", s->driver, s->gpus,
		       *s->lacks ? ", without: " : "", s->lacks);
	else if (!s->attached && strcmp(last, s->why))
		em_log(LOG_WARNING, "NVIDIA's GPUs cannot be measured: %s", s->why);
	was = s->attached;
	snprintf(last, sizeof(last), "%s", s->why);
}

void em_teller_step(struct em_manager *m)
{
	int on;

	if (!m->nvidia)
		return;
	log_change(m);
	if (!em_nvidia_state(m->nvidia)->attached ||
	    sd_event_source_get_enabled(m->nvidia_timer, &on) < 0 || on != SD_EVENT_OFF)
		return;
	sd_event_source_set_time_relative(m->nvidia_timer, 0);
	sd_event_source_set_enabled(m->nvidia_timer, SD_EVENT_ONESHOT);
}

void em_teller_open(struct em_manager *m)
{
	const char *nvml = m->config->nvml;
	const struct em_nvidia_options options = { .library = nvml };
	int r;

	if (nvml && !strcmp(nvml, "off"))
		return;
	r = em_nvidia_open(&m->nvidia, &options);
	if (!r)
		r = sd_event_add_time_relative(m->event, &m->nvidia_timer, CLOCK_MONOTONIC, 0,
					       ACCURACY_US, on_timer, m);
	if (r >= 0)
		r = sd_event_source_set_enabled(m->nvidia_timer, SD_EVENT_OFF);
	if (r < 0) {
		em_log(LOG_ERR, "NVIDIA's driver is not asked: %s", strerror(-r));
		em_teller_close(m);
		return;
	}
	m->inventory.nvidia = m->nvidia;
}

void em_teller_close(struct em_manager *m)
{
	if (m->nvidia && m->source)
		look(m, true);
	m->inventory.nvidia = NULL;
	m->nvidia_timer = sd_event_source_disable_unref(m->nvidia_timer);
	em_nvidia_close(TAKE_PTR(m->nvidia));
}
