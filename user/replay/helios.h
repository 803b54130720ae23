/* SPDX-License-Identifier: GPL-2.0 */
/* What the two kinds of Helios' files have in common. */
#ifndef EM_REPLAY_HELIOS_H
#define EM_REPLAY_HELIOS_H

#include "replay/fields.h"
#include "replay/gather.h"

#define EM_POOL_NAME_MAX 48 /* a GPU's name, with room for "-2" */

/*
 * em_quota_read() - the GPUs assigned to each virtual cluster, by day
 * @header: "date", the clusters, "total"
 *
 * A day on which a purpose's share of them changes, as the map has it, becomes an order.
 */
int em_quota_read(struct em_gather *g, const struct em_fields *header);

#endif
