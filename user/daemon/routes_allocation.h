/* SPDX-License-Identifier: GPL-2.0 */
/* The API's path for schedulers that give GPUs to jobs; what it takes is said in api.h. */
#ifndef EM_DAEMON_ROUTES_ALLOCATION_H
#define EM_DAEMON_ROUTES_ALLOCATION_H

#include "api/api.h"

int em_route_allocations(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
			 char *err, size_t len);

#endif
