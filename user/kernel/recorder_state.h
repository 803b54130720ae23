/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The snapshot of the recorder in a pinned map: a head and two slots. The slot that is not in
 * force is written, then the head names it: a daemon may be killed anywhere in between.
 *
 * The content is a row of typed records. Those of wire format (tags, sealed intervals) are read
 * whatever made them; the rest only if it is of this build's shape and the sensors' maps are
 * still the same ones. Private to recorder_save.c and recorder_load.c.
 */
#ifndef EM_RECORDER_STATE_H
#define EM_RECORDER_STATE_H

#include "base/cleanup.h"
#include "kernel/recorder.h"

#define STATE_MAGIC 0x316574617473656dull
#define STATE_VERSION 2
#define STATE_HEAD 4096
#define STATE_MIN (256 << 10)

struct state_head {
	u64 magic;
	u64 turn; /* its lowest bit names the slot in force */
	u64 size[2];
};

enum state_type {
	STATE_SHAPE = 1, /* u64 */
	STATE_SAVED,     /* struct rec_saved */
	STATE_INTERVAL,  /* header, hash; then its arrays: wire format */
	STATE_SEGMENTS,
	STATE_EVENTS,
	STATE_EPOCHS,
	STATE_GPU,
	STATE_ENGINE,
	STATE_CGROUP,
	STATE_TURNS,  /* of the cgroup before */
	STATE_TAG,    /* struct earmark_event: wire format */
	STATE_HOLDER, /* struct state_holder; then its cells, newest first */
	STATE_CELL,
	STATE_HOLDING, /* struct state_holder, in the order of gpu->holding */
	STATE_USE,
	STATE_OPEN_EVENTS,
};

struct state_record {
	u32 type;
	u32 len;
};

struct state_interval {
	struct earmark_interval header;
	__u8 hash[EARMARK_HASH_LEN];
};

struct state_holder {
	u64 job;
	u32 gpu;
	bool submitted, fileless;
	u64 since;
};

struct state_use {
	struct state_holder holder;
	u64 file;
	u64 id;
	u32 seen;
	bool unknown;
};

/* What the records of no wire format look like; anything else is another build's. */
static inline u64 state_shape(void)
{
	const u64 sizes[] = { STATE_VERSION,
			      sizeof(struct rec_saved),
			      sizeof(struct rec_gpu),
			      sizeof(struct rec_engine),
			      sizeof(struct rec_cgroup),
			      sizeof(struct earmark_cell),
			      sizeof(struct state_use) };
	u64 h = 0xcbf29ce484222325ull;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		h = (h ^ sizes[i]) * 0x100000001b3ull;
	return h;
}

static inline struct state_head *state_head(const struct rec *r)
{
	return (struct state_head *)r->state;
}

#endif
