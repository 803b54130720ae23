/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * earmark: the contract between the kernel module, the BPF sensors and user space.
 *
 * Everything that crosses a border stands here once. Lists are X-macros: the enum, the
 * kernel's netlink policy, the user's policy and the JSON keys all expand from them.
 * Records have fixed width and explicit padding, and grow at the end only.
 *
 * Units, everywhere: durations and instants in nanoseconds; instants of CLOCK_MONOTONIC
 * unless the name starts with wall_ (CLOCK_REALTIME). Ids of value 0 mean "none".
 */
#ifndef _UAPI_EARMARK_H
#define _UAPI_EARMARK_H

#ifndef __VMLINUX_H__ /* BPF programs have these types from vmlinux.h */
#include <linux/types.h>
#endif

#define EARMARK_FAMILY "earmark"
#define EARMARK_VERSION 2 /* of this contract; a daemon refuses another module */
#define EARMARK_MCGRP_EVENTS "events"

#define EARMARK_PROJECT_LEN 64 /* with the terminating NUL */
#define EARMARK_REF_LEN 64
#define EARMARK_TEXT_LEN 128
#define EARMARK_NAME_LEN 64 /* GPU: "<bus>/<device>", e.g. "pci/0000:41:00.0" */
#define EARMARK_HASH_LEN 32
#define EARMARK_DEVNUMS_MAX 8 /* device numbers of one GPU */

/* EARMARK_PURPOSES - what a job's GPU time is for. UNTAGGED is a state, never a default. */
#define EARMARK_PURPOSES(X)             \
	X(UNTAGGED, "untagged")         \
	X(ALIGNMENT, "alignment")       \
	X(CAPABILITIES, "capabilities") \
	X(MIXED, "mixed")               \
	X(SERVING, "serving")           \
	X(INFRASTRUCTURE, "infrastructure")

/* EARMARK_TAGGED_BY - who said so, weakest first: precedence, not credibility. */
#define EARMARK_TAGGED_BY(X)      \
	X(NOBODY, "nobody")       \
	X(SELF, "self")           \
	X(RULE, "rule")           \
	X(SCHEDULER, "scheduler") \
	X(OPERATOR, "operator")

/*
 * EARMARK_BLIND - why a GPU's time is unobserved; a bit mask, 0 = observed.
 *   METER  nothing counts submissions on it (no probe attached, no known scheduler)
 *   HOLD   the hold sensor is absent, not yet seeded, or missed its challenge; or holds are
 *          polled, and changed
 *   ABSENT its driver is unbound: it stays in the inventory
 *   FILE   a file found in use at start, or one of several GPUs' when a channel was asked for,
 *          may hold it: nothing has shown so or otherwise
 *   LOST   the sensor lost an edge of a hold; healed by the next complete seed
 */
#define EARMARK_BLIND(X)    \
	X(METER, "meter")   \
	X(HOLD, "hold")     \
	X(ABSENT, "absent") \
	X(FILE, "file")     \
	X(LOST, "lost")

/*
 * EARMARK_LOST - counters of what could not be seen or kept; cumulative since load.
 *   CONTEXT     submissions whose (context, seqno) record could not be kept: unattributed
 *   HISTORY     work older than the tag history kept for its job: unattributed
 *   UNKNOWN     completions of submissions never seen (work in flight at attach)
 *   MEMORY      allocations that failed on a path that cannot report
 *   EVENT       events that found the interval's list full
 *   FILE        file uses that could not be recorded: the GPU went blind (LOST)
 *   RECURSION   BPF programs skipped by the kernel's recursion guard
 *   MISSED      BPF programs that missed a run for any other reason (map full, read failed)
 *   RING        records that found no room in the BPF ring
 *   CHALLENGE   challenges that the hold sensor did not answer
 */
#define EARMARK_LOST(X)           \
	X(CONTEXT, "context")     \
	X(HISTORY, "history")     \
	X(UNKNOWN, "unknown")     \
	X(MEMORY, "memory")       \
	X(EVENT, "event")         \
	X(FILE, "file")           \
	X(RECURSION, "recursion") \
	X(MISSED, "missed")       \
	X(RING, "ring")           \
	X(CHALLENGE, "challenge")

/*
 * EARMARK_EVENTS - what changes the meaning of accounts; which fields of struct
 * earmark_event each fills is said at the struct.
 */
#define EARMARK_EVENTS(X)                     \
	X(NONE, "none")                       \
	X(JOB, "job")                         \
	X(JOB_END, "job-end")                 \
	X(TAG, "tag")                         \
	X(MOVE, "move")                       \
	X(GPU, "gpu")                         \
	X(GPU_ABSENT, "gpu-absent")           \
	X(GPU_RETIRED, "gpu-retired")         \
	X(SENSOR_ATTACHED, "sensor-attached") \
	X(SENSOR_DETACHED, "sensor-detached") \
	X(CONFIG, "config")

/*
 * EARMARK_METERS - how a GPU's submissions are metered, said by whoever registers it.
 *   NONE     nothing here can: always unobserved
 *   DRM      drm_gpu_scheduler tracepoints
 *   CHANNEL  NVIDIA: a hold begins with a channel allocation seen in an ioctl; how long the
 *            hardware worked is told by the daemon (WORK_ADD)
 *   TOLD     that a job works there and how long are both told by the daemon (WORK_ADD)
 */
#define EARMARK_METERS(X)     \
	X(NONE, "none")       \
	X(DRM, "drm")         \
	X(CHANNEL, "channel") \
	X(TOLD, "told")

/*
 * EARMARK_CLASSES - how busy time was measured, best first: of several, the worst counts.
 *   EXACT     every piece of work was seen to begin and to end
 *   COUNTER   a counter of the driver's or the hardware's, read now and then
 *   SAMPLED   what the hardware worked on was looked at now and then
 *   ESTIMATE  derived from something else, e.g. a share of what several jobs did together
 */
#define EARMARK_CLASSES(X)    \
	X(EXACT, "exact")     \
	X(COUNTER, "counter") \
	X(SAMPLED, "sampled") \
	X(ESTIMATE, "estimate")

#define EARMARK_ENUM_PURPOSE(id, name) EARMARK_PURPOSE_##id,
#define EARMARK_ENUM_TAGGED_BY(id, name) EARMARK_TAGGED_BY_##id,
#define EARMARK_ENUM_BLIND(id, name) EARMARK_BLIND_BIT_##id,
#define EARMARK_ENUM_LOST(id, name) EARMARK_LOST_##id,
#define EARMARK_ENUM_EVENT(id, name) EARMARK_EVENT_##id,
#define EARMARK_ENUM_METER(id, name) EARMARK_METER_##id,
#define EARMARK_ENUM_CLASS(id, name) EARMARK_CLASS_##id,

enum earmark_purpose { EARMARK_PURPOSES(EARMARK_ENUM_PURPOSE) EARMARK_PURPOSE_COUNT };
enum earmark_tagged_by { EARMARK_TAGGED_BY(EARMARK_ENUM_TAGGED_BY) EARMARK_TAGGED_BY_COUNT };
enum earmark_blind_bit { EARMARK_BLIND(EARMARK_ENUM_BLIND) EARMARK_BLIND_BIT_COUNT };
enum earmark_lost { EARMARK_LOST(EARMARK_ENUM_LOST) EARMARK_LOST_COUNT };
enum earmark_event_type { EARMARK_EVENTS(EARMARK_ENUM_EVENT) EARMARK_EVENT_COUNT };
enum earmark_meter { EARMARK_METERS(EARMARK_ENUM_METER) EARMARK_METER_COUNT };
enum earmark_class { EARMARK_CLASSES(EARMARK_ENUM_CLASS) EARMARK_CLASS_COUNT };

#define EARMARK_BLIND_METER (1U << EARMARK_BLIND_BIT_METER)
#define EARMARK_BLIND_HOLD (1U << EARMARK_BLIND_BIT_HOLD)
#define EARMARK_BLIND_ABSENT (1U << EARMARK_BLIND_BIT_ABSENT)
#define EARMARK_BLIND_FILE (1U << EARMARK_BLIND_BIT_FILE)
#define EARMARK_BLIND_LOST (1U << EARMARK_BLIND_BIT_LOST)

/* NVIDIA's device numbers. The control device is no GPU; listened to beside a METER_CHANNEL. */
#define EARMARK_NVIDIA_MAJOR 195
#define EARMARK_NVIDIA_CONTROL 255 /* minor */

/* Of work told in one WORK_ADD: more than so many engines at once is no measurement. */
#define EARMARK_WORK_ENGINES 256
#define EARMARK_WORK_ERROR_MAX (1ULL << 56) /* ns: two years */

/*
 * When did the hardware begin a job? gpu_sched's scheduled stamp is made after the job was
 * given to the hardware, and moved, if it was given while another ran, to when that one was
 * noticed to have ended. So both meters also note when each job is about to be given: if that
 * was before the end of the one before, the hardware went from one to the next without a gap,
 * and the job began at that end; else it began when it was given. So many are remembered for
 * each engine; rings are seldom deeper.
 */
#define EARMARK_BEGUN 32

/* enum earmark_recorder - who kept the accounts */
enum earmark_recorder {
	EARMARK_RECORDER_KERNEL, /* the module */
	EARMARK_RECORDER_DAEMON, /* earmarkd with BPF alone */
	EARMARK_RECORDER_REPLAY, /* a scheduler's history */
};

/*
 * A sealed interval: one header, nr_segments segments, nr_events events. Immutable.
 *
 * Continuity: hash = SHA-256(the header's bytes), which hold the digests of both arrays and
 * the previous interval's hash (32 zero bytes in a load's first). It shows that nothing was
 * dropped or reordered between two records of one load; it is evidence only together with
 * a witness, since root can make another chain.
 */
#define EARMARK_INTERVAL_STRETCHED (1U << 0) /* could not be sealed in time: spans more */
#define EARMARK_INTERVAL_BROKEN (1U << 1)    /* a sum did not come out: never patched up */
#define EARMARK_INTERVAL_FIRST (1U << 2)     /* first of its load */
#define EARMARK_INTERVAL_SAMPLED (1U << 3)   /* holds were polled: see SENSOR_POLLED */

struct earmark_interval {
	__u32 version;  /* EARMARK_VERSION */
	__u32 recorder; /* enum earmark_recorder */
	__u32 flags;    /* EARMARK_INTERVAL_* */
	__u32 nr_segments;
	__u32 nr_events;
	__u32 nr_lost; /* EARMARK_LOST_COUNT of the recorder */
	__u64 number;  /* 1, 2, … without gaps in one load */
	__u64 start;   /* monotonic; equals the previous interval's end */
	__u64 end;
	__u64 wall_start;
	__u64 wall_end;
	__u8 boot_id[16]; /* /proc/sys/kernel/random/boot_id, binary */
	__u8 load_id[16]; /* random at module load or recorder start */
	__u64 lost[16];   /* cumulative at the end, indexed by enum earmark_lost */
	__u8 segments_hash[EARMARK_HASH_LEN];
	__u8 events_hash[EARMARK_HASH_LEN];
	__u8 previous[EARMARK_HASH_LEN];
};

_Static_assert(sizeof(struct earmark_interval) == 320, "interval header is wire format");
_Static_assert(EARMARK_LOST_COUNT <= 16, "lost[] is wire format");

enum earmark_segment_kind {
	EARMARK_SEGMENT_USAGE = 1, /* (job, GPU, tag) */
	EARMARK_SEGMENT_GPU,       /* a GPU: wall = Σ usage.gpu_time + idle + unobserved */
	EARMARK_SEGMENT_ENGINE,    /* an engine: busy_total <= now - first */
};

/* struct earmark_segment - one row of an interval; 64 bytes */
struct earmark_segment {
	__u16 kind;
	__u16 flags; /* GPU: every EARMARK_BLIND_* bit that was set in the interval */
	__u32 gpu;   /* id, from its EARMARK_EVENT_GPU */
	__u32 id;    /* USAGE: tag id in force (0 = untagged); ENGINE: engine id */
	__u32 class; /* USAGE: enum earmark_class of busy */
	__u64 job;   /* USAGE: cgroup id */
	union {
		struct {
			__u64 gpu_time;
			__u64 held;
			__u64 busy;       /* work that completed in this interval */
			__u64 busy_start; /* its earliest start; 0 = none */
			__u64 busy_error; /* bound on |busy - true busy|; 0 for class EXACT */
		} usage;
		struct {
			__u64 wall;
			__u64 idle;
			__u64 unobserved;
			__u64 unattributed; /* busy that belongs to no known job */
			__u64 unattributed_start;
		} gpu_time;
		struct {
			__u64 busy;
			__u64 busy_start;
			__u64 busy_total; /* cumulative since first */
			__u64 first;      /* observed from */
			__u64 done;       /* completions in this interval */
		} engine;
	};
};

_Static_assert(sizeof(struct earmark_segment) == 64, "segment is wire format");

/*
 * struct earmark_event - one thing that happened, at @when
 *   JOB       job, uid (owner of the cgroup directory's creator is unknown: the first
 *             submitter's), pid, comm, text = cgroup path (its tail if longer)
 *   JOB_END   job
 *   TAG       job = the cgroup that carries it, tag = its new id, purpose (UNTAGGED =
 *             removed), tagged_by, project, ref, uid, gid, pid, comm of the tagger
 *   MOVE      pid, comm; other = job it was last seen in (0 unknown), job = where it went
 *   GPU       gpu, value = weight (0 = unknown), text = name, project = model, ref = UUID
 *   GPU_ABSENT, GPU_RETIRED   gpu; RETIRED: uid, text = reason
 *   SENSOR_*  text = sensor's name
 *   CONFIG    text = key, value = new value
 */
struct earmark_event {
	__u16 type;
	__u8 purpose;
	__u8 tagged_by;
	__u32 gpu;
	__u64 when; /* monotonic */
	__u64 job;
	__u64 other;
	__u32 tag;
	__u32 uid; /* in the initial user namespace, like gid */
	__u32 gid;
	__u32 pid; /* in the initial pid namespace */
	__u64 value;
	char comm[16];
	char project[EARMARK_PROJECT_LEN];
	char ref[EARMARK_REF_LEN];
	char text[EARMARK_TEXT_LEN];
};

_Static_assert(sizeof(struct earmark_event) == 328, "event is wire format");

/*
 * The effective tag of a job is the strongest, then the nearest, of the tags on its cgroup
 * and that cgroup's ancestors. Usage segments name the effective tag's id. A TAG event is
 * emitted for every tag set, shadowed or not; which one was in force is in the segments.
 */

/* struct earmark_job_info - a live job, in JOB_GET dumps */
struct earmark_job_info {
	__u64 job;
	__u64 tag_job;           /* cgroup that the effective tag stands on; 0 = untagged */
	__u32 tag;               /* effective tag id */
	__u32 own_tag;           /* tag on this very cgroup; a label where it differs from tag */
	__u64 since;             /* effective tag in force from */
	__u64 gpus_held;         /* how many GPUs it holds now */
	__u8 purpose, tagged_by; /* effective */
	__u8 own_purpose, own_tagged_by; /* of own_tag */
	__u32 uid;
	char project[EARMARK_PROJECT_LEN];
	char ref[EARMARK_REF_LEN];
	char path[EARMARK_TEXT_LEN];
};

_Static_assert(sizeof(struct earmark_job_info) == 304, "job info is wire format");

/* struct earmark_gpu_info - a GPU of the inventory, in GPU_GET dumps */
struct earmark_gpu_info {
	__u32 gpu;
	__u32 blind; /* EARMARK_BLIND_* now */
	__u32 meter; /* enum earmark_meter */
	__u32 weight;
	__u32 holders; /* jobs holding it now */
	__u32 engines;
	__u32 nr_devnums;
	__u32 devnums[EARMARK_DEVNUMS_MAX]; /* (major << 20) | minor */
	__u32 pad;
	__u64 since; /* in the inventory from */
	char name[EARMARK_NAME_LEN];
	char model[EARMARK_PROJECT_LEN];
	char uuid[EARMARK_REF_LEN];
};

_Static_assert(sizeof(struct earmark_gpu_info) == 264, "gpu info is wire format");

/* struct earmark_status - the module at a glance, in STATUS_GET */
struct earmark_status {
	__u32 version;
	__u32 flags; /* EARMARK_STATUS_* */
	__u8 boot_id[16];
	__u8 load_id[16];
	__u64 now;
	__u64 interval; /* sealing period */
	__u64 open_since;
	__u64 first_kept; /* oldest interval not yet acknowledged; 0 = none */
	__u64 last_sealed;
	__u64 kept_bytes;
	__u64 keep_bytes; /* bound */
	__u64 jobs, gpus, contexts, files;
	__u64 job_bytes; /* memory of jobs, holders, cells */
	__u64 lost[16];
};

#define EARMARK_STATUS_BTF (1U << 0)       /* kfuncs are callable */
#define EARMARK_STATUS_METER (1U << 1)     /* probes attached to gpu_sched */
#define EARMARK_STATUS_GPU_SCHED (1U << 2) /* gpu_sched is present */
#define EARMARK_STATUS_HOLD (1U << 3)      /* hold sensor answered the last challenge */
#define EARMARK_STATUS_SEEDED (1U << 4)    /* … and has seeded what was open before */
#define EARMARK_STATUS_STRETCHED (1U << 5) /* the open interval is overdue */
#define EARMARK_STATUS_POLLED (1U << 6)    /* holds are polled */

/*
 * Commands. "admin": CAP_SYS_ADMIN in the initial user namespace. Every refusal carries an
 * extack sentence. The family exists in the initial network namespace only.
 *
 *   STATUS_GET    -> STATUS
 *   TAG_SET       CGROUP_FD PURPOSE TAGGED_BY [PROJECT REF]   tags (or retags) the cgroup.
 *                 self: the caller must be able to write the directory that CGROUP_FD is
 *                 open on, and it must lie at or below the caller's own cgroup; stronger
 *                 ones: admin. A weaker tagged-by never replaces a stronger tag on the
 *                 same cgroup (EPERM). PURPOSE untagged removes the tag. UID GID PID
 *                 [COMM]: admin. whom it is set for, in the initial namespaces; the record
 *                 names that one, not the caller, and the limits of users hold.  -> TAG
 *   JOB_GET       dump of JOBS batches (struct earmark_job_info[])
 *   GPU_SET       admin. NAME [MODEL UUID WEIGHT METER DEVNUMS] adds or amends a GPU -> GPU
 *   GPU_RETIRE    admin. GPU TEXT (reason)
 *   GPU_GET       dump of GPUS batches (struct earmark_gpu_info[])
 *   INTERVAL_GET  admin. dump from NUMBER (0 = oldest kept): per interval one message with
 *                 HEADER and HASH, then messages with NUMBER and SEGMENTS or EVENTS batches
 *   INTERVAL_ACK  admin. NUMBER HASH: everything up to NUMBER is durably stored; refused
 *                 (EINVAL) if HASH is not that interval's
 *   INTERVAL_SEAL admin. seals the open interval now  -> NUMBER
 *   CONFIG_SET    admin. [PERIOD] [KEEP]
 *   SENSOR_SEEDED admin. the hold sensor is attached and has walked all open files; refused
 *                 unless it answers a challenge
 *   FILE_SET      admin. FILE STATE: what fdinfo says of a file found in use at start:
 *                 works (1): it holds its GPU from now on; idle (0): it holds nothing yet
 *   LOST_ADD      admin. COUNTER VALUE: the sensor's own losses, read by the daemon
 *                 (RECURSION, MISSED, RING only). GPU given: it goes blind (LOST).
 *   SENSOR_POLLED admin. where no sensor sees the edges of holds: a walk over all open files is
 *                 complete. Seals the open interval. What passed from the walk before to the
 *                 beginning of this one is observed, on a GPU where this walk and the two before
 *                 found the same files used by the same jobs and no other job submitted; else
 *                 it is unobserved, like the time of the walks. An interval that is sealed
 *                 otherwise is unobserved too, and polling begins anew.  -> NUMBER
 *   WORK_ADD      admin. GPU JOB START END VALUE ERROR CLASS STATE: from START to END the
 *                 cgroup JOB was seen to work on the GPU (STATE 1) or not to (0), for VALUE ns,
 *                 give or take ERROR. Charged to its job's tags by how much of the span each
 *                 was in force, in the open interval. 1: the job holds the GPU from now on if it
 *                 does not yet. 0: what may have held it since before START (an unknown use)
 *                 does not; and on a GPU of METER_CHANNEL, or of METER_TOLD where no file of its
 *                 is in use by the job, what held it since before START no longer does.
 */
#define EARMARK_COMMANDS(X)               \
	X(UNSPEC, "unspec")               \
	X(STATUS_GET, "status-get")       \
	X(TAG_SET, "tag-set")             \
	X(JOB_GET, "job-get")             \
	X(GPU_SET, "gpu-set")             \
	X(GPU_RETIRE, "gpu-retire")       \
	X(GPU_GET, "gpu-get")             \
	X(INTERVAL_GET, "interval-get")   \
	X(INTERVAL_ACK, "interval-ack")   \
	X(INTERVAL_SEAL, "interval-seal") \
	X(CONFIG_SET, "config-set")       \
	X(SENSOR_SEEDED, "sensor-seeded") \
	X(FILE_SET, "file-set")           \
	X(LOST_ADD, "lost-add")           \
	X(EVENT, "event")                 \
	X(SENSOR_POLLED, "sensor-polled") \
	X(WORK_ADD, "work-add")

/* EARMARK_ATTRS - X(id, name, netlink type, length): length is the maximum for strings
 * (without NUL) and binaries, 0 = any.
 */
#define EARMARK_ATTRS(X)                                                   \
	X(UNSPEC, "unspec", UNSPEC, 0)                                     \
	X(STATUS, "status", BINARY, sizeof(struct earmark_status))         \
	X(CGROUP_FD, "cgroup-fd", S32, 0)                                  \
	X(PURPOSE, "purpose", U8, 0)                                       \
	X(TAGGED_BY, "tagged-by", U8, 0)                                   \
	X(PROJECT, "project", NUL_STRING, EARMARK_PROJECT_LEN - 1)         \
	X(REF, "ref", NUL_STRING, EARMARK_REF_LEN - 1)                     \
	X(TAG, "tag", U32, 0)                                              \
	X(JOBS, "jobs", BINARY, 0)                                         \
	X(GPU, "gpu", U32, 0)                                              \
	X(GPUS, "gpus", BINARY, 0)                                         \
	X(NAME, "name", NUL_STRING, EARMARK_NAME_LEN - 1)                  \
	X(MODEL, "model", NUL_STRING, EARMARK_PROJECT_LEN - 1)             \
	X(UUID, "uuid", NUL_STRING, EARMARK_REF_LEN - 1)                   \
	X(WEIGHT, "weight", U32, 0)                                        \
	X(METER, "meter", U32, 0)                                          \
	X(DEVNUMS, "devnums", BINARY, EARMARK_DEVNUMS_MAX * sizeof(__u32)) \
	X(TEXT, "text", NUL_STRING, EARMARK_TEXT_LEN - 1)                  \
	X(NUMBER, "number", U64, 0)                                        \
	X(HEADER, "header", BINARY, sizeof(struct earmark_interval))       \
	X(HASH, "hash", BINARY, EARMARK_HASH_LEN)                          \
	X(SEGMENTS, "segments", BINARY, 0)                                 \
	X(EVENTS, "events", BINARY, 0)                                     \
	X(PERIOD, "period", U64, 0)                                        \
	X(KEEP, "keep", U64, 0)                                            \
	X(FILE, "file", U64, 0)                                            \
	X(STATE, "state", U8, 0)                                           \
	X(COUNTER, "counter", U32, 0)                                      \
	X(VALUE, "value", U64, 0)                                          \
	X(PAD, "pad", UNSPEC, 0)                                           \
	X(UID, "uid", U32, 0)                                              \
	X(GID, "gid", U32, 0)                                              \
	X(PID, "pid", U32, 0)                                              \
	X(COMM, "comm", NUL_STRING, 15)                                    \
	X(JOB, "job", U64, 0)                                              \
	X(START, "start", U64, 0)                                          \
	X(END, "end", U64, 0)                                              \
	X(ERROR, "error", U64, 0)                                          \
	X(CLASS, "class", U32, 0)

#define EARMARK_ENUM_CMD(id, name) EARMARK_CMD_##id,
#define EARMARK_ENUM_ATTR(id, name, type, len) EARMARK_A_##id,

enum earmark_cmd { EARMARK_COMMANDS(EARMARK_ENUM_CMD) EARMARK_CMD_COUNT };
enum earmark_attr { EARMARK_ATTRS(EARMARK_ENUM_ATTR) EARMARK_A_COUNT };

/* Without the module: records of the BPF ring, which earmarkd feeds to the same account core. */
enum earmark_ring_type {
	EARMARK_RING_USE = 1, /* first ioctl on a GPU file from a cgroup: devnum, file, cgroup */
	EARMARK_RING_FREE,    /* a used file is gone: file */
	EARMARK_RING_SUBMIT,  /* first submission since a file was freed: cgroup, engine */
	EARMARK_RING_ENGINE,  /* a scheduler seen for the first time: engine, name = its device */
	EARMARK_RING_EMPTY,   /* a cgroup lost its last process: cgroup */
	EARMARK_RING_MOVE,    /* a process entered a job's cgroup: pid, cgroup */
	EARMARK_RING_SEED,    /* a file found open by the iterator: devnum, file, cgroup, pid, fd */
	EARMARK_RING_CHANNEL, /* a channel may be asked for: devnum, cgroup; fd 1: unreadable */
};

struct earmark_ring {
	__u32 type;
	__u32 devnum; /* (major << 20) | minor */
	__u64 when;
	__u64 seq; /* per ring, gapless: a gap or a failed reserve blinds every GPU (LOST) */
	__u64 cgroup;
	__u64 file;   /* opaque, unique while the file lives */
	__u64 engine; /* opaque, unique while the scheduler lives */
	__u32 pid;    /* thread group, initial namespace */
	__u32 fd;     /* SEED */
	__u32 uid;
	__u32 pad;
	char name[EARMARK_NAME_LEN]; /* ENGINE: "<bus>/<device>"; others: comm of the process */
};

_Static_assert(sizeof(struct earmark_ring) == 128, "ring record is wire format");

#endif /* _UAPI_EARMARK_H */
