// SPDX-License-Identifier: GPL-2.0
/*
 * ledger_make DIR HOURS END [JOBS] - a ledger as a busy node writes it: 8 GPUs, JOBS (40) at once
 * that each last 12 hours, an interval each 10 s, an entry a minute. END: seconds since 1970, of
 * the last minute. Written in one go; with JOBS each entry is synced, as earmarkd does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "ledger/ledger.h"

enum { GPUS = 8, JOBS_MAX = 1000, SECONDS = 10, LIFE = 12 * 3600 };

#define S EM_NS_PER_S

struct node {
	struct em_ledger *l;
	int64_t at;        /* seconds since it began */
	unsigned int jobs; /* a multiple of GPUS */
	uint64_t number, job[JOBS_MAX], next_job;
	uint8_t previous[EARMARK_HASH_LEN];
	struct earmark_segment segments[JOBS_MAX + 2 * GPUS];
	struct earmark_event events[GPUS + 2 * JOBS_MAX];
};

static struct earmark_event *event(struct node *n, struct em_interval *i, int type)
{
	struct earmark_event *e = &n->events[i->header.nr_events++];

	*e = (struct earmark_event){ .type = (__u16)type, .when = i->header.start, .uid = 1000 };
	return e;
}

/* A job ends and another takes its place, each slot at its own second. */
static void start_jobs(struct node *n, struct em_interval *i)
{
	static const int purposes[] = { EARMARK_PURPOSE_ALIGNMENT, EARMARK_PURPOSE_CAPABILITIES,
					EARMARK_PURPOSE_CAPABILITIES, EARMARK_PURPOSE_SERVING,
					EARMARK_PURPOSE_MIXED };
	struct earmark_event *e;

	for (unsigned int slot = 0; slot < n->jobs; slot++) {
		if (n->at && (n->at + slot * LIFE / n->jobs) % LIFE >= SECONDS)
			continue;
		n->job[slot] = ++n->next_job;
		e = event(n, i, EARMARK_EVENT_JOB);
		e->job = 1000 + n->job[slot];
		snprintf(e->text, sizeof(e->text), "/slurm/job_%llu",
			 (unsigned long long)n->job[slot]);
		e = event(n, i, EARMARK_EVENT_TAG);
		e->job = 1000 + n->job[slot];
		e->tag = (__u32)n->job[slot];
		e->purpose = (__u8)purposes[slot % 5];
		e->tagged_by = EARMARK_TAGGED_BY_SCHEDULER;
		snprintf(e->project, sizeof(e->project), "project-%u", slot % 7);
	}
}

static void name_gpus(struct node *n, struct em_interval *i)
{
	for (unsigned int g = 0; !n->at && g < GPUS; g++) {
		struct earmark_event *e = event(n, i, EARMARK_EVENT_GPU);

		e->gpu = g + 1;
		snprintf(e->text, sizeof(e->text), "pci/0000:%02x:00.0", 0x10 + g);
		snprintf(e->project, sizeof(e->project), "H100");
	}
}

static void fill(struct node *n, struct em_interval *i)
{
	unsigned int k = 0, share = n->jobs / GPUS;

	for (unsigned int g = 0; g < GPUS; g++) {
		struct earmark_segment *s;

		for (unsigned int j = 0; j < share; j++) {
			uint64_t job = n->job[g * share + j];

			s = &n->segments[k++];
			*s = (struct earmark_segment){ .kind = EARMARK_SEGMENT_USAGE,
						       .gpu = g + 1,
						       .id = (__u32)job,
						       .job = 1000 + job };
			s->usage.gpu_time = SECONDS * S / share;
			s->usage.held = SECONDS * S;
			s->usage.busy = (uint64_t)(SECONDS * S / share) -
					(n->number * 7919 + job) % 1000003;
			s->usage.busy_start = i->header.start;
		}
		s = &n->segments[k++];
		*s = (struct earmark_segment){ .kind = EARMARK_SEGMENT_GPU, .gpu = g + 1 };
		s->gpu_time.wall = SECONDS * S;
		s = &n->segments[k++];
		*s = (struct earmark_segment){ .kind = EARMARK_SEGMENT_ENGINE, .gpu = g + 1 };
		s->engine.busy = SECONDS * S - 5000015;
		s->engine.first = 1;
	}
	i->header.nr_segments = k;
}

static int step(struct node *n, int64_t start)
{
	struct em_interval i = { .segments = n->segments, .events = n->events };
	struct earmark_interval *h = &i.header;

	h->version = EARMARK_VERSION;
	h->nr_lost = EARMARK_LOST_COUNT;
	h->number = ++n->number;
	h->start = (__u64)((n->at + 100) * S);
	h->end = h->start + SECONDS * S;
	h->wall_start = (__u64)((start + n->at) * S);
	h->wall_end = h->wall_start + SECONDS * S;
	memset(h->boot_id, 0x42, sizeof(h->boot_id));
	memset(h->load_id, 0x43, sizeof(h->load_id));
	memcpy(h->previous, n->previous, sizeof(h->previous));
	name_gpus(n, &i);
	start_jobs(n, &i);
	fill(n, &i);
	em_interval_seal(&i);
	memcpy(n->previous, i.hash, sizeof(n->previous));
	n->at += SECONDS;
	return em_ledger_append(n->l, &i);
}

int main(int argc, char **argv)
{
	static struct node n;
	bool batch = argc == 4;
	int64_t seconds, end;
	int r;

	if (argc != 4 && argc != 5)
		return 2;
	seconds = strtoll(argv[2], NULL, 10) * 3600;
	end = strtoll(argv[3], NULL, 10);
	n.jobs = batch ? 40 : (unsigned int)strtoul(argv[4], NULL, 10);
	if (!n.jobs || n.jobs % GPUS || n.jobs > JOBS_MAX)
		return 2;
	r = em_ledger_open(&n.l, argv[1], EM_LEDGER_WRITE);
	if (!r) {
		em_ledger_fold(n.l, 60 * S);
		r = batch ? em_ledger_batch(n.l) : 0;
	}
	while (!r && n.at < seconds)
		r = step(&n, end - seconds);
	r = r ?: em_ledger_flush(n.l);
	if (!r && batch)
		r = em_ledger_batch_end(n.l);
	if (r)
		fprintf(stderr, "ledger_make: %s\n", em_ledger_error(n.l));
	em_ledger_close(n.l);
	return r ? 1 : 0;
}
