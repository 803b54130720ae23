/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What NVIDIA's driver tells: which GPUs there are, who works on them and for how long, what they
 * draw and what their memory holds. The hold sensor sees when a hold begins and ends; the lists of
 * running processes stand in for it where it is not there, and settle what it could not tell. Who
 * only has files open (a persistence daemon, a monitor) is in no such list and holds nothing.
 *
 * What it finds goes through struct em_nvidia_sink; it knows neither recorder nor ledger.
 */
#ifndef EM_NVIDIA_H
#define EM_NVIDIA_H

#include "kernel/process.h"
#include "kernel/source.h"
#include "kernel/utilisation.h"

#define EM_NVIDIA_TICK 1000000000ULL    /* between two looks at the lists, ns */
#define EM_NVIDIA_WINDOW 5000000000ULL  /* of samples; half of what the ring holds */
#define EM_NVIDIA_NOTE 60000000000ULL   /* between two notes of energy and memory */
#define EM_NVIDIA_RESCAN 10000000000ULL /* of devices; between two attempts to load NVML */

struct em_nvidia;

/* struct em_instant - one instant by both clocks, ns */
struct em_instant {
	__u64 monotonic;
	__s64 wall;
};

/* struct em_nvidia_span - a note: @amount is mJ, or byte-seconds of @job */
struct em_nvidia_span {
	__u32 gpu;
	__u64 job;
	__s64 since, until; /* CLOCK_REALTIME, ns */
	__u64 amount;
};

/* struct em_nvidia_sink - who is told. @work: as em_source_ops' */
struct em_nvidia_sink {
	int (*work)(const struct em_work *work, void *arg);
	void (*energy)(const struct em_nvidia_span *span, void *arg);
	void (*memory)(const struct em_nvidia_span *span, void *arg);
	void *arg;
};

/**
 * struct em_nvidia_options - each may be left out
 * @library: NULL: EM_NVML_LIBRARY, and only where the driver is loaded
 * @roots, @clock: for tests
 */
struct em_nvidia_options {
	const char *library;
	struct em_roots roots;
	void (*clock)(struct em_instant *now);
};

/**
 * struct em_nvidia_state - for `sensor list`, `doctor` and metrics
 * @attached: NVML answers
 * @driver_loaded: there is something to ask about
 * @why: not attached: one sentence with what is missing and how to get it
 * @lacks: what the library has not, as words; "" = nothing
 * @windows: of samples that were read; @failed: of them, those that told nothing; @late: that began
 *	before the ring did
 * @rejected: samples that were not believed, by enum em_util_reject
 * @refused: tellings that the recorder did not take
 * @steps: of the wall clock, by which samples are stamped
 * @lost: GPUs that fell off the bus; @denied: whose lists may not be read; @instances: of MIG,
 *whose busy time nothing says;
 *	@without: GPUs that keep no samples of processes
 */
struct em_nvidia_state {
	bool attached, driver_loaded;
	char why[384], driver[EM_NVML_TEXT_LEN], lacks[512];
	unsigned int gpus, lost, denied, instances, without;
	__u64 windows, failed, late, refused, steps, rejected[EM_UTIL_REJECT_COUNT];
};

/* Loads nothing yet. 0 or -ENOMEM. */
int em_nvidia_open(struct em_nvidia **n, const struct em_nvidia_options *options);
void em_nvidia_close(struct em_nvidia *n); /* what was not noted yet is not; poll first */

/*
 * em_nvidia_scan() - loads NVML if it is time, and looks for GPUs
 *
 * Return: 1 the GPUs are not the same as before, 0 they are. Nothing to ask is no failure.
 */
int em_nvidia_scan(struct em_nvidia *n);

/* The GPUs of the last scan that answer; @each as usual. */
int em_nvidia_gpus(struct em_nvidia *n, int (*each)(const struct earmark_gpu_info *gpu, void *arg),
		   void *arg);

/* A GPU as the recorder has it: its id, and whether files that are open may hold it. */
void em_nvidia_learn(struct em_nvidia *n, const struct earmark_gpu_info *gpu);

void em_nvidia_unlearn(struct em_nvidia *n); /* another recorder, or another load of it */

/* Looks once. @last: notes what is waiting to be noted, since there will be no other look. */
void em_nvidia_poll(struct em_nvidia *n, const struct em_nvidia_sink *sink, bool last);

const struct em_nvidia_state *em_nvidia_state(struct em_nvidia *n);

#endif
