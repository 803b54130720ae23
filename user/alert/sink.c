// SPDX-License-Identifier: GPL-2.0
/* A sink's spool and how it is; its thread is in sink_work.c. See sink.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "alert/sink.h"
#include "alert/sink_work.h"
#include "alert/spool.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"

static void unref(struct em_sink *s)
{
	if (!s || atomic_fetch_sub(&s->users, 1) > 1)
		return;
	if (s->spool >= 0)
		close(s->spool);
	if (s->wake >= 0)
		close(s->wake);
	pthread_mutex_destroy(&s->lock);
	json_decref(s->test);
	free(s->to);
	free(s->secret);
	free(s);
}

EM_CLEANUP(struct em_sink *, unref);

int em_sink_open(struct em_sink **ret, const struct em_sink_ops *ops, const char *dir,
		 const char *to, const char *secret)
{
	_cleanup_(unrefp) struct em_sink *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ops = ops;
	s->users = 1;
	s->ok = -1;
	pthread_mutex_init(&s->lock, NULL);
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->spool = em_spool_open(dir, ops->name);
	s->to = strdup(to);
	s->secret = secret ? strdup(secret) : NULL;
	if (s->wake < 0 || s->spool < 0)
		return s->spool < 0 ? s->spool : -EMFILE;
	if (!s->to || (secret && !s->secret))
		return -ENOMEM;
	*ret = TAKE_PTR(s);
	return 0;
}

static void wake(struct em_sink *s)
{
	/* a counter that is full is a wake-up too */
	eventfd_write(s->wake, 1);
}

static void *thread(void *arg)
{
	struct em_sink *s = arg;

	em_sink_work(s);
	unref(s);
	return NULL;
}

int em_sink_start(struct em_sink *s)
{
	int r;

	if (s->started)
		return 0;
	atomic_fetch_add(&s->users, 1);
	r = pthread_create(&s->thread, NULL, thread, s);
	if (r) {
		atomic_fetch_sub(&s->users, 1);
		return -r;
	}
	s->started = true;
	return 0;
}

void em_sink_stop(struct em_sink *s)
{
	s->stop = true;
	wake(s);
}

/* One that hangs is left to itself: it holds what it needs, and sees that it is to stop. */
void em_sink_close(struct em_sink *s, uint64_t deadline)
{
	struct timespec until = { .tv_sec = (time_t)(deadline / (uint64_t)EM_NS_PER_S),
				  .tv_nsec = (long)(deadline % (uint64_t)EM_NS_PER_S) };

	if (s->started && pthread_clockjoin_np(s->thread, NULL, CLOCK_MONOTONIC, &until))
		pthread_detach(s->thread);
	unref(s);
}

/* --- what is to be told ------------------------------------------------------------------- */

json_t *em_sink_entry(const json_t *alert)
{
	static const char *const inside[] = { "since_ns", "told", "silenced", "inhibited_by" };
	json_t *entry = json_deep_copy(alert);
	char node[256] = "", id[128];

	gethostname(node, sizeof(node) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++)
		json_object_del(entry, inside[i]);
	snprintf(id, sizeof(id), "%s-%s", em_json_string(alert, "episode"),
		 em_json_string(alert, "state"));
	json_object_set_new(entry, "schema", json_string("earmark-alert-1"));
	json_object_set_new(entry, "id", json_string(id));
	json_object_set_new(entry, "node", json_string(node));
	return entry;
}

static int spool(struct em_sink *s, const json_t *alert, const json_t *entry)
{
	char name[EM_SPOOL_NAME];
	int r;

	if (s->ops->mirror) {
		r = em_spool_put(s->spool, em_json_string(alert, "episode"), entry);
		return r == -EEXIST
			       ? em_spool_replace(s->spool, em_json_string(alert, "episode"), entry)
			       : r;
	}
	/* in order of time; the same name for the same change */
	snprintf(name, sizeof(name), "%019lld-%.32s-%.16s",
		 json_integer_value(json_object_get(alert, "since_ns")),
		 em_json_string(alert, "episode"), em_json_string(alert, "state"));
	r = em_spool_put(s->spool, name, entry);
	return r == -EEXIST ? 0 : r;
}

int em_sink_put(struct em_sink *s, const json_t *alert)
{
	_cleanup_json_ json_t *entry = em_sink_entry(alert);
	int r = entry ? spool(s, alert, entry) : -ENOMEM;

	if (r == -ENOSPC) { /* the spool's own bound: more would not be read either */
		pthread_mutex_lock(&s->lock);
		s->dropped++;
		pthread_mutex_unlock(&s->lock);
		r = 0;
	}
	atomic_fetch_add(&s->changes, 1);
	wake(s);
	return r;
}

void em_sink_test(struct em_sink *s, const char *id)
{
	char now[EM_TIME_LEN];

	pthread_mutex_lock(&s->lock);
	json_decref(s->test);
	s->test = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b}", "kind", "Test", "severity",
			    "ticket", "subject", "node", "state", "firing", "episode", id, "since",
			    em_time_format(now, em_time_now(), 3), "fired", now, "summary",
			    "a test of earmark's alerts; nothing is wrong", "test", 1);
	snprintf(s->test_id, sizeof(s->test_id), "%s", id);
	s->tested = -1;
	s->test_error[0] = '\0';
	pthread_mutex_unlock(&s->lock);
	wake(s);
}

/* --- how it is ---------------------------------------------------------------------------- */

static json_t *tristate(int ok)
{
	return ok < 0 ? json_null() : json_boolean(ok);
}

json_t *em_sink_json(struct em_sink *s)
{
	char time[EM_TIME_LEN];
	json_t *o;

	pthread_mutex_lock(&s->lock);
	o = json_pack("{s:s,s:s,s:o,s:s,s:I,s:I,s:I,s:I,s:s?,s:o}", "name", s->ops->name, "to",
		      s->to, "ok", tristate(s->ok), "error", s->error, "queued",
		      (json_int_t)s->queued, "delivered", (json_int_t)s->delivered, "failed",
		      (json_int_t)s->failed, "dropped", (json_int_t)s->dropped, "last_ok",
		      s->last_ok ? em_time_format(time, s->last_ok, 3) : NULL, "test",
		      *s->test_id ? json_pack("{s:s,s:o,s:s}", "id", s->test_id, "ok",
					      tristate(s->tested), "error", s->test_error)
				  : json_null());
	pthread_mutex_unlock(&s->lock);
	return o;
}

bool em_sink_failing(struct em_sink *s, char *why, size_t len)
{
	bool news;

	pthread_mutex_lock(&s->lock);
	news = s->news;
	s->news = false;
	snprintf(why, len, "%s", s->error);
	pthread_mutex_unlock(&s->lock);
	return news;
}
