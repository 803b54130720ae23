/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One DRM client (an open file of a GPU and all its duplicates): how long the engines have
 * worked for it from one look at its fdinfo to the next. Pure arithmetic.
 */
#ifndef EM_CLIENT_H
#define EM_CLIENT_H

#include "kernel/fdinfo.h"

#define EM_CLIENT_JOBS 8

/**
 * struct em_client_counter - engines of one kind
 * @ns: the most that was ever said: drivers' values may step back
 * @cycles: likewise, as far as they were turned into time
 * @total, @at: the GPU's clock and ours when they last were
 */
struct em_client_counter {
	char name[EM_FDINFO_KEY_LEN];
	__u64 ns, cycles, total, at;
};

/**
 * struct em_client_rate - of the clock of a GPU's engines: @ns of ours are @cycles of theirs
 */
struct em_client_rate {
	struct em_client_rate *next;
	__u32 gpu;
	char name[EM_FDINFO_KEY_LEN];
	__u64 ns, cycles;
};

/**
 * struct em_client - what is known of one
 * @since: its work is counted from here; none of it was done before
 * @read, @width: when it was last read, and how long that took: the counters are of then
 * @width_before: of the round before
 * @from: what was found last was done no earlier
 * @quiet: last read that found nothing new: where more is found than can have been done since the
 *	last one, the driver adds it up when work ends, and it was done since this
 * @charged: what was counted so far; never more than @capacity engines can do since @since
 * @fresh: of it, found in this round; @excess: what was said beyond that, in this round
 * @baseline: what is found first was done before @since
 * @worked: its engines have worked for it, ever
 * @pending: cycles were seen whose time cannot be told yet
 * @jobs: that used it when it was last seen; @n: how many, of which EM_CLIENT_JOBS are kept
 * @round: in which it was last seen
 * @gone: it was told that it is closed
 */
struct em_client {
	struct em_client *next;
	__u32 gpu;
	__u64 id;
	__u64 since, read, width, width_before, from, quiet;
	__u64 charged, capacity, fresh, excess;
	struct em_client_counter counters[EM_FDINFO_ENGINES];
	unsigned int n_counters;
	bool baseline, worked, pending, gone;
	__u64 jobs[EM_CLIENT_JOBS];
	unsigned int n;
	__u64 round;
};

/**
 * em_client_read() - takes in what fdinfo says
 * @before, @after: CLOCK_MONOTONIC when reading began and ended, ns
 * @rates: of clocks known so far; grows
 *
 * Adds to @fresh and @excess. Can be called for each of a client's files in a round.
 */
void em_client_read(struct em_client *c, const struct em_fdinfo *info, __u64 before, __u64 after,
		    struct em_client_rate **rates);

/* It is looked at in another round than before: nothing is found in that yet. */
void em_client_begin(struct em_client *c, __u64 round);

/* @job used it in this round. */
void em_client_used(struct em_client *c, __u64 job);

/*
 * em_client_edge() - how far @fresh may be off
 *
 * A counter is of some instant between the two ends of its reading: at each end of the span that
 * is counted, all engines may have worked for that long, or none.
 */
__u64 em_client_edge(const struct em_client *c);

/*
 * em_client_unread() - what it may have done and nobody read, if it was last seen at its last read
 * and was closed before @now: all its engines for all that time, and what could not be told yet.
 */
__u64 em_client_unread(const struct em_client *c, __u64 now);

#endif
