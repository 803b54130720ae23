/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The recorder: the account core inside the daemon, where there is no module. Private to
 * recorder*.c.
 *
 * Exact over restarts. Everything the recorder knows is written as one snapshot into a pinned
 * map, in one step (recorder_state.h); what happened since is still in the ring, which is
 * released only after the snapshot that holds it, and in the two banks of busy time:
 *
 *	seal:	flip the bank → wait until no program writes to the old one → drain the ring →
 *		book the old bank → make the interval → snapshot → clear the old bank
 *
 * A daemon killed before the snapshot finds the flipped bank and the ring as they were and
 * makes that interval again; killed after it, it finds the interval in the snapshot, hands
 * it out again until it is acknowledged, and clears the bank, which is known by the parity
 * that the snapshot names. Nothing is booked twice, nothing is lost.
 */
#ifndef EM_RECORDER_H
#define EM_RECORDER_H

#include "account.h"
#include "kernel/source.h"
#include "../../bpf/layout.h"

#define REC_HASH 1024
#define REC_TAGS_MAX 65536
#define REC_EVENTS_MAX 65536 /* in one interval */
#define REC_PIDS 1024        /* a power of two */

/**
 * struct rec_gpu - a GPU of the inventory
 * @info: as given by gpu_set(); counts are filled in when it is shown
 * @seeded: what was open before is in the books; else it is blind (HOLD)
 * @lost: blind (LOST) until it is seeded
 * @turnover: of its account at the last walk; @steady: which found it as it had been before;
 *	@watched: so that it is observed until the next begins (recorder_poll.c)
 */
struct rec_gpu {
	struct list_head node;
	struct earmark_gpu_account account;
	struct earmark_gpu_info info;
	bool seeded;
	bool lost;
	bool absent;
	bool retired;
	bool removed; /* … and its last row is gathered */
	u32 turnover;
	bool steady;
	bool watched;
};

/**
 * struct rec_engine - a scheduler, by the id that BPF gave it
 * @spill_ns, @spill_count: what of em_engine.spill is booked: it only grows
 */
struct rec_engine {
	struct list_head node;
	struct earmark_engine engine;
	u64 id;
	struct rec_gpu *gpu;
	u32 gpu_id;
	u64 spill_ns[2];
	u64 spill_count[2];
};

/* struct rec_turn - from @epoch on, work of the cgroup belongs to @job */
struct rec_turn {
	u64 epoch;
	u64 job;
};

/**
 * struct rec_cgroup - a cgroup that used a GPU, was tagged, or is a job
 * @above: ids from the root's child down to itself
 * @depth: how many; 0 = not known, it was gone already
 * @is_job: registered: @account is valid
 * @gone: seals since its directory vanished
 * @own: the TAG event of the tag that stands on it, or NULL
 * @turns: whose work it does, oldest first
 */
struct rec_cgroup {
	struct list_head node;
	u64 id;
	u64 above[EM_ANCESTORS];
	u32 depth;
	bool is_job;
	u32 gone;
	struct earmark_job_account account;
	struct earmark_event *own;
	u32 uid;
	char path[EARMARK_TEXT_LEN];
	u32 nr_turns;
	struct rec_turn *turns;
};

/* struct rec_epoch - an instant of retagging; @since is where work is split */
struct rec_epoch {
	u64 epoch;
	u64 since;
};

/* struct rec_unknown - a use found at start, to be explained by fdinfo; not kept */
struct rec_unknown {
	u64 use;
	u32 pid, fd;
};

/* struct rec_kept - a sealed interval, until it is acknowledged */
struct rec_kept {
	struct list_head node;
	struct em_interval interval;
};

/**
 * struct rec_saved - scalars that survive the daemon, beside the objects
 * @ring_pos: records before it are in the books
 * @records, @last_seq: of the ring, to see that none was taken by somebody else
 * @bpf_lost, @bpf_recursion, @bpf_skipped: counters as read last; @lost is what they add to
 * @parity: bank that is in use
 * @control: id of the map of that name: with another one these accounts cannot go on
 * @told: bit mask of the families whose SENSOR_ATTACHED was told
 */
struct rec_saved {
	__u8 boot_id[16];
	__u8 load_id[16];
	u64 number; /* last sealed */
	__u8 previous[EARMARK_HASH_LEN];
	u64 wall_end;
	u64 period;
	u64 keep;
	u32 last_gpu;
	u32 last_tag;
	u64 ring_pos;
	u64 records;
	u64 last_seq;
	u64 seq_gap;
	u64 holes;
	u64 gaps;
	u32 parity;
	u32 seed;
	u64 epoch;
	u64 lost[16];
	u64 bpf_lost[16];
	u64 bpf_recursion;
	u64 bpf_skipped;
	u32 acc_parity;
	u32 control;
	u64 acc_start;
	u64 acc_now;
	u64 acc_next_use;
	u32 told;
	u32 pad;
};

struct rec_ring {
	volatile u64 *consumer;
	const volatile u64 *producer;
	const char *data;
	size_t mask;
	size_t page;
	u64 pos;
};

/* struct rec_batch - records on their way from the ring into the books */
struct rec_batch {
	struct earmark_ring *e;
	size_t n, room;
};

struct rec {
	struct em_source source;
	struct rec_saved p;
	struct earmark_account account;
	struct em_control *control; /* NULL: the sensors have no maps here */
	struct rec_ring ring;
	struct rec_batch younger; /* than what the books were brought up to */
	int fd_jobs, fd_lost, fd_engines, fd_bank[2];
	int epoll, timer;
	struct list_head gpus, kept;
	struct list_head engines[REC_HASH], cgroups[REC_HASH];
	u32 nr_cgroups, nr_jobs, nr_tags;
	u64 kept_bytes;
	struct rec_epoch *epochs;
	u32 nr_epochs;
	struct earmark_event *events;
	u32 nr_events;
	struct rec_unknown *unknowns;
	u32 nr_unknowns;
	struct {
		u32 pid;
		u64 cgroup;
	} pids[REC_PIDS];
	char *state;       /* mapped: a head, two slots; NULL: nothing can be pinned here */
	size_t state_size; /* of one slot */
	bool hold, drm;    /* attached */
	bool polled;       /* walks stand in for the hold sensor */
	bool polling;      /* … and one ended the last interval */
	bool flipped;      /* the bank was flipped already, but no interval made of it */
	bool booked;       /* … and is in the books already, but in no snapshot */
	bool unsaved;      /* an interval is sealed, but its snapshot failed */
	bool stretched;
	bool look_again; /* unknown uses of before a restart are still to be explained */
};

/* recorder.c */
__attribute__((format(printf, 3, 4))) int em_rec_error(struct rec *r, int error, const char *fmt,
						       ...);
struct earmark_event *em_rec_event(struct rec *r, unsigned int type, u64 when);

/* recorder_sense.c */
int em_rec_maps_open(struct rec *r);
void em_rec_maps_begin(struct rec *r);
void em_rec_maps_resume(struct rec *r);
int em_rec_ring_watch(struct rec *r);
void em_rec_ask_again(struct rec *r);
void em_rec_sensors_look(struct rec *r);

/* recorder_gpu.c */
struct rec_gpu *em_rec_gpu_by_name(struct rec *r, const char *name);
struct rec_gpu *em_rec_gpu_by_devnum(struct rec *r, u32 devnum);
struct rec_gpu *em_rec_gpu_by_id(struct rec *r, u32 id);
struct rec_engine *em_rec_engine_get(struct rec *r, u64 id);
int em_rec_gpu_set(struct em_source *s, const struct earmark_gpu_info *gpu, __u32 *id);
int em_rec_gpu_retire(struct em_source *s, __u32 gpu, const char *reason);
int em_rec_gpu_absent(struct em_source *s, const char *name);
int em_rec_gpus(struct em_source *s, int (*each)(const struct earmark_gpu_info *, void *),
		void *arg);
int em_rec_gpu_work(struct em_source *s, const struct em_work *work);
int em_rec_gpu_devnums(struct rec *r);
void em_rec_gpu_restart(struct rec *r);
void em_rec_gpu_observe(struct rec *r, u64 now);
void em_rec_gpu_distrust(struct rec *r, u32 why, u64 now);

/* recorder_cgroup.c */
void em_rec_cgroup_clear(struct rec *r);
struct rec_cgroup *em_rec_cgroup_find(struct rec *r, u64 id);
struct rec_cgroup *em_rec_cgroup_get(struct rec *r, u64 id, const struct earmark_ring *by);
struct rec_cgroup *em_rec_cgroup_job(struct rec *r, const struct rec_cgroup *cg, u64 epoch);
struct earmark_holder *em_rec_holder_get(struct rec *r, struct rec_cgroup *job, struct rec_gpu *gpu,
					 u64 now);
int em_rec_cgroup_turn(struct rec_cgroup *cg, u64 epoch, u64 job);
void em_rec_job_register(struct rec *r, struct rec_cgroup *cg, u64 when, u32 pid, const char *comm);
void em_rec_cgroup_check_above(struct rec *r, const struct rec_cgroup *below);
void em_rec_cgroup_check_empty(struct rec *r);
void em_rec_cgroup_reap(struct rec *r, u64 now);
struct rec_cgroup *em_rec_cgroup_new(struct rec *r, u64 id);

/* recorder_tag.c */
const struct earmark_event *em_rec_tag_effective(struct rec *r, const struct rec_cgroup *cg);
int em_rec_tag_set(struct em_source *s, int cgroup_fd, const struct earmark_event *tag, __u32 *id);
int em_rec_jobs(struct em_source *s, int (*each)(const struct earmark_job_info *, void *),
		void *arg);
u64 em_rec_epoch_since(const struct rec *r, u64 epoch);
int em_rec_epoch_note(struct rec *r, u64 epoch, u64 since);

/* recorder_ring.c */
int em_rec_ring_open(struct rec *r);
void em_rec_ring_close(struct rec *r);
void em_rec_ring_drain(struct rec *r);
void em_rec_ring_drain_until(struct rec *r, u64 instant);
void em_rec_ring_release(struct rec *r);
int em_rec_walk(struct rec *r);
void em_rec_seed(struct rec *r);
int em_rec_files(struct em_source *s, int (*each)(const struct earmark_ring *, void *), void *arg);
void em_rec_unknown_resolve(struct rec *r);

/* recorder_poll.c */
int em_rec_poll(struct rec *r);
void em_rec_poll_end(struct rec *r);
void em_rec_poll_stop(struct rec *r);

/* recorder_seal.c */
int em_rec_seal(struct rec *r, bool now);
int em_rec_intervals(struct em_source *s, __u64 from, int (*each)(struct em_interval *, void *),
		     void *arg);
int em_rec_ack(struct em_source *s, __u64 number, const __u8 hash[EARMARK_HASH_LEN]);
int em_rec_kept_add(struct rec *r, struct em_interval *i);
void em_rec_bank_clear(struct rec *r, u32 parity);

/* recorder_load.c, recorder_save.c */
int em_rec_state_load(struct rec *r, bool *same); /* -ENOENT: there is none */
int em_rec_state_save(struct rec *r);

static inline u32 em_rec_hash(u64 id)
{
	return hash_64(id, 10);
}

#endif
