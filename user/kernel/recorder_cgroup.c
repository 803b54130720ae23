// SPDX-License-Identifier: GPL-2.0
/*
 * The recorder's cgroups and jobs. The job of work from cgroup C is C itself if it is
 * registered, else its nearest tagged ancestor, else C becomes registered, untagged.
 */
#include <errno.h>
#include <stdio.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "kernel/cgroup.h"
#include "kernel/recorder.h"
#include "kernel/sensor_map.h"

#define GONE_SEALS 3 /* a vanished cgroup's work has drained by then, or comes back unnamed */

struct rec_cgroup *em_rec_cgroup_find(struct rec *r, u64 id)
{
	struct rec_cgroup *cg;

	list_for_each_entry(cg, &r->cgroups[em_rec_hash(id)], node) {
		if (cg->id == id)
			return cg;
	}
	return NULL;
}

struct rec_cgroup *em_rec_cgroup_new(struct rec *r, u64 id)
{
	struct rec_cgroup *cg = calloc(1, sizeof(*cg));

	if (!cg) {
		r->p.lost[EARMARK_LOST_MEMORY]++;
		return NULL;
	}
	cg->id = id;
	list_add_tail(&cg->node, &r->cgroups[em_rec_hash(id)]);
	r->nr_cgroups++;
	return cg;
}

/* Where it stands: from BPF, which saw it alive, else from the file system. */
static void cgroup_place(struct rec *r, struct rec_cgroup *cg)
{
	struct em_ancestry a;
	char path[4096] = "";
	size_t skip;
	int n;

	if (!em_cgroup_path(cg->id, path, sizeof(path))) {
		skip = strlen(path) < sizeof(cg->path) ? 0 : strlen(path) - sizeof(cg->path) + 1;
		snprintf(cg->path, sizeof(cg->path), "%s", path + skip);
		n = em_cgroup_above(path, cg->above, EM_ANCESTORS);
		cg->depth = n > 0 ? n : 0;
	}
	if (r->fd_jobs < 0)
		return;
	if (!em_map_get(r->fd_jobs, &cg->id, &a) && a.id[0]) {
		for (cg->depth = 0; cg->depth < EM_ANCESTORS && a.id[cg->depth]; cg->depth++)
			cg->above[cg->depth] = a.id[cg->depth];
		return;
	}
	/* BPF tells when it empties and who moves in. */
	memset(&a, 0, sizeof(a));
	memcpy(a.id, cg->above, cg->depth * sizeof(a.id[0]));
	em_map_set(r->fd_jobs, &cg->id, &a);
}

void em_rec_job_register(struct rec *r, struct rec_cgroup *cg, u64 when, u32 pid, const char *comm)
{
	const struct earmark_event *tag = em_rec_tag_effective(r, cg);
	struct earmark_event *e;

	cg->is_job = true;
	r->nr_jobs++;
	earmark_job_init(&cg->account, cg->id, tag ? tag->tag : 0, when);
	e = em_rec_event(r, EARMARK_EVENT_JOB, when);
	if (!e)
		return;
	e->job = cg->id;
	e->uid = cg->uid;
	e->pid = pid;
	memcpy(e->comm, comm, strnlen(comm, sizeof(e->comm) - 1));
	memcpy(e->text, cg->path, sizeof(e->text));
}

int em_rec_cgroup_turn(struct rec_cgroup *cg, u64 epoch, u64 job)
{
	struct rec_turn *turns = realloc(cg->turns, (cg->nr_turns + 1) * sizeof(*turns));

	if (!turns)
		return -ENOMEM;
	cg->turns = turns;
	turns[cg->nr_turns].epoch = epoch;
	turns[cg->nr_turns++].job = job;
	return 0;
}

/* Return: the nearest tagged cgroup above @cg, or NULL. */
static struct rec_cgroup *tagged_above(struct rec *r, const struct rec_cgroup *cg)
{
	struct rec_cgroup *at;
	u32 i;

	for (i = cg->depth; i--;) {
		at = cg->above[i] == cg->id ? NULL : em_rec_cgroup_find(r, cg->above[i]);
		if (at && at->own)
			return at;
	}
	at = em_rec_cgroup_find(r, em_cgroup_root_id());
	return at && at != cg && at->own ? at : NULL;
}

/* Return: the cgroup, made if it is new; @by is the record that names it, or NULL. */
struct rec_cgroup *em_rec_cgroup_get(struct rec *r, u64 id, const struct earmark_ring *by)
{
	struct rec_cgroup *cg = em_rec_cgroup_find(r, id), *job;
	u64 when = by ? by->when : em_time_monotonic();

	if (cg) {
		cg->gone = 0;
		return cg;
	}
	cg = em_rec_cgroup_new(r, id);
	if (!cg)
		return NULL;
	cg->uid = by ? by->uid : 0;
	cgroup_place(r, cg);
	job = tagged_above(r, cg);
	if (!job) {
		when = earmark_account_clamp(&r->account, when);
		em_rec_job_register(r, cg, when, by ? by->pid : 0, by ? by->name : "");
	}
	if (em_rec_cgroup_turn(cg, 0, job ? job->id : id))
		r->p.lost[EARMARK_LOST_MEMORY]++;
	return cg;
}

/* Return: whose work @cg did in @epoch. */
struct rec_cgroup *em_rec_cgroup_job(struct rec *r, const struct rec_cgroup *cg, u64 epoch)
{
	u32 i = cg->nr_turns;
	u64 job = cg->id;

	while (i--) {
		job = cg->turns[i].job;
		if (cg->turns[i].epoch <= epoch)
			break;
	}
	return em_rec_cgroup_find(r, job);
}

struct earmark_holder *em_rec_holder_get(struct rec *r, struct rec_cgroup *job, struct rec_gpu *gpu,
					 u64 now)
{
	struct earmark_holder *h;
	struct earmark_cell *cell;

	if (!job || !job->is_job || gpu->retired)
		return NULL;
	h = earmark_job_holder(&job->account, &gpu->account);
	if (h)
		return h;
	h = malloc(sizeof(*h));
	cell = malloc(sizeof(*cell));
	if (!h || !cell) {
		free(h);
		free(cell);
		r->p.lost[EARMARK_LOST_MEMORY]++;
		return NULL;
	}
	earmark_holder_init(&r->account, h, &job->account, &gpu->account, cell, now);
	return h;
}

static void cgroup_free(struct rec *r, struct rec_cgroup *cg, bool forget)
{
	if (cg->is_job) {
		earmark_job_free_holders(&r->account, &cg->account);
		r->nr_jobs--;
	}
	if (cg->own)
		r->nr_tags--;
	if (forget && r->fd_jobs >= 0)
		em_map_delete(r->fd_jobs, &cg->id);
	list_del_init(&cg->node);
	r->nr_cgroups--;
	free(cg->own);
	free(cg->turns);
	free(cg);
}

static bool is_job(__u64 id, void *arg)
{
	const struct rec_cgroup *cg = em_rec_cgroup_find(arg, id);

	return cg && cg->is_job;
}

static bool job_holds(const struct rec_cgroup *job)
{
	struct earmark_holder *h;

	list_for_each_entry(h, &job->account.holders, of_job) {
		if (h->uses || h->fileless)
			return true;
	}
	return false;
}

/*
 * BPF tells when nobody runs in a job's cgroup nor in any below. A job below that is one of its
 * own does not keep it: those that have one are looked at, by the jobs they have above them.
 */
void em_rec_cgroup_check_above(struct rec *r, const struct rec_cgroup *below)
{
	struct rec_cgroup *job;
	u64 now;
	u32 i;

	for (i = below->depth; i--;) {
		job = below->above[i] == below->id ? NULL : em_rec_cgroup_find(r, below->above[i]);
		now = em_time_monotonic();
		if (!job || !job->is_job || !job_holds(job) || em_cgroup_runs(job->id, is_job, r))
			continue;
		em_rec_ring_drain_until(r, now);
		earmark_job_empty(&r->account, &job->account, now);
		em_rec_ask_again(r); /* should somebody come back with a file that it had */
	}
}

/* Before a seal: who holds nothing any more? */
void em_rec_cgroup_check_empty(struct rec *r)
{
	struct rec_cgroup *cg;
	u32 i;

	for (i = 0; i < REC_HASH; i++) {
		list_for_each_entry(cg, &r->cgroups[i], node) {
			if (cg->is_job)
				em_rec_cgroup_check_above(r, cg);
		}
	}
}

/* Is there a cgroup whose work is this job's? */
static bool job_worked_for(struct rec *r, const struct rec_cgroup *job)
{
	struct rec_cgroup *cg;
	u32 i, k;

	for (i = 0; i < REC_HASH; i++) {
		list_for_each_entry(cg, &r->cgroups[i], node) {
			for (k = 0; cg != job && k < cg->nr_turns; k++) {
				if (cg->turns[k].job == job->id)
					return true;
			}
		}
	}
	return false;
}

static bool cgroup_over(struct rec *r, struct rec_cgroup *cg, u64 now)
{
	if (cg->gone < GONE_SEALS)
		return false;
	if (!cg->is_job)
		return true;
	earmark_job_empty(&r->account, &cg->account, now);
	return earmark_job_idle(&cg->account) && !job_worked_for(r, cg);
}

/* Old turns are needed as long as work of their epochs may still complete. */
static void turns_trim(const struct rec *r, struct rec_cgroup *cg)
{
	while (cg->nr_turns > 1 && cg->turns[1].epoch + EM_EPOCHS < r->p.epoch) {
		cg->nr_turns--;
		memmove(cg->turns, cg->turns + 1, cg->nr_turns * sizeof(*cg->turns));
	}
}

/* After a seal: let go of cgroups that are gone and whose work has drained. */
void em_rec_cgroup_reap(struct rec *r, u64 now)
{
	struct rec_cgroup *cg, *next;
	struct earmark_event *e;
	u32 i;

	for (i = 0; i < REC_HASH; i++) {
		list_for_each_entry_safe(cg, next, &r->cgroups[i], node) {
			turns_trim(r, cg);
			cg->gone = em_cgroup_exists(cg->id, cg->path) ? 0 : cg->gone + 1;
			if (!cgroup_over(r, cg, now))
				continue;
			e = cg->is_job ? em_rec_event(r, EARMARK_EVENT_JOB_END, now) : NULL;
			if (e)
				e->job = cg->id;
			cgroup_free(r, cg, true);
		}
	}
}

/* At the end: memory only. */
void em_rec_cgroup_clear(struct rec *r)
{
	struct rec_cgroup *cg, *next;
	u32 i;

	for (i = 0; i < REC_HASH; i++) {
		list_for_each_entry_safe(cg, next, &r->cgroups[i], node)
			cgroup_free(r, cg, false);
	}
}
