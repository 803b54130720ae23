/* SPDX-License-Identifier: GPL-2.0 */
/*
 * simgpu: a GPU that does nothing but take time, on the real scheduler.
 *
 * What it says about busy time comes from a virtual hardware clock of each
 * ring, never from the scheduler's timestamps: it is what others are tested
 * against, so it may share nothing with them.
 */
#ifndef SIMGPU_H
#define SIMGPU_H

#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/gpu_scheduler.h>

#include "simgpu_drm.h"

#define SIM_MAX_GPUS 16
#define SIM_MAX_RINGS 8

/* Times are nanoseconds of CLOCK_MONOTONIC. */

/* What the hardware did for one party. */
struct sim_tally {
	struct list_head node;
	u32 who;
	u64 busy_ns;
	u64 jobs;    /* ended well */
	u64 failed;  /* ended otherwise */
	u64 dropped; /* queued, but never given to the hardware */
};

/* The oracle of one ring; outlives the device, so that unbinding loses nothing. */
struct sim_book {
	spinlock_t lock; /* taken in hard interrupts; all tallies */
	struct list_head tallies;
	struct sim_tally total;
	atomic64_t dry; /* jobs that found the hardware idle */
};

struct sim_ring {
	struct drm_gpu_scheduler sched;
	struct sim_gpu *gpu;
	struct sim_book *book;
	char name[8];
	u64 context;   /* of the hardware fences */
	atomic_t jobs; /* that exist */
	wait_queue_head_t drained;
	struct hrtimer timer;
	struct work_struct work;

	spinlock_t lock;        /* what follows; taken in hard interrupts */
	struct list_head queue; /* of sim_fence; the first one runs */
	u64 free_at;            /* virtual end of the last job */
	u64 seqno;
	bool gone;
};

struct sim_gpu {
	struct drm_device drm;
	u32 index;
	struct sim_ring rings[SIM_MAX_RINGS];
};

/* One file's use of one ring. */
struct sim_context {
	struct drm_sched_entity entity;
	struct mutex lock;    /* order of submission, and what follows */
	struct xarray fences; /* seqno → finished fence, from oldest on */
	u64 seqno;            /* last one given out */
	u64 oldest;
	struct sim_tally own; /* under the ring's book's lock */
};

/* One open file; jobs keep it alive after the file is closed. */
struct sim_client {
	struct kref ref;
	u64 id;
	struct sim_gpu *gpu; /* valid while the file is open */
	struct sim_context contexts[SIM_MAX_RINGS];
};

struct sim_job {
	struct drm_sched_job base;
	struct sim_ring *ring; /* that it was given to */
	struct sim_client *client;
	struct sim_tally *own; /* the file's */
	struct sim_tally *who; /* the label's */
	u64 duration_ns;
	u32 flags;
	bool ran;
	bool failed; /* and charged so: it may be asked for again */
};

extern unsigned int sim_gpus, sim_rings, sim_depth;
extern bool sim_direct, sim_cycles;

/* main.c */
extern struct sim_book sim_books[SIM_MAX_GPUS][SIM_MAX_RINGS];

/* book.c */
enum sim_end { SIM_ENDED, SIM_FAILED, SIM_DROPPED };
void sim_book_init(struct sim_book *book);
void sim_book_fini(struct sim_book *book);
struct sim_tally *sim_book_tally(struct sim_book *book, u32 who);
void sim_book_charge(struct sim_book *book, struct sim_job *job, u64 busy_ns, enum sim_end end);
void sim_book_show(struct seq_file *m, struct sim_book *book, unsigned int gpu, unsigned int ring);

/* ring.c */
int sim_ring_init(struct sim_ring *ring, struct sim_gpu *gpu, unsigned int index);
void sim_ring_unplug(struct sim_ring *ring);
void sim_ring_fini(struct sim_ring *ring);
u64 sim_ring_running(struct sim_ring *ring, struct sim_client *client);
struct dma_fence *sim_ring_give(struct sim_ring *ring, struct sim_job *job);

/* client.c */
int sim_client_open(struct drm_device *drm, struct drm_file *file);
void sim_client_close(struct drm_device *drm, struct drm_file *file);
void sim_client_put(struct sim_client *client);
void sim_client_fdinfo(struct seq_file *m, struct file *f);
int sim_client_submit(struct drm_device *drm, void *data, struct drm_file *file);
int sim_client_wait(struct drm_device *drm, void *data, struct drm_file *file);

/* device.c */
int sim_device_register(void);
void sim_device_unregister(void);

#endif
