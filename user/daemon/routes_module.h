/* SPDX-License-Identifier: GPL-2.0 */
/* The API's path about exchanging the module; see api.h. Who may: root. */
#ifndef EM_DAEMON_ROUTES_MODULE_H
#define EM_DAEMON_ROUTES_MODULE_H

#include "api/api.h"

int em_route_module(void *arg, const struct em_peer *peer, json_t *body, json_t **answer, char *err,
		    size_t len);

#endif
