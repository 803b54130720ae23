/* SPDX-License-Identifier: GPL-2.0 */
/*
 * P7: an experiment. Orders at random times, announced beforehand: to move a share by adding, by
 * displacing, or (control) not at all; then the mean share while they held, on minus off, with a
 * randomisation test (measures, "Drill").
 */
#ifndef EM_DRILL_H
#define EM_DRILL_H

#include "probe/finding.h"
#include "probe/notes.h"
#include "probe/stats.h"

#define EM_DRILL_LEAST 2 /* of an arm and of controls */

enum em_arm { EM_ARM_CONTROL, EM_ARM_ADD, EM_ARM_DISPLACE, EM_ARMS };

const char *em_arm_name(enum em_arm arm);

/* struct em_trial - one order of a drill: which arm, and the mean share while it held */
struct em_trial {
	int64_t at;
	enum em_arm arm;
	double share;
};

/*
 * em_drill_plan() - @n times in @window, in order, that do not overlap while they hold, with as
 * many of each arm as can be, in random order. -ERANGE: the window is too short.
 */
int em_drill_plan(struct em_trial *out, size_t n, struct em_range window, int64_t hold,
		  gsl_rng *rng);

/**
 * struct em_effect - of one arm against the controls
 * @p: (1 + #{|τ_b| >= |τ|}) / (B + 1) over random reassignments of these trials
 * @least_p: the smallest that so few trials can give
 */
struct em_effect {
	size_t on, off;
	double effect, p, least_p;
};

/* Trials without a share (NaN) are left out. -EINVAL: too few. 0 or -ENOMEM. */
int em_drill_effect(struct em_effect *e, const struct em_trial *t, size_t n, enum em_arm arm,
		    gsl_rng *rng);

int em_probe_drill_plan(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);
int em_probe_drill_analyse(struct em_finding *f, struct em_ledger *l, const struct em_ask *a);

#endif
