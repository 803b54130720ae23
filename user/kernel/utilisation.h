/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long each job worked, out of samples that name one process each. Pure: no clock, no driver.
 *
 * NVML's ring holds 72 samples of about 139 ms. Each says how much of its time the engine was busy
 * and names one process that was found there; a sample in which nothing was busy is not there. The
 * device has samples of its own, which name nobody.
 */
#ifndef EM_UTILISATION_H
#define EM_UTILISATION_H

#include <stdbool.h>
#include <stddef.h>
#include "earmark.h"
#include "kernel/nvml.h"

#define EM_UTIL_SAMPLE 139000000ULL /* ns */
#define EM_UTIL_RING (72 * EM_UTIL_SAMPLE)
#define EM_UTIL_DEVICE_SAMPLE 1000000000ULL /* the longest that one of the device's covers, ns */

/*
 * EM_UTIL_REJECTS - why a sample is not believed
 *   PERCENT  more than 100 % of its time, or no number at all
 *   FUTURE   it ended after it was read
 *   PAST     it ended before what was read already, or before the ring begins
 *   TWICE    the same process and instant again
 *   STALE    no process that ran then has its id
 */
#define EM_UTIL_REJECTS(X)    \
	X(PERCENT, "percent") \
	X(FUTURE, "future")   \
	X(PAST, "past")       \
	X(TWICE, "twice")     \
	X(STALE, "stale")

#define EM_UTIL_ENUM(id, name) EM_UTIL_##id,
enum em_util_reject { EM_UTIL_REJECTS(EM_UTIL_ENUM) EM_UTIL_REJECT_COUNT };
extern const char *const em_util_reject_names[];

#define EM_UTIL_SHARED (~0ULL)

/**
 * struct em_util_sample - one that is believed
 * @at: CLOCK_MONOTONIC, ns, when it ended
 * @job: 0 = of no job that is known; EM_UTIL_SHARED = of a server that works for several
 */
struct em_util_sample {
	__u64 at;
	__u64 job;
	__u32 pid;
	__u32 percent;
};

/**
 * em_util_believe() - the samples that can be true, oldest first
 * @raw: as NVML has them, in any order
 * @ahead: of CLOCK_REALTIME over CLOCK_MONOTONIC, ns
 * @last: nothing until then is new, CLOCK_MONOTONIC, ns
 * @now: when they were read
 * @rejected: counts, by enum em_util_reject, are added to
 *
 * Return: how many are in @out, which has room for @n.
 */
size_t em_util_believe(const struct em_nvml_sample *raw, size_t n, __s64 ahead, __u64 last,
		       __u64 now, struct em_util_sample *out, __u64 *rejected);

/**
 * struct em_util_share - a job that could work in the window
 * @since: in: could work from then on at the earliest
 * @job: in; @busy, @error: out, ns: |@busy - true busy| <= @error
 * @estimate: in: a server works for it, or it is one that works for others (MPS)
 */
struct em_util_share {
	__u64 job, since;
	bool estimate;
	__u64 busy, error;
	__u32 class;
};

/**
 * struct em_util_window - what is known of a stretch of time on one GPU
 * @start, @end: CLOCK_MONOTONIC, ns
 * @samples: of processes, by @at
 * @device: of the whole device, by @at; @has_device: it has such samples at all
 */
struct em_util_window {
	__u64 start, end;
	const struct em_util_sample *samples, *device;
	size_t n_samples, n_device;
	bool has_device;
};

/* Fills in @busy, @error and @class of each share. The sum never passes the device's busy time. */
void em_util_split(const struct em_util_window *w, struct em_util_share *shares, size_t n);

/* What the device's samples say: @busy ns of the window, and nothing of @open ns of it. */
void em_util_device(const struct em_util_window *w, __u64 *busy, __u64 *open);

#endif
