/* SPDX-License-Identifier: GPL-2.0 */
/* What the sensors that sample have counted; see sampling.c. */
#ifndef EM_DAEMON_SAMPLING_H
#define EM_DAEMON_SAMPLING_H

#include "kernel/crosscheck.h"
#include "kernel/kfd.h"
#include "kernel/sampler.h"

/* struct em_sampling_counts - since the daemon met its recorder */
struct em_sampling_counts {
	struct em_sampler_counts fdinfo;
	struct em_kfd_counts kfd;
	struct em_crosscheck_counts check;
};

#endif
