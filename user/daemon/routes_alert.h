/* SPDX-License-Identifier: GPL-2.0 */
/* The API's paths about alerts; see api.h. Who may: root, and whom the daemon runs as. */
#ifndef EM_DAEMON_ROUTES_ALERT_H
#define EM_DAEMON_ROUTES_ALERT_H

#include "api/api.h"

int em_route_silence(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
		     char *err, size_t len);
int em_route_alert_test(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
			char *err, size_t len);
int em_route_deliveries(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
			char *err, size_t len);

#endif
