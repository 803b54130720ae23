/* SPDX-License-Identifier: GPL-2.0 */
/* The generic netlink family: netlink.c what it is asked and told, dump.c what it lists. */
#ifndef EARMARK_NETLINK_H
#define EARMARK_NETLINK_H

#include <net/genetlink.h>

#include "../include/uapi/earmark.h"

extern struct genl_family earmark_family;

int earmark_netlink_init(void);
void earmark_netlink_exit(void);
void earmark_netlink_event(const struct earmark_event *event);
int earmark_netlink_admin(const struct sk_buff *skb, struct netlink_ext_ack *extack);

int earmark_dump_jobs(struct sk_buff *skb, struct netlink_callback *cb);
int earmark_dump_gpus(struct sk_buff *skb, struct netlink_callback *cb);
int earmark_dump_intervals_start(struct netlink_callback *cb);
int earmark_dump_intervals(struct sk_buff *skb, struct netlink_callback *cb);
int earmark_dump_intervals_done(struct netlink_callback *cb);

#endif /* EARMARK_NETLINK_H */
