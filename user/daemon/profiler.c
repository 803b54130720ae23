// SPDX-License-Identifier: GPL-2.0
/* The thread that looks at jobs; see profiler.h. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "daemon/profiler.h"

#define JOBS 4096 /* remembered */
#define PROBES 8  /* places where one may stand */
#define WAITING 256
#define AGAIN (600 * EM_NS_PER_S) /* does a job that goes on run something else by now? */
#define PATIENCE 2                /* seconds for the thread to end */
#define IOPRIO_IDLE (3 << 13)

/* struct job - @next: CLOCK_MONOTONIC, ns, before which it is not looked at; @told: of prints */
struct job {
	struct em_profile_look look;
	uint64_t next;
	uint64_t told[EM_PROFILES_EACH];
	unsigned int n_told;
	bool ended;
};

/**
 * struct em_profiler - @jobs, @missed: the loop's alone; @known: the thread's alone
 * @lock: over the rings: @looks waits for the thread, @found for the loop
 */
struct em_profiler {
	struct job *jobs;
	uint64_t missed;
	struct em_executables *known;
	const char *mount;
	char salt[128];
	int ready;
	pthread_t thread;
	bool started;
	atomic_bool stop;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct em_profile_look looks[WAITING];
	struct em_job_profile found[WAITING];
	unsigned int look_first, n_looks, found_first, n_found;
};

/* --- the thread ---------------------------------------------------------------------------- */

/* Room for all that one look can find is waited for, so that nothing found is lost. */
static bool wait_for_look(struct em_profiler *p, struct em_profile_look *look)
{
	bool go;

	pthread_mutex_lock(&p->lock);
	while (!atomic_load(&p->stop) && (!p->n_looks || p->n_found + EM_PROFILES_EACH > WAITING))
		pthread_cond_wait(&p->wake, &p->lock);
	go = !atomic_load(&p->stop);
	if (go) {
		*look = p->looks[p->look_first];
		p->look_first = (p->look_first + 1) % WAITING;
		p->n_looks--;
	}
	pthread_mutex_unlock(&p->lock);
	return go;
}

static void *looking(void *arg)
{
	struct em_profiler *p = arg;
	struct em_job_profile found[EM_PROFILES_EACH];
	struct em_profile_look look;
	uint64_t one = 1;

	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
	syscall(SYS_ioprio_set, 1, 0, IOPRIO_IDLE);
	while (wait_for_look(p, &look)) {
		unsigned int n =
			em_profile_make(found, &look, p->mount, p->salt, p->known, &p->stop);

		pthread_mutex_lock(&p->lock);
		for (unsigned int i = 0; i < n; i++)
			p->found[(p->found_first + p->n_found++) % WAITING] = found[i];
		pthread_mutex_unlock(&p->lock);
		if (n && write(p->ready, &one, sizeof(one)) < 0 && errno != EAGAIN)
			break;
	}
	return NULL;
}

static int start(struct em_profiler *p)
{
	sigset_t all, before;
	int r;

	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	/* signals are the loop's */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r = -pthread_create(&p->thread, NULL, looking, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	p->started = !r;
	return r;
}

int em_profiler_open(struct em_profiler **ret, const char *mount, const char *salt)
{
	struct em_profiler *p = calloc(1, sizeof(*p));
	int r;

	*ret = NULL;
	if (!p)
		return -ENOMEM;
	p->mount = mount;
	snprintf(p->salt, sizeof(p->salt), "%s", salt);
	p->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->jobs = calloc(JOBS, sizeof(*p->jobs));
	p->known = calloc(1, sizeof(*p->known));
	r = p->ready < 0 ? -errno : p->jobs && p->known ? start(p) : -ENOMEM;
	if (r)
		em_profiler_close(p);
	else
		*ret = p;
	return r;
}

/* A thread that a file system keeps waiting is left behind, with all that it uses. */
static bool join(struct em_profiler *p)
{
	struct timespec until;

	pthread_mutex_lock(&p->lock);
	atomic_store(&p->stop, true);
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE;
	return !pthread_timedjoin_np(p->thread, NULL, &until);
}

void em_profiler_close(struct em_profiler *p)
{
	if (!p || (p->started && !join(p)))
		return;
	if (p->ready >= 0)
		close(p->ready);
	free(p->jobs);
	free(p->known);
	free(p);
}

/* --- the loop's side ----------------------------------------------------------------------- */

static struct job *place(struct em_profiler *p, uint64_t job, unsigned int i)
{
	return &p->jobs[((job * 0x9e3779b97f4a7c15ULL >> 40) + i) % JOBS];
}

static struct job *find(struct em_profiler *p, uint64_t job)
{
	for (unsigned int i = 0; i < PROBES; i++) {
		if (place(p, job, i)->look.job == job)
			return place(p, job, i);
	}
	return NULL;
}

/* The place of one that is not there: free, or of whichever was looked at first. */
static struct job *make_room(struct em_profiler *p, uint64_t job)
{
	struct job *best = place(p, job, 0);

	for (unsigned int i = 1; i < PROBES && best->look.job; i++) {
		struct job *j = place(p, job, i);

		if (!j->look.job || j->ended > best->ended ||
		    (j->ended == best->ended && j->next < best->next))
			best = j;
	}
	return best;
}

static void see_event(struct em_profiler *p, const struct earmark_event *e, const char *boot_id)
{
	struct job *j = e->job ? find(p, e->job) : NULL;

	if (e->type == EARMARK_EVENT_JOB_END && j)
		j->ended = true;
	if (e->type != EARMARK_EVENT_JOB || !e->job)
		return;
	j = j ?: make_room(p, e->job);
	*j = (struct job){ .look = { .job = e->job, .pid = e->pid, .uid = e->uid } };
	snprintf(j->look.boot_id, sizeof(j->look.boot_id), "%s", boot_id);
	snprintf(j->look.path, sizeof(j->look.path), "%.*s", (int)sizeof(e->text) - 1, e->text);
}

static void ask(struct em_profiler *p, struct job *j, uint64_t now)
{
	pthread_mutex_lock(&p->lock);
	if (p->n_looks < WAITING) {
		p->looks[(p->look_first + p->n_looks++) % WAITING] = j->look;
		j->next = now + AGAIN;
		j->look.pid = 0; /* from then on: whoever holds a GPU */
		pthread_cond_signal(&p->wake);
	} else {
		p->missed++; /* asked again at the next interval with it */
	}
	pthread_mutex_unlock(&p->lock);
}

void em_profiler_see(struct em_profiler *p, const struct em_interval *i)
{
	uint64_t now = em_time_monotonic();
	char boot_id[33];

	if (!p)
		return;
	em_hex(boot_id, i->header.boot_id, sizeof(i->header.boot_id));
	for (__u32 k = 0; k < i->header.nr_events; k++)
		see_event(p, &i->events[k], boot_id);
	for (__u32 k = 0; k < i->header.nr_segments; k++) {
		const struct earmark_segment *s = &i->segments[k];
		struct job *j = s->kind == EARMARK_SEGMENT_USAGE && s->usage.gpu_time && s->job
					? find(p, s->job)
					: NULL;

		if (j && now >= j->next)
			ask(p, j, now);
	}
}

int em_profiler_fd(const struct em_profiler *p)
{
	return p ? p->ready : -1;
}

/* What was told of this job before, or says no more than that nothing was seen later. */
static bool is_told(struct em_profiler *p, const struct em_job_profile *f)
{
	struct job *j = find(p, f->look.job);
	unsigned long long print = 0;

	if (!j)
		return false; /* forgotten meanwhile */
	sscanf(f->fingerprint, "%16llx", &print);
	if (!print && j->n_told)
		return true;
	for (unsigned int i = 0; i < j->n_told; i++) {
		if (j->told[i] == print)
			return true;
	}
	if (j->n_told == EM_PROFILES_EACH)
		return true;
	j->told[j->n_told++] = print;
	return false;
}

bool em_profiler_take(struct em_profiler *p, struct em_job_profile *ret)
{
	uint64_t count;
	bool there;

	do {
		pthread_mutex_lock(&p->lock);
		there = p->n_found;
		if (there) {
			*ret = p->found[p->found_first];
			p->found_first = (p->found_first + 1) % WAITING;
			p->n_found--;
			pthread_cond_signal(&p->wake);
		} else if (read(p->ready, &count, sizeof(count)) < 0) {
			count = 0; /* nothing was signalled since */
		}
		pthread_mutex_unlock(&p->lock);
	} while (there && is_told(p, ret));
	return there;
}

uint64_t em_profiler_missed(const struct em_profiler *p)
{
	return p ? p->missed : 0;
}
