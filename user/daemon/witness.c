// SPDX-License-Identifier: GPL-2.0
/* The thread that asks witnesses; see witness.h. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "daemon/witness.h"
#include "ledger/witness.h"

#define RETRY (300 * EM_NS_PER_S)

EM_CLEANUP(struct em_place *, em_place_close);

/**
 * struct em_witnesses - @lock: over what is below it
 * @stop: the thread is to end; @result, @why: of the last round
 */
struct em_witnesses {
	char *ledger, **texts;
	struct em_witness_ask *asks;
	unsigned int n;
	int64_t period;
	int ready;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	int result;
	char why[512];
};

/* One round, if the checkpoint is another than at the last one that all signed. */
static int ask_all(const char *ledger, struct em_witness_ask *asks, unsigned int n, char *why,
		   size_t len)
{
	_cleanup_(em_place_closep) struct em_place *log = NULL;
	_cleanup_close_ int dir = open(ledger, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0) {
		snprintf(why, len, "%s: %s", ledger, strerror(errno));
		return -errno;
	}
	if (em_place_open(&log, ledger, why, len))
		return -EIO;
	return em_cosign(dir, log, asks, n, why, len);
}

int em_witnesses_ask_first(const char *ledger, char *const *list, unsigned int n, char *why,
			   size_t len)
{
	_cleanup_free_ struct em_witness_ask *asks = calloc(n ?: 1, sizeof(*asks));

	*why = '\0';
	for (unsigned int i = 0; asks && i < n; i++) {
		if (em_witness_parse(&asks[i], list[i]))
			return 0; /* em_witnesses_open() says it */
	}
	return asks && n && ask_all(ledger, asks, n, why, len) == -EEXIST;
}

static uint64_t checkpoint_stamp(const char *ledger)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s/checkpoint", ledger) < 0 || stat(path, &st))
		return 0;
	return (uint64_t)st.st_ino ^ (uint64_t)st.st_mtim.tv_sec * EM_NS_PER_S ^
	       (uint64_t)st.st_mtim.tv_nsec;
}

/* Until it is time again, or the end. Return: it is not the end. */
static bool sleep_until(struct em_witnesses *w, int64_t length)
{
	struct timespec until;
	bool go;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += length / EM_NS_PER_S;
	until.tv_nsec += length % EM_NS_PER_S;
	if (until.tv_nsec >= EM_NS_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= EM_NS_PER_S;
	}
	pthread_mutex_lock(&w->lock);
	while (!w->stop && !pthread_cond_timedwait(&w->wake, &w->lock, &until))
		continue;
	go = !w->stop;
	pthread_mutex_unlock(&w->lock);
	return go;
}

static void *asking(void *arg)
{
	struct em_witnesses *w = arg;
	uint64_t seen = 0;

	while (sleep_until(w, w->period)) {
		uint64_t stamp = checkpoint_stamp(w->ledger), one = 1;
		char why[512];
		int r;

		if (stamp == seen)
			continue;
		r = ask_all(w->ledger, w->asks, w->n, why, sizeof(why));
		seen = r == (int)w->n ? stamp : 0;
		pthread_mutex_lock(&w->lock);
		w->result = r;
		snprintf(w->why, sizeof(w->why), "%s", why);
		pthread_mutex_unlock(&w->lock);
		if (write(w->ready, &one, sizeof(one)) < 0 && errno != EAGAIN)
			break;
		/* who does not answer is not asked every second */
		if (r != (int)w->n && !sleep_until(w, w->period > RETRY ? 0 : RETRY - w->period))
			break;
	}
	return NULL;
}

static int start(struct em_witnesses *w)
{
	pthread_condattr_t attr;
	sigset_t all, before;
	int r;

	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	/* signals are the loop's */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r = -pthread_create(&w->thread, NULL, asking, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	w->started = !r;
	return r;
}

int em_witnesses_open(struct em_witnesses **ret, const char *ledger, char *const *list,
		      unsigned int n, int64_t period)
{
	struct em_witnesses *w;
	int r = 0;

	*ret = NULL;
	if (!n)
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->ledger = strdup(ledger);
	w->texts = calloc(n, sizeof(*w->texts));
	w->asks = calloc(n, sizeof(*w->asks));
	w->period = period;
	if (w->ready < 0 || !w->ledger || !w->texts || !w->asks)
		r = -ENOMEM;
	for (; !r && w->n < n; w->n++) {
		w->texts[w->n] = strdup(list[w->n]);
		r = w->texts[w->n] ? em_witness_parse(&w->asks[w->n], w->texts[w->n]) : -ENOMEM;
	}
	r = r ?: start(w);
	if (r)
		em_witnesses_close(w);
	else
		*ret = w;
	return r;
}

void em_witnesses_close(struct em_witnesses *w)
{
	if (!w)
		return;
	if (w->started) {
		pthread_mutex_lock(&w->lock);
		w->stop = true;
		pthread_cond_signal(&w->wake);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	for (unsigned int i = 0; w->texts && i < w->n; i++)
		free(w->texts[i]);
	free(w->texts);
	free(w->asks);
	free(w->ledger);
	if (w->ready >= 0)
		close(w->ready);
	free(w);
}

int em_witnesses_fd(const struct em_witnesses *w)
{
	return w ? w->ready : -1;
}

int em_witnesses_take(struct em_witnesses *w, char *why, size_t len)
{
	uint64_t n;
	int r;

	if (read(w->ready, &n, sizeof(n)) < 0)
		return 0;
	pthread_mutex_lock(&w->lock);
	r = w->result;
	snprintf(why, len, "%s", w->why);
	pthread_mutex_unlock(&w->lock);
	return r;
}
