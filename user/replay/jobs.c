// SPDX-License-Identifier: GPL-2.0
/* A hash table by number; see jobs.h. */
#include <stdlib.h>
#include <string.h>

#include "replay/jobs.h"

/* Numbers run from 1 without gaps: their low bits are as good as a hash. */
static struct em_active **bucket(struct em_jobs *jobs, uint64_t job)
{
	return &jobs->buckets[job & (jobs->size - 1)];
}

static int grow(struct em_jobs *jobs)
{
	struct em_jobs more = { .size = jobs->size ? jobs->size * 2 : 256, .n = jobs->n };

	more.buckets = calloc(more.size, sizeof(*more.buckets));
	if (!more.buckets)
		return -1;
	for (size_t i = 0; i < jobs->size; i++) {
		struct em_active *job = jobs->buckets[i], *next;

		for (; job; job = next) {
			next = job->next;
			job->next = *bucket(&more, job->job);
			*bucket(&more, job->job) = job;
		}
	}
	free(jobs->buckets);
	*jobs = more;
	return 0;
}

struct em_active *em_jobs_of(struct em_jobs *jobs, const struct em_record *r, int64_t now)
{
	struct em_active *job;

	if (jobs->n >= jobs->size && grow(jobs))
		return NULL;
	for (job = *bucket(jobs, r->job); job; job = job->next) {
		if (job->job == r->job)
			return job;
	}
	job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->job = r->job;
	job->rule = r->rule;
	job->pool = r->pool;
	job->since = now;
	job->next = *bucket(jobs, r->job);
	*bucket(jobs, r->job) = job;
	jobs->n++;
	return job;
}

void em_jobs_each(struct em_jobs *jobs, bool (*each)(struct em_active *job, void *arg), void *arg)
{
	for (size_t i = 0; i < jobs->size; i++) {
		struct em_active **link = &jobs->buckets[i];

		while (*link) {
			struct em_active *job = *link;

			if (!each(job, arg)) {
				link = &job->next;
				continue;
			}
			*link = job->next;
			free(job);
			jobs->n--;
		}
	}
}

static bool forget(struct em_active *job, void *arg)
{
	(void)job;
	(void)arg;
	return true;
}

void em_jobs_clear(struct em_jobs *jobs)
{
	em_jobs_each(jobs, forget, NULL);
	free(jobs->buckets);
	memset(jobs, 0, sizeof(*jobs));
}
