// SPDX-License-Identifier: GPL-2.0
/* Jobs by cgroup; see jobset.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/cgroup.h"
#include "kernel/jobset.h"
#include "kernel/process.h"

#define DEPTH_MAX 64
#define PATH_LEN 4096

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static int job_add(const struct earmark_job_info *job, void *arg)
{
	struct em_jobset *jobs = arg;
	__u64 *more;

	if (jobs->n == jobs->room) {
		jobs->room = jobs->room * 2 ?: 64;
		more = reallocarray(jobs->ids, jobs->room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		jobs->ids = more;
	}
	jobs->ids[jobs->n++] = job->job;
	return 0;
}

int em_jobset_read(struct em_jobset *jobs, struct em_source *source)
{
	int r;

	jobs->n = 0;
	r = source->ops->jobs(source, job_add, jobs);
	if (!r && jobs->n)
		qsort(jobs->ids, jobs->n, sizeof(*jobs->ids), compare);
	return r;
}

void em_jobset_clear(struct em_jobset *jobs)
{
	free(jobs->ids);
	memset(jobs, 0, sizeof(*jobs));
}

static bool is_job(const struct em_jobset *jobs, __u64 id)
{
	return jobs->n && bsearch(&id, jobs->ids, jobs->n, sizeof(*jobs->ids), compare);
}

static __u64 job_above(const struct em_jobset *jobs, const char *path)
{
	__u64 ids[DEPTH_MAX];
	int n = em_cgroup_above(path, ids, DEPTH_MAX);

	for (int i = n; i > 0; i--) {
		if (is_job(jobs, ids[i - 1]))
			return ids[i - 1];
	}
	if (n <= 0 || is_job(jobs, em_cgroup_root_id()))
		return n < 0 ? 0 : em_cgroup_root_id();
	return ids[n - 1];
}

__u64 em_jobset_of_pid(const struct em_jobset *jobs, __u32 pid)
{
	char path[PATH_LEN];

	return em_process_cgroup(NULL, pid, path, sizeof(path)) ? 0 : job_above(jobs, path);
}

__u64 em_jobset_of(const struct em_jobset *jobs, __u64 cgroup, __u32 pid)
{
	return is_job(jobs, cgroup) ? cgroup : em_jobset_of_pid(jobs, pid);
}
