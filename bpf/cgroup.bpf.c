// SPDX-License-Identifier: GPL-2.0
/*
 * Cgroups that lose their last process, and processes that move between them; only where
 * there is no module to see it. Fires on changes only: starting and moving, not forking.
 */
#include "earmark.bpf.h"

SEC("tp_btf/cgroup_notify_populated")
int BPF_PROG(cgroup_populated, struct cgroup *cgroup, const char *path, int populated)
{
	struct em_control *c = control_get();
	struct earmark_ring *r;
	u64 id;

	if (!c || !cgroup || populated)
		return 0;
	count(&runs, EM_FAMILY_CGROUP);
	id = cgroup->kn->id;
	if (!bpf_map_lookup_elem(&jobs, &id))
		return 0;
	r = ring_get(c, EARMARK_RING_EMPTY);
	if (r) {
		r->cgroup = id;
		ring_put(r, false);
	}
	__sync_fetch_and_add(&c->free_gen, 1);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgroup_attach, struct cgroup *to, const char *path, struct task_struct *task)
{
	struct em_control *c = control_get();
	struct earmark_ring *r;
	u64 id;
	u32 pid;

	if (!c || !to || !task)
		return 0;
	count(&runs, EM_FAMILY_CGROUP);
	id = to->kn->id;
	pid = task->tgid;
	if (!bpf_map_lookup_elem(&pids, &pid) && !bpf_map_lookup_elem(&jobs, &id))
		return 0;
	r = ring_get(c, EARMARK_RING_MOVE);
	if (!r)
		return 0;
	r->pid = pid;
	r->cgroup = id;
	ring_put(r, false);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
