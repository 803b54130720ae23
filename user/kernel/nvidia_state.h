/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the NVIDIA sampler share; see nvidia.h. */
#ifndef EM_NVIDIA_STATE_H
#define EM_NVIDIA_STATE_H

#include "kernel/nvidia.h"

/**
 * struct em_nvidia_process - one that was in a running list
 * @from, @until: when it was seen there first and last, CLOCK_MONOTONIC, ns
 * @bytes: of device memory, at @until
 * @client, @server: of MPS
 * @was: in the list at the look before
 */
struct em_nvidia_process {
	struct em_process p;
	__u64 from, until, bytes;
	bool client, server, was;
};

/* struct em_nvidia_memory - of a job since the last note, byte nanoseconds */
struct em_nvidia_memory {
	__u64 job;
	unsigned __int128 amount;
};

/**
 * struct em_nvidia_gpu - a GPU or a MIG instance
 * @id: the recorder's, 0 = it does not know it yet; @files: files that are open may hold it;
 *	@news: since the last look
 * @told_id: whom the holders are told to already
 * @lost: does not answer any more
 * @answers: its lists were read at the last look
 * @denied: its lists may not be read
 * @without: has no samples of processes
 * @window: samples are read up to here, CLOCK_MONOTONIC, ns; 0 = none yet
 * @processes: those that still matter
 * @energy, @energy_at: the counter at the last note; @energy_at.monotonic 0 = not read yet
 */
struct em_nvidia_gpu {
	struct earmark_gpu_info info;
	em_nvml_device device;
	__u32 id, told_id;
	bool mig, files, news, lost, answers, denied, without, seen;
	__u64 window;
	struct em_nvidia_process *processes;
	size_t n_processes;
	struct em_nvidia_memory *memory;
	size_t n_memory;
	__u64 energy;
	struct em_instant energy_at;
	struct em_nvidia_gpu *next;
};

/**
 * struct em_nvidia
 * @ahead: of the wall clock over the monotonic one, at the last look; @stepped: that has changed
 * @looked: the last look, CLOCK_MONOTONIC, ns; 0 = none
 * @noted: since when energy and memory are not noted yet
 * @failures: in a row, of any GPU, that no GPU explains
 */
struct em_nvidia {
	struct em_nvidia_options options;
	char *library;
	struct em_nvml *nvml;
	struct em_nvidia_gpu *gpus;
	struct em_nvidia_state state;
	struct em_instant noted;
	__s64 ahead;
	bool stepped;
	__u64 looked, scan_after, windows_after;
	unsigned int failures;
};

/* What a call's failure means beyond the call: a lost GPU, a driver that is not the same. */
void em_nvidia_failed(struct em_nvidia *n, struct em_nvidia_gpu *gpu, int r);

void em_nvidia_gpu_free(struct em_nvidia_gpu *gpu);

/* --- nvidia_find.c --------------------------------------------------------------------------- */

int em_nvidia_find(struct em_nvidia *n); /* as em_nvidia_scan(), with NVML loaded */

/* --- nvidia_process.c ------------------------------------------------------------------------ */

/* Reads the running lists. */
void em_nvidia_processes(struct em_nvidia *n, struct em_nvidia_gpu *gpu,
			 const struct em_nvidia_sink *sink, __u64 now);
/* Jobs whose open files may hold the GPU and who are in no list: they do not work there. */
void em_nvidia_settle(struct em_nvidia *n, const struct em_nvidia_sink *sink, __u64 now);

/* The job that @pid was of at @at; 0 = of none that is known; EM_UTIL_SHARED: a server of several
 */
__u64 em_nvidia_job_at(struct em_nvidia *n, const struct em_nvidia_gpu *gpu, __u32 pid, __u64 at);
/* The jobs that could work since then; *shares to be freed. How many, or -ENOMEM. */
int em_nvidia_shares(const struct em_nvidia_gpu *gpu, __u64 since, struct em_util_share **shares);

/* --- nvidia_busy.c --------------------------------------------------------------------------- */

void em_nvidia_tell(struct em_nvidia *n, const struct em_nvidia_sink *sink,
		    const struct em_work *work);
/* Reads the samples since the last window, and tells whose they were. */
void em_nvidia_window(struct em_nvidia *n, struct em_nvidia_gpu *gpu,
		      const struct em_nvidia_sink *sink, const struct em_instant *now);

/* --- nvidia_note.c --------------------------------------------------------------------------- */

void em_nvidia_remember(struct em_nvidia_gpu *gpu, __u64 job, __u64 bytes, __u64 ns);
void em_nvidia_note(struct em_nvidia *n, struct em_nvidia_gpu *gpu,
		    const struct em_nvidia_sink *sink, const struct em_instant *now);

#endif
