// SPDX-License-Identifier: GPL-2.0
/* All the ways of telling people; see deliver.h. */
#include <errno.h>
#include <stdlib.h>
#include <curl/curl.h>

#include "alert/deliver.h"
#include "alert/sink.h"
#include "base/cleanup.h"
#include "base/time.h"

#define SINKS_MAX 4
#define CLOSE_WAIT (2 * (uint64_t)EM_NS_PER_S)

struct em_deliveries {
	struct em_sink *sinks[SINKS_MAX];
	unsigned int n;
};

EM_CLEANUP(struct em_deliveries *, em_deliveries_close);

int em_deliveries_open(struct em_deliveries **ret, const struct em_alert_config *c)
{
	const struct {
		const struct em_sink_ops *ops;
		const char *to, *secret;
	} all[SINKS_MAX] = {
		{ &em_sink_journal, "the journal", NULL },
		{ &em_sink_command, c->command, NULL },
		{ &em_sink_webhook, c->webhook, c->webhook_secret },
		{ &em_sink_alertmanager, c->alertmanager, NULL },
	};
	_cleanup_(em_deliveries_closep) struct em_deliveries *d = calloc(1, sizeof(*d));
	int r = 0;

	if (!d)
		return -ENOMEM;
	if (c->webhook || c->alertmanager)
		curl_global_init(CURL_GLOBAL_DEFAULT); /* before there are threads; a MiB */
	for (size_t i = 0; !r && c->spool && i < SINKS_MAX; i++) {
		if (!all[i].to)
			continue;
		r = em_sink_open(&d->sinks[d->n], all[i].ops, c->spool, all[i].to, all[i].secret);
		d->n += !r;
	}
	if (!r)
		*ret = TAKE_PTR(d);
	return r;
}

int em_deliveries_start(struct em_deliveries *d)
{
	int r = 0;

	for (unsigned int i = 0; i < d->n; i++)
		r = em_sink_start(d->sinks[i]) ?: r;
	return r;
}

void em_deliveries_close(struct em_deliveries *d)
{
	if (!d)
		return;
	for (unsigned int i = 0; i < d->n; i++)
		em_sink_stop(d->sinks[i]);
	for (unsigned int i = 0; i < d->n; i++)
		em_sink_close(d->sinks[i], em_time_monotonic() + CLOSE_WAIT);
	free(d);
}

int em_deliveries_send(struct em_deliveries *d, const json_t *alert)
{
	int r = 0;

	for (unsigned int i = 0; i < d->n; i++)
		r = em_sink_put(d->sinks[i], alert) ?: r;
	return r;
}

int em_deliveries_mirror(struct em_deliveries *d, const json_t *alert)
{
	int r = 0;

	for (unsigned int i = 0; i < d->n; i++) {
		if (d->sinks[i]->ops->mirror)
			r = em_sink_put(d->sinks[i], alert) ?: r;
	}
	return r;
}

void em_deliveries_test(struct em_deliveries *d, const char *id)
{
	for (unsigned int i = 0; i < d->n; i++)
		em_sink_test(d->sinks[i], id);
}

json_t *em_deliveries_json(struct em_deliveries *d)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < d->n; i++)
		json_array_append_new(list, em_sink_json(d->sinks[i]));
	return list;
}

const char *em_deliveries_failing(struct em_deliveries *d, char *why, size_t len)
{
	for (unsigned int i = 0; i < d->n; i++) {
		if (em_sink_failing(d->sinks[i], why, len))
			return d->sinks[i]->ops->name;
	}
	return NULL;
}
