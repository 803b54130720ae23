/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon's state as the API's JSON; shapes are in api.h. All return new references. */
#ifndef EM_DAEMON_VIEW_H
#define EM_DAEMON_VIEW_H

#include "daemon/manager.h"

json_t *em_view_status(struct em_manager *m);
json_t *em_view_jobs(struct em_manager *m);
json_t *em_view_gpus(struct em_manager *m);
json_t *em_view_sensors(struct em_manager *m);

#endif
