/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The API's paths about GPUs that earmarkd does not find by itself: an operator adds one, and
 * whoever knows how a job works there tells so.
 */
#ifndef EM_DAEMON_ROUTES_GPU_H
#define EM_DAEMON_ROUTES_GPU_H

#include "api/api.h"

int em_route_gpu_add(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
		     char *err, size_t len);
int em_route_work(void *arg, const struct em_peer *peer, json_t *body, json_t **answer, char *err,
		  size_t len);

#endif
