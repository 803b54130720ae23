/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the BPF programs and the recorder share through pinned maps, where there is no module.
 * Both sides include this file. A change of meaning or size raises EM_LAYOUT: maps of another
 * layout are thrown away in the open, except for the recorder's own state (its tags).
 */
#ifndef EARMARK_LAYOUT_H
#define EARMARK_LAYOUT_H

#define EM_LAYOUT 2
#define EM_EPOCHS 64 /* instants of retags that are kept; a power of two */
#define EM_ANCESTORS 16
#define EM_SLOTS 8 /* changes of job on one context with work in flight; a power of two */

/**
 * struct em_control - one instance, mapped by the recorder
 * @layout: EM_LAYOUT
 * @parity: bank that completions go to; written by the recorder
 * @seq: records that entered the ring
 * @holes: edges of holds that were lost (ring or a map full): every GPU goes blind (LOST)
 * @gaps: times that programs were attached anew, with an unwatched time before
 * @free_gen: changes when a hold may have ended: the next submission is told again
 * @use_gen: changes when cgroups may belong to another job: the next use is told again
 * @next_file, @next_engine: last id given
 * @epoch: number of the newest retag instant; written by the recorder, like @since
 * @since: by epoch modulo EM_EPOCHS: work from there on is charged to that epoch
 *
 * @epoch is published before its instant passes, so that no completion can miss it.
 */
struct em_control {
	__u32 layout;
	__u32 parity;
	__u64 seq;
	__u64 holes;
	__u64 gaps;
	__u64 free_gen;
	__u64 use_gen;
	__u64 next_file;
	__u64 next_engine;
	__u64 epoch;
	__u64 since[EM_EPOCHS];
};

/* The value of `lost` is a __u64 by enum earmark_lost, of `runs` a __u64 by this. */
enum em_family { EM_FAMILY_HOLD, EM_FAMILY_DRM, EM_FAMILY_CGROUP, EM_FAMILY_COUNT };

/*
 * charges_a (parity 0), charges_b: busy time of a cgroup (0 = nobody known) on an engine. The
 * recorder empties a bank once its sums are in a sealed interval and nobody can write to it.
 */
struct em_charge_key {
	__u64 cgroup;
	__u64 engine;
	__u64 epoch;
};

struct em_charge {
	__u64 ns;
	__u64 start; /* earliest */
	__u64 count; /* completions */
};

/* engines: a scheduler is its address and its device, so that a reused address is another */
struct em_engine_key {
	__u64 sched;
	__u64 dev;
};

/**
 * struct em_engine
 * @id: never reused
 * @first: seen first
 * @last_done: end of the last work; by atomic exchange
 * @spill: by parity: work that found no room in the bank; unattributed
 */
struct em_engine {
	__u64 id;
	__u64 first;
	__u64 last_done;
	struct em_charge spill[2];
	char name[64]; /* "<bus>/<device>" */
};

#define EM_ENGINES 1024

/* struct em_begun - by engine id: jobs about to be given to the hardware; see EARMARK_BEGUN */
struct em_begun {
	__u64 nr;
	struct {
		__u64 context, seqno, at;
	} job[EARMARK_BEGUN];
};

/* struct em_hold_mode - constants of the hold programs, given before they are loaded */
struct em_hold_mode {
	__u32 kmod;  /* the module keeps the books */
	__u32 walks; /* no program sees a file being freed: files are known by their address */
};

/**
 * struct em_file - an open file of a GPU, by its address
 * @id: never reused, unlike the address: names it in ring records
 * @cgroup: told of in the ring; others are in `uses`. 0 = found open, not used yet
 * @gen: control.use_gen when @cgroup was told
 */
struct em_file {
	__u64 id;
	__u64 cgroup;
	__u64 gen;
	__u32 devnum;
	__u32 pad;
};

struct em_use_key {
	__u64 file;
	__u64 cgroup;
};

/* jobs: cgroups that used a GPU (or were tagged) -> ancestors from the root's child down */
struct em_ancestry {
	__u64 id[EM_ANCESTORS]; /* itself is the last that is not 0; 0 at [0] = unknown */
};

/* submitted: (cgroup, engine) -> control.free_gen when it was told */
struct em_submit_key {
	__u64 cgroup;
	__u64 engine;
};

/**
 * struct em_context - who submitted on a fence context, changes only
 * @n: changes so far; slot[(n - 1) % EM_SLOTS] is the newest
 * @cgroup: its cgroup
 * @sched, @gen: what the last told submission was for
 */
struct em_context {
	__u64 n;
	__u64 cgroup;
	__u64 sched;
	__u64 gen;
	struct {
		__u64 first; /* seqno */
		__u64 cgroup;
	} slot[EM_SLOTS];
};

#endif /* EARMARK_LAYOUT_H */
