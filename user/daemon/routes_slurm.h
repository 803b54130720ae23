/* SPDX-License-Identifier: GPL-2.0 */
/* The API's path for Slurm's plugin; see api.h. */
#ifndef EM_DAEMON_ROUTES_SLURM_H
#define EM_DAEMON_ROUTES_SLURM_H

#include "api/api.h"

int em_route_slurm(void *arg, const struct em_peer *peer, json_t *body, json_t **answer, char *err,
		   size_t len);

#endif
