/* SPDX-License-Identifier: GPL-2.0 */
/* Work that is told by the daemon: WORK_ADD. */
#ifndef EARMARK_WORK_H
#define EARMARK_WORK_H

struct genl_info;
struct sk_buff;

int earmark_work_add(struct sk_buff *skb, struct genl_info *info);

#endif /* EARMARK_WORK_H */
