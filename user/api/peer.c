// SPDX-License-Identifier: GPL-2.0
/* Who is at the other end of a unix socket; see api.h. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "api/api.h"
#include "base/cleanup.h"

#define GROUPS_MAX 65536 /* of a process, in the kernel */

bool em_peer_in_group(const struct em_peer *peer, gid_t gid)
{
	socklen_t len = GROUPS_MAX * sizeof(gid_t);
	_cleanup_free_ gid_t *groups = malloc(len);

	if (peer->gid == gid)
		return true;
	if (!groups || getsockopt(peer->socket, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (size_t i = 0; i < len / sizeof(gid_t); i++) {
		if (groups[i] == gid)
			return true;
	}
	return false;
}

bool em_peer_alive(const struct em_peer *peer)
{
	struct pollfd p = { .fd = peer->pidfd, .events = POLLIN };

	/* readable: it has ended, and its pid may be anybody's */
	return peer->pidfd >= 0 && poll(&p, 1, 0) == 0;
}
