/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finds out what measured jobs run, beside the loop: hashing a large executable, or one that lies
 * on a slow file system, delays nothing. Each job and executable is told once.
 */
#ifndef EM_DAEMON_PROFILER_H
#define EM_DAEMON_PROFILER_H

#include "daemon/profile.h"
#include "kernel/interval.h"

struct em_profiler;

/**
 * em_profiler_open() - starts the thread
 * @mount: of the cgroup file system, NULL = none; stays the caller's and valid
 * @salt: of the hashes of uids
 */
int em_profiler_open(struct em_profiler **ret, const char *mount, const char *salt);
void em_profiler_close(struct em_profiler *p);

/* An interval that was taken: its new jobs, and those that used a GPU. NULL is no profiler. */
void em_profiler_see(struct em_profiler *p, const struct em_interval *i);

/* Readable when something was found; -1 of NULL. */
int em_profiler_fd(const struct em_profiler *p);
/* What was found and not told yet. Return: false: nothing more for now. */
bool em_profiler_take(struct em_profiler *p, struct em_job_profile *ret);
/* Jobs that could not be looked at, because too many waited. */
uint64_t em_profiler_missed(const struct em_profiler *p);

#endif
