// SPDX-License-Identifier: GPL-2.0
/*
 * Busy time of every driver that uses drm_gpu_scheduler, where there is no module: the rules
 * of kmod/drm.c. Work is charged to the cgroup that submitted it, whoever runs at its end:
 * (context, first seqno) -> cgroup is noted when the submitter changes, and looked up when
 * the work is done. Nothing is stored per GPU job.
 */
#include "earmark.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct em_context);
} contexts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, struct em_engine_key);
	__type(value, struct em_engine);
} engines SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EM_ENGINES);
	__type(key, u32);
	__type(value, struct em_begun);
} begun SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct em_submit_key);
	__type(value, u64);
} submitted SEC(".maps");

/*
 * One entry for all processors: an engine completes on one at a time, and the cell that its
 * spans go through is shared anyway, so that per-processor values would save nothing.
 */
struct bank {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct em_charge_key);
	__type(value, struct em_charge);
} charges_a SEC(".maps"), charges_b SEC(".maps");

#define load(x) (*(volatile __typeof__(x) *)&(x))
#define TRIES 8 /* of an exchange that another processor interferes with */

/* "<bus>/<device>" */
static __always_inline void engine_name(char *name, struct device *dev)
{
	u64 n = bpf_probe_read_kernel_str(name, 16, dev->bus->name) - 1;

	asm volatile(""
		     : "+r"(n)); /* or the compiler trusts the helper where the verifier does not */
	n &= 15;
	name[n] = '/';
	bpf_probe_read_kernel_str(name + n + 1, 40, dev->kobj.name);
}

static __always_inline void engine_tell(struct em_control *c, struct em_engine *e)
{
	struct earmark_ring *r = ring_get(c, EARMARK_RING_ENGINE);

	if (!r)
		return;
	r->engine = e->id;
	__builtin_memcpy(r->name, e->name, sizeof(r->name));
	ring_put(r, true);
}

/* Return: the scheduler's entry, made and told of at first sight; NULL: counted. */
static __always_inline struct em_engine *engine_get(struct em_control *c,
						    struct drm_gpu_scheduler *sched)
{
	struct em_engine_key key = { .sched = (u64)sched, .dev = (u64)sched->dev };
	struct em_engine *e = bpf_map_lookup_elem(&engines, &key);
	struct em_engine new = {};
	bool mine;

	if (e)
		return e;
	new.id = __sync_fetch_and_add(&c->next_engine, 1) + 1;
	new.first = bpf_ktime_get_ns();
	new.last_done = new.first;
	engine_name(new.name, sched->dev);
	mine = !bpf_map_update_elem(&engines, &key, &new, BPF_NOEXIST);
	e = bpf_map_lookup_elem(&engines, &key);
	if (!e)
		miss(EM_FAMILY_DRM);
	else if (mine)
		engine_tell(c, e);
	return e;
}

/* The first submission to an engine since a hold may have ended is told: it may begin one. */
static __always_inline bool submit_tell(struct em_control *c, u64 cgroup, u64 engine, u64 gen)
{
	struct em_submit_key key = { .cgroup = cgroup, .engine = engine };
	u64 *told = bpf_map_lookup_elem(&submitted, &key);
	struct earmark_ring *r;
	bool fresh;

	if (told && *told == gen)
		return true;
	fresh = job_note(EM_FAMILY_DRM, cgroup);
	r = ring_get(c, EARMARK_RING_SUBMIT);
	if (!r)
		return false;
	r->cgroup = cgroup;
	r->engine = engine;
	ring_put(r, fresh);
	bpf_map_update_elem(&submitted, &key, &gen, BPF_ANY);
	return true;
}

/*
 * Submitters of one entity are serialised by their driver, or its seqnos would be out of
 * order; a completion may read meanwhile: a slot is invalid while it is changed.
 */
static __always_inline void context_push(struct em_context *ctx, u64 seqno, u64 cgroup)
{
	u64 n = ctx->n;
	u32 i = n & (EM_SLOTS - 1);

	__sync_lock_test_and_set(&ctx->slot[i].first, ~0ULL);
	ctx->slot[i].cgroup = cgroup;
	__sync_lock_test_and_set(&ctx->slot[i].first, seqno);
	__sync_lock_test_and_set(&ctx->n, n + 1);
	ctx->cgroup = cgroup;
}

static __always_inline struct em_context *context_make(u64 context, u64 seqno, u64 cgroup)
{
	struct em_context new = { .n = 1, .cgroup = cgroup };

	new.slot[0].first = seqno;
	new.slot[0].cgroup = cgroup;
	if (bpf_map_update_elem(&contexts, &context, &new, BPF_ANY))
		return NULL;
	return bpf_map_lookup_elem(&contexts, &context);
}

static __always_inline int queue(struct drm_sched_job *job)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct em_control *c = control_get();
	struct drm_gpu_scheduler *sched;
	struct drm_sched_fence *fence;
	struct em_context *ctx;
	struct em_engine *e;
	u64 context, cgroup, gen;

	if (!job || !c)
		return 0;
	fence = job->s_fence;
	sched = job->sched;
	context = fence->finished.context;
	gen = load(c->free_gen);
	/* A kernel worker submits for somebody, but not for its own cgroup: nobody known. */
	cgroup = task->flags & PF_KTHREAD ? 0 : bpf_get_current_cgroup_id();
	ctx = bpf_map_lookup_elem(&contexts, &context);
	if (ctx && ctx->cgroup == cgroup && ctx->sched == (u64)sched && ctx->gen == gen)
		return 0;
	if (!context || !sched) {
		miss(EM_FAMILY_DRM);
		return 0;
	}
	if (!ctx)
		ctx = context_make(context, fence->finished.seqno, cgroup);
	else if (ctx->cgroup != cgroup)
		context_push(ctx, fence->finished.seqno, cgroup);
	if (!ctx) {
		count(&lost, EARMARK_LOST_CONTEXT);
		return 0;
	}
	e = engine_get(c, sched);
	if (e && (!cgroup || submit_tell(c, cgroup, e->id, gen))) {
		ctx->sched = (u64)sched;
		ctx->gen = gen;
	}
	return 0;
}

/* Return: who submitted it; 0: not known, counted, or a kernel worker. */
static __always_inline u64 context_find(u64 context, u64 seqno)
{
	struct em_context *ctx = bpf_map_lookup_elem(&contexts, &context);
	u64 n, first, cgroup;
	u32 i, k;

	if (!ctx) {
		count(&lost, EARMARK_LOST_UNKNOWN);
		return 0;
	}
	n = load(ctx->n);
#pragma unroll
	for (k = 1; k <= EM_SLOTS; k++) {
		if (k > n)
			break;
		i = (n - k) & (EM_SLOTS - 1);
		first = load(ctx->slot[i].first);
		if (first > seqno)
			continue;
		cgroup = load(ctx->slot[i].cgroup);
		if (load(ctx->slot[i].first) == first)
			return cgroup;
	}
	/* before the oldest kept, unless it was in flight when the first was noted */
	count(&lost, n > EM_SLOTS ? EARMARK_LOST_CONTEXT : EARMARK_LOST_UNKNOWN);
	return 0;
}

/* When was the job given to the hardware? 0: not known. */
static __always_inline u64 begun_at(struct em_engine *e, u64 context, u64 seqno)
{
	u32 id = e->id, i, k;
	struct em_begun *b = bpf_map_lookup_elem(&begun, &id);
	u64 nr;

	if (!b)
		return 0;
	nr = load(b->nr);
	for (i = 1; i <= EARMARK_BEGUN && i <= nr; i++) {
		k = (nr - i) & (EARMARK_BEGUN - 1);
		if (b->job[k].seqno == seqno && b->job[k].context == context)
			return load(b->job[k].at);
	}
	return 0;
}

/*
 * Rings are in order and deeper than one: work begins when the one before it is done. The
 * cell is shared and exchanged, never per processor: Σ spans of an engine <= wall. @at is when
 * the work was given to the hardware, @start the scheduled stamp: see EARMARK_BEGUN.
 */
static __always_inline bool engine_span(struct em_engine *e, u64 at, u64 *start, u64 end)
{
	u64 last = load(e->last_done), seen;
	int i;

	if (*start < at)
		*start = at;
	for (i = 0; i < TRIES; i++) {
		if ((at && at <= last) || *start < last)
			*start = last;
		seen = __sync_val_compare_and_swap(&e->last_done, last, end > last ? end : last);
		if (seen == last)
			return *start < end;
		last = seen;
	}
	miss(EM_FAMILY_DRM);
	return false;
}

/* Global, so that the verifier goes through its loop once, not with every caller's. */
__noinline int charge_add(struct em_charge *v, u64 start, u64 ns, u64 done)
{
	u64 old, seen;
	int i;

	if (!v)
		return 0;
	old = load(v->start);
	__sync_fetch_and_add(&v->ns, ns);
	if (done)
		__sync_fetch_and_add(&v->count, done);
	for (i = 0; ns && i < TRIES && (!old || start < old); i++) {
		seen = __sync_val_compare_and_swap(&v->start, old, start);
		if (seen == old)
			break;
		old = seen;
	}
	return 0;
}

static __always_inline void charge(struct em_engine *e, struct em_charge_key *key, u32 parity,
				   u64 start, u64 ns, u64 done)
{
	struct em_charge new = {}, *v;
	void *bank = parity ? (void *)&charges_b : (void *)&charges_a;

	v = bpf_map_lookup_elem(bank, key);
	if (!v) {
		bpf_map_update_elem(bank, key, &new, BPF_NOEXIST);
		v = bpf_map_lookup_elem(bank, key);
	}
	if (!v) {
		miss(EM_FAMILY_DRM);
		v = &e->spill[parity];
	}
	charge_add(v, start, ns, done);
}

/* Charges [start, end), split where a retag lies in it, newest part first. */
static __always_inline void charge_split(struct em_control *c, struct em_engine *e, u64 cgroup,
					 u64 start, u64 end)
{
	struct em_charge_key key = { .cgroup = cgroup, .engine = e->id };
	u32 parity = load(c->parity) & 1;
	u64 from, done = 1;
	int i;

	key.epoch = load(c->epoch);
	for (i = 0; i < EM_EPOCHS / 2; i++) {
		from = load(c->since[key.epoch & (EM_EPOCHS - 1)]);
		if (from < start)
			from = start;
		if (from < end) {
			charge(e, &key, parity, from, end - from, done);
			end = from;
			done = 0;
		}
		if (end <= start || !key.epoch)
			return;
		key.epoch--;
	}
	count(&lost, EARMARK_LOST_HISTORY);
	charge_add(&e->spill[parity], start, end - start, done);
}

/*
 * Until when did the hardware work on it? 0: it did not. Its fence has a stamp, which may be
 * the driver's own idea of when. Work that was given up, or failed to start, has no fence; a
 * reset gives up what ran until now, but a start that failed took no time.
 */
static __always_inline u64 done_end(struct drm_sched_fence *fence, struct drm_gpu_scheduler *sched)
{
	struct dma_fence *parent = fence->parent;
	u64 now = bpf_ktime_get_ns(), end;

	if (!fence_stamped(&fence->scheduled))
		return 0;
	if (!parent)
		return sched_submitting(sched, bpf_get_current_task_btf()) ? 0 : now;
	if (!fence_stamped(parent))
		return now;
	end = fence_stamp(parent);
	return end < now ? end : now;
}

static __always_inline int done(struct drm_sched_fence *fence)
{
	struct em_control *c = control_get();
	struct drm_gpu_scheduler *sched;
	struct em_engine *e;
	u64 start, end, at, cgroup;

	if (!fence || !c)
		return 0;
	count(&runs, EM_FAMILY_DRM);
	sched = fence->sched;
	if (!sched) {
		miss(EM_FAMILY_DRM);
		return 0;
	}
	end = done_end(fence, sched);
	start = fence_stamp(&fence->scheduled);
	e = engine_get(c, sched);
	if (!e)
		return 0;
	at = begun_at(e, fence->finished.context, fence->finished.seqno);
	if (!engine_span(e, at, &start, end)) {
		charge_add(&e->spill[load(c->parity) & 1], 0, 0, 1); /* a completion all the same */
		return 0;
	}
	cgroup = context_find(fence->finished.context, fence->finished.seqno);
	charge_split(c, e, cgroup, start, end);
	return 0;
}

static __always_inline int run(struct drm_sched_job *job)
{
	struct em_control *c = control_get();
	struct drm_sched_fence *fence;
	struct em_engine *e;
	struct em_begun *b;
	u32 id, k;

	if (!job || !c)
		return 0;
	count(&runs, EM_FAMILY_DRM);
	fence = job->s_fence;
	e = fence && job->sched ? engine_get(c, job->sched) : NULL;
	if (!e)
		return 0;
	id = e->id;
	b = bpf_map_lookup_elem(&begun, &id);
	if (!b)
		return 0; /* more engines than are remembered: the scheduled stamp will do */
	k = load(b->nr) & (EARMARK_BEGUN - 1); /* one worker gives all jobs of a scheduler */
	b->job[k].context = fence->finished.context;
	b->job[k].seqno = fence->finished.seqno;
	b->job[k].at = bpf_ktime_get_ns();
	__sync_fetch_and_add(&b->nr, 1);
	return 0;
}

SEC(DRM_RUN_OLD)
int BPF_PROG(drm_run_old, struct drm_sched_job *job, struct drm_sched_entity *entity)
{
	return run(job);
}

SEC(DRM_RUN_NEW)
int BPF_PROG(drm_run_new, struct drm_sched_job *job, struct drm_sched_entity *entity)
{
	return run(job);
}

SEC(DRM_QUEUE_OLD)
int BPF_PROG(drm_queue_old, struct drm_sched_job *job, struct drm_sched_entity *entity)
{
	return queue(job);
}

SEC(DRM_QUEUE_NEW)
int BPF_PROG(drm_queue_new, struct drm_sched_job *job, struct drm_sched_entity *entity)
{
	return queue(job);
}

SEC(DRM_DONE_OLD)
int BPF_PROG(drm_done_old, struct drm_sched_fence *fence)
{
	return done(fence);
}

SEC(DRM_DONE_NEW)
int BPF_PROG(drm_done_new, struct drm_sched_fence *fence)
{
	return done(fence);
}

char LICENSE[] SEC("license") = "GPL";
