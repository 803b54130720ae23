// SPDX-License-Identifier: GPL-2.0
/* The daemon's state as JSON; see view.h. */
#include <string.h>

#include "alert/deliver.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "daemon/daily.h"
#include "daemon/view.h"

static json_t *number(__u64 n)
{
	return json_integer((json_int_t)n);
}

/* An instant of the monotonic clock, as wall time. */
static json_t *instant(__u64 monotonic)
{
	char out[EM_TIME_LEN];

	if (!monotonic)
		return json_null();
	return json_string(
		em_time_format(out, em_time_now() - (int64_t)(em_time_monotonic() - monotonic), 3));
}

static json_t *id(const __u8 *bytes)
{
	char hex[33];

	return json_string(em_hex(hex, bytes, 16));
}

static json_t *tag(__u32 n, unsigned int purpose, unsigned int tagged_by)
{
	return json_pack("{s:I,s:s,s:s}", "tag", (json_int_t)n, "purpose", em_purpose_name(purpose),
			 "tagged_by", em_tagged_by_name(tagged_by));
}

static json_t *job_id(__u64 job)
{
	char out[24];

	snprintf(out, sizeof(out), "%llu", (unsigned long long)job);
	return json_string(out);
}

static int each_job(const struct earmark_job_info *j, void *rows)
{
	json_t *o = tag(j->tag, j->purpose, j->tagged_by);

	json_object_set_new(o, "job", job_id(j->job));
	json_object_set_new(o, "path", em_json_safe(j->path));
	json_object_set_new(o, "uid", json_integer(j->uid));
	json_object_set_new(o, "project", em_json_safe(j->project));
	json_object_set_new(o, "ref", em_json_safe(j->ref));
	json_object_set_new(o, "tag_job", job_id(j->tag_job));
	json_object_set_new(o, "own", tag(j->own_tag, j->own_purpose, j->own_tagged_by));
	json_object_set_new(o, "since", instant(j->since));
	json_object_set_new(o, "gpus_held", number(j->gpus_held));
	return json_array_append_new(rows, o);
}

static json_t *blind(__u32 mask)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < EARMARK_BLIND_BIT_COUNT; i++) {
		if (mask & (1u << i))
			json_array_append_new(a, json_string(em_blind_name(i)));
	}
	return a;
}

static json_t *devnums(const struct earmark_gpu_info *g)
{
	json_t *a = json_array();
	char out[32];

	for (__u32 i = 0; i < g->nr_devnums && i < EARMARK_DEVNUMS_MAX; i++) {
		snprintf(out, sizeof(out), "%u:%u", g->devnums[i] >> 20, g->devnums[i] & 0xfffff);
		json_array_append_new(a, json_string(out));
	}
	return a;
}

static int each_gpu(const struct earmark_gpu_info *g, void *rows)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_integer(g->gpu));
	json_object_set_new(o, "name", em_json_safe(g->name));
	json_object_set_new(o, "model", em_json_safe(g->model));
	json_object_set_new(o, "uuid", em_json_safe(g->uuid));
	json_object_set_new(o, "weight", json_integer(g->weight));
	json_object_set_new(o, "meter", json_string(em_meter_name(g->meter)));
	json_object_set_new(o, "blind", blind(g->blind));
	json_object_set_new(o, "holders", json_integer(g->holders));
	json_object_set_new(o, "engines", json_integer(g->engines));
	json_object_set_new(o, "devnums", devnums(g));
	json_object_set_new(o, "since", instant(g->since));
	return json_array_append_new(rows, o);
}

json_t *em_view_jobs(struct em_manager *m)
{
	json_t *rows = json_array();

	if (m->source)
		m->source->ops->jobs(m->source, each_job, rows);
	return rows;
}

json_t *em_view_gpus(struct em_manager *m)
{
	json_t *rows = json_array();

	if (m->source) {
		m->source->ops->gpus(m->source, each_gpu, rows);
		return rows;
	}
	/* nobody records: they are here all the same, and unobserved */
	for (const struct em_gpu *gpu = m->inventory.gpus; gpu; gpu = gpu->next) {
		struct earmark_gpu_info g = gpu->info;

		g.blind = gpu->present ? EARMARK_BLIND_METER : EARMARK_BLIND_ABSENT;
		each_gpu(&g, rows);
	}
	return rows;
}

/* A node without NVIDIA's driver lacks nothing for lack of NVML. */
static void nvml_sensor(json_t *rows, struct em_manager *m)
{
	const struct em_nvidia_state *s = m->nvidia ? em_nvidia_state(m->nvidia) : NULL;

	if (!s || (!s->attached && !s->driver_loaded && !m->config->nvml))
		return;
	json_array_append_new(rows,
			      json_pack("{s:s,s:b,s:b,s:o,s:o,s:o,s:i}", "name", "nvml", "attached",
					s->attached, "polled", false, "why", em_json_safe(s->why),
					"runs", number(s->windows), "missed",
					number(s->failed + s->late), "recursion", 0));
}

json_t *em_view_sensors(struct em_manager *m)
{
	const struct em_sensor_state *states = NULL;
	json_t *rows = json_array();
	int n = 0;

	if (m->source && m->source->sensor)
		n = em_sensor_states(m->source->sensor, &states);
	for (int i = 0; i < n; i++)
		json_array_append_new(
			rows, json_pack("{s:s,s:b,s:b,s:o,s:o,s:o,s:o}", "name", states[i].name,
					"attached", states[i].attached, "polled", states[i].polled,
					"why", em_json_safe(states[i].why), "runs",
					number(states[i].runs), "missed", number(states[i].missed),
					"recursion", number(states[i].recursion)));
	nvml_sensor(rows, m);
	return rows;
}

static void recorder(json_t *o, const struct earmark_status *s, struct em_manager *m)
{
	json_t *lost = json_object();

	json_object_set_new(o, "boot_id", id(s->boot_id));
	json_object_set_new(o, "load_id", id(s->load_id));
	json_object_set_new(o, "interval_us", number(s->interval / 1000));
	json_object_set_new(o, "open_since", instant(s->open_since));
	json_object_set_new(o, "last_sealed", number(s->last_sealed));
	json_object_set_new(o, "last_stored", number(m->stored));
	json_object_set_new(o, "backlog",
			    number(s->last_sealed > m->stored ? s->last_sealed - m->stored : 0));
	json_object_set_new(o, "keep",
			    json_pack("{s:o,s:o}", "used_bytes", number(s->kept_bytes), "bytes",
				      number(s->keep_bytes)));
	json_object_set_new(o, "job_bytes", number(s->job_bytes));
	json_object_set_new(o, "jobs", number(s->jobs));
	for (unsigned int i = 0; i < EARMARK_LOST_COUNT; i++)
		json_object_set_new(lost, em_lost_name(i), number(s->lost[i]));
	json_object_set_new(o, "lost", lost);
}

static json_t *module(const struct em_manager *m, const struct earmark_status *s)
{
	if (!m->source || m->source->ops->recorder != EARMARK_RECORDER_KERNEL)
		return json_null();
	return json_pack("{s:b,s:b,s:b,s:b,s:b,s:b}", "btf", !!(s->flags & EARMARK_STATUS_BTF),
			 "meter", !!(s->flags & EARMARK_STATUS_METER), "gpu_sched",
			 !!(s->flags & EARMARK_STATUS_GPU_SCHED), "hold",
			 !!(s->flags & EARMARK_STATUS_HOLD), "seeded",
			 !!(s->flags & EARMARK_STATUS_SEEDED), "stretched",
			 !!(s->flags & EARMARK_STATUS_STRETCHED));
}

static json_t *nvidia(struct em_manager *m)
{
	const struct em_nvidia_state *s = m->nvidia ? em_nvidia_state(m->nvidia) : NULL;
	json_t *rejected;

	if (!s)
		return json_null();
	rejected = json_object();
	for (unsigned int i = 0; i < EM_UTIL_REJECT_COUNT; i++)
		json_object_set_new(rejected, em_util_reject_names[i], number(s->rejected[i]));
	return json_pack(
		"{s:b,s:b,s:o,s:o,s:o,s:i,s:i,s:i,s:i,s:i,s:o,s:o,s:o,s:o,s:o,s:o}", "attached",
		s->attached, "driver_loaded", s->driver_loaded, "driver", em_json_safe(s->driver),
		"why", em_json_safe(s->why), "lacks", em_json_safe(s->lacks), "gpus", (int)s->gpus,
		"denied", (int)s->denied, "lost", (int)s->lost, "mig_instances", (int)s->instances,
		"without_samples", (int)s->without, "windows", number(s->windows), "windows_failed",
		number(s->failed), "windows_late", number(s->late), "refused", number(s->refused),
		"clock_steps", number(s->steps), "rejected", rejected);
}

static json_t *or_null(const char *s)
{
	return s && *s ? em_json_safe(s) : json_null();
}

static void notice(json_t *all, const char *format, const char *what)
{
	char out[800];

	snprintf(out, sizeof(out), format, what);
	json_array_append_new(all, em_json_safe(out));
}

/* A recorder without any sensor keeps accounts of nothing. */
static void notice_sensors(json_t *all, struct em_manager *m)
{
	const struct em_sensor_state *states = NULL;
	int n = m->source && m->source->sensor ? em_sensor_states(m->source->sensor, &states) : 0;

	for (int i = 0; i < n; i++) {
		if (states[i].attached)
			return;
	}
	if (n > 0 && m->source->ops->recorder == EARMARK_RECORDER_DAEMON)
		notice(all, "no sensor is attached, so nothing is measured: %s", states[0].why);
}

static json_t *notices(struct em_manager *m)
{
	json_t *all = json_array();

	notice_sensors(all, m);

	if (m->module_waits)
		notice(all, "%s",
		       "the module earmark has been loaded since: restart earmarkd to let "
		       "it record");
	if (m->restart_for[0])
		notice(all, "configured anew, in force after a restart: %s", m->restart_for);
	if (m->recorder_error[0])
		notice(all, "the recorder said: %s", m->recorder_error);
	if (m->privilege_error[0])
		notice(all, "earmarkd runs with more rights than it needs: %s", m->privilege_error);
	return all;
}

json_t *em_view_status(struct em_manager *m)
{
	struct earmark_status s = {};
	json_t *o = json_object();
	bool there = m->source && !m->source->ops->status(m->source, &s);

	json_object_set_new(o, "schema", json_string(EM_API_STATUS_SCHEMA));
	json_object_set_new(o, "version", json_string(EARMARK_RELEASE));
	json_object_set_new(o, "recorded_by",
			    there ? json_string(em_recorder_name(m->source->ops->recorder))
				  : json_null());
	json_object_set_new(o, "why",
			    m->source && !there ? or_null(m->source->error) : or_null(m->why));
	if (there)
		recorder(o, &s, m);
	json_object_set_new(o, "sensors", em_view_sensors(m));
	json_object_set_new(o, "sampling", em_sampling_json(m));
	json_object_set_new(o, "gpus", em_view_gpus(m));
	json_object_set_new(o, "nvml", nvidia(m));
	json_object_set_new(o, "alerts", em_alerts_json(m->ledger));
	json_object_set_new(o, "deliveries", em_deliveries_json(em_alerts_deliveries(m->alerts)));
	json_object_set_new(o, "daily", em_daily_json(m->ledger));
	json_object_set_new(o, "ledger",
			    json_pack("{s:s,s:o}", "dir", m->config->ledger, "error",
				      or_null(m->ledger_error)));
	json_object_set_new(o, "commitments",
			    json_pack("{s:s?,s:o}", "file", m->config->commitments, "error",
				      or_null(m->commitments_error)));
	json_object_set_new(o, "rules",
			    json_pack("{s:s,s:I,s:o,s:o}", "file", m->config->rules, "rules",
				      (json_int_t)m->site.rules.n, "error", or_null(m->site.error),
				      "pods", em_site_pods_json(m)));
	json_object_set_new(o, "notices", notices(m));
	json_object_set_new(o, "module", there ? module(m, &s) : json_null());
	return o;
}
