// SPDX-License-Identifier: GPL-2.0
/* The generic netlink family. Every refusal carries a sentence. */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "compat.h"
#include "event.h"
#include "gpu.h"
#include "interval.h"
#include "inventory.h"
#include "netlink.h"
#include "sensor.h"
#include "tag.h"
#include "work.h"

#define EARMARK_POLICY_ATTR(id, name, nl, length) \
	[EARMARK_A_##id] = { .type = NLA_##nl, .len = length },

static const struct nla_policy policy[EARMARK_A_COUNT] = { EARMARK_ATTRS(EARMARK_POLICY_ATTR) };

static int refuse(struct genl_info *info, int error, const char *sentence)
{
	if (info->extack)
		info->extack->_msg = sentence;
	return error;
}

/* CAP_SYS_ADMIN in the initial user namespace, of the caller and of who opened the socket. */
int earmark_netlink_admin(const struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (netlink_capable(skb, CAP_SYS_ADMIN))
		return 0;
	NL_SET_ERR_MSG(extack, "only an administrator may do this");
	return -EPERM;
}

/* A user's request must not come over a socket that another user opened. */
static bool own_socket(const struct sk_buff *skb)
{
	const struct socket *sock = NETLINK_CB((struct sk_buff *)skb).sk->sk_socket;

	return sock && sock->file && uid_eq(sock->file->f_cred->euid, current_euid());
}

static struct sk_buff *reply_new(struct genl_info *info, u8 cmd, size_t size, void **head)
{
	struct sk_buff *skb = genlmsg_new(size, GFP_KERNEL);

	*head = skb ? genlmsg_put_reply(skb, info, &earmark_family, 0, cmd) : NULL;
	if (skb && !*head) {
		nlmsg_free(skb);
		skb = NULL;
	}
	return skb;
}

static int reply_send(struct genl_info *info, struct sk_buff *skb, void *head, int error)
{
	if (error) {
		nlmsg_free(skb);
		return refuse(info, error, "out of memory");
	}
	genlmsg_end(skb, head);
	return genlmsg_reply(skb, info);
}

static int reply_u32(struct genl_info *info, u8 cmd, int attr, u32 value)
{
	void *head;
	struct sk_buff *skb = reply_new(info, cmd, nla_total_size(sizeof(value)), &head);

	if (!skb)
		return refuse(info, -ENOMEM, "out of memory");
	return reply_send(info, skb, head, nla_put_u32(skb, attr, value));
}

static int status_get(struct sk_buff *skb, struct genl_info *info)
{
	struct earmark_status st = {};
	struct sk_buff *reply;
	void *head;

	earmark_interval_status(&st);
	reply = reply_new(info, EARMARK_CMD_STATUS_GET, nla_total_size(sizeof(st)), &head);
	if (!reply)
		return refuse(info, -ENOMEM, "out of memory");
	return reply_send(info, reply, head, nla_put(reply, EARMARK_A_STATUS, sizeof(st), &st));
}

/* Said for somebody else: whole, but for a name of the process, which may be gone by then. */
static bool tag_for(struct nlattr **attrs)
{
	return attrs[EARMARK_A_UID] && attrs[EARMARK_A_GID] && attrs[EARMARK_A_PID];
}

static bool tag_for_any(struct nlattr **attrs)
{
	return attrs[EARMARK_A_UID] || attrs[EARMARK_A_GID] || attrs[EARMARK_A_PID] ||
	       attrs[EARMARK_A_COMM];
}

static void tag_who(struct earmark_tag *tag, struct nlattr **attrs)
{
	if (!tag_for_any(attrs)) {
		tag->uid = from_kuid(&init_user_ns, current_uid());
		tag->gid = from_kgid(&init_user_ns, current_gid());
		tag->pid = task_tgid_nr(current);
		get_task_comm(tag->comm, current);
		return;
	}
	tag->uid = nla_get_u32(attrs[EARMARK_A_UID]);
	tag->gid = nla_get_u32(attrs[EARMARK_A_GID]);
	tag->pid = nla_get_u32(attrs[EARMARK_A_PID]);
	if (attrs[EARMARK_A_COMM])
		nla_strscpy(tag->comm, attrs[EARMARK_A_COMM], sizeof(tag->comm));
}

static int tag_attrs_check(struct genl_info *info, bool admin)
{
	struct nlattr **attrs = info->attrs;

	if (!attrs[EARMARK_A_CGROUP_FD] || !attrs[EARMARK_A_PURPOSE] || !attrs[EARMARK_A_TAGGED_BY])
		return refuse(info, -EINVAL, "CGROUP_FD, PURPOSE and TAGGED_BY are needed");
	if (!tag_for_any(attrs))
		return 0;
	if (!admin)
		return refuse(info, -EPERM, "only an administrator may tag for somebody else");
	if (!tag_for(attrs))
		return refuse(info, -EINVAL, "UID, GID and PID say together for whom a tag is");
	return 0;
}

static bool printable(const char *text)
{
	for (; *text; text++) {
		if ((u8)*text < ' ' || *text == 0x7f)
			return false;
	}
	return true;
}

static struct earmark_tag *tag_new(struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;
	struct earmark_tag *tag = kzalloc(sizeof(*tag), GFP_KERNEL_ACCOUNT);

	if (!tag)
		return NULL;
	refcount_set(&tag->refs, 1);
	tag->purpose = nla_get_u8(attrs[EARMARK_A_PURPOSE]);
	tag->tagged_by = nla_get_u8(attrs[EARMARK_A_TAGGED_BY]);
	if (attrs[EARMARK_A_PROJECT])
		nla_strscpy(tag->project, attrs[EARMARK_A_PROJECT], sizeof(tag->project));
	if (attrs[EARMARK_A_REF])
		nla_strscpy(tag->ref, attrs[EARMARK_A_REF], sizeof(tag->ref));
	tag_who(tag, attrs);
	return tag;
}

static int tag_check(struct genl_info *info, const struct earmark_tag *tag, bool admin,
		     const struct sk_buff *skb)
{
	if (tag->purpose >= EARMARK_PURPOSE_COUNT)
		return refuse(info, -EINVAL, "no such purpose");
	if (!tag->tagged_by || tag->tagged_by >= EARMARK_TAGGED_BY_COUNT)
		return refuse(info, -EINVAL, "no such tagged-by");
	if (!printable(tag->project) || !printable(tag->ref))
		return refuse(info, -EINVAL, "project and ref must not have control characters");
	if (!admin && !own_socket(skb))
		return refuse(info, -EPERM, "the socket was opened by another user");
	return 0;
}

/*
 * The cgroup of an open directory: looked up by descriptor, since nothing else is exported, and
 * compared with the file, since another thread may exchange what the descriptor stands for.
 */
static int dir_open(struct genl_info *info, struct file **dir, struct cgroup **cgrp)
{
	int fd = nla_get_s32(info->attrs[EARMARK_A_CGROUP_FD]);

	*dir = fget(fd);
	if (!*dir)
		return refuse(info, -EBADF, "the cgroup's descriptor is not open for reading");
	*cgrp = cgroup_get_from_fd(fd);
	if (!IS_ERR(*cgrp) && file_inode(*dir)->i_sb->s_magic == CGROUP2_SUPER_MAGIC &&
	    S_ISDIR(file_inode(*dir)->i_mode) && file_inode(*dir)->i_ino == cgroup_id(*cgrp))
		return 0;
	if (!IS_ERR(*cgrp))
		cgroup_put(*cgrp);
	fput(*dir);
	return refuse(info, -EBADF, "the descriptor is not that of a cgroup v2 directory");
}

static int tag_set(struct sk_buff *skb, struct genl_info *info)
{
	bool admin = netlink_capable(skb, CAP_SYS_ADMIN);
	struct earmark_tag *tag;
	struct cgroup *cgrp;
	struct file *dir;
	u32 id = 0;
	int ret = tag_attrs_check(info, admin);

	if (ret)
		return ret;
	tag = tag_new(info);
	if (!tag)
		return refuse(info, -ENOMEM, "out of memory");
	ret = tag_check(info, tag, admin, skb);
	if (ret)
		goto put_tag;
	ret = dir_open(info, &dir, &cgrp);
	if (ret)
		goto put_tag;
	ret = earmark_tag_set(dir, cgrp, tag, admin, info->extack);
	id = tag->id;
	cgroup_put(cgrp);
	fput(dir);
put_tag:
	earmark_tag_put(tag);
	return ret ?: reply_u32(info, EARMARK_CMD_TAG_SET, EARMARK_A_TAG, id);
}

static int gpu_check(struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;
	const char *name, *slash;

	if (!attrs[EARMARK_A_NAME])
		return refuse(info, -EINVAL, "NAME is needed");
	name = nla_data(attrs[EARMARK_A_NAME]);
	slash = strchr(name, '/');
	if (!slash || slash == name || !slash[1] || !printable(name))
		return refuse(info, -EINVAL, "a GPU is named <bus>/<device>");
	if (attrs[EARMARK_A_METER] && nla_get_u32(attrs[EARMARK_A_METER]) >= EARMARK_METER_COUNT)
		return refuse(info, -EINVAL, "no such meter");
	if (attrs[EARMARK_A_DEVNUMS] && nla_len(attrs[EARMARK_A_DEVNUMS]) % sizeof(u32))
		return refuse(info, -EINVAL, "device numbers have 32 bits each");
	return 0;
}

static const void *text_of(const struct nlattr *attr)
{
	return attr ? nla_data(attr) : NULL;
}

static int gpu_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;
	struct earmark_gpu_set set = {
		.model = text_of(attrs[EARMARK_A_MODEL]),
		.uuid = text_of(attrs[EARMARK_A_UUID]),
		.weight = attrs[EARMARK_A_WEIGHT] ? nla_get_u32(attrs[EARMARK_A_WEIGHT]) : -1LL,
		.meter = attrs[EARMARK_A_METER] ? nla_get_u32(attrs[EARMARK_A_METER]) : -1LL,
	};
	u32 devnums[EARMARK_DEVNUMS_MAX];
	u32 id;
	int ret = earmark_netlink_admin(skb, info->extack) ?: gpu_check(info);

	if (ret)
		return ret;
	set.name = nla_data(attrs[EARMARK_A_NAME]);
	if (attrs[EARMARK_A_DEVNUMS]) {
		nla_memcpy(devnums, attrs[EARMARK_A_DEVNUMS], sizeof(devnums));
		set.devnums = devnums;
		set.nr_devnums = nla_len(attrs[EARMARK_A_DEVNUMS]) / sizeof(u32);
	}
	ret = earmark_inventory_set(&set, &id, info->extack);
	return ret ?: reply_u32(info, EARMARK_CMD_GPU_SET, EARMARK_A_GPU, id);
}

static int gpu_retire(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;
	int ret = earmark_netlink_admin(skb, info->extack);

	if (ret)
		return ret;
	if (!attrs[EARMARK_A_GPU] || !attrs[EARMARK_A_TEXT] ||
	    !*(const char *)nla_data(attrs[EARMARK_A_TEXT]))
		return refuse(info, -EINVAL, "GPU and a reason in TEXT are needed");
	return earmark_interval_retire(nla_get_u32(attrs[EARMARK_A_GPU]),
				       nla_data(attrs[EARMARK_A_TEXT]), info->extack);
}

static int interval_ack(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;
	int ret = earmark_netlink_admin(skb, info->extack);

	if (ret)
		return ret;
	if (!attrs[EARMARK_A_NUMBER] || !attrs[EARMARK_A_HASH] ||
	    nla_len(attrs[EARMARK_A_HASH]) != EARMARK_HASH_LEN)
		return refuse(info, -EINVAL, "NUMBER and a HASH of 32 bytes are needed");
	return earmark_chain_ack(nla_get_u64(attrs[EARMARK_A_NUMBER]),
				 nla_data(attrs[EARMARK_A_HASH]), info->extack);
}

static int reply_number(struct genl_info *info, u8 cmd, u64 number)
{
	void *head;
	struct sk_buff *skb = reply_new(info, cmd, nla_total_size_64bit(sizeof(number)), &head);

	if (!skb)
		return refuse(info, -ENOMEM, "out of memory");
	return reply_send(info, skb, head,
			  nla_put_u64_64bit(skb, EARMARK_A_NUMBER, number, EARMARK_A_PAD));
}

static int interval_seal(struct sk_buff *skb, struct genl_info *info)
{
	u64 number;
	int ret = earmark_netlink_admin(skb, info->extack)
			  ?: earmark_interval_seal(&number, info->extack);

	return ret ?: reply_number(info, EARMARK_CMD_INTERVAL_SEAL, number);
}

static int config_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;
	u64 period = 0, keep = 0;
	int ret = earmark_netlink_admin(skb, info->extack);

	if (ret)
		return ret;
	if (!attrs[EARMARK_A_PERIOD] && !attrs[EARMARK_A_KEEP])
		return refuse(info, -EINVAL, "PERIOD or KEEP is needed");
	if (attrs[EARMARK_A_PERIOD]) {
		period = nla_get_u64(attrs[EARMARK_A_PERIOD]);
		if (period < EARMARK_PERIOD_MIN || period > EARMARK_PERIOD_MAX)
			return refuse(info, -ERANGE, "the period must be from 10 ms to an hour");
	}
	if (attrs[EARMARK_A_KEEP]) {
		keep = nla_get_u64(attrs[EARMARK_A_KEEP]);
		if (keep < EARMARK_KEEP_MIN || keep > EARMARK_KEEP_MAX)
			return refuse(info, -ERANGE, "the keep must be from 64 KiB to 1 GiB");
	}
	return earmark_interval_config(attrs[EARMARK_A_PERIOD] ? &period : NULL,
				       attrs[EARMARK_A_KEEP] ? &keep : NULL);
}

static int sensor_seeded(struct sk_buff *skb, struct genl_info *info)
{
	return earmark_netlink_admin(skb, info->extack) ?: earmark_sensor_seeded(info->extack);
}

static int sensor_polled(struct sk_buff *skb, struct genl_info *info)
{
	u64 number;
	int ret = earmark_netlink_admin(skb, info->extack)
			  ?: earmark_interval_poll(&number, info->extack);

	return ret ?: reply_number(info, EARMARK_CMD_SENSOR_POLLED, number);
}

static int file_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;
	unsigned long flags;
	bool found;
	int ret = earmark_netlink_admin(skb, info->extack);

	if (ret)
		return ret;
	if (!attrs[EARMARK_A_FILE] || !attrs[EARMARK_A_STATE] ||
	    nla_get_u8(attrs[EARMARK_A_STATE]) > 1)
		return refuse(info, -EINVAL, "FILE and a STATE of 0 or 1 are needed");
	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	found = earmark_use_resolve(&earmark_books.account, nla_get_u64(attrs[EARMARK_A_FILE]),
				    nla_get_u8(attrs[EARMARK_A_STATE]), ktime_get_ns());
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
	return found ? 0 : refuse(info, -ENOENT, "no such file is in use");
}

static int lost_add(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;
	u32 counter;
	int ret = earmark_netlink_admin(skb, info->extack);

	if (ret)
		return ret;
	if (!attrs[EARMARK_A_COUNTER] || !attrs[EARMARK_A_VALUE])
		return refuse(info, -EINVAL, "COUNTER and VALUE are needed");
	counter = nla_get_u32(attrs[EARMARK_A_COUNTER]);
	if (counter != EARMARK_LOST_RECURSION && counter != EARMARK_LOST_MISSED &&
	    counter != EARMARK_LOST_RING)
		return refuse(info, -EINVAL, "only the sensor's own counters can be added to");
	if (attrs[EARMARK_A_GPU] && earmark_gpu_lost(nla_get_u32(attrs[EARMARK_A_GPU])))
		return refuse(info, -ENOENT, "no GPU of that id is in the inventory");
	earmark_lost(counter, nla_get_u64(attrs[EARMARK_A_VALUE]));
	return 0;
}

static const struct genl_ops ops[] = {
	{ .cmd = EARMARK_CMD_STATUS_GET, .doit = status_get },
	{ .cmd = EARMARK_CMD_TAG_SET, .doit = tag_set },
	{ .cmd = EARMARK_CMD_JOB_GET, .dumpit = earmark_dump_jobs },
	{ .cmd = EARMARK_CMD_GPU_SET, .doit = gpu_set },
	{ .cmd = EARMARK_CMD_GPU_RETIRE, .doit = gpu_retire },
	{ .cmd = EARMARK_CMD_GPU_GET, .dumpit = earmark_dump_gpus },
	{ .cmd = EARMARK_CMD_INTERVAL_GET,
	  .start = earmark_dump_intervals_start,
	  .dumpit = earmark_dump_intervals,
	  .done = earmark_dump_intervals_done },
	{ .cmd = EARMARK_CMD_INTERVAL_ACK, .doit = interval_ack },
	{ .cmd = EARMARK_CMD_INTERVAL_SEAL, .doit = interval_seal },
	{ .cmd = EARMARK_CMD_CONFIG_SET, .doit = config_set },
	{ .cmd = EARMARK_CMD_SENSOR_SEEDED, .doit = sensor_seeded },
	{ .cmd = EARMARK_CMD_FILE_SET, .doit = file_set },
	{ .cmd = EARMARK_CMD_LOST_ADD, .doit = lost_add },
	{ .cmd = EARMARK_CMD_SENSOR_POLLED, .doit = sensor_polled },
	{ .cmd = EARMARK_CMD_WORK_ADD, .doit = earmark_work_add },
};

static const struct genl_multicast_group groups[] = {
	{ .name = EARMARK_MCGRP_EVENTS },
};

/* Every handler locks what it needs. */
struct genl_family earmark_family = {
	.name = EARMARK_FAMILY,
	.version = EARMARK_VERSION,
	.maxattr = EARMARK_A_COUNT - 1,
	.policy = policy,
	.module = THIS_MODULE,
	.parallel_ops = true,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.resv_start_op = EARMARK_CMD_COUNT,
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

static bool registered;

/* Tell whoever listens; nobody is told twice, and a slow listener loses its copy. */
void earmark_netlink_event(const struct earmark_event *event)
{
	struct sk_buff *skb;
	void *head;

	if (!READ_ONCE(registered))
		return;
	skb = genlmsg_new(nla_total_size(sizeof(*event)), GFP_KERNEL);
	if (!skb)
		return;
	head = genlmsg_put(skb, 0, 0, &earmark_family, 0, EARMARK_CMD_EVENT);
	if (!head || nla_put(skb, EARMARK_A_EVENTS, sizeof(*event), event)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, head);
	genlmsg_multicast(&earmark_family, skb, 0, 0, GFP_KERNEL);
}

int earmark_netlink_init(void)
{
	int ret = genl_register_family(&earmark_family);

	WRITE_ONCE(registered, !ret);
	return ret;
}

void earmark_netlink_exit(void)
{
	WRITE_ONCE(registered, false);
	earmark_event_flush(); /* nothing is being sent to a group that may become another's */
	genl_unregister_family(&earmark_family);
}
