// SPDX-License-Identifier: GPL-2.0
/* How long who worked, out of the driver's samples; see utilisation.h for what they are worth. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "kernel/nvidia_state.h"

void em_nvidia_tell(struct em_nvidia *n, const struct em_nvidia_sink *sink,
		    const struct em_work *work)
{
	if (!work->gpu)
		return;
	if (sink->work(work, sink->arg))
		n->state.refused++;
}

/**
 * struct reading - the samples of one window
 * @ok: they say something; else nothing is known of who was busy
 */
struct reading {
	struct em_util_sample *samples, *device;
	size_t n_samples, n_device;
	bool has_device, ok;
};

static void reading_free(struct reading *r)
{
	free(r->samples);
	free(r->device);
}

typedef int read_fn(struct em_nvml *, em_nvml_device, __u64, struct em_nvml_sample **);

/* Return: how many are believed, in *ret; or -errno. */
static int read_samples(struct em_nvidia *n, struct em_nvidia_gpu *gpu, read_fn *get,
			struct em_util_sample **ret)
{
	_cleanup_free_ struct em_nvml_sample *raw = NULL;
	struct em_instant now;
	int count = get(n->nvml, gpu->device, (__u64)((__s64)gpu->window + n->ahead) / 1000, &raw);

	if (count < 0)
		return count;
	n->options.clock(&now); /* a sample may have been taken since the look began */
	*ret = calloc((size_t)count + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	return (int)em_util_believe(raw, (size_t)count, n->ahead, gpu->window, now.monotonic, *ret,
				    n->state.rejected);
}

static void read_window(struct em_nvidia *n, struct em_nvidia_gpu *gpu, struct reading *r)
{
	int processes = read_samples(n, gpu, em_nvml_process_samples, &r->samples);
	int device = processes < 0 ? 0 : read_samples(n, gpu, em_nvml_device_samples, &r->device);

	gpu->without = processes == -EOPNOTSUPP || processes == -ENOSYS || processes == -EACCES;
	if (processes < 0 && !gpu->without)
		em_nvidia_failed(n, gpu, processes);
	if (processes < 0 || n->stepped)
		return;
	r->ok = true;
	r->n_samples = (size_t)processes;
	r->n_device = device > 0 ? (size_t)device : 0;
	r->has_device = device >= 0;
}

/*
 * Up to the last sample: what came after it is in the next ones. Where there is none nothing ran,
 * and it is over.
 */
static __u64 end_of(const struct reading *r, __u64 now)
{
	if (!r->ok || (!r->n_device && !r->n_samples))
		return now;
	return r->n_device ? r->device[r->n_device - 1].at : r->samples[r->n_samples - 1].at;
}

/* A process that no list has shown can be named all the same. */
static int add_named(struct em_util_share **shares, int count, __u64 job)
{
	struct em_util_share *more;

	for (int i = 0; i < count; i++) {
		if ((*shares)[i].job == job)
			return count;
	}
	more = reallocarray(*shares, (size_t)count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	*shares = more;
	more[count] = (struct em_util_share){ .job = job };
	return count + 1;
}

static int name_samples(struct em_nvidia *n, struct em_nvidia_gpu *gpu, struct reading *r,
			struct em_util_share **shares, int count)
{
	for (size_t i = 0; count >= 0 && i < r->n_samples; i++) {
		struct em_util_sample *s = &r->samples[i];

		s->job = em_nvidia_job_at(n, gpu, s->pid, s->at);
		if (!s->job && s->percent)
			n->state.rejected[EM_UTIL_STALE]++;
		else if (s->job && s->job != EM_UTIL_SHARED && s->percent)
			count = add_named(shares, count, s->job);
	}
	return count;
}

/* Nothing is known: anything from nothing to all of it. */
static void say_unknown(const struct em_util_window *w, struct em_util_share *shares, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		shares[i].busy = 0;
		shares[i].error = w->end - w->start;
		shares[i].class = EARMARK_CLASS_ESTIMATE;
	}
}

/*
 * Who has left the lists meanwhile did work: that is told too, and then that it does not any more.
 */
static void tell_share(struct em_nvidia *n, const struct em_nvidia_gpu *gpu,
		       const struct em_nvidia_sink *sink, const struct em_util_window *w,
		       const struct em_util_share *share, __u64 now)
{
	struct em_work work = { .gpu = gpu->id,
				.class = share->class,
				.job = share->job,
				.start = w->start,
				.end = w->end,
				.busy = share->busy,
				.error = share->error,
				.works = true };

	/* it came after the look before the one that found it */
	if (share->since > w->start + EM_NVIDIA_TICK)
		work.start = share->since - EM_NVIDIA_TICK;
	if (work.start >= w->end)
		work.start = w->start;
	em_nvidia_tell(n, sink, &work);
	for (size_t i = 0; i < gpu->n_processes; i++) {
		if (gpu->processes[i].p.job == share->job && gpu->processes[i].until == now)
			return;
	}
	work.works = false;
	work.busy = work.error = 0;
	work.start = work.end = now;
	em_nvidia_tell(n, sink, &work);
}

static void close_window(struct em_nvidia *n, struct em_nvidia_gpu *gpu, struct reading *r,
			 const struct em_nvidia_sink *sink, __u64 now)
{
	struct em_util_window w = { gpu->window,  end_of(r, now), r->samples,   r->device,
				    r->n_samples, r->n_device,    r->has_device };
	_cleanup_free_ struct em_util_share *shares = NULL;
	int count;

	if (w.end <= w.start)
		return;
	count = em_nvidia_shares(gpu, w.start, &shares);
	if (count >= 0 && r->ok)
		count = name_samples(n, gpu, r, &shares, count);
	if (count < 0)
		return; /* out of memory: the next window is longer */
	if (r->ok)
		em_util_split(&w, shares, (size_t)count);
	else
		say_unknown(&w, shares, (size_t)count);
	for (int i = 0; i < count; i++)
		tell_share(n, gpu, sink, &w, &shares[i], now);
	n->state.windows++;
	n->state.failed += !r->ok && !gpu->mig;
	n->state.late += now - w.start > EM_UTIL_RING;
	gpu->window = w.end;
}

void em_nvidia_window(struct em_nvidia *n, struct em_nvidia_gpu *gpu,
		      const struct em_nvidia_sink *sink, const struct em_instant *now)
{
	_cleanup_(reading_free) struct reading r = { 0 };

	if (!gpu->window) {
		gpu->window = now->monotonic; /* what was before nobody had asked about */
		return;
	}
	if (!gpu->mig)
		read_window(n, gpu, &r);
	if (!gpu->lost)
		close_window(n, gpu, &r, sink, now->monotonic);
}
