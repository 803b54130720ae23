/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of the site's rules share: a hierarchy of plain directories, and a recorder that
 * remembers what it was told.
 */
#ifndef RULES_MAKE_H
#define RULES_MAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <time.h>

#include "../../user/daemon/jobpath.c"
#include "../../user/daemon/pods.c"
#include "../../user/daemon/rules.c"

#define MANY 10000

static char dir[64];

/* --- a place ------------------------------------------------------------------------------ */

static inline char *in_dir(char out[PATH_MAX], const char *path)
{
	snprintf(out, PATH_MAX, "%.60s%.4000s", dir, path);
	return out;
}

static inline void write_file(const char *path, const char *text)
{
	char full[PATH_MAX];
	FILE *f = fopen(in_dir(full, path), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* All directories on the way. Return: the inode of the last. */
static inline __u64 make_dir(const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	in_dir(full, path);
	for (char *at = full + strlen(dir) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(full, 0755);
		*at = '/';
	}
	mkdir(full, 0755);
	assert_int_equal(stat(full, &st), 0);
	return st.st_ino;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static inline int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "%s/earmark-rules.XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	return mkdtemp(dir) ? 0 : -1;
}

static inline int teardown(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- a recorder --------------------------------------------------------------------------- */

static struct earmark_job_info jobs[MANY];
static __u64 nr_jobs;
static struct earmark_event tags[MANY];
static unsigned int nr_tags, nr_told, nr_listed;
static int tag_result, list_result, last_error;
static struct earmark_status status_now;

static int fake_status(struct em_source *s, struct earmark_status *status)
{
	(void)s;
	*status = status_now;
	status->jobs = nr_jobs;
	return 0;
}

static int fake_jobs(struct em_source *s, int (*each)(const struct earmark_job_info *, void *),
		     void *arg)
{
	int r = list_result;

	(void)s;
	nr_listed++;
	for (__u64 i = 0; i < nr_jobs && !r; i++)
		r = each(&jobs[i], arg);
	return r;
}

/* As the real ones: what carries the tag is the cgroup whose directory is open. */
static int fake_tag(struct em_source *s, int fd, const struct earmark_event *e, __u32 *id)
{
	struct stat st;

	(void)s;
	assert_int_equal(fstat(fd, &st), 0);
	if (tag_result)
		return tag_result;
	for (__u64 i = 0; i < nr_jobs; i++) {
		if (jobs[i].job == st.st_ino)
			jobs[i].tagged_by = e->tagged_by;
	}
	tags[nr_tags] = *e;
	tags[nr_tags].job = st.st_ino;
	*id = ++nr_tags;
	return 0;
}

static const struct em_source_ops ops = { .status = fake_status,
					  .jobs = fake_jobs,
					  .tag = fake_tag };
static struct em_source source = { .ops = &ops };

static void told(const struct em_site_applied *a, void *arg)
{
	(void)arg;
	nr_told++;
	last_error = a->error;
	assert_non_null(a->rule);
	assert_int_equal(a->path[0], '/');
}

static inline struct earmark_job_info *add_job(const char *path, enum earmark_tagged_by by)
{
	struct earmark_job_info *j = &jobs[nr_jobs++];
	size_t n = strlen(path);
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "/cg%s", path);
	*j = (struct earmark_job_info){ .job = make_dir(full),
					.tagged_by = by,
					.uid = 4000000000U };
	/* of a long path the tail only */
	snprintf(j->path, sizeof(j->path), "%.*s", EARMARK_TEXT_LEN - 1,
		 n < EARMARK_TEXT_LEN ? path : path + n - EARMARK_TEXT_LEN + 1);
	return j;
}

static inline void begin(struct em_site *s, const char *yaml)
{
	static char root[PATH_MAX], proc[PATH_MAX];
	char file[PATH_MAX];

	make_dir("/cg");
	make_dir("/proc");
	*s = (struct em_site){ .root = in_dir(root, "/cg"), .proc = in_dir(proc, "/proc") };
	nr_jobs = nr_tags = nr_told = nr_listed = 0;
	tag_result = list_result = last_error = 0;
	memset(&status_now, 1, sizeof(status_now));
	write_file("/rules.yaml", yaml);
	assert_int_equal(em_site_load(s, in_dir(file, "/rules.yaml")), 0);
}

static inline int site_step(struct em_site *s)
{
	return em_site_step(s, &source, told, NULL);
}

#endif
