// SPDX-License-Identifier: GPL-2.0
/* Who runs on a GPU, by the driver's own lists; see nvidia_state.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/nvidia_state.h"

#define MPS_SERVER "nvidia-cuda-mps" /* as much of nvidia-cuda-mps-server as comm has room for */
#define START_GRAIN 20000000ULL      /* ns: a process's start is known in hundredths of a second */

/* --- the table ------------------------------------------------------------------------------- */

static struct em_nvidia_process *find(struct em_nvidia_gpu *gpu, const struct em_process *p)
{
	for (size_t i = 0; i < gpu->n_processes; i++) {
		struct em_nvidia_process *known = &gpu->processes[i];

		if (known->p.pid == p->pid && known->p.started == p->started &&
		    known->p.job == p->job)
			return known;
	}
	return NULL;
}

static struct em_nvidia_process *add(struct em_nvidia_gpu *gpu, const struct em_process *p,
				     __u64 now)
{
	struct em_nvidia_process *more =
		reallocarray(gpu->processes, gpu->n_processes + 1, sizeof(*more));

	if (!more)
		return NULL;
	gpu->processes = more;
	more += gpu->n_processes++;
	*more = (struct em_nvidia_process){ .p = *p, .from = now };
	more->server = !strcmp(p->comm, MPS_SERVER);
	return more;
}

/* In several lists at once it is one process all the same. */
static int see(struct em_nvidia *n, struct em_nvidia_gpu *gpu, const struct em_nvml_process *listed,
	       enum em_nvml_kind kind, __u64 now)
{
	__u64 bytes = listed->bytes == EM_NVML_NO_BYTES ? 0 : listed->bytes;
	struct em_nvidia_process *known;
	struct em_process p;
	int r = em_process_read(&p, &n->options.roots, listed->pid);

	if (r || !p.job) {
		n->state.rejected[EM_UTIL_STALE]++;
		return 0;
	}
	known = find(gpu, &p);
	if (!known)
		known = add(gpu, &p, now);
	if (!known)
		return -ENOMEM;
	if (known->until != now) {
		if (known->was)
			em_nvidia_remember(gpu, p.job, known->bytes, now - known->until);
		known->bytes = 0;
	}
	known->until = now;
	known->bytes = bytes > known->bytes ? bytes : known->bytes;
	known->client |= kind == EM_NVML_MPS;
	return 0;
}

static void forget_old(struct em_nvidia_gpu *gpu, __u64 now)
{
	size_t kept = 0;

	for (size_t i = 0; i < gpu->n_processes; i++) {
		if (gpu->processes[i].until + EM_UTIL_RING + EM_NVIDIA_WINDOW > now)
			gpu->processes[kept++] = gpu->processes[i];
	}
	gpu->n_processes = kept;
}

/* --- holds ----------------------------------------------------------------------------------- */

/*
 * A server of MPS works for its clients: where they are listed they hold, not it. @since: was in a
 * list then or later.
 */
static bool counts(const struct em_nvidia_gpu *gpu, const struct em_nvidia_process *p, __u64 since)
{
	if (p->until < since)
		return false;
	for (size_t i = 0; p->server && i < gpu->n_processes; i++) {
		if (gpu->processes[i].client && gpu->processes[i].until >= since)
			return false;
	}
	return true;
}

static bool listed(const struct em_nvidia_gpu *gpu, __u64 job, __u64 now)
{
	for (size_t i = 0; i < gpu->n_processes; i++) {
		if (gpu->processes[i].p.job == job && counts(gpu, &gpu->processes[i], now))
			return true;
	}
	return false;
}

static bool was_listed(const struct em_nvidia_gpu *gpu, __u64 job)
{
	for (size_t i = 0; i < gpu->n_processes; i++) {
		if (gpu->processes[i].p.job == job && gpu->processes[i].was)
			return true;
	}
	return false;
}

static void tell_state(struct em_nvidia *n, const struct em_nvidia_gpu *gpu, __u64 job, bool works,
		       const struct em_nvidia_sink *sink, __u64 now)
{
	const struct em_work work = { .gpu = gpu->id,
				      .class = EARMARK_CLASS_SAMPLED,
				      .job = job,
				      .start = now,
				      .end = now,
				      .works = works };

	em_nvidia_tell(n, sink, &work);
}

/* Each job once, by its first process. */
static bool is_first(const struct em_nvidia_gpu *gpu, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (gpu->processes[i].p.job == gpu->processes[at].p.job)
			return false;
	}
	return true;
}

static void tell_changes(struct em_nvidia *n, struct em_nvidia_gpu *gpu,
			 const struct em_nvidia_sink *sink, __u64 now)
{
	for (size_t i = 0; gpu->id && i < gpu->n_processes; i++) {
		__u64 job = gpu->processes[i].p.job;
		bool is, was;

		if (!is_first(gpu, i))
			continue;
		is = listed(gpu, job, now);
		was = gpu->told_id == gpu->id && was_listed(gpu, job);
		if (is != was)
			tell_state(n, gpu, job, is, sink, now);
	}
	gpu->told_id = gpu->id;
}

void em_nvidia_processes(struct em_nvidia *n, struct em_nvidia_gpu *gpu,
			 const struct em_nvidia_sink *sink, __u64 now)
{
	for (size_t i = 0; i < gpu->n_processes; i++)
		gpu->processes[i].was = n->looked && gpu->processes[i].until == n->looked &&
					counts(gpu, &gpu->processes[i], n->looked);
	gpu->answers = gpu->denied = false;
	for (int kind = 0; kind < EM_NVML_KINDS; kind++) {
		_cleanup_free_ struct em_nvml_process *list = NULL;
		int count = em_nvml_processes(n->nvml, gpu->device, (enum em_nvml_kind)kind, &list);

		if (count == -EOPNOTSUPP || count == -ENOSYS)
			continue;
		if (count < 0) {
			gpu->denied = count == -EACCES;
			em_nvidia_failed(n, gpu, count);
			return;
		}
		for (int i = 0; i < count; i++) {
			if (see(n, gpu, &list[i], (enum em_nvml_kind)kind, now))
				return;
		}
		gpu->answers = true;
	}
	if (!gpu->answers)
		return;
	n->failures = 0;
	tell_changes(n, gpu, sink, now);
	forget_old(gpu, now);
}

/* --- files that may hold ---------------------------------------------------------------------- */

/**
 * struct settling - of GPUs that are blind for open files
 * @told: jobs that were told already, of this GPU
 */
struct settling {
	struct em_nvidia *n;
	const struct em_nvidia_sink *sink;
	__u64 now;
	struct told {
		__u32 gpu;
		__u64 job;
	} * told;
	size_t n_told;
};

static int settle_one(const struct em_process *p, __u32 devnum, void *arg)
{
	struct settling *s = arg;
	struct em_nvidia_gpu *gpu = s->n->gpus;
	struct told *more;

	while (gpu &&
	       !(gpu->id && gpu->files && gpu->info.nr_devnums && gpu->info.devnums[0] == devnum))
		gpu = gpu->next;
	if (!gpu || !gpu->answers || !p->job || listed(gpu, p->job, s->now))
		return 0;
	for (size_t i = 0; i < s->n_told; i++) {
		if (s->told[i].gpu == gpu->id && s->told[i].job == p->job)
			return 0;
	}
	more = reallocarray(s->told, s->n_told + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->told = more;
	s->told[s->n_told++] = (struct told){ gpu->id, p->job };
	tell_state(s->n, gpu, p->job, false, s->sink, s->now);
	return 0;
}

void em_nvidia_settle(struct em_nvidia *n, const struct em_nvidia_sink *sink, __u64 now)
{
	struct settling s = { .n = n, .sink = sink, .now = now };
	__u32 devnums[EM_PROCESS_DEVICES];
	unsigned int count = 0;

	for (struct em_nvidia_gpu *gpu = n->gpus; gpu && count < ARRAY_SIZE(devnums);
	     gpu = gpu->next) {
		if (gpu->id && gpu->files && gpu->info.nr_devnums)
			devnums[count++] = gpu->info.devnums[0];
	}
	if (count)
		em_process_openers(&n->options.roots, devnums, count, settle_one, &s);
	free(s.told);
}

/* --- whose a sample is ------------------------------------------------------------------------ */

/* A server's work is its client's, if those that were there then are all of one job. */
static __u64 served(const struct em_nvidia_gpu *gpu, __u64 server, __u64 at)
{
	__u64 job = 0;

	for (size_t i = 0; i < gpu->n_processes; i++) {
		const struct em_nvidia_process *p = &gpu->processes[i];

		if (!p->client || p->until + EM_NVIDIA_WINDOW < at)
			continue;
		if (job && job != p->p.job)
			return EM_UTIL_SHARED;
		job = p->p.job;
	}
	return job ? job : server;
}

__u64 em_nvidia_job_at(struct em_nvidia *n, const struct em_nvidia_gpu *gpu, __u32 pid, __u64 at)
{
	struct em_process p;

	for (size_t i = gpu->n_processes; i-- > 0;) {
		const struct em_nvidia_process *known = &gpu->processes[i];

		if (known->p.pid != pid || known->p.started > at + START_GRAIN ||
		    known->until + EM_NVIDIA_TICK + 2 * EM_UTIL_SAMPLE < at)
			continue;
		return known->server ? served(gpu, known->p.job, at) : known->p.job;
	}
	/* it may have come and gone between two looks at the lists, and still be a process */
	if (em_process_read(&p, &n->options.roots, pid) || p.started > at + START_GRAIN)
		return 0;
	return p.job;
}

int em_nvidia_shares(const struct em_nvidia_gpu *gpu, __u64 since, struct em_util_share **ret)
{
	struct em_util_share *shares = calloc(gpu->n_processes ?: 1, sizeof(*shares));
	int count = 0;

	if (!shares)
		return -ENOMEM;
	for (size_t i = 0; i < gpu->n_processes; i++) {
		const struct em_nvidia_process *p = &gpu->processes[i];
		int k = 0;

		if (!counts(gpu, p, since))
			continue;
		while (k < count && shares[k].job != p->p.job)
			k++;
		if (k == count)
			shares[count++] =
				(struct em_util_share){ .job = p->p.job, .since = p->from };
		if (p->from < shares[k].since)
			shares[k].since = p->from;
		shares[k].estimate |= p->client || p->server;
	}
	*ret = shares;
	return count;
}
