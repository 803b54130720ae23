// SPDX-License-Identifier: GPL-2.0
/* The API's paths about alerts; see routes_alert.h. */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "alert/deliver.h"
#include "alert/silence.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "daemon/manager.h"
#include "daemon/routes_alert.h"

static int allowed(const struct em_peer *peer, const char *what, char *err, size_t len)
{
	if (!peer->uid || peer->uid == geteuid())
		return 0;
	snprintf(err, len, "only root and the user that earmarkd runs as may %s", what);
	return -EPERM;
}

int em_route_silence(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
		     char *err, size_t len)
{
	const char *name = NULL, *length = NULL, *author = NULL, *reason = NULL;
	struct em_manager *m = arg;
	int64_t now = em_time_now(), ns;
	char until[EM_TIME_LEN];
	json_error_t why;
	int r = allowed(peer, "silence an alert", err, len);

	if (r)
		return r;
	if (json_unpack_ex(body, &why, JSON_STRICT, "{s:s,s:s,s:s,s:s}", "name", &name, "for",
			   &length, "author", &author, "reason", &reason)) {
		snprintf(err, len, "a silence needs name, for, author and reason: %s", why.text);
		return -EINVAL;
	}
	if (em_duration_parse(length, &ns)) {
		snprintf(err, len, "\"for\" must be a duration such as 4h or 7d");
		return -EINVAL;
	}
	r = em_silence_add(m->ledger, name, ns, author, reason, now, err, len);
	if (r)
		return r;
	em_alerts_silences(m->alerts, now);
	*answer = json_pack("{s:s,s:s}", "name", name, "until", em_time_format(until, now + ns, 3));
	return 0;
}

int em_route_alert_test(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
			char *err, size_t len)
{
	struct em_manager *m = arg;
	unsigned char random[8];
	char id[2 * sizeof(random) + 1];
	int r = allowed(peer, "send a test alert", err, len);

	(void)body;
	if (r)
		return r;
	randombytes_buf(random, sizeof(random));
	em_deliveries_test(em_alerts_deliveries(m->alerts), em_hex(id, random, sizeof(random)));
	*answer = json_pack("{s:s}", "id", id);
	return 0;
}

int em_route_deliveries(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
			char *err, size_t len)
{
	struct em_manager *m = arg;

	(void)peer;
	(void)body;
	(void)err;
	(void)len;
	*answer = json_pack("{s:o}", "deliveries",
			    em_deliveries_json(em_alerts_deliveries(m->alerts)));
	return 0;
}
