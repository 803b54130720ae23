/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ledger of one node: what was recorded, durably, in order, each interval once. Behind this
 * interface stands a Merkle log (log.h), which is the truth, and an SQLite file beside it
 * (ledger.db), which is an index of it and can be made anew from it; SQL is written nowhere else.
 * Readers need only read permission on the directory.
 *
 * Instants are wall clock nanoseconds (CLOCK_REALTIME) unless said otherwise; durations ns.
 * Functions return 0 or -errno; em_ledger_error() then is one sentence for people. A reader
 * sees the intervals that were there when it opened the ledger: what it asks for in several
 * calls adds up.
 */
#ifndef EM_LEDGER_H
#define EM_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/interval.h"

struct em_ledger;

enum { EM_LEDGER_READ, EM_LEDGER_WRITE }; /* WRITE: one process at a time (-EBUSY) */

int em_ledger_open(struct em_ledger **l, const char *dir, int mode);
/*
 * As em_ledger_open() for writing. @origin: ORG/CLUSTER/NODE, of a ledger that begins here; ""
 * = a default. @key_file: of its key; NULL = "key" in @dir.
 */
int em_ledger_open_as(struct em_ledger **l, const char *dir, const char *origin,
		      const char *key_file);
/* For reading, from the log alone (a folder or an address): no index that is there is looked at. */
int em_ledger_open_log(struct em_ledger **l, const char *dir_or_url);
/*
 * Many ledgers, for reading, as one: nodes of a cluster. Sums are over all; a GPU's name has its
 * ledger's directory before it. @dirs: directories of ledgers, or directories of such. Where one of
 * them holds an inventory (a note of that kind), every GPU that it lists counts: what no ledger
 * speaks of is unobserved for as long as the inventory has it, and never absent.
 */
int em_ledger_open_many(struct em_ledger **l, const char *const *dirs, unsigned int n);
/* Origins that an inventory lists and whose ledger is not among them, one by one; NULL: no more. */
const char *em_ledger_missing(const struct em_ledger *l, unsigned int n);
/* Of many: the n-th ledger's name, which stands before a ':' in its GPUs' names. NULL: no more. */
const char *em_ledger_member(const struct em_ledger *l, unsigned int n);
void em_ledger_close(struct em_ledger *l);
const char *em_ledger_error(const struct em_ledger *l); /* NULL: why the last open failed */
/* What was wrong with the index, so that a reader reads from the log instead; "" = nothing. */
const char *em_ledger_trouble(const struct em_ledger *l);

/**
 * em_ledger_append() - take an interval and all that it says
 *
 * Without em_ledger_fold() it is durable when this returns 0; with it, em_ledger_last() says what
 * is. An interval that is already there, byte for byte, is 0 too (acknowledgements can be lost);
 * another one of the same load and number is -EEXIST; one that skips numbers or does not chain is
 * stored and flagged by an integrity note. On any other failure what waited to be folded is
 * forgotten: whoever recorded it still has it, after em_ledger_last().
 */
int em_ledger_append(struct em_ledger *l, const struct em_interval *i);

/**
 * struct em_allocated - what a scheduler gave to a job in an interval
 * @gpu, @tag: ids of the interval's load; 0 = untagged
 * @ns: how long the job had the GPU given while the tag was in force on it
 */
struct em_allocated {
	__u64 job;
	__u32 gpu, tag;
	__u64 ns;
};

/*
 * As em_ledger_append(), with what was allocated meanwhile: it is no part of what the recorder
 * sealed, and stands in the entry beside it. Of a job on a GPU at most the interval's length.
 */
int em_ledger_append_allocated(struct em_ledger *l, const struct em_interval *i,
			       const struct em_allocated *allocated, unsigned int n);

/* Intervals inside the same @span ns of wall time become one entry; 0 = each is its own. */
void em_ledger_fold(struct em_ledger *l, int64_t span);
/* Makes durable what waits to be folded. */
int em_ledger_flush(struct em_ledger *l);

/*
 * Many changes at once: those between are durable together, 256 entries at a time, when
 * em_ledger_batch_end() returns 0 at the latest.
 */
int em_ledger_batch(struct em_ledger *l);
int em_ledger_batch_end(struct em_ledger *l);

/*
 * The log turned out not to be what was signed last (a witness or the recorder remembers more): it
 * is left as it is, and another begins.
 */
int em_ledger_leave(struct em_ledger *l, const char *why);

/* Makes the index anew from the log. */
int em_ledger_reindex(struct em_ledger *l);
/* A new key under the log's name signs from here on; both keys sign the entry that says so. */
int em_ledger_turn_key(struct em_ledger *l);

/* The last durable interval of a load; *number = 0 if none. */
int em_ledger_last(struct em_ledger *l, const __u8 load_id[16], __u64 *number,
		   __u8 hash[EARMARK_HASH_LEN]);

/*
 * What intervals refer to and this ledger was never told (a list of events was full, or an
 * earlier ledger was). Unknown tags read as untagged, unknown GPUs as "unknown/…".
 */
bool em_ledger_unknown(struct em_ledger *l, const __u8 load_id[16]);
int em_ledger_learn_gpu(struct em_ledger *l, const __u8 load_id[16],
			const struct earmark_gpu_info *gpu);
int em_ledger_learn_job(struct em_ledger *l, const __u8 load_id[16],
			const struct earmark_job_info *job);

/* Retires a GPU that the recorder of the day does not know. -ENOENT: the ledger neither. */
int em_ledger_retire(struct em_ledger *l, const char *gpu, const char *reason, __u32 uid);

/**
 * struct em_span - what part of time a ledger can speak of
 * @start, @end: of the intervals that lie whole inside the window asked for
 * @intervals: how many; @stretched, @broken, @sampled: how many of them
 * @recorders: bit mask of 1 << enum earmark_recorder
 * @lost: events counted lost in these intervals, by enum earmark_lost
 */
struct em_span {
	int64_t start, end;
	uint64_t intervals, stretched, broken, sampled;
	unsigned int recorders;
	uint64_t lost[16];
};

int em_ledger_span(struct em_ledger *l, int64_t since, int64_t until, struct em_span *span);

/*
 * Between em_ledger_hold() and em_ledger_release() a reader asks many things at the price of one:
 * the index is locked once. Meanwhile its writer waits, so: no longer than a few sums take. Neither
 * can fail, and where the lock cannot be had each question takes its own, as ever.
 */
void em_ledger_hold(struct em_ledger *l);
void em_ledger_release(struct em_ledger *l);

/**
 * struct em_usage - a sum of usage rows
 *
 * @gpu is the GPU's name (unique for the node), @job the cgroup id within @boot_id. Tag
 * fields are those of the tag in force. Strings live until the callback returns.
 * @busy_error: bound on what @busy may be off by, either way; @busy_class: the worst enum
 *	earmark_class in it
 * @allocated: how long a scheduler had given the GPU to the job; in a replayed ledger, gpu_time
 */
struct em_usage {
	const char *boot_id; /* hex */
	uint64_t job;
	const char *path;
	uint32_t uid;
	const char *gpu;
	unsigned int purpose, tagged_by;
	const char *project, *ref;
	uint64_t gpu_time, held, busy, busy_error, allocated;
	unsigned int busy_class;
	int64_t first, last; /* start of the first and end of the last interval with it */
};

/* Every (job, GPU, tag) with its sums over the intervals whole inside the window. */
int em_ledger_usage(struct em_ledger *l, int64_t since, int64_t until,
		    int (*each)(const struct em_usage *, void *), void *arg);

/*
 * struct em_total - of all jobs, by what the tag in force was, and of some of the GPUs: one with a
 * tag may come several times, as 64 bits do not hold a fleet's time; figures as em_usage's
 */
struct em_total {
	unsigned int purpose, tagged_by;
	uint64_t gpu_time, held, busy, busy_error, allocated;
	unsigned int busy_class;
};

static inline struct em_total em_usage_total(const struct em_usage *u)
{
	return (struct em_total){ u->purpose, u->tagged_by,  u->gpu_time,  u->held,
				  u->busy,    u->busy_error, u->allocated, u->busy_class };
}

/* em_ledger_usage(), summed: many windows one after the other cost little. */
int em_ledger_totals(struct em_ledger *l, int64_t since, int64_t until,
		     int (*each)(const struct em_total *, void *), void *arg);

/* struct em_ledger_row - a job on a GPU under one tag, in one entry; strings as em_usage's */
struct em_ledger_row {
	uint64_t entry;
	int64_t start, end; /* of the entry */
	uint64_t job;
	const char *gpu, *path, *project, *ref;
	unsigned int purpose, tagged_by;
	uint64_t gpu_time;
};

/* Every row of the intervals whole inside the window, in the order of the log. */
int em_ledger_rows(struct em_ledger *l, int64_t since, int64_t until,
		   int (*each)(const struct em_ledger_row *, void *), void *arg);

/**
 * struct em_work_row - what one entry says of a GPU: a row for each job and tag, and one for the
 * GPU
 * @gpu_id: as its load called it; @gpu: its name
 * @purpose: EARMARK_PURPOSE_COUNT: the GPU's own row, @busy is that of no known job
 */
struct em_work_row {
	int64_t start, end;  /* of the entry */
	const char *boot_id; /* hex */
	uint32_t gpu_id;
	const char *gpu;
	uint64_t job;
	const char *path;
	unsigned int purpose;
	uint64_t gpu_time, busy;
};

/* Every row of entries that overlap the window, in no order. */
int em_ledger_work(struct em_ledger *l, int64_t since, int64_t until,
		   int (*each)(const struct em_work_row *, void *), void *arg);

/**
 * struct em_gpu_usage - a GPU's sums
 * @wall: recorded time; wall = Σ usage.gpu_time + idle + unobserved
 * @id: the ledger's own, the same over all loads
 * @gap: time in the window, after it entered the inventory and before it was retired, that
 *	no interval covers, or that intervals cover which do not speak of it: unobserved too,
 *	but not part of @wall. What follows the last interval counts once it is longer than
 *	three periods (the "period" state, in ns).
 * @missing: of @gap, what an inventory lists and no ledger speaks of
 * @unattributed: busy of no known job. @charged: Σ over intervals of
 *	min(unattributed busy, idle) - what a report moves from idle to used.
 * @blind: every EARMARK_BLIND_* seen
 * @engines: how many; @busy: Σ of its engines; @engine_wall: Σ of wall per engine
 * @blind_busy: Σ (wall - busy) over engines in intervals with loss or blindness (x_b)
 */
struct em_gpu_usage {
	uint32_t id;
	const char *name, *model, *uuid;
	uint32_t weight;
	int64_t since, retired; /* 0 = not retired */
	uint64_t wall, idle, unobserved, gap, missing, unattributed, charged;
	unsigned int blind;
	uint32_t engines;
	uint64_t busy, engine_wall, blind_busy;
};

int em_ledger_gpus(struct em_ledger *l, int64_t since, int64_t until,
		   int (*each)(const struct em_gpu_usage *, void *), void *arg);

/* Events in order of time; job 0 = all; types: bit mask of 1 << enum earmark_event_type. */
struct em_event {
	struct earmark_event e;
	int64_t wall;
	const char *boot_id;
	uint64_t interval;
};

int em_ledger_events(struct em_ledger *l, int64_t since, int64_t until, unsigned int types,
		     uint64_t job, int (*each)(const struct em_event *, void *), void *arg);

/* Small durable state of later stages (alerts, configuration), as JSON text by key. */
int em_ledger_state_set(struct em_ledger *l, const char *key, const char *json);
int em_ledger_state_get(struct em_ledger *l, const char *key, char **json); /* caller frees */
/* A dated note that enters the record: alert transitions, daemon start and stop, integrity. */
int em_ledger_note(struct em_ledger *l, const char *kind, const char *json);
int em_ledger_note_at(struct em_ledger *l, int64_t wall, const char *kind, const char *json);
int em_ledger_notes(struct em_ledger *l, int64_t since, int64_t until, const char *kind,
		    int (*each)(int64_t wall, const char *kind, const char *json, void *),
		    void *arg);

#endif
