/* SPDX-License-Identifier: GPL-2.0 */
/* One way of telling people: a spool, a thread, and how it is. Inside user/alert only. */
#ifndef EM_SINK_H
#define EM_SINK_H

#include <pthread.h>
#include <stdatomic.h>
#include "alert/alert.h"

#define EM_SINK_ERROR 256

struct em_sink;

/**
 * struct em_sink_ops - a kind of sink
 * @mirror: it is told states, all of them again and again, instead of each change once
 * @tell: called in the sink's thread. An entry as em_sink_entry() makes it, or an array of them
 *	for a mirror. 0, or -errno with a sentence in @err
 */
struct em_sink_ops {
	const char *name;
	bool mirror;
	int (*tell)(struct em_sink *s, const json_t *entry, char *err, size_t len);
};

extern const struct em_sink_ops em_sink_journal, em_sink_command, em_sink_webhook,
	em_sink_alertmanager;

/**
 * struct em_sink
 * @to: command or URL, @secret: file; @spool: directory
 * @wake: eventfd: there is something to tell, or to stop for; @stop: likewise
 * @changes: how often something was put in the spool
 * @users: the set and the thread; the last one frees it
 * @lock: guards what follows: how it is. @ok: -1 = not known yet; @news: it began to fail
 * @test: to be told next; @test_id, @tested (-1: under way), @test_error: the last one
 */
struct em_sink {
	const struct em_sink_ops *ops;
	char *to, *secret;
	int spool, wake;
	pthread_t thread;
	bool started;
	atomic_bool stop;
	atomic_uint changes, users;
	/* the thread's own */
	uint64_t retry_at, told_at, pause;
	unsigned int told_changes;
	pthread_mutex_t lock;
	int ok, tested;
	bool news;
	char error[EM_SINK_ERROR], test_error[EM_SINK_ERROR], test_id[40];
	uint64_t queued, delivered, failed, dropped;
	int64_t last_ok;
	json_t *test;
};

int em_sink_open(struct em_sink **s, const struct em_sink_ops *ops, const char *dir, const char *to,
		 const char *secret);
int em_sink_start(struct em_sink *s);
void em_sink_stop(struct em_sink *s); /* asks it to; em_sink_close() waits */
void em_sink_close(struct em_sink *s, uint64_t deadline);
int em_sink_put(struct em_sink *s, const json_t *alert);
void em_sink_test(struct em_sink *s, const char *id);
json_t *em_sink_json(struct em_sink *s);
bool em_sink_failing(struct em_sink *s, char *why, size_t len);

/* What a receiver gets of an alert; a new reference. */
json_t *em_sink_entry(const json_t *alert);

/* A POST that ends within EM_DELIVER_HTTP_SECONDS, or when the sink stops. @more: headers, ended by
 * NULL, or NULL; "" is none. */
int em_sink_post(struct em_sink *s, const char *url, const char *body, const char *const *more,
		 char *err, size_t len);

#endif
