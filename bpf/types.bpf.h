/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's types, as far as the sensors read them: field names only. libbpf relocates
 * every access against the running kernel's BTF, so sizes and order here mean nothing, and
 * one object serves every kernel without a vmlinux.h of some particular one.
 */
#ifndef EARMARK_TYPES_BPF_H
#define EARMARK_TYPES_BPF_H

#define __VMLINUX_H__ /* the uapi header need not look for linux/types.h */

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef _Bool bool;

#define true 1
#define false 0
#define NULL ((void *)0)

/* bpf(2), as far as it is used here */
enum { BPF_ANY, BPF_NOEXIST, BPF_EXIST };
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_F_MMAPABLE = 1U << 10 };
enum { BPF_RB_NO_WAKEUP = 1U << 0, BPF_RB_FORCE_WAKEUP = 1U << 1 };
enum { BPF_RB_AVAIL_DATA = 0 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inode {
	u16 i_mode;
	u32 i_rdev;
};

struct file {
	struct inode *f_inode;
};

struct kernfs_node {
	u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct task_struct {
	unsigned int flags;
	int tgid;
	struct css_set *cgroups;
	void *worker_private; /* struct kthread of a kernel thread */
};

struct kthread {
	void *data; /* struct worker of a workqueue's */
};

struct work_struct {
	void *func;
};

struct worker {
	struct work_struct *current_work;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 seq_num;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

struct kobject {
	const char *name;
};

struct bus_type {
	const char *name;
};

struct device {
	struct kobject kobj;
	const struct bus_type *bus;
};

struct dma_fence {
	__s64 timestamp; /* valid only with its flag: shares memory with a list */
	u64 context;
	u64 seqno;
	unsigned long flags;
};

/* Not one of them has all of these: core_fixes.bpf.h knows. */
struct drm_gpu_scheduler {
	struct device *dev;
	struct task_struct *thread;
	struct work_struct work_run_job;
};

struct drm_sched_fence {
	struct dma_fence scheduled;
	struct dma_fence finished;
	struct dma_fence *parent;
	struct drm_gpu_scheduler *sched;
};

struct drm_sched_job {
	struct drm_gpu_scheduler *sched;
	struct drm_sched_fence *s_fence;
};

struct drm_sched_entity;

#pragma clang attribute pop

#endif /* EARMARK_TYPES_BPF_H */
