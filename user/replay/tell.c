// SPDX-License-Identifier: GPL-2.0
/* The names behind the numbers, and what was asked for when. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "replay/sweep.h"
#include "replay/value.h"

/* --- notes ---------------------------------------------------------------------------------- */

void em_sweep_clear_notes(struct em_sweep *s)
{
	for (size_t i = 0; i < s->nr_notes; i++)
		free(s->notes[i].json);
	s->nr_notes = 0;
}

/* Takes @json over. */
static int add_note(struct em_sweep *s, int64_t wall, const char *kind, char *json)
{
	struct em_told *n =
		json ? em_sweep_room((void **)&s->notes, s->nr_notes, &s->notes_size, sizeof(*n))
		     : NULL;

	if (!n) {
		free(json);
		return -ENOMEM;
	}
	*n = (struct em_told){ wall, kind, json };
	s->nr_notes++;
	return 0;
}

int em_sweep_orders(struct em_sweep *s)
{
	struct em_gather *g = s->run->g;
	int ret = 0;

	for (size_t i = 0; !ret && i < g->nr_orders; i++) {
		ret = add_note(s, g->orders[i].at, "order", strdup(g->orders[i].json));
		g->result->orders++;
	}
	return ret;
}

/* 1e-12 GPUs as an integer, or a fraction in its lowest terms. */
static json_t *gpus_json(uint64_t pico)
{
	uint64_t a = pico, b = EM_PICO;

	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	if (a == EM_PICO)
		return json_integer((json_int_t)(pico / EM_PICO));
	return json_pack("{s:I, s:I}", "num", (json_int_t)(pico / a), "den",
			 (json_int_t)(EM_PICO / a));
}

static int digits_of(int64_t ns)
{
	return ns % EM_NS_PER_S == 0 ? 0 : ns % EM_NS_PER_US == 0 ? 6 : 9;
}

static int add_request(struct em_sweep *s, const struct em_record *r, const char *action,
		       int64_t at)
{
	const struct em_rule *rule = r->rule ? &s->run->g->rules.list[r->rule - 1] : NULL;
	char id[48], hex[9], time[EM_TIME_LEN];
	_cleanup_json_ json_t *o = NULL;

	snprintf(id, sizeof(id), "%s-%llu", em_hex(hex, s->run->boot_id, 4),
		 (unsigned long long)r->seq);
	o = json_pack("{s:s, s:s, s:s, s:s, s:o, s:I, s:s*, s:s, s:s}", "id", id, "action", action,
		      "purpose", em_purpose_name(rule ? rule->purpose : EARMARK_PURPOSE_UNTAGGED),
		      "how", "add", "gpus", gpus_json(r->gpus), "job", (json_int_t)r->job,
		      "project", rule ? rule->project : NULL, "at",
		      em_time_format(time, at, digits_of(at)), "author", "scheduler");
	s->run->g->result->requests++;
	return add_note(s, at, "request", o ? json_dumps(o, JSON_COMPACT) : NULL);
}

static int tell_request(struct em_sweep *s, const struct em_record *r)
{
	int ret = 0;

	if (!s->run->g->options->requests || r->flags & EM_RECORD_EARLIER)
		return 0;
	if (r->submit != EM_NO_INSTANT)
		ret = add_request(s, r, "open", r->submit);
	if (!ret && r->kind == EM_RECORD_USE)
		ret = add_request(s, r, "grant", r->start);
	return ret;
}

/* --- names ---------------------------------------------------------------------------------- */

static struct earmark_event *add_event(struct em_sweep *s, int type, const struct em_record *r)
{
	struct em_interval *i = &s->interval;
	struct earmark_event *e = em_sweep_room((void **)&i->events, i->header.nr_events,
						&s->events_size, sizeof(*e));

	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	i->header.nr_events++;
	e->type = (__u16)type;
	e->when = (__u64)s->now;
	e->job = r->job;
	e->uid = e->gid =
		UINT32_MAX; /* a scheduler's user is a name, of no machine in particular */
	return e;
}

static int tell_tag(struct em_sweep *s, const struct em_record *r)
{
	const struct em_rule *rule = r->rule ? &s->run->g->rules.list[r->rule - 1] : NULL;
	struct earmark_event *e;

	if (!rule || rule->purpose == EARMARK_PURPOSE_UNTAGGED)
		return 0;
	e = add_event(s, EARMARK_EVENT_TAG, r);
	if (!e)
		return -ENOMEM;
	e->tag = (__u32)r->job;
	e->purpose = (__u8)rule->purpose;
	e->tagged_by = EARMARK_TAGGED_BY_SCHEDULER;
	snprintf(e->project, sizeof(e->project), "%s", rule->project ?: "");
	snprintf(e->ref, sizeof(e->ref), "%s", rule->ref ?: "");
	snprintf(e->comm, sizeof(e->comm), "replay");
	return 0;
}

static int tell_job(struct em_sweep *s, const struct em_record *r)
{
	struct earmark_event *e;
	struct em_names names = { 0 }; /* what is hashed has no leftovers in it */
	int ret = em_spool_read(s->run->g->spool, r->text, &names);

	if (ret)
		return em_gather_fail(s->run->g, ret, "the temporary file cannot be read: %s",
				      strerror(-ret));
	e = add_event(s, EARMARK_EVENT_JOB, r);
	if (!e)
		return -ENOMEM;
	memcpy(e->text, names.path, sizeof(e->text));
	memcpy(e->comm, names.user, sizeof(e->comm));
	s->run->g->result->jobs++;
	return tell_tag(s, r);
}

int em_sweep_tell(struct em_sweep *s, const struct em_record *r)
{
	int ret = r->flags & EM_RECORD_FIRST ? tell_job(s, r) : 0;

	return ret ? ret : tell_request(s, r);
}
