// SPDX-License-Identifier: GPL-2.0
/*
 * The recorder's tags: strongest, then nearest, of a cgroup and all above it. BPF splits work
 * at the instant of every change; which job and tag an epoch means is known here alone.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include "base/time.h"
#include "kernel/cgroup.h"
#include "kernel/recorder.h"

#define AHEAD (300 * EM_NS_PER_US) /* of now: when a change is published to come into force */

/* Return: the TAG event of the tag in force for @cg, or NULL. */
const struct earmark_event *em_rec_tag_effective(struct rec *r, const struct rec_cgroup *cg)
{
	const struct earmark_event *best = cg->own;
	const struct rec_cgroup *at;
	u32 i;

	for (i = cg->depth; i--;) {
		at = em_rec_cgroup_find(r, cg->above[i]);
		if (at && at->own && (!best || at->own->tagged_by > best->tagged_by))
			best = at->own;
	}
	at = em_rec_cgroup_find(r, em_cgroup_root_id());
	if (at && at->own && (!best || at->own->tagged_by > best->tagged_by))
		best = at->own;
	return best;
}

/* Return: when @epoch began; 0: long ago. */
u64 em_rec_epoch_since(const struct rec *r, u64 epoch)
{
	u32 i;

	for (i = r->nr_epochs; i--;) {
		if (r->epochs[i].epoch == epoch)
			return r->epochs[i].since;
	}
	return 0;
}

int em_rec_epoch_note(struct rec *r, u64 epoch, u64 since)
{
	struct rec_epoch *epochs;

	if (r->nr_epochs >= 4 * EM_EPOCHS && r->epochs[0].epoch + EM_EPOCHS < epoch) {
		r->nr_epochs--;
		memmove(r->epochs, r->epochs + 1, r->nr_epochs * sizeof(*epochs));
	}
	epochs = realloc(r->epochs, (r->nr_epochs + 1) * sizeof(*epochs));
	if (!epochs)
		return -ENOMEM;
	r->epochs = epochs;
	epochs[r->nr_epochs].epoch = epoch;
	epochs[r->nr_epochs++].since = since;
	r->p.epoch = epoch;
	return 0;
}

/*
 * Choose an instant at which a change comes into force, and let BPF know before it comes, so
 * that every completion after it is split there; then wait for it.
 *
 * Return: 0 with the instant, or -errno.
 */
static int epoch_begin(struct rec *r, u64 *instant)
{
	u64 ahead = AHEAD, epoch, since;
	struct timespec ts;
	int rc;

	if (!r->control) {
		*instant = em_time_monotonic();
		return 0;
	}
	do {
		epoch = r->p.epoch + 1;
		since = em_time_monotonic() + ahead;
		rc = em_rec_epoch_note(r, epoch, since);
		if (rc)
			return rc;
		r->control->since[epoch & (EM_EPOCHS - 1)] = since;
		__atomic_store_n(&r->control->epoch, epoch, __ATOMIC_SEQ_CST);
		ahead *= 2; /* too late: that epoch means the same as the one before it */
	} while (em_time_monotonic() >= since);
	ts.tv_sec = since / EM_NS_PER_S;
	ts.tv_nsec = since % EM_NS_PER_S;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
	*instant = since;
	return 0;
}

static bool is_above(const struct rec_cgroup *cg, u64 id)
{
	u32 i;

	for (i = 0; i < cg->depth; i++) {
		if (cg->above[i] == id)
			return true;
	}
	return id == em_cgroup_root_id();
}

/* Cgroups at or below @job that worked for one above it work for it from @epoch on. */
static int turn_below(struct rec *r, struct rec_cgroup *job, u64 epoch)
{
	struct rec_cgroup *cg, *now;
	u32 i, turned = 0;

	for (i = 0; i < REC_HASH; i++) {
		list_for_each_entry(cg, &r->cgroups[i], node) {
			now = em_rec_cgroup_job(r, cg, ~0ULL);
			if (!is_above(cg, job->id) || now == job ||
			    (now && !is_above(job, now->id)))
				continue;
			if (em_rec_cgroup_turn(cg, epoch, job->id))
				return -ENOMEM;
			turned++;
		}
	}
	if (turned)
		em_rec_ask_again(r);
	return 0;
}

static int job_retag(struct rec *r, struct rec_cgroup *job, u32 tag, u64 when)
{
	u32 n = earmark_job_holders(&job->account), i;
	struct earmark_cell *cell, *next;
	struct list_head cells;

	INIT_LIST_HEAD(&cells);
	for (i = 0; i < n; i++) {
		cell = malloc(sizeof(*cell));
		if (!cell)
			break;
		list_add(&cell->node, &cells);
	}
	if (i == n) {
		earmark_job_retag(&r->account, &job->account, tag, &cells, when);
		return 0;
	}
	list_for_each_entry_safe(cell, next, &cells, node)
		free(cell);
	return -ENOMEM;
}

static int retag_below(struct rec *r, u64 id, u64 when)
{
	const struct earmark_event *tag;
	struct rec_cgroup *cg;
	u32 i, now;
	int rc = 0;

	for (i = 0; i < REC_HASH; i++) {
		list_for_each_entry(cg, &r->cgroups[i], node) {
			if (!cg->is_job || !(cg->id == id || is_above(cg, id)))
				continue;
			tag = em_rec_tag_effective(r, cg);
			now = tag ? tag->tag : 0;
			if (now != cg->account.tag && job_retag(r, cg, now, when))
				rc = -ENOMEM;
		}
	}
	return rc;
}

/* The event carries it; the cgroup keeps a copy, or none when the tag is removed. */
static int tag_stand(struct rec *r, struct rec_cgroup *cg, const struct earmark_event *tag,
		     u64 when, u32 *id)
{
	struct earmark_event *own = malloc(sizeof(*own)), *e;

	if (!own)
		return -ENOMEM;
	*own = *tag;
	own->type = EARMARK_EVENT_TAG;
	own->when = when;
	own->job = cg->id;
	own->tag = ++r->p.last_tag;
	*id = own->tag;
	e = em_rec_event(r, EARMARK_EVENT_TAG, when);
	if (e)
		*e = *own;
	r->nr_tags -= !!cg->own;
	free(cg->own);
	cg->own = own;
	if (tag->purpose == EARMARK_PURPOSE_UNTAGGED) {
		free(own);
		cg->own = NULL;
	}
	r->nr_tags += !!cg->own;
	return 0;
}

static int tag_allowed(struct rec *r, const struct rec_cgroup *cg, const struct earmark_event *tag)
{
	if (tag->purpose >= EARMARK_PURPOSE_COUNT || tag->tagged_by >= EARMARK_TAGGED_BY_COUNT ||
	    !tag->tagged_by)
		return em_rec_error(r, -EINVAL, "no such purpose or tagged-by");
	if (cg->own && cg->own->tagged_by > tag->tagged_by)
		return em_rec_error(
			r, -EPERM,
			"a stronger tag stands on this cgroup already, and a weaker one "
			"does not replace it");
	if (!cg->own && r->nr_tags >= REC_TAGS_MAX)
		return em_rec_error(r, -ENOSPC, "%d tags stand already, which is the most",
				    REC_TAGS_MAX);
	return 0;
}

/* The tag comes into force at an instant that has just passed: everything is split there. */
static int tag_apply(struct rec *r, struct rec_cgroup *cg, const struct earmark_event *tag, u32 *id)
{
	u64 when;
	int rc = epoch_begin(r, &when);

	if (rc)
		return rc;
	em_rec_ring_drain_until(r, when);
	when = earmark_account_clamp(&r->account, when);
	rc = tag_stand(r, cg, tag, when, id);
	if (!rc && !cg->is_job)
		em_rec_job_register(r, cg, when, tag->pid, tag->comm);
	if (!rc && cg->own)
		rc = turn_below(r, cg, r->p.epoch);
	if (!rc)
		rc = retag_below(r, cg->id, when);
	/* who was counted as another job's until now can leave that one empty */
	if (!rc)
		em_rec_cgroup_check_above(r, cg);
	return rc;
}

int em_rec_tag_set(struct em_source *s, int cgroup_fd, const struct earmark_event *tag, __u32 *id)
{
	struct rec *r = container_of(s, struct rec, source);
	struct earmark_ring by = { .when = em_time_monotonic(), .uid = tag->uid, .pid = tag->pid };
	__u64 cgroup = em_cgroup_id(cgroup_fd);
	struct rec_cgroup *cg;
	int rc;

	if (!cgroup)
		return em_rec_error(r, -EBADF, "that is not a cgroup (v2) directory");
	memcpy(by.name, tag->comm, sizeof(tag->comm));
	em_rec_ring_drain(r);
	cg = em_rec_cgroup_get(r, cgroup, &by);
	if (!cg)
		return em_rec_error(r, -ENOMEM, "no memory for another job");
	rc = tag_allowed(r, cg, tag);
	if (rc)
		return rc;
	rc = tag_apply(r, cg, tag, id);
	em_rec_ring_drain(r);
	if (rc)
		return em_rec_error(r, rc, "no memory for the tag");
	rc = em_rec_state_save(r);
	return rc ? em_rec_error(r, rc, "cannot keep the tag: %s", strerror(-rc)) : 0;
}

static void job_tags(struct earmark_job_info *info, const struct earmark_event *tag,
		     const struct earmark_event *own)
{
	if (tag) {
		info->tag_job = tag->job;
		info->tag = tag->tag;
		info->purpose = tag->purpose;
		info->tagged_by = tag->tagged_by;
		memcpy(info->project, tag->project, sizeof(info->project));
		memcpy(info->ref, tag->ref, sizeof(info->ref));
	}
	if (own) {
		info->own_tag = own->tag;
		info->own_purpose = own->purpose;
		info->own_tagged_by = own->tagged_by;
	}
}

int em_rec_jobs(struct em_source *s, int (*each)(const struct earmark_job_info *, void *),
		void *arg)
{
	struct rec *r = container_of(s, struct rec, source);
	struct earmark_job_info info;
	struct earmark_holder *h;
	struct rec_cgroup *cg;
	int rc;
	u32 i;

	for (i = 0; i < REC_HASH; i++) {
		list_for_each_entry(cg, &r->cgroups[i], node) {
			if (!cg->is_job)
				continue;
			memset(&info, 0, sizeof(info));
			info.job = cg->id;
			info.since = cg->account.since;
			info.uid = cg->uid;
			memcpy(info.path, cg->path, sizeof(info.path));
			job_tags(&info, em_rec_tag_effective(r, cg), cg->own);
			list_for_each_entry(h, &cg->account.holders, of_job)
				info.gpus_held += !list_empty(&h->holding);
			rc = each(&info, arg);
			if (rc)
				return rc;
		}
	}
	return 0;
}
