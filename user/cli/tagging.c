// SPDX-License-Identifier: GPL-2.0
/* Setting a tag; see tagging.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/tagging.h"
#include "commit/near.h"
#include "kernel/netlink.h"

EM_CLEANUP(struct em_netlink *, em_netlink_close);

static int refuse_purpose(const char *purpose, char *err, size_t len)
{
	const char *near = NULL;
	size_t best = 4;

	for (unsigned int p = 0; p < EARMARK_PURPOSE_COUNT; p++) {
		size_t d = em_near_distance(purpose, em_purpose_name(p));

		if (d < best) {
			best = d;
			near = em_purpose_name(p);
		}
	}
	snprintf(
		err, len,
		"\"%s\" is no purpose%s%s%s; there are alignment, capabilities, mixed, serving and "
		"infrastructure",
		purpose, near ? " (did you mean " : "", near ?: "", near ? "?)" : "");
	return -EINVAL;
}

int em_tagging_parse(struct em_tagging *t, const char *purpose, const char *tagged_by, char *err,
		     size_t len)
{
	int p = em_purpose_parse(purpose), by = em_tagged_by_parse(tagged_by ?: "self");

	if (p < 0)
		return refuse_purpose(purpose, err, len);
	if (by <= EARMARK_TAGGED_BY_NOBODY) {
		snprintf(err, len, "--tagged-by %s: self, rule, scheduler or operator", tagged_by);
		return -EINVAL;
	}
	if (t->project && !em_text_label(t->project, EARMARK_PROJECT_LEN - 1)) {
		snprintf(err, len,
			 "the project's name must be at most 63 bytes of printable UTF-8");
		return -EINVAL;
	}
	if (t->ref && !em_text_label(t->ref, EARMARK_REF_LEN - 1)) {
		snprintf(err, len, "the ref must be at most 63 bytes of printable UTF-8");
		return -EINVAL;
	}
	t->purpose = (unsigned int)p;
	t->tagged_by = (unsigned int)by;
	return 0;
}

/* Return: an open directory of the cgroup v2 hierarchy, or -errno with @err. */
static int open_cgroup(const char *dir, char *err, size_t len)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	int ret;

	if (fd < 0) {
		ret = -errno;
		snprintf(err, len, "no cgroup %s: %s", dir, strerror(errno));
		return ret;
	}
	if (fstatfs(fd, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC) {
		snprintf(err, len, "%s is not a directory of the cgroup v2 hierarchy", dir);
		return -EINVAL;
	}
	return TAKE_FD(fd);
}

static int by_daemon(struct em_args *a, struct em_tagging *t, const char *dir, char *err,
		     size_t len)
{
	_cleanup_free_ char *path = realpath(dir, NULL); /* the daemon has another directory */
	_cleanup_json_ json_t *body =
		json_pack("{s:s,s:s,s:s*,s:s*,s:s}", "cgroup", path ?: dir, "purpose",
			  em_purpose_name(t->purpose), "project", t->project, "ref", t->ref,
			  "tagged_by", em_tagged_by_name(t->tagged_by));
	_cleanup_json_ json_t *answer = NULL;

	if (!body) {
		snprintf(err, len, "the path of %s is not UTF-8: earmarkd cannot be told of it",
			 dir);
		return -EINVAL;
	}
	answer = em_ask(a, "POST", "/v1/tag", body, err, len);
	if (!answer)
		return -EIO;
	t->id = (__u32)json_integer_value(json_object_get(answer, "tag"));
	return 0;
}

/* Does the daemon keep the accounts itself? A tag told to the module would be in no record. */
static bool daemon_records(struct em_args *a)
{
	char err[256];
	_cleanup_json_ json_t *status = em_ask(a, "GET", "/v1/status", NULL, err, sizeof(err));
	const char *by = json_string_value(json_object_get(status, "recorded_by"));

	return by && !strcmp(by, em_recorder_name(EARMARK_RECORDER_DAEMON));
}

int em_tagging_set(struct em_args *a, struct em_tagging *t, const char *dir, char *err, size_t len)
{
	_cleanup_(em_netlink_closep) struct em_netlink *nl = NULL;
	_cleanup_close_ int fd = open_cgroup(dir, err, len);
	struct earmark_event tag = { .purpose = (__u8)t->purpose, .tagged_by = (__u8)t->tagged_by };
	int ret;

	if (fd < 0)
		return fd;
	snprintf(tag.project, sizeof(tag.project), "%s", t->project ?: "");
	snprintf(tag.ref, sizeof(tag.ref), "%s", t->ref ?: "");
	ret = em_netlink_open(&nl);
	if (ret == -ENOENT || ret == -EPERM || daemon_records(a))
		return by_daemon(a, t, dir, err, len);
	if (ret) {
		snprintf(err, len, "%s", em_netlink_trouble(ret));
		return ret;
	}
	ret = em_netlink_tag(nl, fd, &tag, &t->id);
	if (ret)
		snprintf(err, len, "%s", em_netlink_error(nl));
	return ret;
}
