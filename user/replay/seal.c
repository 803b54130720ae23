// SPDX-License-Identifier: GPL-2.0
/* What an interval says: its rows, in whole nanoseconds that add up. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "replay/sweep.h"
#include "replay/value.h"

/* A GPU's sums are 64 bits, of which SQL has 63: a pool goes on under a new name in time. */
#define RECORDED_MAX (1ULL << 61)

/* struct sealing - the open interval on its way; @ret: the first failure */
struct sealing {
	struct em_sweep *s;
	int ret;
};

static struct earmark_segment *add_segment(struct em_sweep *s)
{
	struct em_interval *i = &s->interval;
	struct earmark_segment *seg = em_sweep_room((void **)&i->segments, i->header.nr_segments,
						    &s->segments_size, sizeof(*seg));

	if (!seg)
		return NULL;
	memset(seg, 0, sizeof(*seg));
	i->header.nr_segments++;
	return seg;
}

/* Takes whole nanoseconds from @sum, leaves the rest there. */
static em_ns take_whole(em_ns *sum)
{
	em_ns whole = *sum / EM_PICO;

	*sum %= EM_PICO;
	return whole;
}

static int too_much(struct em_sweep *s)
{
	return em_gather_fail(s->run->g, -ERANGE,
			      "an interval holds more than 640,000 GPU-hours: give a shorter "
			      "--interval");
}

static int job_segment(struct em_sweep *s, const struct em_active *job, em_ns ns)
{
	const struct em_rules *rules = &s->run->g->rules;
	struct em_pool *p = &s->pools[job->pool];
	unsigned int purpose =
		job->rule ? rules->list[job->rule - 1].purpose : EARMARK_PURPOSE_UNTAGGED;
	struct earmark_segment *seg;

	if (ns + p->used_time > RECORDED_MAX)
		return too_much(s);
	seg = add_segment(s);
	if (!seg)
		return -ENOMEM;
	seg->kind = EARMARK_SEGMENT_USAGE;
	seg->gpu = p->id;
	seg->id = purpose == EARMARK_PURPOSE_UNTAGGED ? 0 : (__u32)job->job;
	seg->job = job->job;
	seg->usage.gpu_time = seg->usage.held = (__u64)ns;
	p->used_time += (uint64_t)ns;
	s->run->g->result->used[purpose] += ns;
	return 0;
}

/* Return: true once the job has no row under way: it may be forgotten. */
static bool job_seal(struct em_active *job, void *arg)
{
	struct sealing *sealing = arg;
	struct em_sweep *s = sealing->s;
	em_ns ns;

	job->held += job->rate * (em_ns)(s->now - job->since);
	job->since = s->now;
	ns = take_whole(&job->held);
	if (!job->rows) {
		s->rests[job->rule] += job->held;
		ns += take_whole(&s->rests[job->rule]);
	}
	if (ns && !sealing->ret)
		sealing->ret = job_segment(s, job, ns);
	return !job->rows;
}

static int pool_segment(struct em_sweep *s, struct em_pool *p)
{
	struct em_replay_result *result = s->run->g->result;
	em_ns unobserved = take_whole(&p->unobserved), wall = 0;
	struct earmark_segment *seg;

	if (p->wall > 0 && result->capacity)
		wall = (em_ns)p->wall / EM_PICO;
	/* a job's nanosecond can fall due before the pool's; it is taken from the next */
	if (wall < p->used_time + unobserved)
		wall = p->used_time + unobserved;
	p->wall -= (__int128)(wall * EM_PICO);
	if (wall > RECORDED_MAX)
		return too_much(s);
	seg = add_segment(s);
	if (!seg)
		return -ENOMEM;
	seg->kind = EARMARK_SEGMENT_GPU;
	seg->gpu = p->id;
	seg->gpu_time.wall = (__u64)wall;
	seg->gpu_time.unobserved = (__u64)unobserved;
	seg->gpu_time.idle = (__u64)(wall - unobserved) - p->used_time;
	result->wall += wall;
	result->unobserved += unobserved;
	result->idle += seg->gpu_time.idle;
	p->recorded += (uint64_t)wall;
	p->used_time = 0;
	return 0;
}

/* --- names of pools ------------------------------------------------------------------------ */

const char *em_pool_name(char out[EARMARK_NAME_LEN], const char *base, unsigned int generation)
{
	if (generation > 1)
		snprintf(out, EARMARK_NAME_LEN, "%.48s-%u", base, generation);
	else
		snprintf(out, EARMARK_NAME_LEN, "%.48s", base);
	return out;
}

static int pool_event(struct em_sweep *s, int type, uint32_t id, const char *text)
{
	struct em_interval *i = &s->interval;
	struct earmark_event *e = em_sweep_room((void **)&i->events, i->header.nr_events,
						&s->events_size, sizeof(*e));

	if (!e)
		return -ENOMEM;
	memset(e, 0, sizeof(*e));
	i->header.nr_events++;
	e->type = (__u16)type;
	e->gpu = id;
	e->when = (__u64)s->start;
	snprintf(e->text, sizeof(e->text), "%s", text);
	return 0;
}

/* Pools that have no name yet, or need the next one, in this interval. */
static int name_pools(struct em_sweep *s)
{
	char name[EARMARK_NAME_LEN];
	int ret = 0;

	for (size_t i = 0; !ret && i < s->run->g->nr_pools; i++) {
		struct em_pool *p = &s->pools[i];

		if (p->id && p->recorded < RECORDED_MAX)
			continue;
		if (p->id)
			ret = pool_event(s, EARMARK_EVENT_GPU_RETIRED, p->id,
					 "its sums are full: it goes on under the next name");
		if (p->recorded >= RECORDED_MAX) {
			p->generation++;
			p->recorded = 0;
		}
		p->id = ++s->next_id;
		if (!ret)
			ret = pool_event(s, EARMARK_EVENT_GPU, p->id,
					 em_pool_name(name, s->run->g->pools[i], p->generation));
	}
	return ret;
}

/* Names of pools are found out last and stand first: events are in order of time. */
static void rotate_events(struct em_interval *i, unsigned int told)
{
	struct earmark_event e;

	for (unsigned int n = told, at = 0; told && n < i->header.nr_events; n++, at++) {
		e = i->events[n];
		memmove(&i->events[at + 1], &i->events[at], (n - at) * sizeof(e));
		i->events[at] = e;
	}
}

/* --- the interval --------------------------------------------------------------------------- */

static void fill_header(struct em_sweep *s, uint64_t number)
{
	struct earmark_interval *h = &s->interval.header;

	h->version = EARMARK_VERSION;
	h->recorder = EARMARK_RECORDER_REPLAY;
	h->flags = number == 1 ? EARMARK_INTERVAL_FIRST : 0;
	h->nr_lost = EARMARK_LOST_COUNT;
	h->number = number;
	h->start = h->wall_start = (__u64)s->start;
	h->end = h->wall_end = (__u64)s->now;
	memcpy(h->boot_id, s->run->boot_id, sizeof(h->boot_id));
	memcpy(h->load_id, s->run->load_id, sizeof(h->load_id));
	memcpy(h->previous, s->interval.hash, sizeof(h->previous));
}

/* struct looking - for a note, which a ledger may write down in another order of its keys */
struct looking {
	const json_t *note;
	bool found;
};

static int is_note(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *stored = json_loads(json, 0, NULL);
	struct looking *looking = arg;

	(void)wall;
	(void)kind;
	looking->found |= json_equal(stored, looking->note);
	return 0;
}

/* The replay that stored the last interval may have come to some of its notes only: how many? */
static int notes_stored(struct em_sweep *s, size_t *n)
{
	for (*n = 0; *n < s->nr_notes; ++*n) {
		const struct em_told *note = &s->notes[*n];
		_cleanup_json_ json_t *json = json_loads(note->json, 0, NULL);
		struct looking looking = { .note = json };
		int ret = em_ledger_notes(s->run->l, note->wall, note->wall, note->kind, is_note,
					  &looking);

		if (ret || !looking.found)
			return ret;
	}
	return 0;
}

static int store_notes(struct em_sweep *s, uint64_t number)
{
	size_t n = number < s->run->last ? s->nr_notes : 0;
	int ret = 0;

	if (number == s->run->last)
		ret = notes_stored(s, &n);
	for (; !ret && n < s->nr_notes; n++)
		ret = em_ledger_note_at(s->run->l, s->notes[n].wall, s->notes[n].kind,
					s->notes[n].json);
	return ret ? em_run_failed(s->run, ret) : 0;
}

static int store(struct em_sweep *s, uint64_t number)
{
	struct em_run *run = s->run;
	int ret;

	if (number > run->last) {
		ret = em_ledger_append(run->l, &s->interval);
		if (ret)
			return em_run_failed(run, ret);
		run->g->result->appended++;
	} else if (number == run->last && memcmp(run->hash, s->interval.hash, sizeof(run->hash))) {
		return em_gather_fail(run->g, -ESTALE,
				      "what the interrupted replay has stored is not what this one "
				      "makes of the same files: replay into another ledger");
	}
	return store_notes(s, number);
}

static int make_rows(struct em_sweep *s)
{
	struct sealing sealing = { .s = s };
	unsigned int told = s->interval.header.nr_events;
	int ret = name_pools(s);

	if (ret)
		return ret;
	rotate_events(&s->interval, told);
	em_jobs_each(&s->jobs, job_seal, &sealing);
	ret = sealing.ret;
	for (size_t i = 0; !ret && i < s->run->g->nr_pools; i++) {
		s->run->g->result->over += s->pools[i].over;
		s->pools[i].over = false;
		ret = pool_segment(s, &s->pools[i]);
	}
	return ret;
}

int em_sweep_seal(struct em_sweep *s)
{
	uint64_t number = ++s->run->g->result->intervals;
	int ret = make_rows(s);

	if (ret)
		return ret;
	fill_header(s, number);
	em_interval_seal(&s->interval);
	ret = store(s, number);
	if (ret)
		return ret;
	s->interval.header = (struct earmark_interval){ 0 };
	em_sweep_clear_notes(s);
	return 0;
}
