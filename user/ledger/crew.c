// SPDX-License-Identifier: GPL-2.0
/* Reading ahead with all processors; see crew.h. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ledger/crew.h"
#include "ledger/entry.h"

#define THREADS_MAX 16
#define WORTH 64 /* entries of a bundle for which it pays to start threads */
#define AHEAD 48 /* entries: the longest are a few hundred KiB when parsed */

/**
 * struct em_crew - @n: of the bundle's entries; @taken: the next to be read, @given: to be given
 * out
 * @slots: of the entries @given - 1 and on; @ready: which of them are read
 */
struct em_crew {
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	pthread_t threads[THREADS_MAX];
	unsigned int n_threads, n, taken, given;
	bool stop;
	const struct em_bundle *bundle;
	const struct em_openings *openings;
	uint64_t first;
	struct em_read slots[AHEAD];
	bool ready[AHEAD];
};

static void slot_clear(struct em_read *r)
{
	json_decref(r->entry);
	json_decref(r->items);
	memset(r, 0, sizeof(*r));
}

/* Into a slot that nobody else looks at. */
static void read_entry(const struct em_crew *c, unsigned int i, struct em_read *r)
{
	slot_clear(r);
	r->leaf = em_merkle_leaf(c->bundle->entry[i], c->bundle->len[i]);
	r->entry = em_entry_parse(c->bundle->entry[i], c->bundle->len[i], &r->why);
	if (r->entry)
		r->items = em_openings_items(c->openings, c->first + i, r->entry, &r->trouble);
}

/* Is there one to read whose slot is free? The one given out last is still looked at. */
static bool can_take(const struct em_crew *c)
{
	return c->taken < c->n && c->taken + 1 < c->given + AHEAD;
}

static void *work(void *arg)
{
	struct em_crew *c = arg;

	pthread_mutex_lock(&c->lock);
	while (!c->stop) {
		unsigned int i = c->taken;

		if (!can_take(c)) {
			pthread_cond_wait(&c->work, &c->lock);
			continue;
		}
		c->taken++;
		pthread_mutex_unlock(&c->lock);
		read_entry(c, i, &c->slots[i % AHEAD]);
		pthread_mutex_lock(&c->lock);
		c->ready[i % AHEAD] = true;
		pthread_cond_signal(&c->done);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

struct em_crew *em_crew_new(void)
{
	struct em_crew *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->work, NULL);
	pthread_cond_init(&c->done, NULL);
	return c;
}

/* They wait for work; a machine with one processor needs none. */
static void threads_start(struct em_crew *c)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	n = n < THREADS_MAX ? n : THREADS_MAX;
	while (n > 1 && (long)c->n_threads < n &&
	       !pthread_create(&c->threads[c->n_threads], NULL, work, c))
		c->n_threads++;
}

void em_crew_free(struct em_crew *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_broadcast(&c->work);
	pthread_mutex_unlock(&c->lock);
	for (unsigned int i = 0; i < c->n_threads; i++)
		pthread_join(c->threads[i], NULL);
	for (unsigned int i = 0; i < AHEAD; i++)
		slot_clear(&c->slots[i]);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->work);
	pthread_cond_destroy(&c->done);
	free(c);
}

void em_crew_start(struct em_crew *c, const struct em_bundle *b, const struct em_openings *o,
		   uint64_t first, unsigned int from)
{
	if (!c->n_threads && b->n >= from + WORTH)
		threads_start(c);
	pthread_mutex_lock(&c->lock);
	c->bundle = b;
	c->openings = o;
	c->first = first;
	c->n = b->n;
	c->taken = c->given = from;
	memset(c->ready, 0, sizeof(c->ready));
	pthread_cond_broadcast(&c->work);
	pthread_mutex_unlock(&c->lock);
}

const struct em_read *em_crew_next(struct em_crew *c)
{
	const struct em_read *r = NULL;
	unsigned int i;

	pthread_mutex_lock(&c->lock);
	i = c->given;
	if (i < c->n && !c->n_threads) {
		read_entry(c, i, &c->slots[i % AHEAD]);
		c->ready[i % AHEAD] = true;
	}
	while (i < c->n && !c->ready[i % AHEAD])
		pthread_cond_wait(&c->done, &c->lock);
	if (i < c->n) {
		c->ready[i % AHEAD] = false;
		r = &c->slots[i % AHEAD];
		c->given++;
		pthread_cond_signal(&c->work);
	}
	pthread_mutex_unlock(&c->lock);
	return r;
}
