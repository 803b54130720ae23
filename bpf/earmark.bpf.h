/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the families of hooks share: the pinned control block, ring and counters.
 *
 * Order in the ring. The ring keeps the order of reservations; @seq is taken after reserving,
 * so two processors may write theirs in the other order: @seq tells that nothing is missing,
 * not what came first. What depends on each other is in order all the same: a file is freed
 * only after the ioctl that used it returned, and that record was in the ring by then.
 */
#ifndef EARMARK_BPF_H
#define EARMARK_BPF_H

#include "types.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "core_fixes.bpf.h"
#include "earmark.h"
#include "layout.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct em_control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EARMARK_LOST_COUNT);
	__type(key, u32);
	__type(value, u64);
} lost SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EM_FAMILY_COUNT);
	__type(key, u32);
	__type(value, u64);
} runs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EM_FAMILY_COUNT);
	__type(key, u32);
	__type(value, u64);
} missed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct em_ancestry);
} jobs SEC(".maps");

/* Who told of a use or a submission, to recognise its moves. Losing one loses an event only. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u64);
} pids SEC(".maps");

static __always_inline void count(void *map, u32 i)
{
	u64 *n = bpf_map_lookup_elem(map, &i);

	if (n)
		__sync_fetch_and_add(n, 1); /* interrupts nest on one processor */
}

static __always_inline void miss(u32 family)
{
	count(&missed, family);
	count(&lost, EARMARK_LOST_MISSED);
}

static __always_inline struct em_control *control_get(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

/* An edge of a hold was lost. */
static __always_inline void hole(struct em_control *c)
{
	__sync_fetch_and_add(&c->holes, 1);
}

/* Return: a record of the current process, to be given to ring_put(), or NULL: counted. */
static __always_inline struct earmark_ring *ring_get(struct em_control *c, u32 type)
{
	struct earmark_ring *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (!r) {
		count(&lost, EARMARK_LOST_RING);
		hole(c);
		return NULL;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->type = type;
	r->when = bpf_ktime_get_ns();
	r->seq = __sync_fetch_and_add(&c->seq, 1);
	r->pid = bpf_get_current_pid_tgid() >> 32;
	r->uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(r->name, 16);
	return r;
}

/* The reader comes by each period; it is woken for what people wait for, or a filling ring. */
static __always_inline void ring_put(struct earmark_ring *r, bool wake)
{
	if (!wake)
		wake = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > 2 << 20;
	bpf_ringbuf_submit(r, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/*
 * The current cgroup becomes known, with its ancestors: it may be gone when the recorder
 * reads of it. Return: was it unknown?
 */
static __always_inline bool job_note(u32 family, u64 cgroup)
{
	struct em_ancestry a = {};
	u32 pid = bpf_get_current_pid_tgid() >> 32;
	int i;

	bpf_map_update_elem(&pids, &pid, &cgroup, BPF_ANY);
	if (bpf_map_lookup_elem(&jobs, &cgroup))
		return false;
#pragma unroll
	for (i = 0; i < EM_ANCESTORS; i++)
		a.id[i] = bpf_get_current_ancestor_cgroup_id(i + 1);
	if (bpf_map_update_elem(&jobs, &cgroup, &a, BPF_ANY))
		miss(family);
	return true;
}

#endif /* EARMARK_BPF_H */
