/* SPDX-License-Identifier: GPL-2.0 */
/* Local time of the zone that em_zone_set() named. */
#ifndef EM_REPLAY_ZONE_H
#define EM_REPLAY_ZONE_H

#include <stdint.h>

/*
 * The instant of a local time, both in seconds, @local as if it were UTC. Of the two instants
 * of an hour that passes twice, the first. -ENOENT: an hour that was skipped.
 */
int em_zone_instant(int64_t local, int64_t *ret);

#endif
