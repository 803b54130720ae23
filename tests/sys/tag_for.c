// SPDX-License-Identifier: GPL-2.0
/*
 * tag_for CGROUP [uid] - asks the module to tag a cgroup for somebody else: for whom in full, or
 * by uid alone. Exit 2 with the module's sentence if it refuses.
 */
#include <fcntl.h>
#include <stdio.h>

#include "kernel/request.h"

static int read_nothing(const struct em_netlink_attr *attrs, void *arg)
{
	(void)attrs;
	(void)arg;
	return 0;
}

int main(int argc, char **argv)
{
	struct earmark_event tag = { .purpose = EARMARK_PURPOSE_SERVING,
				     .tagged_by = EARMARK_TAGGED_BY_SELF,
				     .uid = 1234,
				     .gid = 1234,
				     .pid = 1 };
	int fd = argc > 1 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, ret;
	struct em_netlink *nl = NULL;
	__u32 id;

	if (fd < 0 || em_netlink_open(&nl)) {
		fprintf(stderr, "usage: tag_for CGROUP [uid], with the module loaded\n");
		return 1;
	}
	if (argc > 2)
		ret = em_netlink_request(nl, EARMARK_CMD_TAG_SET, EM_NETLINK_DO, read_nothing, NULL,
					 EARMARK_A_CGROUP_FD, (__u64)fd, EARMARK_A_PURPOSE,
					 (__u64)tag.purpose, EARMARK_A_TAGGED_BY,
					 (__u64)tag.tagged_by, EARMARK_A_UID, (__u64)tag.uid, 0);
	else
		ret = em_netlink_tag_for(nl, fd, &tag, &id);
	if (ret)
		fprintf(stderr, "%s\n", em_netlink_error(nl));
	em_netlink_close(nl);
	return ret ? 2 : 0;
}
