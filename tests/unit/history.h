/* SPDX-License-Identifier: GPL-2.0 */
/* A ledger in a directory of its own, written interval by interval as a recorder would. */
#ifndef HISTORY_H
#define HISTORY_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "ledger/ledger.h"

#define S EM_NS_PER_S
#define HISTORY_ROWS 16

/**
 * struct history - the ledger and where its recorder stands
 * @wall: now; @job: the last job that was made; @boot: of its boot id, 0 = 1
 * @segments, @events: of the interval under way
 */
struct history {
	struct em_ledger *l;
	char dir[64];
	int64_t wall;
	uint64_t mono, number;
	__u32 job, flags;
	__u8 boot;
	__u8 previous[EARMARK_HASH_LEN];
	struct earmark_segment segments[HISTORY_ROWS];
	struct earmark_event events[HISTORY_ROWS];
	__u32 nr_segments, nr_events;
};

static inline void history_event(struct history *h, struct earmark_event e)
{
	assert_true(h->nr_events < HISTORY_ROWS);
	e.when = h->mono;
	h->events[h->nr_events++] = e;
}

static inline void history_gpu(struct history *h, __u32 gpu)
{
	struct earmark_event e = { .type = EARMARK_EVENT_GPU, .gpu = gpu };

	snprintf(e.text, sizeof(e.text), "pci/0000:0%u:00.0", gpu);
	history_event(h, e);
}

static inline void history_open(struct history *h, int64_t wall)
{
	*h = (struct history){ .dir = "/tmp/earmark-unit.XXXXXX", .wall = wall, .mono = 5 * S };
	assert_non_null(mkdtemp(h->dir));
	assert_int_equal(em_ledger_open(&h->l, h->dir, EM_LEDGER_WRITE), 0);
	assert_int_equal(em_ledger_state_set(h->l, "period", "10000000000"), 0);
}

static inline void history_close(struct history *h)
{
	char command[128];

	em_ledger_close(h->l);
	snprintf(command, sizeof(command), "rm -rf %s", h->dir);
	assert_int_equal(system(command), 0);
}

/* As after a restart of whoever reads. */
static inline void history_reopen(struct history *h)
{
	em_ledger_close(h->l);
	assert_int_equal(em_ledger_open(&h->l, h->dir, EM_LEDGER_WRITE), 0);
}

/* A new job, tagged; its id is that of its tag too. */
static inline __u32 history_job(struct history *h, __u8 purpose, __u8 by, const char *project,
				const char *path)
{
	struct earmark_event job = { .type = EARMARK_EVENT_JOB, .job = ++h->job, .uid = 4000 };
	struct earmark_event tag = { .type = EARMARK_EVENT_TAG,
				     .job = h->job,
				     .tag = h->job,
				     .purpose = purpose,
				     .tagged_by = by };

	snprintf(job.text, sizeof(job.text), "%s", path);
	snprintf(tag.project, sizeof(tag.project), "%s", project);
	history_event(h, job);
	if (purpose)
		history_event(h, tag);
	return h->job;
}

static inline struct earmark_segment *history_row(struct history *h, __u16 kind, __u32 gpu)
{
	assert_true(h->nr_segments < HISTORY_ROWS);
	h->segments[h->nr_segments] = (struct earmark_segment){ .kind = kind, .gpu = gpu };
	return &h->segments[h->nr_segments++];
}

static inline void history_use(struct history *h, __u32 gpu, __u32 job, uint64_t gpu_time,
			       uint64_t held, uint64_t busy)
{
	struct earmark_segment *s = history_row(h, EARMARK_SEGMENT_USAGE, gpu);

	s->job = job;
	s->id = job;
	s->usage.gpu_time = gpu_time;
	s->usage.held = held;
	s->usage.busy = busy;
}

/* What is left of @wall after the uses is idle; @blind and what was not seen are given. */
static inline void history_rest(struct history *h, __u32 gpu, uint64_t wall, uint64_t unobserved,
				uint64_t unattributed, __u16 blind)
{
	uint64_t used = 0, busy = unattributed;
	struct earmark_segment *s;

	for (__u32 i = 0; i < h->nr_segments; i++) {
		s = &h->segments[i];
		if (s->kind != EARMARK_SEGMENT_USAGE || s->gpu != gpu)
			continue;
		used += s->usage.gpu_time;
		busy += s->usage.busy;
	}
	s = history_row(h, EARMARK_SEGMENT_GPU, gpu);
	s->flags = blind;
	s->gpu_time.wall = wall;
	s->gpu_time.unobserved = unobserved;
	s->gpu_time.idle = wall - used - unobserved;
	s->gpu_time.unattributed = unattributed;
	s = history_row(h, EARMARK_SEGMENT_ENGINE, gpu);
	s->id = 1;
	s->engine.busy = busy;
}

/* Seals what was said since the last one, with what was allocated meanwhile. */
static inline void history_seal_with(struct history *h, uint64_t length,
				     const struct em_allocated *allocated, unsigned int n)
{
	struct em_interval i = { .segments = h->segments, .events = h->events };
	struct earmark_interval *header = &i.header;

	header->version = EARMARK_VERSION;
	header->flags = h->flags;
	header->nr_segments = h->nr_segments;
	header->nr_events = h->nr_events;
	header->nr_lost = EARMARK_LOST_COUNT;
	header->number = ++h->number;
	header->start = h->mono;
	header->end = h->mono += length;
	header->wall_start = (__u64)h->wall;
	header->wall_end = (__u64)(h->wall += (int64_t)length);
	header->boot_id[0] = h->boot ?: 1;
	header->load_id[0] = 2;
	memcpy(header->previous, h->previous, sizeof(h->previous));
	em_interval_seal(&i);
	memcpy(h->previous, i.hash, sizeof(h->previous));
	assert_int_equal(em_ledger_append_allocated(h->l, &i, allocated, n), 0);
	h->nr_segments = 0;
	h->nr_events = 0;
	h->flags = 0;
}

static inline void history_seal(struct history *h, uint64_t length)
{
	history_seal_with(h, length, NULL, 0);
}

#endif
