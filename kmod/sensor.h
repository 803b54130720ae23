/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hold sensor's presence, which the module cannot see itself.
 *
 * Where programs cannot be attached to the edges of holds, walks over all open files stand in
 * for it: see SENSOR_POLLED in the uapi header.
 *
 * A challenge before each seal, through the module's own tracepoint, is answered from within by
 * the sensor's BPF program. It proves that the sensor was there then, and not more.
 */
#ifndef EARMARK_SENSOR_H
#define EARMARK_SENSOR_H

#include <linux/types.h>

struct netlink_ext_ack;

void earmark_sensor_check(void);
int earmark_sensor_poll(struct netlink_ext_ack *extack);
void earmark_sensor_poll_end(void);
bool earmark_sensor_polled(void);
int earmark_sensor_seeded(struct netlink_ext_ack *extack);
bool earmark_sensor_attached(void);
bool earmark_sensor_is_seeded(void);

/* From BPF */
int earmark_sensor_answer(u64 nonce, u64 missed, u64 recursion);
u32 earmark_sensor_begin(void);
void earmark_sensor_walks(void);

/* Generation of the last walk over all open files that began. */
u32 earmark_sensor_walk(void);

#endif /* EARMARK_SENSOR_H */
