// SPDX-License-Identifier: GPL-2.0
/* What a replay came to, as JSON; see replay.h. */
#include "base/cleanup.h"
#include "base/time.h"
#include "kernel/interval.h"
#include "replay/replay.h"

static json_t *purposes(const struct em_replay_result *r)
{
	json_t *o = json_object();

	for (unsigned int p = 0; p < EARMARK_PURPOSE_COUNT; p++)
		json_object_set_new(o, em_purpose_name(p),
				    json_pack("{s:I}", "us", em_us(r->used[p])));
	return o;
}

json_t *em_replay_json(const struct em_replay_result *r)
{
	const struct {
		const char *key;
		uint64_t value;
	} counts[] = {
		{ "rows", r->rows },
		{ "bad", r->bad },
		{ "jobs", r->jobs },
		{ "rows_without_gpu", r->no_gpu },
		{ "steps", r->steps },
		{ "rows_outside", r->outside },
		{ "running", r->running },
		{ "waiting", r->waiting },
		{ "late", r->late },
		{ "rounded", r->rounded },
		{ "requests", r->requests },
		{ "orders", r->orders },
		{ "intervals", r->intervals },
		{ "appended", r->appended },
		{ "intervals_over_capacity", r->over },
	};
	char start[EM_TIME_LEN], end[EM_TIME_LEN];
	json_t *o = json_pack("{s:s}", "schema", "earmark-replay-1");

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		json_object_set_new(o, counts[i].key, json_integer((json_int_t)counts[i].value));
	json_object_set_new(o, "gpu_hours", purposes(r));
	json_object_set_new(o, "capacity_us",
			    r->capacity ? json_integer(em_us(r->wall)) : json_null());
	json_object_set_new(o, "idle_us", r->capacity ? json_integer(em_us(r->idle)) : json_null());
	json_object_set_new(o, "unobserved_us", json_integer(em_us(r->unobserved)));
	json_object_set_new(o, "over_capacity_us", json_integer(em_us(r->over_time)));
	json_object_set_new(o, "start", json_string(em_time_format(start, r->start, 6)));
	json_object_set_new(o, "end", json_string(em_time_format(end, r->end, 6)));
	json_object_set_new(o, "resumed", json_boolean(r->resumed));
	return o;
}
