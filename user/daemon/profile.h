/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a job is, apart from its tags: the fingerprint by which renamed work is recognised
 * (measures, P8) = SHA-256 of executable, script's name, template of the cgroup's path and hash of
 * the uid, each ended by a NUL. What cannot be read is null, and then so is the fingerprint.
 */
#ifndef EM_DAEMON_PROFILE_H
#define EM_DAEMON_PROFILE_H

#include <jansson.h>

#include "daemon/executable.h"
#include "earmark.h"

#define EM_PROFILES_EACH 4 /* executables of one job that are told apart */
#define EM_PROFILE_TEMPLATE (EARMARK_TEXT_LEN + 1)
#define EM_PROFILE_UID 33

/**
 * struct em_profile_look - a job to be looked at
 * @pid: who submitted first; 0 = whoever holds a GPU's device file now
 * @path: of its cgroup, or its tail
 */
struct em_profile_look {
	char boot_id[33];
	uint64_t job;
	unsigned int pid, uid;
	char path[EARMARK_TEXT_LEN];
};

/**
 * struct em_job_profile - one executable of a job
 * @executable, @fingerprint: "" = not known, and @why says why
 */
struct em_job_profile {
	struct em_profile_look look;
	char executable[EM_EXECUTABLE_LEN], fingerprint[65], template[EM_PROFILE_TEMPLATE];
	char uid_hash[EM_PROFILE_UID], why[160];
	int64_t at; /* wall clock ns */
};

/*
 * em_profile_template() - numbers become N: UUIDs, long hexadecimal names, and digits
 *
 * What changes from run to run of the same work is left out.
 */
void em_profile_template(char out[EM_PROFILE_TEMPLATE], const char *path);

/*
 * The name of the first argument that is no option, as a template: the script of an interpreter.
 * @cmdline: as in /proc, @size bytes. "" = none
 */
void em_profile_script(char out[EM_PROFILE_TEMPLATE], const char *cmdline, size_t size);

/* Half a SHA-256 of @salt and @uid, in hex. */
void em_profile_uid(char out[EM_PROFILE_UID], const char *salt, unsigned int uid);

void em_profile_fingerprint(char out[65], const char *executable, const char *script,
			    const char *template, const char *uid_hash);

/**
 * em_profile_make() - looks at a job
 * @mount: of the cgroup file system; NULL = there is none
 *
 * Return: how many of @out, one at least: of what cannot be seen there is one that says why. 0:
 * @stop, or no memory.
 */
unsigned int em_profile_make(struct em_job_profile out[EM_PROFILES_EACH],
			     const struct em_profile_look *look, const char *mount,
			     const char *salt, struct em_executables *known,
			     const atomic_bool *stop);

/* The note "job-profile"; a new reference. */
json_t *em_profile_json(const struct em_job_profile *p);

#endif
