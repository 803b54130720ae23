/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What people add to the record: events, orders, requests, approvals, inventories. Each has
 * "author" and "reason" (printable text), and "at", an RFC 3339 instant.
 *
 *   event     name
 *   order     name, purpose, from and to {num, den}, [arm: add|displace], [control: true|false]
 *   request   id, action: open|grant|refuse, purpose, [how: add|displace], [gpus], [job], [project]
 *   audit     of (draws), [misused] (of them; none: absent), purpose, [seed] of the draw
 *   inventory nodes: as commit/inventory.h
 *   approval  id, project or ref, [gpus], [gpu_hours], signers: as commit/approval.h
 */
#ifndef EM_NOTE_H
#define EM_NOTE_H

#include <jansson.h>

#include "ledger/ledger.h"

/* Is it one of these, complete and of sane values? 0, or -EINVAL with @err one sentence. */
int em_note_check(const char *kind, const json_t *note, char *err, size_t len);

/* Into the record, as of now, with the user who wrote it; 0 or -errno. */
int em_note_write(struct em_ledger *l, const char *kind, json_t *note, uint32_t uid);

#endif
