/* SPDX-License-Identifier: GPL-2.0 */
/* Intervals made by hand, and what a ledger answers of them, for the tests of the ledger. */
#ifndef LEDGER_MAKE_H
#define LEDGER_MAKE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/time.h"
#include "ledger/ledger.h"

#define S EM_NS_PER_S
#define T0 (1790000000 * S) /* wall time of the first interval's start */

static char dir[64];

static inline int setup(void **state)
{
	(void)state;
	/* in memory where there is such a place: what is synced is told by hooks, not by the disk
	 */
	strcpy(dir, access("/dev/shm", W_OK) ? "/tmp/earmark-ledger.XXXXXX"
					     : "/dev/shm/earmark-ledger.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int teardown(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline struct em_ledger *open_ledger(int mode)
{
	struct em_ledger *l = NULL;
	int r = em_ledger_open(&l, dir, mode);

	if (r)
		print_error("%s\n", em_ledger_error(NULL));
	assert_int_equal(r, 0);
	return l;
}

/* --- making intervals -------------------------------------------------------------------- */

/* struct chain - a load under way; seconds of wall and monotonic time run together */
struct chain {
	__u8 load;
	__u64 number;
	__u8 previous[EARMARK_HASH_LEN];
	__u64 lost[16];
	int64_t at; /* seconds since T0 */
};

/* struct made - an interval with room, to be sealed by next() */
struct made {
	struct em_interval i;
	struct earmark_segment segments[16];
	struct earmark_event events[16];
};

static inline void begin(struct made *m)
{
	memset(m, 0, sizeof(*m));
	m->i.segments = m->segments;
	m->i.events = m->events;
}

static inline struct earmark_segment *segment(struct made *m, int kind, __u32 gpu)
{
	struct earmark_segment *s = &m->segments[m->i.header.nr_segments++];

	s->kind = (__u16)kind;
	s->gpu = gpu;
	return s;
}

static inline void usage(struct made *m, __u32 gpu, __u64 job, __u32 tag, __u64 gpu_time,
			 __u64 busy)
{
	struct earmark_segment *s = segment(m, EARMARK_SEGMENT_USAGE, gpu);

	s->job = job;
	s->id = tag;
	s->usage.gpu_time = s->usage.held = gpu_time;
	s->usage.busy = busy;
	s->usage.busy_start = 1;
}

static inline struct earmark_segment *gpu_row(struct made *m, __u32 gpu, __u64 wall, __u64 idle,
					      __u64 unobserved, __u64 unattributed)
{
	struct earmark_segment *s = segment(m, EARMARK_SEGMENT_GPU, gpu);

	s->gpu_time.wall = wall;
	s->gpu_time.idle = idle;
	s->gpu_time.unobserved = unobserved;
	s->gpu_time.unattributed = unattributed;
	return s;
}

static inline struct earmark_event *event(struct made *m, int type)
{
	struct earmark_event *e = &m->events[m->i.header.nr_events++];

	e->type = (__u16)type;
	return e;
}

static inline void gpu_event(struct made *m, __u32 gpu, const char *name)
{
	struct earmark_event *e = event(m, EARMARK_EVENT_GPU);

	e->gpu = gpu;
	e->value = 7;
	snprintf(e->text, sizeof(e->text), "%s", name);
	snprintf(e->project, sizeof(e->project), "model of %s", name);
}

static inline void tag_event(struct made *m, __u64 job, __u32 tag, int purpose, const char *project)
{
	struct earmark_event *e = event(m, EARMARK_EVENT_TAG);

	e->job = job;
	e->tag = tag;
	e->purpose = (__u8)purpose;
	e->tagged_by = EARMARK_TAGGED_BY_SELF;
	e->uid = 1000;
	snprintf(e->project, sizeof(e->project), "%s", project);
}

static inline void job_event(struct made *m, __u64 job, const char *path)
{
	struct earmark_event *e = event(m, EARMARK_EVENT_JOB);

	e->job = job;
	e->uid = 1000;
	snprintf(e->text, sizeof(e->text), "%s", path);
}

/* Seals @m as the next interval of @c, @seconds long. */
static inline void next(struct chain *c, struct made *m, int64_t seconds)
{
	struct earmark_interval *h = &m->i.header;

	h->version = EARMARK_VERSION;
	h->nr_lost = EARMARK_LOST_COUNT;
	h->number = ++c->number;
	h->start = (__u64)((c->at + 1000) * S);
	h->end = h->start + (__u64)(seconds * S);
	h->wall_start = (__u64)(T0 + c->at * S);
	h->wall_end = h->wall_start + (__u64)(seconds * S);
	c->at += seconds;
	memset(h->boot_id, c->load & 0xf0, 16);
	memset(h->load_id, c->load, 16);
	memcpy(h->lost, c->lost, sizeof(h->lost));
	memcpy(h->previous, c->previous, sizeof(h->previous));
	for (__u32 i = 0; i < h->nr_events; i++)
		m->events[i].when = m->events[i].when ?: h->start;
	em_interval_seal(&m->i);
	memcpy(c->previous, m->i.hash, sizeof(c->previous));
}

/* A plain one: one GPU, one job that holds it for @used of 10 s, the rest idle. */
static inline void plain(struct chain *c, struct made *m, int64_t used)
{
	begin(m);
	if (!c->number) {
		gpu_event(m, 1, "platform/a");
		job_event(m, 50, "/jobs/fifty");
		tag_event(m, 50, 3, EARMARK_PURPOSE_ALIGNMENT, "p");
	}
	gpu_row(m, 1, 10 * S, (10 - used) * S, 0, 0);
	usage(m, 1, 50, 3, (__u64)(used * S), (__u64)(used * S / 2));
	next(c, m, 10);
}

static inline void append(struct em_ledger *l, const struct made *m)
{
	int r = em_ledger_append(l, &m->i);

	if (r)
		print_error("%s\n", em_ledger_error(l));
	assert_int_equal(r, 0);
}

/* --- asking -------------------------------------------------------------------------------- */

struct asked {
	int n;
	uint64_t gpu_time, busy;
	unsigned int purpose, tagged_by;
	char gpu[64], path[64], project[64];
};

static inline int add_usage(const struct em_usage *u, void *arg)
{
	struct asked *a = arg;

	a->n++;
	a->gpu_time += u->gpu_time;
	a->busy += u->busy;
	a->purpose = u->purpose;
	a->tagged_by = u->tagged_by;
	snprintf(a->gpu, sizeof(a->gpu), "%s", u->gpu);
	snprintf(a->path, sizeof(a->path), "%s", u->path ?: "(null)");
	snprintf(a->project, sizeof(a->project), "%s", u->project ?: "(null)");
	return 0;
}

static inline struct asked ask_usage(struct em_ledger *l, int64_t since, int64_t until)
{
	struct asked a = { 0 };

	assert_int_equal(em_ledger_usage(l, T0 + since * S, T0 + until * S, add_usage, &a), 0);
	return a;
}

struct gpus {
	int n;
	struct em_gpu_usage g[8];
	char name[8][64];
};

static inline int add_gpu(const struct em_gpu_usage *u, void *arg)
{
	struct gpus *gpus = arg;

	snprintf(gpus->name[gpus->n], 64, "%s", u->name);
	gpus->g[gpus->n++] = *u;
	return 0;
}

static inline struct gpus ask_gpus(struct em_ledger *l, int64_t since, int64_t until)
{
	struct gpus gpus = { 0 };

	assert_int_equal(em_ledger_gpus(l, T0 + since * S, T0 + until * S, add_gpu, &gpus), 0);
	return gpus;
}

static inline int add_note(int64_t wall, const char *kind, const char *json, void *arg)
{
	(void)wall;
	(void)kind;
	snprintf(arg, 512, "%s", json);
	return 0;
}

static inline const char *last_note(struct em_ledger *l, const char *kind)
{
	static char note[512];

	note[0] = '\0';
	assert_int_equal(em_ledger_notes(l, 0, INT64_MAX, kind, add_note, note), 0);
	return note;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
