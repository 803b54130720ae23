// SPDX-License-Identifier: GPL-2.0
/*
 * Telling Prometheus' Alertmanager, API v2; see deliver.h. Labels are what an alert is known by:
 * a number among them would make a new alert at each change.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert/sink.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"

/* Without a word from us it ends by itself: four times the pause between two of ours. */
#define ENDS_AFTER (240 * EM_NS_PER_S)

static void copy(json_t *to, const char *as, const json_t *entry, const char *key)
{
	json_t *value = json_object_get(entry, key);

	if (json_string_length(value))
		json_object_set(to, as, value);
}

static json_t *labels(const json_t *entry)
{
	json_t *o = json_object();

	copy(o, "alertname", entry, "kind");
	copy(o, "severity", entry, "severity");
	copy(o, "commitment", entry, "commitment");
	copy(o, "subject", entry, "subject");
	copy(o, "node", entry, "node");
	json_object_set_new(o, "source", json_string("earmark"));
	return o;
}

static void share(json_t *to, const char *key, const json_t *share)
{
	double num = json_number_value(json_object_get(share, "num"));
	double den = json_number_value(json_object_get(share, "den"));

	if (den > 0)
		json_object_set_new(to, key, json_sprintf("%.2f %%", 100 * num / den));
}

static json_t *annotations(const json_t *entry)
{
	static const char *const shares[] = { "proven", "possible", "floor" };
	json_t *o = json_object();

	copy(o, "summary", entry, "summary");
	copy(o, "status", entry, "status");
	copy(o, "purpose", entry, "purpose");
	copy(o, "burn", entry, "burn");
	copy(o, "episode", entry, "episode");
	for (size_t i = 0; i < ARRAY_SIZE(shares); i++)
		share(o, shares[i], json_object_get(entry, shares[i]));
	return o;
}

static json_t *alert(const json_t *entry)
{
	bool resolved = !strcmp(em_json_string(entry, "state"), "resolved");
	char ends[EM_TIME_LEN];

	em_time_format(ends, em_time_now() + ENDS_AFTER, 3);
	return json_pack("{s:o,s:o,s:s,s:s}", "labels", labels(entry), "annotations",
			 annotations(entry), "startsAt", em_json_string(entry, "fired"), "endsAt",
			 resolved ? em_json_string(entry, "since") : ends);
}

static int tell(struct em_sink *s, const json_t *entries, char *err, size_t len)
{
	_cleanup_json_ json_t *all = json_array();
	_cleanup_free_ char *body = NULL;
	char url[4200];
	size_t i, n = strlen(s->to);
	json_t *entry;

	json_array_foreach(entries, i, entry) {
		if (json_is_object(entry))
			json_array_append_new(all, alert(entry));
	}
	body = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	snprintf(err, len, "out of memory");
	if (!body)
		return -ENOMEM;
	snprintf(url, sizeof(url), "%.*s/api/v2/alerts",
		 (int)(n && s->to[n - 1] == '/' ? n - 1 : n), s->to);
	return em_sink_post(s, url, body, NULL, err, len);
}

const struct em_sink_ops em_sink_alertmanager = { "alertmanager", true, tell };
