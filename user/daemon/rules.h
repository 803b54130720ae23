/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The site's rules, applied: a job that appears and that nobody as strong has tagged gets the tag
 * of the first rule that matches it. Each job is looked at once: what it is matched against does
 * not change with time, but for its processes.
 */
#ifndef EM_DAEMON_RULES_H
#define EM_DAEMON_RULES_H

#include "daemon/pods.h"
#include "kernel/source.h"
#include "rule/facts.h"

/**
 * struct em_site - the rules in force and what was looked at
 * @error: why the file as it is now is not in force, "" = it is
 * @look: there may be jobs that were not looked at
 * @churn: jobs came or went when they were last listed, so that as many may be others
 * @load_id: of the recorder whose jobs were looked at
 * @jobs: how many it said it had when they were last listed
 * @seen, @nr_seen: those that have had their turn, ascending
 * @pods: who knows pods, NULL = nobody; not ours. @pods_read: its list, when it was last looked at
 * @root, @proc: of the hierarchy and of processes; NULL = where the system has them
 */
struct em_site {
	struct em_rules rules;
	char error[512];
	bool look, churn;
	__u8 load_id[16];
	__u64 jobs;
	__u64 *seen;
	size_t nr_seen;
	struct em_pods *pods;
	uint64_t pods_read;
	const char *root, *proc;
};

/**
 * struct em_site_applied - a rule that was applied
 * @number: of the rule in its file, from 1
 * @tag: its id, where @error is 0
 * @error: -errno: the recorder refused, and says why
 */
struct em_site_applied {
	const struct em_rule *rule;
	unsigned int number;
	__u64 job;
	const char *path;
	__u32 tag;
	int error;
};

/* Sets the tag of @rule on the cgroup @fd; @ref: where the rule has none. 0 or -errno. */
int em_site_set(struct em_source *source, const struct em_rule *rule, const char *ref, int fd,
		__u32 *tag);

typedef void em_site_told(const struct em_site_applied *a, void *arg);

/*
 * em_site_load() - takes the rules of @file, none if there is no such file
 *
 * Rules that cannot be read leave those before in force. All jobs that have no tag as strong are
 * looked at anew. Return: 0 or -errno with @s->error.
 */
int em_site_load(struct em_site *s, const char *file);
void em_site_clear(struct em_site *s);

/*
 * em_site_step() - tags the jobs that have come since
 *
 * Returns after half a second at the latest, and goes on at the next step where it was.
 * Return: how many tags were set, or -errno.
 */
int em_site_step(struct em_site *s, struct em_source *source, em_site_told *told, void *arg);

#endif
