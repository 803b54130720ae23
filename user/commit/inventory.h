/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The inventory of a cluster, from its YAML:
 *
 *   nodes:
 *     - origin: acme/c1/n1          # as the node's log says of itself
 *       key: acme/c1/n1+…           # earmark ledger key
 *       gpus:
 *         - name: pci/0000:10:00.0
 *           model: H100
 *           since: 2026-01-01
 *           until: 2026-06-01       # if it is there no more
 */
#ifndef EM_INVENTORY_FILE_H
#define EM_INVENTORY_FILE_H

#include <jansson.h>
#include <stddef.h>

/* Its nodes as a note has them, a new reference; 0, or -errno with @err one sentence. */
int em_inventory_load(json_t **nodes, const char *file, char *err, size_t len);
/* Are these the nodes of an inventory? NULL, or what is expected. */
const char *em_inventory_problem(const json_t *nodes);

#endif
