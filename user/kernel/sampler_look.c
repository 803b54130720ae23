// SPDX-License-Identifier: GPL-2.0
/* Which files of GPUs are in use, by whom, and what fdinfo says of them; see sampler.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "kernel/cgroup.h"
#include "kernel/jobset.h"
#include "kernel/sampler.h"

/* struct look - one round; @n: files found in use, of the @n_gpus GPUs that are wanted */
struct look {
	struct em_sampler *sampler;
	const struct em_sampler_look *what;
	struct earmark_gpu_info *gpus;
	size_t n_gpus;
	struct earmark_ring *files;
	size_t n;
};

static int gpu_add(const struct earmark_gpu_info *gpu, void *arg)
{
	struct look *l = arg;
	struct earmark_gpu_info *more;

	if (gpu->blind & EARMARK_BLIND_ABSENT || !l->what->wanted(gpu, l->what->arg))
		return 0;
	more = realloc(l->gpus, (l->n_gpus + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	l->gpus = more;
	l->gpus[l->n_gpus++] = *gpu;
	return 0;
}

static const struct earmark_gpu_info *gpu_of(const struct look *l, __u32 devnum)
{
	for (size_t i = 0; i < l->n_gpus; i++) {
		const struct earmark_gpu_info *gpu = &l->gpus[i];

		for (__u32 d = 0; d < gpu->nr_devnums && d < EARMARK_DEVNUMS_MAX; d++) {
			if (gpu->devnums[d] == devnum)
				return gpu;
		}
	}
	return NULL;
}

static int file_add(const struct earmark_ring *file, void *arg)
{
	struct look *l = arg;
	struct earmark_ring *more;

	if (!gpu_of(l, file->devnum))
		return 0;
	more = realloc(l->files, (l->n + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	l->files = more;
	l->files[l->n++] = *file;
	return 0;
}

/* The walk named a number in a table; what stands there by now may be another file. */
static int file_read(const struct earmark_ring *file, struct em_fdinfo *info, __u64 *before)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/fd/%u", file->pid, file->fd);
	if (stat(path, &st))
		return -errno;
	if (!S_ISCHR(st.st_mode) || file->devnum != (major(st.st_rdev) << 20 | minor(st.st_rdev)))
		return -ENOENT;
	*before = em_time_monotonic();
	return em_fdinfo_read(info, file->pid, file->fd);
}

/* If it is closed by now, that is as if the walk had not found it. */
static void file_see(struct look *l, struct em_jobset *jobs, const struct earmark_ring *file)
{
	__u64 job = em_jobset_of(jobs, file->cgroup, file->pid), before = 0, after;
	__u32 gpu = gpu_of(l, file->devnum)->gpu;
	struct em_fdinfo info;
	int r = file_read(file, &info, &before);

	after = em_time_monotonic();
	if (r == -ENOENT || r == -ESRCH || !job)
		return;
	em_sampler_see(l->sampler, gpu, job, r ? NULL : &info, r == -ENODATA, before, after);
}

static int look(struct look *l, struct em_source *source)
{
	_cleanup_(em_jobset_clear) struct em_jobset jobs = {};
	int r = source->ops->files(source, file_add, l);

	if (!r && l->n)
		r = em_jobset_read(&jobs, source);
	if (r)
		return r;
	for (size_t i = 0; i < l->n_gpus; i++)
		em_sampler_watch(l->sampler, l->gpus[i].gpu);
	for (size_t i = 0; i < l->n; i++)
		file_see(l, &jobs, &l->files[i]);
	return em_sampler_end(l->sampler, l->what->tell, l->what->arg);
}

int em_sampler_look(struct em_sampler *s, struct em_source *source,
		    const struct em_sampler_look *what)
{
	struct look l = { .sampler = s, .what = what };
	int r = source->ops->gpus(source, gpu_add, &l);

	if (!r && l.n_gpus) {
		em_sampler_begin(s, em_time_monotonic());
		r = look(&l, source);
	}
	free(l.gpus);
	free(l.files);
	return r;
}
