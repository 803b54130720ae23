// SPDX-License-Identifier: GPL-2.0
/* Where the cgroups of jobs are; see jobpath.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/jobpath.h"

#define DEPTH_MAX 64

int em_jobpaths_add(struct em_jobpaths *p, __u64 job, uid_t uid, const char *path)
{
	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 64;
		struct em_jobpath *grown = reallocarray(p->list, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		p->list = grown;
		p->room = room;
	}
	p->list[p->n] = (struct em_jobpath){ job, uid, strdup(path) };
	return p->list[p->n].path ? (p->n++, 0) : -ENOMEM;
}

void em_jobpaths_clear(struct em_jobpaths *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->list[i].path);
	free(p->list);
	*p = (struct em_jobpaths){ 0 };
}

int em_jobpath_open(const struct em_jobpath *job, const char *root)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	struct stat st;

	if (!job->path || *job->path != '/' ||
	    snprintf(path, sizeof(path), "%s%s", root, job->path) >= (int)sizeof(path))
		return -ENOENT;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	return st.st_ino == job->job ? TAKE_FD(fd) : -ENOENT;
}

static int by_id(const void *a, const void *b)
{
	const struct em_jobpath *x = a, *y = b;

	return x->job < y->job ? -1 : x->job > y->job;
}

static int by_user(const void *a, const void *b)
{
	const struct em_jobpath *x = a, *y = b;

	return x->uid == y->uid ? by_id(a, b) : x->uid < y->uid ? -1 : 1;
}

/* struct walk - @path grows and shrinks with the depth; @missing: how many are yet to be found */
struct walk {
	struct em_jobpaths *paths;
	char path[PATH_MAX];
	size_t skip, missing;
};

/* Is the directory at @w->path one that is looked for? */
static int meet(struct walk *w, __u64 id)
{
	const struct em_jobpath key = { .job = id };
	struct em_jobpath *job = bsearch(&key, w->paths->list, w->paths->n, sizeof(key), by_id);

	if (!job || job->path)
		return 0;
	job->path = strdup(w->path[w->skip] ? w->path + w->skip : "/");
	w->missing--;
	return job->path ? 0 : -ENOMEM;
}

static int walk(struct walk *w, int depth)
{
	_cleanup_closedir_ DIR *dir = depth ? opendir(w->path) : NULL;
	size_t end = strlen(w->path);
	struct dirent *e;
	struct stat st;
	int r = 0;

	while (dir && !r && w->missing && (e = readdir(dir))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    end + 1 + strlen(e->d_name) >= sizeof(w->path))
			continue;
		w->path[end] = '/';
		strcpy(w->path + end + 1, e->d_name);
		if (!fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			r = meet(w, st.st_ino);
		r = r ?: walk(w, depth - 1);
		w->path[end] = '\0';
	}
	return r;
}

int em_jobpaths_resolve(struct em_jobpaths *p, const char *root)
{
	struct walk w = { .paths = p, .skip = strlen(root) };
	int r;

	for (size_t i = 0; i < p->n; i++) {
		_cleanup_close_ int fd = em_jobpath_open(&p->list[i], root);

		if (fd >= 0)
			continue;
		free(p->list[i].path);
		p->list[i].path = NULL;
		w.missing++;
	}
	if (!p->n)
		return 0;
	qsort(p->list, p->n, sizeof(*p->list), by_id);
	snprintf(w.path, sizeof(w.path), "%s", root);
	r = walk(&w, DEPTH_MAX);
	qsort(p->list, p->n, sizeof(*p->list), by_user);
	return r;
}
