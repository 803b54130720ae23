/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The cross-check: where every piece of work is seen by the scheduler's tracepoints, fdinfo says
 * how long engines worked too. In windows, a GPU's sums of both are compared; a difference that
 * their bounds do not explain is counted. It replaces nothing: the exact figure stands.
 *
 * What it proves depends on the driver. amdgpu's fdinfo is made from the very time stamps that the
 * tracepoints show: agreement there proves plumbing only. v3d's, panfrost's and msm's come from
 * counters or interrupts of the hardware's own.
 */
#ifndef EM_CROSSCHECK_H
#define EM_CROSSCHECK_H

#include "kernel/interval.h"
#include "kernel/source.h"

#define EM_CROSSCHECK_WINDOW 60000000000ull /* ns, at least */

struct em_crosscheck;

/**
 * struct em_crosscheck_counts - since it was made
 * @windows: compared; @differ: of them, where the sums were farther apart than their bound
 * @gpu, @fdinfo, @exact, @bound: the last that differed, ns
 */
struct em_crosscheck_counts {
	__u64 windows, differ;
	__u32 gpu;
	__u64 fdinfo, exact, bound;
};

struct em_crosscheck *em_crosscheck_new(void);
void em_crosscheck_free(struct em_crosscheck *c);

/* What fdinfo says was done on work->gpu since the round before. */
void em_crosscheck_fdinfo(struct em_crosscheck *c, const struct em_work *work);

/* What the recorder says was done in an interval; in their order. */
void em_crosscheck_interval(struct em_crosscheck *c, const struct em_interval *interval);

/*
 * em_crosscheck_round() - a round over the files of @gpu's, which has @engines, ended at @at
 * @every: ns between rounds
 *
 * The two are not taken at the same instant, and work that is under way is in one of them and not
 * in the other: at either end of a window, all engines may have worked for as long as the two are
 * apart, and for a round.
 */
void em_crosscheck_round(struct em_crosscheck *c, __u32 gpu, __u32 engines, __u64 at, __u64 every);

const struct em_crosscheck_counts *em_crosscheck_counts(const struct em_crosscheck *c);

#endif
