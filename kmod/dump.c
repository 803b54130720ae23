// SPDX-License-Identifier: GPL-2.0
/*
 * Dumps, in batches of fixed records. The cursor is a record's own number, so that what comes
 * and goes meanwhile makes none appear twice and none that stays be skipped.
 */
#include <linux/cgroup.h>

#include "compat.h"
#include "gpu.h"
#include "interval.h"
#include "job.h"
#include "netlink.h"
#include "tag.h"

static void *message_start(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &earmark_family,
			   NLM_F_MULTI, cmd);
}

/* An attribute's length has 16 bits. Return: how many records of @size still fit in one. */
static u32 batch_room(const struct sk_buff *skb, size_t size)
{
	int room = min_t(int, skb_tailroom(skb), U16_MAX) - NLA_HDRLEN - NLA_ALIGNTO;

	return room > 0 ? room / size : 0;
}

/**
 * struct batch - an attribute that grows record by record
 * @left: room for this many more
 */
struct batch {
	struct sk_buff *skb;
	struct nlattr *attr;
	void *message;
	u32 left;
	u32 nr;
};

static bool batch_start(struct batch *b, struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
			int attr, size_t size)
{
	*b = (struct batch){ .skb = skb };
	b->message = message_start(skb, cb, cmd);
	if (!b->message)
		return false;
	b->left = batch_room(skb, size);
	b->attr = b->left ? nla_reserve(skb, attr, 0) : NULL;
	return b->attr;
}

/* Return: zeroed room for the next record. */
static void *batch_next(struct batch *b, size_t size)
{
	b->left--;
	b->nr++;
	b->attr->nla_len += size;
	return skb_put_zero(b->skb, size);
}

/* Return: what the dump returns: the length, or 0 if nothing was left. */
static int batch_end(struct batch *b)
{
	if (!b->message)
		return -EMSGSIZE;
	if (!b->nr) {
		genlmsg_cancel(b->skb, b->message);
		return b->attr ? 0 : -EMSGSIZE;
	}
	skb_put_zero(b->skb, NLA_ALIGN(b->attr->nla_len) - b->attr->nla_len);
	genlmsg_end(b->skb, b->message);
	return b->skb->len;
}

static void job_fill(struct earmark_job_info *info, struct earmark_job *job)
{
	struct earmark_tag *tag = job->effective, *own = job->own;
	struct earmark_holder *h;

	info->job = job->account.id;
	info->since = job->account.since;
	info->uid = job->uid;
	if (tag) {
		info->tag = tag->id;
		info->tag_job = tag->job;
		info->purpose = tag->purpose;
		info->tagged_by = tag->tagged_by;
		memcpy(info->project, tag->project, sizeof(info->project));
		memcpy(info->ref, tag->ref, sizeof(info->ref));
	}
	if (own) {
		info->own_tag = own->id;
		info->own_purpose = own->purpose;
		info->own_tagged_by = own->tagged_by;
	}
	rcu_read_lock();
	list_for_each_entry_rcu(h, &job->account.holders, of_job)
		info->gpus_held += !list_empty(&h->holding);
	rcu_read_unlock();
	earmark_job_path(job->cgroup, info->path, sizeof(info->path));
}

int earmark_dump_jobs(struct sk_buff *skb, struct netlink_callback *cb)
{
	u64 *serial = (u64 *)cb->ctx;
	struct earmark_job *job;
	struct batch b;

	if (!batch_start(&b, skb, cb, EARMARK_CMD_JOB_GET, EARMARK_A_JOBS,
			 sizeof(struct earmark_job_info)))
		return batch_end(&b);
	mutex_lock(&earmark_books.mutex);
	job = earmark_job_next(*serial);
	while (job && b.left) {
		job_fill(batch_next(&b, sizeof(struct earmark_job_info)), job);
		*serial = job->serial;
		job = list_is_last(&job->list, earmark_job_list()) ? NULL
								   : list_next_entry(job, list);
	}
	mutex_unlock(&earmark_books.mutex);
	return batch_end(&b);
}

static void gpu_fill(struct earmark_gpu_info *info, struct earmark_gpu *gpu)
{
	struct earmark_engine *e;
	unsigned long flags;

	raw_spin_lock_irqsave(&earmark_books.lock, flags);
	info->gpu = gpu->account.id;
	info->blind = gpu->account.blind;
	info->meter = gpu->meter;
	info->weight = gpu->weight;
	info->holders = gpu->account.nr_holding;
	list_for_each_entry(e, &gpu->account.engines, node)
		info->engines++;
	info->nr_devnums = gpu->nr_devnums;
	memcpy(info->devnums, gpu->devnums, gpu->nr_devnums * sizeof(*gpu->devnums));
	info->since = gpu->since;
	memcpy(info->name, gpu->name, sizeof(info->name));
	memcpy(info->model, gpu->model, sizeof(info->model));
	memcpy(info->uuid, gpu->uuid, sizeof(info->uuid));
	raw_spin_unlock_irqrestore(&earmark_books.lock, flags);
}

int earmark_dump_gpus(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct earmark_gpu *gpu;
	u32 *id = (u32 *)cb->ctx;
	struct batch b;

	if (!batch_start(&b, skb, cb, EARMARK_CMD_GPU_GET, EARMARK_A_GPUS,
			 sizeof(struct earmark_gpu_info)))
		return batch_end(&b);
	mutex_lock(&earmark_books.mutex);
	list_for_each_entry_rcu(gpu, earmark_gpu_list(), node,
				lockdep_is_held(&earmark_books.mutex)) {
		if (gpu->account.id <= *id || gpu->account.retired)
			continue;
		if (!b.left)
			break;
		gpu_fill(batch_next(&b, sizeof(struct earmark_gpu_info)), gpu);
		*id = gpu->account.id;
	}
	mutex_unlock(&earmark_books.mutex);
	return batch_end(&b);
}

/**
 * struct intervals - where a dump of intervals is
 * @at: the interval being read, with a reference; NULL: @next comes next
 * @checked: the request is one that is answered
 * @header: its header is out; @segment, @event: so many of its rows are
 */
struct intervals {
	struct earmark_sealed *at;
	u64 next;
	u32 segment;
	u32 event;
	bool checked;
	bool header;
};

static int intervals_check(struct netlink_callback *cb, struct intervals *it)
{
	struct nlattr **attrs = compat_dump_attrs(cb);
	int ret = earmark_netlink_admin(cb->skb, cb->extack);

	if (ret)
		return ret;
	if (!attrs || !attrs[EARMARK_A_NUMBER]) {
		NL_SET_ERR_MSG(cb->extack, "which interval to begin with? NUMBER is missing");
		return -EINVAL;
	}
	it->next = nla_get_u64(attrs[EARMARK_A_NUMBER]);
	it->checked = true;
	return 0;
}

/* Before 6.2 this has nowhere to say why it refuses: the first part of the dump does, then. */
int earmark_dump_intervals_start(struct netlink_callback *cb)
{
	struct intervals *it = (struct intervals *)cb->ctx;

	BUILD_BUG_ON(sizeof(*it) > sizeof(cb->ctx));
	memset(it, 0, sizeof(*it));
	return cb->extack ? intervals_check(cb, it) : 0;
}

int earmark_dump_intervals_done(struct netlink_callback *cb)
{
	earmark_chain_put(((struct intervals *)cb->ctx)->at);
	return 0;
}

static int header_put(struct sk_buff *skb, struct netlink_callback *cb, struct earmark_sealed *s)
{
	void *message = message_start(skb, cb, EARMARK_CMD_INTERVAL_GET);

	if (!message)
		return -EMSGSIZE;
	if (nla_put(skb, EARMARK_A_HEADER, sizeof(s->header), &s->header) ||
	    nla_put(skb, EARMARK_A_HASH, sizeof(s->hash), s->hash)) {
		genlmsg_cancel(skb, message);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, message);
	return 0;
}

/* A batch of @nr records from *@done on. Return: 0 or -EMSGSIZE. */
static int rows_put(struct sk_buff *skb, struct netlink_callback *cb, struct earmark_sealed *s,
		    int attr, const void *rows, size_t size, u32 nr, u32 *done)
{
	void *message = message_start(skb, cb, EARMARK_CMD_INTERVAL_GET);
	u32 n;

	if (!message)
		return -EMSGSIZE;
	if (nla_put_u64_64bit(skb, EARMARK_A_NUMBER, s->header.number, EARMARK_A_PAD))
		goto cancel;
	n = min(nr - *done, batch_room(skb, size));
	if (!n || nla_put(skb, attr, n * size, rows + *done * size))
		goto cancel;
	*done += n;
	genlmsg_end(skb, message);
	return 0;
cancel:
	genlmsg_cancel(skb, message);
	return -EMSGSIZE;
}

/* As much of one interval as fits. Return: 0 when it is all out, or -EMSGSIZE. */
static int interval_put(struct sk_buff *skb, struct netlink_callback *cb, struct intervals *it)
{
	struct earmark_sealed *s = it->at;
	const struct earmark_interval *h = &s->header;
	int ret = 0;

	if (!it->header)
		ret = header_put(skb, cb, s);
	if (ret)
		return ret;
	it->header = true;
	while (!ret && it->segment < h->nr_segments)
		ret = rows_put(skb, cb, s, EARMARK_A_SEGMENTS, s->segments, sizeof(*s->segments),
			       h->nr_segments, &it->segment);
	while (!ret && it->event < h->nr_events)
		ret = rows_put(skb, cb, s, EARMARK_A_EVENTS, s->events, sizeof(*s->events),
			       h->nr_events, &it->event);
	return ret;
}

/* One is all out: on to the next. */
static void intervals_next(struct intervals *it)
{
	struct earmark_sealed *last = it->at;

	it->next = last->header.number + 1;
	it->at = earmark_chain_get(it->next, last);
	earmark_chain_put(last);
	it->header = false;
	it->segment = 0;
	it->event = 0;
}

int earmark_dump_intervals(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct intervals *it = (struct intervals *)cb->ctx;
	int ret = it->checked ? 0 : intervals_check(cb, it);

	if (ret)
		return ret;
	while (!ret) {
		if (!it->at)
			it->at = earmark_chain_get(it->next, NULL);
		if (!it->at)
			break;
		ret = interval_put(skb, cb, it);
		if (!ret)
			intervals_next(it);
	}
	return skb->len ?: ret;
}
