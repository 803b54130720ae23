// SPDX-License-Identifier: GPL-2.0
/* A sink's thread; see sink_work.h. It touches the spool and its own sink, nothing else. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "alert/sink.h"
#include "alert/sink_work.h"
#include "alert/spool.h"
#include "base/cleanup.h"
#include "base/time.h"

#define PAUSE_FIRST ((uint64_t)EM_NS_PER_S)
#define PAUSE_MAX (300 * (uint64_t)EM_NS_PER_S)
#define PAUSE_MIRROR_MAX (60 * (uint64_t)EM_NS_PER_S)
#define RESEND (60 * (uint64_t)EM_NS_PER_S)
#define RESOLVED_FOR (300 * EM_NS_PER_S)
#define LOCK_PAUSE (EM_NS_PER_S / 10)
#define FOREVER UINT64_MAX

typedef char spool_name[EM_SPOOL_NAME];

static void wait_for(struct em_sink *s, uint64_t ns)
{
	struct pollfd p = { .fd = s->wake, .events = POLLIN };
	uint64_t ms = ns == FOREVER ? 0 : ns / (uint64_t)EM_NS_PER_MS + 1;
	eventfd_t ignored;

	if (!s->stop)
		poll(&p, 1, ns == FOREVER ? -1 : ms > 3600000 ? 3600000 : (int)ms);
	eventfd_read(s->wake, &ignored);
}

/* --- how it went -------------------------------------------------------------------------- */

static void went(struct em_sink *s, int r, const char *err)
{
	uint64_t most = s->ops->mirror ? PAUSE_MIRROR_MAX : PAUSE_MAX;

	pthread_mutex_lock(&s->lock);
	if (r) {
		s->failed++;
		s->news = s->news || s->ok != 0;
		snprintf(s->error, sizeof(s->error), "%s", err);
		s->pause = !s->pause ? PAUSE_FIRST : s->pause * 2 < most ? s->pause * 2 : most;
		s->retry_at = em_time_monotonic() + s->pause;
	} else {
		s->delivered++;
		s->error[0] = '\0';
		s->last_ok = em_time_now();
		s->pause = s->retry_at = 0;
	}
	s->ok = !r;
	pthread_mutex_unlock(&s->lock);
}

static void queue(struct em_sink *s, int n)
{
	pthread_mutex_lock(&s->lock);
	s->queued = n > 0 ? (uint64_t)n : 0;
	pthread_mutex_unlock(&s->lock);
}

/* A test is told once, ahead of what waits, and changes nothing for that. */
static void test(struct em_sink *s)
{
	_cleanup_json_ json_t *alert = NULL, *entry = NULL;
	char err[EM_SINK_ERROR] = "";
	int r;

	pthread_mutex_lock(&s->lock);
	alert = TAKE_PTR(s->test);
	pthread_mutex_unlock(&s->lock);
	if (!alert)
		return;
	entry = em_sink_entry(alert);
	if (s->ops->mirror) {
		json_t *one = json_array();

		json_array_append_new(one, TAKE_PTR(entry));
		entry = one;
	}
	r = s->ops->tell(s, entry, err, sizeof(err));
	pthread_mutex_lock(&s->lock);
	s->tested = !r;
	snprintf(s->test_error, sizeof(s->test_error), "%s", err);
	pthread_mutex_unlock(&s->lock);
}

/* --- changes, each once, in order --------------------------------------------------------- */

static int tell_one(struct em_sink *s, const char *name)
{
	_cleanup_json_ json_t *entry = em_spool_get(s->spool, name);
	char err[EM_SINK_ERROR] = "a spooled entry cannot be read";
	int r = entry ? s->ops->tell(s, entry, err, sizeof(err)) : 0;

	if (!entry) { /* told is better than in everybody's way for ever */
		pthread_mutex_lock(&s->lock);
		s->dropped++;
		pthread_mutex_unlock(&s->lock);
	} else if (s->stop && r) {
		return r; /* interrupted, not refused */
	} else {
		went(s, r, err);
	}
	return r ?: em_spool_done(s->spool, name);
}

/* Return: how long there is nothing to do. */
static uint64_t changes_round(struct em_sink *s)
{
	_cleanup_free_ spool_name *names = NULL;
	uint64_t now = em_time_monotonic();
	int n = em_spool_names(s->spool, &names);

	queue(s, n);
	if (n <= 0)
		return n ? PAUSE_FIRST : FOREVER;
	if (s->retry_at > now)
		return s->retry_at - now;
	for (int i = 0; i < n && !s->stop; i++) {
		if (tell_one(s, names[i]))
			return s->pause ?: PAUSE_FIRST;
		queue(s, n - i - 1);
		test(s);
	}
	return 0; /* there may be more by now */
}

/* --- states, all of them, again and again ------------------------------------------------- */

static bool resolved(const json_t *entry)
{
	const char *state = json_string_value(json_object_get(entry, "state"));

	return state && !strcmp(state, "resolved");
}

/* A resolved one is told for a while longer, counted from when it was heard first. */
static void told(struct em_sink *s, const char *name, json_t *entry)
{
	json_int_t first = json_integer_value(json_object_get(entry, "heard_ns"));
	int64_t now = em_time_now();

	if (!resolved(entry))
		return;
	if (!first) {
		json_object_set_new(entry, "heard_ns", json_integer(now));
		em_spool_replace(s->spool, name, entry);
	} else if (now - first >= RESOLVED_FOR || now < first) {
		em_spool_remove(s->spool, name);
	}
}

static int tell_all(struct em_sink *s, spool_name *names, int n)
{
	_cleanup_json_ json_t *all = json_array();
	char err[EM_SINK_ERROR] = "";
	json_t *entry;
	size_t i;
	int r;

	for (int k = 0; k < n; k++) {
		entry = em_spool_get(s->spool, names[k]);
		json_array_append_new(all, entry ?: json_null());
	}
	r = s->ops->tell(s, all, err, sizeof(err));
	if (!r || !s->stop)
		went(s, r, err);
	json_array_foreach(all, i, entry) {
		if (!json_is_object(entry))
			em_spool_remove(s->spool, names[i]);
		else if (!r)
			told(s, names[i], entry);
	}
	return r;
}

static uint64_t mirror_round(struct em_sink *s)
{
	_cleanup_free_ spool_name *names = NULL;
	unsigned int changes = s->changes;
	uint64_t now = em_time_monotonic();
	int n = em_spool_names(s->spool, &names);

	if (n <= 0) {
		queue(s, 0);
		return n ? PAUSE_FIRST : FOREVER;
	}
	if (s->retry_at > now)
		return s->retry_at - now;
	if (s->told_at && changes == s->told_changes && now - s->told_at < RESEND)
		return s->told_at + RESEND - now;
	queue(s, n);
	if (tell_all(s, names, n))
		return s->pause ?: PAUSE_FIRST;
	queue(s, 0);
	s->told_at = em_time_monotonic();
	s->told_changes = changes;
	return RESEND;
}

void em_sink_work(struct em_sink *s)
{
	/* a daemon that was told to go may still be telling */
	while (!s->stop && em_spool_lock(s->spool))
		wait_for(s, LOCK_PAUSE);
	while (!s->stop) {
		uint64_t pause;

		test(s);
		pause = s->ops->mirror ? mirror_round(s) : changes_round(s);
		if (pause)
			wait_for(s, pause);
	}
}
