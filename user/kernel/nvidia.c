// SPDX-License-Identifier: GPL-2.0
/* The NVIDIA sampler: coming, going, one look at a time; see nvidia.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "kernel/nvidia_state.h"

#define GIVE_UP 5                 /* failures in a row that no GPU explains: NVML is asked anew */
#define STEP (100 * EM_NS_PER_MS) /* of the wall clock; less is slewing */

static void real_clock(struct em_instant *now)
{
	now->monotonic = em_time_monotonic();
	now->wall = em_time_now();
}

int em_nvidia_open(struct em_nvidia **ret, const struct em_nvidia_options *options)
{
	struct em_nvidia *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->options = *options;
	if (!n->options.clock)
		n->options.clock = real_clock;
	if (options->library) {
		n->library = strdup(options->library);
		if (!n->library) {
			free(n);
			return -ENOMEM;
		}
	}
	*ret = n;
	return 0;
}

void em_nvidia_gpu_free(struct em_nvidia_gpu *gpu)
{
	free(gpu->processes);
	free(gpu->memory);
	free(gpu);
}

static void detach(struct em_nvidia *n)
{
	while (n->gpus) {
		struct em_nvidia_gpu *gpu = n->gpus;

		n->gpus = gpu->next;
		em_nvidia_gpu_free(gpu);
	}
	em_nvml_close(TAKE_PTR(n->nvml));
	n->state.attached = false;
	n->state.gpus = n->state.lost = n->state.instances = n->state.without = n->state.denied = 0;
	n->failures = 0;
	n->looked = 0;
}

void em_nvidia_close(struct em_nvidia *n)
{
	if (!n)
		return;
	detach(n);
	free(n->library);
	free(n);
}

/* --- NVML ------------------------------------------------------------------------------------- */

static bool driver_loaded(const struct em_nvidia *n)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/driver/nvidia/version",
		 n->options.roots.proc ? n->options.roots.proc : "/proc");
	return !access(path, F_OK);
}

/*
 * A library is not even tried where no driver is loaded: initialising it would have it try to load
 * one. Where the site names a library, the site knows.
 */
static void attach(struct em_nvidia *n)
{
	char err[200];
	int r;

	n->state.driver_loaded = driver_loaded(n);
	if (!n->library && !n->state.driver_loaded) {
		snprintf(n->state.why, sizeof(n->state.why), "NVIDIA's driver is not loaded");
		return;
	}
	r = em_nvml_open(&n->nvml, n->library, err, sizeof(err));
	if (r) {
		snprintf(n->state.why, sizeof(n->state.why), "%s%s", err,
			 r == -ENOENT ? "; install the driver's NVML library, or name it as nvml "
					"in earmarkd.yaml"
			 : r == -ENXIO && n->state.driver_loaded
				 ? "; it is, but was not when earmarkd started, whose sandbox "
				   "has no device of it: restart earmarkd"
				 : "");
		return;
	}
	n->state.attached = true;
	n->state.why[0] = '\0';
	snprintf(n->state.driver, sizeof(n->state.driver), "%s", em_nvml_driver(n->nvml));
	snprintf(n->state.lacks, sizeof(n->state.lacks), "%s", em_nvml_lacks(n->nvml));
}

void em_nvidia_failed(struct em_nvidia *n, struct em_nvidia_gpu *gpu, int r)
{
	if (r == -ENODEV && gpu) {
		gpu->lost = true;
		n->scan_after = 0;
	} else if (r == -ENXIO) {
		n->failures = GIVE_UP;
	} else if (r != -EACCES) { /* what is not permitted will not be permitted anew */
		n->failures++;
	}
}

/* The driver was unloaded, or another loaded: handles mean nothing any more. */
static bool gave_up(struct em_nvidia *n)
{
	if (n->failures < GIVE_UP)
		return false;
	detach(n);
	snprintf(n->state.why, sizeof(n->state.why),
		 "NVML does not answer any more: the driver was unloaded or replaced");
	n->scan_after = 0;
	return true;
}

int em_nvidia_scan(struct em_nvidia *n)
{
	struct em_instant now;
	bool had = n->gpus;
	int r;

	n->options.clock(&now);
	if (now.monotonic < n->scan_after)
		return 0;
	if (!n->nvml)
		attach(n);
	n->scan_after = now.monotonic + EM_NVIDIA_RESCAN;
	if (!n->nvml)
		return 0;
	r = em_nvidia_find(n);
	if (r < 0)
		em_nvidia_failed(n, NULL, r);
	return gave_up(n) ? had : r > 0;
}

/* --- what others ask ------------------------------------------------------------------------- */

int em_nvidia_gpus(struct em_nvidia *n, int (*each)(const struct earmark_gpu_info *gpu, void *arg),
		   void *arg)
{
	int r = 0;

	for (struct em_nvidia_gpu *gpu = n->gpus; !r && gpu; gpu = gpu->next) {
		if (!gpu->lost)
			r = each(&gpu->info, arg);
	}
	return r;
}

void em_nvidia_learn(struct em_nvidia *n, const struct earmark_gpu_info *known)
{
	for (struct em_nvidia_gpu *gpu = n->gpus; gpu; gpu = gpu->next) {
		if (strcmp(gpu->info.name, known->name))
			continue;
		gpu->id = known->gpu;
		gpu->news |= !gpu->files && known->blind & EARMARK_BLIND_FILE;
		gpu->files = known->blind & EARMARK_BLIND_FILE;
	}
}

void em_nvidia_unlearn(struct em_nvidia *n)
{
	for (struct em_nvidia_gpu *gpu = n->gpus; gpu; gpu = gpu->next)
		gpu->id = gpu->told_id = 0;
}

const struct em_nvidia_state *em_nvidia_state(struct em_nvidia *n)
{
	n->state.gpus = n->state.lost = n->state.instances = n->state.without = n->state.denied = 0;
	for (struct em_nvidia_gpu *gpu = n->gpus; gpu; gpu = gpu->next) {
		n->state.gpus++;
		n->state.lost += gpu->lost;
		n->state.denied += gpu->denied;
		n->state.instances += gpu->mig;
		n->state.without += gpu->without && !gpu->mig;
	}
	return &n->state;
}

/* --- one look -------------------------------------------------------------------------------- */

/* Samples are stamped by the wall clock: those from before a step cannot be placed. */
static void look_at_clock(struct em_nvidia *n, const struct em_instant *now)
{
	__s64 ahead = now->wall - (__s64)now->monotonic;

	if (n->looked && llabs(ahead - n->ahead) > STEP) {
		n->stepped = true;
		n->state.steps++;
	}
	n->ahead = ahead;
}

static void look_at(struct em_nvidia *n, struct em_nvidia_gpu *gpu,
		    const struct em_nvidia_sink *sink, const struct em_instant *now, bool window,
		    bool note)
{
	if (gpu->lost)
		return;
	em_nvidia_processes(n, gpu, sink, now->monotonic);
	if (window && gpu->answers)
		em_nvidia_window(n, gpu, sink, now);
	if (note && !gpu->lost)
		em_nvidia_note(n, gpu, sink, now);
}

/* Return: whether a GPU went blind for open files since the last look. */
static bool news(struct em_nvidia *n)
{
	bool any = false;

	for (struct em_nvidia_gpu *gpu = n->gpus; gpu; gpu = gpu->next) {
		any |= gpu->news;
		gpu->news = false;
	}
	return any;
}

void em_nvidia_poll(struct em_nvidia *n, const struct em_nvidia_sink *sink, bool last)
{
	struct em_instant now;
	bool window, note;

	if (!n->nvml)
		return;
	n->options.clock(&now);
	look_at_clock(n, &now);
	window = last || now.monotonic >= n->windows_after;
	note = last || !n->noted.monotonic || now.monotonic >= n->noted.monotonic + EM_NVIDIA_NOTE;
	for (struct em_nvidia_gpu *gpu = n->gpus; gpu; gpu = gpu->next)
		look_at(n, gpu, sink, &now, window, note);
	/* to walk over all processes costs: at once where it is news, else now and then */
	if (news(n) || window)
		em_nvidia_settle(n, sink, now.monotonic);
	if (window) {
		n->windows_after = now.monotonic + EM_NVIDIA_WINDOW;
		n->stepped = false;
	}
	if (note)
		n->noted = now;
	n->looked = now.monotonic;
	gave_up(n);
}
