/* SPDX-License-Identifier: GPL-2.0 */
/* Between netlink.c (libnl, no command) and command.c (every command, no libnl). */
#ifndef EM_REQUEST_H
#define EM_REQUEST_H

#include <stddef.h>
#include "kernel/netlink.h"

/* struct em_netlink_attr - an attribute of an answer; data NULL: it is not there */
struct em_netlink_attr {
	const void *data; /* aligned to 4 bytes only */
	size_t len;
};

/* Gets each message of an answer, by enum earmark_attr; other than 0 ends the request. */
typedef int em_netlink_reader(const struct em_netlink_attr *attrs, void *arg);

enum { EM_NETLINK_DO, EM_NETLINK_DUMP };

/*
 * em_netlink_request() - a command and its answer
 *
 * Then pairs (attribute, value), ended by 0. Values by the attribute's type: every number as
 * __u64, text as const char * (empty or NULL: left out), binaries as pointer and int length.
 *
 * Return: 0, -errno (em_netlink_error() says it), or what @read returned if that is > 0.
 */
int em_netlink_request(struct em_netlink *nl, int cmd, int kind, em_netlink_reader *read, void *arg,
		       ...);

int em_netlink_fail(struct em_netlink *nl, int cmd, int r); /* keeps a sentence; returns @r */

/* Reads what the events socket has. */
int em_netlink_receive(struct em_netlink *nl, em_netlink_reader *read, void *arg);

#endif
